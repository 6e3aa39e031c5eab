"""Takes invocations by a queue, a rule or by hand apart into single events."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord

from cci_lite.errors import ContractError, PipelineError, RetryLaterError
from cci_lite.functions.guard import guarded
from cci_lite.functions.wiring import Installation
from cci_lite.pipeline.events import Event, Ignored, JobEvent, UploadEvent, read_event
from cci_lite.pipeline.media import SIDECAR_SUFFIX
from cci_lite.ports import Metric
from cci_lite.tenancy import call_id_for, parse_job_name, parse_recording_key

# In seconds. Not longer than the visibility timeout that the queues have anyway.
LONGEST_BACKOFF = 900


def each_message(event: Any, context: Any, take: Callable[[Any], None]) -> Any:
    """Give every message of the queue, or every event that came without one, to `take`.

    The answer names the messages that are to be delivered again. Without a queue, what `take`
    raises is raised: the caller delivers again.
    """
    if is_batch(event):

        def take_record(record: SQSRecord) -> None:
            take({"Records": [record.raw_event]})

        # An error for the whole batch would carry the text of all messages.
        processor = BatchProcessor(EventType.SQS, raise_on_entire_batch_failure=False)
        return process_partial_response(event, take_record, processor, context)
    for given in event if isinstance(event, list) else [event]:
        take(given)
    return None


def is_batch(event: Any) -> bool:
    """Whether these are messages of a queue."""
    records = event.get("Records") if isinstance(event, Mapping) else None
    return (
        isinstance(records, list)
        and bool(records)
        and all(
            isinstance(record, Mapping) and record.get("eventSource") == "aws:sqs"
            for record in records
        )
    )


def take_events(installation: Installation, message: Any, take: Callable[[Event], str]) -> None:
    """Give the events in a message to `take`, and log what became of each.

    A failure does not stop the following events; the last failure is raised at the end. A queue's
    message that has to be retried waits longer each time.
    """
    trouble: PipelineError | None = None
    for event in read_event(message):
        with installation.telemetry.about(**_subject_of(event)):
            try:
                guarded(installation.telemetry, partial(_take, installation, event, take))
            except PipelineError as failure:
                trouble = failure
    if isinstance(trouble, RetryLaterError) and is_batch(message):
        _postpone(installation, message["Records"][0])
    if trouble is not None:
        raise trouble


def backoff_seconds(deliveries: int) -> int:
    """How long a message waits after this many deliveries: 1, 2, 4, 8, and then 15 minutes."""
    return min(60 << (deliveries - 1), LONGEST_BACKOFF)


def _postpone(installation: Installation, record: Mapping[str, Any]) -> None:
    """Delay a message; if that fails, the queue's visibility timeout applies."""
    deliveries = int(record.get("attributes", {}).get("ApproximateReceiveCount", 1))
    try:
        installation.postpone(
            record["eventSourceARN"], record["receiptHandle"], backoff_seconds(deliveries)
        )
    except PipelineError as failure:
        installation.telemetry.log("not_postponed", code=failure.code)


def _take(installation: Installation, event: Event, take: Callable[[Event], str]) -> None:
    if isinstance(event, Ignored):
        ignore(installation, event.reason)
    else:
        installation.telemetry.log("taken", state=take(event))


def ignore(installation: Installation, reason: str) -> str:
    """Count an event that asks for nothing."""
    installation.telemetry.count(Metric.IGNORED)
    installation.telemetry.log("ignored", reason=reason)
    return "ignored"


def _subject_of(event: Event) -> dict[str, str | float]:
    """Which call an event is about."""
    if isinstance(event, UploadEvent):
        key = event.key.removesuffix(SIDECAR_SUFFIX)
        try:
            tenant_id = parse_recording_key(key).tenant_id
            return {"tenant_id": tenant_id, "call_id": call_id_for(tenant_id, key)}
        except (ContractError, UnicodeError):
            return {}
    if isinstance(event, JobEvent) and (named := parse_job_name(event.job_name)) is not None:
        call_id, revision = named
        return {"call_id": call_id, "revision": revision, "job_name": event.job_name}
    return {}
