"""A lake's catalogue, settings and forms in one file, and back.

The data is not in it: its files never change once they are written, so any tool copies them.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import re
import shutil
import sqlite3
import stat
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cci_lite.contract.limits import (
    MAX_BACKUP_BYTES,
    MAX_BACKUP_FILES,
    MAX_BACKUP_RATIO,
    MAX_SETTINGS_BYTES,
    MIN_BACKUP_BYTES,
)
from cci_lite.errors import LakeError, NotFoundError, UsageError
from cci_lite.files import is_no_room, replacing
from cci_lite.local.catalog import CATALOG_FILE, catalogue_error, catalogue_problem
from cci_lite.local.lease import all_leases
from cci_lite.local.regular import opened_folder, read_regular, reason_of, walk
from cci_lite.local.settings_files import SETTINGS_FILE
from cci_lite.tenancy import CONFIG, CURATED, QUARANTINE, UNIFIED, is_tenant_id

_ENDING = ".json"
# No part is `.` or `..`, and nothing in it means another place on any system.
_PART = r"(?!\.{1,2}/)[^/\\\0]+"
_SETTINGS_FILE = re.compile(rf"{CONFIG}/{_PART}/[^/\\\0]+\.json")
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
# How far it is packed, that sizes follow the data, that names are UTF-8.
_FLAGS = 0x0006 | 0x0008 | 0x0800
_CHUNK_BYTES = 1024 * 1024
# What the reader raises for an archive that is damaged.
_NOT_READABLE = (OSError, zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError)
_UNPACKING = ".restore-"
_ABANDONED = dt.timedelta(days=1)


@dataclass(frozen=True)
class Saved:
    """How many settings and forms are in a backup, and what in their folder is not, and why."""

    items: int
    strays: tuple[str, ...]


def back_up(lake: Path, target: Path) -> Saved:
    """Write the backup of a lake to a new file.

    The catalogue is as it was at one moment, also while a run is at work. Of the settings only
    regular files count; what else is there is told. Raises UsageError when the file is there
    already or cannot be written, and LakeError, and leaves none, when it would not be whole.
    """
    if target.exists():
        raise UsageError(f"{target} is there already; give the backup another name")
    settings, strays = _settings(lake)
    try:
        with tempfile.TemporaryDirectory(prefix="cci-lite-") as folder:
            copy = Path(folder) / CATALOG_FILE
            _copy_catalogue(lake / CATALOG_FILE, copy)
            with replacing(target) as file:
                with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
                    archive.write(copy, CATALOG_FILE)
                    for tenant, name in settings:
                        # Not by `write`, which takes a file's name and follows links.
                        archive.writestr(f"{CONFIG}/{tenant}/{name}", _item(lake, tenant, name))
                file.flush()
                with zipfile.ZipFile(file.name) as written:
                    if wrong := _problem_of(written, Path(file.name)):
                        raise LakeError(f"the lake is too large for a backup: {wrong}")
    except OSError as problem:
        raise UsageError(f"{target} cannot be written: {problem.strerror}") from problem
    return Saved(len(settings), tuple(strays))


def restore(source: Path, lake: Path, *, overwrite: bool, now: dt.datetime) -> list[str]:
    """Put a backup into a lake's folder; the names under which what was there before was kept.

    Raises NotFoundError without such a file, UsageError when it is no backup or when there is
    something to overwrite and that was not asked for, and LeaseHeldError while a run is at work.
    Then the lake is as it was.
    """
    if not source.is_file():
        raise NotFoundError(f"no file {source}")
    with _made(lake), _unpacked(source, lake, now) as folder, contextlib.ExitStack() as held:
        present = [name for name in (CATALOG_FILE, CONFIG) if _is_something(lake / name)]
        if present and not overwrite:
            raise UsageError(
                f"{lake} has a {' and a '.join(present)} already; to put the backup in their "
                "place, add --overwrite (they are kept under another name)"
            )
        held.enter_context(all_leases(lake, "restore"))
        kept = {name: f"{name}.before-{now:%Y%m%dT%H%M%S}" for name in present}
        # The catalogue last: without it nobody takes the folder for a lake.
        new = [name for name in (CONFIG, CATALOG_FILE) if (folder / name).exists()]
        _moved(
            [(lake / name, lake / other) for name, other in kept.items()]
            + [(folder / name, lake / name) for name in new]
        )
        return [*kept.values()]


def _moved(moves: list[tuple[Path, Path]]) -> None:
    """Make all moves or none."""
    done: list[tuple[Path, Path]] = []
    try:
        for source, target in moves:
            source.rename(target)
            done.append((source, target))
    except OSError as problem:
        for source, target in reversed(done):
            target.rename(source)
        raise UsageError(f"the lake cannot be changed: {problem.strerror}") from problem


def _is_something(path: Path) -> bool:
    return any(path.iterdir()) if path.is_dir() else path.exists() and path.stat().st_size > 0


# --- Settings and catalogue -----------------------------------------------------------------------


def _settings(lake: Path) -> tuple[list[tuple[str, str]], list[str]]:
    """The files of settings by tenant and name, and what else is there; raises LakeError."""
    settings, strays = [], []
    try:
        with opened_folder(lake, [CONFIG]) as folder:
            for seen in walk(folder, f"{CONFIG}/", _ENDING):
                if seen.state is None:
                    raise _incomplete(seen.path, seen.problem)
                if not seen.is_file and _stands_for_settings(lake, seen.names):
                    raise _incomplete(seen.path, seen.problem)
                if not seen.is_file:
                    strays.append(f"{seen.path}: {seen.problem}")
                elif _SETTINGS_FILE.fullmatch(seen.path):
                    settings.append((seen.names[0], seen.names[1]))
                else:
                    strays.append(f"{seen.path}: no settings")
    except FileNotFoundError:
        return [], []
    except OSError as problem:
        raise _incomplete(CONFIG, reason_of(problem)) from None
    return settings, strays


def _stands_for_settings(lake: Path, names: tuple[str, ...]) -> bool:
    """Whether the settings of a tenant belong where something else stands."""
    tenant, *item = names
    if item:
        return item == [SETTINGS_FILE]
    return is_tenant_id(tenant) and any(
        (lake / root / tenant).exists() for root in (UNIFIED, CURATED, QUARANTINE)
    )


def _item(lake: Path, tenant: str, name: str) -> bytes:
    try:
        return read_regular(lake, (CONFIG, tenant), name, MAX_SETTINGS_BYTES)
    except FileNotFoundError:
        raise LakeError(
            f"{CONFIG}/{tenant} was changed meanwhile; no backup was written, do it again"
        ) from None
    except OSError as problem:
        raise _incomplete(f"{CONFIG}/{tenant}/{name}", reason_of(problem)) from None


def _incomplete(place: str, why: str) -> LakeError:
    return LakeError(
        f"{place}: {why}; give this program the right to read it, or take it away; without it the "
        "backup would not be whole, and none was written"
    )


def _copy_catalogue(source: Path, target: Path) -> None:
    try:
        with (
            contextlib.closing(sqlite3.connect(source)) as catalogue,
            contextlib.closing(sqlite3.connect(target)) as copy,
        ):
            catalogue.backup(copy)
    except sqlite3.Error as problem:
        raise catalogue_error(source, problem) from problem


# --- Archives -------------------------------------------------------------------------------------


@contextlib.contextmanager
def _made(lake: Path) -> Iterator[None]:
    """The lake's folder; folders that were not there before go again when the rest fails."""
    missing = [each for each in (lake, *lake.parents) if not each.exists()]
    try:
        lake.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise UsageError(f"no lake can be made at {lake}: {problem.strerror}") from problem
    try:
        yield
    except BaseException:
        with contextlib.suppress(OSError):
            for folder in missing:
                folder.rmdir()
        raise


