"""Reads the files that people give to commands: transcripts, documents, forms, settings."""

from __future__ import annotations

import codecs
import contextlib
import gzip
import io
import os
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

import msgspec
from ruamel.yaml import YAML

from cci_lite.contract.definitions import line_in, parse_definition
from cci_lite.contract.limits import (
    MAX_DEFINITION_BYTES,
    MAX_TRANSCRIPT_BYTES,
    MAX_UNPACKED_BYTES,
    is_too_large,
)
from cci_lite.errors import ContractError, NotFoundError, UsageError
from cci_lite.local.regular import (
    moment_of,
    open_regular,
    opened_folder,
    read_named,
    reason_of,
    walk,
)
from cci_lite.ports import InputFile, UnreadableFile

SIDECAR_ENDING = ".meta.json"
_ENDINGS = (".json", ".json.gz", ".jsonl", ".jsonl.gz")
_CHUNK_BYTES = 1024 * 1024
# As Transcribe writes batch output: megabytes need not be decoded for their first field.
_BEGINS_WITH_JOB_NAME = re.compile(rb'(?:\xef\xbb\xbf)?\s*\{\s*"jobName"\s*:\s*"([\w.-]+)"')


@dataclass(frozen=True)
class FoundFile:
    """A file to read: `names` leads from `folder` to it, without following links."""

    path: Path
    folder: Path
    names: tuple[str, ...]


def find_inputs(paths: Iterable[Path]) -> list[FoundFile | UnreadableFile]:
    """The JSON files among these paths, ordered; raises NotFoundError for a missing one.

    A link that is named itself is followed. Within a folder only regular files count: links, named
    pipes, folders with a file's name and folders that cannot be listed are returned as unreadable.
    """
    found: list[FoundFile | UnreadableFile] = []
    for path in paths:
        if path.is_dir():
            found += _found_in(path)
        elif path.is_file():
            real = path.resolve()
            found.append(FoundFile(path, real.parent, (real.name,)))
        else:
            raise NotFoundError(f"no such file or folder: {path}")
    if not found:
        raise NotFoundError(f"no {', '.join(_ENDINGS)} file in: {', '.join(map(str, paths))}")
    return found


def read_inputs(
    files: Iterable[FoundFile | UnreadableFile],
) -> Iterator[InputFile | UnreadableFile]:
    """The documents in these files: one per `.json`, one per line of a `.jsonl`; `.gz` is unpacked.

    A file or line that cannot be read is returned as such and does not stop the others. No more is
    in memory at a time than a document may have bytes.
    """
    for file in files:
        if isinstance(file, UnreadableFile):
            yield file
            continue
        path = file.path
        try:
            yield from _documents(file)
        except ContractError as problem:
            yield UnreadableFile(str(path), problem)
        except OSError as problem:
            found = problem.strerror or type(problem).__name__
            yield UnreadableFile(str(path), ContractError("", "a file that can be read", found))


def job_name_of(data: bytes) -> str | None:
    """The name of the transcription job in a transcript; None without one."""
    if begins := _BEGINS_WITH_JOB_NAME.match(data):
        return begins[1].decode()
    try:
        names = msgspec.json.decode(data.removeprefix(codecs.BOM_UTF8), type=_JobName)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return None
    return names.batch or names.analytics or names.session


def read_given(path: Path, limit: int) -> bytes:
    """The whole of a text file that a person names; raises NotFoundError and UsageError."""
    try:
        return read_named(path, limit)
    except FileNotFoundError:
        raise NotFoundError(f"no such file: {path}") from None
    except OSError as problem:
        if is_too_large(problem):
            raise UsageError(f"{path}: expected at most {limit:,} bytes, found more") from None
        raise UsageError(f"{path}: expected a text file ({type(problem).__name__})") from None


def read_definition(path: Path) -> object:
    """A YAML or JSON file as plain values; raises UsageError with line and column."""
    return parse_definition(_text_of(path), str(path))


def yaml_of(value: object) -> str:
    """A value as YAML for people to edit; `read_definition` reads it back."""
    yaml = YAML()
    yaml.default_flow_style = False
    yaml.width = 100
    yaml.indent(mapping=2, sequence=4, offset=2)
    text = io.StringIO()
    yaml.dump(value, text)
    return text.getvalue()


def line_of(path: Path, place: str) -> int | None:
    """The line of a YAML or JSON file in which a value begins (`criteria[2].weight`).

    For a missing value, the line of the object that should hold it; None when nothing is found.
    """
    try:
        return line_in(_text_of(path), place)
    except UsageError:
        return None


class _JobName(msgspec.Struct):
    batch: str | None = msgspec.field(name="jobName", default=None)
    analytics: str | None = msgspec.field(name="JobName", default=None)
    session: str | None = msgspec.field(name="SessionId", default=None)


