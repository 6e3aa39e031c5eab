"""Tells people what failed: once, in words that say nothing about a person or a file."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cci_lite.contract.registry import CallRecord, CallState, Reason, moved, place_upload
from cci_lite.errors import ContractError, RetryLaterError
from cci_lite.pipeline.events import Ignored, JobEvent, UploadEvent, read_event
from cci_lite.ports import CallRegistry, JobStatus, Metric, Notice, Notifier, Telemetry
from cci_lite.tenancy import call_id_for, parse_job_name

ATTEMPTS = 5
# What a queue's dead-letter queue is called besides the queue's name; and where the messages of all
# of them end, which no function reads.
DEAD_LETTERS = "-dlq"
PARKED_QUEUE = "cci-lite-parked"

_READ_BY_TRANSCRIBE = "upload it again in a format that Transcribe reads"
_AGAIN = "when that is mended, upload the recording again"
_REDRIVE = (
    f"when that is mended, start the messages of the queue {PARKED_QUEUE} again, "
    "or upload the recording again"
)
# What to do about a failure, by the record's reason.
_ADVICE: Mapping[str, str] = {
    Reason.MEDIA_TOO_LONG: "the recording is longer than Transcribe takes, upload it in parts",
    Reason.MEDIA_TOO_LARGE: "the recording is larger than Transcribe takes, upload it in parts",
    Reason.MEDIA_CHANNELS: _READ_BY_TRANSCRIBE,
    Reason.MEDIA_FORMAT: _READ_BY_TRANSCRIBE,
    Reason.MEDIA_UNREADABLE: _READ_BY_TRANSCRIBE,
    Reason.SAMPLE_RATE: _READ_BY_TRANSCRIBE,
    Reason.ACCESS_DENIED: f"Transcribe may not read or write where it should, {_AGAIN}",
    Reason.INTERNAL: "Transcribe itself failed, upload the recording again",
    Reason.TRANSCRIPTION_FAILED: "Transcribe does not say why, upload the recording again",
    Reason.OTHER: "Transcribe has more under the name of the transcription job",
    Reason.JOB_NAME_TAKEN: f"a transcription job of its name is not ours, {_AGAIN}",
    Reason.REDACTION_MISSING: "its transcript is not redacted, and nothing was made of it",
    Reason.TRANSCRIPT_ELSEWHERE: f"its transcript is not where it was to be written, {_AGAIN}",
    Reason.TRANSCRIPT_UNREADABLE: f"its transcript is not one that Transcribe writes, {_AGAIN}",
    Reason.STUCK_RECEIVED: f"it could not be transcribed in several attempts, {_REDRIVE}",
    Reason.STUCK_TRANSCRIBING: "should its job still complete, the call is judged then",
    Reason.STUCK_TRANSCRIBED: f"it could not be judged in several attempts, {_REDRIVE}",
}
_ADVICE_OTHERWISE = "it has no document, the functions' logs have more under its call_id"


@dataclass(frozen=True)
class Notifying:
    """What telling people needs."""

    registry: CallRegistry
    notifier: Notifier
    telemetry: Telemetry
    clock: Callable[[], dt.datetime]


def job_failed(notifying: Notifying, event: JobEvent) -> bool:
    """Have the call of a failed transcription job fail; True when people were told of it now.

    A call that has got further than its transcription stays as it is, however late the event is.
    Raises RetryLaterError.
    """
    for _ in range(ATTEMPTS):
        record = record_of(notifying.registry, event.job_name)
        if record is None or event.status is not JobStatus.FAILED:
            notifying.telemetry.count(Metric.IGNORED)
            return False
        if record.state is CallState.FAILED:
            return call_failed(notifying, record)
        if record.state not in (CallState.RECEIVED, CallState.TRANSCRIBING):
            notifying.telemetry.count(Metric.DUPLICATES)
            return False
        reason = event.failure or Reason.OTHER
        failed = moved(record, CallState.FAILED, notifying.clock(), reason=reason)
        if notifying.registry.replace(failed):
            notifying.telemetry.count(Metric.FAILED)
            return call_failed(notifying, failed)
    raise RetryLaterError("record_contended")


def call_failed(notifying: Notifying, record: CallRecord) -> bool:
    """Tell people of a call that is FAILED, once each time that it fails; True when told now.

    Raises RetryLaterError.
    """
    code = record.reason or Reason.OTHER
    return tell(
        notifying,
        Notice(
            notice_id=f"failed#{record.job_name}#{code}#{record.failed_at}",
            code=code,
            text=(
                f"Call {record.call_id} (revision {record.revision}) of tenant {record.tenant_id} "
                f"failed with {code}: {_ADVICE.get(code, _ADVICE_OTHERWISE)}."
            ),
            at=notifying.clock(),
            tenant_id=record.tenant_id,
            call_id=record.call_id,
            revision=record.revision,
        ),
    )


def dead_letter(notifying: Notifying, *, queue: str, message_id: str, body: str) -> bool:
    """Tell people of a message that no function could handle; True when told now.

    The call that it was about is named where the message tells it, and nothing else of the message.
    An open call is left open, for the reconciler drives it again. Raises RetryLaterError.
    """
    call = _call_in(notifying.registry, body)
    said = f"Message {message_id} of queue {queue} could not be handled"
    if call is None:
        said += f"; it names no call, look at it in the queue {PARKED_QUEUE}."
    else:
        revision = f" (revision {call.revision})" if call.revision else ""
        said += f", which is about call {call.call_id}{revision} of tenant {call.tenant_id}: "
        said += f"{_what_happens(call.record)}."
    return tell(
        notifying,
        Notice(
            notice_id=f"dead_letter#{queue}#{message_id}",
            code="dead_letter",
            text=said,
            at=notifying.clock(),
            tenant_id=call.tenant_id if call else None,
            call_id=call.call_id if call else None,
            revision=call.revision if call else None,
        ),
    )


def tell(notifying: Notifying, notice: Notice) -> bool:
    """Send a notice that was not sent before; True when it was sent now. Raises RetryLaterError.

    It is noted after it was sent: a crash in between has it sent twice rather than never.
    """
    if notifying.registry.is_noted(notice.notice_id):
        return False
    notifying.notifier.notify(notice)
    notifying.registry.note(notice.notice_id, notice.at)
    notifying.telemetry.log(
        "people_told",
        code=notice.code,
        tenant_id=notice.tenant_id,
        call_id=notice.call_id,
        revision=notice.revision,
    )
    return True


def record_of(registry: CallRegistry, job_name: str) -> CallRecord | None:
    """The record whose transcription job this is; None for a job of somebody else's."""
    if (named := parse_job_name(job_name)) is None:
        return None
    call_id, revision = named
    return next((each for each in registry.records(call_id) if each.revision == revision), None)


