"""How documents leave quarantine: discarded by a person, or gone at their source."""

from __future__ import annotations

import json
import os

import pytest

from cci_lite.errors import NotFoundError
from cci_lite.nightly.quarantine import list_quarantined
from cci_lite.nightly.run_report import Balance
from cci_lite.nightly.verify import verify_tenant
from cci_lite.ports import SourceOutcome
from tests.small_lake import DAY, EVERY_POOL, NEXT_DAY, TENANT, SmallLake, document

EVERYTHING: frozenset[str] = frozenset()


def balance(small_lake: SmallLake) -> Balance:
    """The sum of all days, of what the catalogue knows."""
    records = [
        record
        for day in small_lake.catalog.days(TENANT)
        for record in small_lake.catalog.sources(TENANT, day).values()
    ]
    return Balance.of(records)


def prove(small_lake: SmallLake) -> None:
    assert verify_tenant(small_lake.lake, TENANT).findings == ()


def test_a_discarded_document_is_accounted_for_and_stays_discarded(small_lake: SmallLake) -> None:
    small_lake.put("good")
    key = small_lake.put_bytes("bad", b"{")
    other = small_lake.put_bytes("other", b"{")
    small_lake.run()

    [day] = small_lake.run(discard=frozenset({key})).days
    assert day.balance == Balance(3, 1, 0, 1, 1, 0)
    assert [row["source_key"] for row in small_lake.rows("quarantined_documents")] == [other]
    assert small_lake.files("quarantine").keys() == {f"quarantine/{TENANT}/2025/11/05/other.json"}
    assert small_lake.store.read(key) == b"{"
    assert small_lake.rows("etl_runs")[-1]["discarded"] == 1
    assert small_lake.run().days == []
    small_lake.put("late")
    [day] = small_lake.run().days
    assert day.balance == Balance(4, 2, 0, 1, 1, 0)
    assert day.documents_read == 1
    prove(small_lake)


@EVERY_POOL
def test_a_discarded_document_that_is_written_anew_is_read_again(small_lake: SmallLake) -> None:
    key = small_lake.put_bytes("call-1", b"{")
    small_lake.run()
    small_lake.run(discard=frozenset({key}))
    small_lake.put("call-1")
    small_lake.run()
    assert small_lake.call_ids() == ["call-1"]
    assert balance(small_lake) == Balance(1, 1, 0, 0, 0, 0)
    small_lake.put_bytes("call-1", b"{{")
    small_lake.run()
    assert balance(small_lake) == Balance(1, 0, 0, 1, 0, 0)
    prove(small_lake)


@EVERY_POOL
def test_all_of_a_quarantine_is_discarded_at_once_on_all_of_its_days(small_lake: SmallLake) -> None:
    small_lake.put_bytes("bad-1", b"{")
    small_lake.put_bytes("bad-2", b"{", day=NEXT_DAY)
    small_lake.store.write(f"unified/{TENANT}/notes.txt", b"x")
    small_lake.put("good", day=NEXT_DAY)
    small_lake.run()
    assert len(small_lake.run(discard=EVERYTHING).days) == 3
    assert list_quarantined(small_lake.lake, TENANT) == []
    assert small_lake.files("quarantine") == {}
    assert balance(small_lake) == Balance(4, 1, 0, 0, 3, 0)
    assert small_lake.run().days == []
    prove(small_lake)


def test_discarding_reads_nothing_else(small_lake: SmallLake) -> None:
    key = small_lake.put_bytes("bad", b"{")
    small_lake.run()
    small_lake.put("new")
    small_lake.run(discard=frozenset({key}))
    assert small_lake.call_ids() == []
    small_lake.run()
    assert small_lake.call_ids() == ["new"]


def test_what_is_not_in_quarantine_cannot_be_discarded(small_lake: SmallLake) -> None:
    key = small_lake.put("good")
    small_lake.run()
    with pytest.raises(NotFoundError, match="keys that are not in quarantine: 1"):
        small_lake.run(discard=frozenset({key}))
    assert small_lake.call_ids() == ["good"]


