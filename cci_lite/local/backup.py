"""A lake's catalogue, settings and forms in one file, and back.

The data is not in it: its files never change once they are written, so any tool copies them.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import re
import shutil
import sqlite3
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from cci_lite.errors import LakeError, NotFoundError, UsageError
from cci_lite.files import replacing
from cci_lite.local.catalog import CATALOG_FILE, catalogue_error, catalogue_problem
from cci_lite.local.folder import FolderStore
from cci_lite.local.lease import all_leases
from cci_lite.local.regular import reason_of
from cci_lite.ports import Unlisted
from cci_lite.tenancy import CONFIG

_SETTINGS_FILE = re.compile(rf"{CONFIG}/[^/\\]+/[^/\\]+\.json")


def back_up(lake: Path, target: Path) -> int:
    """Write the backup of a lake to a new file; how many settings and forms are in it.

    The catalogue is as it was at one moment, also while a run is at work. Raises UsageError when
    the file is there already or cannot be written, and LakeError when a part of it cannot be read.
    """
    if target.exists():
        raise UsageError(f"{target} is there already; give the backup another name")
    settings = _settings_of(lake)
    try:
        with tempfile.TemporaryDirectory(prefix="cci-lite-") as folder:
            copy = Path(folder) / CATALOG_FILE
            _copy_catalogue(lake / CATALOG_FILE, copy)
            with (
                replacing(target) as file,
                zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive,
            ):
                archive.write(copy, CATALOG_FILE)
                for key, data in settings.items():
                    archive.writestr(key, data)
    except OSError as problem:
        raise UsageError(f"{target} cannot be written: {problem.strerror}") from problem
    return len(settings)


def restore(source: Path, lake: Path, *, overwrite: bool, now: dt.datetime) -> list[str]:
    """Put a backup into a lake's folder; the names under which what was there before was kept.

    Raises NotFoundError without such a file, UsageError when it is no backup or when there is
    something to overwrite and that was not asked for, and LeaseHeldError while a run is at work.
    """
    if not source.is_file():
        raise NotFoundError(f"no file {source}")
    try:
        lake.mkdir(parents=True, exist_ok=True)
    except OSError as problem:
        raise UsageError(f"no lake can be made at {lake}: {problem.strerror}") from problem
    with _unpacked(source, lake) as folder, contextlib.ExitStack() as held:
        present = [name for name in (CATALOG_FILE, CONFIG) if _is_something(lake / name)]
        if present and not overwrite:
            raise UsageError(
                f"{lake} has a {' and a '.join(present)} already; to put the backup in their "
                "place, add --overwrite (they are kept under another name)"
            )
        held.enter_context(all_leases(lake, "restore"))
        kept = []
        for name in present:
            other = f"{name}.before-{now:%Y%m%dT%H%M%S}"
            (lake / name).rename(lake / other)
            kept.append(other)
        # The catalogue last: without it nobody takes the folder for a lake.
        for name in (CONFIG, CATALOG_FILE):
            if (folder / name).exists():
                (folder / name).rename(lake / name)
        return kept


def _settings_of(lake: Path) -> dict[str, bytes]:
    """The files of settings and forms by key; raises LakeError when one cannot be read."""
    store = FolderStore(lake)
    settings = {}
    for found in store.survey(f"{CONFIG}/"):
        problem = found.reason if isinstance(found, Unlisted) else found.stray
        try:
            if not problem and _SETTINGS_FILE.fullmatch(found.key):
                settings[found.key] = store.read(found.key)
        except OSError as error:
            problem = reason_of(error)
        if problem:
            raise LakeError(
                f"{found.key} cannot be read: {problem}; take it away, or give this program the "
                "right to read it; no backup was made"
            )
    return settings


def _is_something(path: Path) -> bool:
    return any(path.iterdir()) if path.is_dir() else path.exists() and path.stat().st_size > 0


def _copy_catalogue(source: Path, target: Path) -> None:
    try:
        with (
            contextlib.closing(sqlite3.connect(source)) as catalogue,
            contextlib.closing(sqlite3.connect(target)) as copy,
        ):
            catalogue.backup(copy)
    except sqlite3.Error as problem:
        raise catalogue_error(source, problem) from problem


@contextlib.contextmanager
def _unpacked(source: Path, lake: Path) -> Iterator[Path]:
    """What a backup holds, in a folder beside its place; raises UsageError for another file."""
    folder = Path(tempfile.mkdtemp(prefix=".restore-", dir=lake))
    try:
        try:
            with zipfile.ZipFile(source) as archive:
                names = archive.namelist()
                others = [
                    name
                    for name in names
                    if name != CATALOG_FILE and not _SETTINGS_FILE.fullmatch(name)
                ]
                if CATALOG_FILE not in names or others or any(".." in name for name in names):
                    raise UsageError(f"{source} is no backup of a lake")
                archive.extractall(folder)
        except (OSError, zipfile.BadZipFile) as problem:
            raise UsageError(f"{source} is no backup of a lake that can be read") from problem
        if (what := catalogue_problem(folder / CATALOG_FILE)) is not None:
            raise UsageError(f"{source} is no backup that can be used: {what}")
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
