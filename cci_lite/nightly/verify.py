"""Checks from the files themselves that the curated tables hold what they should."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from cci_lite.contract.arrow import arrow_schema
from cci_lite.contract.columns import TABLES
from cci_lite.errors import CciLiteError, LakeError
from cci_lite.nightly.lake import NightlyLake
from cci_lite.nightly.planning import plan_tenant
from cci_lite.nightly.problems import describe_problem
from cci_lite.nightly.repair import unknown_days
from cci_lite.nightly.run_report import Balance
from cci_lite.nightly.work import read_part
from cci_lite.ports import PartFile, SourceOutcome

_TOLERANCE = 1e-9
_CENT = Decimal("0.01")
_LISTED = "every document can be listed"
# The columns of `calls` that add up from criteria, in the order of _Score.
_SCORE_OF_CALL = (
    "qa_total_score", "qa_max_score", "qa_criteria_passed", "qa_criteria_failed", "qa_criteria",
)  # fmt: skip


@dataclass(frozen=True)
class Finding:
    """One claim that does not hold."""

    tenant_id: str
    call_date: dt.date | None
    claim: str
    found: str


@dataclass(frozen=True)
class Verification:
    """The result of checking a tenant: how much was checked, and every claim that does not hold.

    `waiting` counts documents that a run would read, `quarantined` those that break the contract.
    """

    tenant_id: str
    days: int
    calls: int
    findings: tuple[Finding, ...]
    waiting: int
    quarantined: int


def verify_tenant(lake: NightlyLake, tenant_id: str) -> Verification:
    """Check a tenant's published days against their files.

    Every file is there with as many rows as the catalogue says; keys are unique and complete; every
    document has one outcome and its rows; scores add up from the criteria; every document can be
    listed.
    """
    findings: list[Finding] = []
    day_of_call: dict[str, dt.date] = {}
    days = lake.catalog.days(tenant_id)
    for call_date in unknown_days(lake, tenant_id):
        claim = "the catalogue knows every day that has curated files"
        found = "a day that it does not know: see cci-lite etl repair"
        findings.append(Finding(tenant_id, call_date, claim, found))
    for call_date in days:
        try:
            for claim, found in _check_day(lake, tenant_id, call_date, day_of_call):
                findings.append(Finding(tenant_id, call_date, claim, found))
        except Exception as problem:  # a day that cannot be checked must not stop the others
            found = describe_problem(problem)
            findings.append(Finding(tenant_id, call_date, "the day can be checked", found))
    waiting = 0
    try:
        for plan in plan_tenant(lake, tenant_id):
            waiting += len(plan.to_read)
            if plan.unlisted:
                findings.append(Finding(tenant_id, plan.call_date, _LISTED, plan.unlisted))
    except (CciLiteError, OSError) as problem:
        findings.append(Finding(tenant_id, None, _LISTED, describe_problem(problem)))
    quarantined = len(lake.catalog.records(tenant_id, SourceOutcome.QUARANTINED))
    return Verification(
        tenant_id, len(days), len(day_of_call), tuple(findings), waiting, quarantined
    )


def _check_day(
    lake: NightlyLake, tenant_id: str, call_date: dt.date, day_of_call: dict[str, dt.date]
) -> Iterator[tuple[str, str]]:
    """The claims about one day that do not hold, each with what was found instead."""
    tables: dict[str, pa.Table] = {}
    for table_name, parts in lake.catalog.parts(tenant_id, call_date).items():
        try:
            tables[table_name] = _read_table(lake, table_name, parts)
        except LakeError as problem:
            # Without all of its tables the day cannot be checked any further.
            yield f"{table_name}: its files can be read", str(problem)
            return
        expected = sum(part.rows for part in parts)
        if (rows := tables[table_name].num_rows) != expected:
            yield f"{table_name}: its files have the rows of the catalogue ({expected})", f"{rows}"
    for table_name, table in tables.items():
        yield from _check_key(table_name, table)
    calls = tables.get("calls", arrow_schema("calls").empty_table())
    for call_id in calls["call_id"].to_pylist():
        if (other := day_of_call.setdefault(call_id, call_date)) != call_date:
            yield "a call is on one day", f"also on {other}"
    yield from _check_sources(lake, tenant_id, call_date, tables)
    yield from _check_scores(
        calls, tables.get("qa_criteria", arrow_schema("qa_criteria").empty_table())
    )


def _read_table(lake: NightlyLake, table_name: str, parts: list[PartFile]) -> pa.Table:
    return pa.concat_tables([read_part(lake.store, part.key, table_name) for part in parts])


def _check_key(table_name: str, rows: pa.Table) -> Iterator[tuple[str, str]]:
    key = list(TABLES[table_name].key)
    if any(rows[name].null_count for name in key):
        yield f"{table_name}: the key ({', '.join(key)}) is never NULL", "NULL"
    distinct = rows.group_by(key).aggregate([]).num_rows
    if distinct != rows.num_rows:
        yield f"{table_name}: one row per {', '.join(key)}", f"{rows.num_rows - distinct} more"


def _check_sources(
    lake: NightlyLake, tenant_id: str, call_date: dt.date, tables: dict[str, pa.Table]
) -> Iterator[tuple[str, str]]:
    """Whether each document has its row, each row its document, and the balance sheet agrees."""
    records = lake.catalog.sources(tenant_id, call_date).values()
    for table_name, outcome in (
        ("calls", SourceOutcome.CALL),
        ("quarantined_documents", SourceOutcome.QUARANTINED),
    ):
        expected = {(record.key, record.etag) for record in records if record.outcome is outcome}
        rows = tables.get(table_name, arrow_schema(table_name).empty_table())
        found = set(
            zip(rows["source_key"].to_pylist(), rows["source_etag"].to_pylist(), strict=True)
        )
        if expected != found:
            yield (
                f"{table_name}: one row for each document ({len(expected)})",
                f"documents without a row: {len(expected - found)}, "
                f"rows without a document: {len(found - expected)}",
            )
    generation = lake.catalog.days(tenant_id)[call_date].generation
    yield from _check_balance_sheet(Balance.of(records), tables.get("etl_runs"), generation)


def _check_balance_sheet(
    balance: Balance, etl_runs: pa.Table | None, generation: str
) -> Iterator[tuple[str, str]]:
    rows = etl_runs.to_pylist() if etl_runs is not None else []
    sheet = next((row for row in rows if row["generation"] == generation), None)
    if sheet is None:
        yield "the published generation has a balance sheet", "none"
        return
    for name in Balance.__dataclass_fields__:
        # A sheet that is older than its column has nothing there.
        if (sheet[name] or 0) != getattr(balance, name):
            yield f"etl_runs: {name} is {getattr(balance, name)}", f"{sheet[name]}"


class _Score(NamedTuple):
    """What a call says of its evaluation, and what its criteria add up to."""

    total: float
    most: float
    passed: int
    failed: int
    criteria: int

    def agrees(self, other: _Score) -> bool:
        # Not `> tolerance`: of a NaN that is never true.
        return all(abs(one - two) <= _TOLERANCE for one, two in zip(self, other, strict=True))


def _check_scores(calls: pa.Table, criteria: pa.Table) -> Iterator[tuple[str, str]]:
    """Points and counts of each call, added up again from its criteria."""
    added_up = _sums_by_call(criteria)
    wrong_points = wrong_percentages = 0
    for call in calls.select([*_SCORE_OF_CALL, "call_id", "qa_percentage"]).to_pylist():
        # A call without criteria has no points: NULL or 0.
        said = _Score(*(call[name] or 0 for name in _SCORE_OF_CALL))
        wrong_points += not said.agrees(added_up.pop(call["call_id"], _Score(0, 0, 0, 0, 0)))
        wrong_percentages += call["qa_percentage"] != _percentage(call)
    if wrong_points:
        yield "each call's points are the sum of its criteria", f"calls that differ: {wrong_points}"
    if wrong_percentages:
        yield (
            "each call's percentage is that of its points",
            f"calls that differ: {wrong_percentages}",
        )
    if added_up:
        yield "each criterion row has its call", f"calls that are missing: {len(added_up)}"


def _sums_by_call(criteria: pa.Table) -> dict[str, _Score]:
    """The points and counts of all criteria of each call."""
    # Attainable are the points of what was evaluated: an `na` or unscored criterion has none.
    evaluated = pc.equal(criteria["is_evaluated"], 1)
    sums = (
        criteria.append_column("attainable", pc.if_else(evaluated, criteria["weight"], 0.0))
        .group_by("call_id")
        .aggregate(
            [
                ("score", "sum"),
                ("attainable", "sum"),
                ("is_passed", "sum"),
                ("is_failed", "sum"),
                ("criterion_id", "count"),
            ]
        )
    )
    return {
        row["call_id"]: _Score(
            row["score_sum"] or 0.0,
            row["attainable_sum"] or 0.0,
            row["is_passed_sum"],
            row["is_failed_sum"],
            row["criterion_id_count"],
        )
        for row in sums.to_pylist()
    }


def _percentage(call: dict[str, Any]) -> float | None:
    """100 total / max of a call, rounded half up to cents; None where there is none."""
    total, most = call["qa_total_score"], call["qa_max_score"]
    if not most:
        return None
    share = 100 * Decimal(repr(total)) / Decimal(repr(most))
    return float(share.quantize(_CENT, rounding=ROUND_HALF_UP)) if share.is_finite() else None
