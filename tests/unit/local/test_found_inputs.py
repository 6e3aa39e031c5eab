"""Links, pipes and folders among input files are reported and never opened."""

from __future__ import annotations

import datetime as dt
import os
from pathlib import Path

import pytest

from cci_lite.contract.limits import MAX_CALL_METADATA_BYTES
from cci_lite.contract.metadata import NO_METADATA
from cci_lite.errors import NotFoundError
from cci_lite.local.inputs import InputFile, UnreadableFile, find_inputs, read_inputs
from cci_lite.local.metadata import read_sidecar
from tests.unit.local.test_folder import STRAYS
from tests.unit.local.test_inputs import little_memory

SECRET = b'{"jobName": "of somebody else"}'


def read(*paths: Path) -> dict[str, bytes | str]:
    """Each document found, or why there is none, by the end of its name."""
    found: dict[str, bytes | str] = {}
    for file in read_inputs(find_inputs(paths)):
        name = os.path.relpath(file.name, paths[0])
        found[name] = file.data if isinstance(file, InputFile) else str(file.problem)
    return found


@pytest.fixture
def given(tmp_path: Path) -> Path:
    """A folder with one transcript, and a file outside of it."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "x.json").write_bytes(SECRET)
    folder = tmp_path / "a" / "given"
    folder.mkdir(parents=True)
    (folder / "kept.json").write_bytes(b"{}")
    return folder


@pytest.mark.parametrize("name", STRAYS)
@pytest.mark.parametrize("ending", [".json", ".jsonl.gz"])
def test_a_stray_that_is_called_like_an_input_is_refused_and_not_opened(
    given: Path, name: str, ending: str
) -> None:
    put, what = STRAYS[name]
    put(given / f"x{ending}")
    assert read(given) == {
        "kept.json": b"{}",
        f"x{ending}": f"expected a regular file, found {what}",
    }


@pytest.mark.parametrize("name", STRAYS)
def test_a_stray_of_another_name_is_none_of_our_business(given: Path, name: str) -> None:
    STRAYS[name][0](given / "x.txt")
    assert read(given) == {"kept.json": b"{}"}


def test_a_folder_is_not_left_through_a_link(given: Path) -> None:
    (given / "more").symlink_to("../../outside")
    (given / "again").symlink_to(".")
    (given / "inner").mkdir()
    (given / "inner" / "y.json").write_bytes(b"[]")
    assert read(given) == {"inner/y.json": b"[]", "kept.json": b"{}"}


def test_a_link_that_a_person_names_is_followed(given: Path) -> None:
    (given.parent / "mine").symlink_to("given")
    (given.parent / "mine.json").symlink_to("given/kept.json")
    assert list(read(given.parent / "mine").values()) == [b"{}"]
    [file] = read_inputs(find_inputs([given.parent / "mine.json"]))
    assert file.name == str(given.parent / "mine.json")
    assert isinstance(file, InputFile)


@pytest.mark.parametrize("name", ["named pipe", "link to nothing", "link to itself", "socket"])
def test_what_a_person_names_must_be_a_file(given: Path, name: str) -> None:
    STRAYS[name][0](given / "x.json")
    with pytest.raises(NotFoundError, match="no such file or folder: "):
        find_inputs([given / "x.json"])


def test_a_name_that_is_no_text_is_read_all_the_same(given: Path) -> None:
    with open(os.fsencode(given) + b"/bad\xff.json", "wb") as file:  # noqa: PTH123
        file.write(b"[1]")
    assert sorted(read(given).values(), key=str) == [b"[1]", b"{}"]


def test_a_folder_that_may_not_be_listed_is_said_and_hides_no_other(
    given: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (given / "locked").mkdir()
    really_open = os.open

    def guarded(path: str, *arguments: int, **options: int) -> int:
        if str(path) == "locked":
            raise PermissionError(13, "Permission denied", path)
        return really_open(path, *arguments, **options)

    monkeypatch.setattr("cci_lite.local.regular.os.open", guarded)
    assert read(given) == {
        "kept.json": b"{}",
        "locked": "expected a folder that can be listed, found Permission denied",
    }


def test_a_file_whose_time_no_calendar_has_is_refused_alone(
    given: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (given / "x.json").write_bytes(b"{}")
    really_look = os.fstat

    def look(file: int) -> os.stat_result:
        state = list(really_look(file))
        if state[1] == (given / "x.json").stat().st_ino:
            state[8] = 1_000_000_000_000
        return os.stat_result(state)

    monkeypatch.setattr("cci_lite.local.inputs.os.fstat", look)
    assert read(given) == {
        "kept.json": b"{}",
        "x.json": "expected a file time that is a date (touch the file), found another one",
    }


@pytest.mark.parametrize("name", [name for name in STRAYS if name != "link to nothing"])
def test_metadata_beside_a_transcript_is_read_from_a_file_only(given: Path, name: str) -> None:
    put, what = STRAYS[name]
    put(given / "kept.json.meta.json")
    told = read_sidecar(given / "kept.json", dt.UTC)
    assert told is not None
    assert [str(problem) for problem in told.problems] == [
        f"expected a file that can be read, found {what} stands in the place of a file"
    ]
    assert told.metadata == NO_METADATA


@pytest.mark.parametrize("more", [1, 100_000_000])
def test_metadata_beside_a_transcript_has_a_limit_and_is_not_read_beyond_it(
    given: Path, more: int
) -> None:
    sidecar = given / "kept.json.meta.json"
    sidecar.write_bytes(b'{"agent_id": "a1"}'.ljust(MAX_CALL_METADATA_BYTES))
    told = read_sidecar(given / "kept.json", dt.UTC)
    assert told is not None
    assert told.metadata.agent_id == "a1"
    os.truncate(sidecar, MAX_CALL_METADATA_BYTES + more)
    with little_memory(MAX_CALL_METADATA_BYTES):
        told = read_sidecar(given / "kept.json", dt.UTC)
    assert told is not None
    assert [str(problem) for problem in told.problems] == [
        "expected at most 65,536 bytes, found more"
    ]


def test_an_unreadable_file_says_its_name_to_the_person(given: Path) -> None:
    (given / "x.json").symlink_to("nowhere")
    [stray] = [each for each in find_inputs([given]) if isinstance(each, UnreadableFile)]
    assert stray.name == str(given / "x.json")
