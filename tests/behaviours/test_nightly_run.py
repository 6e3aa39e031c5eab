"""What a nightly run promises: every document accounted for, nothing done twice, nothing lost."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import os

import pytest

from cci_lite.contract.columns import TABLES
from cci_lite.errors import LakeError
from cci_lite.local.catalog import SqliteCatalog
from cci_lite.nightly.run_report import DayStatus
from cci_lite.nightly.verify import verify_tenant
from cci_lite.nightly.work import read_part
from tests.small_lake import DAY, EVERY_POOL, NEXT_DAY, TENANT, SmallLake, document

pytestmark = EVERY_POOL

NEXT_NIGHT = dt.datetime(2025, 11, 7, 1, tzinfo=dt.UTC)


def balances(small_lake: SmallLake) -> dict[dt.date, tuple[int, int, int, int]]:
    """The latest balance sheet of each day: sources, calls, superseded, quarantined."""
    sheets = {}
    for call_date in small_lake.catalog.days(TENANT):
        part = small_lake.catalog.parts(TENANT, call_date)["etl_runs"][0]
        row = read_part(small_lake.store, part.key, "etl_runs").to_pylist()[-1]
        names = ("sources", "calls", "superseded", "quarantined")
        sheets[call_date] = tuple(row[name] for name in names)
    return sheets


def prove(small_lake: SmallLake) -> None:
    assert verify_tenant(small_lake.lake, TENANT).findings == ()


def test_every_document_becomes_rows_of_every_table(small_lake: SmallLake) -> None:
    small_lake.put("call-1")
    small_lake.put("call-2", verdicts=(False, None, True))

    assert small_lake.run().succeeded

    counts = {
        name: len(small_lake.rows(name))
        for name in (
            "calls", "qa_criteria", "entities", "key_phrases",
            "sentiment_segments", "action_items", "quarantined_documents", "etl_runs",
        )
    }  # fmt: skip
    assert counts == {
        "calls": 2,
        "qa_criteria": 6,
        "entities": 2,
        "key_phrases": 4,
        "sentiment_segments": 2,
        "action_items": 2,
        "quarantined_documents": 0,
        "etl_runs": 1,
    }
    prove(small_lake)


def test_scores_are_computed_from_the_form_and_the_verdicts(small_lake: SmallLake) -> None:
    small_lake.put("call-1", verdicts=(True, False, None))
    small_lake.run()
    [call] = small_lake.rows("calls")
    assert call["qa_total_score"] == 1.0
    assert call["qa_max_score"] == 1.5
    assert call["qa_percentage"] == 66.67
    assert call["qa_outcome"] == "fail"
    assert call["qa_criteria_unscored"] == 1
    by_id = {row["criterion_id"]: row for row in small_lake.rows("qa_criteria")}
    assert [by_id[name]["verdict"] for name in ("greet_01", "confirm_02", "close_03")] == [
        "pass", "fail", "unscored",
    ]  # fmt: skip
    assert [by_id[name]["score"] for name in ("greet_01", "confirm_02", "close_03")] == [
        1.0, 0.0, None,
    ]  # fmt: skip


def test_a_second_run_reads_no_document_and_writes_nothing(
    small_lake: SmallLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_lake.put("call-1")
    small_lake.put("call-2", day=NEXT_DAY)
    small_lake.run()
    before = small_lake.files("unified", "curated", "quarantine")

    def refuse(*_: object) -> bytes:
        raise AssertionError("a run with nothing to do reads nothing")

    monkeypatch.setattr(type(small_lake.store), "read", refuse)
    report = small_lake.run()

    assert report.succeeded
    assert report.days == []
    assert small_lake.files("unified", "curated", "quarantine") == before


def test_one_changed_document_is_the_only_one_read_and_rewrites_its_day_only(
    small_lake: SmallLake,
) -> None:
    for number in range(5):
        small_lake.put(f"call-{number}")
    small_lake.put("other", day=NEXT_DAY)
    small_lake.run()
    other_parts = small_lake.catalog.parts(TENANT, NEXT_DAY)

    small_lake.put("call-3", verdicts=(False, False, False))
    report = small_lake.run()

    assert [(day.call_date, day.documents_read) for day in report.days] == [(DAY, 1)]
    assert all(len(parts) == 1 for parts in small_lake.catalog.parts(TENANT, DAY).values())
    assert small_lake.catalog.parts(TENANT, NEXT_DAY) == other_parts
    outcomes = {row["call_id"]: row["qa_outcome"] for row in small_lake.rows("calls")}
    assert outcomes["call-3"] == "fail"
    assert len(outcomes) == 6
    prove(small_lake)


def test_a_document_that_expired_keeps_its_rows(small_lake: SmallLake) -> None:
    old = small_lake.put("old")
    small_lake.put("kept")
    small_lake.run()
    small_lake.store.delete(old)
    assert small_lake.run().days == []
    small_lake.put("new")
    small_lake.run()
    assert small_lake.call_ids() == ["kept", "new", "old"]
    assert balances(small_lake)[DAY] == (3, 3, 0, 0)
    prove(small_lake)


def test_a_broken_document_is_quarantined_and_does_not_stop_the_others(
    small_lake: SmallLake,
) -> None:
    small_lake.put("good")
    key = small_lake.put_bytes("bad", b'{"tenant_id": "demo-tenant", ')
    assert small_lake.run().succeeded
    assert small_lake.call_ids() == ["good"]
    [row] = small_lake.rows("quarantined_documents")
    assert row["source_key"] == key
    assert row["expected"] == "valid JSON"
    assert small_lake.store.read(row["quarantine_key"]) == small_lake.store.read(key)
    assert balances(small_lake)[DAY] == (2, 1, 0, 1)
    prove(small_lake)


def test_a_document_that_was_corrected_in_place_is_published_and_its_copy_deleted(
    small_lake: SmallLake,
) -> None:
    small_lake.put_bytes("call-1", b"{")
    small_lake.run()
    [row] = small_lake.rows("quarantined_documents")
    small_lake.put("call-1")
    small_lake.run()
    assert small_lake.call_ids() == ["call-1"]
    assert small_lake.rows("quarantined_documents") == []
    with pytest.raises(FileNotFoundError):
        small_lake.store.read(row["quarantine_key"])
    prove(small_lake)


def test_a_call_whose_date_was_corrected_is_on_its_new_day_only(small_lake: SmallLake) -> None:
    small_lake.put("call-1")
    small_lake.put("call-2")
    small_lake.run()
    small_lake.put("call-1", day=NEXT_DAY, revision=2)
    report = small_lake.run()
    assert report.succeeded
    assert small_lake.call_ids() == ["call-1", "call-2"]
    [moved] = [row for row in small_lake.rows("calls") if row["call_id"] == "call-1"]
    assert moved["revision"] == 2
    assert balances(small_lake) == {DAY: (2, 1, 1, 0), NEXT_DAY: (1, 1, 0, 0)}
    assert small_lake.run().days == []
    prove(small_lake)


def test_an_older_revision_on_another_day_never_replaces_the_call(small_lake: SmallLake) -> None:
    small_lake.put("call-1", revision=2)
    small_lake.run()
    small_lake.put("call-1", day=NEXT_DAY, revision=1)
    small_lake.put("call-2", day=NEXT_DAY)
    small_lake.run()
    assert [(row["call_id"], row["revision"]) for row in small_lake.rows("calls")] == [
        ("call-1", 2), ("call-2", 1),
    ]  # fmt: skip
    assert balances(small_lake) == {DAY: (1, 1, 0, 0), NEXT_DAY: (2, 1, 1, 0)}
    prove(small_lake)


def test_two_documents_of_one_call_in_one_run_give_one_row(small_lake: SmallLake) -> None:
    small_lake.put("call-1", revision=1)
    small_lake.put("call-1", day=NEXT_DAY, revision=2)
    small_lake.run()
    assert [(row["call_id"], row["revision"]) for row in small_lake.rows("calls")] == [
        ("call-1", 2)
    ]
    assert balances(small_lake) == {DAY: (1, 0, 1, 0), NEXT_DAY: (1, 1, 0, 0)}
    prove(small_lake)


@pytest.mark.parametrize("times", ["as written", "the same", "turned round"])
@pytest.mark.parametrize("nights", ["one night", "stale first", "later first"])
@pytest.mark.parametrize(("stale", "right"), [(DAY, NEXT_DAY), (NEXT_DAY, DAY)])
def test_of_two_documents_of_one_revision_the_later_writing_is_the_call(
    small_lake: SmallLake, stale: dt.date, right: dt.date, nights: str, times: str
) -> None:
    """Whatever a copy of the lake, or a store's clock, made of their times."""
    kinds = [("stale", stale, 4), ("right", right, 7)]
    for number, (queue, day, writing) in enumerate(
        reversed(kinds) if nights == "later first" else kinds
    ):
        key = small_lake.put("call-1", day=day, queue=queue, writing=writing)
        later = (queue == "right") == (times == "as written")
        at = NEXT_NIGHT.timestamp() + (later if times != "the same" else 0)
        os.utime(small_lake.store.path(key), (at, at))
        if nights != "one night" and number == 0:
            small_lake.run()
    small_lake.run()
    assert [(row["call_id"], row["queue"]) for row in small_lake.rows("calls")] == [
        ("call-1", "right")
    ]
    prove(small_lake)
    # The stale one goes at last, and the one that counts stays.
    small_lake.store.delete(f"unified/demo-tenant/{stale:%Y/%m/%d}/call-1.json")
    small_lake.run()
    assert [row["queue"] for row in small_lake.rows("calls")] == ["right"]


