"""Documents that differ from the contract are found, and none makes a wrong row."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from cci_lite.local.folder import FolderStore
from cci_lite.nightly.drift import Sample, sample_documents
from cci_lite.tenancy import unified_key
from tests.small_lake import DAY, TENANT, SmallLake, document


@dataclass(frozen=True)
class Case:
    """A real shape: the document as it is written, what is found, what becomes of its row."""

    data: bytes
    found: tuple[str, str, str]  # claim, path, severity
    row: dict[str, Any] | None  # of `calls`; None when the document is quarantined
    besides: frozenset[tuple[str, str, str]] = field(default_factory=frozenset)


def line(**fields: Any) -> bytes:
    """A document of the contract, with decimals where it has numbers."""
    summary = {"issue": "Bill", "action_items": ["Send bill"], "tone_score": 70.0}
    value = document("c1", **{"ai_summary": summary, **fields})
    return json.dumps(value).encode()


def criteria(*changes: dict[str, Any]) -> dict[str, Any]:
    ids = ("greet_01", "confirm_02", "close_03")
    return {
        "criteria": [
            {"id": each, "passed": True, **change}
            for each, change in zip(ids, changes, strict=True)
        ]
    }


ROW = {"call_id": "c1", "tone_score": 70.0, "qa_criteria": 3}
SCORE = "qa_evaluation.criteria[].score"
CASES = {
    "int and double": Case(
        line(qa_evaluation=criteria({"score": 1}, {"score": 0.5}, {"score": 1})),
        ("other type", SCORE, "harmless"),
        ROW,
    ),
    "int only": Case(
        line(ai_summary={"tone_score": 73}),
        ("other type", "ai_summary.tone_score", "harmless"),
        {**ROW, "tone_score": 73.0},
    ),
    "number as text": Case(
        line(ai_summary={"tone_score": "73"}),
        ("other type", "ai_summary.tone_score", "harmless"),
        {**ROW, "tone_score": 73.0},
    ),
    "words for a number": Case(
        line(qa_evaluation=criteria({"score": "n/a"}, {"score": 0.5}, {"score": 1})),
        ("other type", SCORE, "refused"),
        None,
        frozenset({("other type", SCORE, "harmless")}),
    ),
    "mixed structs": Case(
        line(qa_evaluation=criteria({"severity": 2}, {}, {"tags": []})),
        ("new field", "qa_evaluation.criteria[].severity", "harmless"),
        ROW,
        frozenset({("new field", "qa_evaluation.criteria[].tags", "harmless")}),
    ),
    "new field": Case(line(moderation={"a": 1}), ("new field", "moderation", "harmless"), ROW),
    "a field named like a partition": Case(
        line(partition_0="x"), ("new field", "partition_0", "harmless"), ROW
    ),
    "text for a struct": Case(
        line(ai_summary="not parsed"), ("other type", "ai_summary", "refused"), None
    ),
    "empty list for a struct": Case(
        line(ai_summary=[]), ("other type", "ai_summary", "refused"), None
    ),
    "null for a list": Case(
        line(ai_summary={"action_items": None}),
        ("other type", "ai_summary.action_items", "refused"),
        None,
    ),
    "missing field": Case(
        line(qa_evaluation={"criteria": [{"passed": True}]}),
        ("missing field", "qa_evaluation.criteria[].id", "refused"),
        None,
    ),
    "pretty-printed": Case(
        json.dumps(json.loads(line()), indent=2).encode(), ("several lines", "", "refused"), None
    ),
    "two documents in a file": Case(
        line() + b"\n" + line(),
        ("unreadable", "", "refused"),
        None,
        frozenset({("several lines", "", "refused")}),
    ),
    "cut off": Case(line()[:100], ("unreadable", "", "refused"), None),
    "field twice": Case(
        line()[:-1] + b',"call_id":"c2"}', ("unreadable", "call_id", "refused"), None
    ),
    "not an object": Case(b"[1]", ("other type", "", "refused"), None),
    "unknown word": Case(line(direction="sideways"), ("other value", "direction", "refused"), None),
}
SOUND = {
    "as the contract has it": line(),
    "empty lists": line(entities={"ResultList": []}, qa_evaluation=criteria({}, {}, {})),
    "a summary that could not be read": line(summary_raw="text"),
    "fields that AWS added": line(sentiment={"ResultList": [], "ErrorList": [{"Index": 1}]}),
}


def found_in(data: bytes) -> set[tuple[str, str, str]]:
    sample = Sample()
    sample.add(data)
    return {
        (each.difference.claim.value, each.difference.path, each.severity.value)
        for each in sample.findings()
    }


@pytest.fixture
def flattened(tmp_path: Path) -> Callable[[bytes], tuple[list[dict[str, Any]], int]]:
    """Writes a document, runs the night: the rows of `calls`, and how many are in quarantine."""

    def run(data: bytes) -> tuple[list[dict[str, Any]], int]:
        lake = SmallLake(tmp_path)
        lake.register()
        lake.put_bytes("c1", data)
        lake.run()
        return lake.rows("calls"), len(lake.rows("quarantined_documents"))

    return run


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_a_real_shape_is_found_and_harms_no_row(
    case: Case, flattened: Callable[[bytes], tuple[list[dict[str, Any]], int]]
) -> None:
    assert found_in(case.data) == {case.found, *case.besides}
    rows, quarantined = flattened(case.data)
    if case.row is None:
        assert (rows, quarantined) == ([], 1)
    else:
        [row] = rows
        assert {name: row[name] for name in case.row} == case.row
        assert quarantined == 0


@pytest.mark.parametrize("data", SOUND.values(), ids=SOUND)
def test_a_sound_document_does_not_differ(data: bytes) -> None:
    assert found_in(data) == set()


def test_no_value_of_a_document_is_repeated() -> None:
    sample = Sample()
    for case in CASES.values():
        sample.add(case.data)
    sample.add(line(ai_summary={"Ms Kowalski said": 1}, queue=["Kowalski"], direction="Kowalski"))
    assert "Kowalski" not in repr(sample.findings())
    assert "sideways" not in repr(sample.findings())


def test_documents_with_the_same_difference_are_counted() -> None:
    sample = Sample()
    for data in (line(), line(x=1), line(x=2)):
        sample.add(data)
    [finding] = sample.findings()
    assert (finding.count, finding.of) == (2, 3)


# --- Which documents are looked at ----------------------------------------------------------------


def at_once(tenants: Sequence[str], action: Callable[[str], Sample]) -> dict[str, Sample]:
    return {each: action(each) for each in tenants}


class Watched(FolderStore):
    """Notes what is read."""

    def read(self, key: str) -> bytes:
        READ.append(key)
        return super().read(key)


READ: list[str] = []


def read_of(root: Path, tenants: list[str], count: int) -> list[str]:
    READ.clear()
    sample_documents(Watched(root), tenants, count, each_tenant=at_once)
    return [key.removeprefix("unified/") for key in READ]


def fill(root: Path, tenants: list[str], days: int, calls: int) -> None:
    store = FolderStore(root)
    for tenant in tenants:
        for day in range(days):
            for call in range(calls):
                key = unified_key(tenant, DAY + dt.timedelta(days=day), f"c{call}")
                store.write(key, line())


def test_a_sample_is_spread_over_tenants_and_days(tmp_path: Path) -> None:
    tenants = ["one-tenant", "two-tenant"]
    fill(tmp_path, tenants, days=10, calls=5)
    read = read_of(tmp_path, tenants, 8)
    assert len(read) == 8
    assert {key.split("/")[0] for key in read} == set(tenants)
    assert len({key.rpartition("/")[0] for key in read}) == 8  # each of another day
    assert sum(key.startswith("one-tenant/2025/11/14/") for key in read) == 1  # the newest


def test_a_sample_of_few_days_takes_several_documents_of_each(tmp_path: Path) -> None:
    fill(tmp_path, [TENANT], days=2, calls=5)
    assert len(read_of(tmp_path, [TENANT], 7)) == 7
    assert len(read_of(tmp_path, [TENANT], 200)) == 10


def test_a_sample_smaller_than_the_number_of_tenants_reads_one_document_each(
    tmp_path: Path,
) -> None:
    tenants = [f"tenant-{number}" for number in range(5)]
    fill(tmp_path, tenants, days=1, calls=2)
    assert len({key.split("/")[0] for key in read_of(tmp_path, tenants, 3)}) == 3


def test_a_tenant_without_documents_is_no_difference(tmp_path: Path) -> None:
    (tmp_path / "unified").mkdir()
    assert (
        sample_documents(FolderStore(tmp_path), [TENANT], 5, each_tenant=at_once).findings() == []
    )


def test_folders_of_another_layout_are_found(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    for folder in ("day=2025-11-05/x", "2025/11/32", "2025/13/01"):
        store.write(f"unified/{TENANT}/{folder}/c1.json", line())
    sample = sample_documents(store, [TENANT], 5, each_tenant=at_once)
    [finding] = sample.findings()
    assert (finding.difference.claim, finding.count, finding.severity) == (
        *("other layout", 3, "refused"),
    )
