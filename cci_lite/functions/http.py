"""Reads HTTP requests of API Gateway and function URLs (payload format 2.0), and answers them."""

from __future__ import annotations

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cci_lite.pipeline.call_metadata import WebhookAnswer

_PATH = re.compile(r"/tenants/([^/]+)/calls")


@dataclass(frozen=True)
class Request:
    """A request about the calls of a tenant."""

    tenant_id: str
    headers: Mapping[str, str]
    body: bytes


def is_request(event: Any) -> bool:
    """Whether the event is a request."""
    context = event.get("requestContext") if isinstance(event, Mapping) else None
    return isinstance(context, Mapping) and isinstance(context.get("http"), Mapping)


def read_request(event: Mapping[str, Any]) -> Request | WebhookAnswer:
    """The request, or the answer to one that is not valid here."""
    if (path := _PATH.fullmatch(str(event.get("rawPath")))) is None:
        return WebhookAnswer(404, {"error": "not_found"})
    if event["requestContext"]["http"].get("method") != "POST":
        return WebhookAnswer(405, {"error": "method_not_allowed"})
    body = event.get("body") or ""
    try:
        data = (
            base64.b64decode(body, validate=True) if event.get("isBase64Encoded") else body.encode()
        )
    except (binascii.Error, ValueError):
        return WebhookAnswer(400, {"error": "invalid", "expected": "a body in base64"})
    return Request(path[1], event.get("headers") or {}, data)


def response(answer: WebhookAnswer) -> dict[str, Any]:
    """An answer as API Gateway wants it."""
    headers = {"content-type": "application/json"}
    if answer.status == 503:
        headers["retry-after"] = "60"
    return {"statusCode": answer.status, "headers": headers, "body": json.dumps(answer.body)}
