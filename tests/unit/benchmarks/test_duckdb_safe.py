"""The contender that checks as the product does: what it refuses, and what it keeps."""

from __future__ import annotations

import datetime as dt
import itertools
import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from cci_lite.contract.document import encode_document
from cci_lite.contract.form_reading import parse_draft
from cci_lite.contract.scoring import Verdict
from cci_lite.contract.tenant import parse_tenant
from cci_lite.deploy.tenants import put_form, put_tenant
from cci_lite.laptop import create_lake
from cci_lite.tenancy import unified_key

CHECKOUT = Path(__file__).resolve().parents[3]
if str(CHECKOUT) not in sys.path:
    sys.path.append(str(CHECKOUT))

from benchmarks.contenders import duckdb_safe, ours  # noqa: E402
from benchmarks.documents import (  # noqa: E402
    FIRST_DAY,
    FORMS,
    LARGE,
    SMALL,
    TENANT_ID,
    documents_of_day,
)

# Of ten criteria each: enough for odd shares, and for calls that only a required criterion fails.
AS_WRITTEN = 40


def _set(path: str, value: object) -> Callable[[str], str]:
    """A document in which the value at `path` is another one."""

    def spoil(text: str) -> str:
        document = json.loads(text)
        *steps, last = [int(step) if step.isdigit() else step for step in path.split(".")]
        place: Any = document
        for step in steps:
            place = place[step]
        place[last] = value
        return json.dumps(document, separators=(",", ":"), ensure_ascii=False)

    return spoil


def _replaced(old: str, new: str) -> Callable[[str], str]:
    """A document in whose text something else stands, once."""

    def spoil(text: str) -> str:
        assert old in text
        return text.replace(old, new, 1)

    return spoil


