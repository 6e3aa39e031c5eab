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
from tests.worlds import DAY, EVERY_POOL, NEXT_DAY, TENANT, World, document

EVERYTHING: frozenset[str] = frozenset()


def balance(world: World) -> Balance:
    """The sum of all days, of what the catalogue knows."""
    records = [
        record
        for day in world.catalog.days(TENANT)
        for record in world.catalog.sources(TENANT, day).values()
    ]
    return Balance.of(records)


def prove(world: World) -> None:
    assert verify_tenant(world.lake, TENANT).findings == ()


def test_a_discarded_document_is_accounted_for_and_stays_discarded(world: World) -> None:
    world.put("good")
    key = world.put_bytes("bad", b"{")
    other = world.put_bytes("other", b"{")
    world.run()

    [day] = world.run(discard=frozenset({key})).days
    assert day.balance == Balance(3, 1, 0, 1, 1, 0)
    assert [row["source_key"] for row in world.rows("quarantined_documents")] == [other]
    assert world.files("quarantine").keys() == {f"quarantine/{TENANT}/2025/11/05/other.json"}
    assert world.store.read(key) == b"{"
    assert world.rows("etl_runs")[-1]["discarded"] == 1
    assert world.run().days == []
    world.put("late")
    [day] = world.run().days
    assert day.balance == Balance(4, 2, 0, 1, 1, 0)
    assert day.documents_read == 1
    prove(world)


@EVERY_POOL
def test_a_discarded_document_that_is_written_anew_is_read_again(world: World) -> None:
    key = world.put_bytes("call-1", b"{")
    world.run()
    world.run(discard=frozenset({key}))
    world.put("call-1")
    world.run()
    assert world.call_ids() == ["call-1"]
    assert balance(world) == Balance(1, 1, 0, 0, 0, 0)
    world.put_bytes("call-1", b"{{")
    world.run()
    assert balance(world) == Balance(1, 0, 0, 1, 0, 0)
    prove(world)


@EVERY_POOL
def test_all_of_a_quarantine_is_discarded_at_once_on_all_of_its_days(world: World) -> None:
    world.put_bytes("bad-1", b"{")
    world.put_bytes("bad-2", b"{", day=NEXT_DAY)
    world.store.write(f"unified/{TENANT}/notes.txt", b"x")
    world.put("good", day=NEXT_DAY)
    world.run()
    assert len(world.run(discard=EVERYTHING).days) == 3
    assert list_quarantined(world.lake, TENANT) == []
    assert world.files("quarantine") == {}
    assert balance(world) == Balance(4, 1, 0, 0, 3, 0)
    assert world.run().days == []
    prove(world)


def test_discarding_reads_nothing_else(world: World) -> None:
    key = world.put_bytes("bad", b"{")
    world.run()
    world.put("new")
    world.run(discard=frozenset({key}))
    assert world.call_ids() == []
    world.run()
    assert world.call_ids() == ["new"]


def test_what_is_not_in_quarantine_cannot_be_discarded(world: World) -> None:
    key = world.put("good")
    world.run()
    with pytest.raises(NotFoundError, match="keys that are not in quarantine: 1"):
        world.run(discard=frozenset({key}))
    assert world.call_ids() == ["good"]


def test_a_discarded_document_is_not_replayed(world: World) -> None:
    key = world.put_bytes("bad", b"{")
    world.run()
    world.run(discard=frozenset({key}))
    assert world.run(replay=EVERYTHING).replayed == []
    assert balance(world).discarded == 1


