"""What becomes of an upload, and what it leaves behind."""

from __future__ import annotations

import dataclasses
import datetime as dt
import itertools
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from cci_lite.contract.document import Redaction
from cci_lite.contract.metadata import CallMetadata
from cci_lite.contract.registry import (
    CallRecord,
    CallState,
    MetadataSource,
    Reason,
    StoredMetadata,
    moved,
)
from cci_lite.contract.services import residency_of_region
from cci_lite.contract.tenant import Audio
from cci_lite.errors import PipelineError, RetryLaterError, ServiceError
from cci_lite.pipeline.events import UploadEvent
from cci_lite.pipeline.intake import Taken, TakenOutcome, take_in
from cci_lite.pipeline.media import MAX_MEDIA_BYTES, MEDIA_FORMATS
from cci_lite.ports import JobStatus, Metric, TranscriptionJob, TranscriptionOrder
from cci_lite.tenancy import call_id_for, transcript_key
from tests.intake_setup import KEY, IntakeSetup, event_of
from tests.interrupter import Crash, Interrupter


def refusing(port: Any, name: str, error: Exception, *, at: int = 1) -> Any:
    """The port, one of whose methods raises once: the first time, or `at` a later one."""
    method, calls = getattr(port, name), itertools.count(1)

    def call(*args: Any, **kwargs: Any) -> Any:
        if next(calls) == at:
            raise error
        return method(*args, **kwargs)

    setattr(port, name, call)
    return port


def overtaken(port: Any, name: str, first: Callable[[], object]) -> Any:
    """The port, before one of whose methods something else happens once."""
    method, left = getattr(port, name), [first]

    def call(*args: Any, **kwargs: Any) -> Any:
        if left:
            left.pop()()
        return method(*args, **kwargs)

    setattr(port, name, call)
    return port


def words(taken: Taken) -> tuple[TakenOutcome, str | None]:
    return taken.outcome, taken.reason


# --- started ---------------------------------------------------------------------------------------


def test_a_recording_is_copied_transcribed_and_registered() -> None:
    setup = IntakeSetup(language_code="de-DE", audio={"agent_channel": "ch_1"})
    event = setup.upload()
    setup.clock.wait(5)

    taken = take_in(setup.intake, event)

    call_id = call_id_for("acme", KEY)
    job = f"{call_id}_r1"
    media = f"work/acme/media/{job}.wav"
    assert taken == Taken(TakenOutcome.STARTED, None, setup.record())
    assert taken.record == CallRecord(
        call_id=call_id,
        revision=1,
        upload=setup.recordings.uploads[KEY][0],
        state=CallState.TRANSCRIBING,
        received_at=setup.clock(),
        updated_at=setup.clock(),
        version=3,
        media_key=media,
        language_code="de-DE",
        redaction=Redaction.TRANSCRIBE,
    )
    assert setup.files.objects[media][0] == b"RIFF"
    assert setup.transcriber.orders == {
        job: TranscriptionOrder(
            tenant_id="acme",
            job_name=job,
            media_key=media,
            media_format="wav",
            language_code="de-DE",
            audio=Audio(agent_channel="ch_1"),
            redact=True,
            output_key=transcript_key("acme", job),
        )
    }
    assert setup.telemetry.metrics == {Metric.RECEIVED: 1}


@pytest.mark.parametrize("extension", sorted(MEDIA_FORMATS))
def test_every_media_format_of_transcribe_is_taken(extension: str) -> None:
    setup = IntakeSetup()
    take_in(setup.intake, setup.upload(f"acme/calls/x.{extension.upper()}"))
    (order,) = setup.transcriber.orders.values()
    assert order.media_format == extension
    assert order.media_key.endswith(f".{extension}")


def test_a_language_that_transcribe_does_not_redact_is_masked_where_the_tenant_says_so() -> None:
    setup = IntakeSetup(language_code="en-GB", unredacted="mask")
    taken = take_in(setup.intake, setup.upload())
    (order,) = setup.transcriber.orders.values()
    assert (taken.outcome, order.redact) == (TakenOutcome.STARTED, False)
    assert setup.record().redaction is Redaction.MASKED


def test_an_event_without_a_size_takes_it_from_the_recording() -> None:
    setup = IntakeSetup()
    taken = take_in(setup.intake, dataclasses.replace(setup.upload(), size=None))
    assert taken.outcome is TakenOutcome.STARTED
    assert setup.record().upload.size == len(b"RIFF")


