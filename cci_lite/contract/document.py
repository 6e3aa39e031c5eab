"""The unified document: one JSON object per call, version 1.3, and how it is read and written.

Reading is lenient where nothing can be lost (fields that the contract does not know are counted and
left out, a number written as text is the number it says) and strict where a number could lie.
"""

from __future__ import annotations

import datetime as dt
import json
import re
from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Literal

import msgspec

from cci_lite.contract.parsing import check_time, convert
from cci_lite.contract.scoring import Verdict
from cci_lite.errors import ContractError, describe_value
from cci_lite.tenancy import check_call_id, check_tenant_id

SCHEMA_VERSION = "1.3"
GUIDE_SCHEMA_VERSION = "1.2"
MAX_DOCUMENT_BYTES = 16 * 1024 * 1024
MAX_SUMMARY_RAW_BYTES = 16 * 1024

_BOM = b"\xef\xbb\xbf"
_FIELD_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,63}")

# The bounds also keep out the text "nan", which a lenient reader takes for a number.
Number = Annotated[float, msgspec.Meta(ge=-1e12, le=1e12)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
UtcTime = Annotated[dt.datetime, msgspec.Meta(tz=True)]
Revision = Annotated[int, msgspec.Meta(ge=1, le=1_000_000)]
IdText = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]


class CallDateSource(StrEnum):
    """Where the call's day comes from."""

    METADATA = "metadata"
    UPLOAD = "upload"
    DOCUMENT = "document"


class Evaluator(StrEnum):
    """Who decided a criterion."""

    MODEL = "model"
    RULE = "rule"
    HUMAN = "human"


class Redaction(StrEnum):
    """Who redacted the transcript."""

    TRANSCRIBE = "transcribe"
    MASKED = "masked"
    NONE = "none"


def _first_revision() -> int:
    """A factory, because plain defaults are left out when a document is written."""
    return 1


class _Part(msgspec.Struct, kw_only=True, omit_defaults=True, gc=False):
    """Part of the document: everything optional, nothing written that is not there."""


class SentimentScores(_Part, rename="pascal"):
    """Comprehend's confidences for one segment."""

    positive: Share | None = None
    negative: Share | None = None
    neutral: Share | None = None
    mixed: Share | None = None


class SentimentResult(_Part, rename="pascal"):
    """The sentiment of one segment of the transcript."""

    sentiment: Literal["POSITIVE", "NEGATIVE", "NEUTRAL", "MIXED"] | None = None
    sentiment_score: SentimentScores | None = None
    index: int | None = None


class KeyPhrase(_Part, rename="pascal"):
    """One key phrase as Comprehend reports it."""

    text: str | None = None
    score: Share | None = None
    begin_offset: int | None = None
    end_offset: int | None = None


class KeyPhraseResult(_Part, rename="pascal"):
    """The key phrases of one segment."""

    key_phrases: list[KeyPhrase] = []
    index: int | None = None


class Entity(_Part, rename="pascal"):
    """One entity as Comprehend reports it."""

    text: str | None = None
    type: str | None = None
    score: Share | None = None
    begin_offset: int | None = None
    end_offset: int | None = None


class EntityResult(_Part, rename="pascal"):
    """The entities of one segment."""

    entities: list[Entity] = []
    index: int | None = None


class Sentiment(_Part, rename="pascal"):
    """Comprehend's batch answer on sentiment."""

    result_list: list[SentimentResult] = []


class KeyPhrases(_Part, rename="pascal"):
    """Comprehend's batch answer on key phrases."""

    result_list: list[KeyPhraseResult] = []


class Entities(_Part, rename="pascal"):
    """Comprehend's batch answer on entities."""

    result_list: list[EntityResult] = []


class AiSummary(_Part):
    """What the language model says about the call."""

    issue: str | None = None
    resolution: str | None = None
    outcome: str | None = None
    action_items: list[str] = []
    tone_score: Annotated[float, msgspec.Meta(ge=0, le=100)] | None = None
    sentiment_summary: str | None = None


