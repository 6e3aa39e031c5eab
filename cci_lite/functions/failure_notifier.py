"""The function `failure_notifier`: notifies people of failed jobs and dead letters."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

from cci_lite.errors import PipelineError
from cci_lite.functions.adapters import notifier_of, registry_of
from cci_lite.functions.guard import guarded
from cci_lite.functions.messages import each_message, ignore, is_batch, take_events
from cci_lite.functions.wiring import Installation
from cci_lite.pipeline.events import Event, JobEvent
from cci_lite.pipeline.notify import DEAD_LETTERS, Notifying, dead_letter, job_failed
from cci_lite.ports import JobStatus


def failure_notifier(here: Installation, event: Any, context: Any) -> Any:
    """Notify people of failed transcription jobs, and of messages in dead-letter queues.

    A dead letter is reported to SQS as failed even after people were notified. SQS therefore keeps
    it and, after its last delivery, moves it to the queue of parked messages, where people can
    inspect and redrive it.
    """
    notifying = here.once(_notifying)

    def take(found: Event) -> str:
        if not isinstance(found, JobEvent) or found.status is not JobStatus.FAILED:
            return ignore(here, "no_failed_job")
        return "told" if job_failed(notifying, found) else "not_told"

    def take_message(message: Any) -> None:
        if is_batch(message) and (queue := _queue_of(message["Records"][0])).endswith(DEAD_LETTERS):
            _take_dead_letter(here, notifying, queue, message["Records"][0])
        else:
            take_events(here, message, take)

    return each_message(event, context, take_message)


def _take_dead_letter(
    here: Installation, notifying: Notifying, queue: str, record: Mapping[str, Any]
) -> None:
    tell = partial(
        dead_letter,
        notifying,
        queue=queue,
        message_id=str(record.get("messageId")),
        body=str(record.get("body")),
    )
    guarded(here.telemetry, tell)
    # Raised on success, too: only a failed message stays in the queue.
    raise PipelineError("kept_for_people")


def _queue_of(record: Mapping[str, Any]) -> str:
    return str(record.get("eventSourceARN")).rpartition(":")[2]


def _notifying(here: Installation) -> Notifying:
    return Notifying(
        registry=registry_of(here),
        notifier=notifier_of(here),
        telemetry=here.telemetry,
        clock=here.clock,
    )