def test_a_later_upload_of_the_key_is_the_next_revision_with_its_own_job() -> None:
    setup = IntakeSetup()
    take_in(setup.intake, setup.upload(data=b"one"))
    taken = take_in(setup.intake, setup.upload(data=b"two"))
    assert taken.record is not None
    assert (taken.outcome, taken.record.revision) == (TakenOutcome.STARTED, 2)
    assert [
        setup.files.objects[order.media_key][0] for order in setup.transcriber.orders.values()
    ] == [b"one", b"two"]


# --- set aside -------------------------------------------------------------------------------------

SET_ASIDE = {
    "other bucket": ({"bucket": "other"}, "ignored", "other_bucket"),
    "not below calls": ({"key": "acme/x/calls/a.wav"}, "ignored", "no_recording"),
    "no tenant": ({"key": "calls/a.wav"}, "ignored", "no_recording"),
    "another prefix": ({"key": "acme/notes/a.wav"}, "ignored", "no_recording"),
    "the folder itself": ({"key": "acme/calls/"}, "ignored", "no_recording"),
    "folder marker": ({"key": "acme/calls/2025/"}, "ignored", "folder_marker"),
    "sidecar": ({"key": "acme/calls/a.wav.meta.json"}, "ignored", "sidecar"),
    "no ETag": ({"etag": None}, "ignored", "no_etag"),
    "tenant in capitals": ({"key": "TENANT/calls/a.wav"}, "refused", "tenant_id"),
    "tenant that leads up": ({"key": "../calls/a.wav"}, "refused", "tenant_id"),
    "reserved tenant": ({"key": "work/calls/a.wav"}, "refused", "tenant_id"),
}


@pytest.mark.parametrize(("changes", "outcome", "reason"), SET_ASIDE.values(), ids=SET_ASIDE.keys())
def test_what_is_no_tenants_recording_leaves_no_record(
    changes: dict[str, Any], outcome: str, reason: str
) -> None:
    setup = IntakeSetup()
    taken = take_in(setup.intake, dataclasses.replace(setup.upload(), **changes))
    assert taken == Taken(TakenOutcome(outcome), reason, None)
    assert setup.registry.all_records() == []
    assert setup.telemetry.metrics == {Metric(outcome): 1}


# --- refused ---------------------------------------------------------------------------------------


def _refusal(setup: IntakeSetup, event: UploadEvent) -> str | None:
    """The reason of a refusal, which is registered, counted, and cost nothing."""
    taken = take_in(setup.intake, event)
    assert taken.outcome is TakenOutcome.REFUSED
    assert taken.record is not None
    assert taken.record == setup.registry.records(taken.record.call_id)[-1]
    assert (taken.record.state, taken.record.reason) == (CallState.REFUSED, taken.reason)
    assert setup.telemetry.metrics[Metric.REFUSED] == 1
    assert setup.transcriber.orders == {}
    assert setup.files.objects == {}
    return taken.reason


@pytest.mark.parametrize("name", ["a", "wav", ".", "a.wav.txt", "a.mp33", "a.wav ", "calls.wav/a"])
def test_another_kind_of_file_is_refused(name: str) -> None:
    setup = IntakeSetup()
    assert _refusal(setup, setup.upload(f"acme/calls/{name}")) == "media_format"


def test_an_empty_recording_is_refused() -> None:
    setup = IntakeSetup()
    assert _refusal(setup, setup.upload(data=b"")) == "media_empty"


def test_a_recording_above_the_services_limit_is_refused() -> None:
    setup = IntakeSetup()
    event = dataclasses.replace(setup.upload(), size=MAX_MEDIA_BYTES + 1)
    assert _refusal(setup, event) == "media_too_large"


def test_a_recording_at_the_services_limit_is_taken() -> None:
    setup = IntakeSetup()
    event = dataclasses.replace(setup.upload(), size=MAX_MEDIA_BYTES)
    assert take_in(setup.intake, event).outcome is TakenOutcome.STARTED


def test_a_tenant_that_is_not_known_is_refused_and_gets_no_settings_of_another() -> None:
    setup = IntakeSetup()
    assert _refusal(setup, setup.upload("stranger/calls/a.wav")) == "unknown_tenant"


def test_a_suspended_tenant_is_refused() -> None:
    setup = IntakeSetup(status="suspended")
    assert _refusal(setup, setup.upload()) == "tenant_suspended"


def test_a_language_that_transcribe_does_not_know_is_refused() -> None:
    setup = IntakeSetup(language_code="xx-XX")
    assert _refusal(setup, setup.upload()) == "language_unknown"


