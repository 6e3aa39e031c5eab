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
from cci_lite.testing.memory import Crash, Interrupter
from tests.offices import KEY, Office, event_of


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
    office = Office(language_code="de-DE", audio={"agent_channel": "ch_1"})
    event = office.upload()
    office.clock.wait(5)

    taken = take_in(office.intake, event)

    call_id = call_id_for("acme", KEY)
    job = f"{call_id}_r1"
    media = f"work/acme/media/{job}.wav"
    assert taken == Taken(TakenOutcome.STARTED, None, office.record())
    assert taken.record == CallRecord(
        call_id=call_id,
        revision=1,
        upload=office.recordings.uploads[KEY][0],
        state=CallState.TRANSCRIBING,
        received_at=office.clock(),
        updated_at=office.clock(),
        version=3,
        media_key=media,
        language_code="de-DE",
        redaction=Redaction.TRANSCRIBE,
    )
    assert office.files.objects[media][0] == b"RIFF"
    assert office.transcriber.orders == {
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
    assert office.telemetry.metrics == {Metric.RECEIVED: 1}


@pytest.mark.parametrize("extension", sorted(MEDIA_FORMATS))
def test_every_media_format_of_transcribe_is_taken(extension: str) -> None:
    office = Office()
    take_in(office.intake, office.upload(f"acme/calls/x.{extension.upper()}"))
    (order,) = office.transcriber.orders.values()
    assert order.media_format == extension
    assert order.media_key.endswith(f".{extension}")


def test_a_language_that_transcribe_does_not_redact_is_masked_where_the_tenant_says_so() -> None:
    office = Office(language_code="en-GB", unredacted="mask")
    taken = take_in(office.intake, office.upload())
    (order,) = office.transcriber.orders.values()
    assert (taken.outcome, order.redact) == (TakenOutcome.STARTED, False)
    assert office.record().redaction is Redaction.MASKED


def test_an_event_without_a_size_takes_it_from_the_recording() -> None:
    office = Office()
    taken = take_in(office.intake, dataclasses.replace(office.upload(), size=None))
    assert taken.outcome is TakenOutcome.STARTED
    assert office.record().upload.size == len(b"RIFF")


def test_a_later_upload_of_the_key_is_the_next_revision_with_its_own_job() -> None:
    office = Office()
    take_in(office.intake, office.upload(data=b"one"))
    taken = take_in(office.intake, office.upload(data=b"two"))
    assert taken.record is not None
    assert (taken.outcome, taken.record.revision) == (TakenOutcome.STARTED, 2)
    assert [
        office.files.objects[order.media_key][0] for order in office.transcriber.orders.values()
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
    office = Office()
    taken = take_in(office.intake, dataclasses.replace(office.upload(), **changes))
    assert taken == Taken(TakenOutcome(outcome), reason, None)
    assert office.registry.all_records() == []
    assert office.telemetry.metrics == {Metric(outcome): 1}


# --- refused ---------------------------------------------------------------------------------------


def _refusal(office: Office, event: UploadEvent) -> str | None:
    """The reason of a refusal, which is registered, counted, and cost nothing."""
    taken = take_in(office.intake, event)
    assert taken.outcome is TakenOutcome.REFUSED
    assert taken.record is not None
    assert taken.record == office.registry.records(taken.record.call_id)[-1]
    assert (taken.record.state, taken.record.reason) == (CallState.REFUSED, taken.reason)
    assert office.telemetry.metrics[Metric.REFUSED] == 1
    assert office.transcriber.orders == {}
    assert office.files.objects == {}
    return taken.reason


@pytest.mark.parametrize("name", ["a", "wav", ".", "a.wav.txt", "a.mp33", "a.wav ", "calls.wav/a"])
def test_another_kind_of_file_is_refused(name: str) -> None:
    office = Office()
    assert _refusal(office, office.upload(f"acme/calls/{name}")) == "media_format"


def test_an_empty_recording_is_refused() -> None:
    office = Office()
    assert _refusal(office, office.upload(data=b"")) == "media_empty"


def test_a_recording_above_the_services_limit_is_refused() -> None:
    office = Office()
    event = dataclasses.replace(office.upload(), size=MAX_MEDIA_BYTES + 1)
    assert _refusal(office, event) == "media_too_large"


def test_a_recording_at_the_services_limit_is_taken() -> None:
    office = Office()
    event = dataclasses.replace(office.upload(), size=MAX_MEDIA_BYTES)
    assert take_in(office.intake, event).outcome is TakenOutcome.STARTED


def test_a_tenant_that_is_not_known_is_refused_and_gets_no_settings_of_another() -> None:
    office = Office()
    assert _refusal(office, office.upload("stranger/calls/a.wav")) == "unknown_tenant"


def test_a_suspended_tenant_is_refused() -> None:
    office = Office(status="suspended")
    assert _refusal(office, office.upload()) == "tenant_suspended"


def test_a_language_that_transcribe_does_not_know_is_refused() -> None:
    office = Office(language_code="xx-XX")
    assert _refusal(office, office.upload()) == "language_unknown"


def test_a_language_that_is_not_redacted_is_refused_unless_the_tenant_has_it_masked() -> None:
    office = Office(language_code="en-GB")
    assert _refusal(office, office.upload()) == "language_unredacted"


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
    office = Office(unredacted="mask", **settings)
    assert _refusal(office, office.upload()) == "language_unredacted"


def test_a_call_that_tells_of_a_language_without_names_is_refused_too() -> None:
    office = Office(language_code="en-GB", unredacted="mask")
    event = office.upload(headers={"language_code": "nl-NL"})
    assert _refusal(office, event) == "language_unredacted"


def test_a_waiting_call_is_not_masked_once_nobody_finds_its_names() -> None:
    office = Office(language_code="en-GB", unredacted="mask", max_open_calls=1)
    take_in(office.intake, office.upload("acme/calls/a.wav"))
    event = office.upload()
    take_in(office.intake, event)
    office.configure("acme", language_code="en-GB", unredacted="mask", nlp="none")
    assert words(take_in(office.intake, event)) == (TakenOutcome.REFUSED, "language_unredacted")
    assert office.record().job_name not in office.transcriber.orders


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
    office = Office(data_residency=residency)
    intake = dataclasses.replace(office.intake, residency=residency_of_region(region))
    taken = take_in(intake, office.upload())
    if accepted:
        assert taken.outcome is TakenOutcome.STARTED
    else:
        assert words(taken) == (TakenOutcome.REFUSED, "residency")
        assert (office.record().state, office.record().reason) == (CallState.REFUSED, "residency")
        assert (office.files.objects, office.transcriber.orders) == ({}, {})


@pytest.mark.parametrize("size", [4, None], ids=["of known size", "of unknown size"])
def test_a_recording_that_is_gone_is_refused(size: int | None) -> None:
    office = Office()
    event = dataclasses.replace(office.upload(), size=size)
    del office.recordings.uploads[KEY]
    assert _refusal(office, event) == "gone"


def test_a_recording_that_goes_before_it_is_copied_is_refused_without_a_job() -> None:
    office = Office()
    event = office.upload()
    overtaken(office.recordings, "accept", lambda: office.recordings.uploads.clear())
    assert words(take_in(office.intake, event)) == (TakenOutcome.REFUSED, "gone")
    assert office.transcriber.orders == {}
    assert office.record().state is CallState.REFUSED


def test_an_upload_that_arrives_after_its_successor_is_superseded() -> None:
    office = Office()
    first, second = office.upload(data=b"one"), office.upload(data=b"two")
    take_in(office.intake, second)
    assert words(take_in(office.intake, first)) == (TakenOutcome.REFUSED, "superseded")
    assert len(office.transcriber.orders) == 1


def test_settings_that_cannot_be_read_are_nobodys_default() -> None:
    office = Office(time_zone="Nowhere/Land")
    with pytest.raises(PipelineError, match="tenant_unreadable"):
        take_in(office.intake, office.upload())
    assert office.registry.all_records() == []


# --- again -----------------------------------------------------------------------------------------


def test_the_same_event_again_changes_nothing() -> None:
    office = Office()
    event = office.upload()
    take_in(office.intake, event)
    before = office.record()
    assert take_in(office.intake, event) == Taken(TakenOutcome.DUPLICATE, None, before)
    assert office.record() == before
    assert len(office.transcriber.orders) == 1
    assert office.telemetry.metrics == {Metric.RECEIVED: 1, Metric.DUPLICATES: 1}


@pytest.mark.parametrize("state", sorted(set(CallState) - {CallState.RECEIVED}))
def test_a_record_that_has_moved_on_is_left_where_it_is(state: CallState) -> None:
    office = Office()
    event = office.upload()
    record = take_in(office.intake, event).record
    assert record is not None
    later = msgspec.structs.replace(record, state=state, version=record.version + 1)
    assert office.registry.replace(later)
    assert take_in(office.intake, event).outcome is TakenOutcome.DUPLICATE
    assert office.record() == later
    assert len(office.transcriber.orders) == 1


def test_a_refused_upload_that_is_reopened_is_taken_in_as_its_tenant_says_now() -> None:
    office = Office(status="suspended")
    event = office.upload()
    take_in(office.intake, event)
    assert office.registry.replace(moved(office.record(), CallState.RECEIVED, office.clock()))
    office.configure("acme", language_code="fr-FR")
    assert take_in(office.intake, event).outcome is TakenOutcome.STARTED
    assert (office.record().state, office.record().reason) == (CallState.TRANSCRIBING, None)
    assert office.record().language_code == "fr-FR"


# --- crashes, races, trouble ----------------------------------------------------------------------


def test_a_throttled_start_leaves_the_upload_to_be_gone_on_with() -> None:
    office = Office()
    event = office.upload()
    refusing(office.transcriber, "start", RetryLaterError("transcribe_limit"))
    with pytest.raises(RetryLaterError, match="transcribe_limit"):
        take_in(office.intake, event)
    assert office.record().state is CallState.RECEIVED
    assert take_in(office.intake, event).outcome is TakenOutcome.STARTED
    assert office.telemetry.metrics == {Metric.RECEIVED: 1}


@pytest.mark.parametrize(("port", "method"), [("transcriber", "start"), ("recordings", "accept")])
def test_a_refusal_by_a_service_fails_the_call_with_its_code(port: str, method: str) -> None:
    office = Office()
    refusing(getattr(office, port), method, ServiceError("transcribe_BadRequestException"))
    taken = take_in(office.intake, office.upload())
    assert taken == Taken(TakenOutcome.FAILED, "transcribe_BadRequestException", office.record())
    assert office.record().state is CallState.FAILED
    assert office.telemetry.metrics == {Metric.RECEIVED: 1, Metric.FAILED: 1}


def test_a_job_that_an_attempt_started_before_it_died_is_ours() -> None:
    office = Office()
    event = office.upload()
    refusing(office.registry, "replace", RetryLaterError("dies here"), at=2)
    with pytest.raises(RetryLaterError):
        take_in(office.intake, event)
    assert len(office.transcriber.orders) == 1
    assert take_in(office.intake, event).outcome is TakenOutcome.STARTED
    assert office.record().state is CallState.TRANSCRIBING


def test_a_job_started_before_the_recording_expired_is_not_given_up() -> None:
    office = Office()
    event = office.upload()
    refusing(office.registry, "replace", RetryLaterError("dies here"), at=2)
    with pytest.raises(RetryLaterError):
        take_in(office.intake, event)
    office.recordings.uploads.clear()
    assert take_in(office.intake, event).outcome is TakenOutcome.STARTED


def test_what_a_job_was_asked_for_is_known_before_it_starts_and_kept() -> None:
    office = Office(language_code="en-GB", unredacted="mask")
    event = office.upload()
    refusing(office.registry, "replace", RetryLaterError("dies here"), at=2)
    with pytest.raises(RetryLaterError):
        take_in(office.intake, event)
    (order,) = office.transcriber.orders.values()
    asked = (order.media_key, order.language_code, Redaction.MASKED)
    record = office.record()
    assert (record.media_key, record.language_code, record.redaction) == asked

    office.configure("acme", language_code="en-US")
    take_in(office.intake, event)
    record = office.record()
    assert (record.media_key, record.language_code, record.redaction) == asked


def test_a_job_name_that_somebody_elses_job_has_fails_the_call() -> None:
    office = Office()
    job = f"{call_id_for('acme', KEY)}_r1"
    office.transcriber.orders[job] = None  # type: ignore[assignment]  # nobody's order
    office.transcriber.jobs[job] = TranscriptionJob(
        job, JobStatus.COMPLETED, "work/acme/media/x.wav"
    )
    assert words(take_in(office.intake, office.upload())) == (TakenOutcome.FAILED, "job_name_taken")


def test_a_job_that_is_taken_and_cannot_be_seen_is_asked_for_later() -> None:
    office = Office()
    event = office.upload()
    office.transcriber.orders[f"{call_id_for('acme', KEY)}_r1"] = None  # type: ignore[assignment]
    with pytest.raises(RetryLaterError, match="job_unclear"):
        take_in(office.intake, event)
    assert office.record().state is CallState.RECEIVED


def test_a_job_that_ends_before_its_start_is_noted_is_not_moved_back() -> None:
    office = Office()
    event = office.upload()
    judged: list[CallRecord] = []

    def judge() -> None:
        judged.append(moved(office.record(), CallState.DONE, office.clock()))
        assert office.registry.replace(judged[0])

    overtaken(office.registry, "replace", judge)
    assert take_in(office.intake, event).outcome is TakenOutcome.DUPLICATE
    assert [office.record()] == judged


def test_two_deliveries_at_once_start_one_job() -> None:
    office = Office()
    event = office.upload()
    other: list[Taken] = []
    overtaken(office.registry, "add", lambda: other.append(take_in(office.intake, event)))
    assert take_in(office.intake, event).outcome is TakenOutcome.DUPLICATE
    assert [taken.outcome for taken in other] == [TakenOutcome.STARTED]
    assert len(office.transcriber.orders) == 1
    assert office.telemetry.metrics[Metric.RECEIVED] == 1


def test_a_record_that_never_stands_still_is_left_for_later() -> None:
    office = Office()
    office.registry.replace = lambda record: record is None  # type: ignore[method-assign]
    with pytest.raises(RetryLaterError, match="registry_contended"):
        take_in(office.intake, office.upload())


# --- capacity --------------------------------------------------------------------------------------


def test_above_its_cap_a_tenants_call_waits_unpaid_and_goes_on_when_there_is_room() -> None:
    office = Office(max_open_calls=1)
    take_in(office.intake, office.upload("acme/calls/a.wav"))
    event = office.upload("acme/calls/b.wav")

    waiting = take_in(office.intake, event)
    assert words(waiting) == (TakenOutcome.WAITING, "waiting")
    assert waiting.record == office.record("acme/calls/b.wav")
    assert (waiting.record.state, waiting.record.reason) == (CallState.RECEIVED, "waiting")
    assert take_in(office.intake, event) == waiting
    assert len(office.transcriber.orders) == 1

    first = office.record("acme/calls/a.wav")
    assert office.registry.replace(moved(first, CallState.TRANSCRIBED, office.clock()))
    assert take_in(office.intake, event).outcome is TakenOutcome.STARTED
    assert office.record("acme/calls/b.wav").reason is None


def test_a_waiting_call_outlives_its_recording() -> None:
    office = Office(max_open_calls=1)
    take_in(office.intake, office.upload("acme/calls/a.wav"))
    event = office.upload("acme/calls/b.wav", b"what was said")
    assert take_in(office.intake, event).outcome is TakenOutcome.WAITING

    del office.recordings.uploads["acme/calls/b.wav"]
    assert take_in(office.intake, event).outcome is TakenOutcome.WAITING
    first = office.record("acme/calls/a.wav")
    assert office.registry.replace(moved(first, CallState.TRANSCRIBED, office.clock()))

    assert take_in(office.intake, event).outcome is TakenOutcome.STARTED
    order = office.transcriber.orders[office.record("acme/calls/b.wav").job_name]
    assert office.files.objects[order.media_key][0] == b"what was said"


def test_a_waiting_calls_recording_is_copied_once() -> None:
    office = Office(max_open_calls=1)
    take_in(office.intake, office.upload("acme/calls/a.wav"))
    event = office.upload()
    take_in(office.intake, event)
    refusing(office.recordings, "accept", ServiceError("copied_again"))
    assert take_in(office.intake, event).outcome is TakenOutcome.WAITING


def test_an_upload_counts_as_copied_only_once_it_is() -> None:
    office = Office()
    event = office.upload()
    refusing(office.recordings, "accept", RetryLaterError("s3_throttled"))
    with pytest.raises(RetryLaterError):
        take_in(office.intake, event)
    assert (office.record().state, office.record().media_key) == (CallState.RECEIVED, None)
    office.recordings.uploads.clear()
    assert words(take_in(office.intake, event)) == (TakenOutcome.REFUSED, "gone")


def test_a_tenant_at_its_cap_delays_no_other() -> None:
    office = Office(max_open_calls=1)
    office.configure("other")
    for number in range(3):
        take_in(office.intake, office.upload(f"acme/calls/{number}.wav"))
    taken = take_in(office.intake, office.upload("other/calls/a.wav"))
    assert taken.outcome is TakenOutcome.STARTED


# --- metadata --------------------------------------------------------------------------------------


def _metadata(office: Office) -> StoredMetadata:
    return office.registry.metadata("acme", call_id_for("acme", KEY))


def test_a_recordings_own_headers_are_metadata_of_the_call() -> None:
    office = Office()
    headers = {"agent-id": "a7", "Queue": "sales", "colour": "red", "recording-key": "x"}
    event = office.upload(headers=headers)
    take_in(office.intake, event)
    told = _metadata(office).told[MetadataSource.OBJECT]
    assert told.metadata == CallMetadata(agent_id="a7", queue="sales")
    assert told.told_at == event.time


def _put_aside(office: Office) -> list[Any]:
    """The fields of which it was logged that a value was put aside."""
    events = office.telemetry.events
    return [fields["reason"] for name, fields in events if name == "metadata_put_aside"]


def test_a_header_that_cannot_be_meant_is_logged_by_its_field_and_spoils_no_other() -> None:
    office = Office()
    headers = {"started-at": "yesterday", "direction": "sideways", "agent-id": "a7"}
    assert take_in(office.intake, office.upload(headers=headers)).outcome is TakenOutcome.STARTED
    assert _metadata(office).merged == CallMetadata(agent_id="a7")
    assert _put_aside(office) == ["started_at", "direction"]


def test_a_header_without_an_offset_tells_a_time_of_the_tenants_zone() -> None:
    office = Office(time_zone="Europe/Berlin")
    take_in(office.intake, office.upload(headers={"started-at": "2025-11-05 01:30"}))
    assert _metadata(office).merged.started_at == dt.datetime(2025, 11, 5, 0, 30, tzinfo=dt.UTC)


@pytest.mark.parametrize("started_at", ["1999-12-31T23:59:59Z", "2031-01-01T00:00:00Z"])
def test_a_header_with_a_start_that_the_upload_rules_out_is_put_aside(started_at: str) -> None:
    office = Office()
    headers = {"started-at": started_at, "agent-id": "a7"}
    take_in(office.intake, office.upload(headers=headers))
    assert _metadata(office).merged == CallMetadata(agent_id="a7")
    assert _put_aside(office) == ["started_at"]


def test_a_start_told_before_the_upload_that_rules_it_out_is_logged_when_it_comes() -> None:
    office = Office()
    early = StoredMetadata().with_told(
        MetadataSource.WEBHOOK,
        CallMetadata(queue="sales", started_at=office.clock() + dt.timedelta(days=2)),
        office.clock(),
    )
    assert early is not None
    office.registry.put_metadata("acme", call_id_for("acme", KEY), early)
    assert take_in(office.intake, office.upload()).outcome is TakenOutcome.STARTED
    assert _put_aside(office) == ["started_at"]


def test_a_language_that_nobody_knows_does_not_refuse_the_call() -> None:
    office = Office(language_code="en-US")
    headers = {"language-code": "xx-XX"}
    assert take_in(office.intake, office.upload(headers=headers)).outcome is TakenOutcome.STARTED
    assert office.record().language_code == "en-US"


def test_a_recording_without_headers_tells_nothing() -> None:
    office = Office()
    take_in(office.intake, office.upload())
    assert _metadata(office) == StoredMetadata()


def test_metadata_that_came_before_the_recording_is_kept() -> None:
    office = Office()
    early = StoredMetadata().with_told(
        MetadataSource.WEBHOOK, CallMetadata(queue="sales"), office.clock()
    )
    assert early is not None
    office.registry.put_metadata("acme", call_id_for("acme", KEY), early)
    take_in(office.intake, office.upload(headers={"queue": "support", "agent_id": "a7"}))
    assert _metadata(office).merged == CallMetadata(queue="sales", agent_id="a7")


def test_a_later_recording_without_headers_takes_back_what_the_earlier_ones_told() -> None:
    office = Office()
    take_in(office.intake, office.upload(data=b"one", headers={"queue": "sales"}))
    office.clock.wait(1)
    take_in(office.intake, office.upload(data=b"two"))
    assert _metadata(office).merged == CallMetadata()


def test_metadata_told_at_the_same_time_is_not_lost() -> None:
    office = Office()
    call_id = call_id_for("acme", KEY)

    def webhook() -> None:
        told = StoredMetadata().with_told(
            MetadataSource.WEBHOOK, CallMetadata(queue="sales"), office.clock()
        )
        assert told is not None
        assert office.registry.put_metadata("acme", call_id, told)

    overtaken(office.registry, "put_metadata", webhook)
    take_in(office.intake, office.upload(headers={"agent_id": "a7"}))
    assert _metadata(office).merged == CallMetadata(queue="sales", agent_id="a7")


def test_metadata_that_never_stands_still_is_left_for_later() -> None:
    office = Office()
    office.registry.put_metadata = lambda *_: False  # type: ignore[method-assign]
    with pytest.raises(RetryLaterError, match="metadata_contended"):
        take_in(office.intake, office.upload(headers={"queue": "sales"}))


def test_a_call_in_another_language_than_its_tenants_is_transcribed_in_its_own() -> None:
    office = Office(language_code="en-US")
    take_in(office.intake, office.upload(headers={"language_code": "de-DE"}))
    (order,) = office.transcriber.orders.values()
    assert (order.language_code, office.record().language_code) == ("de-DE", "de-DE")


# --- what is said of it ----------------------------------------------------------------------------


def test_neither_logs_nor_ids_nor_keys_of_ours_repeat_a_file_name() -> None:
    office = Office(max_open_calls=1)
    event = office.upload(headers={"agent_name": "Anna Meier", "started_at": "Anna Meier"})
    for taken in (take_in(office.intake, event), take_in(office.intake, event)):
        assert taken.record is not None
        said = [*office.telemetry.events, taken.record.call_id, taken.record.media_key]
        for trace in ("Anna", "Meier", "170", "2025/"):
            assert trace not in repr(said)


def test_an_attempt_says_whose_call_it_took_in_and_what_became_of_it() -> None:
    office = Office()
    take_in(office.intake, office.upload())
    call = {"tenant_id": "acme", "call_id": call_id_for("acme", KEY), "revision": 1}
    assert office.telemetry.events == [("upload_started", {"reason": None, **call})]


def test_a_death_at_any_call_is_mended_by_the_next_delivery() -> None:
    calls = _attempt_with(_office_with_recording(), Interrupter())
    assert calls > 7
    for number in range(1, calls + 1):
        for plan in (
            Interrupter(crash_before=frozenset({number})),
            Interrupter(crash_after=frozenset({number})),
            Interrupter(throttle=frozenset({number})),
        ):
            office = _office_with_recording()
            with pytest.raises((Crash, RetryLaterError)):
                _attempt_with(office, plan)
            _attempt_with(office, Interrupter())
            assert office.record().state is CallState.TRANSCRIBING
            assert [*office.transcriber.orders] == [office.record().job_name]


def _office_with_recording() -> Office:
    office = Office()
    office.upload(headers={"queue": "sales"})
    return office


def _attempt_with(office: Office, plan: Interrupter) -> int:
    """Take the recording in through interrupted ports; how many calls that took."""
    take_in(office.interrupted(plan), event_of(office.recordings.uploads[KEY][0]))
    return plan.calls


def test_the_time_of_receipt_is_the_clocks_and_that_of_the_upload_the_events() -> None:
    office = Office()
    event = office.upload()
    office.clock.wait(3600)
    take_in(office.intake, event)
    assert office.record().received_at - office.record().upload.uploaded_at == dt.timedelta(hours=1)


def given_up(office: Office, **changes: Any) -> UploadEvent:
    """The event of an upload whose job could not be started in several attempts."""
    event = office.upload()
    refusing(office.recordings, "accept", RetryLaterError("s3_throttled"))
    with pytest.raises(RetryLaterError):
        take_in(office.intake, event)
    failed = moved(
        office.record(), CallState.FAILED, office.clock(), reason=Reason.STUCK_RECEIVED, **changes
    )
    assert office.registry.replace(failed)
    return event


def test_an_upload_that_was_given_up_is_started_when_its_event_comes_again() -> None:
    office = Office()
    event = given_up(office, redrives=5)
    assert take_in(office.intake, event).outcome is TakenOutcome.STARTED
    assert (office.record().state, office.record().redrives) == (CallState.TRANSCRIBING, 0)


NO_LONGER_TAKEN: dict[str, tuple[Callable[[Office], object], str]] = {
    "suspended": (lambda office: office.configure("acme", status="suspended"), "tenant_suspended"),
    "unknown": (lambda office: office.config.items.clear(), "unknown_tenant"),
    "elsewhere": (lambda office: office.configure("acme", data_residency="us"), "residency"),
    "gone": (lambda office: office.recordings.uploads.clear(), "gone"),
    "gone meanwhile": (
        lambda office: overtaken(
            office.recordings, "accept", lambda: office.recordings.uploads.clear()
        ),
        "gone",
    ),
    "language": (
        lambda office: office.configure("acme", language_code="en-GB"), "language_unredacted"
    ),
    "no language": (
        lambda office: office.configure("acme", language_code="xx-XX"), "language_unknown"
    ),
}  # fmt: skip


@pytest.mark.parametrize(("change", "reason"), NO_LONGER_TAKEN.values(), ids=NO_LONGER_TAKEN.keys())
def test_an_upload_that_was_given_up_and_is_no_longer_taken_stays_failed(
    change: Callable[[Office], object], reason: str
) -> None:
    office = Office()
    event = given_up(office)
    before = office.record()
    office.clock.wait(3600)
    change(office)
    for _ in range(2):
        assert take_in(office.intake, event) == Taken(TakenOutcome.REFUSED, reason, before)
    assert office.record() == before
    assert (office.files.objects, office.transcriber.orders) == ({}, {})


def test_an_upload_that_was_given_up_is_started_from_its_copy() -> None:
    office = Office()
    event = office.upload()
    refusing(office.transcriber, "start", RetryLaterError("transcribe_limit"))
    with pytest.raises(RetryLaterError):
        take_in(office.intake, event)
    failed = moved(office.record(), CallState.FAILED, office.clock(), reason=Reason.STUCK_RECEIVED)
    assert office.registry.replace(failed)
    office.recordings.uploads.clear()
    assert take_in(office.intake, event).outcome is TakenOutcome.STARTED


def test_an_upload_whose_start_was_refused_is_started_when_that_is_mended() -> None:
    office = Office()
    event = office.upload()
    office.transcriber.start = refuse_for_good  # type: ignore[method-assign]
    assert take_in(office.intake, event).outcome is TakenOutcome.FAILED
    assert office.record().reason == "transcribe_AccessDeniedException"
    del office.transcriber.start
    assert take_in(office.intake, event).outcome is TakenOutcome.STARTED


def refuse_for_good(order: TranscriptionOrder) -> bool:
    raise ServiceError("transcribe_AccessDeniedException")


def test_an_upload_does_not_overtake_those_that_wait() -> None:
    office = Office(max_open_calls=1)
    first, second, third = (office.upload(f"acme/calls/{name}.wav") for name in "abc")
    assert take_in(office.intake, first).outcome is TakenOutcome.STARTED
    assert take_in(office.intake, second).outcome is TakenOutcome.WAITING
    running = office.record("acme/calls/a.wav")
    assert office.registry.replace(moved(running, CallState.FAILED, office.clock(), reason="other"))
    assert take_in(office.intake, third).outcome is TakenOutcome.WAITING
    assert take_in(office.intake, second).outcome is TakenOutcome.STARTED
