"""Quarantine document by document: what is listed, corrected, replayed, discarded and deleted."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cci_lite.errors import LakeError, NotFoundError
from cci_lite.local.folder import FolderStore
from cci_lite.nightly.quarantine import (
    Replay,
    delete_stale_copies,
    list_quarantined,
    replay_quarantined,
    to_discard,
)
from cci_lite.ports import SourceOutcome, Unlisted
from tests.small_lake import DAY, NEXT_DAY, TENANT, SmallLake, document
from tests.unit.nightly.values import key_of

ALL: frozenset[str] = frozenset()


def copy_of(key: str) -> str:
    return key.replace("unified/", "quarantine/", 1)


def one_line(call_id: str, **fields: Any) -> bytes:
    return json.dumps(document(call_id, **fields), separators=(",", ":")).encode() + b"\n"


def replay(small_lake: SmallLake, keys: frozenset[str] = ALL) -> Replay:
    return replay_quarantined(small_lake.lake, TENANT, small_lake.forms, keys)


def problems(found: Replay) -> list[str | None]:
    return [each.problem and str(each.problem) for each in found.documents]


@pytest.fixture
def broken(small_lake: SmallLake) -> str:
    """The key of a document that waits in quarantine."""
    key = small_lake.put_bytes("call-1", b"{")
    small_lake.run()
    return key


def test_what_is_quarantined_is_listed_by_day_and_key_with_its_reason(
    small_lake: SmallLake,
) -> None:
    small_lake.put_bytes("b", b"{", day=NEXT_DAY)
    small_lake.put_bytes("c", b"{")
    small_lake.put_bytes("a", b"{}")
    small_lake.put("fine")
    small_lake.run()
    found = list_quarantined(small_lake.lake, TENANT)
    assert [(each.call_date, each.source_key) for each in found] == [
        (DAY, key_of("a")), (DAY, key_of("c")), (NEXT_DAY, key_of("b", NEXT_DAY)),
    ]  # fmt: skip
    first = found[0]
    assert (first.json_path, first.expected, first.found) == (
        "", "the field tenant_id", "an object with 0 fields",
    )  # fmt: skip
    assert first.quarantine_key == copy_of(key_of("a"))
    assert list_quarantined(small_lake.lake, "other-tenant") == []


def test_a_reason_that_cannot_be_read_is_said_and_hides_no_document(
    small_lake: SmallLake, broken: str
) -> None:
    small_lake.put_bytes("other", b"{", day=NEXT_DAY)
    small_lake.run()
    [part] = small_lake.catalog.parts(TENANT, DAY)["quarantined_documents"]
    small_lake.store.delete(part.key)
    first, second = list_quarantined(small_lake.lake, TENANT)
    assert (first.source_key, first.expected) == (
        broken, "the reason, in a file that can be read",
    )  # fmt: skip
    assert first.found.startswith(f"{part.key}: expected a whole Parquet file")
    assert second.expected == "valid JSON"


def test_a_document_that_is_still_broken_stays(small_lake: SmallLake, broken: str) -> None:
    found = replay(small_lake)
    assert problems(found) == ["expected valid JSON, found input data was truncated"]
    assert (found.again, found.removed) == (ALL, ALL)
    assert small_lake.store.read(broken) == b"{"


def test_a_copy_that_was_corrected_takes_the_place_of_its_document_on_one_line(
    small_lake: SmallLake, broken: str
) -> None:
    small_lake.store.write(copy_of(broken), json.dumps(document("call-1"), indent=2).encode())
    found = replay(small_lake)
    assert problems(found) == [None]
    assert (found.again, found.removed) == (frozenset({broken}), ALL)
    assert small_lake.store.read(broken) == one_line("call-1")


def test_a_copy_saved_with_a_byte_order_mark_is_written_without_it(
    small_lake: SmallLake, broken: str
) -> None:
    small_lake.store.write(copy_of(broken), b"\xef\xbb\xbf" + one_line("call-1"))
    assert problems(replay(small_lake)) == [None]
    assert small_lake.store.read(broken) == one_line("call-1")


def test_a_document_that_was_written_anew_counts_more_than_its_corrected_copy(
    small_lake: SmallLake, broken: str
) -> None:
    small_lake.store.write(copy_of(broken), one_line("call-1", queue="copy"))
    small_lake.put_bytes("call-1", one_line("call-1", queue="anew"))
    before = small_lake.files("unified")
    assert problems(replay(small_lake)) == [None]
    assert small_lake.files("unified") == before


def test_a_document_whose_copy_is_gone_is_looked_at_itself(
    small_lake: SmallLake, broken: str
) -> None:
    small_lake.store.delete(copy_of(broken))
    assert problems(replay(small_lake)) == ["expected valid JSON, found input data was truncated"]
    small_lake.store.delete(broken)
    assert problems(replay(small_lake)) == [
        "expected the document or its copy in quarantine, found neither"
    ]


def test_a_document_of_another_day_moves_there_and_its_old_place_is_let_go(
    small_lake: SmallLake, broken: str
) -> None:
    small_lake.store.write(copy_of(broken), one_line("call-1", day=NEXT_DAY))
    target = key_of("call-1", NEXT_DAY)
    found = replay(small_lake)
    assert (found.again, found.removed) == (frozenset({target}), frozenset({broken}))
    assert small_lake.store.read(target) == one_line("call-1", day=NEXT_DAY)
    # Only after the day has been published without it may the old one go.
    assert small_lake.store.read(broken) == b"{"


@pytest.mark.parametrize(("there", "replaced"), [(1, True), (2, False), (3, False)])
def test_a_document_that_moves_replaces_only_an_earlier_revision(
    small_lake: SmallLake, broken: str, there: int, replaced: bool
) -> None:
    target = key_of("call-1", NEXT_DAY)
    small_lake.store.write(target, one_line("call-1", day=NEXT_DAY, revision=there, queue="there"))
    small_lake.store.write(copy_of(broken), one_line("call-1", day=NEXT_DAY, revision=2))
    problem = (
        "expected no document of this call on its day, found one of the same or a later revision"
    )
    assert problems(replay(small_lake)) == [None if replaced else problem]
    assert (b'"queue":"there"' in small_lake.store.read(target)) is not replaced


def test_a_document_that_moves_replaces_one_that_cannot_be_read_as_one(
    small_lake: SmallLake, broken: str
) -> None:
    target = key_of("call-1", NEXT_DAY)
    small_lake.store.write(target, b"{}")
    small_lake.store.write(copy_of(broken), one_line("call-1", day=NEXT_DAY))
    assert problems(replay(small_lake)) == [None]
    assert small_lake.store.read(target) == one_line("call-1", day=NEXT_DAY)


def test_a_document_that_has_moved_already_is_not_written_again(
    small_lake: SmallLake, broken: str
) -> None:
    target = key_of("call-1", NEXT_DAY)
    small_lake.store.write(copy_of(broken), one_line("call-1", day=NEXT_DAY))
    small_lake.store.write(target, one_line("call-1", day=NEXT_DAY))
    before = small_lake.store.head(target)
    assert problems(replay(small_lake)) == [None]
    assert small_lake.store.head(target) == before


def test_a_stray_in_the_way_of_a_corrected_document_is_named(
    small_lake: SmallLake, broken: str
) -> None:
    small_lake.store.write(copy_of(broken), one_line("call-1", day=NEXT_DAY))
    small_lake.store.path(key_of("call-1", NEXT_DAY)).parent.symlink_to("05")
    [problem] = problems(replay(small_lake))
    assert problem is not None
    assert problem.startswith("expected a ")


def test_only_the_given_keys_are_looked_at_and_an_unknown_one_is_refused(
    small_lake: SmallLake, broken: str
) -> None:
    other = small_lake.put_bytes("other", b"{")
    small_lake.run()
    assert [each.source_key for each in replay(small_lake, frozenset({other})).documents] == [other]
    with pytest.raises(NotFoundError) as caught:
        replay(small_lake, frozenset({other, key_of("x"), key_of("y")}))
    assert str(caught.value) == (
        f"tenant {TENANT}: keys that are not in quarantine: 2; see: cci-lite quarantine list"
    )


def test_copies_of_what_is_not_in_quarantine_are_deleted_and_the_others_stay(
    small_lake: SmallLake, broken: str
) -> None:
    small_lake.store.write(f"quarantine/{TENANT}/2025/11/05/left.json", b"{")
    small_lake.store.write("quarantine/other-tenant/2025/11/05/call.json", b"{")
    stray = small_lake.store.path(f"quarantine/{TENANT}/2025/11/05/link.json")
    stray.symlink_to("call-1.json")
    delete_stale_copies(small_lake.lake, TENANT)
    assert set(small_lake.files("quarantine")) - {f"quarantine/{TENANT}/2025/11/05/link.json"} == {
        copy_of(broken), "quarantine/other-tenant/2025/11/05/call.json",
    }  # fmt: skip
    assert stray.is_symlink()


def test_a_folder_of_copies_that_cannot_be_listed_is_told_after_the_others(
    small_lake: SmallLake, broken: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_lake.store.write(f"quarantine/{TENANT}/2025/11/06/left.json", b"{")
    survey = FolderStore.survey

    def guarded(store: FolderStore, prefix: str) -> Any:
        yield Unlisted(f"{prefix}2025/10", "Permission denied")
        yield from survey(store, prefix)

    monkeypatch.setattr(FolderStore, "survey", guarded)
    with pytest.raises(LakeError) as caught:
        delete_stale_copies(small_lake.lake, TENANT)
    assert str(caught.value) == (
        f"folders below quarantine/{TENANT}/ that cannot be listed: 1 (Permission denied); give "
        "this program the right to read them, or take them away"
    )
    assert small_lake.files("quarantine").keys() == {copy_of(broken)}


def test_what_is_discarded_keeps_its_version_and_is_told_by_day(
    small_lake: SmallLake, broken: str
) -> None:
    other = small_lake.put_bytes("other", b"{", day=NEXT_DAY)
    small_lake.run()
    found = to_discard(small_lake.lake, TENANT, ALL)
    assert {day: [record.key for record in records] for day, records in found.items()} == {
        DAY: [broken], NEXT_DAY: [other],
    }  # fmt: skip
    [record] = found[DAY]
    assert record.outcome is SourceOutcome.DISCARDED
    assert record.etag == small_lake.catalog.sources(TENANT, DAY)[broken].etag
    assert to_discard(small_lake.lake, TENANT, frozenset({other})).keys() == {NEXT_DAY}
    with pytest.raises(NotFoundError):
        to_discard(small_lake.lake, TENANT, frozenset({key_of("x")}))
