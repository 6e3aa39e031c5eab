"""Reduces every error that leaves a function to a code, because messages may quote a call."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import PurePath
from types import TracebackType
from typing import TypeVar

from cci_lite.errors import PipelineError, RetryLaterError
from cci_lite.ports import Telemetry

T = TypeVar("T")

UNEXPECTED = "unexpected"

_CODE = re.compile(r"[A-Za-z0-9_:.-]{1,80}", re.ASCII)
_OURS = "cci_lite"


def guarded(telemetry: Telemetry, work: Callable[[], T]) -> T:
    """What `work` returns; whatever it raises is replaced by a PipelineError with a code alone.

    The Lambda runtime prints an error's message, causes and traceback, and libraries quote their
    input in messages. RetryLaterError stays RetryLaterError.
    """
    try:
        return work()
    except Exception as error:
        failure = _told(telemetry, error)
    # Raised outside of `except`, so that it carries neither the context nor its frames.
    raise failure


def _told(telemetry: Telemetry, error: Exception) -> PipelineError:
    """Log the error as type, code and place; returns what to raise instead."""
    code = _code_of(error)
    if isinstance(error, RetryLaterError):
        telemetry.log("retry_later", code=code, operation=_place_of(error.__traceback__))
        return RetryLaterError(code)
    telemetry.log(
        "failed",
        error=type(error).__name__,
        code=code,
        operation=_place_of(error.__traceback__),
    )
    return PipelineError(code)


def _code_of(error: Exception) -> str:
    is_known = isinstance(error, PipelineError) and _CODE.fullmatch(error.code)
    return error.code if isinstance(error, PipelineError) and is_known else UNEXPECTED


def _place_of(traceback: TracebackType | None) -> str | None:
    """File and line of the package's innermost frame: `judge.py:123`."""
    place = None
    while traceback is not None:
        frame = traceback.tb_frame
        if str(frame.f_globals.get("__name__", "")).partition(".")[0] == _OURS:
            name = PurePath(frame.f_code.co_filename).name
            place = f"{name}:{traceback.tb_lineno}"
        traceback = traceback.tb_next
    return place
