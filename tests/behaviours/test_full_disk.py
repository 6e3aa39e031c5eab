"""A lake on a disk that is really full: nothing is lost, and nothing is half written."""

from __future__ import annotations

import ctypes
import os
import shutil
import sqlite3
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.cli.programs import GUIDE_DOCUMENT, GUIDE_FORM, cci, succeed

KILOBYTE = 1024
ROOM = 1_500 * KILOBYTE


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of its own, as small as a lake and a bit."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if not sys.platform.startswith("linux"):
        pytest.skip("needs Linux, to mount a file system in memory")
    libc = ctypes.CDLL(None, use_errno=True)
    target = os.fsencode(folder)
    if libc.mount(b"tmpfs", target, b"tmpfs", 0, f"size={ROOM}".encode()):
        pytest.skip(f"needs the right to mount: {os.strerror(ctypes.get_errno())}")
    yield folder
    assert libc.umount2(target, 2) == 0  # even if something is open


def scope(lake: Path) -> tuple[str | Path, ...]:
    return ("--tenant", "demo-tenant", "--lake", lake)


def fill(disk: Path, *, but: int) -> Path:
    """Leave no more than this many bytes free."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        free = shutil.disk_usage(disk).free
        file.write(bytes(max(free - but, 0)))
    return ballast


def whole_files(folder: Path) -> dict[str, bytes]:
    """Every file but SQLite's, which rolls back when it is opened, and leases."""
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.is_file() and not path.name.startswith("catalog.db") and "leases" not in path.parts
    }


@pytest.fixture
def lake(disk: Path) -> Path:
    lake = disk / "lake"
    succeed("tenants", "add", "demo-tenant", "--lake", lake, "--agent-channel", "ch_0")
    succeed("forms", "put", GUIDE_FORM, *scope(lake))
    succeed("calls", "ingest", GUIDE_DOCUMENT, *scope(lake))
    succeed("etl", "run", "--lake", lake)
    return lake


@pytest.mark.parametrize(
    ("command", "name"),
    [
        (
            ["query", f"SELECT x, '{'y' * 400}' AS y FROM UNNEST(sequence(1, 3000)) AS t(x)"],
            "out.csv",
        ),
        (["report", "page"], "page.html"),
        (["report", "leaderboard"], "board.xlsx"),
    ],
    ids=["query", "page", "leaderboard"],
)
@pytest.mark.parametrize("but", [0, 4 * KILOBYTE])
def test_a_file_that_has_no_room_leaves_the_old_one(
    disk: Path, lake: Path, command: list[str], name: str, but: int
) -> None:
    target = disk / name
    target.write_bytes(b"old")
    ballast = fill(disk, but=but)
    before = whole_files(disk)
    done = cci(*command, *scope(lake), "--to", target)
    assert done.code == 1
    assert done.error == (
        f"{target} cannot be written: No space left on device; make room and do it again"
    )
    assert whole_files(disk) == before
    ballast.unlink()
    succeed(*command, *scope(lake), "--to", target)
    assert target.read_bytes() != b"old"


@pytest.mark.parametrize("but", [0, 4 * KILOBYTE, 12 * KILOBYTE, 40 * KILOBYTE])
def test_a_document_and_a_night_without_room_leave_the_lake_as_it_was(
    disk: Path, lake: Path, tmp_path: Path, but: int
) -> None:
    text = GUIDE_DOCUMENT.read_text(encoding="utf-8").replace("cci_", "cci_9")
    document = tmp_path / "document.json"
    document.write_text(text, encoding="utf-8")
    ballast = fill(disk, but=but)
    before = whole_files(disk)
    ingested = cci("calls", "ingest", document, *scope(lake))
    ran = cci("etl", "run", "--lake", lake)
    if ingested.code:
        assert "No space left on device" in ingested.err
        assert whole_files(disk) == before
    for name, data in before.items():
        assert (disk / name).read_bytes() == data
    assert not list((lake / ".scratch").iterdir())
    assert ingested.code or ran.code in (0, 1)
    ballast.unlink()
    succeed("calls", "ingest", document, *scope(lake))
    succeed("etl", "run", "--lake", lake)
    assert succeed("etl", "verify", "--lake", lake).err.endswith(": all claims hold\n")
    [row] = succeed(
        "query", "SELECT count(*) AS calls FROM calls", *scope(lake), "--output", "json"
    ).json
    assert row == {"calls": 2}


@pytest.mark.parametrize("but", range(0, 60 * KILOBYTE, 4 * KILOBYTE))
def test_settings_that_have_no_room_are_not_half_stored(disk: Path, lake: Path, but: int) -> None:
    ballast = fill(disk, but=but)
    done = cci("tenants", "add", "other-tenant", "--lake", lake)
    ballast.unlink()
    if done.code:
        assert done.code == 1
        assert "full" in done.error or "No space left" in done.error
    with sqlite3.connect(lake / "catalog.db") as catalogue:
        assert catalogue.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    tenants = [
        row["tenant_id"]
        for row in succeed("tenants", "list", "--lake", lake, "--output", "json").json
    ]
    assert tenants == ["demo-tenant", *(["other-tenant"] if not done.code else [])]


@pytest.mark.parametrize("but", range(0, 80 * KILOBYTE, 8 * KILOBYTE))
def test_a_new_lake_that_has_no_room_is_made_when_there_is(disk: Path, but: int) -> None:
    ballast = fill(disk, but=but)
    lake = disk / "lake"
    done = cci("tenants", "add", "demo-tenant", "--lake", lake)
    ballast.unlink()
    assert done.code in (0, 1), done.err
    succeed("tenants", "add", "demo-tenant", "--lake", lake)
    assert [
        row["tenant_id"]
        for row in succeed("tenants", "list", "--lake", lake, "--output", "json").json
    ] == ["demo-tenant"]
