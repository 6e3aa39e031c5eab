"""Telling people: by a topic of SNS, by a webhook, by several ways at once."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any

from cci_lite.aws.failures import translated
from cci_lite.errors import PipelineError, RetryLaterError, ServiceError, UsageError
from cci_lite.ports import Notice, Notifier

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
        with error:
            return error.code
    except HTTPException as error:
        raise OSError(type(error).__name__) from None


@dataclass(frozen=True)
class WebhookNotifier:
    """Notifier by a webhook as Slack has it. The URL is a secret: it is never shown."""

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
    """Notifier by every way there is: one that fails does not silence the others."""

    notifiers: Sequence[Notifier]

    def notify(self, notice: Notice) -> None:
        """Send it every way; raises RetryLaterError afterwards when one did not work."""
        failed = [notifier for notifier in self.notifiers if not _sent(notifier, notice)]
        if failed:
            raise RetryLaterError("notice_unsent", f"{len(failed)} of {len(self.notifiers)}")


def _sent(notifier: Notifier, notice: Notice) -> bool:
    try:
        notifier.notify(notice)
    except PipelineError:
        return False
    return True


def _subject(notice: Notice) -> str:
    """SNS takes at most 100 characters of ASCII in one line."""
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
