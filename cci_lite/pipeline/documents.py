"""Make unified documents on a laptop: from transcripts by rules, or from others' documents."""

from __future__ import annotations

import contextlib
import datetime as dt
import errno
import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import msgspec

from cci_lite.contract.conversation import Conversation, UnknownAgent
from cci_lite.contract.document import (
    Agent,
    CallDateSource,
    QaEvaluation,
    Review,
    Source,
    UnifiedDocument,
    encode_document,
)
from cci_lite.contract.form import Form
from cci_lite.contract.metadata import NO_METADATA, CallMetadata
from cci_lite.contract.reading import decode_document
from cci_lite.contract.scored_evaluation import (
    Forms,
    score_document,
    score_evaluation,
    with_evaluation,
)
from cci_lite.contract.tenant import Tenant, TenantStatus
from cci_lite.errors import ContractError, LakeError, UsageError
from cci_lite.evaluation.by_rules import evaluate_rules
from cci_lite.evaluation.by_rules.reasons import is_not_known
from cci_lite.pipeline.call_facts import key_hash, with_facts
from cci_lite.ports import Store
from cci_lite.tenancy import (
    call_id_for,
    parse_unified_key,
    recording_key,
    unified_key,
    unified_prefix,
)
from cci_lite.transcripts import read_transcript

NO_AGENT = Agent()


class Written(StrEnum):
    """What became of one input."""

    NEW = "new"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    OLDER = "older"
    REFUSED = "refused"


@dataclass(frozen=True)
class Transcript:
    """A transcript to analyse. `name` tells the person at the terminal which one it is.

    `uploaded_at` stands in for the start of the call when the metadata does not give it.
    """

    name: str
    data: bytes
    uploaded_at: dt.datetime
    metadata: CallMetadata = NO_METADATA


@dataclass(frozen=True)
class InputDocument:
    """A unified document made elsewhere."""

    name: str
    data: bytes


@dataclass(frozen=True)
class Hearing:
    """What a transcript does not tell, and what of the form's verdicts that costs.

    `labels` are its own names of those whose role is not known, `unheard` the verdicts that are
    `na` because nobody can tell who speaks.
    """

    unknown_agent: UnknownAgent | None
    labels: tuple[str, ...]
    verdicts: int
    unheard: int
    untimed_words: int


@dataclass(frozen=True)
class InputReport:
    """What became of one input, why it was refused, and what could not be told from it."""

    name: str
    written: Written
    problem: ContractError | None = None
    unknown_fields: int = 0
    claim: str | None = None
    heard: Hearing | None = None
    kept_form: str | None = None


def analyze_transcripts(
    store: Store,
    tenant: Tenant,
    form: Form,
    transcripts: Iterable[Transcript],
    *,
    pipeline_version: str,
    overwrite: bool = False,
) -> Iterator[InputReport]:
    """Judge each transcript by the form's rules and write its unified document.

    The same transcript again changes nothing, even when another one has replaced it since; another
    transcript of the same recording is its next revision. A call keeps the verdicts of the form by
    which its transcript was judged first, unless `overwrite` has it judged anew; the report says
    which form that is. A transcript that cannot be read is
    reported and does not stop the others. Of two different transcripts of one recording in the same
    delivery the second is refused, for neither is known to be the later.
    """
    check_active(tenant)
    known = _keys_by_call(store, tenant.tenant_id)
    seen: dict[str, str] = {}
    for transcript in transcripts:
        digest = hashlib.sha256(transcript.data).hexdigest()
        try:
            conversation, key = read_call(tenant, transcript)
            call_id = call_id_for(tenant.tenant_id, key)
            if seen.setdefault(call_id, digest) != digest:
                raise ContractError(
                    "", "one transcript of a recording", "two different ones in this delivery"
                )
            document = _document(
                tenant, transcript, conversation, call_id, key, digest, pipeline_version
            )
            evaluation = QaEvaluation(criteria=evaluate_rules(form, conversation))
            document = with_evaluation(document, score_evaluation(evaluation, form))
            present = _present(store, known, document)
            kept = None if overwrite or present is None else _earlier_verdicts(present, document)
            if kept is not None:
                document = msgspec.structs.replace(
                    document, qa_evaluation=kept.evaluation, review=kept.review
                )
            yield InputReport(
                transcript.name,
                _write_transcript_document(store, known, document, present),
                heard=_hearing(conversation, document.qa_evaluation),
                kept_form=kept.form if kept else None,
            )
        except ContractError as problem:
            yield InputReport(transcript.name, Written.REFUSED, problem)


