"""What S3 did not do, as errors of a store: OSError of one object, LakeError of the whole bucket.

The clients' own messages repeat keys, which can hold a person's name: none of them goes on.
"""

from __future__ import annotations

import errno
import os
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from obstore.exceptions import BaseError, InvalidPathError

from cci_lite.errors import LakeError

if TYPE_CHECKING:
    from botocore.exceptions import ClientError

T = TypeVar("T")

# Failures that the client does not repeat, because their status is that of a wrong request.
_REPEATED = re.compile(r"RequestTimeout|.*Throttl.*")
PAUSES = (0.5, 2.0, 8.0)

# The client's message ends with the answer, of which nothing before the code is free text.
_ANSWER = "Server returned "
_STATUS = re.compile(r"status code: (\d{3})")
_CODE = re.compile(r"<Code>([\w.]{1,60})</Code>|\(code: ([\w.]{1,60})\)", re.ASCII)

_CREDENTIALS = frozenset(
    {"ExpiredToken", "InvalidToken", "TokenRefreshRequired", "InvalidAccessKeyId"}
    | {"SignatureDoesNotMatch", "RequestTimeTooSkewed", "RequestExpired", "NotSignedUp"}
    | {"UnrecognizedClientException", "InvalidSecurity", "AccountProblem"}
)
_ELSEWHERE = frozenset(
    {"PermanentRedirect", "TemporaryRedirect", "AuthorizationHeaderMalformed"}
    | {"IllegalLocationConstraintException"}
)


def attempt(bucket: str, action: Callable[[], T]) -> T:
    """What an action with a client gives; raises what this module says.

    FileNotFoundError, PermissionError and other OSErrors are about the object, LakeError about the
    bucket. The client has repeated what is temporary; what it does not repeat is repeated here.
    """
    for pause in (*PAUSES, None):
        try:
            return action()
        except (BaseError, FileNotFoundError) as problem:
            _, code = _answer(str(problem))
            if pause is None or not _REPEATED.fullmatch(code):
                raise _failure(bucket, problem) from None
        time.sleep(pause)
    raise AssertionError("the last attempt returns or raises")


@contextmanager
def translated(bucket: str) -> Iterator[None]:
    """The same for clients of boto3, and for what cannot be repeated as a whole.

    Lets InvalidPathError through, which obstore raises for keys that it cannot spell.
    """
    try:
        yield
    except InvalidPathError:
        raise
    except (BaseError, FileNotFoundError) as problem:
        raise _failure(bucket, problem) from None
    except Exception as problem:
        # botocore is there if it has raised anything, and is not imported otherwise.
        if not type(problem).__module__.startswith("botocore."):
            raise
        raise _failure_of_boto3(bucket, problem) from None


def missing() -> FileNotFoundError:
    """The error for an object that is not there, in the words of the system."""
    return FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))


def _failure(bucket: str, problem: Exception) -> Exception:
    text = str(problem).partition("Debug source:")[0]
    status, code = _answer(text)
    if not status and not code:
        return _without_answer(bucket, text)
    return _judged(bucket, status, code)


def _answer(text: str) -> tuple[int, str]:
    """Status and code of an answer; 0 and nothing when there was none."""
    said = text.rpartition(_ANSWER)[2] if _ANSWER in text else text[text.rfind("(code: ") :]
    status, code = _STATUS.search(said), _CODE.search(said)
    return int(status[1]) if status else 0, (code[1] or code[2]) if code else ""


def _failure_of_boto3(bucket: str, problem: Exception) -> Exception:
    response = getattr(problem, "response", None)
    if response is None:
        return _without_answer(bucket, "credentials" if "redential" in str(problem) else "")
    error: ClientError = problem
    status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    code = str(error.response.get("Error", {}).get("Code", ""))
    return _judged(bucket, status, "" if code.isdigit() else code)


def _without_answer(bucket: str, text: str) -> Exception:
    if "169.254.169.254" in text or "credentials" in text.lower():
        return LakeError(
            f"bucket {bucket}: no credentials for S3 were found; set AWS_PROFILE, or the variables "
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or run where there is a role"
        )
    if "region" in text:
        return _elsewhere(bucket)
    return LakeError(
        f"bucket {bucket}: S3 cannot be reached, or did not answer in time; check the network, "
        "the region and AWS_ENDPOINT_URL, and run again"
    )


def _judged(bucket: str, status: int, code: str) -> Exception:
    said = code or f"status {status}"
    if code == "NoSuchBucket":
        return LakeError(
            f"bucket {bucket}: there is no such bucket; check OUTPUT_BUCKET and CURATED_BUCKET"
        )
    if status == 404:
        return missing()
    if code in _CREDENTIALS or status == 401:
        return LakeError(
            f"bucket {bucket}: S3 refused the credentials ({said}); renew them and run again"
        )
    if code in _ELSEWHERE or status in (301, 307):
        return _elsewhere(bucket)
    if code == "InvalidObjectState":
        return OSError(errno.EIO, "an archived object; restore it first")
    if status == 403 or code == "AccessDenied":
        return PermissionError(errno.EACCES, os.strerror(errno.EACCES))
    if status == 412:
        return OSError(errno.ESTALE, "another version than expected")
    if status in (429, 503) or "Throttl" in code or code == "SlowDown":
        return LakeError(
            f"bucket {bucket}: S3 still throttles requests after several attempts ({said}); run "
            "again later, or with fewer workers"
        )
    if status >= 500 or status == 408 or code in ("RequestTimeout", "InternalError"):
        return LakeError(
            f"bucket {bucket}: S3 failed after several attempts ({said}); run again later"
        )
    return LakeError(
        f"bucket {bucket}: S3 refused a request ({said}); check the settings of the bucket and its "
        "key, and run again"
    )


def _elsewhere(bucket: str) -> LakeError:
    return LakeError(f"bucket {bucket}: it is in another region; check AWS_REGION")
