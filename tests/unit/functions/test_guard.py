"""Exceptions of a function, and their logs, quote nothing that was said."""

from __future__ import annotations

import json
import traceback
from collections.abc import Callable
from typing import Any

import pytest

from cci_lite.aws.telemetry import PowertoolsTelemetry
from cci_lite.errors import PipelineError, RetryLaterError, ServiceError, UsageError
from cci_lite.functions.guard import guarded

CANARY = "Erika Mustermann DE89370400440532013000"


def plain() -> None:
    raise ValueError(CANARY)


def chained() -> None:
    try:
        plain()
    except ValueError as cause:
        raise KeyError(CANARY) from cause


def while_handling() -> None:
    try:
        plain()
    except ValueError:
        raise KeyError(CANARY)  # noqa: B904


def with_notes() -> None:
    error = RuntimeError(CANARY)
    error.add_note(CANARY)
    raise error


def ours_with_a_message() -> None:
    raise PipelineError("transcript_missing", CANARY)


def ours_with_text_for_a_code() -> None:
    raise ServiceError(CANARY)


def with_locals() -> None:
    spoken = CANARY
    assert spoken is None


def grouped() -> None:
    raise ExceptionGroup(CANARY, [ValueError(CANARY)])


def named_after_somebody() -> None:
    raise type(CANARY, (Exception,), {})


@pytest.mark.parametrize(
    "trouble",
    [
        plain,
        chained,
        while_handling,
        with_notes,
        ours_with_a_message,
        ours_with_text_for_a_code,
        with_locals,
        grouped,
        named_after_somebody,
    ],
)
def test_nothing_that_was_said_is_in_the_exception_or_the_log(
    trouble: Callable[[], None], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(PipelineError) as caught:
        guarded(PowertoolsTelemetry("tested"), trouble)
    error = caught.value
    assert error.__context__ is None
    assert error.__cause__ is None
    told = traceback.TracebackException.from_exception(error, capture_locals=True)
    seen = "".join(told.format()) + capsys.readouterr().out
    for word in CANARY.split():
        assert word not in seen
    frames = [frame.name for frame in told.stack]
    assert trouble.__name__ not in frames


@pytest.mark.parametrize(
    ("error", "raised", "told"),
    [
        pytest.param(
            RetryLaterError("throttled"),
            RetryLaterError,
            {"message": "retry_later", "code": "throttled", "level": "INFO"},
            id="later",
        ),
        pytest.param(
            ServiceError("transcribe_AccessDenied"),
            PipelineError,
            {
                "message": "failed",
                "code": "transcribe_AccessDenied",
                "error": "ServiceError",
                "level": "ERROR",
            },
            id="refused",
        ),
        pytest.param(
            UsageError("a key outside"),
            PipelineError,
            {"message": "failed", "code": "unexpected", "error": "UsageError", "level": "ERROR"},
            id="unexpected",
        ),
    ],
)
def test_type_and_code_are_logged_and_the_code_is_raised(
    error: Exception,
    raised: type[PipelineError],
    told: dict[str, Any],
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail() -> None:
        raise error

    with pytest.raises(PipelineError) as caught:
        guarded(PowertoolsTelemetry("tested"), fail)
    assert type(caught.value) is raised
    assert caught.value is not error
    assert str(caught.value) == caught.value.code == told["code"]
    line = json.loads(capsys.readouterr().out)
    assert told.items() <= line.items()


def test_the_log_says_where_in_the_package_it_happened(
    capsys: pytest.CaptureFixture[str],
) -> None:
    from cci_lite.tenancy import check_tenant_id

    with pytest.raises(PipelineError):
        guarded(PowertoolsTelemetry("tested"), lambda: check_tenant_id("Not A Tenant"))
    line = json.loads(capsys.readouterr().out)
    file, number = line["operation"].split(":")
    assert file == "tenancy.py"
    assert int(number) > 1


def test_what_the_work_returns_comes_back(capsys: pytest.CaptureFixture[str]) -> None:
    assert guarded(PowertoolsTelemetry("tested"), lambda: 7) == 7
    assert capsys.readouterr().out == ""


def test_the_end_of_the_process_is_not_held_up() -> None:
    def end() -> None:
        raise SystemExit(3)

    with pytest.raises(SystemExit):
        guarded(PowertoolsTelemetry("tested"), end)