def test_a_language_that_is_not_redacted_is_refused_unless_the_tenant_has_it_masked() -> None:
    setup = IntakeSetup(language_code="en-GB")
    assert _refusal(setup, setup.upload()) == "language_unredacted"


@pytest.mark.parametrize(
    "settings",
    [
        {"language_code": "en-GB", "nlp": "none"},
        {"language_code": "nl-NL"},
        {"language_code": "nl-NL", "nlp": "none"},
    ],
    ids=["no names wanted", "a language without names", "neither"],
)
def test_a_call_in_which_nobody_finds_names_is_never_called_masked(
    settings: dict[str, str],
) -> None:
    setup = IntakeSetup(unredacted="mask", **settings)
    assert _refusal(setup, setup.upload()) == "language_unredacted"


def test_a_call_that_tells_of_a_language_without_names_is_refused_too() -> None:
    setup = IntakeSetup(language_code="en-GB", unredacted="mask")
    event = setup.upload(headers={"language_code": "nl-NL"})
    assert _refusal(setup, event) == "language_unredacted"


def test_a_waiting_call_is_not_masked_once_nobody_finds_its_names() -> None:
    setup = IntakeSetup(language_code="en-GB", unredacted="mask", max_open_calls=1)
    take_in(setup.intake, setup.upload("acme/calls/a.wav"))
    event = setup.upload()
    take_in(setup.intake, event)
    setup.configure("acme", language_code="en-GB", unredacted="mask", nlp="none")
    assert words(take_in(setup.intake, event)) == (TakenOutcome.REFUSED, "language_unredacted")
    assert setup.record().job_name not in setup.transcriber.orders


RESIDENCIES = [
    ("eu", "eu-central-1", True),
    ("eu", "eu-west-1", True),
    ("us", "us-east-1", True),
    ("eu", "us-east-1", False),
    ("us", "eu-central-1", False),
    ("eu", "ap-southeast-2", False),
    ("us", "ca-central-1", False),
]


@pytest.mark.parametrize(("residency", "region", "accepted"), RESIDENCIES)
def test_a_recording_is_taken_only_where_its_tenants_data_may_be(
    residency: str, region: str, accepted: bool
) -> None:
    setup = IntakeSetup(data_residency=residency)
    intake = dataclasses.replace(setup.intake, residency=residency_of_region(region))
    taken = take_in(intake, setup.upload())
    if accepted:
        assert taken.outcome is TakenOutcome.STARTED
    else:
        assert words(taken) == (TakenOutcome.REFUSED, "residency")
        assert (setup.record().state, setup.record().reason) == (CallState.REFUSED, "residency")
        assert (setup.files.objects, setup.transcriber.orders) == ({}, {})


@pytest.mark.parametrize("size", [4, None], ids=["of known size", "of unknown size"])
def test_a_recording_that_is_gone_is_refused(size: int | None) -> None:
    setup = IntakeSetup()
    event = dataclasses.replace(setup.upload(), size=size)
    del setup.recordings.uploads[KEY]
    assert _refusal(setup, event) == "gone"


def test_a_recording_that_goes_before_it_is_copied_is_refused_without_a_job() -> None:
    setup = IntakeSetup()
    event = setup.upload()
    overtaken(setup.recordings, "accept", lambda: setup.recordings.uploads.clear())
    assert words(take_in(setup.intake, event)) == (TakenOutcome.REFUSED, "gone")
    assert setup.transcriber.orders == {}
    assert setup.record().state is CallState.REFUSED


def test_an_upload_that_arrives_after_its_successor_is_superseded() -> None:
    setup = IntakeSetup()
    first, second = setup.upload(data=b"one"), setup.upload(data=b"two")
    take_in(setup.intake, second)
    assert words(take_in(setup.intake, first)) == (TakenOutcome.REFUSED, "superseded")
    assert len(setup.transcriber.orders) == 1


def test_unreadable_settings_are_never_replaced_by_defaults() -> None:
    setup = IntakeSetup(time_zone="Nowhere/Land")
    with pytest.raises(PipelineError, match="tenant_unreadable"):
        take_in(setup.intake, setup.upload())
    assert setup.registry.all_records() == []


# --- again -----------------------------------------------------------------------------------------


