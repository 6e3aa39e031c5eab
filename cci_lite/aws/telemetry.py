"""Writes logs, metrics and timings to standard output in the formats that CloudWatch reads."""

from __future__ import annotations

import logging
import math
import re
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TextIO

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.metrics.provider.cloudwatch_emf.cloudwatch import (
    AmazonCloudWatchEMFProvider,
)

from cci_lite.ports import LOG_FIELDS, Metric

SERVICE = "cci-lite"
NAMESPACE = "CCILite"

# What field values and event names may look like: ids, codes, model ids. An object key (`/`), a
# sentence (spaces) or an address (`@`) does not match, and so is never logged.
_WORD = re.compile(r"[A-Za-z0-9_.:#=-]{0,200}", re.ASCII)
# Larger than any count, smaller than card numbers, which must not be logged.
_LARGEST = 1e12
_STEP = re.compile(r"[a-z][a-z0-9_]{0,40}", re.ASCII)
_UNITS: dict[Metric, MetricUnit | str] = {
    Metric.MODEL_LATENCY: MetricUnit.Seconds,
    Metric.COST: "None",
}


class PowertoolsTelemetry:
    """Telemetry: one line of JSON per event, metrics in the embedded metric format.

    A field that is not one of LOG_FIELDS is left out, and a value that is neither a single word nor
    a number is replaced by its type; the line's `withheld` counts both. A line with the field
    `error` has the level ERROR. What a metric is about (tenant, call) is metadata beside it, never
    a dimension, which CloudWatch would charge as a metric of its own.
    """

    def __init__(
        self, function: str, *, level: str = "INFO", timer: Callable[[], float] = time.perf_counter
    ) -> None:
        self._function = function
        self._timer = timer
        self._about: dict[str, str | float] = {}
        self._logger = Logger(
            service=SERVICE,
            level=level,
            logger_handler=_Stdout(),
            location=None,
            use_rfc3339=True,
            utc=True,
        )
        self._logger.setLevel(level)  # the logger of a service is configured only once
        self._metrics = AmazonCloudWatchEMFProvider(
            namespace=NAMESPACE,
            service=SERVICE,
            default_dimensions={"service": SERVICE, "function": function},
        )

    def log(self, event: str, **fields: str | float | None) -> None:
        """One event with fields."""
        shown, withheld = _loggable(fields)
        line: dict[str, Any] = {"function": self._function, **self._about, **shown}
        # A line's `service` is this product; the one that was called has another name.
        if (called := line.pop("service", None)) is not None:
            line["aws_service"] = called
        if not _WORD.fullmatch(event):
            event, withheld = _kind(event), withheld + 1
        if withheld:
            line["withheld"] = withheld
        write = self._logger.error if fields.get("error") is not None else self._logger.info
        write(event, extra=line)

    def count(self, metric: Metric, value: float = 1) -> None:
        """Add to a metric."""
        self._add(metric.value, _UNITS.get(metric, MetricUnit.Count), value)

    @contextmanager
    def span(self, name: str) -> Iterator[None]:
        """Time a step: the metric `<name>_seconds`."""
        started = self._timer()
        try:
            yield
        finally:
            if _STEP.fullmatch(name):
                self._add(f"{name}_seconds", MetricUnit.Seconds, self._timer() - started)

    @contextmanager
    def about(self, **fields: str | float | None) -> Iterator[None]:
        """Add these fields to all lines and metrics inside; metrics are sent at the end."""
        self.flush()
        before = self._about
        self._about = {**before, **_loggable(fields)[0]}
        try:
            yield
        finally:
            self.flush()
            self._about = before

    def flush(self) -> None:
        """Send the metrics that were counted since the last flush."""
        if self._metrics.metric_set:
            for name, value in self._about.items():
                self._metrics.add_metadata(name, value)
            self._metrics.flush_metrics()

    def _add(self, name: str, unit: MetricUnit | str, value: float) -> None:
        if math.isfinite(value):
            self._metrics.add_metric(name=name, unit=unit, value=value)
        else:  # not JSON: the whole object would be lost with it
            self.log("metric_withheld", metric=name)


class _Stdout(logging.StreamHandler[TextIO]):
    """Writes to the current `sys.stdout`, as the metrics do, even after it was replaced."""

    def __init__(self) -> None:
        logging.Handler.__init__(self)

    @property
    def stream(self) -> TextIO:  # type: ignore[override]
        return sys.stdout


def _loggable(fields: Mapping[str, object]) -> tuple[dict[str, str | float], int]:
    """The fields as they may be logged, and how many of them may not."""
    shown: dict[str, str | float] = {}
    withheld = 0
    for name, value in fields.items():
        if value is None:
            continue
        if name not in LOG_FIELDS:
            withheld += 1
        elif isinstance(value, str) and _WORD.fullmatch(value):
            shown[name] = str(value)
        elif isinstance(value, (int, float)) and abs(value) < _LARGEST:
            shown[name] = value
        else:
            shown[name], withheld = _kind(value), withheld + 1
    return shown, withheld


def _kind(value: object) -> str:
    return f"<{type(value).__name__}>"
