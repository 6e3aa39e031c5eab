from __future__ import annotations

import errno
import os
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from cci_lite.files import is_no_room, replacing, write_whole

FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def full_disk(monkeypatch: pytest.MonkeyPatch, step: str) -> None:
    """From now on a disk on which this step of writing finds no room."""

    def fail(*_: object, **__: object) -> Any:
        raise FULL

    if step == "write":
        opened = Path.open

        def opening(path: Path, *arguments: Any, **options: Any) -> Any:
            file = opened(path, *arguments, **options)
            return Choking(file) if path.name.startswith(".cci-lite-") else file

        monkeypatch.setattr(Path, "open", opening)
    elif step == "create":
        opens = Path.open

        def creating(path: Path, mode: str = "r", *arguments: Any, **options: Any) -> Any:
            return opens(path, mode, *arguments, **options) if "r" in mode else fail()

        monkeypatch.setattr(Path, "open", creating)
    else:
        owner: Any = os if step == "fsync" else Path
        monkeypatch.setattr(owner, step, fail)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


class Choking:
    """A file that takes in half of what it is given."""

    def __init__(self, file: Any) -> None:
        self._file = file

    def __enter__(self) -> Choking:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def fileno(self) -> int:
        return int(self._file.fileno())

    def write(self, data: bytes) -> int:
        self._file.write(data[: len(data) // 2])
        raise FULL


STEPS = ["create", "write", "fsync", "replace"]


@pytest.mark.parametrize("step", STEPS)
def test_a_full_disk_leaves_the_old_file_and_nothing_beside_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    target = tmp_path / "page.html"
    target.write_bytes(b"old")
    full_disk(monkeypatch, step)
    with pytest.raises(OSError, match="No space left") as caught:
        write_whole(target, b"new content")
    monkeypatch.undo()
    assert is_no_room(caught.value)
    assert target.read_bytes() == b"old"
    assert names(tmp_path) == ["page.html"]


@pytest.mark.parametrize("step", STEPS)
def test_a_full_disk_leaves_no_file_where_there_was_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    full_disk(monkeypatch, step)
    with pytest.raises(OSError, match="No space left"):
        write_whole(tmp_path / "page.html", b"new content")
    monkeypatch.undo()
    assert names(tmp_path) == []


def test_whoever_stops_in_the_middle_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "rows.csv"
    target.write_bytes(b"old")

    def stop() -> None:
        with replacing(target) as file:
            file.write(b"half")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stop()
    assert target.read_bytes() == b"old"
    assert names(tmp_path) == ["rows.csv"]


def test_until_the_last_byte_readers_see_the_old_content(tmp_path: Path) -> None:
    target = tmp_path / "rows.csv"
    target.write_bytes(b"old")
    with replacing(target) as file:
        file.write(b"new" * 100_000)
        assert target.read_bytes() == b"old"
    assert target.read_bytes() == b"new" * 100_000


def test_a_link_stays_a_link_and_its_file_gets_the_content(tmp_path: Path) -> None:
    real = tmp_path / "real"
    real.mkdir()
    (real / "page.html").write_bytes(b"old")
    link = tmp_path / "link.html"
    link.symlink_to(real / "page.html")
    write_whole(link, b"new")
    assert link.is_symlink()
    assert (real / "page.html").read_bytes() == b"new"


def test_a_new_file_has_the_rights_that_any_file_would_have_and_an_old_one_keeps_its_own(
    tmp_path: Path,
) -> None:
    (tmp_path / "plain").write_bytes(b"")
    write_whole(tmp_path / "new", b"x")
    assert mode(tmp_path / "new") == mode(tmp_path / "plain")
    (tmp_path / "private").write_bytes(b"old")
    (tmp_path / "private").chmod(0o600)
    write_whole(tmp_path / "private", b"new")
    assert mode(tmp_path / "private") == 0o600


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_name_as_long_as_names_may_be_can_be_written(tmp_path: Path) -> None:
    target = tmp_path / ("n" * 251 + ".csv")
    write_whole(target, b"x")
    assert target.read_bytes() == b"x"


def test_a_device_is_written_to_and_stays_a_device() -> None:
    write_whole(Path(os.devnull), b"x")
    assert stat.S_ISCHR(Path(os.devnull).stat().st_mode)


def test_a_pipe_gets_what_is_written(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe.csv"
    os.mkfifo(pipe)
    read: list[bytes] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_bytes()))
    reader.start()
    write_whole(pipe, b"x" * 200_000)
    reader.join()
    assert read == [b"x" * 200_000]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_the_device_that_is_always_full_says_so() -> None:
    with pytest.raises(OSError, match="No space left"):
        write_whole(Path("/dev/full"), b"x")


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda folder: folder / "nowhere" / "x.csv", FileNotFoundError),
        (lambda folder: folder, IsADirectoryError),
    ],
    ids=["no such folder", "a folder"],
)
def test_what_is_no_place_for_a_file_is_refused(
    tmp_path: Path, make: Callable[[Path], Path], error: type[OSError]
) -> None:
    with pytest.raises(error):
        write_whole(make(tmp_path), b"x")
    assert names(tmp_path) == []


def killed_while_writing(target: Path) -> Path:
    """The half-written file of a process that was ended while it wrote to a target."""
    program = (
        "import sys, time; from pathlib import Path; from cci_lite.files import replacing\n"
        "with replacing(Path(sys.argv[1])) as file:\n"
        "    file.write(b'half'); file.flush(); print('there', flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(target)], stdout=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGTERM)
    [half] = target.parent.glob(".cci-lite-*.tmp")
    return half


def make_old(file: Path) -> None:
    moment = file.stat().st_mtime - 120
    os.utime(file, (moment, moment))


def test_what_a_killed_process_left_goes_when_the_same_target_is_written_again(
    tmp_path: Path,
) -> None:
    half = killed_while_writing(tmp_path / "rows.csv")
    write_whole(tmp_path / "rows.csv", b"a moment later")
    assert half.exists()
    make_old(half)
    write_whole(tmp_path / "other.csv", b"another target")
    assert half.exists()
    write_whole(tmp_path / "rows.csv", b"new")
    assert names(tmp_path) == ["other.csv", "rows.csv"]


def test_what_somebody_is_still_writing_is_left_alone(tmp_path: Path) -> None:
    with replacing(tmp_path / "rows.csv") as file:
        file.write(b"slow")
        file.flush()
        make_old(Path(file.name))
        write_whole(tmp_path / "rows.csv", b"quick")
    assert (tmp_path / "rows.csv").read_bytes() == b"slow"
    assert names(tmp_path) == ["rows.csv"]


def test_only_regular_files_are_swept(tmp_path: Path) -> None:
    half = killed_while_writing(tmp_path / "rows.csv")
    (tmp_path / "precious").write_bytes(b"mine")
    half.unlink()
    half.symlink_to("precious")
    write_whole(tmp_path / "rows.csv", b"new")
    half.unlink()
    os.mkfifo(half)
    write_whole(tmp_path / "rows.csv", b"newer")
    assert half.exists()
    assert (tmp_path / "precious").read_bytes() == b"mine"