def test_the_same_event_again_changes_nothing() -> None:
    setup = IntakeSetup()
    event = setup.upload()
    take_in(setup.intake, event)
    before = setup.record()
    assert take_in(setup.intake, event) == Taken(TakenOutcome.DUPLICATE, None, before)
    assert setup.record() == before
    assert len(setup.transcriber.orders) == 1
    assert setup.telemetry.metrics == {Metric.RECEIVED: 1, Metric.DUPLICATES: 1}


@pytest.mark.parametrize("state", sorted(set(CallState) - {CallState.RECEIVED}))
def test_a_record_that_has_moved_on_is_left_where_it_is(state: CallState) -> None:
    setup = IntakeSetup()
    event = setup.upload()
    record = take_in(setup.intake, event).record
    assert record is not None
    later = msgspec.structs.replace(record, state=state, version=record.version + 1)
    assert setup.registry.replace(later)
    assert take_in(setup.intake, event).outcome is TakenOutcome.DUPLICATE
    assert setup.record() == later
    assert len(setup.transcriber.orders) == 1


def test_a_refused_upload_that_is_reopened_is_taken_in_as_its_tenant_says_now() -> None:
    setup = IntakeSetup(status="suspended")
    event = setup.upload()
    take_in(setup.intake, event)
    assert setup.registry.replace(moved(setup.record(), CallState.RECEIVED, setup.clock()))
    setup.configure("acme", language_code="fr-FR")
    assert take_in(setup.intake, event).outcome is TakenOutcome.STARTED
    assert (setup.record().state, setup.record().reason) == (CallState.TRANSCRIBING, None)
    assert setup.record().language_code == "fr-FR"


# --- crashes, races, trouble ----------------------------------------------------------------------


def test_a_throttled_start_can_be_continued() -> None:
    setup = IntakeSetup()
    event = setup.upload()
    refusing(setup.transcriber, "start", RetryLaterError("transcribe_limit"))
    with pytest.raises(RetryLaterError, match="transcribe_limit"):
        take_in(setup.intake, event)
    assert setup.record().state is CallState.RECEIVED
    assert take_in(setup.intake, event).outcome is TakenOutcome.STARTED
    assert setup.telemetry.metrics == {Metric.RECEIVED: 1}


@pytest.mark.parametrize(("port", "method"), [("transcriber", "start"), ("recordings", "accept")])
def test_a_refusal_by_a_service_fails_the_call_with_its_code(port: str, method: str) -> None:
    setup = IntakeSetup()
    refusing(getattr(setup, port), method, ServiceError("transcribe_BadRequestException"))
    taken = take_in(setup.intake, setup.upload())
    assert taken == Taken(TakenOutcome.FAILED, "transcribe_BadRequestException", setup.record())
    assert setup.record().state is CallState.FAILED
    assert setup.telemetry.metrics == {Metric.RECEIVED: 1, Metric.FAILED: 1}


def test_a_job_that_an_attempt_started_before_it_died_is_ours() -> None:
    setup = IntakeSetup()
    event = setup.upload()
    refusing(setup.registry, "replace", RetryLaterError("dies here"), at=2)
    with pytest.raises(RetryLaterError):
        take_in(setup.intake, event)
    assert len(setup.transcriber.orders) == 1
    assert take_in(setup.intake, event).outcome is TakenOutcome.STARTED
    assert setup.record().state is CallState.TRANSCRIBING


def test_a_job_started_before_the_recording_expired_is_not_given_up() -> None:
    setup = IntakeSetup()
    event = setup.upload()
    refusing(setup.registry, "replace", RetryLaterError("dies here"), at=2)
    with pytest.raises(RetryLaterError):
        take_in(setup.intake, event)
    setup.recordings.uploads.clear()
    assert take_in(setup.intake, event).outcome is TakenOutcome.STARTED


def test_what_a_job_was_asked_for_is_known_before_it_starts_and_kept() -> None:
    setup = IntakeSetup(language_code="en-GB", unredacted="mask")
    event = setup.upload()
    refusing(setup.registry, "replace", RetryLaterError("dies here"), at=2)
    with pytest.raises(RetryLaterError):
        take_in(setup.intake, event)
    (order,) = setup.transcriber.orders.values()
    asked = (order.media_key, order.language_code, Redaction.MASKED)
    record = setup.record()
    assert (record.media_key, record.language_code, record.redaction) == asked

    setup.configure("acme", language_code="en-US")
    take_in(setup.intake, event)
    record = setup.record()
    assert (record.media_key, record.language_code, record.redaction) == asked