def read_call(tenant: Tenant, transcript: Transcript) -> tuple[Conversation, str]:
    """What was said in a transcript, and the key of its recording; raises ContractError.

    Where the transcript does not name its language, the metadata and then the tenant do.
    """
    read = read_transcript(transcript.data, tenant.audio)
    language = read.language_code or transcript.metadata.language_code or tenant.language_code
    conversation = msgspec.structs.replace(read, language_code=language)
    key = transcript.metadata.recording_key or recording_key(
        tenant.tenant_id, conversation.job_name
    )
    if not key.startswith(recording_key(tenant.tenant_id, "")):
        raise ContractError("recording_key", f"{tenant.tenant_id}/calls/…", "a key outside of it")
    return conversation, key


def ingest_documents(
    store: Store,
    tenant: Tenant,
    forms: Forms,
    documents: Iterable[InputDocument],
) -> Iterator[InputReport]:
    """Check documents made elsewhere, score them with the form they name, and write them as 1.3.

    A document that breaks the contract is reported and does not stop the others; an older revision
    than the one that is there is left out.
    """
    check_active(tenant)
    known = _keys_by_call(store, tenant.tenant_id)
    for given in documents:
        try:
            decoded = decode_document(given.data, one_line=False)
            document = decoded.document
            if document.tenant_id != tenant.tenant_id:
                raise ContractError("tenant_id", f"'{tenant.tenant_id}'", "another tenant")
            scored = score_document(document, forms)
            claim = None
            if scored is not None:
                document = with_evaluation(document, scored)
                if scored.reported_differs and scored.reported is not None:
                    computed = scored.score.percentage
                    claimed = scored.reported.percentage
                    said = "no percentage" if claimed is None else f"{claimed:g}"
                    given_by_form = "none" if computed is None else computed
                    claim = f"the document claimed {said}, the form gives {given_by_form}"
            yield InputReport(
                given.name,
                _write_newer(store, known, document),
                unknown_fields=decoded.unknown_fields,
                claim=claim,
            )
        except ContractError as problem:
            yield InputReport(given.name, Written.REFUSED, problem)


def check_active(tenant: Tenant) -> None:
    """Raise UsageError for a tenant whose calls are not taken in."""
    if tenant.status is not TenantStatus.ACTIVE:
        raise UsageError(f"tenant {tenant.tenant_id} is {tenant.status}: no calls are taken in")


def _hearing(conversation: Conversation, evaluation: QaEvaluation | None) -> Hearing:
    results = evaluation.criteria if evaluation else []
    return Hearing(
        unknown_agent=conversation.unknown_agent,
        labels=tuple(conversation.unknown_labels),
        verdicts=len(results),
        unheard=sum(is_not_known(result.reason) for result in results),
        untimed_words=conversation.untimed_words,
    )


def _document(
    tenant: Tenant,
    transcript: Transcript,
    conversation: Conversation,
    call_id: str,
    key: str,
    digest: str,
    pipeline_version: str,
) -> UnifiedDocument:
    """What is known of the call before it is judged.

    Sentiment and tone are left to a model, and what Transcribe charged for is not known here.
    """
    reasons = conversation.review_reasons
    document = UnifiedDocument(
        tenant_id=tenant.tenant_id,
        call_id=call_id,
        call_date=transcript.uploaded_at.date(),
        language_code=conversation.language_code,
        duration_seconds=conversation.duration_seconds,
        review=Review(needed=bool(reasons), reasons=reasons),
        source=Source(
            pii_redacted=conversation.redaction,
            input_key_hash=key_hash(key),
            etag=digest[:32],
            pipeline_version=pipeline_version,
        ),
    )
    return with_facts(document, tenant, transcript.metadata, transcript.uploaded_at)


@dataclass(frozen=True)
class _EarlierVerdicts:
    """What another form than the one asked for has said of a transcript, and which form."""

    evaluation: QaEvaluation
    review: Review | None
    form: str


def _earlier_verdicts(
    present: UnifiedDocument, document: UnifiedDocument
) -> _EarlierVerdicts | None:
    """The verdicts of another form on the same transcript, or None."""
    before, given = present.qa_evaluation, document.qa_evaluation
    same_transcript = (present.source or Source()).etag == (document.source or Source()).etag
    if before is None or given is None or not same_transcript:
        return None
    judged_by = (before.template_id, before.template_version)
    if judged_by == (given.template_id, given.template_version):
        return None
    return _EarlierVerdicts(before, present.review, f"{judged_by[0]} v{judged_by[1]}")