def test_a_discarded_document_is_not_replayed(small_lake: SmallLake) -> None:
    key = small_lake.put_bytes("bad", b"{")
    small_lake.run()
    small_lake.run(discard=frozenset({key}))
    assert small_lake.run(replay=EVERYTHING).replayed == []
    assert balance(small_lake).discarded == 1


def test_a_stray_and_a_document_that_cannot_be_read_stay_discarded(
    small_lake: SmallLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked = small_lake.put("locked")
    stray = f"unified/{TENANT}/2025/11/05/stray.json"
    small_lake.store.path(stray).symlink_to("locked.json")
    read = type(small_lake.store).read

    def guarded(store: object, key: str) -> bytes:
        if key == locked:
            raise PermissionError(13, "Permission denied", "/Jane/Doe.json")
        return read(store, key)  # type: ignore[arg-type]

    monkeypatch.setattr(type(small_lake.store), "read", guarded)
    small_lake.run()
    found = {each.source_key: (each.expected, each.found) for each in
             list_quarantined(small_lake.lake, TENANT)}  # fmt: skip
    assert found == {
        locked: ("a document that can be read", "Permission denied"),
        stray: ("a regular file", "a symbolic link"),
    }
    small_lake.run(discard=EVERYTHING)
    assert small_lake.run().days == []
    assert balance(small_lake).discarded == 2
    prove(small_lake)


def test_a_document_that_cannot_be_read_is_tried_again_every_night(
    small_lake: SmallLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_lake.put("good")
    locked = small_lake.put("locked")
    read = type(small_lake.store).read

    def guarded(store: object, key: str) -> bytes:
        if key == locked:
            raise OSError(5, "Input/output error", "/Jane/Doe.json")
        return read(store, key)  # type: ignore[arg-type]

    monkeypatch.setattr(type(small_lake.store), "read", guarded)
    for _ in range(2):
        [day] = small_lake.run().days
        assert day.balance == Balance(2, 1, 0, 1, 0, 0)
        prove(small_lake)
    [replayed] = small_lake.run(replay=EVERYTHING).replayed
    assert str(replayed.problem) == (
        "expected a document that can be read, found Input/output error"
    )
    monkeypatch.undo()
    small_lake.run()
    assert small_lake.call_ids() == ["good", "locked"]
    assert small_lake.run().days == []
    prove(small_lake)


def test_what_was_deleted_at_its_source_leaves_quarantine_and_is_counted(
    small_lake: SmallLake,
) -> None:
    small_lake.put("good")
    bad = [small_lake.put_bytes(f"bad-{number}", b"{") for number in range(2)]
    small_lake.run()
    small_lake.store.delete(bad[0])
    [day] = small_lake.run().days
    assert day.left == 1
    assert day.balance == Balance(2, 1, 0, 1, 0, 0)
    assert small_lake.files("quarantine").keys() == {f"quarantine/{TENANT}/2025/11/05/bad-1.json"}
    assert small_lake.run().days == []
    prove(small_lake)


@pytest.mark.parametrize("place", ["2025/11/05/bad.json", "notes.txt", "2025/11/more/x.json"])
def test_the_last_document_of_a_day_leaves_quarantine_too(
    small_lake: SmallLake, place: str
) -> None:
    key = f"unified/{TENANT}/{place}"
    small_lake.store.write(key, b"{")
    small_lake.run()
    assert balance(small_lake) == Balance(1, 0, 0, 1, 0, 0)
    small_lake.store.delete(key)
    assert [day.left for day in small_lake.run().days] == [1]
    assert balance(small_lake) == Balance(0, 0, 0, 0, 0, 0)
    assert small_lake.files("quarantine") == {}
    assert small_lake.run().days == []
    prove(small_lake)


def test_a_discarded_document_that_is_gone_is_forgotten(small_lake: SmallLake) -> None:
    key = small_lake.put_bytes("bad", b"{")
    small_lake.put("good")
    small_lake.run()
    small_lake.run(discard=EVERYTHING)
    small_lake.store.delete(key)
    small_lake.run()
    assert balance(small_lake) == Balance(1, 1, 0, 0, 0, 0)
    assert small_lake.run().days == []
    prove(small_lake)


def test_a_stray_that_was_taken_away_leaves_quarantine(small_lake: SmallLake) -> None:
    small_lake.put("good")
    stray = small_lake.store.path(f"unified/{TENANT}/2025/11/05/x.json")
    os.mkfifo(stray)
    small_lake.run()
    assert balance(small_lake).quarantined == 1
    stray.unlink()
    small_lake.run()
    assert balance(small_lake) == Balance(1, 1, 0, 0, 0, 0)
    stray.symlink_to("good.json")
    small_lake.run()
    stray.unlink()
    small_lake.put("x")
    small_lake.run()
    assert small_lake.call_ids() == ["good", "x"]
    prove(small_lake)


def test_a_copy_that_a_person_has_corrected_is_kept_when_its_source_is_deleted(
    small_lake: SmallLake,
) -> None:
    small_lake.put("good")
    key = small_lake.put_bytes("bad", b"{")
    small_lake.run()
    copy = f"quarantine/{TENANT}/2025/11/05/bad.json"
    small_lake.store.write(copy, json.dumps(document("bad")).encode())
    small_lake.store.delete(key)
    assert small_lake.run().days == []
    assert balance(small_lake).quarantined == 1
    small_lake.run(replay=EVERYTHING)
    assert small_lake.call_ids() == ["bad", "good"]
    prove(small_lake)


def test_nothing_leaves_quarantine_because_its_folder_cannot_be_listed(
    small_lake: SmallLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_lake.put_bytes("bad", b"{")
    small_lake.run()
    really_open = os.open

    def guarded(path: str, *arguments: int, **options: int) -> int:
        if str(path) == "11":
            raise PermissionError(13, "Permission denied", path)
        return really_open(path, *arguments, **options)

    monkeypatch.setattr("cci_lite.local.regular.os.open", guarded)
    assert not small_lake.run().succeeded
    monkeypatch.undo()
    assert small_lake.catalog.records(TENANT, SourceOutcome.QUARANTINED)
    assert small_lake.run().days == []


def test_nothing_leaves_quarantine_because_a_link_took_the_place_of_its_folder(
    small_lake: SmallLake,
) -> None:
    small_lake.put_bytes("bad", b"{")
    small_lake.run()
    folder = small_lake.store.path(f"unified/{TENANT}/2025/11")
    folder.rename(folder.with_name("was"))
    folder.symlink_to("was")
    report = small_lake.run()
    assert [(day.call_date, day.status.value) for day in report.days if day.reason] == [
        (DAY, "failed")
    ]
    assert len(small_lake.catalog.records(TENANT, SourceOutcome.QUARANTINED)) >= 1
    folder.unlink()
    folder.with_name("was").rename(folder)
    assert small_lake.run().succeeded
    assert balance(small_lake) == Balance(1, 0, 0, 1, 0, 0)
    prove(small_lake)


def test_the_run_counts_what_is_in_quarantine_whatever_days_it_touches(
    small_lake: SmallLake,
) -> None:
    small_lake.put_bytes("bad", b"{")
    assert small_lake.run().quarantined == {TENANT: 1}
    assert small_lake.run().quarantined == {TENANT: 1}
    small_lake.run(discard=EVERYTHING)
    assert small_lake.run().quarantined == {}


def test_old_calls_are_kept_when_their_documents_are_gone(small_lake: SmallLake) -> None:
    key = small_lake.put("call-1")
    small_lake.put_bytes("bad", b"{")
    small_lake.run()
    small_lake.store.delete(key)
    small_lake.run(discard=EVERYTHING)
    small_lake.put("call-2")
    small_lake.run()
    assert small_lake.call_ids() == ["call-1", "call-2"]
    prove(small_lake)
