"""Opens folders and regular files step by step without following symbolic links.

Anything else in a folder (a link, a named pipe, a socket, a device) is a stray: it is listed and
never opened. Checks are made on the open descriptor, not on the name, so that nothing can be put in
its place in between (a time-of-check to time-of-use race).
"""

from __future__ import annotations

import contextlib
import datetime as dt
import errno
import os
import stat
import uuid
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cci_lite.contract.limits import too_large

# Without O_NONBLOCK, opening a named pipe would block until somebody writes to it.
_QUIETLY = os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY
_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW
# Far deeper than any folder of a lake; the bound stops endless walks (a loop of bind mounts).
DEEPEST = 32
_CHUNK_BYTES = 1024 * 1024
# The folder of a lake in which new content is written before it is renamed into its place.
SCRATCH = ".scratch"

_KINDS = {
    stat.S_IFREG: "a file",
    stat.S_IFDIR: "a folder",
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFBLK: "a device",
    stat.S_IFCHR: "a device",
}
_EARLIEST = dt.datetime(1900, 1, 1, tzinfo=dt.UTC)
_LATEST = dt.datetime(9999, 1, 1, tzinfo=dt.UTC)


@dataclass(frozen=True, slots=True)
class Seen:
    """One entry of a folder: a file, a stray, or a folder that cannot be listed.

    `path` is for people: names that are not UTF-8 are shown with escapes. `names` are the names
    that the system has. `problem` says what a stray is, or why a folder cannot be listed; `state`
    is None for the latter.
    """

    path: str
    names: tuple[str, ...]
    state: os.stat_result | None
    problem: str = ""

    @property
    def is_file(self) -> bool:
        """Whether it is a regular file."""
        return self.state is not None and not self.problem


@contextlib.contextmanager
def opened_folder(root: Path, names: Sequence[str], *, make: bool = False) -> Iterator[int]:
    """A descriptor of the folder `names` below `root`; only `root` itself may be a link.

    Raises FileNotFoundError, NotADirectoryError (which says what stands there instead) and what
    the system says of its rights. `make` makes folders that are missing.
    """
    folder = _open_folder(root, names, make=make)
    try:
        yield folder
    finally:
        os.close(folder)


@dataclass(frozen=True, slots=True)
class Scratch:
    """A new file beside a lake's content: its open folder, its name there, its open descriptor."""

    folder: int
    name: str
    file: int


@contextlib.contextmanager
def scratch_file(root: Path) -> Iterator[Scratch]:
    """A file in the scratch folder of a lake, for content that is then renamed into its place.

    It is closed and, unless it was renamed, deleted at the end. `FolderStore.sweep` deletes those
    of killed processes.
    """
    name = uuid.uuid4().hex
    with opened_folder(root, [SCRATCH], make=True) as folder:
        try:
            file = open_regular(folder, name, os.O_WRONLY | os.O_CREAT | os.O_EXCL)
            try:
                yield Scratch(folder, name, file)
            finally:
                os.close(file)
        finally:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(name, dir_fd=folder)


def read_regular(root: Path, names: Sequence[str], name: str, limit: int) -> bytes:
    """The whole of a regular file in a folder below `root`.

    Raises FileNotFoundError when there is none of that name, whatever else is there or on the way,
    and OSError that says the limit for a file of more than `limit` bytes.
    """
    with FolderReader(root) as reader:
        return reader.read(names, name, limit)


