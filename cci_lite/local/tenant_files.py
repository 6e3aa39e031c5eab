"""A tenant's published files: which there are, and whether they are as published.

The catalogue gives the files and their days. A file is opened only when a query needs its day, so a
missing or damaged file fails no other query.
"""

from __future__ import annotations

import datetime as dt
import os
import stat
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from cci_lite.contract.columns import TABLES
from cci_lite.contract.part_checksum import is_intact
from cci_lite.errors import UsageError
from cci_lite.tenancy import CURATED, UNIFIED, check_tenant_id

# What a file's state says: it changes whenever somebody writes to the file or replaces it.
_State = tuple[int, int, int, int]


@dataclass(frozen=True)
class SnapshotFile:
    """One file of a table's day: a Parquet part or a raw document; `size` as published."""

    path: Path
    call_date: dt.date
    size: int | None = None


@dataclass(frozen=True)
class TenantSnapshot:
    """The live files of one tenant: Parquet by table, and the raw unified documents."""

    tenant_id: str
    tables: Mapping[str, Sequence[SnapshotFile]]
    unified: Sequence[SnapshotFile] = field(default=())


@dataclass(frozen=True)
class Place:
    """Where a file belongs: table and day. `is_refused`: this program may not read it."""

    table: str
    call_date: dt.date
    is_refused: bool = False


def check_places(snapshot: TenantSnapshot) -> None:
    """Raise UsageError when a file is not the tenant's, or lies in another day's folder."""
    tenant_id = check_tenant_id(snapshot.tenant_id)
    if unknown := sorted(set(snapshot.tables) - set(TABLES)):
        raise UsageError(f"unknown table '{unknown[0]}', expected one of {', '.join(TABLES)}")
    for table, files in snapshot.tables.items():
        for file in files:
            day = f"call_date={file.call_date}"
            if file.path.parts[-6:-2] != (CURATED, tenant_id, table, day):
                raise UsageError(
                    f"expected files below {CURATED}/{tenant_id}/{table}/ only, found one elsewhere"
                )
    for file in snapshot.unified:
        if file.path.parts[-6:-4] != (UNIFIED, tenant_id):
            raise UsageError(
                f"expected files below {UNIFIED}/{tenant_id}/ only, found one elsewhere"
            )


class PartFiles:
    """The Parquet files that one engine may open, and what it knows of them."""

    def __init__(self, folder: Path) -> None:
        """`folder` receives what stands for files that cannot be read."""
        self._folder = folder
        self._places: dict[str, Place] = {}
        self._states: dict[str, _State] = {}
        self._intact: dict[str, _State] = {}

    def paths(self, table: str, files: Iterable[SnapshotFile]) -> list[str]:
        """The path to read for each file, as the files are now.

        For one that is gone, is not as published or may not be read it is a path that nobody can
        read, so that a query that needs the day fails, and no other.
        """
        paths = []
        for file in files:
            path = str(file.path if file.path.is_absolute() else file.path.absolute())
            try:
                state = _state_as_published(file)
                is_refused = False
            except PermissionError:
                state, is_refused = None, True
            if state is None:
                path = self._stand_in(path, is_refused)
            else:
                self._states[path] = state
            self._places[path] = Place(table, file.call_date, is_refused)
            paths.append(path)
        return paths

    def _stand_in(self, path: str, is_refused: bool) -> str:
        # The engine reads a file's day from its path, so the end of the path stays.
        kind = "refused" if is_refused else "damaged"
        file = self._folder.joinpath(kind, *Path(path).parts[-4:])
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
        return str(file)

    def place_named_in(self, message: str) -> Place | None:
        """The place of the file that a message names."""
        return next((place for path, place in self._places.items() if path in message), None)

    def unproven(self, paths: Iterable[str]) -> list[str]:
        """The parts among the paths whose content was not compared since it last changed."""
        # A query also opens files of its own, to spill what does not fit into the memory.
        return [
            path
            for path in paths
            if path in self._places
            and (path not in self._intact or self._intact[path] != self._states.get(path))
        ]

    def prove(self, path: str) -> Place | None:
        """Compare a file's content with its checksums; its place when it is damaged."""
        state = self._states.get(path)
        if state is None or not _is_whole(path):
            return self._places[path]
        self._intact[path] = state
        return None


def _state_as_published(file: SnapshotFile) -> _State | None:
    """The state of a part that is a regular file (no link) of the size that the catalogue says.

    None for any other. Raises PermissionError when it may not be read.
    """
    try:
        found = file.path.lstat()
    except PermissionError:
        raise
    except OSError:
        return None
    if not stat.S_ISREG(found.st_mode):
        return None
    if not os.access(file.path, os.R_OK):
        raise PermissionError
    if file.size not in (None, found.st_size):
        return None
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns, found.st_ino


def _is_whole(path: str) -> bool:
    try:
        with Path(path).open("rb") as file:
            intact = is_intact(file)
    except OSError:
        return False
    return _has_whole_pages(path) if intact is None else intact


def _has_whole_pages(path: str) -> bool:
    """Whether every page of a file agrees with its own checksum: files of earlier versions."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        pq.ParquetFile(path, page_checksum_verification=True).read()
    except (OSError, pa.ArrowException, ValueError):
        return False
    return True