def test_a_call_that_went_to_another_day_and_back_is_on_its_first_day(
    small_lake: SmallLake,
) -> None:
    small_lake.put("call-1", writing=3)
    small_lake.run()
    small_lake.store.delete(f"unified/demo-tenant/{DAY:%Y/%m/%d}/call-1.json")
    small_lake.put("call-1", day=NEXT_DAY, writing=5)
    small_lake.run()
    small_lake.store.delete(f"unified/demo-tenant/{NEXT_DAY:%Y/%m/%d}/call-1.json")
    key = small_lake.put("call-1", writing=8, queue="back")
    # As a copy may leave it: before the document that it came after.
    os.utime(small_lake.store.path(key), (NEXT_NIGHT.timestamp(),) * 2)
    small_lake.run()
    [row] = small_lake.rows("calls")
    assert (row["queue"], row["source_key"]) == ("back", key)
    prove(small_lake)


def test_a_day_that_loses_a_call_while_its_own_documents_wait_is_built_again(
    small_lake: SmallLake,
) -> None:
    """Several processes build the second day before the first one takes a call away from it."""
    small_lake.put("call-1", day=NEXT_DAY)
    small_lake.put("call-2", day=NEXT_DAY)
    small_lake.run()
    small_lake.put("call-1", revision=2)
    small_lake.put("call-3", day=NEXT_DAY)

    report = small_lake.run()

    assert [(day.call_date, day.status, day.documents_read) for day in report.days] == [
        (DAY, DayStatus.PUBLISHED, 1), (NEXT_DAY, DayStatus.PUBLISHED, 1),
    ]  # fmt: skip
    assert balances(small_lake) == {DAY: (1, 1, 0, 0), NEXT_DAY: (3, 2, 1, 0)}
    assert small_lake.call_ids() == ["call-1", "call-2", "call-3"]
    assert small_lake.catalog.abandoned(TENANT) == []  # nor files of what was built before
    assert small_lake.run().days == []
    prove(small_lake)