class FolderReader:
    """Reads regular files as `read_regular` does, and keeps the folder of the last one open.

    What is put in the place of that folder meanwhile is not looked at.
    """

    def __init__(self, root: Path) -> None:
        self._root = root
        self._names: Sequence[str] = ()
        self._folder = -1

    def read(self, names: Sequence[str], name: str, limit: int) -> bytes:
        """The whole of a regular file; raises what `read_regular` does."""
        if self._folder < 0 or names != self._names:
            self.close()
            try:
                self._folder = _open_folder(self._root, names, make=False)
            except NotADirectoryError as problem:
                raise FileNotFoundError(
                    problem.errno, f"{problem.strerror} is on the way"
                ) from None
            self._names = names
        # Documents are read by the thousand, so this avoids a file object and a second stat.
        file, state = _opened_regular(self._folder, name, os.O_RDONLY)
        try:
            # A file that grows while it is read would be incomplete in any case.
            data = os.read(file, state.st_size) if state.st_size <= limit else None
        finally:
            os.close(file)
        if data is None:
            raise too_large(limit)
        return data

    def close(self) -> None:
        """Close the folder."""
        if self._folder >= 0:
            os.close(self._folder)
            self._folder = -1

    def __enter__(self) -> FolderReader:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def read_named(path: Path, limit: int) -> bytes:
    """The whole content of a file that a person names; it may be a link or a pipe.

    Raises OSError, of which `strerror` says the limit for more than `limit` bytes.
    """
    data = bytearray()
    with path.open("rb") as opened:
        while len(data) <= limit and (chunk := opened.read(_CHUNK_BYTES)):
            data += chunk
    if len(data) > limit:
        raise too_large(limit)
    return bytes(data)


def open_regular(folder: int, name: str, flags: int) -> int:
    """A descriptor of a regular file; raises FileNotFoundError when something else stands there."""
    return _opened_regular(folder, name, flags)[0]


def regular_state(folder: int, name: str) -> os.stat_result | None:
    """The state of a regular file; None when there is none of that name."""
    state = _state(folder, name)
    return state if state is not None and stat.S_ISREG(state.st_mode) else None


def walk(
    folder: int,
    prefix: str,
    endings: str | tuple[str, ...],
    levels: int = DEEPEST,
    names: tuple[str, ...] = (),
    *,
    start: str = "",
) -> Iterator[Seen]:
    """Everything below an open folder, ordered by path; folders are walked, links never.

    A folder that is called like a document (`endings`) is a stray. What comes before the path
    `start` is left out, without opening its folders.
    """
    try:
        entries = _entries(folder)
    except OSError as problem:
        yield Seen(prefix.rstrip("/"), names, None, reason_of(problem))
        return
    for shown, name, state in entries:
        path, its_names = f"{prefix}{shown}", (*names, name)
        is_folder = stat.S_ISDIR(state.st_mode)
        if path < start and not (is_folder and f"{path}/" >= start[: len(path) + 1]):
            continue
        if not is_folder:
            regular = stat.S_ISREG(state.st_mode)
            yield Seen(path, its_names, state, "" if regular else kind_of(state))
        elif name.endswith(endings):
            yield Seen(path, its_names, state, "a folder")
        elif not levels:
            yield Seen(path, its_names, None, f"more than {DEEPEST} folders within each other")
        else:
            try:
                below = os.open(name, _FOLDER, dir_fd=folder)
            except FileNotFoundError:
                continue
            except OSError as problem:
                yield Seen(path, its_names, None, reason_of(problem))
                continue
            try:
                yield from walk(below, f"{path}/", endings, levels - 1, its_names, start=start)
            finally:
                os.close(below)


def holds_anything(folder: int, endings: str | tuple[str, ...], levels: int = DEEPEST) -> bool:
    """Whether `walk` would find anything below an open folder; stops at the first."""
    with os.scandir(folder) as found:
        names = []
        for entry in found:
            if not entry.is_dir(follow_symlinks=False) or entry.name.endswith(endings):
                return True
            names.append(entry.name)
    return any(_holds_anything_in(folder, name, endings, levels) for name in names)


def _holds_anything_in(folder: int, name: str, endings: str | tuple[str, ...], levels: int) -> bool:
    try:
        below = os.open(name, _FOLDER, dir_fd=folder)
        try:
            return not levels or holds_anything(below, endings, levels - 1)
        finally:
            os.close(below)
    except FileNotFoundError:
        return False
    except OSError:  # nobody knows
        return True


