"""The folder store: links, pipes, permissions and what else a bucket does not have."""

from __future__ import annotations

import datetime as dt
import os
import signal
import socket
import stat
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from cci_lite.contract.limits import MAX_DOCUMENT_BYTES, MAX_PART_BYTES, is_too_large
from cci_lite.errors import LakeError
from cci_lite.local.folder import FolderStore
from cci_lite.local.regular import DEEPEST, modified_at
from cci_lite.ports import StoredObject, Unlisted

SECRET = b"what nobody is to read"


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    """A store, with a file beside it that is not its own."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "x.json").write_bytes(SECRET)
    made = FolderStore(tmp_path / "lake")
    made.write("unified/aaa/kept.json", b"{}")
    return made


def link(target: str) -> Callable[[Path], None]:
    return lambda place: place.symlink_to(target)


def bind_socket(place: Path) -> None:
    here = Path.cwd()
    os.chdir(place.parent)  # a socket's name is short
    try:
        with closing(socket.socket(socket.AF_UNIX)) as made:
            made.bind(place.name)
    finally:
        os.chdir(here)


def loop(place: Path) -> None:
    place.symlink_to(place.name)


# What can stand in the place of a file, and what it is called.
STRAYS: dict[str, tuple[Callable[[Path], None], str]] = {
    "link to a file": (link("../../../outside/x.json"), "a symbolic link"),
    "link to a file of the store": (link("kept.json"), "a symbolic link"),
    "link to a folder": (link("../../../outside"), "a symbolic link"),
    "link to itself": (loop, "a symbolic link"),
    "link to nothing": (link("nowhere"), "a symbolic link"),
    "named pipe": (os.mkfifo, "a named pipe"),
    "socket": (bind_socket, "a socket"),
    "folder": (Path.mkdir, "a folder"),
}
strays = pytest.mark.parametrize("name", STRAYS)


@strays
def test_a_stray_is_seen_and_is_no_object(store: FolderStore, name: str) -> None:
    put, what = STRAYS[name]
    place = store.path("unified/aaa/x.json")
    put(place)
    seen = list(store.survey("unified/aaa/"))
    assert [(found.key, getattr(found, "stray", None)) for found in seen] == [
        ("unified/aaa/kept.json", ""),
        ("unified/aaa/x.json", what),
    ]
    assert [found.key for found in store.listing("unified/aaa/")] == ["unified/aaa/kept.json"]
    assert store.head("unified/aaa/x.json") is None


def test_a_stray_that_becomes_one_of_another_kind_is_another_version(store: FolderStore) -> None:
    """Of the same time and size: what was said of the one need not hold of the other."""
    place = store.path("unified/aaa/x.json")
    etags = []
    for put in (os.mkfifo, bind_socket, Path.touch):
        put(place)
        os.utime(place, ns=(10**18, 10**18))
        [found] = [each for each in store.survey("unified/aaa/") if each.key.endswith("x.json")]
        assert isinstance(found, StoredObject)
        assert found.size == 0
        etags.append(found.etag)
        place.unlink()
    assert len(set(etags)) == 3


@strays
def test_a_stray_is_neither_read_nor_copied(store: FolderStore, name: str) -> None:
    put, what = STRAYS[name]
    put(store.path("unified/aaa/x.json"))
    for read in (store.read, lambda key: store.copy(key, "quarantine/aaa/x.json")):
        with pytest.raises(FileNotFoundError, match=f"{what} stands in the place of a file"):
            read("unified/aaa/x.json")
    assert store.head("quarantine/aaa/x.json") is None


@pytest.mark.parametrize("name", [name for name in STRAYS if name != "folder"])
def test_a_write_replaces_a_stray_and_never_writes_through_it(
    store: FolderStore, name: str
) -> None:
    STRAYS[name][0](store.path("unified/aaa/x.json"))
    store.write("unified/aaa/x.json", b"new")
    assert store.read("unified/aaa/x.json") == b"new"
    assert store.read("unified/aaa/kept.json") == b"{}"
    assert (store.root.parent / "outside" / "x.json").read_bytes() == SECRET
    assert not store.path("unified/aaa/nowhere").exists()


def test_a_folder_in_the_place_of_a_file_is_said(store: FolderStore) -> None:
    store.path("unified/aaa/x.json").mkdir()
    with pytest.raises(LakeError) as caught:
        store.write("unified/aaa/x.json", b"new")
    assert str(caught.value) == (
        "unified/aaa: expected a file, found a folder in its place; remove it"
    )
    assert list(store.path(".scratch").iterdir()) == []


@pytest.mark.parametrize("name", [name for name in STRAYS if name != "folder"])
@pytest.mark.parametrize("levels", ["unified", "unified/bbb", "unified/bbb/2025"])
def test_what_stands_in_the_place_of_a_folder_is_never_entered(
    store: FolderStore, name: str, levels: str
) -> None:
    put, what = STRAYS[name]
    place = store.path(levels)
    if levels == "unified":
        store.delete_below("unified/")
    place.parent.mkdir(parents=True, exist_ok=True)
    put(place)
    key = "unified/bbb/2025/x.json"
    with pytest.raises(FileNotFoundError):
        store.read(key)
    assert store.head(key) is None
    store.delete(key)
    store.delete_below("unified/bbb/2025/")
    for action in (lambda: store.write(key, b""), lambda: list(store.survey("unified/bbb/2025/"))):
        with pytest.raises(LakeError, match=f"^unified/bbb: expected folders, found {what}; "):
            action()
    assert (store.root.parent / "outside" / "x.json").read_bytes() == SECRET
    assert [path.name for path in (store.root.parent / "outside").iterdir()] == ["x.json"]


def test_what_is_deleted_through_a_link_stays(store: FolderStore) -> None:
    place = store.path("unified/aaa/folder")
    place.symlink_to("../../../outside")
    store.delete_below("unified/aaa/folder/")
    store.delete("unified/aaa/folder/x.json")
    assert place.is_symlink()
    store.delete("unified/aaa/folder")
    assert not place.is_symlink()
    store.write("unified/aaa/inner/x.json", b"{}")
    store.path("unified/aaa/inner/link").symlink_to("../../../../outside")
    store.delete_below("unified/aaa/inner/")
    assert (store.root.parent / "outside" / "x.json").read_bytes() == SECRET


def test_a_folder_is_not_deleted_as_a_file(store: FolderStore) -> None:
    store.delete("unified/aaa")
    assert store.read("unified/aaa/kept.json") == b"{}"


def test_nothing_half_written_is_put_where_a_link_leads(store: FolderStore) -> None:
    store.delete_below(".scratch/")
    store.path(".scratch").symlink_to("../outside")
    with pytest.raises(LakeError, match="expected folders, found a symbolic link"):
        store.write("unified/aaa/x.json", b"new")
    store.sweep(before=dt.datetime(2999, 1, 1, tzinfo=dt.UTC))
    assert (store.root.parent / "outside" / "x.json").read_bytes() == SECRET


def test_a_link_to_the_whole_lake_is_followed(store: FolderStore, tmp_path: Path) -> None:
    (tmp_path / "elsewhere").symlink_to("lake")
    assert FolderStore(tmp_path / "elsewhere").read("unified/aaa/kept.json") == b"{}"


def test_a_hard_link_is_a_regular_file(store: FolderStore) -> None:
    store.path("unified/aaa/x.json").hardlink_to(store.path("unified/aaa/kept.json"))
    assert store.read("unified/aaa/x.json") == b"{}"
    store.write("unified/aaa/x.json", b"new")
    assert store.read("unified/aaa/kept.json") == b"{}"


@pytest.mark.parametrize("name", [name for name in STRAYS if name != "link to nothing"])
def test_what_takes_a_files_place_between_look_and_opening_is_not_read(
    store: FolderStore, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.write("unified/aaa/x.json", b"{}")
    place = store.path("unified/aaa/x.json")
    put, _ = STRAYS[name]
    really_look = os.stat

    def look(path: str | Path, **options: Any) -> os.stat_result:
        state = really_look(path, **options)
        if path == "x.json" and stat.S_ISREG(state.st_mode):
            place.unlink()
            put(place)
        return state

    def end(*_: object) -> None:
        raise AssertionError("a named pipe is waited for")

    before = signal.signal(signal.SIGALRM, end)
    signal.alarm(60)
    monkeypatch.setattr("cci_lite.local.regular.os.stat", look)
    try:
        with pytest.raises(OSError) as caught:  # noqa: PT011 - a socket is no file for the system
            store.read("unified/aaa/x.json")
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
    if name != "socket":
        assert isinstance(caught.value, FileNotFoundError)


@pytest.mark.parametrize(
    ("seconds", "year"),
    [(1_000_000_000_000, 9999), (253_402_300_799, 9999), (-(10**12), 1900), (-1, 1969), (0, 1970)],
)
def test_a_time_that_no_calendar_has_is_the_nearest_one(seconds: int, year: int) -> None:
    moment = modified_at(os.stat_result([0, 0, 0, 0, 0, 0, 0, 0, seconds, 0]))
    assert moment.year == year
    assert moment.tzinfo is dt.UTC
    assert moment + dt.timedelta(days=2)


def test_two_names_that_are_shown_as_the_same_text_are_two_things(store: FolderStore) -> None:
    folder = os.fsencode(store.path("unified/aaa"))
    for name in (b"bad\xff.json", b"bad\\xff.json"):
        with open(folder + b"/" + name, "wb") as file:  # noqa: PTH123
            file.write(name)
    keys = [found.key for found in store.listing("unified/aaa/")]
    assert len(set(keys)) == 3
    assert keys == sorted(keys)


def test_a_tree_without_end_is_not_walked_to_its_end(store: FolderStore) -> None:
    store.write("unified/aaa/" + "d/" * (DEEPEST + 5) + "x", b"")
    seen = list(store.survey("unified/aaa/"))
    assert [type(found) for found in seen] == [Unlisted, StoredObject]
    assert seen[0] == Unlisted(
        "unified/aaa/" + "/".join("d" * (DEEPEST + 1)),
        f"more than {DEEPEST} folders within each other",
    )


@pytest.fixture
def locked(store: FolderStore, monkeypatch: pytest.MonkeyPatch) -> FolderStore:
    """A store with a folder and a file of which the system says that they may not be opened."""
    store.write("unified/aaa/locked/x.json", b"{}")
    store.write("unified/aaa/locked.json", b"{}")
    really_open = os.open

    def guarded(path: str, *arguments: int, **options: int) -> int:
        if str(path).startswith("locked"):
            raise PermissionError(13, "Permission denied", "/a/name/that/nobody/is/to/see")
        return really_open(path, *arguments, **options)

    monkeypatch.setattr("cci_lite.local.regular.os.open", guarded)
    return store


def test_a_folder_that_may_not_be_listed_is_told_and_hides_no_other(locked: FolderStore) -> None:
    assert [
        found if isinstance(found, Unlisted) else found.key
        for found in locked.survey("unified/aaa/")
    ] == [
        "unified/aaa/kept.json",
        "unified/aaa/locked.json",
        Unlisted("unified/aaa/locked", "Permission denied"),
    ]


def test_a_listing_that_cannot_be_whole_is_none(locked: FolderStore) -> None:
    with pytest.raises(LakeError) as caught:
        list(locked.listing("unified/aaa/"))
    assert str(caught.value) == (
        "a folder below unified/aaa cannot be listed: Permission denied; give this program the "
        "right to read it, or remove it"
    )


def test_a_file_that_may_not_be_read_is_no_missing_one(locked: FolderStore) -> None:
    assert locked.head("unified/aaa/locked.json") is not None
    with pytest.raises(PermissionError):
        locked.read("unified/aaa/locked.json")


def test_writes_while_the_clock_stands_still_are_told_apart(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    store.write("unified/x", b"one")
    tomorrow = dt.datetime.now(dt.UTC).timestamp() + 86_400
    os.utime(store.path("unified/x"), (tomorrow, tomorrow))
    etags = set()
    for text in (b"one", b"two", b"six"):
        etags |= {found.etag for found in store.listing("unified/")}
        store.write("unified/x", text)
    etags |= {found.etag for found in store.listing("unified/")}
    assert len(etags) == 4


def test_a_copy_has_the_version_of_what_it_is_a_copy_of(tmp_path: Path) -> None:
    store = FolderStore(tmp_path)
    store.write("unified/x", b"one")
    store.copy("unified/x", "quarantine/x")
    original, copy = store.head("unified/x"), store.head("quarantine/x")
    assert original is not None
    assert copy is not None
    assert original.etag == copy.etag
    store.copy("unified/x", "quarantine/x")
    again = store.head("quarantine/x")
    assert again is not None
    assert again.etag != copy.etag


def test_what_a_killed_process_left_half_written_is_swept_after_a_while(tmp_path: Path) -> None:
    scratch = tmp_path / ".scratch"
    scratch.mkdir()
    now = dt.datetime(2025, 11, 7, tzinfo=dt.UTC)
    for name, hours in (("old", 30), ("fresh", 1)):
        (scratch / name).write_bytes(b"half")
        written = (now - dt.timedelta(hours=hours)).timestamp()
        os.utime(scratch / name, (written, written))
    FolderStore(tmp_path).sweep(before=now - dt.timedelta(days=1))
    assert [path.name for path in scratch.iterdir()] == ["fresh"]


@pytest.mark.parametrize("more", [0, 1])
def test_a_document_is_read_up_to_its_limit(store: FolderStore, more: int) -> None:
    store.write("unified/acme/x.json", b"{}")
    os.truncate(store.path("unified/acme/x.json"), MAX_DOCUMENT_BYTES + more)
    if not more:
        assert len(store.read("unified/acme/x.json")) == MAX_DOCUMENT_BYTES
        return
    with pytest.raises(OSError, match="more than 16,777,216 bytes") as caught:
        store.read("unified/acme/x.json")
    assert is_too_large(caught.value)


def test_a_part_of_a_table_may_be_larger_than_a_document_and_has_a_limit_too(
    store: FolderStore,
) -> None:
    store.write("curated/acme/calls/part-0.parquet", b"")
    path = store.path("curated/acme/calls/part-0.parquet")
    os.truncate(path, MAX_DOCUMENT_BYTES + 1)
    assert len(store.read("curated/acme/calls/part-0.parquet")) == MAX_DOCUMENT_BYTES + 1
    os.truncate(path, MAX_PART_BYTES + 1)
    with pytest.raises(OSError, match="more than 1,073,741,824 bytes"):
        store.read("curated/acme/calls/part-0.parquet")


def test_a_survey_from_a_start_on_gives_the_rest_of_the_whole_survey(store: FolderStore) -> None:
    """Also where a name sorts between a folder's name and what is in the folder."""
    names = ("2025/11/05/a", "2025/11/06/b", "2025-11/c", "2025.d", "2025", "2024/12/e", "2026/f")
    for name in names:
        store.write(f"unified/ccc/{name}x.json", b"{}")
    keys = [found.key for found in store.survey("unified/ccc/")]
    assert len(keys) == len(names)
    starts = {key[:length] for key in keys for length in range(len("unified/ccc/"), len(key) + 1)}
    for start in (*starts, *(f"{key}~" for key in keys)):
        found = [each.key for each in store.survey("unified/ccc/", start=start)]
        assert found == [key for key in keys if key >= start]


