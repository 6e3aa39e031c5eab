"""Sends notices to people: by an SNS topic, by a webhook, or by several channels."""

from __future__ import annotations

import datetime as dt
import json
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum, auto
from http.client import HTTPException
from typing import Any

from cci_lite.aws.failures import translated
from cci_lite.errors import PipelineError, RetryLaterError, ServiceError, UsageError
from cci_lite.ports import Notice, Notifier, Telemetry

_MAX_SUBJECT = 100
_TIMEOUT_SECONDS = 5.0


@dataclass(frozen=True)
class SnsNotifier:
    """Notifier by a topic, whose subscribers get an e-mail."""

    client: Any
    topic_arn: str

    def notify(self, notice: Notice) -> None:
        """Publish it."""
        with translated("sns", "Publish"):
            self.client.publish(
                TopicArn=self.topic_arn, Subject=_subject(notice), Message=_message(notice)
            )


def post_json(url: str, body: bytes) -> int:
    """Post JSON; the HTTP status. Raises OSError when there was no answer."""
    request = urllib.request.Request(
        url, data=body, headers={"Content-Type": "application/json"}, method="POST"
    )
    try:
        with urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS) as answer:
            status: int = answer.status
            return status
    except urllib.error.HTTPError as error:
        # The error is the response as well; leaving the block closes its connection.
        with error:
            return error.code
    # Raised for an answer that is not HTTP. It is no OSError, and may quote what was received.
    except HTTPException as error:
        raise OSError(type(error).__name__) from None


@dataclass(frozen=True)
class WebhookNotifier:
    """Notifier by an incoming webhook of Slack. The URL is a secret: it is never shown."""

    url: str = field(repr=False)
    post: Callable[[str, bytes], int] = post_json

    def __post_init__(self) -> None:
        if not self.url.startswith("https://"):
            raise UsageError("a webhook's address starts with https://")

    def notify(self, notice: Notice) -> None:
        """Post it. Raises ServiceError when the webhook refuses it for good."""
        text = f"{_subject(notice)}\n{_message(notice)}"
        try:
            status = self.post(self.url, json.dumps({"text": _escaped(text)}).encode())
        except OSError:
            raise RetryLaterError("webhook_unreachable") from None
        if status == 429 or status >= 500:
            raise RetryLaterError("webhook_unavailable")
        if not 200 <= status < 300:
            raise ServiceError("webhook_refused", str(status))


@dataclass(frozen=True)
class AllNotifiers:
    """Notifier by every channel that is configured; each sends a notice once.

    `is_noted` and `note` remember which channels have sent a notice, so that retrying one of them
    does not repeat the others.
    """

    ways: Mapping[str, Notifier]
    is_noted: Callable[[str], bool]
    note: Callable[[str, dt.datetime], None]
    telemetry: Telemetry

    def notify(self, notice: Notice) -> None:
        """Send it by every channel that has not sent it yet.

        Raises RetryLaterError when a channel has to be retried, or when all have refused it. A
        channel that refuses is logged; it is enough when another one has sent the notice.
        """
        outcomes = [self._tell(way, notice) for way in self.ways]
        if _Outcome.LATER in outcomes or _Outcome.TOLD not in outcomes:
            unsent = sum(outcome is not _Outcome.TOLD for outcome in outcomes)
            raise RetryLaterError("notice_unsent", f"{unsent} of {len(outcomes)}")

    def _tell(self, way: str, notice: Notice) -> _Outcome:
        notice_id = f"{notice.notice_id}#{way}"
        if self.is_noted(notice_id):
            return _Outcome.TOLD
        try:
            self.ways[way].notify(notice)
        except PipelineError as failure:
            self.telemetry.log(
                "way_failed",
                service=way,
                code=failure.code,
                tenant_id=notice.tenant_id,
                call_id=notice.call_id,
            )
            later = isinstance(failure, RetryLaterError)
            return _Outcome.LATER if later else _Outcome.REFUSED
        # Noted after sending: a crash in between repeats the notice rather than losing it.
        self.note(notice_id, notice.at)
        return _Outcome.TOLD


class _Outcome(Enum):
    """What became of a notice on one channel."""

    TOLD = auto()
    LATER = auto()
    REFUSED = auto()


def _subject(notice: Notice) -> str:
    """SNS takes at most 100 ASCII characters on one line (Publish, Subject)."""
    words = " ".join(f"CCI Lite: {notice.code} {notice.tenant_id or ''}".split())
    return words.encode("ascii", "replace").decode()[:_MAX_SUBJECT]


def _message(notice: Notice) -> str:
    about = {
        "code": notice.code,
        "tenant_id": notice.tenant_id,
        "call_id": notice.call_id,
        "revision": notice.revision,
        "at": notice.at.isoformat(timespec="seconds"),
    }
    lines = [f"{name}: {value}" for name, value in about.items() if value is not None]
    return "\n".join([notice.text, "", *lines])


def _escaped(text: str) -> str:
    """Slack reads these three as markup (formatting text for app surfaces)."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