REFUSED: dict[str, Callable[[str], str]] = {
    "cut off": lambda text: text[: len(text) // 2],
    "nothing": lambda text: text[:0],
    "a list": lambda text: f"[{text.strip()}]",
    "two documents": lambda text: text + text,
    "a key twice": _replaced('"revision":', '"queue":"a","queue":"b","revision":'),
    "a key twice, once escaped": _replaced('"tenant_id":', '"tenant\\u005fid":"x","tenant_id":'),
    "a key twice in another case": _replaced('"tenant_id":', '"Tenant_ID":"x","tenant_id":'),
    "a key twice in a criterion": _replaced('"verdict":', '"weight":1,"verdict":'),
    "a key twice in a list": _replaced('"Index":', '"Index":7,"Index":'),
    "a key twice in an unknown field": _replaced(
        '"revision":', '"x":[{"y":{"z":1,"z":2}}],"revision":'
    ),
    "an object for a number": _set("duration_seconds", {"seconds": 3}),
    "words for a number": _set("duration_seconds", "a while"),
    "a number for text": _set("queue", 5),
    "text for a list": _set("qa_evaluation.criteria", "none"),
    "a number for an object": _set("sentiment.ResultList.0.SentimentScore", 1),
    "another tenant": _set("tenant_id", "another-tenant"),
    "another day": _set("call_date", "2025-01-09"),
    "another id": _set("call_id", "another"),
    "another schema": _set("schema_version", "2.0"),
    "an unknown form": _set("qa_evaluation.template_id", "sales"),
    "an unknown version": _set("qa_evaluation.template_version", 9),
    "another hash": _set("qa_evaluation.template_hash", "0" * 32),
    "an unknown criterion": _set("qa_evaluation.criteria.0.id", "criterion_99"),
    "a criterion twice": _set("qa_evaluation.criteria.0.id", "criterion_02"),
    "an unknown verdict": _set("qa_evaluation.criteria.0.verdict", "maybe"),
    "a verdict that passed denies": _set("qa_evaluation.criteria.0.passed", "true"),
}
KEPT: dict[str, Callable[[str], str]] = {
    "as written": lambda text: text,
    "another order of keys": lambda text: json.dumps(dict(reversed(json.loads(text).items()))),
    "a number as text": _set("duration_seconds", "12.5"),
    "an unknown field": _set("later", {"a": [1, {"a": 2}]}),
    "an unknown field of a criterion": _set("qa_evaluation.criteria.1.later", 1),
    "an unknown field of Comprehend": _set("sentiment.ResultList.0.Later", 1),
    "null where it may stand": _set("queue", None),
    "no review": _set("review", {}),
    "no sentiment": _set("sentiment", None),
    "no evaluation": _set("qa_evaluation", None),
    "claims a whole percentage": _set("qa_evaluation.reported", {"percentage": 57}),
    "claims a wrong total": _set("qa_evaluation.reported", {"total_score": 99.5}),
    "claims nothing": _set("qa_evaluation.reported", None),
    "a criterion is missing": _set("qa_evaluation.criteria", []),
}
# What the contender's first words say of it.
BEYOND: dict[str, Callable[[str], str]] = {
    "a comma too many": lambda text: f"{text.strip()[:-1]},}}",
    "null in a list beside text": _set("ai_summary.action_items", ["call", None]),
    "a number out of bounds": _set("ai_summary.tone_score", 250),
    "another word": _set("direction", "sideways"),
    "two lines": lambda text: text.replace(",", ",\n", 1),
}
CASES = {**REFUSED, **KEPT, **BEYOND}


@pytest.fixture(scope="module")
def lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few documents as they are and one of each case, in the lake's layout."""
    folder = tmp_path_factory.mktemp("spoilt")
    documents = documents_of_day(1, FIRST_DAY, AS_WRITTEN + 10 * len(CASES), SMALL)
    # The first criterion failed, so that any of its fields can contradict the others.
    failed = (
        document
        for document in itertools.islice(documents, AS_WRITTEN, None)
        if document.qa_evaluation and document.qa_evaluation.criteria[0].verdict is Verdict.FAIL
    )
    large = documents_of_day(1, FIRST_DAY, AS_WRITTEN, LARGE)
    texts = [(each, encode_document(each).decode()) for each in large]
    texts += [
        (document, spoil(encode_document(document).decode()))
        for spoil, document in zip(CASES.values(), failed, strict=False)
    ]
    assert len(texts) == AS_WRITTEN + len(CASES)
    for document, text in texts:
        path = folder / unified_key(TENANT_ID, FIRST_DAY, document.call_id)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (path.parent / "no_text.json").write_bytes(b'{"call_id":"\xff"}\n')
    return folder


@pytest.fixture(scope="module")
def rows(lake: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the contender made of them."""
    folder = tmp_path_factory.mktemp("rows")
    duckdb_safe.flatten(lake, folder, 1)
    return folder


@pytest.fixture(scope="module")
def product(lake: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the product made of them, by its nightly run."""
    folder = tmp_path_factory.mktemp("product")
    with create_lake(folder) as created:
        put_tenant(created.catalog, parse_tenant({"tenant_id": TENANT_ID}))
        for form in FORMS:
            put_form(created.catalog, TENANT_ID, parse_draft(form))
        for path in lake.rglob("*.json"):
            ours.deliver(path, lake, folder)
        assert created.run_etl(workers=1).succeeded
    return ours.rows_of(folder)


def test_what_the_product_refuses_is_listed_and_stops_nothing(
    lake: Path, rows: Path, product: Path
) -> None:
    refused, listed = _refused(product), _refused(rows)
    assert len(refused) == len(REFUSED) + len(BEYOND) + 1
    assert listed < refused
    assert len(refused - listed) == len(BEYOND)
    texts = [(lake / key).read_text() for key in refused - listed]
    assert sum("sideways" in text for text in texts) == 1
    reasons = pq.read_table(rows / "quarantined_documents")["reason"].to_pylist()
    assert all(reasons)


def test_what_both_keep_gives_the_same_rows(rows: Path, product: Path, tmp_path: Path) -> None:
    from benchmarks.rows import COMPARED_TABLES, RUN_COLUMNS, compare_rows, read_rows

    beyond = pa.array(sorted(_refused(product) - _refused(rows)))
    for name in COMPARED_TABLES:
        found = pq.read_table(rows / name / "part.parquet")
        (tmp_path / name).mkdir()
        pq.write_table(
            found.filter(pc.invert(pc.is_in(found["source_key"], beyond))),
            tmp_path / name / "part.parquet",
        )
    compared = compare_rows(product, tmp_path, left_out=RUN_COLUMNS)
    assert [table.difference for table in compared] == [""] * 6
    assert [table.columns for table in compared] == [51, 30, 7, 6, 8, 4]
    assert compared[0].rows == AS_WRITTEN + len(KEPT)
    checks = read_rows(product, "calls", {"call_id", "unknown_fields", "qa_reported_differs"})
    assert len(set(checks["unknown_fields"].to_pylist())) > 1
    assert set(checks["qa_reported_differs"].to_pylist()) == {None, False, True}


def test_two_rows_with_one_key_are_refused(tmp_path: Path) -> None:
    (document,) = documents_of_day(1, FIRST_DAY, 1, SMALL)
    for call_date in (FIRST_DAY, FIRST_DAY + dt.timedelta(days=1)):
        path = tmp_path / unified_key(TENANT_ID, call_date, document.call_id)
        path.parent.mkdir(parents=True)
        text = encode_document(document).decode()
        path.write_text(_set("call_date", call_date.isoformat())(text))
    with pytest.raises(ValueError, match="rows in calls: expected one per key, found 1 more"):
        duckdb_safe.flatten(tmp_path, tmp_path / "rows", 1)


def _refused(rows: Path) -> set[str]:
    (part,) = (rows / "quarantined_documents").rglob("*.parquet")
    return set(pq.ParquetFile(part).read(columns=["source_key"])["source_key"].to_pylist())
