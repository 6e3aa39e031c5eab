"""Files that people hand over: transcripts, documents, metadata, forms."""

from __future__ import annotations

import csv
import datetime as dt
import gzip
import io
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from cci_lite.contract.metadata import CallMetadata, parse_metadata
from cci_lite.errors import ContractError, NotFoundError, UsageError

SIDECAR_ENDING = ".meta.json"
_ENDINGS = (".json", ".json.gz", ".jsonl", ".jsonl.gz")
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class InputFile:
    """One JSON document from a file; `name` tells the person which one it is."""

    name: str
    data: bytes
    modified_at: dt.datetime


@dataclass(frozen=True)
class UnreadableFile:
    """A file that gives no document, and why."""

    name: str
    problem: ContractError


def find_inputs(paths: Iterable[Path]) -> list[Path]:
    """The JSON files among these paths, ordered; raises NotFoundError for a missing one."""
    found: list[Path] = []
    for path in paths:
        if path.is_dir():
            inside = (file for file in sorted(path.rglob("*")) if file.is_file())
            found += [file for file in inside if _is_input(file)]
        elif path.is_file():
            found.append(path)
        else:
            raise NotFoundError(f"no such file or folder: {path}")
    if not found:
        raise NotFoundError(f"no {', '.join(_ENDINGS)} file in: {', '.join(map(str, paths))}")
    return found


def read_inputs(paths: Iterable[Path]) -> Iterator[InputFile | UnreadableFile]:
    """The documents in these files: one per `.json`, one per line of a `.jsonl`; `.gz` is unpacked.

    A file that cannot be read is said to be so and does not stop the others.
    """
    for path in paths:
        try:
            modified_at = dt.datetime.fromtimestamp(path.stat().st_mtime, dt.UTC)
            data = path.read_bytes()
            if path.suffix == ".gz":
                data = _unpacked(data)
        except ContractError as problem:
            yield UnreadableFile(str(path), problem)
            continue
        except OSError as problem:
            found = problem.strerror or type(problem).__name__
            yield UnreadableFile(str(path), ContractError("", "a file that can be read", found))
            continue
        if path.name.removesuffix(".gz").endswith(".jsonl"):
            for number, line in enumerate(data.splitlines(), start=1):
                if line.strip():
                    yield InputFile(f"{path}:{number}", line, modified_at)
        else:
            yield InputFile(str(path), data, modified_at)


def read_metadata(path: Path) -> dict[str, CallMetadata]:
    """Metadata by job name from a CSV file with a header, or a JSON Lines file.

    Raises UsageError with the line of what is wrong.
    """
    text = _text_of(path)
    rows = _csv_rows(path, text) if path.suffix == ".csv" else _json_rows(path, text)
    metadata: dict[str, CallMetadata] = {}
    for where, row in rows:
        name = row.get("job_name")
        if not isinstance(name, str) or not name:
            raise UsageError(f"{where}: expected a column job_name")
        try:
            given = parse_metadata(row)
        except ContractError as problem:
            raise UsageError(f"{where}: {problem}") from problem
        if metadata.setdefault(name, given) != given:
            raise UsageError(
                f"{where}: expected each job_name once, found it again with other values"
            )
    return metadata


def read_sidecar(path: Path) -> CallMetadata | None:
    """The metadata beside a transcript (`<file>.meta.json`), or None; raises ContractError."""
    sidecar = path.with_name(path.name + SIDECAR_ENDING)
    if not sidecar.is_file():
        return None
    try:
        return parse_metadata(_json_object(sidecar.read_bytes().removeprefix(_BOM)))
    except ContractError as problem:
        where = f"{sidecar.name}: {problem.path}" if problem.path else sidecar.name
        raise ContractError(where, problem.expected, problem.found) from problem
    except OSError as problem:
        found = problem.strerror or type(problem).__name__
        raise ContractError(sidecar.name, "a file that can be read", found) from problem


def job_name_of(data: bytes) -> str | None:
    """The name of the transcription job that a transcript says it is of."""
    try:
        names = msgspec.json.decode(data.removeprefix(_BOM), type=_JobName)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return None
    return names.batch or names.analytics or names.session


def read_definition(path: Path) -> object:
    """A YAML or JSON file as plain values; raises UsageError with line and column."""
    text = _text_of(path)
    try:
        # JSON is YAML too; this reader refuses a key that stands twice.
        return YAML(typ="safe", pure=True).load(text)
    except YAMLError as problem:
        mark = getattr(problem, "problem_mark", None)
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        what = getattr(problem, "problem", None) or "not YAML or JSON"
        raise UsageError(f"{path}{where}: {what}") from None
    except RecursionError:
        raise UsageError(
            f"{path}: expected nesting that can be read, found too many levels"
        ) from None
    except ValueError:
        # The reader takes whatever looks like a date for one.
        raise UsageError(
            f"{path}: expected YAML or JSON, found a date that does not exist"
        ) from None


class _JobName(msgspec.Struct):
    batch: str | None = msgspec.field(name="jobName", default=None)
    analytics: str | None = msgspec.field(name="JobName", default=None)
    session: str | None = msgspec.field(name="SessionId", default=None)


def _is_input(file: Path) -> bool:
    return file.name.endswith(_ENDINGS) and not file.name.endswith(SIDECAR_ENDING)


def _unpacked(data: bytes) -> bytes:
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error):
        raise ContractError("", "a gzip file that is whole", "another file") from None


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise NotFoundError(f"no such file: {path}") from None
    except (UnicodeDecodeError, OSError) as problem:
        raise UsageError(f"{path}: expected a text file ({type(problem).__name__})") from None


def _csv_rows(path: Path, text: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    reader = csv.DictReader(io.StringIO(text))
    try:
        for row in reader:
            where = f"{path}, line {reader.line_num}"
            if None in row:
                raise UsageError(f"{where}: expected as many columns as in the header, found more")
            yield where, row
    except csv.Error as problem:
        raise UsageError(f"{path}, line {reader.line_num}: {problem}") from None


def _json_rows(path: Path, text: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    # Not splitlines: JSON text may hold other characters that it takes for the end of a line.
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                yield f"{path}, line {number}", _json_object(line.encode())
            except ContractError as problem:
                raise UsageError(f"{path}, line {number}: {problem}") from None


def _json_object(data: bytes) -> Mapping[str, Any]:
    try:
        return msgspec.json.decode(data, type=dict[str, Any])
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        raise ContractError("", "a JSON object", "something else") from None
