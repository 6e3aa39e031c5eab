"""Files that people hand over: transcripts, documents, forms."""

from __future__ import annotations

import datetime as dt
import gzip
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import msgspec
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

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


def job_name_of(data: bytes) -> str | None:
    """The name of the transcription job that a transcript says it is of."""
    try:
        names = msgspec.json.decode(data.removeprefix(_BOM), type=_JobName)
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return None
    return names.batch or names.analytics


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