def test_a_day_that_cannot_be_published_leaves_no_file_behind(small_lake: SmallLake) -> None:
    small_lake.put("call-1")
    small_lake.put("call-2")
    small_lake.run()
    published = small_lake.files("curated").keys()
    small_lake.put_bytes("call-1", b"{")
    small_lake.put_bytes("call-2", b"{")
    assert [day.status for day in small_lake.run().days] == [DayStatus.REFUSED]
    assert small_lake.files("curated").keys() == published
    assert small_lake.catalog.abandoned(TENANT) == []


def test_a_later_revision_counts_more_than_any_writing(small_lake: SmallLake) -> None:
    small_lake.put("call-1", revision=1, writing=90, queue="first upload")
    small_lake.put("call-1", day=NEXT_DAY, revision=2, writing=2, queue="second upload")
    small_lake.run()
    assert [row["queue"] for row in small_lake.rows("calls")] == ["second upload"]
    prove(small_lake)


def test_a_day_that_would_lose_many_calls_is_not_published(small_lake: SmallLake) -> None:
    for number in range(10):
        small_lake.put(f"call-{number}")
    small_lake.put("other", day=NEXT_DAY)
    small_lake.run()
    for number in range(6):
        small_lake.put_bytes(f"call-{number}", b"{")
    small_lake.put("other-2", day=NEXT_DAY)

    report = small_lake.run()

    assert {day.call_date: day.status for day in report.days} == {
        DAY: DayStatus.REFUSED,
        NEXT_DAY: DayStatus.PUBLISHED,
    }
    assert not report.succeeded
    [refused] = [day for day in report.days if day.status is DayStatus.REFUSED]
    assert refused.reason == (
        "6 of 10 published calls would be lost to documents that now break the contract, such as "
        f"unified/{TENANT}/2025/11/05/call-0.json; correct them, or run with --allow-shrink"
    )
    assert len(small_lake.call_ids()) == 12
    assert small_lake.run(allow_shrink=True).succeeded
    assert len(small_lake.call_ids()) == 6
    prove(small_lake)


