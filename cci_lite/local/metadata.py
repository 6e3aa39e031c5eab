"""Reads call metadata from files: CSV from spreadsheets, JSON Lines, JSON, sidecars."""

from __future__ import annotations

import csv
import datetime as dt
import io
import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from cci_lite.contract.limits import MAX_CALL_METADATA_BYTES, MAX_METADATA_FILE_BYTES, is_too_large
from cci_lite.contract.metadata import (
    METADATA_FIELDS,
    ParsedMetadata,
    near_miss,
    parse_metadata,
    read_text,
    understood,
)
from cci_lite.contract.reading import read_json
from cci_lite.errors import ContractError, UsageError
from cci_lite.local.inputs import SIDECAR_ENDING, read_given
from cci_lite.local.regular import read_regular, reason_of

JOB_NAME = "job_name"

_TENANT_ID = "tenant_id"
KNOWN_NAMES = (JOB_NAME, _TENANT_ID, *METADATA_FIELDS)


@dataclass(frozen=True)
class MetadataRow:
    """The metadata in one row; `where` is its line."""

    where: str
    told: ParsedMetadata


@dataclass(frozen=True)
class MetadataFile:
    """A tenant's rows of a file by job name; `nameless` are the lines of rows without one.

    `others` counts the rows that name another tenant. `columns` are the fields that were
    understood, `unknown` the other names.
    """

    path: Path
    by_job: Mapping[str, MetadataRow]
    nameless: Sequence[str]
    others: int
    columns: Sequence[str]
    unknown: Sequence[str]


def read_metadata(tenant_id: str, path: Path, zone: dt.tzinfo) -> MetadataFile:
    """Metadata by job name from CSV with a header, JSON Lines, or a list in JSON.

    A file may hold several tenants: rows with another tenant in `tenant_id` are ignored. A value
    that cannot be right is left out and the row's others are used; of a job with two different rows
    none is used. Raises UsageError, with the line, for a file of another kind.
    """
    data = _data_of(path)
    # By content as well as by name, because exports of JSON Lines have all kinds of endings.
    is_json = path.suffix.casefold() in _JSON_ENDINGS or data.lstrip().startswith(b"{")
    table = _json_table(path, data) if is_json else _csv_table(path, data)
    by_job: dict[str, MetadataRow] = {}
    nameless: list[str] = []
    own = [row for row in table.rows if _name_in(row[1], _TENANT_ID) in (None, tenant_id)]
    for where, fields in own:
        row = MetadataRow(where, parse_metadata(fields, zone))
        job_name = _name_in(fields, JOB_NAME)
        if job_name is None:
            nameless.append(where)
        else:
            by_job[job_name] = _one_of(by_job.get(job_name, row), row)
    others = len(table.rows) - len(own)
    return MetadataFile(path, by_job, nameless, others, table.columns, table.unknown)


def read_sidecar(path: Path, zone: dt.tzinfo) -> ParsedMetadata | None:
    """The metadata beside a transcript (`<file>.meta.json`), or None.

    A sidecar that cannot be read is reported as a problem; the call is judged without it.
    """
    sidecar = path.with_name(path.name + SIDECAR_ENDING)
    if not os.path.lexists(sidecar):
        return None
    try:
        data = read_regular(sidecar.parent, (), sidecar.name, MAX_CALL_METADATA_BYTES)
        return parse_metadata(_json_object(data), zone)
    except ContractError as problem:
        return ParsedMetadata(problems=(problem,))
    except OSError as problem:
        expected, found = "a file that can be read", reason_of(problem)
        if is_too_large(problem):
            expected, found = f"at most {MAX_CALL_METADATA_BYTES:,} bytes", "more"
        return ParsedMetadata(problems=(ContractError("", expected, found),))


def not_understood(name: str, absent: Iterable[str]) -> str:
    """`agentid: did you mean agent_id?`, or the name alone when it resembles no field."""
    meant = near_miss(name, [*absent])
    return f"{name}: did you mean {meant}?" if meant else name


