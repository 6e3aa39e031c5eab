"""Notices: their text, and what happens when a channel fails."""

from __future__ import annotations

import dataclasses
import datetime as dt
import json
import threading
import traceback
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import boto3
import msgspec
import pytest

from cci_lite.aws.notify import AllNotifiers, SnsNotifier, WebhookNotifier, post_json
from cci_lite.errors import RetryLaterError, ServiceError, UsageError
from cci_lite.ports import Notice
from cci_lite.testing.memory import MemoryRegistry, MemoryTelemetry

NOTICE = Notice(
    notice_id="failed:cci_acme_abc:2",
    code="media_format",
    text="The recording could not be transcribed: upload it again as WAV.",
    at=dt.datetime(2025, 11, 5, 9, 30, tzinfo=dt.UTC),
    tenant_id="acme",
    call_id="cci_acme_abc",
    revision=2,
)
TEXT = """\
The recording could not be transcribed: upload it again as WAV.

code: media_format
tenant_id: acme
call_id: cci_acme_abc
revision: 2
at: 2025-11-05T09:30:00+00:00"""
URL = "https://hooks.example.com/services/T000/B000/cAnArY"


def published(cloud: None, notice: Notice) -> dict[str, Any]:
    """What a subscriber of the topic gets."""
    sns = boto3.client("sns", region_name="eu-central-1")
    sqs = boto3.client("sqs", region_name="eu-central-1")
    topic = sns.create_topic(Name="notices")["TopicArn"]
    queue = sqs.create_queue(QueueName="told")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn["QueueArn"])
    SnsNotifier(sns, topic).notify(notice)
    [message] = sqs.receive_message(QueueUrl=queue)["Messages"]
    body: dict[str, Any] = json.loads(message["Body"])
    return body


def test_a_topic_tells_what_happened_and_to_which_call(cloud: None) -> None:
    body = published(cloud, NOTICE)
    assert body["Subject"] == "CCI Lite: media_format acme"
    assert body["Message"] == TEXT


def test_what_is_not_known_is_not_told(cloud: None) -> None:
    notice = Notice(notice_id="x", code="dead_letter", text="A message was given up.", at=NOTICE.at)
    body = published(cloud, notice)
    assert body["Subject"] == "CCI Lite: dead_letter"
    assert body["Message"] == (
        "A message was given up.\n\ncode: dead_letter\nat: 2025-11-05T09:30:00+00:00"
    )


def test_a_subject_is_one_short_line_of_ascii(cloud: None) -> None:
    notice = Notice(notice_id="x", code="ü\n" * 90, text="Text.", at=NOTICE.at)
    subject = published(cloud, notice)["Subject"]
    assert len(subject) == 100
    assert subject.isascii()
    assert subject.isprintable()


def test_a_topic_that_is_gone_is_an_error(cloud: None) -> None:
    sns = boto3.client("sns", region_name="eu-central-1")
    nowhere = SnsNotifier(sns, "arn:aws:sns:eu-central-1:123456789012:gone")
    with pytest.raises(ServiceError, match="^sns_NotFound: Publish$"):
        nowhere.notify(NOTICE)


def test_a_webhook_gets_the_same_as_text() -> None:
    posted: list[tuple[str, bytes]] = []

    def post(url: str, body: bytes) -> int:
        posted.append((url, body))
        return 200

    WebhookNotifier(URL, post).notify(NOTICE)
    [(url, body)] = posted
    assert url == URL
    assert msgspec.json.decode(body) == {"text": f"CCI Lite: media_format acme\n{TEXT}"}


def test_markup_is_text_to_a_webhook() -> None:
    posted: list[bytes] = []

    def post(url: str, body: bytes) -> int:
        posted.append(body)
        return 204

    notice = Notice(notice_id="x", code="c", text="<!channel> & more", at=NOTICE.at)
    WebhookNotifier(URL, post).notify(notice)
    assert "&lt;!channel&gt; &amp; more" in msgspec.json.decode(posted[0])["text"]


@pytest.mark.parametrize(
    ("status", "error", "told"),
    [
        pytest.param(429, RetryLaterError, "webhook_unavailable", id="too many"),
        pytest.param(500, RetryLaterError, "webhook_unavailable", id="trouble"),
        pytest.param(404, ServiceError, "webhook_refused: 404", id="withdrawn"),
        pytest.param(302, ServiceError, "webhook_refused: 302", id="somewhere else"),
    ],
)
def test_a_webhook_that_does_not_take_it_says_when_to_try_again(
    status: int, error: type[Exception], told: str
) -> None:
    with pytest.raises(error, match=f"^{told}$"):
        WebhookNotifier(URL, lambda *_: status).notify(NOTICE)