@dataclass(frozen=True)
class _Call:
    """The call that a message is about."""

    tenant_id: str
    call_id: str
    revision: int | None = None
    record: CallRecord | None = None


def _what_happens(record: CallRecord | None) -> str:
    if record is None:
        return "the reconciler takes the recording in, as long as it is in the input bucket"
    if record.is_open:
        return f"it is {record.state}, and the reconciler drives it again"
    return f"it is {record.state}, and nothing is to be done about the message"


def _call_in(registry: CallRegistry, body: str) -> _Call | None:
    """The one call that a message is about, or None."""
    told = [
        event
        for event in read_event({"Records": [{"body": body}]})
        if not isinstance(event, Ignored)
    ]
    if len(told) != 1:
        return None
    event = told[0]
    if isinstance(event, JobEvent):
        return _call_of_job(registry, event)
    return _call_of_upload(registry, event)


def _call_of_job(registry: CallRegistry, event: JobEvent) -> _Call | None:
    record = record_of(registry, event.job_name)
    if record is None:
        return None
    return _Call(record.tenant_id, record.call_id, record.revision, record)


def _call_of_upload(registry: CallRegistry, event: UploadEvent) -> _Call | None:
    try:
        upload = event.upload
    except ContractError:
        return None
    call_id = call_id_for(upload.tenant_id, upload.key)
    record = place_upload(upload, registry.records(call_id)).known
    return _Call(upload.tenant_id, call_id, record.revision if record else None, record)