def test_files_that_are_not_laid_out_as_documents_are_accounted_for(small_lake: SmallLake) -> None:
    small_lake.put("good")
    small_lake.store.write(f"unified/{TENANT}/notes.txt", b"hello")
    small_lake.store.write(f"unified/{TENANT}/2025/13/45/x.json", b"{}")
    small_lake.run()
    rows = small_lake.rows("quarantined_documents")
    assert sorted(row["source_key"] for row in rows) == [
        f"unified/{TENANT}/2025/13/45/x.json",
        f"unified/{TENANT}/notes.txt",
    ]
    assert {row["found"] for row in rows} == {"a key of another layout"}
    assert small_lake.run().days == []
    prove(small_lake)


def test_tenants_never_see_each_other(small_lake: SmallLake) -> None:
    small_lake.put("call-1")
    small_lake.put("call-2", tenant_id="other-tenant")
    stolen = json.dumps(document("call-3", tenant_id="other-tenant")).encode()
    small_lake.put_bytes("call-3", stolen)
    small_lake.run(TENANT, "other-tenant")
    assert small_lake.call_ids() == ["call-1"]
    assert small_lake.call_ids(tenant_id="other-tenant") == ["call-2"]
    [row] = small_lake.rows("quarantined_documents")
    assert (row["json_path"], row["expected"], row["found"]) == (
        "tenant_id", "'demo-tenant', as in the key", "another tenant",
    )  # fmt: skip
    for part in small_lake.catalog.parts("other-tenant")["calls"]:
        assert part.key.startswith("curated/other-tenant/")


def test_a_day_whose_old_files_are_damaged_fails_alone(small_lake: SmallLake) -> None:
    small_lake.put("call-1")
    small_lake.put("other", day=NEXT_DAY)
    small_lake.run()
    part = small_lake.catalog.parts(TENANT, DAY)["calls"][0]
    small_lake.store.write(part.key, b"not parquet")
    small_lake.put("call-2")
    small_lake.put("other-2", day=NEXT_DAY)
    report = small_lake.run()
    assert {day.call_date: day.status for day in report.days} == {
        DAY: DayStatus.FAILED,
        NEXT_DAY: DayStatus.PUBLISHED,
    }


