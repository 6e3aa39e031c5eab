"""Checks from the files themselves that the curated tables hold what they should."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from cci_lite.contract.arrow import arrow_schema
from cci_lite.contract.columns import TABLES
from cci_lite.errors import CciLiteError, DamagedManifestError, LakeError
from cci_lite.nightly.curated import curated_files, find_orphans
from cci_lite.nightly.lake import NightlyLake
from cci_lite.nightly.planning import DEFAULT_GRACE, plan_tenant
from cci_lite.nightly.problems import describe_problem
from cci_lite.nightly.repair import (
    manifest_difference,
    noted_change,
    rebuild_command,
    unknown_days,
)
from cci_lite.nightly.run_report import Balance
from cci_lite.nightly.work import read_part
from cci_lite.ports import PartFile, PublishedDay, SourceOutcome, read_manifest

_TOLERANCE = 1e-9
_CENT = Decimal("0.01")
_LISTED = "every document can be listed"
# The columns of `calls` that add up from criteria, in the order of _Score.
_SCORE_OF_CALL = (
    "qa_total_score", "qa_max_score", "qa_criteria_passed", "qa_criteria_failed", "qa_criteria",
)  # fmt: skip


@dataclass(frozen=True)
class Finding:
    """One claim that does not hold; `run` is the command that mends it, empty where none does."""

    tenant_id: str
    call_date: dt.date | None
    claim: str
    found: str
    run: str = ""


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
    """Check a tenant's published days against their files, and the files against what is published.

    Every file is there, as it was written, with as many rows as the catalogue says; the catalogue
    says the same as the manifests, and engines show the same; keys are unique and complete; every
    document has one outcome and its rows; scores add up from the criteria; every document can be
    listed; and there are no other files.
    """
    days = lake.catalog.days(tenant_id)
    day_of_call: dict[str, dt.date] = {}
    findings = [
        *_check_files(lake, tenant_id),
        *_check_days(lake, tenant_id, days.values(), day_of_call),
    ]
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


def data_findings(
    lake: NightlyLake, tenant_id: str, chosen: Callable[[dt.date], bool]
) -> Iterator[Finding]:
    """The claims about the rows of these days that do not hold: what a rebuild mends."""
    days = [day for day in lake.catalog.days(tenant_id).values() if chosen(day.call_date)]
    for finding in _check_days(lake, tenant_id, days, {}):
        if finding.run and finding.run != _repair(tenant_id):
            yield finding


def _check_days(
    lake: NightlyLake,
    tenant_id: str,
    days: Iterable[PublishedDay],
    day_of_call: dict[str, dt.date],
) -> Iterator[Finding]:
    """The claims about days that do not hold; `day_of_call` gets the day of each call."""
    for day in days:
        findings, calls = check_day(lake, tenant_id, day)
        yield from findings
        for call_id in calls:
            if (other := day_of_call.setdefault(call_id, day.call_date)) != day.call_date:
                # Both days are needed to see it, so both are given to the rebuild.
                rebuild = f"cci-lite etl rebuild --tenant {tenant_id}"
                found = f"also on {other}"
                yield Finding(tenant_id, day.call_date, "a call is on one day", found, rebuild)


def check_day(
    lake: NightlyLake, tenant_id: str, day: PublishedDay
) -> tuple[list[Finding], list[str]]:
    """The claims about one day that do not hold, and its calls; it needs no other day."""
    rebuild = rebuild_command(tenant_id, day.call_date)
    calls: list[str] = []
    findings = []
    try:
        for claim, found in _check_manifest(lake, tenant_id, day):
            findings.append(Finding(tenant_id, day.call_date, claim, found, _repair(tenant_id)))
        for claim, found in _check_rows(lake, tenant_id, day, calls):
            findings.append(Finding(tenant_id, day.call_date, claim, found, rebuild))
    except Exception as problem:  # a day that cannot be checked must not stop the others
        found = describe_problem(problem)
        findings.append(Finding(tenant_id, day.call_date, "the day can be checked", found))
    return findings, calls


def _repair(tenant_id: str) -> str:
    return f"cci-lite etl repair --tenant {tenant_id}"


def _check_files(lake: NightlyLake, tenant_id: str) -> Iterator[Finding]:
    """Files that no published day has, and partitions of engines that differ from what is."""
    repair = _repair(tenant_id)
    published = lake.catalog.days(tenant_id)
    try:
        present = curated_files(lake, tenant_id)
        for call_date in unknown_days(lake, tenant_id):
            claim = "the catalogue knows every day that has curated files"
            yield Finding(tenant_id, call_date, claim, "a day that it does not know", repair)
        old = lake.clock() - DEFAULT_GRACE
        for orphans in find_orphans(lake, tenant_id, present):
            day = published.get(orphans.call_date)
            is_old = orphans.are_older(old, day)
            # What was replaced only now, or is being written, is no fault; nor is what a run has
            # deleted meanwhile.
            present_files = [file for file in orphans.files if lake.store.head(file.key)]
            if present_files and (is_old or not orphans.whole):
                found = (
                    f"{len(present_files)} of generation {orphans.generation} in "
                    f"{', '.join(orphans.folders)}"
                )
                command = repair if is_old else f"{repair} --grace-hours 0"
                if day is None:
                    found += (
                        "; the day is not published, and they may be all that is left of it: put "
                        "its manifest back from a copy of the lake, or move them away"
                    )
                    command = ""
                claim = "every file is of a generation that the catalogue knows"
                yield Finding(tenant_id, orphans.call_date, claim, found, command)
        if present.others:
            claim = "every file below the tables is where a table's files are"
            found = f"{len(present.others)} elsewhere; move them away"
            yield Finding(tenant_id, None, claim, found)
    except (CciLiteError, OSError) as problem:
        claim = "every curated file can be listed"
        yield Finding(tenant_id, None, claim, describe_problem(problem))
    try:
        for difference in lake.catalog.differences(tenant_id):
            claim = f"{difference.table}: query engines show what is published"
            yield Finding(tenant_id, difference.call_date, claim, difference.found, repair)
    except (CciLiteError, OSError) as problem:
        claim = "query engines show what is published"
        yield Finding(tenant_id, None, claim, describe_problem(problem))


def _check_manifest(
    lake: NightlyLake, tenant_id: str, day: PublishedDay
) -> Iterator[tuple[str, str]]:
    """Whether the manifest is there, as it was written, and says what the catalogue says."""
    try:
        manifest = read_manifest(lake.store, tenant_id, day.call_date, day.generation)
    except DamagedManifestError as problem:
        yield "the day has its manifest", str(problem)
        return
    if manifest is None:
        yield "the day has its manifest", "none"
    elif difference := manifest_difference(noted_change(lake, tenant_id, day), manifest):
        yield "the catalogue says what the manifest says", f"other {difference}"


def _check_rows(
    lake: NightlyLake, tenant_id: str, day: PublishedDay, call_ids: list[str]
) -> Iterator[tuple[str, str]]:
    """The claims about a day's rows that do not hold, each with what was found instead.

    `call_ids` gets the day's calls.
    """
    tables: dict[str, pa.Table] = {}
    for table_name, parts in lake.catalog.parts(tenant_id, day.call_date).items():
        if table_name not in TABLES:
            yield f"{table_name}: it is a table of this version", "a table that it does not have"
            continue
        try:
            tables[table_name] = _read_table(lake, table_name, parts)
        except LakeError as problem:
            # Without all of its tables the day cannot be checked any further.
            yield f"{table_name}: its files can be read", str(problem)
            return
        expected = sum(part.rows for part in parts)
        if (rows := tables[table_name].num_rows) != expected:
            yield f"{table_name}: its files have the rows of the catalogue ({expected})", f"{rows}"
        for part in parts:
            found = lake.store.head(part.key)
            if found is not None and found.size != part.bytes:
                claim = f"{table_name}: its files have the size of the catalogue ({part.bytes})"
                yield claim, f"{found.size}"
    for table_name, table in tables.items():
        yield from _check_key(table_name, table)
    calls = tables.get("calls", arrow_schema("calls").empty_table())
    call_ids += calls["call_id"].to_pylist()
    yield from _check_sources(lake, tenant_id, day, tables)
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
    lake: NightlyLake, tenant_id: str, day: PublishedDay, tables: dict[str, pa.Table]
) -> Iterator[tuple[str, str]]:
    """Whether each document has its row, each row its document, and the balance sheet agrees."""
    records = lake.catalog.sources(tenant_id, day.call_date).values()
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
    yield from _check_balance_sheet(Balance.of(records), tables.get("etl_runs"), day.generation)


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
