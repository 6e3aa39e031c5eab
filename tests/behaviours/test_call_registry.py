"""The behaviour that every registry of calls must have, tested on each implementation."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from cci_lite.aws.registry import DynamoRegistry, calls_table_definition
from cci_lite.contract.document import Redaction
from cci_lite.contract.metadata import CallMetadata
from cci_lite.contract.registry import (
    CallRecord,
    CallState,
    MetadataSource,
    StoredMetadata,
    Upload,
    leased,
    moved,
)
from cci_lite.ports import CallRegistry
from cci_lite.tenancy import call_id_for
from cci_lite.testing.memory import MemoryRegistry
from tests.aws.account import empty_account

AT = dt.datetime(2025, 11, 5, 9, 30, tzinfo=dt.UTC)


@pytest.fixture(params=["memory", "dynamodb"])
def registry(request: pytest.FixtureRequest) -> Iterator[Any]:
    if request.param == "memory":
        yield MemoryRegistry()
        return
    with empty_account():
        client = boto3.client("dynamodb", region_name="eu-central-1")
        client.create_table(**calls_table_definition("cci-lite-calls"))
        yield DynamoRegistry(client, "cci-lite-calls")


def record(
    name: str = "one.wav",
    *,
    tenant_id: str = "acme",
    revision: int = 1,
    state: CallState = CallState.RECEIVED,
    received_at: dt.datetime = AT,
) -> CallRecord:
    key = f"{tenant_id}/calls/{name}"
    upload = Upload(
        tenant_id=tenant_id, key=key, size=2048, etag="0cc175b9", uploaded_at=AT, version_id="v1"
    )
    return CallRecord(
        call_id=call_id_for(tenant_id, key),
        revision=revision,
        upload=upload,
        state=state,
        received_at=received_at,
        updated_at=received_at,
    )


def told(agent_id: str, version: int) -> StoredMetadata:
    known = StoredMetadata(version=version - 1)
    metadata = known.with_told(MetadataSource.WEBHOOK, CallMetadata(agent_id=agent_id), AT)
    assert metadata is not None
    return metadata


def test_a_call_that_nobody_uploaded_has_no_records(registry: CallRegistry) -> None:
    assert registry.records("cci_acme_unknown") == []


def test_a_record_reads_back_as_it_was_added(registry: CallRegistry) -> None:
    full = moved(
        record(),
        CallState.TRANSCRIBED,
        AT + dt.timedelta(microseconds=1),
        reason="waiting",
        media_key="work/acme/media/job.wav",
        language_code="en-US",
        redaction=Redaction.MASKED,
        form=("default", 3),
        document_key="unified/acme/2025/11/05/job.json",
        stale_keys=("unified/acme/2025/11/04/job.json",),
        metadata_version=2,
        rewrite=True,
        redrives=4,
    )
    held = leased(full, "holder", AT, dt.timedelta(minutes=5))
    assert held is not None
    assert registry.add(held)
    assert registry.records(held.call_id) == [held]


def test_records_of_a_call_come_by_revision(registry: CallRegistry) -> None:
    for revision in (10, 2, 1, 100):
        assert registry.add(record(revision=revision))
    registry.add(record("other.wav"))
    found = registry.records(record().call_id)
    assert [one.revision for one in found] == [1, 2, 10, 100]


def test_a_record_is_added_once(registry: CallRegistry) -> None:
    first = record()
    assert registry.add(first)
    again = moved(record(), CallState.FAILED, AT)
    assert not registry.add(again)
    assert registry.records(first.call_id) == [first]


def test_the_next_version_replaces_a_record(registry: CallRegistry) -> None:
    first = record()
    registry.add(first)
    second = moved(first, CallState.TRANSCRIBING, AT)
    assert registry.replace(second)
    assert registry.records(first.call_id) == [second]


@pytest.mark.parametrize("ahead", [0, 2], ids=["the same version", "a later version"])
def test_another_version_than_the_next_changes_nothing(registry: CallRegistry, ahead: int) -> None:
    first = record()
    registry.add(first)
    other = first
    for _ in range(ahead):
        other = moved(other, CallState.TRANSCRIBING, AT)
    assert not registry.replace(other)
    assert registry.records(first.call_id) == [first]


def test_a_record_that_is_not_there_is_not_replaced(registry: CallRegistry) -> None:
    assert not registry.replace(moved(record(), CallState.FAILED, AT))
    assert registry.records(record().call_id) == []


def test_of_several_at_once_one_adds_and_one_replaces() -> None:
    # Of memory alone: moto answers conditional writes of several threads without a lock.
    registry = MemoryRegistry()
    first = record()
    next_one = moved(first, CallState.TRANSCRIBING, AT)
    barrier = threading.Barrier(4)
    added: list[bool] = []
    replaced: list[bool] = []

    def work() -> None:
        barrier.wait()
        added.append(registry.add(first))
        barrier.wait()
        replaced.append(registry.replace(next_one))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(added) == sorted(replaced) == [False, False, False, True]


def test_records_are_found_by_tenant_and_state_oldest_first(registry: CallRegistry) -> None:
    times = {
        "late": AT + dt.timedelta(seconds=1),
        "fraction": AT + dt.timedelta(milliseconds=500),
        "full": AT,
        "early": AT - dt.timedelta(days=400),
    }
    for name, at in times.items():
        registry.add(record(f"{name}.wav", received_at=at))
    registry.add(record("moved.wav", state=CallState.DONE))
    registry.add(record("theirs.wav", tenant_id="acme2"))
    found = registry.find("acme", CallState.RECEIVED)
    assert [one.upload.key for one in found] == [
        f"acme/calls/{name}.wav" for name in ("early", "full", "fraction", "late")
    ]


def test_states_that_begin_alike_are_not_mixed_up(registry: CallRegistry) -> None:
    for state in CallState:
        registry.add(record(f"{state}.wav", state=state))
    for state in CallState:
        assert [one.state for one in registry.find("acme", state)] == [state]


MOMENT = dt.timedelta(microseconds=1)


@pytest.mark.parametrize(
    ("first", "until", "found"),
    [
        pytest.param(None, None, [0, 1, 2], id="all"),
        pytest.param(AT, None, [1, 2], id="from its time on"),
        pytest.param(AT + MOMENT, None, [2], id="from a moment later"),
        pytest.param(None, AT, [0], id="until excludes its time"),
        pytest.param(None, AT + MOMENT, [0, 1], id="until a moment later"),
        pytest.param(AT, AT + MOMENT, [1], id="one moment"),
        pytest.param(AT, AT, [], id="nothing between"),
        pytest.param(AT + MOMENT, AT - MOMENT, [], id="backwards"),
        pytest.param(
            AT.astimezone(dt.timezone(dt.timedelta(hours=5))), None, [1, 2], id="another zone"
        ),
    ],
)
def test_records_are_found_by_when_they_were_received(
    registry: CallRegistry, first: dt.datetime | None, until: dt.datetime | None, found: list[int]
) -> None:
    records = [
        record(f"{days}.wav", received_at=AT + dt.timedelta(days=days - 1)) for days in range(3)
    ]
    for one in records:
        registry.add(one)
    answer = registry.find("acme", CallState.RECEIVED, received_from=first, received_until=until)
    assert list(answer) == [records[index] for index in found]


def test_a_record_is_found_in_its_present_state_only(registry: CallRegistry) -> None:
    first = record()
    registry.add(first)
    registry.replace(moved(first, CallState.DONE, AT))
    assert list(registry.find("acme", CallState.RECEIVED)) == []
    assert len(list(registry.find("acme", CallState.DONE))) == 1


def test_more_records_than_fit_on_a_page_are_found(registry: CallRegistry) -> None:
    # A page is a megabyte.
    padding = "x" * 90_000
    for number in range(24):
        registry.add(record(f"{number}{padding}.wav"))
    assert len(list(registry.find("acme", CallState.RECEIVED))) == 24


def test_marked_records_are_to_be_rewritten_until_they_were(registry: CallRegistry) -> None:
    done = record(state=CallState.DONE)
    registry.add(done)
    registry.add(record("theirs.wav", tenant_id="acme2", state=CallState.DONE))
    assert list(registry.to_rewrite("acme")) == []
    marked = moved(done, CallState.DONE, AT, rewrite=True)
    registry.replace(marked)
    assert list(registry.to_rewrite("acme")) == [marked]
    assert list(registry.to_rewrite("acme2")) == []
    registry.replace(moved(marked, CallState.DONE, AT, rewrite=False))
    assert list(registry.to_rewrite("acme")) == []


def test_a_call_has_no_metadata_at_first(registry: CallRegistry) -> None:
    assert registry.metadata("acme", "cci_acme_x") == StoredMetadata()


def test_metadata_reads_back(registry: CallRegistry) -> None:
    metadata = told("a7", 1)
    assert registry.put_metadata("acme", "cci_acme_x", metadata)
    assert registry.metadata("acme", "cci_acme_x") == metadata
    assert registry.metadata("acme", "cci_acme_y") == StoredMetadata()
    assert registry.metadata("other", "cci_acme_x") == StoredMetadata()


@pytest.mark.parametrize("version", [1, 3], ids=["the same version", "a later version"])
def test_metadata_stored_meanwhile_is_not_lost(registry: CallRegistry, version: int) -> None:
    registry.put_metadata("acme", "cci_acme_x", told("a7", 1))
    assert not registry.put_metadata("acme", "cci_acme_x", told("a8", version))
    assert registry.put_metadata("acme", "cci_acme_x", told("a9", 2))
    assert registry.metadata("acme", "cci_acme_x").merged.agent_id == "a9"


def test_the_first_metadata_has_version_one(registry: CallRegistry) -> None:
    assert not registry.put_metadata("acme", "cci_acme_x", told("a7", 2))
    assert registry.metadata("acme", "cci_acme_x") == StoredMetadata()


def test_metadata_and_its_records_are_replaced_in_one_step(
    registry: CallRegistry,
) -> None:
    done, open_one = record(state=CallState.DONE), record(revision=2)
    assert registry.add(done)
    assert registry.add(open_one)
    marked = moved(done, CallState.DONE, AT, rewrite=True)
    touched = moved(open_one, CallState.RECEIVED, AT)
    assert registry.put_metadata("acme", done.call_id, told("a7", 1), [marked, touched])
    assert registry.metadata("acme", done.call_id) == told("a7", 1)
    assert registry.records(done.call_id) == [marked, touched]
    assert list(registry.to_rewrite("acme")) == [marked]


@pytest.mark.parametrize("overtaken", ["metadata", "first record", "second record", "no record"])
def test_nothing_is_replaced_when_one_version_has_moved_on(
    registry: CallRegistry, overtaken: str
) -> None:
    first, second = record(state=CallState.DONE), record(revision=2)
    registry.add(first)
    if overtaken != "no record":
        registry.add(second)
    changes = [moved(first, CallState.DONE, AT, rewrite=True), moved(second, CallState.FAILED, AT)]
    if overtaken == "first record":
        assert registry.replace(moved(first, CallState.REVIEW, AT))
    elif overtaken == "second record":
        assert registry.replace(moved(second, CallState.TRANSCRIBING, AT))
    elif overtaken == "metadata":
        assert registry.put_metadata("acme", first.call_id, told("a6", 1))
    before = registry.records(first.call_id), registry.metadata("acme", first.call_id)

    assert not registry.put_metadata("acme", first.call_id, told("a7", 1), changes)

    assert (registry.records(first.call_id), registry.metadata("acme", first.call_id)) == before


def test_a_step_replaces_as_many_records_as_a_transaction_may_hold(registry: CallRegistry) -> None:
    records = [record(revision=number) for number in range(1, 100)]
    for each in records:
        registry.add(each)
    touched = [moved(each, CallState.FAILED, AT) for each in records]
    assert registry.put_metadata("acme", records[0].call_id, told("a7", 1), touched)
    assert registry.records(records[0].call_id) == touched


def test_metadata_of_a_call_is_no_record_of_it(registry: CallRegistry) -> None:
    call_id = record().call_id
    registry.put_metadata("acme", call_id, told("a7", 1))
    assert registry.records(call_id) == []
    registry.add(record())
    assert registry.records(call_id) == [record()]
    assert registry.metadata("acme", call_id) == told("a7", 1)


def test_notices_are_remembered_one_by_one(registry: CallRegistry) -> None:
    assert not registry.is_noted("failed:cci_acme_x:1")
    registry.note("failed:cci_acme_x:1", AT)
    registry.note("failed:cci_acme_x:1", AT)
    assert registry.is_noted("failed:cci_acme_x:1")
    assert not registry.is_noted("failed:cci_acme_x:2")
