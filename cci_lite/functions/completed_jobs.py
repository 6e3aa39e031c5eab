"""The functions `result_handler` and `analyzer`: a completed job becomes a unified document."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from cci_lite.aws.bedrock import BedrockEvaluator
from cci_lite.aws.comprehend import ComprehendNlp
from cci_lite.aws.queues import send_event
from cci_lite.contract.tenant import EvaluatorChoice, NlpChoice
from cci_lite.errors import RetryLaterError
from cci_lite.evaluation.by_rules.evaluator import RulesEvaluator
from cci_lite.functions.adapters import (
    files_of,
    notifier_of,
    registry_of,
    tenants_of,
    transcriber_of,
)
from cci_lite.functions.messages import each_message, ignore, take_events
from cci_lite.functions.wiring import Installation
from cci_lite.pipeline.events import Event, JobEvent, completed_event
from cci_lite.pipeline.judge import Judging, judge_call
from cci_lite.ports import JobStatus
from cci_lite.version import __version__

# The time that judging needs: Comprehend, the model and its second answer.
RESERVED_SECONDS = 120.0


def result_handler(here: Installation, event: Any, context: Any) -> Any:
    """Judge the calls of completed jobs, or pass them on to the analyzer, if it has a queue."""
    queue_url = here.settings.analysis_queue_url
    if queue_url is None:
        return analyzer(here, event, context)

    def hand_on(found: JobEvent) -> str:
        send_event(here.clients("sqs"), queue_url, completed_event(found.job_name))
        return "handed_on"

    return _each_completed(here, event, context, hand_on)


def analyzer(here: Installation, event: Any, context: Any) -> Any:
    """Judge the calls of completed jobs."""
    judging = dataclasses.replace(here.once(_judging), wait=bounded_wait(here.wait, context))
    holder = str(getattr(context, "aws_request_id", "by_hand"))

    def judge(found: JobEvent) -> str:
        return judge_call(judging, found.job_name, holder=holder).outcome.value

    return _each_completed(here, event, context, judge)


def bounded_wait(wait: Callable[[float], None], context: Any) -> Callable[[float], None]:
    """`wait` that raises RetryLaterError when too little time would be left for judging."""
    remaining = getattr(context, "get_remaining_time_in_millis", None)

    def bounded(seconds: float) -> None:
        if remaining is not None and remaining() / 1000 < seconds + RESERVED_SECONDS:
            raise RetryLaterError("out_of_time")
        wait(seconds)

    return bounded


def _each_completed(
    here: Installation, event: Any, context: Any, take_completed: Callable[[JobEvent], str]
) -> Any:
    def take(found: Event) -> str:
        if not isinstance(found, JobEvent) or found.status is not JobStatus.COMPLETED:
            return ignore(here, "no_completed_job")
        return take_completed(found)

    return each_message(event, context, lambda message: take_events(here, message, take))


def _judging(here: Installation) -> Judging:
    return Judging(
        registry=registry_of(here),
        files=files_of(here),
        transcriber=transcriber_of(here),
        tenants=tenants_of(here),
        nlp={
            NlpChoice.COMPREHEND: ComprehendNlp(here.clients("comprehend")),
            NlpChoice.NONE: None,
        },
        evaluators={
            EvaluatorChoice.BEDROCK: BedrockEvaluator(
                lambda region: here.clients("bedrock-runtime", region), here.clock
            ),
            EvaluatorChoice.RULES: RulesEvaluator(),
        },
        notifier=notifier_of(here),
        telemetry=here.telemetry,
        clock=here.clock,
        wait=here.wait,
        pipeline_version=__version__,
        overwrite=here.settings.overwrite_results,
    )
