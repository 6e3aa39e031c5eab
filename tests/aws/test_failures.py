"""Errors of AWS become errors of our own, which quote nothing of the request."""

from __future__ import annotations

import traceback
from typing import Any

import pytest
from botocore import exceptions
from botocore.exceptions import ClientError
from botocore.parsers import ResponseParserError

from cci_lite.aws.failures import translated
from cci_lite.errors import PipelineError, RetryLaterError, ServiceError

CANARY = "Jane Canary +49 151 23456789.wav"


def refusal(code: str, status: int = 400) -> ClientError:
    response: Any = {
        "Error": {"Code": code, "Message": f"no {CANARY}"},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(response, "PutObject")


def translation(error: Exception) -> PipelineError:
    with pytest.raises(PipelineError) as caught, translated("s3", "PutObject"):
        raise error
    return caught.value


@pytest.mark.parametrize(
    ("error", "code"),
    [
        pytest.param(refusal("ThrottlingException"), "s3_throttled", id="throttled"),
        pytest.param(refusal("SlowDown", 503), "s3_throttled", id="S3's throttle"),
        pytest.param(
            refusal("ProvisionedThroughputExceededException"), "s3_throttled", id="DynamoDB's"
        ),
        pytest.param(refusal("KMS.ThrottlingException"), "s3_throttled", id="the key's throttle"),
        pytest.param(refusal("Unheard", 429), "s3_throttled", id="too many requests"),
        pytest.param(refusal("LimitExceededException", 429), "s3_limit", id="limit"),
        pytest.param(refusal("InternalError", 500), "s3_unavailable", id="trouble"),
        pytest.param(refusal("InternalServerException"), "s3_unavailable", id="trouble, as 400"),
        pytest.param(refusal("503", 503), "s3_unavailable", id="trouble without a body"),
        pytest.param(
            exceptions.ReadTimeoutError(endpoint_url=CANARY), "s3_unreachable", id="slow answer"
        ),
        pytest.param(
            exceptions.ConnectTimeoutError(endpoint_url=CANARY), "s3_unreachable", id="no answer"
        ),
        pytest.param(
            exceptions.EndpointConnectionError(endpoint_url=CANARY), "s3_unreachable", id="no way"
        ),
        pytest.param(
            exceptions.ConnectionClosedError(endpoint_url=CANARY), "s3_unreachable", id="hung up"
        ),
        pytest.param(
            exceptions.ResponseStreamingError(error=CANARY), "s3_unreachable", id="cut off"
        ),
        pytest.param(
            exceptions.IncompleteReadError(actual_bytes=1, expected_bytes=2),
            "s3_unreachable",
            id="too short",
        ),
        pytest.param(
            exceptions.FlexibleChecksumError(error_msg=CANARY), "s3_unreachable", id="damaged"
        ),
        pytest.param(ResponseParserError(CANARY), "s3_unreachable", id="not to be read"),
        pytest.param(refusal("ServiceQuotaExceededException"), "s3_throttled", id="quota"),
        pytest.param(refusal("ModelTimeoutException", 408), "s3_unavailable", id="slow model"),
        pytest.param(refusal("ModelErrorException", 424), "s3_unavailable", id="broken model"),
        pytest.param(refusal("ModelNotReadyException"), "s3_unavailable", id="model starting"),
    ],
)
def test_temporary_errors_are_raised_as_retry_later_errors(error: Exception, code: str) -> None:
    failure = translation(error)
    assert isinstance(failure, RetryLaterError)
    assert failure.code == code


@pytest.mark.parametrize(
    ("error", "code"),
    [
        pytest.param(refusal("AccessDenied", 403), "s3_AccessDenied", id="denied"),
        pytest.param(refusal("BadRequestException"), "s3_BadRequestException", id="bad request"),
        pytest.param(refusal("403", 403), "s3_403", id="without a body"),
        pytest.param(refusal("KMS.DisabledException"), "s3_KMS_DisabledException", id="with a dot"),
        pytest.param(refusal(""), "s3_unknown", id="no code"),
        pytest.param(
            exceptions.ParamValidationError(report=CANARY),
            "s3_ParamValidationError",
            id="malformed",
        ),
        pytest.param(exceptions.NoCredentialsError(), "s3_NoCredentialsError", id="nobody"),
    ],
)
def test_permanent_errors_are_raised_as_service_errors(error: Exception, code: str) -> None:
    failure = translation(error)
    assert isinstance(failure, ServiceError)
    assert failure.code == code


@pytest.mark.parametrize(
    "error",
    [refusal("AccessDenied", 403), exceptions.ParamValidationError(report=CANARY)],
    ids=["a refusal", "a malformed request"],
)
def test_no_printed_error_repeats_a_key(error: Exception) -> None:
    assert "Canary" not in "".join(traceback.format_exception(translation(error)))


def test_a_code_is_one_word_whatever_a_service_says() -> None:
    assert translation(refusal(f"no {CANARY} " * 9)).code.replace("_", "").isalnum()


def test_other_errors_pass() -> None:
    with pytest.raises(ZeroDivisionError), translated("s3", "PutObject"):
        raise ZeroDivisionError
