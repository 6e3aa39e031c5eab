"""A lake from Python: rows by tenant, one state per reading, and errors in words."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import duckdb
import pandas as pd
import pyarrow as pa
import pytest

import cci_lite
from cci_lite.errors import LakeError, NotFoundError, SqlError, TenantIdError, UsageError
from cci_lite.laptop import Lake, create_lake, open_lake
from cci_lite.local import duckdb_engine
from tests.small_lake import NEXT_DAY, TENANT, SmallLake

COUNT = "SELECT count(*) AS calls FROM calls"


@pytest.fixture
def lake(small_lake: SmallLake) -> Lake:
    """Two tenants with one call each."""
    for tenant_id in (TENANT, "other-tenant"):
        small_lake.register(tenant_id)
        small_lake.put(f"call-of-{tenant_id}", tenant_id=tenant_id)
    small_lake.run(TENANT, "other-tenant")
    return open_lake(small_lake.root)


def count(lake: Lake, tenant_id: str = TENANT) -> int:
    [row] = lake.sql(COUNT, tenant_id=tenant_id, as_="arrow").to_pylist()
    calls: int = row["calls"]
    return calls


def test_rows_come_as_pandas_or_arrow(lake: Lake) -> None:
    sql = "SELECT call_id, qa_percentage FROM calls"
    frame = lake.sql(sql, tenant_id=TENANT)
    assert isinstance(frame, pd.DataFrame)
    assert frame.to_dict("records") == [{"call_id": f"call-of-{TENANT}", "qa_percentage": 66.67}]
    table = lake.sql(sql, tenant_id=TENANT, as_="arrow")
    assert isinstance(table, pa.Table)
    assert table.to_pylist() == frame.to_dict("records")


def test_the_package_opens_a_lake_by_its_path(lake: Lake) -> None:
    assert count(cci_lite.open(str(lake.path))) == 1
    assert count(cci_lite.open(lake.path)) == 1


def test_each_tenant_sees_its_own_calls_only(lake: Lake) -> None:
    for tenant_id in (TENANT, "other-tenant"):
        rows = lake.sql("SELECT tenant_id, call_id FROM calls", tenant_id=tenant_id, as_="arrow")
        assert rows.to_pylist() == [{"tenant_id": tenant_id, "call_id": f"call-of-{tenant_id}"}]


def test_the_raw_documents_are_there_when_they_are_asked_for(lake: Lake) -> None:
    rows = lake.sql(
        "SELECT DISTINCT call_id FROM raw_explode_criteria", tenant_id=TENANT, as_="arrow"
    )
    assert rows.to_pylist() == [{"call_id": f"call-of-{TENANT}"}]


def test_the_raw_documents_of_one_day_can_be_read_by_themselves(
    lake: Lake, small_lake: SmallLake
) -> None:
    small_lake.put("call-2", day=NEXT_DAY)
    with lake.reader(TENANT, raw=NEXT_DAY) as query:
        rows = query("SELECT DISTINCT day, call_id FROM raw_explode_criteria").to_pylist()
    assert rows == [{"day": f"{NEXT_DAY:%Y/%m/%d}", "call_id": "call-2"}]


@pytest.mark.parametrize("name", ["unified", "UNIFIED", "Raw_Explode_Criteria"])
def test_the_raw_documents_are_asked_for_in_any_case(lake: Lake, name: str) -> None:
    sql = f"SELECT DISTINCT call_id FROM {name}"
    rows = lake.sql(sql, tenant_id=TENANT, as_="arrow")
    assert rows.to_pylist() == [{"call_id": f"call-of-{TENANT}"}]
    with lake.stream(sql, tenant_id=TENANT) as answer:
        assert [row for batch in answer.batches for row in batch.to_pylist()] == rows.to_pylist()


def test_a_reader_keeps_its_state_while_others_publish(lake: Lake, small_lake: SmallLake) -> None:
    with lake.reader(TENANT) as query:
        small_lake.put("call-2")
        assert small_lake.run().succeeded
        assert query(COUNT).to_pylist() == [{"calls": 1}]
    assert count(lake) == 2


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The relations that engines make, as they are made."""
    names: list[str] = []
    execute = duckdb.DuckDBPyConnection.execute

    class Recorded:
        def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
            self._connection = connection

        def __getattr__(self, name: str) -> object:
            return getattr(self._connection, name)

        def execute(self, sql: str) -> duckdb.DuckDBPyConnection:
            if match := re.match(r'CREATE OR REPLACE VIEW "(\w+)"', sql):
                names.append(match[1])
            return execute(self._connection, sql)

    connect = duckdb_engine._connected
    monkeypatch.setattr(
        duckdb_engine, "_connected", lambda *arguments: Recorded(connect(*arguments))
    )
    return names


def test_queries_make_the_relations_that_they_name_and_each_once(
    lake: Lake, made: list[str]
) -> None:
    lake.sql("SELECT 1 AS a", tenant_id=TENANT, as_="arrow")
    assert made == []
    for _ in range(2):
        lake.sql("SELECT * FROM explode_criteria", tenant_id=TENANT, as_="arrow")
        assert count(lake) == 1
    assert made == ["qa_criteria", "explode_criteria_v1", "explode_criteria", "calls"]


