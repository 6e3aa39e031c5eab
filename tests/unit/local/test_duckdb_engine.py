"""One tenant's engine: what it shows, and what it never gives away."""

from __future__ import annotations

import datetime as dt
import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cci_lite.contract.columns import TABLES
from cci_lite.contract.limits import MAX_DOCUMENT_BYTES
from cci_lite.errors import LakeError, SqlError, UsageError
from cci_lite.local.duckdb_engine import TenantEngine, open_engine
from cci_lite.local.tenant_files import SnapshotFile, TenantSnapshot
from cci_lite.tenancy import part_key, unified_key

DAY = dt.date(2025, 11, 5)


def write_calls(
    lake: Path, tenant_id: str, day: dt.date = DAY, **columns: list[object]
) -> SnapshotFile:
    path = lake / part_key(tenant_id, "calls", day, "g1", 0)
    path.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(pa.table(columns or {"call_id": [f"{tenant_id}-1"]}), path)
    return SnapshotFile(path, day, path.stat().st_size)


def write_document(lake: Path, tenant_id: str, call_id: str, text: str | bytes) -> SnapshotFile:
    path = lake / unified_key(tenant_id, DAY, call_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return SnapshotFile(path, DAY)


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    return tmp_path / "lake"


@pytest.fixture
def engine(lake: Path) -> Iterator[TenantEngine]:
    calls = write_calls(lake, "acme")
    write_calls(lake, "other")
    with open_engine(TenantSnapshot("acme", {"calls": (calls,)}), {}) as opened:
        yield opened


@pytest.mark.parametrize("table", TABLES)
def test_a_table_without_files_has_its_columns_and_no_rows(table: str) -> None:
    with open_engine(TenantSnapshot("acme", {}), {}) as engine:
        rows = engine.query(f"SELECT * FROM {table}")
    assert rows.num_rows == 0
    assert rows.column_names == ["tenant_id", "call_date", *TABLES[table].column_names]


def test_a_table_has_the_declared_types_whatever_its_files_hold(lake: Path) -> None:
    path = write_calls(
        lake,
        "acme",
        call_id=["c1"],
        revision=pa.array([2], pa.int32()),
        tone_score=pa.array([7], pa.int64()),
        call_started_at=pa.array([dt.datetime(2025, 11, 5, 9, 0, 0, 123456)], pa.timestamp("us")),
        no_longer_declared=["x"],
    )
    with open_engine(TenantSnapshot("acme", {"calls": (path,)}), {}) as engine:
        rows = engine.query("SELECT * FROM calls")
    row = rows.to_pylist()[0]
    assert (row["tenant_id"], row["call_date"], row["revision"]) == ("acme", DAY, 2)
    assert row["call_started_at"] == dt.datetime(2025, 11, 5, 9, 0, 0, 123000)
    assert row["queue"] is None
    types = {field.name: str(field.type) for field in rows.schema}
    assert types["revision"] == "int64"
    assert types["tone_score"] == "double"
    assert types["call_started_at"] == "timestamp[ms]"
    assert types["needs_review"] == "bool"
    assert "no_longer_declared" not in types


def test_files_of_different_age_make_one_table(lake: Path) -> None:
    old = write_calls(lake, "acme", call_id=["c1"])
    new = write_calls(lake, "acme", DAY + dt.timedelta(1), call_id=["c2"], queue=["billing"])
    with open_engine(TenantSnapshot("acme", {"calls": (old, new)}), {}) as engine:
        rows = engine.query("SELECT call_id, call_date, queue FROM calls ORDER BY call_id")
    assert [tuple(row.values()) for row in rows.to_pylist()] == [
        ("c1", DAY, None),
        ("c2", DAY + dt.timedelta(1), "billing"),
    ]


def test_views_read_each_other_in_any_order(lake: Path) -> None:
    calls = write_calls(lake, "acme")
    views = {"a": "SELECT * FROM a_v1", "a_v1": "SELECT call_id AS id FROM Calls"}
    with open_engine(TenantSnapshot("acme", {"calls": (calls,)}), views) as engine:
        assert engine.query("SELECT id FROM a").to_pylist() == [{"id": "acme-1"}]


def test_a_view_that_cannot_be_made_is_named() -> None:
    views = {"a_v1": "SELECT 1 FROM nothing"}
    with (
        open_engine(TenantSnapshot("acme", {}), views) as engine,
        pytest.raises(SqlError, match="a_v1: Catalog Error: Table with name nothing"),
    ):
        engine.query("SELECT * FROM A_V1")


def test_documents_that_are_not_what_they_should_be_stop_nobody(lake: Path) -> None:
    texts: dict[str, str | bytes] = {
        "good": json.dumps({"call_id": "good", "agent": {"agent_id": "a1"}, "new": {"x": [1]}}),
        "truncated": '{"call_id": "trunc',
        "wrong-type": json.dumps({"call_id": "wrong-type", "queue": {}, "revision": "x"}),
        "pretty": json.dumps({"call_id": "pretty", "queue": "billing"}, indent=2),
        "empty": "",
        "binary": b"\xff\xfe\x00\x01\n",
        "array": "[1, 2]",  # read by position, as Athena does
        "large": json.dumps({"call_id": "large", "pad": "x" * 20_000_000}),
    }
    paths = tuple(write_document(lake, "acme", name, text) for name, text in texts.items())
    with open_engine(TenantSnapshot("acme", {}, paths), {}) as engine:
        rows = engine.query(
            "SELECT tenant_id, day, call_id, agent.agent_id AS agent_id, revision FROM unified "
            "WHERE call_id IS NOT NULL ORDER BY call_id"
        ).to_pylist()
    assert rows[1] == {
        "tenant_id": "acme",
        "day": "2025/11/05",
        "call_id": "good",
        "agent_id": "a1",
        "revision": None,
    }
    assert {row["call_id"] for row in rows} == {"2", "good", "wrong-type"}


def test_the_tenant_and_the_day_come_from_the_place_not_from_the_document(lake: Path) -> None:
    text = json.dumps({"call_id": "c1", "tenant_id": "other", "day": "1999/01/01"})
    path = write_document(lake, "acme", "c1", text)
    with open_engine(TenantSnapshot("acme", {}, (path,)), {}) as engine:
        rows = engine.query("SELECT tenant_id, day, call_id FROM unified").to_pylist()
    assert rows == [{"tenant_id": "acme", "day": "2025/11/05", "call_id": "c1"}]


def test_a_lake_may_lie_in_a_folder_of_any_name(tmp_path: Path) -> None:
    lake = tmp_path / "it's [my] lake, v1 = call_date? * %20"
    calls = write_calls(lake, "acme")
    document = write_document(lake, "acme", "c1", json.dumps({"call_id": "c1"}))
    with open_engine(TenantSnapshot("acme", {"calls": (calls,)}, (document,)), {}) as engine:
        assert engine.query("SELECT call_id FROM calls").num_rows == 1
        assert engine.query("SELECT call_id, day FROM unified").to_pylist() == [
            {"call_id": "c1", "day": "2025/11/05"}
        ]


def test_thousands_of_files_are_read(lake: Path) -> None:
    paths = []
    source = write_calls(lake, "acme", call_id=["c"])
    for number in range(2000):
        path = lake / part_key("acme", "calls", DAY + dt.timedelta(number), "g1", 0)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(source.path.read_bytes())
        paths.append(SnapshotFile(path, DAY + dt.timedelta(number)))
    with open_engine(TenantSnapshot("acme", {"calls": tuple(paths)}), {}) as engine:
        rows = engine.query("SELECT count(*) AS n, count(DISTINCT call_date) AS days FROM calls")
    assert rows.to_pylist() == [{"n": 2000, "days": 2000}]


@pytest.mark.parametrize("place", ["tables", "unified"])
def test_a_file_of_another_tenant_is_refused(lake: Path, place: str) -> None:
    calls = write_calls(lake, "other")
    document = write_document(lake, "other", "c1", "{}")
    snapshot = (
        TenantSnapshot("acme", {"calls": (calls,)})
        if place == "tables"
        else TenantSnapshot("acme", {}, (document,))
    )
    with pytest.raises(UsageError, match="found one elsewhere"), open_engine(snapshot, {}):
        pass


def test_a_table_that_is_not_declared_is_refused(lake: Path) -> None:
    snapshot = TenantSnapshot("acme", {"secrets": ()})
    with pytest.raises(UsageError, match="unknown table 'secrets'"), open_engine(snapshot, {}):
        pass


HOSTILE = [
    "SELECT * FROM read_parquet('{other}')",
    "SELECT * FROM parquet_scan('{other}')",
    "SELECT * FROM '{other}'",
    "SELECT * FROM read_parquet('{own_folder}/../../../../../../{other_tail}')",
    "SELECT * FROM read_parquet('{lake}/curated/*/calls/*/*/*.parquet')",
    "SELECT * FROM glob('{lake}/**')",
    "SELECT * FROM read_blob('{other}')",
    "SELECT * FROM read_text('/etc/passwd')",
    "SELECT * FROM read_csv('/etc/passwd')",
    "SELECT * FROM read_json('{lake}/unified/other/2025/11/05/c1.json')",
    "SELECT * FROM parquet_metadata('{other}')",
    "SELECT * FROM parquet_schema('{other}')",
    "SELECT * FROM sniff_csv('/etc/passwd')",
    "SELECT * FROM query('SELECT * FROM read_parquet(''{other}'')')",
    "SELECT * FROM query_table('{other}')",
    "SELECT * FROM local_variable",
    "SELECT getenv('HOME')",
    "SELECT * FROM read_parquet('http://127.0.0.1:9/x.parquet')",
    "SELECT * FROM read_parquet('s3://bucket/x.parquet')",
    "COPY (SELECT 1) TO '{lake}/out.csv'",
    "COPY calls TO '{own}'",
    "COPY calls FROM '{other}'",
    "EXPORT DATABASE '{lake}/out'",
    "IMPORT DATABASE '{lake}'",
    "ATTACH '{lake}/catalog.db' AS catalog",
    "ATTACH ':memory:' AS other",
    "INSTALL httpfs",
    "LOAD httpfs",
    "SET enable_external_access = true",
    "SET lock_configuration = false",
    "SET allowed_directories = ['/']",
    "RESET lock_configuration",
    "PRAGMA enable_profiling",
    "PRAGMA database_list",
    "CALL pragma_database_list()",
    "CREATE TABLE t AS SELECT 1",
    "CREATE OR REPLACE VIEW calls AS SELECT 1",
    "CREATE MACRO f() AS 1",
    "CREATE SECRET (TYPE s3)",
    "DROP VIEW calls",
    "INSERT INTO calls VALUES (1)",
    "DELETE FROM calls",
    "PREPARE p AS SELECT 1",
    "EXPLAIN ANALYZE SELECT 1",
    "SELECT 1; SELECT 2",
    "SELECT 1; COPY (SELECT 1) TO '{lake}/out.csv'",
    "",
]


@pytest.mark.parametrize("sql", HOSTILE)
def test_a_hostile_query_fails_and_names_no_file(
    sql: str, engine: TenantEngine, lake: Path
) -> None:
    local_variable = pa.table({"secret": [1]})
    assert local_variable.num_rows == 1
    write_document(lake, "other", "c1", json.dumps({"call_id": "c1"}))
    own = lake / part_key("acme", "calls", DAY, "g1", 0)
    other = lake / part_key("other", "calls", DAY, "g1", 0)
    before = {path: path.read_bytes() for path in lake.rglob("*") if path.is_file()}
    filled = sql.format(
        lake=lake,
        own=own,
        own_folder=own.parent,
        other=other,
        other_tail=other.relative_to(lake.parent),
    )
    with pytest.raises(SqlError) as caught:
        engine.query(filled)
    assert str(lake) not in str(caught.value)
    assert "/etc" not in str(caught.value)
    assert "curated" not in str(caught.value)
    assert {path: path.read_bytes() for path in lake.rglob("*") if path.is_file()} == before
    assert engine.query("SELECT call_id FROM calls").to_pylist() == [{"call_id": "acme-1"}]


CRITERION = '"qa_evaluation": {"criteria": [{"id": "greet_01", "verdict": "pass"}]}'

REFUSED_BY_ATHENA = {
    "an object as text": ('"agent": "Kim"', "agent", "an object"),
    "an object as a number": ('"agent": 7', "agent", "an object"),
    "an object as true": ('"AI_SUMMARY": true', "ai_summary", "an object"),
    "a number as an object": ('"duration_seconds": {}', "duration_seconds", "a number"),
    "a number as a list": ('"revision": [1]', "revision", "a number"),
    "a number inside": ('"ai_summary": {"tone_score": {"x": 1}}', "ai_summary", "a number"),
}


@pytest.mark.parametrize("name", REFUSED_BY_ATHENA)
def test_a_column_that_athena_cannot_read_fails_the_queries_that_need_it(
    lake: Path, name: str
) -> None:
    field, column, expected = REFUSED_BY_ATHENA[name]
    bad = write_document(lake, "acme", "bad", f'{{"call_id": "bad", {field}, {CRITERION}}}')
    later = DAY + dt.timedelta(1)
    path = lake / unified_key("acme", later, "good")
    path.parent.mkdir(parents=True)
    path.write_text(f'{{"call_id": "good", {CRITERION}}}')
    snapshot = TenantSnapshot("acme", {}, (bad, SnapshotFile(path, later)))
    with open_engine(snapshot, {}) as engine:
        for where in ("", "WHERE day = '2025/11/05'", "WHERE call_id <> 'x'"):
            with pytest.raises(SqlError) as caught:
                engine.query(f"SELECT {column} FROM unified {where}")
            assert str(caught.value) == (
                f"unified, 2025/11/05: column {column}: expected {expected}, found something else in "
                "a document; Athena refuses this query too. Which document it is: cci-lite etl run, "
                "then cci-lite quarantine list. Other days can be asked for with WHERE day"
            )
        for sql in (
            f"SELECT {column} FROM unified WHERE day = '2025/11/06'",
            "SELECT call_id, qa_evaluation FROM unified WHERE day = '2025/11/05'",
        ):
            assert engine.query(sql).num_rows == 1


def test_a_file_that_is_gone_is_an_error_that_says_what_to_do(lake: Path) -> None:
    calls = write_calls(lake, "acme")
    with open_engine(TenantSnapshot("acme", {"calls": (calls,)}), {}) as engine:
        calls.path.unlink()
        with pytest.raises(LakeError, match="calls, 2025-11-05: a file is gone") as caught:
            engine.query("SELECT * FROM calls")
    assert str(lake) not in str(caught.value)


def test_a_turned_bit_in_a_page_of_an_earlier_versions_file_is_found(lake: Path) -> None:
    calls = write_calls(lake, "acme")
    pq.write_table(
        pa.table({"call_id": ["a-long-call-id"]}),
        calls.path,
        compression="none",
        use_dictionary=False,
        write_page_checksum=True,
    )
    whole = calls.path.read_bytes()
    snapshot = TenantSnapshot("acme", {"calls": (SnapshotFile(calls.path, DAY, len(whole)),)})
    with open_engine(snapshot, {}) as engine:
        assert engine.query("SELECT call_id FROM calls").num_rows == 1
        # The value itself, which its length stands before; statistics hold it too.
        turned = whole.replace(b"\x0e\0\0\0a-long", b"\x0e\0\0\0a-wrong"[:10], 1)
        assert turned != whole
        calls.path.write_bytes(turned)
        with pytest.raises(LakeError, match="calls, 2025-11-05: a file is gone or damaged"):
            engine.query("SELECT call_id FROM calls")


def test_a_file_in_another_days_folder_is_refused(lake: Path) -> None:
    calls = write_calls(lake, "acme")
    other = SnapshotFile(calls.path, DAY + dt.timedelta(1), calls.size)
    snapshot = TenantSnapshot("acme", {"calls": (other,)})
    with pytest.raises(UsageError, match="found one elsewhere"), open_engine(snapshot, {}):
        pass


def test_a_query_that_spills_reads_tables_all_the_same(lake: Path) -> None:
    calls = write_calls(lake, "acme")
    sql = (
        "SELECT i, call_id, repeat('x', 100) || i AS t FROM calls, range(600000) AS r(i) ORDER BY t"
    )
    snapshot = TenantSnapshot("acme", {"calls": (calls,)})
    with (
        open_engine(snapshot, {}, memory_limit="60MB", threads=1) as engine,
        engine.stream(sql) as answer,
    ):
        assert sum(batch.num_rows for batch in answer.batches) == 600_000


def test_a_query_that_needs_more_memory_than_it_may_have_fails(lake: Path) -> None:
    with open_engine(TenantSnapshot("acme", {}), {}, memory_limit="30MB", threads=1) as engine:
        with pytest.raises(SqlError):
            engine.query("SELECT list(i::VARCHAR || repeat('x', 100)) FROM range(3000000) AS t(i)")
        assert engine.query("SELECT 1 AS a").to_pylist() == [{"a": 1}]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT error('leave such rows out')",
        "SELECT CASE WHEN i > 50000 THEN error('leave such rows out') END FROM range(100000) AS t(i)",
        "SELECT sum(CASE WHEN i = 7 THEN error('leave such rows out') END) FROM range(9) AS t(i)",
    ],
    ids=["at once", "after some batches", "within a sum"],
)
def test_an_error_that_a_query_asks_for_is_said_in_its_words_alone(
    engine: TenantEngine, sql: str
) -> None:
    with pytest.raises(SqlError) as caught:
        engine.query(sql)
    assert str(caught.value) == "leave such rows out"


