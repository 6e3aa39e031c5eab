"""A column is added to the tables: old days get its values, and nothing else about them changes."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from cci_lite.contract.columns import TABLES, Column, ColumnType, tables_digest
from cci_lite.flatten.calls import call_columns
from cci_lite.flatten.columns import field_at
from cci_lite.flatten.scores import Scores
from cci_lite.local.catalog import CATALOG_FILE, SqliteCatalog
from cci_lite.local.processes import Inline
from cci_lite.nightly.planning import plan_tenant
from cci_lite.nightly.repair import repair_tenant
from cci_lite.nightly.run import run_etl
from cci_lite.nightly.run_report import DayStatus, Progress
from cci_lite.nightly.verify import verify_tenant
from cci_lite.ports import SourceOutcome
from cci_lite.tenancy import quarantine_key
from tests.small_lake import DAY, NEXT_DAY, TENANT, SmallLake

LATER_DAY = dt.date(2025, 11, 7)


@pytest.fixture
def add_column(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Gives `calls` a column that is derived from the document, as a later release would."""

    def with_next_steps(documents: pa.StructArray, scores: Scores) -> dict[str, Any]:
        steps = pc.list_value_length(field_at(documents, "ai_summary.action_items"))
        return {**call_columns(documents, scores), "next_steps": steps.fill_null(0).cast("int64")}

    def add() -> None:
        table = TABLES["calls"]
        added = Column("next_steps", ColumnType.BIGINT, "How many next steps were agreed.")
        wider = replace(table, columns=(*table.columns, added))
        monkeypatch.setitem(TABLES, "calls", wider)
        monkeypatch.setattr("cci_lite.flatten.rows.call_columns", with_next_steps)

    return add


@pytest.fixture
def old(small_lake: SmallLake) -> SmallLake:
    """Two published days, with a broken document on the first."""
    small_lake.put("call-1", ai_summary={"action_items": ["Send bill", "Call back"]})
    small_lake.put("call-2")
    small_lake.put_bytes("broken", b"{}")
    small_lake.put("call-3", day=NEXT_DAY)
    small_lake.run()
    return small_lake


def next_steps(small_lake: SmallLake) -> dict[str, int | None]:
    return {row["call_id"]: row["next_steps"] for row in small_lake.rows("calls")}


def outcomes(small_lake: SmallLake) -> dict[str, SourceOutcome]:
    return {
        key: record.outcome
        for day in small_lake.catalog.days(TENANT)
        for key, record in small_lake.catalog.sources(TENANT, day).items()
    }


def claims_that_fail(small_lake: SmallLake) -> list[str]:
    return [finding.claim for finding in verify_tenant(small_lake.lake, TENANT).findings]


VALUES = {"call-1": 2, "call-2": 1, "call-3": 1}
NO_VALUES = dict.fromkeys(VALUES)


def test_old_days_get_the_values_of_a_new_column_with_the_next_run_and_once(
    old: SmallLake, add_column: Callable[[], None]
) -> None:
    before = outcomes(old)
    add_column()
    assert next_steps(old) == NO_VALUES
    assert verify_tenant(old.lake, TENANT).waiting == 3
    report = old.run()
    assert [(day.call_date, day.documents_read) for day in report.days] == [(DAY, 2), (NEXT_DAY, 1)]
    assert next_steps(old) == VALUES
    assert outcomes(old) == before
    assert claims_that_fail(old) == []
    assert {day.tables_digest for day in old.catalog.days(TENANT).values()} == {tables_digest()}
    files = old.files("curated", "quarantine")
    assert old.run().days == []
    assert old.files("curated", "quarantine") == files


def test_a_row_whose_document_is_gone_stays_without_a_value(
    old: SmallLake, add_column: Callable[[], None]
) -> None:
    old.store.delete(f"unified/{TENANT}/2025/11/05/call-1.json")
    add_column()
    assert old.run().succeeded
    assert next_steps(old) == {**VALUES, "call-1": None}
    assert claims_that_fail(old) == []
    assert old.run().days == []


def test_a_day_whose_documents_are_all_gone_is_left_alone(
    old: SmallLake, add_column: Callable[[], None]
) -> None:
    old.store.delete(f"unified/{TENANT}/2025/11/06/call-3.json")
    add_column()
    assert [day.call_date for day in old.run().days] == [DAY]
    assert next_steps(old) == {**VALUES, "call-3": None}


