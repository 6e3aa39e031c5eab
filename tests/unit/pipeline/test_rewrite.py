"""Documents written again for metadata that came in late."""

from __future__ import annotations

import datetime as dt

import pytest

from cci_lite.contract.metadata import CallMetadata
from cci_lite.contract.registry import CallState, MetadataSource, moved
from cci_lite.errors import RetryLaterError
from cci_lite.pipeline.rewrite import Rewriting, rewrite_document
from tests.courts import Court


@pytest.fixture
def court() -> Court:
    court = Court()
    court.finish_and_judge()
    return court


def tell(court: Court, metadata: CallMetadata) -> None:
    """Metadata arrives, and the document is marked."""
    record = court.record()
    stored = court.registry.metadata("acme", record.call_id)
    told = stored.with_told(MetadataSource.SIDECAR, metadata, court.clock())
    assert told is not None
    assert court.registry.put_metadata("acme", record.call_id, told)
    assert court.registry.replace(moved(record, record.state, court.clock(), rewrite=True))


def rewriting(court: Court) -> Rewriting:
    return Rewriting(
        court.registry, court.files, court.intake.tenants, court.telemetry, court.clock
    )


def test_late_metadata_reaches_the_document_and_leaves_the_verdicts(court: Court) -> None:
    before = court.document()
    tell(court, CallMetadata(agent_id="a-7", queue="billing"))
    assert rewrite_document(rewriting(court), court.record())
    after = court.document()
    assert after.agent is not None
    assert (after.agent.agent_id, after.queue) == ("a-7", "billing")
    assert after.qa_evaluation == before.qa_evaluation
    record = court.record()
    assert (record.state, record.rewrite, record.metadata_version) == (CallState.DONE, False, 1)


def test_a_call_on_another_day_has_its_document_there_and_only_there(court: Court) -> None:
    tell(court, CallMetadata(started_at=dt.datetime(2025, 10, 1, 12, tzinfo=dt.UTC)))
    assert rewrite_document(rewriting(court), court.record())
    assert court.document().call_date == dt.date(2025, 10, 1)
    assert court.record().document_key in court.files.objects


def test_a_start_that_the_upload_rules_out_leaves_the_document_on_its_day(court: Court) -> None:
    before = court.document()
    ahead = dt.datetime(2099, 1, 1, tzinfo=dt.UTC)
    tell(court, CallMetadata(started_at=ahead, queue="billing"))
    assert rewrite_document(rewriting(court), court.record())
    after = court.document()
    assert (after.call_date, after.call_started_at) == (before.call_date, before.call_started_at)
    assert after.queue == "billing"


def test_rewriting_twice_changes_nothing(court: Court) -> None:
    tell(court, CallMetadata(agent_id="a-7"))
    marked = court.record()
    assert rewrite_document(rewriting(court), marked)
    assert not rewrite_document(rewriting(court), marked)


@pytest.mark.parametrize(
    ("content", "reason"), [(None, "document_expired"), (b"{", "document_unreadable")]
)
def test_a_document_that_cannot_be_rewritten_loses_its_mark_and_is_logged(
    court: Court, content: bytes | None, reason: str
) -> None:
    key = str(court.record().document_key)
    del court.files.objects[key]
    if content is not None:
        court.files.put(key, content)
    tell(court, CallMetadata(agent_id="a-7"))
    assert rewrite_document(rewriting(court), court.record())
    assert not court.record().rewrite
    assert ("not_rewritten", reason) in [
        (event, fields.get("reason")) for event, fields in court.telemetry.events
    ]


def test_the_document_of_a_later_upload_is_left_alone(court: Court) -> None:
    tell(court, CallMetadata(agent_id="a-7"))
    key = str(court.record().document_key)
    data = court.files.objects[key][0].replace(b'"revision":1', b'"revision":2')
    court.files.put(key, data)
    assert rewrite_document(rewriting(court), court.record())
    assert court.files.objects[key][0] == data


def test_metadata_that_comes_in_meanwhile_keeps_the_mark(court: Court) -> None:
    tell(court, CallMetadata(agent_id="a-7"))
    found = court.record()
    ports = rewriting(court)

    class Slow:
        def __getattr__(self, name: str) -> object:
            return getattr(court.registry, name)

        def replace(self, record: object) -> bool:
            tell(court, CallMetadata(agent_id="a-8"))
            return court.registry.replace(record)  # type: ignore[arg-type]

    slow = Rewriting(Slow(), ports.files, ports.tenants, ports.telemetry, ports.clock)  # type: ignore[arg-type]
    with pytest.raises(RetryLaterError):
        rewrite_document(slow, found)
    assert court.record().rewrite
    assert rewrite_document(ports, court.record())
    agent = court.document().agent
    assert agent is not None
    assert agent.agent_id == "a-8"
