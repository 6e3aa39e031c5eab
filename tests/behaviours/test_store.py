"""The behaviour that every object store must have, tested on each implementation."""

from __future__ import annotations

import multiprocessing
import pickle
from collections.abc import Iterator
from pathlib import Path

import pytest

from cci_lite.contract.limits import is_too_large
from cci_lite.errors import UsageError
from cci_lite.local.folder import FolderStore
from cci_lite.ports import Store
from tests.aws.lake_account import lake_account


@pytest.fixture(params=["folder", "bucket"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    if request.param == "folder":
        yield FolderStore(tmp_path / "root")
        return
    with lake_account() as account:
        yield account.store()


def keys(store: Store, prefix: str = "unified/") -> list[str]:
    return [found.key for found in store.listing(prefix)]


def etag(store: Store, key: str) -> str:
    [found] = [each for each in store.listing("unified/") if each.key == key]
    return found.etag


def test_what_was_written_is_read(store: Store) -> None:
    store.write("unified/demo/a/x.json", b"one")
    store.write("unified/demo/a/y.json", memoryview(b"two"))
    assert store.read("unified/demo/a/x.json") == b"one"
    assert store.read("unified/demo/a/y.json") == b"two"


def test_a_listing_shows_key_size_and_time_in_utc(store: Store) -> None:
    store.write("unified/demo/a/x.json", b"12345")
    [found] = store.listing("unified/")
    assert (found.key, found.size) == ("unified/demo/a/x.json", 5)
    assert str(found.modified_at.tzinfo) == "UTC"


def test_a_listing_is_ordered_by_key_even_where_folders_and_files_mix(store: Store) -> None:
    # '-' and '.' sort before '/', digits and letters after it.
    names = ["a/b", "a-b", "a.b", "a0", "a", "a/b-c", "a/b/c", "ab/c", "A", "ä"]
    names = [name for name in names if name not in ("a", "a/b")]  # these are folders here
    for name in names:
        store.write(f"unified/demo/{name}", b"")
    found = keys(store)
    assert len(found) == len(names)
    assert found == sorted(found)
    assert found == sorted(f"unified/demo/{name}" for name in names)


def test_a_prefix_names_a_folder_and_not_its_neighbours(store: Store) -> None:
    for name in ("demo/x", "demo-2/x", "demo2/x", "dem/x"):
        store.write(f"unified/{name}", b"")
    assert keys(store, "unified/demo/") == ["unified/demo/x"]
    assert store.folders("unified/") == ["dem", "demo", "demo-2", "demo2"]
    store.delete_below("unified/demo/")
    assert keys(store) == ["unified/dem/x", "unified/demo-2/x", "unified/demo2/x"]


def test_nothing_is_listed_where_there_is_nothing(store: Store) -> None:
    assert keys(store, "unified/nowhere/") == []
    assert list(store.survey("unified/nowhere/")) == []
    assert store.folders("quarantine/") == []
    assert store.loose("quarantine/") == 0
    assert store.head("unified/nowhere/x") is None
    store.delete_below("unified/nowhere/")


def test_reading_or_copying_what_is_not_there_raises_and_leaves_nothing(store: Store) -> None:
    with pytest.raises(FileNotFoundError):
        store.read("unified/demo/x")
    with pytest.raises(FileNotFoundError):
        store.copy("unified/demo/x", "unified/demo/y")
    assert keys(store) == []


def test_deleting_is_safe_to_repeat(store: Store) -> None:
    store.write("unified/demo/x", b"1")
    store.delete("unified/demo/x")
    store.delete("unified/demo/x")
    assert keys(store) == []


def test_a_copy_is_one_until_anybody_writes_to_it(store: Store) -> None:
    source, copy = "unified/demo/x.json", "quarantine/demo/x.json"
    store.write(source, b"1")
    before = etag(store, source)
    store.copy(source, copy)
    assert store.is_copy_of(copy, before)
    store.write(source, b"two")
    assert not store.is_copy_of(copy, etag(store, source))
    assert store.is_copy_of(copy, before)
    store.write(copy, b"corrected")
    assert not store.is_copy_of(copy, before)
    store.delete(copy)
    assert not store.is_copy_of(copy, before)


def test_a_survey_starts_where_it_is_told_to(store: Store) -> None:
    days = [
        f"unified/demo/2025/11/{day}/{name}.json" for day in ("04", "05", "06") for name in "ab"
    ]
    for key in days:
        store.write(key, b"{}")
    for start, first in (("unified/demo/2025/11/05/", 2), (days[3], 3), ("unified/demo/a", 6)):
        assert [found.key for found in store.survey("unified/demo/", start=start)] == days[first:]


def test_a_head_is_what_a_listing_shows(store: Store) -> None:
    store.write("unified/demo/x.json", b"12345")
    assert [store.head("unified/demo/x.json")] == list(store.listing("unified/demo/"))


def test_what_is_read_in_a_row_is_what_each_reading_gives(store: Store) -> None:
    names = [f"unified/demo/{number:02}.json" for number in range(20)]
    for key in names:
        store.write(key, key.encode())
    listed = list(store.listing("unified/demo/"))
    store.delete(names[7])
    store.write(names[8], b"written since")
    with store.reading(listed) as read:
        assert read(names[0]) == names[0].encode()
        # Some are passed over, one is read twice, one was never announced.
        assert read(names[4]) == names[4].encode()
        with pytest.raises(FileNotFoundError):
            read(names[7])
        assert read(names[8]) == b"written since"
        assert read(names[4]) == names[4].encode()
        with pytest.raises(FileNotFoundError):
            read("unified/demo/none.json")
        assert [read(key) for key in names[9:]] == [key.encode() for key in names[9:]]


@pytest.mark.parametrize("size", [0, 1])
def test_what_is_larger_than_its_limit_is_not_read(
    store: Store, monkeypatch: pytest.MonkeyPatch, size: int
) -> None:
    for module in ("cci_lite.local.folder", "cci_lite.aws.lake.store"):
        monkeypatch.setattr(f"{module}.MAX_DOCUMENT_BYTES", 4)
        monkeypatch.setattr(f"{module}.MAX_PART_BYTES", 8)
    for key, limit in (("unified/demo/x.json", 4), ("curated/demo/calls/x.parquet", 8)):
        store.write(key, b"1" * (limit + size))
        if not size:
            assert store.read(key) == b"1" * limit
            continue
        with pytest.raises(OSError, match=f"more than {limit} bytes") as caught:
            store.read(key)
        assert is_too_large(caught.value)


def test_a_copy_is_an_object_of_its_own(store: Store) -> None:
    store.write("unified/demo/x", b"1")
    store.copy("unified/demo/x", "unified/demo/deep/er/y")
    store.write("unified/demo/x", b"2")
    assert store.read("unified/demo/deep/er/y") == b"1"


def test_every_write_changes_the_etag_however_quickly_it_follows(store: Store) -> None:
    seen = []
    for number in range(50):
        store.write("unified/demo/x", b"%03d" % number)
        seen.append(etag(store, "unified/demo/x"))
    assert len(set(seen)) == 50


def test_an_object_that_is_left_alone_keeps_its_etag(store: Store) -> None:
    store.write("unified/demo/x", b"1")
    before = etag(store, "unified/demo/x")
    store.write("unified/demo/y", b"2")
    assert etag(store, "unified/demo/x") == before


def test_a_write_that_fails_leaves_the_old_content_and_no_litter(store: Store) -> None:
    store.write("unified/demo/x", b"old")
    with pytest.raises(TypeError):
        store.write("unified/demo/x", "text, not bytes")  # type: ignore[arg-type]
    assert store.read("unified/demo/x") == b"old"
    assert keys(store) == ["unified/demo/x"]


@pytest.mark.parametrize(
    "key",
    [
        "",
        "/etc/passwd",
        "../x",
        "unified/../../x",
        "unified//x",
        "unified/./x",
        "unified/demo//x",
        "unified/demo/../x",
        "a\0b",
        "a/",
    ],
)
def test_no_key_leads_out_of_the_store(store: Store, tmp_path: Path, key: str) -> None:
    (tmp_path / "x").write_bytes(b"outside")
    for action in (store.read, store.delete, lambda key: store.write(key, b"")):
        with pytest.raises(UsageError, match="within the lake"):
            action(key)
    with pytest.raises(UsageError):
        store.copy(key, "unified/demo/y")
    store.write("unified/demo/z", b"")
    with pytest.raises(UsageError):
        store.copy("unified/demo/z", key)
    assert (tmp_path / "x").read_bytes() == b"outside"


@pytest.mark.parametrize("prefix", ["../", "unified/../../", "/etc/", "./", ""])
def test_no_prefix_leads_out_of_the_store(store: Store, tmp_path: Path, prefix: str) -> None:
    (tmp_path / "neighbour").mkdir()
    (tmp_path / "neighbour" / "x").write_bytes(b"outside")
    store.write("unified/demo/x", b"")
    for action in (lambda: list(store.listing(prefix)), lambda: store.folders(prefix),
                   lambda: store.delete_below(prefix)):  # fmt: skip
        with pytest.raises(UsageError, match="within the lake"):
            action()
    assert (tmp_path / "neighbour" / "x").read_bytes() == b"outside"
    assert store.read("unified/demo/x") == b""


def test_a_store_can_be_sent_to_another_process(store: Store) -> None:
    store.write("unified/demo/x", b"1")
    sent: Store = pickle.loads(pickle.dumps(store))
    assert sent.read("unified/demo/x") == b"1"


def _rewrite(store: Store, times: int) -> None:
    for number in range(times):
        store.write("unified/demo/x", bytes([65 + number % 26]) * 500_000)


def test_a_reader_sees_the_old_or_the_new_content_never_a_mixture(store: Store) -> None:
    store.write("unified/demo/x", b"A" * 500_000)
    writer = multiprocessing.get_context("spawn").Process(target=_rewrite, args=(store, 60))
    writer.start()
    seen = set()
    while writer.is_alive():
        data = store.read("unified/demo/x")
        assert len(data) == 500_000
        assert data == data[:1] * 500_000
        seen.add(data[:1])
    writer.join()
    assert writer.exitcode == 0
    assert len(seen) > 1