def test_days_before_since_are_left_alone_until_they_are_asked_for(
    old: SmallLake, add_column: Callable[[], None]
) -> None:
    add_column()
    old.run(since=NEXT_DAY)
    assert next_steps(old) == {**NO_VALUES, "call-3": 1}
    old.run()
    assert next_steps(old) == VALUES


def test_what_was_refused_discarded_or_superseded_stays_so(
    old: SmallLake, add_column: Callable[[], None]
) -> None:
    old.put_bytes("notes", b"no call")
    old.put("call-2", day=NEXT_DAY, revision=2)
    old.run()
    old.run(discard=frozenset({f"unified/{TENANT}/2025/11/05/notes.json"}))
    before, refused = outcomes(old), old.rows("quarantined_documents")
    assert set(before.values()) == {
        SourceOutcome.CALL, SourceOutcome.QUARANTINED, SourceOutcome.DISCARDED,
        SourceOutcome.SUPERSEDED,
    }  # fmt: skip
    copy = quarantine_key(TENANT, f"unified/{TENANT}/2025/11/05/broken.json")
    old.store.write(copy, b"a person is about to correct it")
    add_column()
    assert old.run().succeeded
    assert outcomes(old) == before
    assert old.rows("quarantined_documents") == refused
    assert old.store.read(copy) == b"a person is about to correct it"
    assert next_steps(old) == VALUES
    assert claims_that_fail(old) == []
    assert old.run().days == []


def test_a_day_that_loses_a_call_to_another_day_still_waits_for_its_values(
    old: SmallLake, add_column: Callable[[], None]
) -> None:
    add_column()
    old.put("call-2", day=NEXT_DAY, revision=2)
    old.run(since=NEXT_DAY)
    assert next_steps(old) == {"call-1": None, "call-2": 1, "call-3": 1}
    old.run()
    assert next_steps(old) == VALUES
    assert old.run().days == []


def test_a_day_without_calls_is_built_anew_once_too(
    old: SmallLake, add_column: Callable[[], None]
) -> None:
    refused = old.put_bytes("broken", b"{}", day=LATER_DAY)
    old.run()
    add_column()
    later = old.run().days[-1]
    assert (later.call_date, later.status) == (LATER_DAY, DayStatus.PUBLISHED)
    assert old.catalog.days(TENANT)[LATER_DAY].tables_digest == tables_digest()
    assert refused in {row["source_key"] for row in old.rows("quarantined_documents")}
    assert old.run().days == []


def test_documents_that_break_todays_contract_do_not_take_their_calls_with_them(
    old: SmallLake, add_column: Callable[[], None]
) -> None:
    add_column()
    old.forms = []
    [day, other] = old.run().days
    assert (day.status, day.reason) == (
        DayStatus.REFUSED,
        "2 of 2 published calls would be lost to documents that now break the contract, such as "
        f"unified/{TENANT}/2025/11/05/call-1.json; correct them, or run with --allow-shrink",
    )
    assert old.call_ids() == ["call-1", "call-2"]
    assert other.status is DayStatus.PUBLISHED  # the quarantine of a single call says it all


@pytest.mark.parametrize("step", ["planned", "staged", "written", "checked"])
def test_a_run_that_dies_leaves_the_old_day_and_the_next_one_gives_it_its_values(
    old: SmallLake, add_column: Callable[[], None], step: str
) -> None:
    add_column()

    def die(progress: Progress) -> None:
        if progress.step == step:
            raise SystemExit

    with pytest.raises(SystemExit):
        run_etl(old.lake, {TENANT: old.forms}, "dies", pool=Inline(), observe=die)
    again = SmallLake(old.root, runs=old.runs)
    assert next_steps(again) == NO_VALUES
    assert claims_that_fail(again) == []
    assert again.run().succeeded
    assert next_steps(again) == VALUES


def test_a_catalogue_that_is_brought_back_knows_with_which_columns_a_day_was_built(
    old: SmallLake, add_column: Callable[[], None]
) -> None:
    digests = {day: known.tables_digest for day, known in old.catalog.days(TENANT).items()}
    old.catalog.close()
    (old.root / CATALOG_FILE).unlink()
    old.catalog = SqliteCatalog(old.root)
    repair_tenant(old.lake, TENANT)
    assert {d: known.tables_digest for d, known in old.catalog.days(TENANT).items()} == digests
    assert old.run().days == []
    add_column()
    old.run()
    assert next_steps(old) == VALUES


# --- a file of the tables is gone -----------------------------------------------------------------


