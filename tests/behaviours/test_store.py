"""The behaviour that every object store must have, tested on each implementation."""

from __future__ import annotations

import multiprocessing
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest

from cci_lite.errors import UsageError
from cci_lite.local.folder import FolderStore
from cci_lite.ports import Store

STORES: dict[str, Callable[[Path], Store]] = {"folder": FolderStore}


@pytest.fixture(params=list(STORES.values()), ids=list(STORES))
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    made: Store = request.param(tmp_path / "root")
    return made


def keys(store: Store, prefix: str = "unified/") -> list[str]:
    return [found.key for found in store.listing(prefix)]


def etag(store: Store, key: str) -> str:
    [found] = [each for each in store.listing("unified/") if each.key == key]
    return found.etag


def test_what_was_written_is_read(store: Store) -> None:
    store.write("unified/a/x.json", b"one")
    store.write("unified/a/y.json", memoryview(b"two"))
    assert store.read("unified/a/x.json") == b"one"
    assert store.read("unified/a/y.json") == b"two"


def test_a_listing_shows_key_size_and_time_in_utc(store: Store) -> None:
    store.write("unified/a/x.json", b"12345")
    [found] = store.listing("unified/")
    assert (found.key, found.size) == ("unified/a/x.json", 5)
    assert str(found.modified_at.tzinfo) == "UTC"


def test_a_listing_is_ordered_by_key_even_where_folders_and_files_mix(store: Store) -> None:
    # '-' and '.' sort before '/', digits and letters after it.
    names = ["a/b", "a-b", "a.b", "a0", "a", "a/b-c", "a/b/c", "ab/c", "A", "ä"]
    names = [name for name in names if name not in ("a", "a/b")]  # these are folders here
    for name in names:
        store.write(f"unified/{name}", b"")
    found = keys(store)
    assert len(found) == len(names)
    assert found == sorted(found)
    assert found == sorted(f"unified/{name}" for name in names)


def test_a_prefix_names_a_folder_and_not_its_neighbours(store: Store) -> None:
    for name in ("demo/x", "demo-2/x", "demo2/x", "dem/x"):
        store.write(f"unified/{name}", b"")
    assert keys(store, "unified/demo/") == ["unified/demo/x"]
    assert store.folders("unified/") == ["dem", "demo", "demo-2", "demo2"]
    store.delete_below("unified/demo/")
    assert keys(store) == ["unified/dem/x", "unified/demo-2/x", "unified/demo2/x"]


def test_nothing_is_listed_where_there_is_nothing(store: Store) -> None:
    assert keys(store, "nowhere/") == []
    assert store.folders("nowhere/") == []
    store.delete_below("nowhere/")


def test_reading_or_copying_what_is_not_there_raises_and_leaves_nothing(store: Store) -> None:
    with pytest.raises(FileNotFoundError):
        store.read("unified/x")
    with pytest.raises(FileNotFoundError):
        store.copy("unified/x", "unified/y")
    assert keys(store) == []


def test_deleting_is_safe_to_repeat(store: Store) -> None:
    store.write("unified/x", b"1")
    store.delete("unified/x")
    store.delete("unified/x")
    assert keys(store) == []


def test_a_copy_is_an_object_of_its_own(store: Store) -> None:
    store.write("unified/x", b"1")
    store.copy("unified/x", "unified/deep/er/y")
    store.write("unified/x", b"2")
    assert store.read("unified/deep/er/y") == b"1"


def test_every_write_changes_the_etag_however_quickly_it_follows(store: Store) -> None:
    seen = []
    for number in range(200):
        store.write("unified/x", b"%03d" % number)
        seen.append(etag(store, "unified/x"))
    assert len(set(seen)) == 200


def test_an_object_that_is_left_alone_keeps_its_etag(store: Store) -> None:
    store.write("unified/x", b"1")
    before = etag(store, "unified/x")
    store.write("unified/y", b"2")
    assert etag(store, "unified/x") == before


def test_a_write_that_fails_leaves_the_old_content_and_no_litter(store: Store) -> None:
    store.write("unified/x", b"old")
    with pytest.raises(TypeError):
        store.write("unified/x", "text, not bytes")  # type: ignore[arg-type]
    assert store.read("unified/x") == b"old"
    assert keys(store) == ["unified/x"]


@pytest.mark.parametrize(
    "key", ["", "/etc/passwd", "../x", "unified/../../x", "unified//x", "unified/./x", "a\0b", "a/"]
)
def test_no_key_leads_out_of_the_store(store: Store, tmp_path: Path, key: str) -> None:
    (tmp_path / "x").write_bytes(b"outside")
    for action in (store.read, store.delete, lambda key: store.write(key, b"")):
        with pytest.raises(UsageError, match="within the lake"):
            action(key)
    with pytest.raises(UsageError):
        store.copy(key, "unified/y")
    store.write("unified/z", b"")
    with pytest.raises(UsageError):
        store.copy("unified/z", key)
    assert (tmp_path / "x").read_bytes() == b"outside"


@pytest.mark.parametrize("prefix", ["../", "unified/../../", "/etc/", "./", ""])
def test_no_prefix_leads_out_of_the_store(store: Store, tmp_path: Path, prefix: str) -> None:
    (tmp_path / "neighbour").mkdir()
    (tmp_path / "neighbour" / "x").write_bytes(b"outside")
    store.write("unified/x", b"")
    for action in (lambda: list(store.listing(prefix)), lambda: store.folders(prefix),
                   lambda: store.delete_below(prefix)):  # fmt: skip
        with pytest.raises(UsageError, match="within the lake"):
            action()
    assert (tmp_path / "neighbour" / "x").read_bytes() == b"outside"
    assert store.read("unified/x") == b""


def test_a_store_can_be_sent_to_another_process(store: Store) -> None:
    store.write("unified/x", b"1")
    sent: Store = pickle.loads(pickle.dumps(store))
    assert sent.read("unified/x") == b"1"


def _rewrite(store: Store, times: int) -> None:
    for number in range(times):
        store.write("unified/x", bytes([65 + number % 26]) * 500_000)


def test_a_reader_sees_the_old_or_the_new_content_never_a_mixture(store: Store) -> None:
    store.write("unified/x", b"A" * 500_000)
    writer = multiprocessing.get_context("fork").Process(target=_rewrite, args=(store, 150))
    writer.start()
    seen = set()
    while writer.is_alive():
        data = store.read("unified/x")
        assert len(data) == 500_000
        assert data == data[:1] * 500_000
        seen.add(data[:1])
    writer.join()
    assert writer.exitcode == 0
    assert len(seen) > 1