@dataclass(frozen=True)
class _Table:
    """The rows with their places; the columns that are fields, and the unknown ones."""

    rows: Sequence[tuple[str, dict[str, object]]]
    columns: Sequence[str]
    unknown: Sequence[str]


def _name_in(fields: Mapping[str, object], field: str) -> str | None:
    try:
        return read_text(field, fields.get(field))
    except ContractError:
        return None


def _one_of(first: MetadataRow, again: MetadataRow) -> MetadataRow:
    """The row of a job that has two: nobody can tell which is right, unless they are equal."""
    if first.told.metadata == again.told.metadata:
        return first
    found = f"it again on {again.where} with other values"
    problem = ContractError(JOB_NAME, "each once", found)
    return MetadataRow(first.where, ParsedMetadata(problems=(problem,)))


# --- Files ----------------------------------------------------------------------------------------

_NOT_TEXT = {
    b"PK\x03\x04": "found a workbook; save the sheet as CSV UTF-8",
    b"\xd0\xcf\x11\xe0": "found a workbook; save the sheet as CSV UTF-8",
    b"\x1f\x8b": "found a packed file; unpack it first",
}


def _data_of(path: Path) -> bytes:
    data = read_given(path, MAX_METADATA_FILE_BYTES)
    for start, words in _NOT_TEXT.items():
        if data.startswith(start):
            raise UsageError(f"{path}: expected CSV or JSON Lines, {words}")
    return data


def _text_of(path: Path, data: bytes, otherwise: str) -> str:
    """The text of a file; raises UsageError that says `otherwise` when it is not UTF-8."""
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as problem:
        line = data.count(b"\n", 0, problem.start) + 1
        raise UsageError(f"{path}, line {line}: {otherwise}") from None
    if (place := text.find("\0")) >= 0:
        # In UTF-16 without a byte order mark about every second byte is NUL.
        if text.count("\0") * 4 > len(text):
            raise UsageError(f"{path}: {otherwise}")
        line = text.count("\n", 0, place) + 1
        raise UsageError(
            f"{path}, line {line}: expected text, found a NUL character; remove it, "
            "or export the file again"
        )
    return text


# --- CSV ------------------------------------------------------------------------------------------

_CSV_PROBLEMS = {
    f"field larger than field limit ({csv.field_size_limit()})": (
        f"expected cells of at most {csv.field_size_limit():,} characters, found a longer one"
    ),
    "unexpected end of data": (
        'expected a second " around the text that begins with one, found the end of the file; '
        'put it there, and write a " within such text twice'
    ),
    "',' expected after '\"'": (
        'expected a comma after the second ", found text; write a " within text twice'
    ),
}
_SEPARATORS = {";": ";", "\t": "tabs", "|": "|"}
# A first line `sep=;`, by which Excel is told the separator.
_SEPARATOR_LINE = re.compile(r"sep=(.)", re.IGNORECASE)
# ="0007" is how exports keep spreadsheets from reading an id as a number.
_FORMULA = re.compile(r'="([^"]*)"')


def _csv_table(path: Path, data: bytes) -> _Table:
    lines = _csv_lines(path, _text_of(path, data, "not UTF-8; save as CSV UTF-8"))
    number, header = next(lines, (1, []))
    try:
        columns, unknown = understood(((name, at) for at, name in enumerate(header)), KNOWN_NAMES)
    except ContractError as problem:
        raise UsageError(
            f"{path}, line {number}: expected each column once, found {problem.path} twice"
        ) from None
    if JOB_NAME not in columns:
        raise UsageError(f"{path}, line {number}: {_without_job_name(header, unknown)}")
    rows = []
    for number, cells in lines:
        if len(cells) > len(header):
            raise UsageError(
                f"{path}, line {number}: expected as many columns as in the header, found more"
            )
        # Spreadsheets omit empty cells at the end of a row.
        row = {field: cells[at] for field, at in columns.items() if at < len(cells)}
        rows.append((f"line {number}", dict[str, object](row)))
    return _Table(rows, [*columns], [name for name in unknown if name])