def delete_part(small_lake: SmallLake, table_name: str) -> None:
    [part] = small_lake.catalog.parts(TENANT, DAY)[table_name]
    small_lake.store.delete(part.key)


def comparable(small_lake: SmallLake, table_name: str) -> list[dict[str, Any]]:
    """The rows without what says which run wrote them and when."""
    of_run = {"etl_run_id", "quarantined_at"}
    rows = [
        {name: value for name, value in row.items() if name not in of_run}
        for row in small_lake.rows(table_name)
    ]
    return sorted(rows, key=lambda row: [str(row[name]) for name in TABLES[table_name].key])


@pytest.mark.parametrize("table_name", [name for name in TABLES if name != "etl_runs"])
def test_a_day_whose_file_was_deleted_is_built_anew_from_its_documents(
    old: SmallLake, table_name: str
) -> None:
    before = {name: comparable(old, name) for name in TABLES if name != "etl_runs"}
    assert before[table_name]
    delete_part(old, table_name)
    assert claims_that_fail(old) != []
    report = old.run(rebuild=True)
    assert report.succeeded
    assert {name: comparable(old, name) for name in before} == before
    assert claims_that_fail(old) == []
    assert old.run().days == []


def test_balance_sheets_that_are_gone_begin_anew(old: SmallLake) -> None:
    delete_part(old, "etl_runs")
    assert not old.run(rebuild=False, since=DAY).days
    old.put("call-4")
    assert not old.run().succeeded
    assert old.run(rebuild=True).succeeded
    assert claims_that_fail(old) == []
    [sheet] = [row for row in old.rows("etl_runs") if row["sources"] == 4]
    assert (sheet["calls"], sheet["quarantined"]) == (3, 1)


def test_a_damaged_file_of_the_right_size_is_replaced_too(old: SmallLake) -> None:
    [part] = old.catalog.parts(TENANT, DAY)["calls"]
    old.store.write(part.key, b"x" * part.bytes)
    assert old.run(rebuild=True).succeeded
    assert claims_that_fail(old) == []


def test_a_copy_that_a_person_corrected_outlives_the_file_of_the_refused(old: SmallLake) -> None:
    copy = quarantine_key(TENANT, f"unified/{TENANT}/2025/11/05/broken.json")
    old.store.write(copy, b"a person is about to correct it")
    delete_part(old, "quarantined_documents")
    assert old.run(rebuild=True).succeeded
    assert len(old.rows("quarantined_documents")) == 1
    assert old.store.read(copy) == b"a person is about to correct it"


def test_a_refused_document_that_is_written_anew_gets_a_new_copy(old: SmallLake) -> None:
    key = old.put_bytes("broken", b"no document either")
    assert old.run().succeeded
    assert old.store.read(quarantine_key(TENANT, key)) == b"no document either"


def test_rows_whose_file_and_document_are_both_gone_are_not_given_up_silently(
    old: SmallLake,
) -> None:
    delete_part(old, "entities")
    old.store.delete(f"unified/{TENANT}/2025/11/05/call-1.json")
    [day, other] = old.run(rebuild=True).days
    assert day.status is DayStatus.FAILED
    assert day.reason == (
        f"curated/{TENANT}/entities/call_date=2025-11-05/run-1-0001/part-0000.parquet: expected a "
        "whole Parquet file of entities, found No such file or directory; put it back from a copy "
        "of the lake, or build the day anew: cci-lite etl rebuild"
    )
    assert other.status is DayStatus.PUBLISHED
    assert old.call_ids() == ["call-1", "call-2", "call-3"]


def test_building_anew_gives_the_same_rows(old: SmallLake) -> None:
    before = {name: comparable(old, name) for name in TABLES if name != "etl_runs"}
    refused = old.rows("quarantined_documents")
    for _ in range(2):
        assert old.run(rebuild=True).succeeded
        assert {name: comparable(old, name) for name in before} == before
        assert old.rows("quarantined_documents") == refused
        assert claims_that_fail(old) == []


def test_a_plan_says_which_days_are_built_anew(
    old: SmallLake, add_column: Callable[[], None]
) -> None:
    assert list(plan_tenant(old.lake, TENANT)) == []
    add_column()
    assert [
        (plan.call_date, plan.rebuild, len(plan.to_read), plan.unchanged)
        for plan in plan_tenant(old.lake, TENANT)
    ] == [(DAY, True, 2, 1), (NEXT_DAY, True, 1, 0)]
