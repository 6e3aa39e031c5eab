"""The real client of Bedrock, whose HTTP responses the tests write."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import boto3
from botocore.awsrequest import AWSResponse


class BedrockReplies:
    """A `bedrock-runtime` client that is answered with these bodies; `sent` counts them."""

    def __init__(self, *bodies: bytes) -> None:
        self.client = boto3.client(
            "bedrock-runtime",
            region_name="eu-central-1",
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
        )
        self.answer_with(bodies)
        self.client.meta.events.register("before-send.bedrock-runtime.Converse", self._send)

    def answer_with(self, bodies: Iterable[bytes]) -> None:
        """Answer the next requests with these."""
        self._bodies = iter(bodies)
        self.sent = 0

    def _send(self, request: Any, **_: Any) -> AWSResponse:
        self.sent += 1
        headers = {"content-type": "application/json"}
        return AWSResponse(request.url, 200, headers, _Body(next(self._bodies)))


class _Body:
    """A body as the HTTP library gives it."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def stream(self, *_: Any, **__: Any) -> Iterator[bytes]:
        yield self._data