def _csv_lines(path: Path, text: str) -> Iterator[tuple[int, list[str]]]:
    """The rows that are not empty, without trailing empty cells, and their line numbers."""
    reader = csv.reader(io.StringIO(text, newline=None), strict=True, skipinitialspace=True)
    begin = 1
    try:
        for cells in reader:
            given = [_FORMULA.sub(r"\1", cell.strip()) for cell in cells]
            while given and not given[-1]:
                given.pop()
            if given and given != ["sep="]:
                yield begin, given
            begin = reader.line_num + 1
    except csv.Error as problem:
        raise UsageError(
            f"{path}, line {begin}: {_CSV_PROBLEMS.get(str(problem), problem)}"
        ) from None


def _is_job_name(name: str) -> bool:
    return bool(understood([(name, None)], [JOB_NAME])[0])


def _without_job_name(header: Sequence[str], unknown: Sequence[str]) -> str:
    """What is wrong with a header in which no column is called job_name."""
    line = ",".join(header)
    told = _SEPARATOR_LINE.fullmatch(line)
    for separator, word in _SEPARATORS.items():
        is_told = told is not None and told[1] == separator
        if is_told or any(map(_is_job_name, line.split(separator))):
            return f"separated by {word}, expected commas: save as CSV UTF-8 (comma delimited)"
    close = [not_understood(name, [JOB_NAME]) for name in unknown if near_miss(name, [JOB_NAME])]
    hint = f" ({'; '.join(close)})" if close else ""
    return f"expected a column job_name{hint}"


# --- JSON -----------------------------------------------------------------------------------------

_JSON_ENDINGS = (".json", ".jsonl", ".ndjson")
_NO_OBJECT = "expected a JSON object, found something else"


def _json_table(path: Path, data: bytes) -> _Table:
    rows: list[tuple[str, dict[str, object]]] = []
    columns: dict[str, None] = {}
    names: dict[str, None] = {}
    for where, value in _json_objects(path, data):
        try:
            fields, unknown = understood(value.items(), KNOWN_NAMES)
        except ContractError as problem:
            raise UsageError(f"{path}, {where}: {problem}") from None
        rows.append((where, fields))
        columns |= dict.fromkeys(fields)
        names |= dict.fromkeys(unknown)
    if rows and JOB_NAME not in columns:
        raise UsageError(f"{path}: {_without_job_name([], [*names])}")
    return _Table(rows, [*columns], [*names])


def _json_objects(path: Path, data: bytes) -> Iterator[tuple[str, Mapping[str, object]]]:
    """The objects of a list, a single object, or those of JSON Lines; and where they are."""
    text = _text_of(path, data, "not UTF-8; save as UTF-8")
    values = _single_value(path, data) if path.suffix.casefold() == ".json" else None
    if values is not None:
        for number, value in enumerate(values, start=1):
            if not isinstance(value, dict):
                raise UsageError(f"{path}, entry {number}: {_NO_OBJECT}")
            yield f"entry {number}", value
        return
    # Not splitlines(), which also splits at characters that JSON strings may hold (U+2028).
    for number, line in enumerate(text.split("\n"), start=1):
        if line.strip():
            try:
                yield f"line {number}", _json_object(line.encode())
            except ContractError as problem:
                raise UsageError(f"{path}, line {number}: {problem}") from None


def _single_value(path: Path, data: bytes) -> list[object] | None:
    """What a file of one list or one object holds; None for any other."""
    try:
        value = read_json(data)
    except ContractError as problem:
        # Only a field that stands there twice has a path.
        if problem.path:
            raise UsageError(f"{path}: {problem}") from None
        return None
    return value if isinstance(value, list) else [value]


def _json_object(data: bytes) -> Mapping[str, object]:
    """An object; raises ContractError."""
    try:
        value = read_json(data)
    except ContractError as problem:
        if problem.path:
            raise
        value = None
    if not isinstance(value, dict):
        raise ContractError("", "a JSON object", "something else")
    return value
