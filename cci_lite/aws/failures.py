"""Translates a client's errors into our own, which repeat nothing of a request."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    FlexibleChecksumError,
    HTTPClientError,
    IncompleteReadError,
)
from botocore.exceptions import ConnectionError as NoConnectionError
from botocore.parsers import ResponseParserError

from cci_lite.errors import PipelineError, RetryLaterError, ServiceError

_LIMITS = frozenset({"LimitExceededException", "TooManyRequestsException"})
_THROTTLES = frozenset(
    {"Throttling", "ThrottlingException", "ThrottledException", "RequestThrottledException"}
    | {"RequestThrottled", "ProvisionedThroughputExceededException", "RequestLimitExceeded"}
    | {"SlowDown", "BandwidthLimitExceeded", "KMSThrottlingException", "KMS.ThrottlingException"}
    | {"KmsThrottled", "EC2ThrottledException", "TransactionInProgressException"}
    | {"ServiceQuotaExceededException"}
)
_TROUBLES = frozenset(
    {"InternalError", "InternalFailure", "InternalFailureException", "InternalServerError"}
    | {"InternalServerException", "InternalServiceError", "ServiceUnavailable", "RequestTimeout"}
    | {"ServiceUnavailableException", "RequestTimeoutException", "PriorRequestNotComplete"}
    | {"ModelErrorException", "ModelNotReadyException", "ModelTimeoutException"}
)
_UNREACHABLE = (
    NoConnectionError,
    CredentialRetrievalError,
    FlexibleChecksumError,
    HTTPClientError,
    IncompleteReadError,
    ResponseParserError,
)
_NOT_A_WORD = re.compile(r"[^0-9A-Za-z]+", re.ASCII)


@contextmanager
def translated(service: str, operation: str) -> Iterator[None]:
    """Turn a client's errors into RetryLaterError or ServiceError.

    `<service>_throttled`, `_limit`, `_unavailable` and `_unreachable` are temporary; anything else
    is `<service>_<the service's own code>`. The service's message and the cause are dropped,
    because they repeat keys.
    """
    try:
        yield
    except (ClientError, BotoCoreError, ResponseParserError) as error:
        raise _failure(service, operation, error) from None


def error_code(error: ClientError) -> str:
    """The service's error code. A HEAD response has no body, so its code is `404` or `412`."""
    return str(error.response.get("Error", {}).get("Code", ""))


def _failure(service: str, operation: str, error: Exception) -> PipelineError:
    if isinstance(error, _UNREACHABLE):
        return RetryLaterError(f"{service}_unreachable", operation)
    if not isinstance(error, ClientError):
        return ServiceError(f"{service}_{type(error).__name__}", operation)
    code = error_code(error)
    if later := _trouble(code, _status(error.response)):
        return RetryLaterError(f"{service}_{later}", operation)
    return ServiceError(f"{service}_{_NOT_A_WORD.sub('_', code)[:60] or 'unknown'}", operation)


def _trouble(code: str, status: int) -> str | None:
    if code in _LIMITS:
        return "limit"
    if code in _THROTTLES or status == 429:
        return "throttled"
    return "unavailable" if code in _TROUBLES or status >= 500 else None


def _status(response: Any) -> int:
    return int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