@pytest.mark.parametrize("publisher", ["the same lake", "another process"])
def test_after_a_publication_only_tables_are_made_anew_and_show_one_state(
    lake: Lake, small_lake: SmallLake, made: list[str], publisher: str
) -> None:
    both = "SELECT (SELECT count(*) FROM calls) AS a, count(DISTINCT call_id) AS b FROM explode_criteria"
    assert lake.sql(both, tenant_id=TENANT, as_="arrow").to_pylist() == [{"a": 1, "b": 1}]
    made.clear()
    small_lake.put("call-2")
    run = lake.run_etl if publisher == "the same lake" else open_lake(lake.path).run_etl
    assert run(TENANT).succeeded
    for _ in range(2):
        assert lake.sql(both, tenant_id=TENANT, as_="arrow").to_pylist() == [{"a": 2, "b": 2}]
    assert sorted(made) == ["calls", "qa_criteria"]


def test_a_query_within_a_stream_sees_what_was_published_since(
    lake: Lake, small_lake: SmallLake
) -> None:
    assert count(lake) == 1
    with lake.stream("SELECT call_id FROM calls", tenant_id=TENANT) as answer:
        small_lake.put("call-2")
        assert small_lake.run().succeeded
        assert count(lake) == 2
        assert sum(batch.num_rows for batch in answer.batches) == 1
    assert count(lake) == 2


def test_a_file_that_changes_between_two_queries_is_found(lake: Lake) -> None:
    sql = "SELECT call_id FROM calls"
    assert lake.sql(sql, tenant_id=TENANT, as_="arrow").num_rows == 1
    [part] = [
        file for parts in lake.catalog.parts_by_day(TENANT).values() for file in parts["calls"]
    ]
    path = lake.store.path(part.key)
    whole = path.read_bytes()
    path.write_bytes(whole[:100] + bytes([whole[100] ^ 1]) + whole[101:])
    with pytest.raises(LakeError, match="a file is gone or damaged"):
        lake.sql(sql, tenant_id=TENANT)
    path.unlink()
    with pytest.raises(LakeError, match="a file is gone or damaged"):
        lake.sql(sql, tenant_id=TENANT)
    path.write_bytes(whole)
    assert lake.sql(sql, tenant_id=TENANT, as_="arrow").num_rows == 1


def test_a_query_imports_neither_pandas_nor_arrows_datasets(lake: Lake) -> None:
    script = (
        "import sys, cci_lite\n"
        f"lake = cci_lite.open({str(lake.path)!r})\n"
        f"for sql in ('SELECT 1 AS a', {COUNT!r}):\n"
        f"    lake.sql(sql, tenant_id={TENANT!r}, as_='arrow')\n"
        "print([name for name in ('pandas', 'pyarrow.dataset') if name in sys.modules])\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout == "[]\n"


def test_a_lake_made_in_a_folder_with_a_hostile_name_works(tmp_path: Path) -> None:
    small_lake = SmallLake(tmp_path / "a 'quoted' [lake] * ? 100% ü")
    small_lake.register()
    small_lake.put("call-1")
    small_lake.run()
    assert count(open_lake(small_lake.root)) == 1


def test_a_relative_path_is_a_lake_too(lake: Lake, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(lake.path.parent)
    assert count(open_lake(Path(lake.path.name))) == 1


def test_errors_say_what_to_do(lake: Lake, tmp_path: Path) -> None:
    with pytest.raises(NotFoundError, match="did you mean demo-tenant"):
        lake.sql(COUNT, tenant_id="demo-tennant")
    with pytest.raises(TenantIdError):
        lake.sql(COUNT, tenant_id="../other-tenant")
    with pytest.raises(SqlError, match="^line 1, column 8: "):
        lake.sql("SELECT nothing_like_it FROM calls", tenant_id=TENANT)
    with pytest.raises(NotFoundError, match="make one with: cci-lite tenants add"):
        open_lake(tmp_path / "nowhere")
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match="no lake can be made at"):
        create_lake(tmp_path / "file")
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "catalog.db").write_bytes(b"no database" * 1000)
    with pytest.raises(LakeError, match="cannot be used as a lake's catalogue"):
        open_lake(tmp_path / "bad")


@pytest.mark.parametrize("workers", [1, 2, None])
def test_a_run_gives_the_same_with_any_number_of_workers(
    lake: Lake, small_lake: SmallLake, workers: int | None
) -> None:
    small_lake.put("call-2")
    small_lake.put_bytes("broken", b"{")
    report = lake.run_etl(TENANT, workers=workers)
    assert report.succeeded
    [day] = report.days
    assert day.balance is not None
    assert (day.documents_read, day.balance.calls, day.balance.quarantined) == (2, 2, 1)
    assert count(lake) == 2


def test_a_run_of_one_tenant_leaves_the_others_alone(lake: Lake, small_lake: SmallLake) -> None:
    small_lake.put("call-2", tenant_id="other-tenant")
    assert lake.run_etl(TENANT).days == []
    assert count(lake, "other-tenant") == 1
    assert lake.run_etl().succeeded
    assert count(lake, "other-tenant") == 2


def test_settings_that_cannot_be_read_stop_no_other_tenants_run(lake: Lake) -> None:
    lake.catalog.put(f"TENANT#{TENANT}", "META#v1", {"tenant_id": TENANT, "time_zone": "nowhere"})
    report = lake.run_etl()
    assert not report.succeeded
    assert report.failed == {
        TENANT: f"settings of {TENANT}, time_zone: expected an IANA time zone like Europe/Berlin, "
        f"found 'nowhere'; fix it with: cci-lite tenants add {TENANT}"
    }
    assert count(lake, "other-tenant") == 1
    assert set(lake.tenants()) == {"other-tenant", TENANT}