def test_replaced_generations_are_deleted_after_the_grace_period(small_lake: SmallLake) -> None:
    small_lake.put("call-1")
    small_lake.run()
    [old] = small_lake.catalog.parts(TENANT, DAY)["calls"]
    small_lake.put("call-2")
    small_lake.run()
    small_lake.now += dt.timedelta(hours=23)
    small_lake.run()
    assert small_lake.store.read(old.key)
    small_lake.now += dt.timedelta(hours=2)
    small_lake.run()
    with pytest.raises(FileNotFoundError):
        small_lake.store.read(old.key)
    assert small_lake.call_ids() == ["call-1", "call-2"]
    prove(small_lake)


def test_days_before_since_are_left_alone(small_lake: SmallLake) -> None:
    small_lake.put("call-1")
    small_lake.put("call-2", day=NEXT_DAY)
    small_lake.run(since=NEXT_DAY)
    assert small_lake.call_ids() == ["call-2"]
    small_lake.run()
    assert small_lake.call_ids() == ["call-1", "call-2"]


def test_a_document_of_a_missing_form_is_quarantined_until_the_form_is_added(
    small_lake: SmallLake,
) -> None:
    key = small_lake.put("call-1", qa_template_version="v7")
    small_lake.run()
    [row] = small_lake.rows("quarantined_documents")
    assert (row["expected"], row["found"]) == (
        "a form of this tenant (add it with: cci-lite forms put)", "'default' v7",
    )  # fmt: skip
    small_lake.forms.append(dataclasses.replace(small_lake.forms[0], version=7))
    small_lake.run(replay=frozenset({key}))
    assert small_lake.call_ids() == ["call-1"]


