"""Each kind of corruption that can be planted is found, and said in words."""

from __future__ import annotations

import datetime as dt
import sqlite3
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cci_lite.contract.arrow import arrow_schema
from cci_lite.local.catalog import SqliteCatalog
from cci_lite.nightly.repair import noted_change
from cci_lite.nightly.verify import Finding, verify_tenant
from cci_lite.nightly.work import read_part, write_part
from cci_lite.ports import PartFile, TableDifference, write_manifest
from tests.small_lake import DAY, NEXT_DAY, TENANT, SmallLake
from tests.unit.nightly.values import refuse_folder

Row = dict[str, Any]
Plant = Callable[[SmallLake], None]


def findings(small_lake: SmallLake) -> set[tuple[str, str]]:
    found = verify_tenant(small_lake.lake, TENANT).findings
    return {SIZE if each.claim.startswith(SIZE[0]) else (each.claim, each.found) for each in found}


def rewrite(
    table_name: str, edit: Callable[[list[Row]], list[Row]], *, noted: bool = True
) -> Plant:
    """Change the rows of the day's file; `noted` tells catalogue and manifest of the new file."""

    def plant(small_lake: SmallLake) -> None:
        [part] = small_lake.catalog.parts(TENANT, DAY)[table_name]
        rows = edit(read_part(small_lake.store, part.key, table_name).to_pylist())
        table = pa.Table.from_pylist(rows, schema=arrow_schema(table_name))
        new = write_part(small_lake.store, part.key, table_name, [table])
        assert new is not None
        if noted:
            note(small_lake, new)

    return plant


def note(small_lake: SmallLake, new: PartFile) -> None:
    """Tell the catalogue, and the manifest, that a file is as it is now."""
    sql = "UPDATE parts SET rows = ?, bytes = ? WHERE key = ?"
    database(small_lake, sql, new.rows, new.bytes, new.key)
    for day in small_lake.catalog.days(TENANT).values():
        write_manifest(small_lake.store, TENANT, noted_change(small_lake.lake, TENANT, day))


def each(**values: Any) -> Callable[[list[Row]], list[Row]]:
    """The first row with other values."""
    return lambda rows: [{**rows[0], **values}, *rows[1:]]


def database(small_lake: SmallLake, sql: str, *values: object) -> None:
    with sqlite3.connect(small_lake.root / "catalog.db") as connection:
        connection.execute(sql, values)
    connection.close()


def delete_a_file(small_lake: SmallLake) -> None:
    [part] = small_lake.catalog.parts(TENANT, DAY)["qa_criteria"]
    small_lake.store.delete(part.key)


def truncate_a_file(small_lake: SmallLake) -> None:
    [part] = small_lake.catalog.parts(TENANT, DAY)["calls"]
    small_lake.store.write(part.key, small_lake.store.read(part.key)[:-20])


def broken_part(table_name: str, found: str) -> str:
    part = f"curated/{TENANT}/{table_name}/call_date=2025-11-05/run-1-0001/part-0000.parquet"
    return (
        f"{part}: expected a whole Parquet file of {table_name}, found {found}; put it back from a "
        "copy of the lake, or build the day anew: cci-lite etl rebuild"
    )


def call_on_two_days(small_lake: SmallLake) -> None:
    [part] = small_lake.catalog.parts(TENANT, NEXT_DAY)["calls"]
    rows = read_part(small_lake.store, part.key, "calls").to_pylist()
    rows[0]["call_id"] = "call-1"
    table = pa.Table.from_pylist(rows, schema=arrow_schema("calls"))
    new = write_part(small_lake.store, part.key, "calls", [table])
    assert new is not None
    note(small_lake, new)


# What is found of a file of another size, which depends on the times of documents.
SIZE = ("calls: its files have the size of the catalogue", "another")