def kind_of(state: os.stat_result) -> str:
    """What something is, in words."""
    return _KINDS.get(stat.S_IFMT(state.st_mode), "neither a file nor a folder")


def reason_of(problem: OSError) -> str:
    """What the system says, without the name of the file."""
    return problem.strerror or type(problem).__name__


def shown_name(name: str) -> str:
    """A name as text; bytes that are not UTF-8 are shown as escapes."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def modified_at(state: os.stat_result) -> dt.datetime:
    """When a file was written; a time outside the calendar's range is moved to its nearest end."""
    return moment_of(state) or (_LATEST if state.st_mtime > 0 else _EARLIEST)


def moment_of(state: os.stat_result) -> dt.datetime | None:
    """When a file was written; None for a time outside the calendar's range."""
    try:
        moment = dt.datetime.fromtimestamp(state.st_mtime, dt.UTC)
    except (OverflowError, ValueError, OSError):
        return None
    return moment if _EARLIEST <= moment <= _LATEST else None


def _open_folder(root: Path, names: Sequence[str], *, make: bool) -> int:
    try:
        folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        if not make:
            raise
        root.mkdir(parents=True, exist_ok=True)
        folder = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for name in names:
            below = _open_folder_in(folder, name, make=make)
            os.close(folder)
            folder = below
    except BaseException:
        os.close(folder)
        raise
    return folder


def _opened_regular(folder: int, name: str, flags: int) -> tuple[int, os.stat_result]:
    # Merely opening a device can have an effect, so its state is checked before, too.
    if (state := _state(folder, name)) is not None:
        _check_regular(state)
    try:
        opened = os.open(name, flags | _QUIETLY, 0o666, dir_fd=folder)
    except OSError as problem:
        if problem.errno == errno.ELOOP:
            raise _no_file("a symbolic link") from None
        raise
    try:
        state = os.fstat(opened)
        _check_regular(state)
    except BaseException:
        os.close(opened)
        raise
    return opened, state


def _open_folder_in(folder: int, name: str, *, make: bool) -> int:
    try:
        return os.open(name, _FOLDER, dir_fd=folder)
    except FileNotFoundError:
        if not make:
            raise
        # Only when it is missing: nearly all content goes to folders that are there.
        with contextlib.suppress(FileExistsError):
            os.mkdir(name, dir_fd=folder)
        return _open_folder_in(folder, name, make=False)
    except OSError as problem:
        if problem.errno not in (errno.ENOTDIR, errno.ELOOP):
            raise
        found = kind_of(os.stat(name, dir_fd=folder, follow_symlinks=False))
        raise NotADirectoryError(errno.ENOTDIR, found) from None


def _entries(folder: int) -> list[tuple[str, str, os.stat_result]]:
    """What is directly in a folder: each name as shown, as the system has it, and its state."""
    entries = {}
    with os.scandir(folder) as found:
        for entry in sorted(found, key=lambda each: each.name):
            try:
                state = entry.stat(follow_symlinks=False)
            except FileNotFoundError:
                continue
            shown = shown_name(entry.name)
            while shown in entries:  # two names can look the same once escaped
                shown += "~"
            entries[shown] = (shown, entry.name, state)
    # A folder sorts as the paths in it do, so that the whole walk is ordered by path.
    return sorted(
        entries.values(),
        key=lambda each: each[0] + "/" if stat.S_ISDIR(each[2].st_mode) else each[0],
    )


def _state(folder: int, name: str) -> os.stat_result | None:
    try:
        return os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return None


def _check_regular(state: os.stat_result) -> None:
    if not stat.S_ISREG(state.st_mode):
        raise _no_file(kind_of(state))


def _no_file(found: str) -> FileNotFoundError:
    return FileNotFoundError(errno.ENOENT, f"{found} stands in the place of a file")
