"""Uploads by queue, by rule, by notification and by hand."""

from __future__ import annotations

import json

import pytest

from cci_lite.contract.registry import CallState
from cci_lite.errors import PipelineError
from cci_lite.functions.job_init import job_init
from cci_lite.tenancy import call_id_for
from tests.unit.functions.moto_installation import Cloud, batch, failed_items, job_event

KEY = "acme/calls/Erika Mustermann +49 170 1234567.wav"


def test_an_upload_gets_one_job_however_often_it_is_told(cloud: Cloud) -> None:
    event = cloud.upload(KEY)
    for _ in range(3):
        assert cloud.call(job_init, batch(event, event)) == {"batchItemFailures": []}
    assert cloud.jobs() == [f"{call_id_for('acme', KEY)}_r1"]


@pytest.mark.parametrize("shape", ["rule", "list", "notification"])
def test_an_upload_may_come_without_a_queue(cloud: Cloud, shape: str) -> None:
    event = cloud.upload("acme/calls/a b.wav")
    stored = event["detail"]["object"]
    notification = {
        "Records": [
            {
                "eventSource": "aws:s3",
                "eventName": "ObjectCreated:Put",
                "eventTime": event["time"],
                "s3": {
                    "bucket": {"name": "recordings"},
                    "object": {
                        "key": "acme/calls/a+b.wav",
                        "size": stored["size"],
                        "eTag": stored["etag"],
                        "versionId": stored["version-id"],
                        "sequencer": "0A",
                    },
                },
            }
        ]
    }
    given = {"rule": event, "list": [event, event], "notification": notification}[shape]
    assert cloud.call(job_init, given) is None
    assert cloud.jobs() == [f"{call_id_for('acme', 'acme/calls/a b.wav')}_r1"]


def test_a_failed_message_is_reported_and_the_others_are_taken(cloud: Cloud) -> None:
    cloud.config.put("TENANT#globex", "META#v1", {"name": "globex", "time_zone": "Mars/Olympus"})
    broken = cloud.upload("globex/calls/one.wav")
    good = cloud.upload("acme/calls/one.wav")
    assert failed_items(cloud.call(job_init, batch(broken, good))) == ["m-0"]
    assert len(cloud.jobs()) == 1


def test_a_failed_batch_is_reported_and_nothing_is_raised(cloud: Cloud) -> None:
    cloud.config.put("TENANT#acme", "META#v1", {"name": "acme", "time_zone": "Mars/Olympus"})
    answer = cloud.call(job_init, batch(cloud.upload("acme/calls/one.wav")))
    assert failed_items(answer) == ["m-0"]


def test_one_event_of_a_message_does_not_keep_the_next_from_being_taken(cloud: Cloud) -> None:
    cloud.config.put("TENANT#globex", "META#v1", {"name": "globex", "time_zone": "Mars/Olympus"})
    given = [cloud.upload("globex/calls/one.wav"), cloud.upload("acme/calls/one.wav")]
    records = [{"eventSource": "aws:sns", "Sns": {"Message": json.dumps(event)}} for event in given]
    with pytest.raises(PipelineError) as caught:
        cloud.call(job_init, {"Records": records})
    assert str(caught.value) == "tenant_unreadable"
    assert len(cloud.jobs()) == 1


@pytest.mark.parametrize(
    "event",
    [
        pytest.param(job_event("cci_acme_aaaaaaaaaaaaaaaaaaaa_r1", "COMPLETED"), id="a job's end"),
        pytest.param({"detail-type": "Object Deleted", "source": "aws.s3"}, id="a deletion"),
        pytest.param("not JSON", id="no JSON"),
        pytest.param("[]", id="a list"),
    ],
)
def test_what_is_no_upload_is_counted_and_left_alone(
    cloud: Cloud, event: object, capsys: pytest.CaptureFixture[str]
) -> None:
    assert failed_items(cloud.call(job_init, batch(event))) == []
    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert [line["ignored"] for line in lines if "_aws" in line] == [[1.0]]
    assert cloud.jobs() == []


def test_lines_and_metrics_of_an_upload_name_its_call_and_not_its_file(
    cloud: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    cloud.call(job_init, batch(cloud.upload(KEY)))
    out = capsys.readouterr().out
    lines = [json.loads(line) for line in out.splitlines()]
    assert lines
    assert {line["call_id"] for line in lines} == {call_id_for("acme", KEY)}
    assert {line["tenant_id"] for line in lines} == {"acme"}
    for word in ("Erika", "Mustermann", "1234567"):
        assert word not in out


def test_an_error_of_a_service_leaks_nothing(
    cloud: Cloud, capsys: pytest.CaptureFixture[str]
) -> None:
    cloud.broken["s3"] = ValueError(f"cannot read {KEY}")
    with pytest.raises(PipelineError) as caught:
        cloud.call(job_init, {})
    assert str(caught.value) == "unexpected"
    assert "Erika" not in capsys.readouterr().out


def test_the_registry_knows_an_upload_that_was_refused(cloud: Cloud) -> None:
    cloud.call(job_init, batch(cloud.upload("acme/calls/notes.txt")))
    [record] = cloud.registry.records(call_id_for("acme", "acme/calls/notes.txt"))
    assert (record.state, record.reason) == (CallState.REFUSED, "media_format")