# name: what is planted, and the claims that must be found not to hold.
CORRUPTIONS: dict[str, tuple[Plant, set[tuple[str, str]]]] = {
    "a row is missing": (
        rewrite("calls", lambda rows: rows[1:], noted=False),
        {
            ("calls: its files have the rows of the catalogue (2)", "1"),
            SIZE,
            ("calls: one row for each document (2)", "documents without a row: 1, rows without a document: 0"),
            ("each criterion row has its call", "calls that are missing: 1"),
        },
    ),
    "a row is missing, and the catalogue was told": (
        rewrite("calls", lambda rows: rows[1:]),
        {
            ("calls: one row for each document (2)", "documents without a row: 1, rows without a document: 0"),
            ("each criterion row has its call", "calls that are missing: 1"),
        },
    ),
    "a row stands twice": (
        rewrite("entities", lambda rows: [*rows, rows[0]]),
        {("entities: one row per call_id, segment, position", "1 more")},
    ),
    "a criterion is missing": (
        rewrite("qa_criteria", lambda rows: [row for row in rows if row["verdict"] != "unscored"]),
        {("each call's points are the sum of its criteria", "calls that differ: 2")},
    ),
    "points of a call": (
        rewrite("calls", each(qa_total_score=0.5, qa_percentage=33.33)),
        {("each call's points are the sum of its criteria", "calls that differ: 1")},
    ),
    "points that are not a number": (
        rewrite("calls", each(qa_total_score=float("nan"))),
        {
            ("each call's points are the sum of its criteria", "calls that differ: 1"),
            ("each call's percentage is that of its points", "calls that differ: 1"),
        },
    ),
    "a percentage": (
        rewrite("calls", each(qa_percentage=71.0)),
        {("each call's percentage is that of its points", "calls that differ: 1")},
    ),
    "a score of a criterion": (
        rewrite("qa_criteria", each(score=2.0)),
        {("each call's points are the sum of its criteria", "calls that differ: 1")},
    ),
    "a verdict": (
        rewrite("qa_criteria", each(is_passed=0, is_failed=1)),
        {("each call's points are the sum of its criteria", "calls that differ: 1")},
    ),
    "a row of another version of the document": (
        rewrite("calls", each(source_etag="stale")),
        {("calls: one row for each document (2)", "documents without a row: 1, rows without a document: 1")},
    ),
    "a file is gone": (
        delete_a_file,
        {("qa_criteria: its files can be read", broken_part("qa_criteria", "No such file or directory"))},
    ),
    "a file is cut off": (
        truncate_a_file,
        {("calls: its files can be read", broken_part("calls", "one that is damaged or of another table"))},
    ),
    "a number of the balance sheet": (
        rewrite("etl_runs", each(calls=7)),
        {("etl_runs: calls is 2", "7")},
    ),
    "the balance sheet of another generation": (
        rewrite("etl_runs", each(generation="other")),
        {("the published generation has a balance sheet", "none")},
    ),
    "a call on two days": (
        call_on_two_days,
        {
            ("a call is on one day", "also on 2025-11-05"),
            ("each call's points are the sum of its criteria", "calls that differ: 1"),
            ("each criterion row has its call", "calls that are missing: 1"),
        },
    ),
    "a quarantined document is forgotten": (
        lambda small_lake: database(small_lake, "DELETE FROM sources WHERE outcome = 'quarantined'"),
        {
            ("the catalogue says what the manifest says", "other documents (2 instead of 3)"),
            ("quarantined_documents: one row for each document (0)",
             "documents without a row: 0, rows without a document: 1"),
            ("etl_runs: sources is 2", "3"),
            ("etl_runs: quarantined is 0", "1"),
        },
    ),
}  # fmt: skip


@pytest.fixture
def proved(small_lake: SmallLake) -> SmallLake:
    """A lake of two days of which every claim holds."""
    small_lake.put("call-1")
    small_lake.put("call-2")
    small_lake.put_bytes("broken", b"{")
    small_lake.put("call-3", day=NEXT_DAY)
    small_lake.run()
    assert findings(small_lake) == set()
    return small_lake


