"""Timeouts, visibility and retention fit together as deployed."""

from __future__ import annotations

import pytest

from cci_lite.functions.completed_jobs import RESERVED_SECONDS
from cci_lite.functions.messages import LONGEST_BACKOFF, backoff_seconds
from cci_lite.functions.wiring import aws_installation
from cci_lite.pipeline import rewrite
from cci_lite.pipeline.judge import LEASE, TRANSCRIPT_WAITS
from cci_lite.pipeline.notify import DEAD_LETTERS
from tests.unit.functions.test_descriptions import FUNCTIONS, JUDGES, all_queues, described
from tests.unit.functions.test_wiring import ENVIRONMENT

# A throttle, or a model in trouble, may last so long before a message is one for people.
TROUBLE_SECONDS = 3_600


def patience(service: str) -> float:
    """The longest that the answers to one question can be waited for, all attempts together."""
    config = aws_installation("analyzer", ENVIRONMENT).clients(service).meta.config
    attempts: int = config.retries["total_max_attempts"]
    return attempts * float(config.read_timeout + config.connect_timeout)


@pytest.mark.parametrize("function", JUDGES)
def test_a_lease_outlasts_its_function_and_ends_before_a_crash_is_delivered_again(
    function: str,
) -> None:
    description = described(function)
    assert description["timeout_seconds"] < LEASE.total_seconds()
    for queue in description["queues"]:
        assert LEASE.total_seconds() < queue["visibility_timeout_seconds"]


def test_the_lease_of_a_rewrite_outlasts_its_function() -> None:
    assert described("reconciler")["timeout_seconds"] < rewrite.LEASE.total_seconds()


@pytest.mark.parametrize("function", JUDGES)
def test_a_model_that_is_asked_twice_leaves_time_for_the_rest(function: str) -> None:
    timeout = described(function)["timeout_seconds"]
    assert 2 * patience("bedrock-runtime") + RESERVED_SECONDS < timeout
    # The transcript is waited for only as long as that much is left.
    assert sum(TRANSCRIPT_WAITS) + RESERVED_SECONDS < timeout


def test_a_model_is_asked_once_because_the_queue_delivers_again() -> None:
    config = aws_installation("analyzer", ENVIRONMENT).clients("bedrock-runtime").meta.config
    assert (config.retries["total_max_attempts"], config.read_timeout) == (1, 120)


@pytest.mark.parametrize("service", ["s3", "dynamodb", "transcribe", "comprehend", "sns"])
def test_what_is_reserved_is_enough_for_a_question_to_any_other_service(service: str) -> None:
    assert patience(service) < RESERVED_SECONDS


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_delayed_message_comes_before_its_visibility_timeout(function: str) -> None:
    for queue in described(function)["queues"]:
        if not queue["name"].endswith(DEAD_LETTERS):
            assert queue["visibility_timeout_seconds"] >= LONGEST_BACKOFF


def test_a_throttle_of_an_hour_makes_no_dead_letters() -> None:
    for name, queue in all_queues().items():
        if not name.endswith(DEAD_LETTERS):
            deliveries = range(1, queue["dead_letter"]["max_receive_count"])
            assert sum(map(backoff_seconds, deliveries)) > TROUBLE_SECONDS