def test_a_job_name_that_somebody_elses_job_has_fails_the_call() -> None:
    setup = IntakeSetup()
    job = f"{call_id_for('acme', KEY)}_r1"
    setup.transcriber.orders[job] = None  # type: ignore[assignment]  # nobody's order
    setup.transcriber.jobs[job] = TranscriptionJob(
        job, JobStatus.COMPLETED, "work/acme/media/x.wav"
    )
    assert words(take_in(setup.intake, setup.upload())) == (TakenOutcome.FAILED, "job_name_taken")


def test_a_job_that_exists_and_cannot_be_read_asks_for_a_retry() -> None:
    setup = IntakeSetup()
    event = setup.upload()
    setup.transcriber.orders[f"{call_id_for('acme', KEY)}_r1"] = None  # type: ignore[assignment]
    with pytest.raises(RetryLaterError, match="job_unclear"):
        take_in(setup.intake, event)
    assert setup.record().state is CallState.RECEIVED


def test_a_job_that_ends_before_its_start_is_noted_is_not_moved_back() -> None:
    setup = IntakeSetup()
    event = setup.upload()
    judged: list[CallRecord] = []

    def judge() -> None:
        judged.append(moved(setup.record(), CallState.DONE, setup.clock()))
        assert setup.registry.replace(judged[0])

    overtaken(setup.registry, "replace", judge)
    assert take_in(setup.intake, event).outcome is TakenOutcome.DUPLICATE
    assert [setup.record()] == judged


def test_two_deliveries_at_once_start_one_job() -> None:
    setup = IntakeSetup()
    event = setup.upload()
    other: list[Taken] = []
    overtaken(setup.registry, "add", lambda: other.append(take_in(setup.intake, event)))
    assert take_in(setup.intake, event).outcome is TakenOutcome.DUPLICATE
    assert [taken.outcome for taken in other] == [TakenOutcome.STARTED]
    assert len(setup.transcriber.orders) == 1
    assert setup.telemetry.metrics[Metric.RECEIVED] == 1


def test_a_contended_record_asks_for_a_retry() -> None:
    setup = IntakeSetup()
    setup.registry.replace = lambda record: record is None  # type: ignore[method-assign]
    with pytest.raises(RetryLaterError, match="registry_contended"):
        take_in(setup.intake, setup.upload())


# --- capacity --------------------------------------------------------------------------------------


def test_above_its_cap_a_tenants_call_waits_unpaid_and_goes_on_when_there_is_room() -> None:
    setup = IntakeSetup(max_open_calls=1)
    take_in(setup.intake, setup.upload("acme/calls/a.wav"))
    event = setup.upload("acme/calls/b.wav")

    waiting = take_in(setup.intake, event)
    assert words(waiting) == (TakenOutcome.WAITING, "waiting")
    assert waiting.record == setup.record("acme/calls/b.wav")
    assert (waiting.record.state, waiting.record.reason) == (CallState.RECEIVED, "waiting")
    assert take_in(setup.intake, event) == waiting
    assert len(setup.transcriber.orders) == 1

    first = setup.record("acme/calls/a.wav")
    assert setup.registry.replace(moved(first, CallState.TRANSCRIBED, setup.clock()))
    assert take_in(setup.intake, event).outcome is TakenOutcome.STARTED
    assert setup.record("acme/calls/b.wav").reason is None


def test_a_waiting_call_outlives_its_recording() -> None:
    setup = IntakeSetup(max_open_calls=1)
    take_in(setup.intake, setup.upload("acme/calls/a.wav"))
    event = setup.upload("acme/calls/b.wav", b"what was said")
    assert take_in(setup.intake, event).outcome is TakenOutcome.WAITING

    del setup.recordings.uploads["acme/calls/b.wav"]
    assert take_in(setup.intake, event).outcome is TakenOutcome.WAITING
    first = setup.record("acme/calls/a.wav")
    assert setup.registry.replace(moved(first, CallState.TRANSCRIBED, setup.clock()))

    assert take_in(setup.intake, event).outcome is TakenOutcome.STARTED
    order = setup.transcriber.orders[setup.record("acme/calls/b.wav").job_name]
    assert setup.files.objects[order.media_key][0] == b"what was said"


def test_a_waiting_calls_recording_is_copied_once() -> None:
    setup = IntakeSetup(max_open_calls=1)
    take_in(setup.intake, setup.upload("acme/calls/a.wav"))
    event = setup.upload()
    take_in(setup.intake, event)
    refusing(setup.recordings, "accept", ServiceError("copied_again"))
    assert take_in(setup.intake, event).outcome is TakenOutcome.WAITING