def test_a_stray_and_a_document_that_cannot_be_read_stay_discarded(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked = world.put("locked")
    stray = f"unified/{TENANT}/2025/11/05/stray.json"
    world.store.path(stray).symlink_to("locked.json")
    read = type(world.store).read

    def guarded(store: object, key: str) -> bytes:
        if key == locked:
            raise PermissionError(13, "Permission denied", "/Jane/Doe.json")
        return read(store, key)  # type: ignore[arg-type]

    monkeypatch.setattr(type(world.store), "read", guarded)
    world.run()
    found = {each.source_key: (each.expected, each.found) for each in
             list_quarantined(world.lake, TENANT)}  # fmt: skip
    assert found == {
        locked: ("a document that can be read", "Permission denied"),
        stray: ("a regular file", "a symbolic link"),
    }
    world.run(discard=EVERYTHING)
    assert world.run().days == []
    assert balance(world).discarded == 2
    prove(world)


def test_a_document_that_cannot_be_read_is_tried_again_every_night(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.put("good")
    locked = world.put("locked")
    read = type(world.store).read

    def guarded(store: object, key: str) -> bytes:
        if key == locked:
            raise OSError(5, "Input/output error", "/Jane/Doe.json")
        return read(store, key)  # type: ignore[arg-type]

    monkeypatch.setattr(type(world.store), "read", guarded)
    for _ in range(2):
        [day] = world.run().days
        assert day.balance == Balance(2, 1, 0, 1, 0, 0)
        prove(world)
    [replayed] = world.run(replay=EVERYTHING).replayed
    assert str(replayed.problem) == (
        "expected a document that can be read, found Input/output error"
    )
    monkeypatch.undo()
    world.run()
    assert world.call_ids() == ["good", "locked"]
    assert world.run().days == []
    prove(world)


def test_what_was_deleted_at_its_source_leaves_quarantine_and_is_counted(world: World) -> None:
    world.put("good")
    bad = [world.put_bytes(f"bad-{number}", b"{") for number in range(2)]
    world.run()
    world.store.delete(bad[0])
    [day] = world.run().days
    assert day.left == 1
    assert day.balance == Balance(2, 1, 0, 1, 0, 0)
    assert world.files("quarantine").keys() == {f"quarantine/{TENANT}/2025/11/05/bad-1.json"}
    assert world.run().days == []
    prove(world)


@pytest.mark.parametrize("place", ["2025/11/05/bad.json", "notes.txt", "2025/11/more/x.json"])
def test_the_last_document_of_a_day_leaves_quarantine_too(world: World, place: str) -> None:
    key = f"unified/{TENANT}/{place}"
    world.store.write(key, b"{")
    world.run()
    assert balance(world) == Balance(1, 0, 0, 1, 0, 0)
    world.store.delete(key)
    assert [day.left for day in world.run().days] == [1]
    assert balance(world) == Balance(0, 0, 0, 0, 0, 0)
    assert world.files("quarantine") == {}
    assert world.run().days == []
    prove(world)


def test_a_discarded_document_that_is_gone_is_forgotten(world: World) -> None:
    key = world.put_bytes("bad", b"{")
    world.put("good")
    world.run()
    world.run(discard=EVERYTHING)
    world.store.delete(key)
    world.run()
    assert balance(world) == Balance(1, 1, 0, 0, 0, 0)
    assert world.run().days == []
    prove(world)


def test_a_stray_that_was_taken_away_leaves_quarantine(world: World) -> None:
    world.put("good")
    stray = world.store.path(f"unified/{TENANT}/2025/11/05/x.json")
    os.mkfifo(stray)
    world.run()
    assert balance(world).quarantined == 1
    stray.unlink()
    world.run()
    assert balance(world) == Balance(1, 1, 0, 0, 0, 0)
    stray.symlink_to("good.json")
    world.run()
    stray.unlink()
    world.put("x")
    world.run()
    assert world.call_ids() == ["good", "x"]
    prove(world)


def test_a_copy_that_a_person_has_corrected_is_kept_when_its_source_is_deleted(
    world: World,
) -> None:
    world.put("good")
    key = world.put_bytes("bad", b"{")
    world.run()
    copy = f"quarantine/{TENANT}/2025/11/05/bad.json"
    world.store.write(copy, json.dumps(document("bad")).encode())
    world.store.delete(key)
    assert world.run().days == []
    assert balance(world).quarantined == 1
    world.run(replay=EVERYTHING)
    assert world.call_ids() == ["bad", "good"]
    prove(world)


def test_nothing_leaves_quarantine_because_its_folder_cannot_be_listed(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.put_bytes("bad", b"{")
    world.run()
    really_open = os.open

    def guarded(path: str, *arguments: int, **options: int) -> int:
        if str(path) == "11":
            raise PermissionError(13, "Permission denied", path)
        return really_open(path, *arguments, **options)

    monkeypatch.setattr("cci_lite.local.regular.os.open", guarded)
    assert not world.run().succeeded
    monkeypatch.undo()
    assert world.catalog.records(TENANT, SourceOutcome.QUARANTINED)
    assert world.run().days == []


def test_nothing_leaves_quarantine_because_a_link_took_the_place_of_its_folder(
    world: World,
) -> None:
    world.put_bytes("bad", b"{")
    world.run()
    folder = world.store.path(f"unified/{TENANT}/2025/11")
    folder.rename(folder.with_name("was"))
    folder.symlink_to("was")
    report = world.run()
    assert [(day.call_date, day.status.value) for day in report.days if day.reason] == [
        (DAY, "failed")
    ]
    assert len(world.catalog.records(TENANT, SourceOutcome.QUARANTINED)) >= 1
    folder.unlink()
    folder.with_name("was").rename(folder)
    assert world.run().succeeded
    assert balance(world) == Balance(1, 0, 0, 1, 0, 0)
    prove(world)


def test_the_run_counts_what_is_in_quarantine_whatever_days_it_touches(world: World) -> None:
    world.put_bytes("bad", b"{")
    assert world.run().quarantined == {TENANT: 1}
    assert world.run().quarantined == {TENANT: 1}
    world.run(discard=EVERYTHING)
    assert world.run().quarantined == {}


def test_old_calls_are_kept_when_their_documents_are_gone(world: World) -> None:
    key = world.put("call-1")
    world.put_bytes("bad", b"{")
    world.run()
    world.store.delete(key)
    world.run(discard=EVERYTHING)
    world.put("call-2")
    world.run()
    assert world.call_ids() == ["call-1", "call-2"]
    prove(world)