def _write_transcript_document(
    store: Store,
    known: dict[str, list[str]],
    document: UnifiedDocument,
    present: UnifiedDocument | None,
) -> Written:
    """Write the document as the next revision, unless its transcript was the call's before."""
    if present is None:
        return _write(store, known, document, is_new=True)
    before, given = present.source or Source(), document.source or Source()
    if given.etag in before.earlier_etags:
        return Written.OLDER
    revision, earlier = present.revision, before.earlier_etags
    if given.etag != before.etag:
        revision, earlier = revision + 1, [*earlier, *([before.etag] if before.etag else [])]
    source = msgspec.structs.replace(given, earlier_etags=earlier)
    document = msgspec.structs.replace(
        _with_earlier_facts(document, present), revision=revision, source=source
    )
    if revision == present.revision:
        document = _next_writing(document, present)
    return _write(store, known, document, is_new=False)


def _with_earlier_facts(document: UnifiedDocument, present: UnifiedDocument) -> UnifiedDocument:
    """The document with what was known of the call before, where nothing else is told now."""
    told: dict[str, Any] = {
        name: getattr(present, name)
        for name in ("queue", "direction", "channel")
        if getattr(document, name) is None
    }
    if document.agent is None or document.agent == NO_AGENT:
        told["agent"] = present.agent
    if document.call_date_source is CallDateSource.UPLOAD:
        # When a file was copied says less about the call than what is known of it already.
        for name in ("call_date", "call_date_source", "call_started_at"):
            told[name] = getattr(present, name)
    return msgspec.structs.replace(document, **told)


def _next_writing(document: UnifiedDocument, present: UnifiedDocument) -> UnifiedDocument:
    """The document as the present one when it says the same, otherwise as its next writing."""
    same = msgspec.structs.replace(document, writing=present.writing)
    if encode_document(same) == encode_document(present):
        return same
    return msgspec.structs.replace(document, writing=(present.writing or 0) + 1)


def _write_newer(store: Store, known: dict[str, list[str]], document: UnifiedDocument) -> Written:
    present = _present(store, known, document)
    if present is not None and writing_order(present) > writing_order(document):
        return Written.OLDER
    return _write(store, known, document, is_new=present is None)


def _write(
    store: Store, known: dict[str, list[str]], document: UnifiedDocument, *, is_new: bool
) -> Written:
    key = unified_key(document.tenant_id, document.call_date, document.call_id)
    data = encode_document(document)
    is_there = _read(store, key) == data
    try:
        if not is_there:
            store.write(key, data)
        # A call has one document: those on other days go when this one is there.
        for other in known.get(document.call_id, ()):
            if other != key:
                store.delete(other)
    except (OSError, LakeError) as problem:
        found = problem.strerror if isinstance(problem, OSError) else None
        raise ContractError("", "a place to write the document to", found or "a stray") from problem
    known[document.call_id] = [key]
    if is_there:
        return Written.UNCHANGED
    return Written.NEW if is_new else Written.CHANGED


def writing_order(document: UnifiedDocument) -> tuple[int, int]:
    """Of two documents of a call the later one has the higher."""
    return document.revision, document.writing or 0


def _keys_by_call(store: Store, tenant_id: str) -> dict[str, list[str]]:
    """Where the tenant's documents are, by call: a call's day can have been corrected."""
    keys: dict[str, list[str]] = {}
    for found in store.listing(unified_prefix(tenant_id)):
        with contextlib.suppress(ContractError):
            keys.setdefault(parse_unified_key(found.key).call_id, []).append(found.key)
    return keys


def _present(
    store: Store, known: dict[str, list[str]], document: UnifiedDocument
) -> UnifiedDocument | None:
    """The latest readable document of the call; a broken one is replaced like none."""
    readable = []
    for key in known.get(document.call_id, ()):
        data = _read(store, key)
        with contextlib.suppress(ContractError):
            if data is not None:
                readable.append(decode_document(data).document)
    return max(readable, key=lambda each: (*writing_order(each), each.call_date), default=None)


def _read(store: Store, key: str) -> bytes | None:
    """The document at a key, or None; raises ContractError for one that cannot be read."""
    try:
        return store.read(key)
    except FileNotFoundError:
        return None
    except OSError as problem:
        if problem.errno == errno.EOVERFLOW:  # larger than any document: broken
            return None
        found = problem.strerror or type(problem).__name__
        raise ContractError("", "a present document that can be read", found) from problem