def _found_in(folder: Path) -> Iterator[FoundFile | UnreadableFile]:
    try:
        with opened_folder(folder, []) as opened:
            for seen in walk(opened, "", _ENDINGS):
                path = folder.joinpath(*seen.names)
                if seen.state is None:
                    yield _unreadable_file(path, "a folder that can be listed", seen.problem)
                elif _is_input(path) and seen.problem:
                    yield _unreadable_file(path, "a regular file", seen.problem)
                elif _is_input(path):
                    yield FoundFile(path, folder, seen.names)
    except OSError as problem:
        yield _unreadable_file(folder, "a folder that can be listed", reason_of(problem))


def _unreadable_file(path: Path, expected: str, found: str) -> UnreadableFile:
    return UnreadableFile(str(path), ContractError("", expected, found))


def _is_input(file: Path) -> bool:
    return file.name.endswith(_ENDINGS) and not file.name.endswith(SIDECAR_ENDING)


def _documents(found: FoundFile) -> Iterator[InputFile | UnreadableFile]:
    path = found.path
    is_lines = path.name.removesuffix(".gz").endswith(".jsonl")
    # Only the end of a gzip file shows that it was truncated, and by then its first lines would be
    # judged.
    checked = _checked_lines(found) if is_lines and path.suffix == ".gz" else None
    with _regular(found) as plain:
        modified_at = moment_of(os.fstat(plain.fileno()))
        if modified_at is None:
            raise ContractError("", "a file time that is a date (touch the file)", "another one")
        with _unpacked(path, plain) if checked is None else io.BytesIO(checked) as file:
            for number, data in enumerate(
                _lines(file) if is_lines else [_read_whole(file)], start=1
            ):
                name = f"{path}:{number}" if is_lines else str(path)
                if data is None:
                    yield UnreadableFile(name, _too_long(MAX_TRANSCRIPT_BYTES, "in a document"))
                elif data.strip() or not is_lines:
                    yield InputFile(name, data, modified_at)


def _checked_lines(found: FoundFile) -> bytes | None:
    """All lines of a file that is whole, or None where they are many: then they are unpacked again.

    Decompressed to the end at once, so that no line of a truncated file is judged.
    """
    with _regular(found) as plain, _unpacked(found.path, plain) as file:
        kept = bytearray()
        unpacked = 0
        while chunk := file.read(_CHUNK_BYTES):
            unpacked += len(chunk)
            if unpacked > MAX_UNPACKED_BYTES:
                raise _too_long(MAX_UNPACKED_BYTES, "when unpacked")
            if unpacked <= MAX_TRANSCRIPT_BYTES:
                kept += chunk
            else:
                kept.clear()
    return bytes(kept) if unpacked <= MAX_TRANSCRIPT_BYTES else None


@contextlib.contextmanager
def _regular(found: FoundFile) -> Iterator[BinaryIO]:
    with opened_folder(found.folder, found.names[:-1]) as folder:
        file = open_regular(folder, found.names[-1], os.O_RDONLY)
    with open(file, "rb", _CHUNK_BYTES) as plain:  # noqa: PTH123
        yield plain


@contextlib.contextmanager
def _unpacked(path: Path, plain: BinaryIO) -> Iterator[BinaryIO]:
    if path.suffix != ".gz":
        yield plain
        return
    try:
        with gzip.open(plain) as packed:
            yield cast("BinaryIO", packed)
    except (gzip.BadGzipFile, EOFError, zlib.error):
        raise ContractError("", "a gzip file that is whole", "another file") from None


def _read_whole(file: BinaryIO) -> bytes | None:
    """All of it; None when that is too much for a document."""
    data = file.read(MAX_TRANSCRIPT_BYTES + 1)
    return data if len(data) <= MAX_TRANSCRIPT_BYTES else None


def _lines(file: BinaryIO) -> Iterator[bytes | None]:
    """The lines; None in the place of one that is too long for a document."""
    while line := file.readline(MAX_TRANSCRIPT_BYTES + 1):
        if len(line) <= MAX_TRANSCRIPT_BYTES or line.endswith(b"\n"):
            yield from line.splitlines()
            continue
        while line and not line.endswith(b"\n"):
            line = file.readline(MAX_TRANSCRIPT_BYTES)
        yield None


def _too_long(limit: int, of_what: str) -> ContractError:
    return ContractError("", f"at most {limit:,} bytes {of_what}", "more")


def _text_of(path: Path) -> str:
    try:
        return read_given(path, MAX_DEFINITION_BYTES).decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        raise UsageError(f"{path}: expected a text file ({type(problem).__name__})") from None