def test_an_upload_counts_as_copied_only_once_it_is() -> None:
    setup = IntakeSetup()
    event = setup.upload()
    refusing(setup.recordings, "accept", RetryLaterError("s3_throttled"))
    with pytest.raises(RetryLaterError):
        take_in(setup.intake, event)
    assert (setup.record().state, setup.record().media_key) == (CallState.RECEIVED, None)
    setup.recordings.uploads.clear()
    assert words(take_in(setup.intake, event)) == (TakenOutcome.REFUSED, "gone")


def test_a_tenant_at_its_cap_delays_no_other() -> None:
    setup = IntakeSetup(max_open_calls=1)
    setup.configure("other")
    for number in range(3):
        take_in(setup.intake, setup.upload(f"acme/calls/{number}.wav"))
    taken = take_in(setup.intake, setup.upload("other/calls/a.wav"))
    assert taken.outcome is TakenOutcome.STARTED


# --- metadata --------------------------------------------------------------------------------------


def _metadata(setup: IntakeSetup) -> StoredMetadata:
    return setup.registry.metadata("acme", call_id_for("acme", KEY))


def test_the_headers_of_a_recording_are_metadata_of_the_call() -> None:
    setup = IntakeSetup()
    headers = {"agent-id": "a7", "Queue": "sales", "colour": "red", "recording-key": "x"}
    event = setup.upload(headers=headers)
    take_in(setup.intake, event)
    told = _metadata(setup).told[MetadataSource.OBJECT]
    assert told.metadata == CallMetadata(agent_id="a7", queue="sales")
    assert told.told_at == event.time


def _put_aside(setup: IntakeSetup) -> list[Any]:
    """The fields of which it was logged that a value was put aside."""
    events = setup.telemetry.events
    return [fields["reason"] for name, fields in events if name == "metadata_put_aside"]


def test_a_header_that_cannot_be_right_is_logged_by_its_field_and_spoils_no_other() -> None:
    setup = IntakeSetup()
    headers = {"started-at": "yesterday", "direction": "sideways", "agent-id": "a7"}
    assert take_in(setup.intake, setup.upload(headers=headers)).outcome is TakenOutcome.STARTED
    assert _metadata(setup).merged == CallMetadata(agent_id="a7")
    assert _put_aside(setup) == ["started_at", "direction"]


def test_a_header_without_an_offset_tells_a_time_of_the_tenants_zone() -> None:
    setup = IntakeSetup(time_zone="Europe/Berlin")
    take_in(setup.intake, setup.upload(headers={"started-at": "2025-11-05 01:30"}))
    assert _metadata(setup).merged.started_at == dt.datetime(2025, 11, 5, 0, 30, tzinfo=dt.UTC)


@pytest.mark.parametrize("started_at", ["1999-12-31T23:59:59Z", "2031-01-01T00:00:00Z"])
def test_a_header_with_a_start_that_the_upload_rules_out_is_left_out(started_at: str) -> None:
    setup = IntakeSetup()
    headers = {"started-at": started_at, "agent-id": "a7"}
    take_in(setup.intake, setup.upload(headers=headers))
    assert _metadata(setup).merged == CallMetadata(agent_id="a7")
    assert _put_aside(setup) == ["started_at"]


def test_a_start_told_before_the_upload_that_rules_it_out_is_logged_when_it_comes() -> None:
    setup = IntakeSetup()
    early = StoredMetadata().with_told(
        MetadataSource.WEBHOOK,
        CallMetadata(queue="sales", started_at=setup.clock() + dt.timedelta(days=2)),
        setup.clock(),
    )
    assert early is not None
    setup.registry.put_metadata("acme", call_id_for("acme", KEY), early)
    assert take_in(setup.intake, setup.upload()).outcome is TakenOutcome.STARTED
    assert _put_aside(setup) == ["started_at"]


def test_a_language_that_nobody_knows_does_not_refuse_the_call() -> None:
    setup = IntakeSetup(language_code="en-US")
    headers = {"language-code": "xx-XX"}
    assert take_in(setup.intake, setup.upload(headers=headers)).outcome is TakenOutcome.STARTED
    assert setup.record().language_code == "en-US"


def test_a_recording_without_headers_tells_nothing() -> None:
    setup = IntakeSetup()
    take_in(setup.intake, setup.upload())
    assert _metadata(setup) == StoredMetadata()


