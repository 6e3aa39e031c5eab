"""Checks a request as the AWS services do, by botocore's models of them.

A boto3 client checks types and required members only; patterns, enums and lengths are checked by
the service, and by no emulator.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any

import botocore.session
from botocore.exceptions import ClientError, ParamValidationError
from botocore.validate import ParamValidator

_SURROGATES = re.compile(r"\\u(D[89AB][0-9A-F]{2})\\u(D[C-F][0-9A-F]{2})")


@cache
def service_model(service: str) -> Any:
    """The client library's own model of a service."""
    return botocore.session.get_session().get_service_model(service)


def check_request(service: str, operation: str, request: Mapping[str, Any], *, code: str) -> None:
    """Raise what the client raises, or the service's error `code` for what only it checks."""
    shape = service_model(service).operation_model(operation).input_shape
    report = ParamValidator().validate(dict(request), shape)
    if report.has_errors():
        raise ParamValidationError(report=report.generate_report())
    if complaints := list(_complaints(request, shape, "")):
        told = "; ".join(complaints)
        raise service_error(operation, code, f"{len(complaints)} validation error detected: {told}")


def service_error(operation: str, code: str, message: str, status: int = 400) -> ClientError:
    """An error as the service's client raises it."""
    response: Any = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(response, operation)


@cache
def _compiled(pattern: str) -> re.Pattern[str]:
    """A pattern of a model, which is written for Java: beyond U+FFFF as two surrogates."""

    def character(pair: re.Match[str]) -> str:
        high, low = int(pair[1], 16), int(pair[2], 16)
        return f"\\U{0x10000 + ((high - 0xD800) << 10) + (low - 0xDC00):08X}"

    return re.compile(_SURROGATES.sub(character, pattern))


def _complaints(value: Any, shape: Any, path: str) -> Iterator[str]:
    if getattr(shape, "is_document_type", False):
        return  # Any JSON: a tool's schema.
    if shape.type_name == "structure":
        for name, part in value.items():
            yield from _complaints(part, shape.members[name], f"{path}.{name}")
    elif shape.type_name == "list":
        yield from _size_complaints(len(value), shape, path)
        for index, part in enumerate(value):
            yield from _complaints(part, shape.member, f"{path}[{index}]")
    elif shape.type_name == "map":
        yield from _size_complaints(len(value), shape, path)
        for part in value.values():
            yield from _complaints(part, shape.value, f"{path}.*")
    elif shape.type_name == "string":
        yield from _size_complaints(len(value), shape, path)
        if (enum := shape.metadata.get("enum")) and value not in enum:
            yield f"Value '{value}' at '{path}' must satisfy enum value set"
        # Some patterns in the models are anchored on one side only; the service matches the whole.
        pattern = shape.metadata.get("pattern")
        if pattern and not _compiled(pattern).fullmatch(value):
            yield f"Value '{value}' at '{path}' must satisfy regular expression pattern: {pattern}"
    elif shape.type_name in ("integer", "long", "float", "double"):
        yield from _size_complaints(value, shape, path)


def _size_complaints(size: float, shape: Any, path: str) -> Iterator[str]:
    if size < shape.metadata.get("min", size):
        yield f"Value at '{path}' must be at least {shape.metadata['min']}"
    if size > shape.metadata.get("max", size):
        yield f"Value at '{path}' must be at most {shape.metadata['max']}"
