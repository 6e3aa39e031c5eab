"""Reads a unified document from its bytes and checks it against the contract.

Reading is lenient where nothing can be lost (fields that the contract does not know are counted and
left out, a number written as text is read as a number) and strict where a number could be misread.
"""

from __future__ import annotations

import codecs
import json
import re
from collections import deque
from dataclasses import dataclass
from typing import Any

import msgspec

from cci_lite.contract.document import (
    SCHEMA_VERSIONS,
    Agent,
    AiSummary,
    CriterionResult,
    QaEvaluation,
    Review,
    Source,
    UnifiedDocument,
    Usage,
    verdict_of,
)
from cci_lite.contract.limits import MAX_DOCUMENT_BYTES, MAX_SUMMARY_RAW_BYTES
from cci_lite.contract.parsing import check_time, check_year, convert, in_words, is_not_utf8
from cci_lite.errors import ContractError, describe_value
from cci_lite.tenancy import check_call_id, check_tenant_id

_FIELD_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")
_WRITTEN_BY_US = msgspec.json.Decoder(UnifiedDocument)


@dataclass(frozen=True)
class DecodedDocument:
    """A document that was read, and how many of its fields the contract does not know."""

    document: UnifiedDocument
    unknown_fields: int


def decode_document(data: bytes, *, one_line: bool = True) -> DecodedDocument:
    """A unified document from its bytes; raises ContractError with JSON path, expected and found.

    `one_line` requires the lake's layout: one line of JSON, which is what Athena's JSON
    tables need to read a file. Checks every rule of the contract that needs no form.
    """
    # The fast path: nearly every document was written by us and needs no lenient reading.
    document = _as_written(data)
    if document is not None:
        moment = document.call_started_at
        check_time(moment and moment.isoformat(), moment, "call_started_at")
        _check_document(document)
        return DecodedDocument(document, 0)
    value = read_json(data, one_line=one_line)
    if not isinstance(value, dict):
        raise ContractError("", "an object", describe_value(value))
    document = convert(value, UnifiedDocument)
    check_time(value.get("call_started_at"), document.call_started_at, "call_started_at")
    _check_document(document)
    return DecodedDocument(document, _count_unknown(value))


def _as_written(data: bytes) -> UnifiedDocument | None:
    """The document when `encode_document` gives these very bytes; None otherwise.

    Bytes that come out again as they went in hold no field twice, none that the contract does not
    know and no value that is read leniently: for what the pipeline wrote itself this replaces the
    slow checks.
    """
    if not data.startswith(b'{"schema_version"') or len(data) > MAX_DOCUMENT_BYTES:
        return None
    try:
        document = _WRITTEN_BY_US.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None
    return document if msgspec.json.encode(document) == data.rstrip(b"\n") else None


def read_json(data: bytes, *, one_line: bool = False) -> object:
    """What JSON says; raises ContractError. Only a field that stands there twice has a path."""
    if len(data) > MAX_DOCUMENT_BYTES:
        raise ContractError("", f"at most {MAX_DOCUMENT_BYTES} bytes", f"{len(data)} bytes")
    if data.startswith(codecs.BOM_UTF8):
        if one_line:
            raise ContractError("", "UTF-8 without a byte order mark", "a byte order mark")
        data = data[len(codecs.BOM_UTF8) :]
    if not data.strip():
        raise ContractError("", "a JSON object", "nothing" if not data else "only white space")
    if one_line:
        _refuse_line_ends(data.rstrip())
    try:
        value = msgspec.json.decode(data)
        # Decoders keep the last of two equal keys. Encoding what was kept gives the same bytes only
        # when nothing was lost; any other spelling of the same JSON is looked at key by key.
        if msgspec.json.encode(value) != data.rstrip() or _is_repeated_in_another_case(value):
            _refuse_duplicate_keys(data)
    except RecursionError:
        raise ContractError("", "nesting that can be read", "too many levels") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as problem:
        if is_not_utf8(problem):
            raise ContractError("", "UTF-8", _invalid_utf8(data)) from None
        what = str(problem).removeprefix("JSON is malformed: ").partition(" - at ")[0]
        raise ContractError("", "valid JSON", what[:1].lower() + what[1:]) from None
    return value


def _invalid_utf8(data: bytes) -> str:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError as problem:
        return f"an invalid byte at {problem.start}"
    return "an invalid escape"