def test_metadata_that_came_before_the_recording_is_kept() -> None:
    setup = IntakeSetup()
    early = StoredMetadata().with_told(
        MetadataSource.WEBHOOK, CallMetadata(queue="sales"), setup.clock()
    )
    assert early is not None
    setup.registry.put_metadata("acme", call_id_for("acme", KEY), early)
    take_in(setup.intake, setup.upload(headers={"queue": "support", "agent_id": "a7"}))
    assert _metadata(setup).merged == CallMetadata(queue="sales", agent_id="a7")


def test_a_later_recording_without_headers_takes_back_what_the_earlier_ones_told() -> None:
    setup = IntakeSetup()
    take_in(setup.intake, setup.upload(data=b"one", headers={"queue": "sales"}))
    setup.clock.wait(1)
    take_in(setup.intake, setup.upload(data=b"two"))
    assert _metadata(setup).merged == CallMetadata()


def test_metadata_told_at_the_same_time_is_not_lost() -> None:
    setup = IntakeSetup()
    call_id = call_id_for("acme", KEY)

    def webhook() -> None:
        told = StoredMetadata().with_told(
            MetadataSource.WEBHOOK, CallMetadata(queue="sales"), setup.clock()
        )
        assert told is not None
        assert setup.registry.put_metadata("acme", call_id, told)

    overtaken(setup.registry, "put_metadata", webhook)
    take_in(setup.intake, setup.upload(headers={"agent_id": "a7"}))
    assert _metadata(setup).merged == CallMetadata(queue="sales", agent_id="a7")


def test_contended_metadata_asks_for_a_retry() -> None:
    setup = IntakeSetup()
    setup.registry.put_metadata = lambda *_: False  # type: ignore[method-assign]
    with pytest.raises(RetryLaterError, match="metadata_contended"):
        take_in(setup.intake, setup.upload(headers={"queue": "sales"}))


def test_a_call_in_another_language_than_its_tenants_is_transcribed_in_its_own() -> None:
    setup = IntakeSetup(language_code="en-US")
    take_in(setup.intake, setup.upload(headers={"language_code": "de-DE"}))
    (order,) = setup.transcriber.orders.values()
    assert (order.language_code, setup.record().language_code) == ("de-DE", "de-DE")


# --- what is said of it ----------------------------------------------------------------------------


def test_neither_logs_nor_ids_nor_keys_of_ours_repeat_a_file_name() -> None:
    setup = IntakeSetup(max_open_calls=1)
    event = setup.upload(headers={"agent_name": "Anna Meier", "started_at": "Anna Meier"})
    for taken in (take_in(setup.intake, event), take_in(setup.intake, event)):
        assert taken.record is not None
        said = [*setup.telemetry.events, taken.record.call_id, taken.record.media_key]
        for trace in ("Anna", "Meier", "170", "2025/"):
            assert trace not in repr(said)


def test_an_attempt_says_whose_call_it_took_in_and_what_became_of_it() -> None:
    setup = IntakeSetup()
    take_in(setup.intake, setup.upload())
    call = {"tenant_id": "acme", "call_id": call_id_for("acme", KEY), "revision": 1}
    assert setup.telemetry.events == [("upload_started", {"reason": None, **call})]


def test_a_crash_at_any_call_is_repaired_by_the_next_delivery() -> None:
    calls = _attempt_with(_setup_with_recording(), Interrupter())
    assert calls > 7
    for number in range(1, calls + 1):
        for plan in (
            Interrupter(crash_before=frozenset({number})),
            Interrupter(crash_after=frozenset({number})),
            Interrupter(throttle=frozenset({number})),
        ):
            setup = _setup_with_recording()
            with pytest.raises((Crash, RetryLaterError)):
                _attempt_with(setup, plan)
            _attempt_with(setup, Interrupter())
            assert setup.record().state is CallState.TRANSCRIBING
            assert [*setup.transcriber.orders] == [setup.record().job_name]


def _setup_with_recording() -> IntakeSetup:
    setup = IntakeSetup()
    setup.upload(headers={"queue": "sales"})
    return setup


def _attempt_with(setup: IntakeSetup, plan: Interrupter) -> int:
    """Take the recording in through interrupted ports; how many calls that took."""
    take_in(setup.interrupted(plan), event_of(setup.recordings.uploads[KEY][0]))
    return plan.calls


def test_the_time_of_receipt_is_the_clocks_and_that_of_the_upload_the_events() -> None:
    setup = IntakeSetup()
    event = setup.upload()
    setup.clock.wait(3600)
    take_in(setup.intake, event)
    assert setup.record().received_at - setup.record().upload.uploaded_at == dt.timedelta(hours=1)