def test_a_document_that_is_larger_than_any_may_be_is_a_row_less_and_is_not_read(
    lake: Path,
) -> None:
    large = write_document(lake, "acme", "large", b'{"call_id": "large"}')
    os.truncate(large.path, MAX_DOCUMENT_BYTES + 1)
    good = write_document(lake, "acme", "good", '{"call_id": "good"}')
    with open_engine(TenantSnapshot("acme", {}, (large, good)), {}) as engine:
        rows = engine.query("SELECT call_id FROM unified").to_pylist()
    assert rows == [{"call_id": "good"}]


@pytest.mark.parametrize("kind", ["link", "pipe", "folder that is a link"])
def test_what_takes_a_documents_place_between_look_and_opening_is_not_read(
    lake: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    document = write_document(lake, "acme", "mine", '{"call_id": "mine"}')
    other = write_document(lake, "other", "mine", '{"call_id": "of another tenant"}')
    state = document.path.lstat()
    really_look = Path.lstat
    # Whoever looks at the path sees the file that stood there before.
    monkeypatch.setattr(
        Path, "lstat", lambda self: state if self == document.path else really_look(self)
    )
    document.path.unlink()
    if kind == "link":
        document.path.symlink_to(other.path)
    elif kind == "pipe":
        os.mkfifo(document.path)
        signal.alarm(5)  # a pipe that nobody writes to is waited for without end
    else:
        document.path.parent.rmdir()
        document.path.parent.symlink_to(other.path.parent)
    with open_engine(TenantSnapshot("acme", {}, (document,)), {}) as engine:
        rows = engine.query("SELECT call_id FROM unified").to_pylist()
    signal.alarm(0)
    assert rows == []


def test_no_setting_can_be_changed_once_an_engine_is_open(engine: TenantEngine) -> None:
    with pytest.raises(duckdb.Error, match="configuration has been locked"):
        engine._connection.execute("SET threads = 1")
