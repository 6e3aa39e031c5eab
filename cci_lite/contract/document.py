"""The unified document: one JSON object per call, version 1.3, and how it is written.

`contract/reading.py` reads it.
"""

from __future__ import annotations

import datetime as dt
from enum import StrEnum
from typing import Annotated, Literal

import msgspec

from cci_lite.contract.scoring import Verdict
from cci_lite.errors import ContractError, describe_value

SCHEMA_VERSION = "1.3"
GUIDE_SCHEMA_VERSION = "1.2"
SCHEMA_VERSIONS = (GUIDE_SCHEMA_VERSION, SCHEMA_VERSION)


# The bounds also keep out NaN and Infinity, which msgspec's lenient mode reads from text ("nan").
Number = Annotated[float, msgspec.Meta(ge=-1e12, le=1e12)]
Share = Annotated[float, msgspec.Meta(ge=0, le=1)]
Count = Annotated[int, msgspec.Meta(ge=0, le=2**53)]
# Any offset is accepted and kept as an instant; it is written in UTC.
UtcTime = Annotated[dt.datetime, msgspec.Meta(tz=True)]
# Whole numbers that say nothing about a call; the bounds are those of `bigint`.
Offset = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
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
    """Part of the document: every field is optional, and absent fields are not written."""


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
    index: Offset | None = None


class KeyPhrase(_Part, rename="pascal"):
    """One key phrase as Comprehend reports it."""

    text: str | None = None
    score: Share | None = None
    begin_offset: Offset | None = None
    end_offset: Offset | None = None


class KeyPhraseResult(_Part, rename="pascal"):
    """The key phrases of one segment."""

    key_phrases: list[KeyPhrase] = []
    index: Offset | None = None


class Entity(_Part, rename="pascal"):
    """One entity as Comprehend reports it."""

    text: str | None = None
    type: str | None = None
    score: Share | None = None
    begin_offset: Offset | None = None
    end_offset: Offset | None = None


class EntityResult(_Part, rename="pascal"):
    """The entities of one segment."""

    entities: list[Entity] = []
    index: Offset | None = None


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
    """One criterion of a form, as judged on one call.

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
    # Two counters order the documents of a call: uploads of the recording, and, within one upload,
    # how often its document was written.
    revision: Revision = msgspec.field(default_factory=_first_revision)
    writing: Count | None = None
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


def encode_document(document: UnifiedDocument) -> bytes:
    """The document as one compact line of JSON with a line end."""
    return msgspec.json.encode(document) + b"\n"


def verdict_of(result: CriterionResult, index: int) -> Verdict:
    """The verdict of the result at `index`; raises ContractError when it contradicts `passed`."""
    passed, verdict = result.passed, result.verdict
    if verdict is None:
        return Verdict.UNSCORED if passed is None else Verdict.PASS if passed else Verdict.FAIL
    if passed is not None and verdict is not (Verdict.PASS if passed else Verdict.FAIL):
        raise ContractError(
            f"qa_evaluation.criteria[{index}].passed",
            f"what the verdict '{verdict}' says",
            describe_value(passed),
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
