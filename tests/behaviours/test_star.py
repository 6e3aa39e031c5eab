"""Conversations, a few of our own or a thousand real ones, through the whole job; every number is worked out again by hand.

The second computation reads the documents on disk with `json` alone and uses none of our code.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from cci_lite.contract.form_reading import parse_draft
from cci_lite.contract.tenant import Tenant
from cci_lite.deploy.tenants import put_form, put_tenant
from cci_lite.laptop import Lake, create_lake
from cci_lite.local.inputs import job_name_of, read_definition
from cci_lite.local.metadata import read_metadata
from cci_lite.nightly.run_report import Balance, RunReport
from cci_lite.nightly.verify import verify_tenant
from cci_lite.pipeline.documents import InputReport, analyze_transcripts
from cci_lite.ports import Transcript
from tests.conftest import StarCall
from tests.own_calls.calls import call_rows

FORM = Path(__file__).resolve().parents[2] / "examples" / "forms" / "star.yaml"
DECIDED_BY_RULE = ("greet_01", "else_06", "close_07")
VERDICTS = ("pass", "fail", "na", "unscored")

Key = tuple[Any, ...]


@dataclass
class Star:
    """The lake of the conversations after one night; `truths` by the hash of the transcript."""

    lake: Lake
    reports: list[InputReport]
    run: RunReport
    tenants: list[str]
    truths: dict[str, dict[str, Any]]
    documents: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def rows(self, tenant_id: str, sql: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.lake.sql(
            sql, tenant_id=tenant_id, as_="arrow"
        ).to_pylist()
        return found

    def criteria(self, tenant_id: str) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
        """Each document of a tenant with each of its criteria."""
        for document in self.documents[tenant_id]:
            for criterion in document["qa_evaluation"]["criteria"]:
                yield document, criterion


@pytest.fixture(scope="module")
def star(calls: list[StarCall], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Star]:
    lake = create_lake(tmp_path_factory.mktemp("star"))
    rows = tmp_path_factory.mktemp("rows") / "calls.csv"
    rows.write_text(call_rows([call.truth for call in calls]))
    draft = parse_draft(read_definition(FORM))
    by_tenant: dict[str, list[StarCall]] = defaultdict(list)
    for call in calls:
        by_tenant[call.truth["tenant_id"]].append(call)
    reports: list[InputReport] = []
    for tenant_id, of_tenant in by_tenant.items():
        tenant = Tenant(tenant_id=tenant_id, name=tenant_id, audio=of_tenant[0].audio)
        put_tenant(lake.catalog, tenant)
        metadata = read_metadata(tenant_id, rows, tenant.zone)
        others = len(calls) - len(of_tenant)
        assert (len(metadata.by_job), metadata.others) == (len(of_tenant), others)
        stored = put_form(lake.catalog, tenant_id, draft)
        transcripts = []
        for call in of_tenant:
            known = metadata.by_job[job_name_of(call.transcript) or ""].told.metadata
            assert known.started_at is not None
            job_name = call.truth["job_name"]
            transcripts.append(Transcript(job_name, call.transcript, known.started_at, known))
        reports += analyze_transcripts(
            lake.store, tenant, stored.form, transcripts, pipeline_version="test"
        )
    run = lake.run_etl(workers=1)
    star = Star(
        lake,
        reports,
        run,
        sorted(by_tenant),
        {hashlib.sha256(call.transcript).hexdigest()[:32]: call.truth for call in calls},
    )
    for tenant_id in star.tenants:
        star.documents[tenant_id] = [
            json.loads(path.read_bytes())
            for path in sorted((lake.path / "unified" / tenant_id).rglob("*.json"))
        ]
    yield star
    lake.catalog.close()


def test_every_conversation_is_a_call_or_in_quarantine(star: Star) -> None:
    assert Counter(report.written.value for report in star.reports) == {"new": len(star.truths)}
    assert star.run.succeeded
    sheets = [day.balance for day in star.run.days]
    assert all(isinstance(sheet, Balance) for sheet in sheets)
    totals = Counter[str]()
    for sheet in sheets:
        assert sheet is not None
        assert sheet.sources == sheet.calls + sheet.quarantined + sheet.superseded + sheet.erased
        totals.update({"sources": sheet.sources, "calls": sheet.calls})
    assert totals == {"sources": len(star.truths), "calls": len(star.truths)}
    for tenant_id in star.tenants:
        [row] = star.rows(tenant_id, "SELECT count(*) AS calls FROM calls")
        assert row["calls"] == len(star.documents[tenant_id])
        [row] = star.rows(tenant_id, "SELECT count(*) AS bad FROM quarantined_documents")
        assert row["bad"] == 0
        assert verify_tenant(star.lake.nightly(), tenant_id).findings == ()


def test_a_second_night_reads_nothing(star: Star) -> None:
    assert star.lake.run_etl(workers=1).days == []


def test_verdicts_agree_with_the_truth(star: Star) -> None:
    compared = Counter[str]()
    disagreements = []
    for tenant_id in star.tenants:
        for document, criterion in star.criteria(tenant_id):
            if criterion["id"] not in DECIDED_BY_RULE:
                assert criterion["verdict"] == "unscored"
                continue
            truth = star.truths[document["source"]["etag"]]
            [label] = [each for each in truth["qa"]["criteria"] if each["id"] == criterion["id"]]
            if label["passed"] is None or criterion["verdict"] not in ("pass", "fail"):
                continue
            compared[criterion["id"]] += 1
            if label["passed"] != (criterion["verdict"] == "pass"):
                disagreements.append((truth["job_name"], criterion["id"], label["basis"]))
    # Calls whose agent cannot be known (speaker labels, by design of the data) are not compared.
    assert all(compared[name] > 0.3 * len(star.truths) for name in DECIDED_BY_RULE), compared
    listed = "\n".join(map(str, disagreements))
    assert 100 * len(disagreements) <= compared.total(), f"{compared}\n{listed}"


def test_failure_rates_are_those_of_the_documents_to_the_last_digit(star: Star) -> None:
    for tenant_id in star.tenants:
        counted: dict[str, Counter[str]] = defaultdict(Counter)
        for _, criterion in star.criteria(tenant_id):
            counted[criterion["id"]][criterion["verdict"]] += 1
        rows = star.rows(tenant_id, "SELECT * FROM failure_rate")
        assert {row["criterion_id"] for row in rows} == counted.keys()
        for row in rows:
            counts = counted[row["criterion_id"]]
            assert (row["template_id"], row["template_version"]) == ("star", 1)
            assert _verdicts_of(row) == {name: counts[name] for name in VERDICTS}
            assert row["fail_rate"] == _fail_rate(counts)


def test_agents_criteria_are_those_of_the_documents(star: Star) -> None:
    for tenant_id in star.tenants:
        counted: dict[Key, Counter[str]] = defaultdict(Counter)
        for document, criterion in star.criteria(tenant_id):
            agent_id = document.get("agent", {}).get("agent_id", "unknown")
            counted[agent_id, criterion["id"]][criterion["verdict"]] += 1
        rows = star.rows(tenant_id, "SELECT * FROM agent_criterion")
        found = {(row["agent_id"], row["criterion_id"]): row for row in rows}
        assert len(found) == len(rows)
        assert found.keys() == counted.keys()
        for key, counts in counted.items():
            assert _verdicts_of(found[key]) == {name: counts[name] for name in VERDICTS}
            assert found[key]["fail_rate"] == _fail_rate(counts)


def test_scores_and_outcomes_of_calls_are_those_of_the_form(star: Star) -> None:
    form: Any = read_definition(FORM)
    weights = {each["id"]: Fraction(str(each["weight"])) for each in form["criteria"]}
    required = {each["id"] for each in form["criteria"] if each.get("required")}
    for tenant_id in star.tenants:
        rows = {row["call_id"]: row for row in star.rows(tenant_id, "SELECT * FROM calls")}
        for document in star.documents[tenant_id]:
            verdicts = {
                each["id"]: each["verdict"] for each in document["qa_evaluation"]["criteria"]
            }
            total = sum(weights[name] for name in verdicts if verdicts[name] == "pass")
            most = sum(weights[name] for name in verdicts if verdicts[name] in ("pass", "fail"))
            row = rows[document["call_id"]]
            assert row["qa_total_score"] == float(total)
            assert row["qa_max_score"] == float(most)
            assert row["qa_percentage"] == (_rounded(100 * total / most) if most else None)
            open_questions = [name for name in required if verdicts[name] == "unscored"]
            assert open_questions  # most of the form's required criteria need a reader
            assert row["qa_outcome"] == "review"
            assert row["needs_review"] is True


def test_the_overview_adds_up_to_the_documents(star: Star) -> None:
    for tenant_id in star.tenants:
        expected: dict[Key, Counter[str]] = defaultdict(Counter)
        percentages: dict[Key, list[Decimal]] = defaultdict(list)
        points: dict[Key, list[tuple[Fraction, Fraction]]] = defaultdict(list)
        for document in star.documents[tenant_id]:
            evaluation = document["qa_evaluation"]
            day = dt.date.fromisoformat(document["call_date"])
            for key in (("day", day), ("week", day - dt.timedelta(days=day.weekday()))):
                expected[key].update(each["verdict"] for each in evaluation["criteria"])
                expected[key].update({"calls": 1, evaluation["outcome"] + "_calls": 1})
                if evaluation["max_score"]:
                    percentages[key].append(Decimal(str(evaluation["percentage"])))
                    points[key].append(
                        (Fraction(evaluation["total_score"]), Fraction(evaluation["max_score"]))
                    )
        rows = star.rows(tenant_id, "SELECT * FROM qa_overview")
        found = {(row["period"], row["period_start"]): row for row in rows}
        assert len(found) == len(rows)
        assert found.keys() == expected.keys()
        for key, counts in expected.items():
            row = found[key]
            assert row["calls"] == counts["calls"]
            assert row["review_calls"] == counts["review_calls"] == counts["calls"]
            assert row["evaluated_calls"] == 0
            assert row["call_pass_rate"] is None
            assert _verdicts_of(row) == {name: counts[name] for name in VERDICTS}
            assert row["evaluated"] == counts["pass"] + counts["fail"]
            scored = len(percentages[key])
            assert row["scored_calls"] == scored
            if not scored:
                assert row["weighted_percentage"] is row["mean_percentage"] is None
                assert row["criteria_pass_rate"] is None
                continue
            total, most = (sum(each, Fraction(0)) for each in zip(*points[key], strict=True))
            assert row["weighted_percentage"] == float(100 * total / most)
            assert row["mean_percentage"] == float(sum(percentages[key])) / scored
            assert row["criteria_pass_rate"] == float(Fraction(counts["pass"], row["evaluated"]))


def _verdicts_of(row: dict[str, Any]) -> dict[str, int]:
    columns = ("passed", "failed", "not_applicable", "unscored")
    return {verdict: row[name] for verdict, name in zip(VERDICTS, columns, strict=True)}


def _fail_rate(counts: Counter[str]) -> float | None:
    decided = counts["pass"] + counts["fail"]
    return float(Fraction(counts["fail"], decided)) if decided else None


def _rounded(share: Fraction) -> float:
    exact = Decimal(share.numerator) / Decimal(share.denominator)
    return float(exact.quantize(Decimal("0.01"), rounding=ROUND_HALF_UP))