class Evidence(_Part):
    """What was said, quoted from the redacted transcript, and when."""

    quote: str
    start_seconds: Number | None = None
    end_seconds: Number | None = None
    said_by: str | None = None


class CriterionResult(_Part, kw_only=True):
    """One criterion of a QA template, as judged on one call.

    Documents of version 1.2 carry `passed` only; `verdict` is then derived from it.
    """

    id: IdText
    question: str | None = None
    passed: bool | None = None
    verdict: Verdict | None = None
    score: Number | None = None
    weight: Number | None = None
    required: bool | None = None
    reason: str | None = None
    evidence: list[Evidence] = []
    confidence: Share | None = None
    evaluator: Evaluator | None = None


class FailedCriterion(_Part):
    """The guide's short list of what failed."""

    id: str
    reason: str | None = None


class ReportedScore(_Part):
    """What the document's evaluator claimed; kept beside what the code computes."""

    total_score: Number | None = None
    max_score: Number | None = None
    percentage: Number | None = None


class QaEvaluation(_Part, kw_only=True):
    """The verdicts on one call."""

    template_id: str | None = None
    template_version: int | str | None = None
    template_hash: str | None = None
    criteria: list[CriterionResult]
    total_score: Number | None = None
    max_score: Number | None = None
    percentage: Number | None = None
    passed: bool | None = None
    outcome: Literal["pass", "fail", "review", "none"] | None = None
    failed: list[FailedCriterion] = []
    failed_required: list[str] = []
    reported: ReportedScore | None = None


class Agent(_Part):
    """The employee on the phone."""

    agent_id: IdText | None = None
    name: str | None = None
    team: str | None = None


class Review(_Part):
    """Whether a person has to look at the call, and why."""

    needed: bool = False
    reasons: list[str] = []


class Usage(_Part):
    """What the call's processing consumed."""

    audio_seconds: Annotated[float, msgspec.Meta(ge=0, le=1e9)] | None = None
    comprehend_units: Count | None = None
    input_tokens: Count | None = None
    output_tokens: Count | None = None
    model_calls: Count | None = None


class Source(_Part):
    """Where the document comes from. `pii_redacted` was true or false in version 1.2."""

    transcribe_job: str | None = None
    pii_redacted: Redaction | bool | None = None
    input_key_hash: str | None = None
    etag: str | None = None
    earlier_etags: list[str] = []
    pipeline_version: str | None = None
    prompt_version: str | None = None
    model_id: str | None = None


class UnifiedDocument(_Part, kw_only=True):
    """Everything that is known about one call."""

    schema_version: str = GUIDE_SCHEMA_VERSION
    tenant_id: str
    call_id: str
    revision: Revision = msgspec.field(default_factory=_first_revision)
    call_date: dt.date
    call_date_source: CallDateSource = CallDateSource.DOCUMENT
    call_started_at: UtcTime | None = None
    language_code: str | None = None
    duration_seconds: Annotated[float, msgspec.Meta(ge=0, le=1e6)] | None = None
    agent: Agent | None = None
    queue: str | None = None
    direction: Literal["inbound", "outbound"] | None = None
    channel: str | None = None
    sentiment: Sentiment | None = None
    key_phrases: KeyPhrases | None = None
    entities: Entities | None = None
    ai_summary: AiSummary | None = None
    qa_evaluation: QaEvaluation | None = None
    qa_template_version: int | str | None = None
    review: Review | None = None
    summary_raw: str | None = None
    usage: Usage | None = None
    source: Source | None = None


@dataclass(frozen=True)
class DecodedDocument:
    """A document that was read, and how many of its fields the contract does not know."""

    document: UnifiedDocument
    unknown_fields: int


def decode_document(data: bytes, *, one_line: bool = True) -> DecodedDocument:
    """A unified document from its bytes; raises ContractError with JSON path, expected and found.

    `one_line` holds the document to the lake's form: one line of JSON, which is what Athena's JSON
    tables need to read a file. Checks every rule of the contract that needs no QA template.
    """
    value = _read_json(data, one_line=one_line)
    if not isinstance(value, dict):
        raise ContractError("", "an object", describe_value(value))
    document = convert(value, UnifiedDocument)
    check_time(value.get("call_started_at"), document.call_started_at, "call_started_at")
    _check_document(document)
    return DecodedDocument(document, _count_unknown(value))


