"""Wires a Lambda function to AWS: settings, clients, and adapters that are made once."""

from __future__ import annotations

import datetime as dt
import functools
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

import boto3
from botocore.config import Config

from cci_lite.aws.queues import postpone
from cci_lite.aws.telemetry import PowertoolsTelemetry
from cci_lite.functions.guard import guarded
from cci_lite.settings import Settings

T = TypeVar("T")

# Read timeouts in seconds. All attempts together end before a function's own timeout. A model is
# asked once only: the queue redelivers the message when it had no time.
_PATIENCE = 20
_PATIENCE_WITH = {"bedrock-runtime": 120}
_ATTEMPTS = 4
_ATTEMPTS_WITH = {"bedrock-runtime": 1}


class Postpone(Protocol):
    """Delays messages of queues."""

    def __call__(self, queue_arn: str, receipt_handle: str, seconds: int, /) -> None:
        """Have a message delivered again after so many seconds. Raises PipelineError."""


class Clients(Protocol):
    """Makes clients of services."""

    def __call__(self, service: str, region: str | None = None) -> Any:
        """A client for the service; in the installation's own region unless one is given."""


@dataclass(eq=False)
class Installation:
    """What a function gets besides its event. It lives as long as the execution environment."""

    settings: Settings
    clients: Clients
    telemetry: PowertoolsTelemetry
    clock: Callable[[], dt.datetime]
    wait: Callable[[float], None]
    postpone: Postpone
    _made: dict[Callable[[Installation], Any], Any] = field(default_factory=dict)

    def once(self, make: Callable[[Installation], T]) -> T:
        """What `make` makes from this installation; made once, on first use."""
        if make not in self._made:
            self._made[make] = make(self)
        made: T = self._made[make]
        return made


Function = Callable[[Installation, Any, Any], Any]


def aws_installation(function: str, environment: Mapping[str, str]) -> Installation:
    """The installation that the environment describes; raises UsageError when it does not."""
    settings = Settings.from_environment(environment)
    # Clients are made on first use: making one takes longer than most invocations.
    session = boto3.Session()

    @functools.cache
    def client(service: str, region: str | None = None) -> Any:
        config = Config(
            connect_timeout=5,
            read_timeout=_PATIENCE_WITH.get(service, _PATIENCE),
            retries={
                "mode": "standard",
                "total_max_attempts": _ATTEMPTS_WITH.get(service, _ATTEMPTS),
            },
        )
        return session.client(service, region_name=region or settings.region, config=config)

    def put_off(queue_arn: str, receipt_handle: str, seconds: int) -> None:
        postpone(client("sqs"), queue_arn, receipt_handle, seconds)

    return Installation(
        settings=settings,
        clients=client,
        telemetry=PowertoolsTelemetry(function, level=settings.log_level),
        clock=lambda: dt.datetime.now(dt.UTC),
        wait=time.sleep,
        postpone=put_off,
    )


def entry_point(function: Function) -> Callable[[Any, Any], Any]:
    """What Lambda calls: the function, with the installation of the process's environment."""
    installation = functools.cache(lambda: aws_installation(function.__name__, os.environ))

    def lambda_handler(event: Any, context: Any) -> Any:
        return invoke(function, installation(), event, context)

    return lambda_handler


def invoke(function: Function, installation: Installation, event: Any, context: Any) -> Any:
    """One invocation; raises PipelineError with a code alone when it failed as a whole."""
    request_id = getattr(context, "aws_request_id", None)
    with installation.telemetry.about(request_id=request_id):
        return guarded(installation.telemetry, lambda: function(installation, event, context))