def _refuse_line_ends(data: bytes) -> None:
    for line_end in (b"\n", b"\r"):  # Athena takes either for the end of a line.
        if (place := data.find(line_end)) >= 0:
            raise ContractError("", "JSON on one line", f"a line end at byte {place}")


def _is_repeated_in_another_case(value: object) -> bool:
    """Whether an object anywhere in it has two keys that are the same but for case.

    Athena's JSON tables take them for one field.
    """
    waiting = [value]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            if len({key.lower() for key in value}) < len(value):
                return True
            waiting += value.values()
        elif isinstance(value, list):
            waiting += value
    return False


def _refuse_duplicate_keys(data: bytes) -> None:
    repeated: list[tuple[dict[str, object], str]] = []

    def collect(pairs: list[tuple[str, object]]) -> dict[str, object]:
        value: dict[str, object] = {}
        names: set[str] = set()
        for key, item in pairs:
            if key.lower() in names:
                repeated.append((value, key))
            value[key] = item
            names.add(key.lower())
        return value

    value = json.loads(data, object_pairs_hook=collect)
    if repeated:
        raise ContractError(
            _path_of_repeated(value, repeated), "each field once", "the same field twice"
        )


def _path_of_repeated(root: object, repeated: list[tuple[dict[str, object], str]]) -> str:
    """The path of a repeated field; the outermost one is always in what the decoder kept."""
    keys = {id(value): key for value, key in repeated}
    waiting = deque([("", root)])
    while waiting:
        path, value = waiting.popleft()
        if id(value) in keys:
            return f"{path}.{shown_name(keys[id(value)])}".removeprefix(".")
        if isinstance(value, dict):
            waiting += [(f"{path}.{shown_name(key)}", item) for key, item in value.items()]
        elif isinstance(value, list):
            waiting += [(f"{path}[{index}]", item) for index, item in enumerate(value)]
    return ""


def shown_name(key: str) -> str:
    """A field's name; anything that is not written like one may be text, which is not repeated."""
    return key if _FIELD_NAME.fullmatch(key) else "…"


def _check_document(document: UnifiedDocument) -> None:
    check_tenant_id(document.tenant_id)
    check_call_id(document.call_id)
    check_year(document.call_date, "call_date")
    if document.schema_version not in SCHEMA_VERSIONS:
        raise ContractError(
            "schema_version",
            in_words(SCHEMA_VERSIONS),
            describe_value(document.schema_version),
        )
    summary_raw = document.summary_raw
    if summary_raw is not None and len(summary_raw.encode()) > MAX_SUMMARY_RAW_BYTES:
        raise ContractError(
            "summary_raw", f"at most {MAX_SUMMARY_RAW_BYTES} bytes", describe_value(summary_raw)
        )
    if document.qa_evaluation is not None:
        _check_evaluation(document.qa_evaluation)


def _check_evaluation(evaluation: QaEvaluation) -> None:
    seen: set[str] = set()
    for index, result in enumerate(evaluation.criteria):
        if result.id in seen:
            raise ContractError(
                f"qa_evaluation.criteria[{index}].id",
                "each criterion once",
                "the same criterion twice",
            )
        seen.add(result.id)
        verdict_of(result, index)


_KNOWN: dict[str, frozenset[str]] = {
    "": frozenset(UnifiedDocument.__struct_encode_fields__),
    "agent": frozenset(Agent.__struct_encode_fields__),
    "ai_summary": frozenset(AiSummary.__struct_encode_fields__),
    "qa_evaluation": frozenset(QaEvaluation.__struct_encode_fields__),
    "review": frozenset(Review.__struct_encode_fields__),
    "usage": frozenset(Usage.__struct_encode_fields__),
    "source": frozenset(Source.__struct_encode_fields__),
}
_KNOWN_OF_CRITERION = frozenset(CriterionResult.__struct_encode_fields__)


def _count_unknown(value: dict[str, Any]) -> int:
    """Unknown fields of the document, its objects and criteria (Comprehend's lists are AWS's)."""
    count = len(value.keys() - _KNOWN[""])
    for name, known in _KNOWN.items():
        if name and isinstance(part := value.get(name), dict):
            count += len(part.keys() - known)
    evaluation = value.get("qa_evaluation")
    if isinstance(evaluation, dict):
        for result in evaluation["criteria"]:
            count += len(result.keys() - _KNOWN_OF_CRITERION)
    return count