def given_up(setup: IntakeSetup, **changes: Any) -> UploadEvent:
    """The event of an upload whose job could not be started in several attempts."""
    event = setup.upload()
    refusing(setup.recordings, "accept", RetryLaterError("s3_throttled"))
    with pytest.raises(RetryLaterError):
        take_in(setup.intake, event)
    failed = moved(
        setup.record(), CallState.FAILED, setup.clock(), reason=Reason.STUCK_RECEIVED, **changes
    )
    assert setup.registry.replace(failed)
    return event


def test_an_upload_that_was_given_up_is_started_when_its_event_comes_again() -> None:
    setup = IntakeSetup()
    event = given_up(setup, redrives=5)
    assert take_in(setup.intake, event).outcome is TakenOutcome.STARTED
    assert (setup.record().state, setup.record().redrives) == (CallState.TRANSCRIBING, 0)


NO_LONGER_TAKEN: dict[str, tuple[Callable[[IntakeSetup], object], str]] = {
    "suspended": (lambda setup: setup.configure("acme", status="suspended"), "tenant_suspended"),
    "unknown": (lambda setup: setup.config.items.clear(), "unknown_tenant"),
    "elsewhere": (lambda setup: setup.configure("acme", data_residency="us"), "residency"),
    "gone": (lambda setup: setup.recordings.uploads.clear(), "gone"),
    "gone meanwhile": (
        lambda setup: overtaken(
            setup.recordings, "accept", lambda: setup.recordings.uploads.clear()
        ),
        "gone",
    ),
    "language": (
        lambda setup: setup.configure("acme", language_code="en-GB"), "language_unredacted"
    ),
    "no language": (
        lambda setup: setup.configure("acme", language_code="xx-XX"), "language_unknown"
    ),
}  # fmt: skip


@pytest.mark.parametrize(("change", "reason"), NO_LONGER_TAKEN.values(), ids=NO_LONGER_TAKEN.keys())
def test_an_upload_that_was_given_up_and_is_no_longer_taken_stays_failed(
    change: Callable[[IntakeSetup], object], reason: str
) -> None:
    setup = IntakeSetup()
    event = given_up(setup)
    before = setup.record()
    setup.clock.wait(3600)
    change(setup)
    for _ in range(2):
        assert take_in(setup.intake, event) == Taken(TakenOutcome.REFUSED, reason, before)
    assert setup.record() == before
    assert (setup.files.objects, setup.transcriber.orders) == ({}, {})


def test_an_upload_that_was_given_up_is_started_from_its_copy() -> None:
    setup = IntakeSetup()
    event = setup.upload()
    refusing(setup.transcriber, "start", RetryLaterError("transcribe_limit"))
    with pytest.raises(RetryLaterError):
        take_in(setup.intake, event)
    failed = moved(setup.record(), CallState.FAILED, setup.clock(), reason=Reason.STUCK_RECEIVED)
    assert setup.registry.replace(failed)
    setup.recordings.uploads.clear()
    assert take_in(setup.intake, event).outcome is TakenOutcome.STARTED


def test_an_upload_whose_start_was_refused_is_started_when_that_is_mended() -> None:
    setup = IntakeSetup()
    event = setup.upload()
    setup.transcriber.start = refuse_for_good  # type: ignore[method-assign]
    assert take_in(setup.intake, event).outcome is TakenOutcome.FAILED
    assert setup.record().reason == "transcribe_AccessDeniedException"
    del setup.transcriber.start
    assert take_in(setup.intake, event).outcome is TakenOutcome.STARTED


def refuse_for_good(order: TranscriptionOrder) -> bool:
    raise ServiceError("transcribe_AccessDeniedException")


def test_an_upload_does_not_overtake_those_that_wait() -> None:
    setup = IntakeSetup(max_open_calls=1)
    first, second, third = (setup.upload(f"acme/calls/{name}.wav") for name in "abc")
    assert take_in(setup.intake, first).outcome is TakenOutcome.STARTED
    assert take_in(setup.intake, second).outcome is TakenOutcome.WAITING
    running = setup.record("acme/calls/a.wav")
    assert setup.registry.replace(moved(running, CallState.FAILED, setup.clock(), reason="other"))
    assert take_in(setup.intake, third).outcome is TakenOutcome.WAITING
    assert take_in(setup.intake, second).outcome is TakenOutcome.STARTED