@contextlib.contextmanager
def _unpacked(source: Path, lake: Path, now: dt.datetime) -> Iterator[Path]:
    """What a backup holds, in a folder beside its place; raises UsageError for another file."""
    for abandoned in lake.glob(f"{_UNPACKING}*"):
        if abandoned.lstat().st_mtime < (now - _ABANDONED).timestamp():
            shutil.rmtree(abandoned, ignore_errors=True)
    try:
        folder = Path(tempfile.mkdtemp(prefix=_UNPACKING, dir=lake))
    except OSError as problem:
        raise UsageError(f"nothing can be written in {lake}: {problem.strerror}") from problem
    try:
        try:
            with zipfile.ZipFile(source) as archive:
                if wrong := _problem_of(archive, source):
                    raise UsageError(f"{source} is no backup of a lake: {wrong}")
                _unpack(archive, folder)
        except _NOT_READABLE as error:
            if isinstance(error, OSError) and is_no_room(error):
                raise
            raise UsageError(f"{source} is no backup of a lake that can be read") from error
        if (what := catalogue_problem(folder / CATALOG_FILE)) is not None:
            raise UsageError(f"{source} is no backup that can be used: {what}")
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _problem_of(archive: zipfile.ZipFile, file: Path) -> str | None:
    """Why an archive is none of ours, by what its list of files says; None when it is one."""
    members = archive.infolist()
    names = {member.filename for member in members}
    if len(members) > MAX_BACKUP_FILES:
        return f"expected at most {MAX_BACKUP_FILES:,} files in it, found more"
    if CATALOG_FILE not in names:
        return f"expected a {CATALOG_FILE} in it, found none"
    if len(names) < len(members):
        return "expected each file once, found one twice"
    for member in members:
        is_settings = _SETTINGS_FILE.fullmatch(member.filename) is not None
        if not is_settings and member.filename != CATALOG_FILE:
            return f"expected {CATALOG_FILE} and {CONFIG}/<tenant>/*.json only, found another file"
        kind = stat.S_IFMT(member.external_attr >> 16)
        if kind not in (0, stat.S_IFREG):
            return "expected regular files only, found another kind"
        if member.flag_bits & ~_FLAGS or member.compress_type not in _METHODS:
            return "expected files that are packed as ours are, found another way"
        if is_settings and member.file_size > MAX_SETTINGS_BYTES:
            return f"expected settings of at most {MAX_SETTINGS_BYTES:,} bytes, found more"
    limit = _most_bytes(file)
    if sum(member.file_size for member in members) > limit:
        return f"expected at most {limit:,} bytes when unpacked, found more"
    return None


def _most_bytes(file: Path) -> int:
    """To how much a file may unpack: what ours do by far, and no more than any of them."""
    by_size = max(MIN_BACKUP_BYTES, MAX_BACKUP_RATIO * file.stat().st_size)
    return min(MAX_BACKUP_BYTES, by_size)


def _unpack(archive: zipfile.ZipFile, folder: Path) -> None:
    """Write the files, and no more of them than their list says."""
    for member in archive.infolist():
        target = folder / member.filename
        target.parent.mkdir(parents=True, exist_ok=True)
        left = member.file_size
        with archive.open(member) as packed, target.open("xb") as file:
            while chunk := packed.read(_CHUNK_BYTES):
                left -= len(chunk)
                if left < 0:
                    raise zipfile.BadZipFile("longer than its list says")
                file.write(chunk)
