"""Log lines and embedded metrics, as CloudWatch reads them from standard output."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cci_lite.aws.telemetry import PowertoolsTelemetry
from cci_lite.ports import LOG_FIELDS, Metric

CANARY = "Erika Mustermann +49 170 1234567"


def printed(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def test_a_line_has_event_function_and_fields(capsys: pytest.CaptureFixture[str]) -> None:
    PowertoolsTelemetry("job_init").log("taken", tenant_id="acme", revision=2, cost_usd=0.25)
    [line] = printed(capsys)
    assert line.pop("timestamp").endswith("+00:00")
    assert line == {
        "level": "INFO",
        "message": "taken",
        "service": "cci-lite",
        "function": "job_init",
        "tenant_id": "acme",
        "revision": 2,
        "cost_usd": 0.25,
    }


def test_a_field_without_a_value_is_left_out(capsys: pytest.CaptureFixture[str]) -> None:
    PowertoolsTelemetry("job_init").log("taken", reason=None)
    assert "reason" not in printed(capsys)[0]


def test_a_line_with_an_error_has_the_level_error(capsys: pytest.CaptureFixture[str]) -> None:
    PowertoolsTelemetry("job_init").log("failed", error="KeyError")
    assert printed(capsys)[0]["level"] == "ERROR"


def test_a_line_without_an_error_has_the_level_info(
    capsys: pytest.CaptureFixture[str],
) -> None:
    PowertoolsTelemetry("reconciler").log("reconciled", error=None)
    assert printed(capsys)[0]["level"] == "INFO"


def test_the_service_that_was_called_does_not_hide_ours(
    capsys: pytest.CaptureFixture[str],
) -> None:
    PowertoolsTelemetry("job_init").log("refused", service="transcribe")
    [line] = printed(capsys)
    assert (line["service"], line["aws_service"]) == ("cci-lite", "transcribe")


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        pytest.param(CANARY, "<str>", id="a sentence"),
        pytest.param("acme/calls/erika.wav", "<str>", id="a key"),
        pytest.param("erika@example.com", "<str>", id="an address"),
        pytest.param("x" * 201, "<str>", id="a long word"),
        pytest.param("word\n", "<str>", id="a word and a line end"),
        pytest.param("Müller", "<str>", id="a word that is not ASCII"),
        pytest.param([CANARY], "<list>", id="a list"),
        pytest.param({CANARY: 1}, "<dict>", id="an object"),
        pytest.param(ValueError(CANARY), "<ValueError>", id="an exception"),
        pytest.param(float("nan"), "<float>", id="not a number"),
        pytest.param(float("-inf"), "<float>", id="infinity"),
        pytest.param(10**5000, "<int>", id="a huge number"),
        pytest.param(4111111111111111, "<int>", id="a card's number"),
    ],
)
def test_a_value_that_is_no_word_is_replaced_by_its_type(
    value: Any, kind: str, capsys: pytest.CaptureFixture[str]
) -> None:
    PowertoolsTelemetry("job_init").log("taken", reason=value)
    [line] = printed(capsys)
    assert (line["reason"], line["withheld"]) == (kind, 1)


def test_fields_that_are_not_allowed_are_counted_only(capsys: pytest.CaptureFixture[str]) -> None:
    PowertoolsTelemetry("job_init").log("taken", transcript="word", key="erika.wav")
    [line] = printed(capsys)
    assert line["withheld"] == 2
    assert not line.keys() & {"transcript", "key"}


def test_an_event_that_is_no_word_is_withheld(capsys: pytest.CaptureFixture[str]) -> None:
    PowertoolsTelemetry("job_init").log(CANARY)
    [line] = printed(capsys)
    assert (line["message"], line["withheld"]) == ("<str>", 1)


def test_every_allowed_field_can_be_logged(capsys: pytest.CaptureFixture[str]) -> None:
    PowertoolsTelemetry("job_init").log("taken", **dict.fromkeys(sorted(LOG_FIELDS), "word"))
    [line] = printed(capsys)
    assert line.keys() >= (LOG_FIELDS - {"service"}) | {"aws_service"}
    assert "withheld" not in line


def test_the_level_of_the_last_telemetry_counts(capsys: pytest.CaptureFixture[str]) -> None:
    PowertoolsTelemetry("job_init", level="INFO")
    PowertoolsTelemetry("job_init", level="ERROR").log("taken")
    assert printed(capsys) == []


def test_all_lines_and_metrics_about_a_call_name_it(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry = PowertoolsTelemetry("job_init")
    with telemetry.about(request_id="r-1"):
        with telemetry.about(tenant_id="acme", call_id="cci_acme_x"):
            telemetry.count(Metric.RECEIVED)
            telemetry.log("taken", revision=1)
        telemetry.log("after")
    line, metrics, after = printed(capsys)
    for seen in (line, metrics):
        assert (seen["request_id"], seen["call_id"]) == ("r-1", "cci_acme_x")
    assert "call_id" not in after


def test_metrics_go_out_even_when_the_work_failed(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry = PowertoolsTelemetry("job_init")

    def fail() -> None:
        with telemetry.about(call_id="cci_acme_x"):
            telemetry.count(Metric.FAILED)
            raise KeyError

    with pytest.raises(KeyError):
        fail()
    [metrics] = printed(capsys)
    assert metrics["failed"] == [1.0]


def test_a_metric_has_its_unit_and_only_function_and_service_as_dimensions(
    capsys: pytest.CaptureFixture[str],
) -> None:
    telemetry = PowertoolsTelemetry("analyzer")
    with telemetry.about(tenant_id="acme"):
        telemetry.count(Metric.DOCUMENTED)
        telemetry.count(Metric.DOCUMENTED)
        telemetry.count(Metric.MODEL_LATENCY, 1.5)
        telemetry.count(Metric.COST, 0.12)
    [metrics] = printed(capsys)
    [described] = metrics["_aws"]["CloudWatchMetrics"]
    assert described == {
        "Namespace": "CCILite",
        "Dimensions": [["service", "function"]],
        "Metrics": [
            {"Name": "documented", "Unit": "Count"},
            {"Name": "model_latency", "Unit": "Seconds"},
            {"Name": "cost", "Unit": "None"},
        ],
    }
    assert (metrics["function"], metrics["tenant_id"]) == ("analyzer", "acme")
    assert (metrics["documented"], metrics["model_latency"]) == ([1.0, 1.0], [1.5])


def test_metrics_of_one_call_do_not_go_out_with_the_next(
    capsys: pytest.CaptureFixture[str],
) -> None:
    telemetry = PowertoolsTelemetry("job_init")
    for tenant_id in ("acme", "globex"):
        with telemetry.about(tenant_id=tenant_id):
            telemetry.count(Metric.RECEIVED)
    sent = printed(capsys)
    assert [(each["tenant_id"], each["received"]) for each in sent] == [
        ("acme", [1.0]),
        ("globex", [1.0]),
    ]
    assert sent[1]["function"] == "job_init"


def test_nothing_counted_is_nothing_sent(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry = PowertoolsTelemetry("job_init")
    with telemetry.about(tenant_id="acme"):
        pass
    telemetry.flush()
    assert printed(capsys) == []


def test_a_metric_that_is_not_a_number_does_not_spoil_the_others(
    capsys: pytest.CaptureFixture[str],
) -> None:
    telemetry = PowertoolsTelemetry("job_init")
    telemetry.count(Metric.COST, float("nan"))
    telemetry.count(Metric.RECEIVED)
    telemetry.flush()
    line, metrics = printed(capsys)
    assert (line["message"], line["metric"]) == ("metric_withheld", "cost")
    assert "cost" not in metrics


def test_a_span_is_a_metric_in_seconds_also_when_the_step_fails(
    capsys: pytest.CaptureFixture[str],
) -> None:
    ticks = iter([10.0, 12.5])
    telemetry = PowertoolsTelemetry("analyzer", timer=lambda: next(ticks))
    with pytest.raises(KeyError), telemetry.span("evaluate"):
        raise KeyError
    telemetry.flush()
    assert printed(capsys)[0]["evaluate_seconds"] == [2.5]


def test_a_span_whose_name_is_no_word_is_not_measured(capsys: pytest.CaptureFixture[str]) -> None:
    telemetry = PowertoolsTelemetry("analyzer")
    with telemetry.span(CANARY):
        pass
    telemetry.flush()
    assert printed(capsys) == []