def encode_document(document: UnifiedDocument) -> bytes:
    """The document as one compact line of JSON with a line end."""
    return msgspec.json.encode(document) + b"\n"


def verdict_of(result: CriterionResult, path: str) -> Verdict:
    """The verdict of one result; raises ContractError when `passed` and `verdict` contradict."""
    passed, verdict = result.passed, result.verdict
    if verdict is None:
        return Verdict.UNSCORED if passed is None else Verdict.PASS if passed else Verdict.FAIL
    if passed is not None and verdict is not (Verdict.PASS if passed else Verdict.FAIL):
        raise ContractError(
            f"{path}.passed", f"what the verdict '{verdict}' says", describe_value(passed)
        )
    return verdict


def redaction_of(source: Source | None) -> Redaction | None:
    """Who redacted the transcript; None when the document does not say."""
    if source is None or source.pii_redacted is None:
        return None
    if isinstance(source.pii_redacted, bool):
        # Version 1.2 knew one redaction only: Transcribe's.
        return Redaction.TRANSCRIBE if source.pii_redacted else Redaction.NONE
    return source.pii_redacted


def _read_json(data: bytes, *, one_line: bool) -> object:
    if len(data) > MAX_DOCUMENT_BYTES:
        raise ContractError("", f"at most {MAX_DOCUMENT_BYTES} bytes", f"{len(data)} bytes")
    if data.startswith(_BOM):
        if one_line:
            raise ContractError("", "UTF-8 without a byte order mark", "a byte order mark")
        data = data[len(_BOM) :]
    if not data.strip():
        raise ContractError("", "a JSON object", "nothing" if not data else "only white space")
    if one_line:
        _refuse_line_ends(data.rstrip())
    try:
        value = msgspec.json.decode(data)
        # Decoders keep the last of two equal keys. Encoding what was kept gives the same bytes only
        # when nothing was lost; any other spelling of the same JSON is looked at key by key.
        if msgspec.json.encode(value) != data.rstrip():
            _refuse_duplicate_keys(data)
    except UnicodeDecodeError:
        raise ContractError("", "UTF-8", _invalid_utf8(data)) from None
    except RecursionError:
        raise ContractError("", "nesting that can be read", "too many levels") from None
    except msgspec.DecodeError as problem:
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


def _refuse_duplicate_keys(data: bytes) -> None:
    repeated: list[tuple[dict[str, object], str]] = []

    def collect(pairs: list[tuple[str, object]]) -> dict[str, object]:
        value: dict[str, object] = {}
        for key, item in pairs:
            if key in value:
                repeated.append((value, key))
            value[key] = item
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
            return f"{path}.{_shown(keys[id(value)])}".removeprefix(".")
        if isinstance(value, dict):
            waiting += [(f"{path}.{_shown(key)}", item) for key, item in value.items()]
        elif isinstance(value, list):
            waiting += [(f"{path}[{index}]", item) for index, item in enumerate(value)]
    return ""


def _shown(key: str) -> str:
    """A field's name; anything that is not written like one may be text, which is not repeated."""
    return key if _FIELD_NAME.fullmatch(key) else "…"


def _check_document(document: UnifiedDocument) -> None:
    check_tenant_id(document.tenant_id)
    check_call_id(document.call_id)
    if document.schema_version not in (SCHEMA_VERSION, GUIDE_SCHEMA_VERSION):
        raise ContractError(
            "schema_version",
            f"{GUIDE_SCHEMA_VERSION} or {SCHEMA_VERSION}",
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
        path = f"qa_evaluation.criteria[{index}]"
        if result.id in seen:
            raise ContractError(f"{path}.id", "each criterion once", "the same criterion twice")
        seen.add(result.id)
        verdict_of(result, path)


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
