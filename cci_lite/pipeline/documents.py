"""Make unified documents on a laptop: from transcripts, or from documents made elsewhere."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeVar

import msgspec

from cci_lite.contract.conversation import Conversation, UnknownAgent
from cci_lite.contract.document import (
    QaEvaluation,
    Redaction,
    Source,
    UnifiedDocument,
    redaction_of,
)
from cci_lite.contract.form import Form
from cci_lite.contract.reading import decode_document
from cci_lite.contract.scored_evaluation import (
    Forms,
    ScoredEvaluation,
    score_document,
    with_evaluation,
)
from cci_lite.contract.tenant import Tenant, TenantStatus
from cci_lite.errors import ContractError, UsageError
from cci_lite.evaluation.by_rules.evaluator import RulesEvaluator
from cci_lite.evaluation.by_rules.reasons import is_not_known
from cci_lite.masking.introductions import introduced_names
from cci_lite.pipeline.call_facts import key_hash, with_facts
from cci_lite.pipeline.document_writing import Written
from cci_lite.pipeline.folder_documents import FolderDocuments, with_earlier_facts
from cci_lite.pipeline.judged_document import (
    Services,
    SpokenCall,
    check_masked,
    judged_document,
    spoken_call,
)
from cci_lite.pipeline.masked_document import masked_document
from cci_lite.ports import InputFile, Store, Transcript, UnreadableFile
from cci_lite.tenancy import call_id_for, recording_key
from cci_lite.transcripts import read_transcript

T = TypeVar("T", Transcript, InputFile)

# Labels that Transcribe gives, and a tenant's settings take. Others may say who somebody is.
_SETTABLE = re.compile(r"ch_[0-9]|spk_[0-9]{1,2}")

RULES_ONLY = Services(RulesEvaluator())


@dataclass(frozen=True)
class Hearing:
    """What a transcript does not tell, and what of the form's verdicts that costs.

    `labels` are Transcribe's names of those whose role is not known, `unheard` the verdicts that
    are `na` because nobody can tell who speaks.
    """

    unknown_agent: UnknownAgent | None
    labels: tuple[str, ...]
    verdicts: int
    unheard: int
    untimed_words: int


@dataclass(frozen=True)
class InputReport:
    """What became of one input, why it was refused, and what could not be told from it.

    `masked`: what was not redacted is masked here, of a transcript; words of a document made
    elsewhere were. `kept_form` is the form whose verdicts the call keeps.
    """

    name: str
    written: Written
    problem: ContractError | None = None
    unknown_fields: int = 0
    claim: str | None = None
    heard: Hearing | None = None
    kept_form: str | None = None
    masked: bool = False


def analyze_transcripts(
    store: Store,
    tenant: Tenant,
    form: Form,
    transcripts: Iterable[Transcript | UnreadableFile],
    *,
    pipeline_version: str,
    overwrite: bool = False,
    services: Services = RULES_ONLY,
) -> Iterator[InputReport]:
    """Judge each transcript by the form and write its unified document.

    Rules decide, and nobody else unless `services` has an evaluator that does. The same transcript
    again changes nothing, even when another one has replaced it since; another transcript of the
    same recording is its next revision. A call keeps the verdicts of the form by which its
    transcript was judged first, unless `overwrite` has it judged anew. A transcript that cannot be
    read, or that is not redacted where the tenant's setting is to refuse such, is reported and
    does not stop the others. Of two different transcripts of one recording in the same delivery
    the second is refused, for neither is known to be the later.
    """
    check_active(tenant)
    analysis = _Analysis(
        FolderDocuments(store, tenant.tenant_id),
        tenant,
        form,
        services,
        pipeline_version,
        overwrite,
    )
    for given in transcripts:
        try:
            yield analysis.of(given)
        except ContractError as problem:
            yield InputReport(given.name, Written.REFUSED, problem)


@dataclass(frozen=True)
class _Analysis:
    """The analysis of one delivery. `seen` are the transcripts' hashes by call."""

    documents: FolderDocuments
    tenant: Tenant
    form: Form
    services: Services
    pipeline_version: str
    overwrite: bool
    seen: dict[str, str] = field(default_factory=dict)

    def of(self, given: Transcript | UnreadableFile) -> InputReport:
        """What became of one transcript; raises ContractError."""
        transcript = _readable(given)
        digest = hashlib.sha256(transcript.data).hexdigest()
        spoken, key = read_call(self.services, self.tenant, transcript)
        call_id = call_id_for(self.tenant.tenant_id, key)
        if self.seen.setdefault(call_id, digest) != digest:
            raise ContractError(
                "", "one transcript of a recording", "two different ones in this delivery"
            )
        present = self.documents.present(call_id)
        document = UnifiedDocument(
            tenant_id=self.tenant.tenant_id,
            call_id=call_id,
            call_date=transcript.uploaded_at.date(),
            source=Source(
                input_key_hash=key_hash(key),
                etag=digest[:32],
                pipeline_version=self.pipeline_version,
            ),
        )
        told = with_earlier_facts(transcript.metadata, present)
        document = with_facts(document, self.tenant, told, transcript.uploaded_at)
        document = judged_document(self.services, spoken, self.form, document)
        kept = None if self.overwrite else _earlier_verdicts(present, document, spoken)
        if kept is not None:
            document = msgspec.structs.replace(
                document, qa_evaluation=kept.qa_evaluation, review=kept.review
            )
        evaluation = document.qa_evaluation
        return InputReport(
            transcript.name,
            self.documents.write_next(document, present),
            heard=_hearing(spoken.conversation, evaluation),
            kept_form=_form_of(evaluation) if kept and evaluation else None,
            masked=spoken.is_masked,
        )


