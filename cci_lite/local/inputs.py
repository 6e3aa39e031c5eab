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


@dataclass(frozen=True)
class InputFile:
    """One JSON document from a file; `name` tells the person which one it is."""

    name: str
    data: bytes
    modified_at: dt.datetime


def find_inputs(paths: Iterable[Path]) -> list[Path]:
    """The JSON files among these files and folders, ordered; raises NotFoundError for a missing path."""
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


def read_inputs(paths: Iterable[Path]) -> Iterator[InputFile]:
    """The documents in these files: one per `.json`, one per line of a `.jsonl`; `.gz` is unpacked."""
    for path in paths:
        modified_at = dt.datetime.fromtimestamp(path.stat().st_mtime, dt.UTC)
        data = path.read_bytes()
        if path.name.endswith(".gz"):
            data = _unpacked(path, data)
        if ".jsonl" in path.suffixes:
            for number, line in enumerate(data.splitlines(), start=1):
                if line.strip():
                    yield InputFile(f"{path}:{number}", line, modified_at)
        else:
            yield InputFile(str(path), data, modified_at)


def read_metadata(path: Path) -> dict[str, CallMetadata]:
    """Metadata by job name from a CSV file with a header, or a JSON Lines file.

    Raises ContractError with the line of what is wrong.
    """
    text = path.read_text(encoding="utf-8-sig")
    rows: Iterable[Mapping[str, Any]]
    if path.suffix == ".csv":
        rows = csv.DictReader(io.StringIO(text))
    else:
        rows = (_json_object(path, line) for line in text.splitlines() if line.strip())
    metadata: dict[str, CallMetadata] = {}
    for number, row in enumerate(rows, start=2 if path.suffix == ".csv" else 1):
        name = row.get("job_name")
        if not isinstance(name, str) or not name:
            raise UsageError(f"{path}, line {number}: expected a column job_name")
        try:
            metadata[name] = parse_metadata(row)
        except ContractError as problem:
            raise UsageError(f"{path}, line {number}: {problem}") from problem
    return metadata


def read_sidecar(path: Path) -> CallMetadata | None:
    """The metadata beside a transcript (`<file>.meta.json`), or None."""
    sidecar = path.with_name(path.name + SIDECAR_ENDING)
    if not sidecar.is_file():
        return None
    try:
        return parse_metadata(_json_object(sidecar, sidecar.read_text(encoding="utf-8-sig")))
    except ContractError as problem:
        raise UsageError(f"{sidecar}: {problem}") from problem


def job_name_of(data: bytes) -> str | None:
    """The name of the transcription job that a transcript says it is of."""
    try:
        names = msgspec.json.decode(data, type=_JobName)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return None
    return names.batch or names.analytics


def read_definition(path: Path) -> object:
    """A YAML or JSON file as plain values; raises UsageError with line and column."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except FileNotFoundError:
        raise NotFoundError(f"no such file: {path}") from None
    except (UnicodeDecodeError, IsADirectoryError) as problem:
        raise UsageError(f"{path}: expected a text file ({type(problem).__name__})") from None
    try:
        # JSON is YAML too; this reader refuses a key that stands twice.
        return YAML(typ="safe", pure=True).load(text)
    except YAMLError as problem:
        mark = getattr(problem, "problem_mark", None)
        where = f", line {mark.line + 1}, column {mark.column + 1}" if mark else ""
        what = getattr(problem, "problem", None) or "not YAML or JSON"
        raise UsageError(f"{path}{where}: {what}") from None


class _JobName(msgspec.Struct):
    batch: str | None = msgspec.field(name="jobName", default=None)
    analytics: str | None = msgspec.field(name="JobName", default=None)


def _is_input(file: Path) -> bool:
    return file.name.endswith(_ENDINGS) and not file.name.endswith(SIDECAR_ENDING)


def _unpacked(path: Path, data: bytes) -> bytes:
    try:
        return gzip.decompress(data)
    except (OSError, EOFError, zlib.error):
        raise UsageError(f"{path}: expected a gzip file that is whole") from None


def _json_object(path: Path, text: str) -> Mapping[str, Any]:
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except msgspec.MsgspecError as problem:
        raise UsageError(f"{path}: expected a JSON object ({problem})") from None
