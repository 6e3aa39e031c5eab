"""What failed is told: once, to people, without a word of a person or a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from cci_lite.contract.registry import CallRecord, CallState, Reason
from cci_lite.errors import RetryLaterError
from cci_lite.pipeline.events import JobEvent, completed_event, failure_word, upload_event
from cci_lite.pipeline.notify import (
    DEAD_LETTERS,
    PARKED_QUEUE,
    Notifying,
    call_failed,
    dead_letter,
    job_failed,
)
from cci_lite.ports import JobStatus, Metric
from tests.calls_in_memory import BUCKET, TENANT, Installation, everything_said, interrupted
from tests.interrupter import Crash, Interrupter


@pytest.fixture
def installation() -> Installation:
    return Installation()


def failed(record: CallRecord, failure: str | None = "media_format") -> JobEvent:
    return JobEvent(record.job_name, JobStatus.FAILED, failure)


def test_a_failed_job_fails_its_call_and_tells_people_what_to_do(
    installation: Installation,
) -> None:
    record = installation.register(CallState.TRANSCRIBING)

    assert job_failed(installation.notifying, failed(record))

    assert installation.now(record).state is CallState.FAILED
    assert installation.now(record).reason == "media_format"
    assert installation.telemetry.metrics[Metric.FAILED] == 1
    (notice,) = installation.notifier.notices
    assert notice.text == (
        f"Call {record.call_id} (revision 1) of tenant demo-tenant failed with media_format: "
        "upload it again in a format that Transcribe reads."
    )
    assert (notice.code, notice.tenant_id, notice.call_id, notice.revision) == (
        "media_format",
        TENANT,
        record.call_id,
        1,
    )


def test_a_job_that_failed_before_its_record_was_moved_fails_the_call(
    installation: Installation,
) -> None:
    record = installation.register(CallState.RECEIVED)

    assert job_failed(installation.notifying, failed(record))

    assert installation.now(record).state is CallState.FAILED


def test_a_failure_without_a_word_has_the_word_other(installation: Installation) -> None:
    record = installation.register(CallState.TRANSCRIBING)

    job_failed(installation.notifying, failed(record, None))

    assert installation.now(record).reason == "other"
    assert "the name of the transcription job" in installation.notifier.notices[0].text


def test_the_same_failure_twice_is_told_once(installation: Installation) -> None:
    record = installation.register(CallState.TRANSCRIBING)

    assert job_failed(installation.notifying, failed(record))
    before = installation.now(record)
    assert not job_failed(installation.notifying, failed(record))

    assert len(installation.notifier.notices) == 1
    assert installation.now(record) == before
    assert installation.telemetry.metrics[Metric.FAILED] == 1


@pytest.mark.parametrize(
    "state",
    [CallState.TRANSCRIBED, CallState.DONE, CallState.REVIEW, CallState.REFUSED, CallState.ERASED],
)
def test_a_late_failure_changes_nothing(installation: Installation, state: CallState) -> None:
    record = installation.register(state)

    assert not job_failed(installation.notifying, failed(record))

    assert installation.now(record) == record
    assert installation.notifier.notices == []
    assert installation.telemetry.metrics[Metric.DUPLICATES] == 1


@pytest.mark.parametrize(
    "job_name",
    ["somebody-elses-job", f"cci_{TENANT}_aaaaaaaaaaaaaaaaaaaa_r1", ""],
    ids=["another name", "not in the registry", "empty"],
)
def test_a_job_that_is_none_of_ours_is_ignored(installation: Installation, job_name: str) -> None:
    assert not job_failed(
        installation.notifying, JobEvent(job_name, JobStatus.FAILED, "media_format")
    )

    assert installation.notifier.notices == []
    assert installation.telemetry.metrics == {Metric.IGNORED: 1}


def test_a_completed_job_fails_nothing(installation: Installation) -> None:
    record = installation.register(CallState.TRANSCRIBING)

    assert not job_failed(installation.notifying, JobEvent(record.job_name, JobStatus.COMPLETED))

    assert installation.now(record) == record


def test_a_call_that_is_moved_meanwhile_is_looked_at_again(installation: Installation) -> None:
    record = installation.register(CallState.TRANSCRIBING)
    registry = Meddling(installation, record, times=1)

    assert not job_failed(with_registry(installation, registry), failed(record))

    assert installation.now(record).state is CallState.TRANSCRIBED
    assert installation.notifier.notices == []


def test_a_contended_call_asks_for_a_retry(installation: Installation) -> None:
    record = installation.register(CallState.TRANSCRIBING)
    registry = Meddling(installation, record, times=1_000, state=CallState.TRANSCRIBING)

    with pytest.raises(RetryLaterError, match=r"^record_contended$"):
        job_failed(with_registry(installation, registry), failed(record))


@pytest.mark.parametrize("when", ["crash_before", "crash_after"])
@pytest.mark.parametrize("at", range(1, 6))
def test_a_crash_anywhere_repeats_the_notice_rather_than_losing_it(
    installation: Installation, when: str, at: int
) -> None:
    record = installation.register(CallState.TRANSCRIBING)
    interrupter = interrupted(when, at)
    dying = Notifying(
        interrupter.wrap(installation.registry),
        interrupter.wrap(installation.notifier),
        installation.telemetry,
        installation.clock,
    )

    with pytest.raises(Crash):
        job_failed(dying, failed(record))
    job_failed(installation.notifying, failed(record))
    job_failed(installation.notifying, failed(record))

    assert installation.now(record).state is CallState.FAILED
    assert 1 <= len(installation.notifier.notices) <= 2


def test_a_notice_that_could_not_be_sent_is_sent_the_next_time(
    installation: Installation,
) -> None:
    record = installation.register(CallState.TRANSCRIBING)
    interrupter = Interrupter(throttle=frozenset({1}))
    silent = Notifying(
        installation.registry,
        interrupter.wrap(installation.notifier),
        installation.telemetry,
        installation.clock,
    )

    with pytest.raises(RetryLaterError):
        job_failed(silent, failed(record))

    assert job_failed(silent, failed(record))
    assert len(installation.notifier.notices) == 1


@pytest.mark.parametrize("between", [CallState.RECEIVED, CallState.TRANSCRIBED], ids=str)
def test_a_call_that_fails_anew_for_the_same_reason_is_told_again(
    installation: Installation, between: CallState
) -> None:
    record = installation.register(CallState.FAILED, reason="stuck_received")
    assert call_failed(installation.notifying, record)

    installation.move(record, between)
    record = installation.move(record, CallState.FAILED, reason="stuck_received")

    assert call_failed(installation.notifying, record)
    assert not call_failed(installation.notifying, installation.now(record))
    assert [notice.code for notice in installation.notifier.notices] == ["stuck_received"] * 2


# Those of the transcription job, of its transcript, and of what came to a halt.
FAILURES = [
    *list(Reason)[list(Reason).index(Reason.JOB_NAME_TAKEN) :],
    Reason.MEDIA_FORMAT,
    Reason.MEDIA_TOO_LARGE,
]


@pytest.mark.parametrize("reason", FAILURES, ids=str)
def test_of_every_failure_people_are_told_what_to_do(
    installation: Installation, reason: Reason
) -> None:
    call_failed(installation.notifying, installation.register(CallState.FAILED, reason=reason))

    (notice,) = installation.notifier.notices
    assert f"failed with {reason}: " in notice.text
    assert "the functions' logs" not in notice.text


def test_a_services_own_code_is_to_be_looked_up_in_the_logs(installation: Installation) -> None:
    record = installation.register(CallState.FAILED, reason="transcribe_BadRequestException")

    call_failed(installation.notifying, record)

    assert (
        "the functions' logs have more under its call_id." in installation.notifier.notices[0].text
    )


@pytest.mark.parametrize(
    "told",
    ["Unsupported media format", "The audio is too long", "file size", "kms", "sample rate", "?"],
)
def test_every_word_of_transcribes_failures_is_a_reason(told: str) -> None:
    assert failure_word(told) in FAILURES


def test_another_reason_is_told_again(installation: Installation) -> None:
    record = installation.register(CallState.FAILED, reason="internal")

    assert call_failed(installation.notifying, record)
    assert not call_failed(installation.notifying, record)
    record = installation.move(record, CallState.FAILED, reason="redaction_missing")
    assert call_failed(installation.notifying, record)


# --- Dead letters ---------------------------------------------------------------------------------


def dead(installation: Installation, body: str, message_id: str = "m-1") -> str:
    """The text of the notice of a dead letter."""
    assert dead_letter(installation.notifying, queue="uploads", message_id=message_id, body=body)
    return installation.notifier.notices[-1].text


def test_a_dead_letter_names_the_open_call_and_leaves_it_open(installation: Installation) -> None:
    record = installation.register(CallState.TRANSCRIBING)

    text = dead(installation, json.dumps(completed_event(record.job_name)))

    assert text == (
        "Message m-1 of queue uploads could not be handled, which is about call "
        f"{record.call_id} (revision 1) of tenant demo-tenant: it is TRANSCRIBING, and the "
        "reconciler drives it again."
    )
    assert installation.now(record) == record


def test_a_dead_letter_of_a_finished_call_asks_for_nothing(installation: Installation) -> None:
    record = installation.register(CallState.DONE)

    text = dead(installation, json.dumps(upload_event(BUCKET, record.upload)))

    assert text.endswith("it is DONE, and nothing is to be done about the message.")
    assert installation.notifier.notices[0].revision == 1


def test_a_dead_letter_of_an_upload_that_is_not_registered_says_what_happens(
    installation: Installation,
) -> None:
    upload = installation.upload("canary-alice.wav")

    text = dead(installation, json.dumps(upload_event(BUCKET, upload)))

    assert "the reconciler takes the recording in" in text
    assert installation.notifier.notices[0].tenant_id == TENANT
    assert installation.notifier.notices[0].revision is None
    assert "canary" not in everything_said(installation)


@pytest.mark.parametrize(
    "body",
    [
        "",
        "canary",
        "{",
        "[" * 100_000,
        "null",
        '{"canary": 1}',
        json.dumps({"detail-type": "canary", "detail": {}}),
        json.dumps(completed_event("canary-job")),
        json.dumps(completed_event("cci_canary_aaaaaaaaaaaaaaaaaaaa_r1")),
    ],
    ids=["empty", "text", "broken", "deep", "null", "object", "kind", "job", "job of nobody"],
)
def test_a_dead_letter_that_names_no_call_is_told_by_queue_and_message(
    installation: Installation, body: str
) -> None:
    text = dead(installation, body)

    assert text == (
        "Message m-1 of queue uploads could not be handled; it names no call, look at it in the "
        "queue cci-lite-parked."
    )
    assert "canary" not in everything_said(installation)


def test_a_dead_letter_about_several_calls_names_none(installation: Installation) -> None:
    one, other = installation.register(name="a.wav"), installation.register(name="b.wav")
    bodies = [json.dumps(upload_event(BUCKET, record.upload)) for record in (one, other)]
    both = {"Records": [{"body": body} for body in bodies]}

    assert "names no call" in dead(installation, json.dumps(both))


def test_a_key_that_is_no_recordings_names_no_call(installation: Installation) -> None:
    event: dict[str, Any] = upload_event(BUCKET, installation.upload())
    event["detail"]["object"]["key"] = "CANARY/calls/a.wav"

    assert "names no call" in dead(installation, json.dumps(event))


def test_the_same_dead_letter_twice_is_told_once(installation: Installation) -> None:
    dead(installation, "x")

    assert not dead_letter(installation.notifying, queue="uploads", message_id="m-1", body="x")
    assert dead_letter(installation.notifying, queue="results", message_id="m-1", body="x")
    assert len(installation.notifier.notices) == 2


def test_the_queues_are_called_as_they_are_deployed() -> None:
    folder = Path(__file__).parents[3] / "pipeline_lambdas"
    functions = [YAML(typ="safe").load(path) for path in folder.glob("*/function.yaml")]
    queues = [queue for function in functions for queue in function["queues"]]
    dead_letters = {queue["name"] for queue in queues if queue["name"].endswith(DEAD_LETTERS)}
    ends = {queue["name"]: queue["dead_letter"]["queue"] for queue in queues}

    assert dead_letters
    for name, end in ends.items():
        is_last = name in dead_letters or name == "cci-lite-failed"
        assert end == (PARKED_QUEUE if is_last else f"{name}{DEAD_LETTERS}")
    assert set(ends.values()) == dead_letters - {"cci-lite-events-dlq"} | {PARKED_QUEUE}


class Meddling:
    """A registry in which somebody else moves the record just before it is replaced."""

    def __init__(
        self,
        installation: Installation,
        record: CallRecord,
        *,
        times: int,
        state: CallState = CallState.TRANSCRIBED,
    ) -> None:
        self._installation, self._record, self._state = installation, record, state
        self._times = times

    def replace(self, record: CallRecord) -> bool:
        if self._times:
            self._times -= 1
            self._installation.move(self._record, self._state)
        return self._installation.registry.replace(record)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._installation.registry, name)


def with_registry(installation: Installation, registry: Any) -> Notifying:
    return Notifying(registry, installation.notifier, installation.telemetry, installation.clock)