def test_large_parts_are_carried_each_for_itself_and_small_ones_are_merged(
    small_lake: SmallLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cci_lite.nightly.staging.SMALL_PART_CALLS", 3)
    for number in range(4):
        small_lake.put(f"call-{number}")
    small_lake.run()
    small_lake.put("late-1")
    small_lake.run()
    assert [part.rows for part in small_lake.catalog.parts(TENANT, DAY)["calls"]] == [4, 1]
    small_lake.put("late-2")
    small_lake.put("call-0", verdicts=(None, None, None))
    small_lake.run()
    assert [part.rows for part in small_lake.catalog.parts(TENANT, DAY)["calls"]] == [3, 3]
    assert len(small_lake.call_ids()) == 6
    prove(small_lake)


def test_a_large_part_that_stays_as_it_is_is_copied_and_one_that_loses_rows_is_written_anew(
    small_lake: SmallLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cci_lite.nightly.staging.SMALL_PART_CALLS", 3)
    for number in range(3):
        small_lake.put(f"call-{number}")
    small_lake.run()
    old = contents_of_parts(small_lake)
    assert old.keys() == {"calls", "qa_criteria", "entities", "key_phrases", "sentiment_segments",
                          "action_items"}  # fmt: skip
    small_lake.put("late-0")
    small_lake.run()
    assert {name: parts[0] for name, parts in contents_of_parts(small_lake).items()} == {
        name: part for name, [part] in old.items()
    }
    prove(small_lake)
    small_lake.put("call-1", revision=2)
    small_lake.run()
    assert contents_of_parts(small_lake)["calls"][0] not in old["calls"]
    assert small_lake.call_ids() == ["call-0", "call-1", "call-2", "late-0"]
    prove(small_lake)


def test_a_large_part_that_is_damaged_is_not_copied(
    small_lake: SmallLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cci_lite.nightly.staging.SMALL_PART_CALLS", 2)
    for number in range(2):
        small_lake.put(f"call-{number}")
    small_lake.run()
    [part] = small_lake.catalog.parts(TENANT)["entities"]
    data = bytearray(small_lake.store.read(part.key))
    data[30] ^= 1
    small_lake.store.write(part.key, data)
    small_lake.put("late")
    [day] = small_lake.run().days
    assert day.status is DayStatus.FAILED
    assert day.reason.startswith(f"{part.key}: expected a whole Parquet file of entities, found")


def contents_of_parts(small_lake: SmallLake) -> dict[str, list[bytes]]:
    """The bytes of the published files, but for the balance sheets."""
    parts = small_lake.catalog.parts(TENANT)
    return {
        name: [small_lake.store.read(part.key) for part in files]
        for name, files in parts.items()
        if name != "etl_runs"
    }


def test_a_day_that_would_lose_all_of_its_calls_is_not_published(small_lake: SmallLake) -> None:
    small_lake.put("call-1")
    small_lake.put("call-2")
    small_lake.run()
    small_lake.put_bytes("call-1", b"{")
    small_lake.put_bytes("call-2", b"{")
    [day] = small_lake.run().days
    assert day.status is DayStatus.REFUSED
    assert small_lake.call_ids() == ["call-1", "call-2"]


def test_a_tenant_that_fails_does_not_stop_the_others(
    small_lake: SmallLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_lake.put("call-1")
    small_lake.put("call-2", tenant_id="other-tenant")
    days = type(small_lake.catalog).days

    def locked(catalog: SqliteCatalog, tenant_id: str) -> object:
        if tenant_id == TENANT:
            raise LakeError("the catalogue cannot be used: database is locked; run again")
        return days(catalog, tenant_id)

    monkeypatch.setattr(type(small_lake.catalog), "days", locked)
    report = small_lake.run(TENANT, "other-tenant")
    assert report.failed == {TENANT: "the catalogue cannot be used: database is locked; run again"}
    assert not report.succeeded
    monkeypatch.undo()
    assert small_lake.call_ids(tenant_id="other-tenant") == ["call-2"]


def test_a_stray_file_that_changes_every_night_has_one_row(small_lake: SmallLake) -> None:
    for content in (b"one", b"three", b"seven!"):
        small_lake.store.write(f"unified/{TENANT}/notes.txt", content)
        small_lake.run()
    assert len(small_lake.rows("quarantined_documents")) == 1


def test_rows_that_are_carried_over_are_sorted_in_among_the_new_ones(small_lake: SmallLake) -> None:
    for names in (("call-b", "call-d"), ("call-a", "call-c"), ("call-0",)):
        for name in names:
            small_lake.put(name)
            small_lake.put_bytes(f"broken-{name}", b"{")
        small_lake.run()
    for table_name, parts in small_lake.catalog.parts(TENANT, DAY).items():
        [part] = parts
        rows = read_part(small_lake.store, part.key, table_name).select(TABLES[table_name].key)
        keys = [tuple(row.values()) for row in rows.to_pylist()]
        assert keys == sorted(keys), table_name
        assert len(keys) >= 3, table_name


def test_the_balance_sheets_of_a_day_are_kept_and_say_what_was_read(small_lake: SmallLake) -> None:
    small_lake.put("call-1")
    small_lake.put("call-2")
    small_lake.put_bytes("call-3", b"{")
    small_lake.run()
    small_lake.put("call-2", verdicts=(False, None, None))
    small_lake.run()
    small_lake.put("call-3")
    small_lake.put("call-4")
    small_lake.run()

    first, second, third = sorted(small_lake.rows("etl_runs"), key=lambda row: row["etl_run_id"])
    assert [
        (row["etl_run_id"], row["documents_read"], row["sources"], row["calls"], row["quarantined"])
        for row in (first, second, third)
    ] == [("run-1", 3, 3, 2, 1), ("run-2", 1, 3, 2, 1), ("run-3", 2, 4, 4, 0)]
    assert [row["previous_generation"] for row in (first, second, third)] == [
        None, first["generation"], second["generation"],
    ]  # fmt: skip
    assert small_lake.catalog.days(TENANT)[DAY].generation == third["generation"]


def test_a_file_whose_name_is_not_text_is_quarantined_and_does_not_stop_the_others(
    small_lake: SmallLake,
) -> None:
    small_lake.put("good")
    folder = os.fsencode(small_lake.root / "unified" / TENANT / "2025" / "11" / "05")
    with open(folder + b"/bad\xffname.json", "wb") as file:  # noqa: PTH123
        file.write(b"{}")
    assert small_lake.run().succeeded
    assert small_lake.call_ids() == ["good"]
    [row] = small_lake.rows("quarantined_documents")
    assert row["source_key"].endswith("bad\\xffname.json")
    prove(small_lake)