@pytest.mark.parametrize("name", ["", "a/b/", "a/folder.json/"])
def test_whether_there_is_anything_is_known_without_a_survey(store: FolderStore, name: str) -> None:
    store.path("unified/ccc/a/b").mkdir(parents=True)
    assert not store.holds_anything("unified/ccc/")
    if name.endswith(".json/"):
        store.path(f"unified/ccc/{name}".rstrip("/")).mkdir()
    else:
        os.mkfifo(store.path(f"unified/ccc/{name}stray"))
    assert store.holds_anything("unified/ccc/")
    assert next(store.survey("unified/ccc/"), None) is not None


def test_reading_many_files_opens_each_folder_once(
    store: FolderStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys = [f"unified/aaa/2025/11/{day}/{name}.json" for day in ("05", "06") for name in "abc"]
    for key in keys:
        store.write(key, key.encode())
    opened: list[str] = []
    plain_open = os.open
    monkeypatch.setattr(
        os,
        "open",
        lambda name, *args, **kw: (opened.append(str(name)), plain_open(name, *args, **kw))[1],
    )
    with store.reading([]) as read:
        assert [read(key) for key in keys] == [key.encode() for key in keys]
    assert Counter(opened)["unified"] == 2
    assert len(opened) == 2 * len((store.root, "unified", "aaa", "2025", "11", "05")) + len(keys)


def test_reading_many_files_follows_no_link_and_goes_on_after_what_is_not_there(
    store: FolderStore, tmp_path: Path
) -> None:
    for name in ("a", "b", "c"):
        store.write(f"unified/aaa/05/{name}.json", b"{}")
    other = tmp_path / "other"
    other.mkdir()
    (other / "b.json").write_bytes(b"not of this lake")
    with store.reading([]) as read:
        assert read("unified/aaa/05/a.json") == b"{}"
        # What is put in the place of the folder meanwhile is not looked at.
        folder = store.path("unified/aaa/05")
        folder.rename(folder.with_name("06"))
        folder.symlink_to(other)
        assert read("unified/aaa/05/b.json") == b"{}"
        for key in ("unified/aaa/06/gone.json", "unified/aaa/05/b.json", "unified/aaa/07/a.json"):
            with pytest.raises(FileNotFoundError):
                read(key)
        assert read("unified/aaa/06/c.json") == b"{}"