def test_an_unreachable_webhook_is_retried_and_stays_secret() -> None:
    def post(url: str, body: bytes) -> int:
        raise OSError(f"cannot reach {url}")

    notifier = WebhookNotifier(URL, post)
    with pytest.raises(RetryLaterError, match="^webhook_unreachable$") as caught:
        notifier.notify(NOTICE)
    assert "cAnArY" not in "".join(traceback.format_exception(caught.value))
    assert "cAnArY" not in repr(notifier)


@pytest.mark.parametrize("url", ["http://example.com/secret", "file:///etc/passwd", ""])
def test_a_webhook_is_encrypted(url: str) -> None:
    with pytest.raises(UsageError, match="^a webhook's address starts with https://$"):
        WebhookNotifier(url)


class Webhook(BaseHTTPRequestHandler):
    """Answers with the status that its path names."""

    bodies: list[bytes] = []

    def do_POST(self) -> None:
        self.bodies.append(self.rfile.read(int(self.headers["Content-Length"])))
        self.send_response(int(self.path.removeprefix("/")))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Nothing."""


@pytest.fixture
def server() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Webhook) as running:
        thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{running.server_port}"
        running.shutdown()
        thread.join()


@pytest.mark.parametrize("status", [200, 404, 503])
def test_posting_gives_the_status(server: str, status: int) -> None:
    assert post_json(f"{server}/{status}", b'{"text":"x"}') == status
    assert Webhook.bodies[-1] == b'{"text":"x"}'


def test_posting_to_nobody_is_an_error_of_the_system(server: str) -> None:
    with pytest.raises(OSError, match="refused"):
        post_json("http://127.0.0.1:1/", b"{}")


class Way:
    """A way that answers with these errors, one after the other, and works then."""

    def __init__(self, *errors: Exception) -> None:
        self._errors = list(errors)
        self.tried = 0
        self.notices: list[Notice] = []

    def notify(self, notice: Notice) -> None:
        self.tried += 1
        if self._errors:
            raise self._errors.pop(0)
        self.notices.append(notice)


def by(telemetry: MemoryTelemetry | None = None, **ways: Way) -> AllNotifiers:
    registry = MemoryRegistry()
    return AllNotifiers(ways, registry.is_noted, registry.note, telemetry or MemoryTelemetry())


THROTTLED = RetryLaterError("sns_throttled")
REFUSED = ServiceError("webhook_refused", "404")


def test_every_channel_sends_a_notice_once() -> None:
    first, last = Way(), Way()
    ways = by(first=first, last=last)
    for _ in range(2):
        ways.notify(NOTICE)
    assert first.notices == last.notices == [NOTICE]


def test_every_channel_sends_another_notice() -> None:
    way = Way()
    ways = by(only=way)
    other = dataclasses.replace(NOTICE, notice_id="other")
    ways.notify(NOTICE)
    ways.notify(other)
    assert way.notices == [NOTICE, other]


@pytest.mark.parametrize("broken", ["first", "last"])
def test_only_a_throttled_channel_is_retried(broken: str) -> None:
    ways = {name: Way(*([THROTTLED] if name == broken else [])) for name in ("first", "last")}
    everybody = by(**ways)
    with pytest.raises(RetryLaterError, match="^notice_unsent: 1 of 2$"):
        everybody.notify(NOTICE)
    everybody.notify(NOTICE)
    assert {name: way.notices for name, way in ways.items()} == {
        "first": [NOTICE],
        "last": [NOTICE],
    }


@pytest.mark.parametrize("broken", ["first", "last"])
def test_one_working_channel_is_enough(broken: str) -> None:
    ways = {name: Way(*([REFUSED] if name == broken else [])) for name in ("first", "last")}
    telemetry = MemoryTelemetry()
    by(telemetry, **ways).notify(NOTICE)
    assert sorted(len(way.notices) for way in ways.values()) == [0, 1]
    assert telemetry.events == [
        (
            "way_failed",
            {
                "service": broken,
                "code": "webhook_refused",
                "tenant_id": "acme",
                "call_id": "cci_acme_abc",
            },
        )
    ]


def test_a_notice_that_every_channel_refuses_is_retried() -> None:
    first, last = Way(REFUSED), Way(REFUSED, REFUSED)
    ways = by(first=first, last=last)
    with pytest.raises(RetryLaterError, match="^notice_unsent: 2 of 2$"):
        ways.notify(NOTICE)
    ways.notify(NOTICE)
    assert (first.notices, last.notices) == ([NOTICE], [])


def test_a_refusing_channel_is_retried_together_with_a_throttled_one() -> None:
    refusing, busy = Way(REFUSED), Way(THROTTLED)
    ways = by(refusing=refusing, busy=busy)
    with pytest.raises(RetryLaterError, match="^notice_unsent: 2 of 2$"):
        ways.notify(NOTICE)
    ways.notify(NOTICE)
    assert refusing.notices == busy.notices == [NOTICE]
