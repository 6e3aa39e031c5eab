"""What the events of S3 and Transcribe say, however they are wrapped."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cci_lite.contract.registry import Upload
from cci_lite.pipeline.events import (
    Ignored,
    JobEvent,
    UploadEvent,
    completed_event,
    failure_word,
    read_event,
    upload_event,
)
from cci_lite.ports import JobStatus

AT = dt.datetime(2025, 11, 5, 10, 15, 30, tzinfo=dt.UTC)
KEY = "acme/calls/a+b c%20ü.wav"
TOO_LONG = (
    "Invalid file size: file size too large. Maximum audio duration is 4.000000 hours."
    "Check the length of the file and try your request again."
)


def _from_bus(key: str = KEY, **detail: Any) -> dict[str, Any]:
    stored = {"key": key, "size": 7, "etag": "e1", "sequencer": "0A", "version-id": "v1"}
    return {
        "detail-type": "Object Created",
        "source": "aws.s3",
        "time": "2025-11-05T10:15:30Z",
        "detail": {"bucket": {"name": "in"}, "object": stored, "reason": "PutObject", **detail},
    }


def _notified(key: str = quote_plus(KEY), **stored: Any) -> dict[str, Any]:
    given = {"key": key, "size": 7, "eTag": "e1", "sequencer": "0A", "versionId": "v1", **stored}
    return {
        "eventSource": "aws:s3",
        "eventName": "ObjectCreated:Put",
        "eventTime": "2025-11-05T10:15:30.000Z",
        "s3": {"bucket": {"name": "in"}, "object": given},
    }


def _of_job(**detail: Any) -> dict[str, Any]:
    return {
        "detail-type": "Transcribe Job State Change",
        "source": "aws.transcribe",
        "detail": detail,
    }


UPLOADED = UploadEvent("in", KEY, 7, "e1", "v1", "0A", AT)


def _sns(event: object) -> dict[str, Any]:
    return {"Type": "Notification", "TopicArn": "arn:…", "Message": json.dumps(event)}


WRAPPED = {
    "EventBridge": _from_bus(),
    "EventBridge as moto sends it": _from_bus(object=_notified(KEY)["s3"]["object"])
    | {"time": AT.timestamp()},
    "S3 notification": {"Records": [_notified()]},
    "S3 notification with the decoded key": {
        "Records": [_notified("%FF", urlDecodedKey=KEY)],
    },
    "S3 notification as it is configured": {
        "Records": [_notified() | {"eventName": "s3:ObjectCreated:Copy"}]
    },
    "EventBridge through SNS": {"Records": [{"Sns": _sns(_from_bus())}]},
    "S3 notification through SNS": {"Records": [{"Sns": _sns({"Records": [_notified()]})}]},
    "the body of a queue fed by SNS": _sns(_from_bus()),
    "messages of a queue": {"Records": [{"body": json.dumps(_from_bus())}]},
    "messages of a queue fed by SNS": {"Records": [{"body": json.dumps(_sns(_from_bus()))}]},
    "quoted ETag": {"Records": [_notified(eTag='"e1"')]},
}


@pytest.mark.parametrize("event", WRAPPED.values(), ids=WRAPPED.keys())
def test_an_upload_is_the_same_in_every_shape(event: dict[str, Any]) -> None:
    assert read_event(event) == [UPLOADED]


@pytest.mark.parametrize("key", [KEY, "acme/calls/100%.wav", "acme/calls/a b.wav", "%2B", "ü"])
def test_a_key_is_decoded_once_where_it_is_encoded_and_never_elsewhere(key: str) -> None:
    plain, encoded = (
        read_event(_from_bus(key)),
        read_event({"Records": [_notified(quote_plus(key))]}),
    )
    assert plain == encoded
    assert [event.key for event in plain if isinstance(event, UploadEvent)] == [key]


def test_what_an_event_leaves_out_is_none() -> None:
    event = _notified(size=None, eTag="", versionId=None, sequencer="")
    assert read_event({"Records": [event]}) == [UploadEvent("in", KEY, None, None, None, None, AT)]


def test_a_version_written_while_versioning_is_suspended_has_no_id_of_its_own() -> None:
    (event,) = read_event({"Records": [_notified(versionId="null")]})
    assert isinstance(event, UploadEvent)
    assert event.version_id is None


def test_several_records_give_several_events_and_a_broken_one_hides_none() -> None:
    records = [_notified("a.wav"), {"eventName": 7}, _notified("b.wav"), None]
    events = read_event({"Records": records})
    assert [event.key if isinstance(event, UploadEvent) else event for event in events] == [
        "a.wav",
        Ignored("malformed"),
        "b.wav",
        Ignored("malformed"),
    ]


IGNORED = {
    "test event": ({"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": "in"}, "test_event"),
    "deleted": (_from_bus() | {"detail-type": "Object Deleted"}, "deleted"),
    "expired": (
        _from_bus(reason="Lifecycle Expiration") | {"detail-type": "Object Deleted"},
        "expired",
    ),
    "tagged": (_from_bus() | {"detail-type": "Object Tags Added"}, "other_change"),
    "removed": ({"Records": [_notified() | {"eventName": "ObjectRemoved:Delete"}]}, "deleted"),
    "removed by lifecycle": (
        {"Records": [_notified() | {"eventName": "LifecycleExpiration:Delete"}]},
        "expired",
    ),
    "restored": ({"Records": [_notified() | {"eventName": "ObjectRestore:Post"}]}, "other_change"),
    "other source": (_from_bus() | {"source": "aws.ec2"}, "other_source"),
    "subscription": ({"Type": "SubscriptionConfirmation", "Message": "…"}, "subscription"),
    "job in progress": (
        _of_job(TranscriptionJobName="j", TranscriptionJobStatus="IN_PROGRESS"),
        "job_status",
    ),
    "job without a name": (_of_job(TranscriptionJobStatus="COMPLETED"), "malformed"),
    "job with an empty name": (
        _of_job(TranscriptionJobName="", TranscriptionJobStatus="COMPLETED"),
        "malformed",
    ),
    "job status that is a list": (
        _of_job(TranscriptionJobName="j", TranscriptionJobStatus=["COMPLETED"]),
        "malformed",
    ),
    "no bucket": (_from_bus(bucket=None), "malformed"),
    "empty key": (_from_bus(""), "malformed"),
    "key that is no text of S3": (_from_bus("\ud800.wav"), "malformed"),
    "key encoded from other bytes": ({"Records": [_notified("%FF.wav")]}, "malformed"),
    "size below nothing": ({"Records": [_notified(size=-1)]}, "malformed"),
    "no time": (_from_bus() | {"time": None}, "malformed"),
    "time without a zone": (_from_bus() | {"time": "2025-11-05T10:15:30"}, "malformed"),
    "time that cannot be": (_from_bus() | {"time": 1e300}, "malformed"),
    "text in a queue": ({"Records": [{"body": "Test message."}]}, "malformed"),
    "half a message": ({"Records": [{"body": '{"Records": ['}]}, "malformed"),
    "deep message": ({"Records": [{"body": "[" * 100_000}]}, "malformed"),
    "no records": ({"Records": []}, "malformed"),
    "nothing": ({}, "malformed"),
    "a list": ([], "malformed"),
    "null": (None, "malformed"),
}


@pytest.mark.parametrize(("event", "word"), IGNORED.values(), ids=IGNORED.keys())
def test_an_event_that_asks_for_nothing_is_ignored_by_name(event: object, word: str) -> None:
    assert read_event(event) == [Ignored(word)]


def test_wrappings_without_end_are_malformed() -> None:
    event: dict[str, Any] = _from_bus()
    for _ in range(9):
        event = _sns(event)
    assert read_event(event) == [Ignored("malformed")]


def test_a_failed_job_has_a_word_for_why() -> None:
    failed = _of_job(
        TranscriptionJobName="j", TranscriptionJobStatus="FAILED", FailureReason=TOO_LONG
    )
    assert read_event(failed) == [JobEvent("j", JobStatus.FAILED, "media_too_long")]


@pytest.mark.parametrize("reason", [None, ""], ids=["null", "empty"])
def test_a_failed_job_without_a_reason_has_failed_all_the_same(reason: str | None) -> None:
    failed = _of_job(
        TranscriptionJobName="j", TranscriptionJobStatus="FAILED", FailureReason=reason
    )
    assert read_event(failed) == [JobEvent("j", JobStatus.FAILED, "other")]


# The first seven are FailureReason's values in the service's API reference.
REASONS = {
    "Unsupported media format.": "media_format",
    "The media format provided does not match the detected media format.": "media_format",
    "Invalid sample rate for audio file.": "sample_rate",
    "The sample rate provided does not match the detected sample rate.": "sample_rate",
    "Invalid file size: file size too large.": "media_too_large",
    "Invalid number of channels: number of channels too large.": "media_channels",
    TOO_LONG: "media_too_long",
    "The data in your input media file isn't valid. Check the media file.": "media_unreadable",
    "The S3 bucket can't be accessed. Make sure that you have read permission.": "access_denied",
    "Access Denied": "access_denied",
    "Internal failure. Please try again.": "internal",
    "Anna Meier's call": "other",
    "": "other",
}


@pytest.mark.parametrize(("reason", "word"), REASONS.items())
def test_a_failure_reason_becomes_one_word(reason: str, word: str) -> None:
    assert failure_word(reason) == word


# --- events as they are published and recorded -----------------------------------------------------


def _recorded(value: Any) -> Iterator[dict[str, Any]]:
    """Every event of a recording, which has `date` where a time was."""
    if isinstance(value, list):
        for item in value:
            yield from _recorded(item)
    elif isinstance(value, dict):
        if "eventName" in value:
            yield {"Records": [value | {"eventTime": "2025-01-21T23:25:10.000Z"}]}
        elif "detail-type" in value:
            yield value | {"time": "2025-01-21T23:25:10Z"}
        else:
            for item in value.values():
                yield from _recorded(item)


def _name_of(event: dict[str, Any]) -> str:
    return str(event.get("detail-type") or event["Records"][0]["eventName"])


@pytest.mark.parametrize("name", ["recorded-s3-eventbridge.json", "recorded-s3-sqs.json"])
def test_of_recorded_events_exactly_the_creations_are_uploads(shared: Path, name: str) -> None:
    events = [*_recorded(json.loads((shared / "data" / "events" / name).read_text("utf-8")))]
    assert len(events) > 10
    for event in events:
        (found,) = read_event(event)
        assert found != Ignored("malformed")
        created = _name_of(event).startswith(("Object Created", "ObjectCreated"))
        assert isinstance(found, UploadEvent) == created


def test_of_documented_transcribe_events_those_to_act_on_are_job_events(shared: Path) -> None:
    path = shared / "data" / "events" / "documented-transcribe.json"
    cases = json.loads(path.read_text("utf-8"))
    for case in cases:
        (found,) = read_event(case["event"])
        assert isinstance(found, JobEvent) == case["act_on"], case["name"]


PUBLISHED: dict[str, list[object]] = {
    "lambda-go-s3-event-with-decoded": ["Happy Face.jpg"],
    "lambda-go-s3-event": ["Happy Face.jpg"],
    "powertools-eventBridgeEvent": [Ignored("other_source")],
    "powertools-s3Event": ["b21b84d653bb07b05b1e6b33684dc11b"],
    "powertools-s3EventBridgeNotificationObjectCreatedEvent": ["IMG_m7fzo3.jpg"],
    "powertools-s3EventBridgeNotificationObjectDeletedEvent": [Ignored("deleted")],
    "powertools-s3EventBridgeNotificationObjectExpiredEvent": [Ignored("expired")],
    "powertools-s3EventDecodedKey": ["Happy Face.jpg"],
    "powertools-s3EventDeleteObject": [Ignored("deleted")],
    "powertools-s3SqsEvent": ["test.pdf"],
    "powertools-snsEvent": [Ignored("malformed")],
    "powertools-snsSqsEvent": [Ignored("malformed")],
    "powertools-sqsEvent": [Ignored("malformed"), Ignored("malformed")],
}


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_sample_events_are_routed(shared: Path, name: str) -> None:
    event = json.loads((shared / "data" / "events" / f"{name}.json").read_text("utf-8"))
    found = [each.key if isinstance(each, UploadEvent) else each for each in read_event(event)]
    assert found == PUBLISHED[name]


def test_no_file_of_events_is_left_out(shared: Path) -> None:
    files = {path.stem for path in (shared / "data" / "events").glob("*.json")}
    recorded = {"recorded-s3-eventbridge", "recorded-s3-sqs", "documented-transcribe"}
    assert files == PUBLISHED.keys() | recorded


# --- laws ------------------------------------------------------------------------------------------

uploads = st.builds(
    Upload,
    tenant_id=st.just("acme"),
    key=st.text(st.characters(codec="utf-8"), min_size=1),
    size=st.integers(0, 2**40),
    etag=st.from_regex(r"[0-9a-f]{32}(-[0-9]{1,4})?", fullmatch=True),
    uploaded_at=st.datetimes(min_value=dt.datetime(1970, 1, 2), timezones=st.just(dt.UTC)),
    version_id=st.none() | st.from_regex(r"[0-9A-Za-z._]{5,32}", fullmatch=True),
    sequencer=st.none() | st.from_regex(r"[0-9A-F]{2,20}", fullmatch=True),
)
words = st.sampled_from(["Records", "detail-type", "Type", "Sns", "body", "s3", "null", "[]", "{}"])
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | words,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(words, inner, max_size=6),
    max_leaves=30,
)


@given(uploads)
def test_an_upload_that_is_put_on_a_queue_is_read_back(upload: Upload) -> None:
    event = json.loads(json.dumps(upload_event("in", upload)))
    assert read_event(event) == [
        UploadEvent(
            bucket="in",
            key=upload.key,
            size=upload.size,
            etag=upload.etag,
            version_id=upload.version_id,
            sequencer=upload.sequencer,
            time=upload.uploaded_at,
        )
    ]


def test_a_completed_job_that_is_put_on_a_queue_is_read_back() -> None:
    event = json.loads(json.dumps(completed_event("cci_acme_x_r1")))
    assert read_event(event) == [JobEvent("cci_acme_x_r1", JobStatus.COMPLETED)]


@st.composite
def damaged_events(draw: st.DrawFn) -> object:
    """An event in which one value, anywhere, has become another."""
    event = json.loads(
        json.dumps(draw(st.sampled_from([*WRAPPED.values(), _of_job(FailureReason="")])))
    )
    place: Any = {"event": event}
    keys: list[Any] = ["event"]
    while True:
        key = draw(st.sampled_from(keys))
        inner = place[key]
        if not isinstance(inner, (dict, list)) or not inner or draw(st.integers(0, 3)) == 0:
            break
        place, keys = inner, [*inner] if isinstance(inner, dict) else [*range(len(inner))]
    if inner is event:
        return draw(json_values)
    place[key] = draw(json_values)
    return event


@given(json_values | damaged_events())
def test_reading_never_raises_and_never_says_nothing(value: object) -> None:
    assert read_event(value)
