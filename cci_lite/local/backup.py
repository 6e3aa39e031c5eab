"""Backs up a lake's catalogue, settings and forms to one file, and restores them.

Calls and tables are not in it: their files never change once written, so any tool can copy them.
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
# A path segment that is neither `.` nor `..` and has no separator of any operating system.
_PART = r"(?!\.{1,2}/)[^/\\\0]+"
_SETTINGS_FILE = re.compile(rf"{CONFIG}/{_PART}/[^/\\\0]+\.json")
_METHODS = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
# ZIP flag bits that we accept: compression level (1, 2), data descriptor (3), UTF-8 names (11).
_FLAGS = 0x0006 | 0x0008 | 0x0800
_CHUNK_BYTES = 1024 * 1024
# What zipfile raises for a damaged archive.
_NOT_READABLE = (OSError, zipfile.BadZipFile, zlib.error, EOFError, ValueError, NotImplementedError)
_UNPACKING = ".restore-"
_ABANDONED = dt.timedelta(days=1)


@dataclass(frozen=True)
class Saved:
    """How many settings and forms a backup holds; `strays` is what it leaves out, and why."""

    items: int
    strays: tuple[str, ...]


def back_up(lake: Path, target: Path) -> Saved:
    """Write the backup of a lake to a new file.

    The catalogue is a consistent snapshot, even while a run is in progress. Only regular files of
    the settings folder are included; anything else is reported. Raises UsageError when the file
    exists or cannot be written, and LakeError when the backup would not be complete; then none is
    left.
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
                        # Not `archive.write`, which would follow a symbolic link.
                        archive.writestr(
                            f"{CONFIG}/{tenant}/{name}", _read_settings(lake, tenant, name)
                        )
                file.flush()
                with zipfile.ZipFile(file.name) as written:
                    if wrong := _problem_of(written, Path(file.name)):
                        raise LakeError(f"the lake is too large for a backup: {wrong}")
    except OSError as problem:
        raise UsageError(f"{target} cannot be written: {problem.strerror}") from problem
    return Saved(len(settings), tuple(strays))


def restore(source: Path, lake: Path, *, overwrite: bool, now: dt.datetime) -> list[str]:
    """Restore a backup into a lake's folder; returns the names under which old files were kept.

    Raises NotFoundError when the file is missing, UsageError when it is no backup or would replace
    something without `overwrite`, and LeaseHeldError while a run is in progress. On an error the
    lake is unchanged.
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
        # From here on no run can publish into the lake that is being replaced.
        held.enter_context(all_leases(lake, "restore"))
        kept = {name: f"{name}.before-{now:%Y%m%dT%H%M%S}" for name in present}
        # The catalogue last: without it the folder does not count as a lake.
        new = [name for name in (CONFIG, CATALOG_FILE) if (folder / name).exists()]
        _move_all(
            [(lake / name, lake / other) for name, other in kept.items()]
            + [(folder / name, lake / name) for name in new]
        )
        return [*kept.values()]


def _move_all(moves: list[tuple[Path, Path]]) -> None:
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
    """The settings files by tenant and name, and the strays among them; raises LakeError."""
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
    """Whether something else stands where the settings of a tenant belong."""
    tenant, *item = names
    if item:
        return item == [SETTINGS_FILE]
    return is_tenant_id(tenant) and any(
        (lake / root / tenant).exists() for root in (UNIFIED, CURATED, QUARANTINE)
    )


def _read_settings(lake: Path, tenant: str, name: str) -> bytes:
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
        f"{place}: {why}; give this program the right to read it, or remove it; without it the "
        "backup would be incomplete, so none was written"
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
    """Make the lake's folder; the folders that it had to make are removed when the rest fails."""
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
    """A backup unpacked into a scratch folder of the lake; raises UsageError for other files."""
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
    """Why an archive is no backup, judged by its list of files; None when it is one."""
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
            return "expected files compressed as in a backup, found another kind"
        if is_settings and member.file_size > MAX_SETTINGS_BYTES:
            return f"expected settings of at most {MAX_SETTINGS_BYTES:,} bytes, found more"
    limit = _most_bytes(file)
    if sum(member.file_size for member in members) > limit:
        return f"expected at most {limit:,} bytes when unpacked, found more"
    return None


def _most_bytes(file: Path) -> int:
    """How many bytes a file may unpack to, as a defence against archive bombs."""
    by_size = max(MIN_BACKUP_BYTES, MAX_BACKUP_RATIO * file.stat().st_size)
    return min(MAX_BACKUP_BYTES, by_size)


def _unpack(archive: zipfile.ZipFile, folder: Path) -> None:
    """Write the files; raises when one is longer than the archive's list says."""
    for member in archive.infolist():
        target = folder / member.filename
        target.parent.mkdir(parents=True, exist_ok=True)
        left = member.file_size
        with archive.open(member) as packed, target.open("xb") as file:
            while chunk := packed.read(_CHUNK_BYTES):
                left -= len(chunk)
                if left < 0:
                    raise zipfile.BadZipFile("longer than the list of files says")
                file.write(chunk)