def test_a_sound_lake_has_no_findings_and_says_how_much_was_looked_at(proved: SmallLake) -> None:
    proof = verify_tenant(proved.lake, TENANT)
    assert (proof.days, proof.calls, proof.findings, proof.waiting) == (2, 3, (), 0)
    proved.put("call-4")
    proved.put("call-3", day=NEXT_DAY, revision=2)
    assert verify_tenant(proved.lake, TENANT).waiting == 2


@pytest.mark.parametrize("name", CORRUPTIONS)
def test_a_corruption_is_found(proved: SmallLake, name: str) -> None:
    plant, expected = CORRUPTIONS[name]
    plant(proved)
    assert findings(proved) == expected


def test_a_key_that_is_missing_is_found(proved: SmallLake) -> None:
    [part] = proved.catalog.parts(TENANT, DAY)["entities"]
    rows = read_part(proved.store, part.key, "entities").drop_columns(["position"])
    path = proved.store.path(part.key)
    pq.write_table(rows, path)
    note(proved, PartFile(part.key, part.rows, path.stat().st_size))
    assert findings(proved) == {
        ("entities: the key (call_id, segment, position) is never NULL", "NULL")
    }


def test_a_day_that_the_catalogue_does_not_know_is_found(proved: SmallLake) -> None:
    for table in ("days", "parts", "sources", "generations"):
        database(proved, f"DELETE FROM {table} WHERE call_date = ?", DAY.isoformat())
    assert findings(proved) == {
        (
            "the catalogue knows every day that has curated files",
            "a day that it does not know",
        )
    }


@pytest.mark.parametrize(
    ("folder", "day", "found"),
    [
        (
            "05", DAY,
            "a folder of documents cannot be listed: Permission denied; give this program the "
            "right to read it, or remove it",
        ),
        (
            "unified", None,
            "unified/demo-tenant: Permission denied; give this program the right to read and write "
            "there",
        ),
    ],
    ids=["of a day", "of all documents"],
)  # fmt: skip
def test_documents_that_cannot_be_listed_are_found(
    proved: SmallLake, monkeypatch: pytest.MonkeyPatch, folder: str, day: dt.date | None, found: str
) -> None:
    refuse_folder(monkeypatch, folder)
    [finding] = verify_tenant(proved.lake, TENANT).findings
    assert (finding.call_date, finding.claim, finding.found) == (
        day, "every document can be listed", found,
    )  # fmt: skip


def test_a_finding_names_its_day(proved: SmallLake) -> None:
    delete_a_file(proved)
    [finding] = verify_tenant(proved.lake, TENANT).findings
    assert (finding.tenant_id, finding.call_date) == (TENANT, dt.date(2025, 11, 5))


def test_a_table_of_another_engine_that_differs_is_found(
    proved: SmallLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    different = [TableDifference("cci_lite.calls", DAY, "another location")]
    monkeypatch.setattr(SqliteCatalog, "differences", lambda *_: different)
    assert verify_tenant(proved.lake, TENANT).findings == (
        Finding(
            TENANT, DAY, "cci_lite.calls: query engines show what is published", "another location",
            f"cci-lite etl repair --tenant {TENANT}",
        ),
    )  # fmt: skip


def test_files_where_no_generation_has_its_files_are_counted(proved: SmallLake) -> None:
    for place in (
        "notes.txt",
        "calls/notes.parquet",
        "calls/call_date=2025-11-35/g/part-0.parquet",
    ):
        proved.store.write(f"curated/{TENANT}/{place}", b"x")
    assert findings(proved) == {
        ("every file below the tables is where a table's files are", "3 elsewhere; move them away")
    }


def test_curated_files_that_cannot_be_listed_are_found(
    proved: SmallLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    refuse_folder(monkeypatch, "entities")
    assert ("every curated file can be listed") in {claim for claim, _ in findings(proved)}