def read_call(services: Services, tenant: Tenant, transcript: Transcript) -> tuple[SpokenCall, str]:
    """What was said in a transcript, and the key of its recording.

    Where the transcript does not name its language, the metadata and then the tenant do. Raises
    ContractError, and UnredactedError for a call that the tenant's setting refuses.
    """
    metadata = transcript.metadata
    conversation = read_transcript(transcript.data, tenant.audio)
    key = metadata.recording_key or recording_key(tenant.tenant_id, conversation.job_name)
    if not key.startswith(recording_key(tenant.tenant_id, "")):
        raise ContractError("recording_key", f"{tenant.tenant_id}/calls/…", "a key outside of it")
    language = metadata.language_code or tenant.language_code
    return spoken_call(services, tenant, conversation, language), key


def ingest_documents(
    store: Store, tenant: Tenant, forms: Forms, files: Iterable[InputFile | UnreadableFile]
) -> Iterator[InputReport]:
    """Check documents made elsewhere, score them with the form they name, and write them as 1.3.

    Their words are masked like our own, and the report says of which. A document that breaks the
    contract, or says that its transcript was not redacted where the tenant's setting is to refuse
    such, is reported and does not stop the others; an older revision than the one that is there is
    left out.
    """
    check_active(tenant)
    documents = FolderDocuments(store, tenant.tenant_id)
    for given in files:
        try:
            decoded = decode_document(_readable(given).data, one_line=False)
            document = masked_document(_redacted(tenant, decoded.document))
            scored = score_document(document, forms)
            yield InputReport(
                given.name,
                documents.write_newer(with_evaluation(document, scored) if scored else document),
                unknown_fields=decoded.unknown_fields,
                claim=_claim(scored) if scored else None,
                masked=document != decoded.document,
            )
        except ContractError as problem:
            yield InputReport(given.name, Written.REFUSED, problem)


def check_active(tenant: Tenant) -> None:
    """Raise UsageError for a tenant whose calls are not taken in."""
    if tenant.status is not TenantStatus.ACTIVE:
        raise UsageError(f"tenant {tenant.tenant_id} is {tenant.status}: no calls are taken in")


def _readable(given: T | UnreadableFile) -> T:
    if isinstance(given, UnreadableFile):
        raise given.problem
    return given


def _redacted(tenant: Tenant, document: UnifiedDocument) -> UnifiedDocument:
    """A tenant's document, which is to be masked when it says that its transcript was not redacted.

    Raises ContractError for another tenant's, and UnredactedError.
    """
    if document.tenant_id != tenant.tenant_id:
        raise ContractError("tenant_id", f"'{tenant.tenant_id}'", "another tenant")
    if document.source is None or redaction_of(document.source) is not Redaction.NONE:
        return document
    check_masked(tenant, document.language_code or tenant.language_code)
    source = msgspec.structs.replace(document.source, pii_redacted=Redaction.MASKED)
    return msgspec.structs.replace(document, source=source)


def _claim(scored: ScoredEvaluation) -> str | None:
    """The percentage that a document claimed and the one that is right, where they differ."""
    if not scored.reported_differs or scored.reported is None:
        return None
    claimed, computed = scored.reported.percentage, scored.score.percentage
    said = "no percentage" if claimed is None else f"{claimed:g}"
    given_by_form = "none" if computed is None else computed
    return f"the document claimed {said}, the form gives {given_by_form}"


def _hearing(conversation: Conversation, evaluation: QaEvaluation | None) -> Hearing:
    results = evaluation.criteria if evaluation else []
    return Hearing(
        unknown_agent=conversation.unknown_agent,
        labels=tuple(filter(_SETTABLE.fullmatch, conversation.unknown_labels)),
        verdicts=len(results),
        unheard=sum(is_not_known(result.reason) for result in results),
        untimed_words=conversation.untimed_words,
    )


def _earlier_verdicts(
    present: UnifiedDocument | None, document: UnifiedDocument, spoken: SpokenCall
) -> UnifiedDocument | None:
    """The present document when another form has judged the same transcript in it."""
    if present is None or _etag(present) != _etag(document):
        return None
    before, given = present.qa_evaluation, document.qa_evaluation
    if before is None or given is None or _form_of(before) == _form_of(given):
        return None
    # It may have been written before its words were masked.
    return masked_document(present, introduced_names(spoken.conversation))


def _etag(document: UnifiedDocument) -> str | None:
    return document.source.etag if document.source else None


def _form_of(evaluation: QaEvaluation) -> str:
    return f"{evaluation.template_id} v{evaluation.template_version}"
