"""Documents written again for metadata that came in late."""

from __future__ import annotations

import datetime as dt

import pytest

from cci_lite.contract.metadata import CallMetadata
from cci_lite.contract.registry import CallState, MetadataSource, moved
from cci_lite.errors import RetryLaterError
from cci_lite.pipeline.rewrite import Rewriting, rewrite_document
from tests.judging_setup import JudgingSetup


@pytest.fixture
def setup() -> JudgingSetup:
    setup = JudgingSetup()
    setup.finish_and_judge()
    return setup


def tell(setup: JudgingSetup, metadata: CallMetadata) -> None:
    """Metadata arrives, and the document is marked."""
    record = setup.record()
    stored = setup.registry.metadata("acme", record.call_id)
    told = stored.with_told(MetadataSource.SIDECAR, metadata, setup.clock())
    assert told is not None
    assert setup.registry.put_metadata("acme", record.call_id, told)
    assert setup.registry.replace(moved(record, record.state, setup.clock(), rewrite=True))


def rewriting(setup: JudgingSetup) -> Rewriting:
    return Rewriting(
        setup.registry, setup.files, setup.intake.tenants, setup.telemetry, setup.clock
    )


def test_late_metadata_reaches_the_document_and_leaves_the_verdicts(setup: JudgingSetup) -> None:
    before = setup.document()
    tell(setup, CallMetadata(agent_id="a-7", queue="billing"))
    assert rewrite_document(rewriting(setup), setup.record())
    after = setup.document()
    assert after.agent is not None
    assert (after.agent.agent_id, after.queue) == ("a-7", "billing")
    assert after.qa_evaluation == before.qa_evaluation
    record = setup.record()
    assert (record.state, record.rewrite, record.metadata_version) == (CallState.DONE, False, 1)


def test_a_call_on_another_day_has_its_document_there_and_only_there(setup: JudgingSetup) -> None:
    tell(setup, CallMetadata(started_at=dt.datetime(2025, 10, 1, 12, tzinfo=dt.UTC)))
    assert rewrite_document(rewriting(setup), setup.record())
    assert setup.document().call_date == dt.date(2025, 10, 1)
    assert setup.record().document_key in setup.files.objects


def test_a_start_that_the_upload_rules_out_leaves_the_document_on_its_day(
    setup: JudgingSetup,
) -> None:
    before = setup.document()
    ahead = dt.datetime(2099, 1, 1, tzinfo=dt.UTC)
    tell(setup, CallMetadata(started_at=ahead, queue="billing"))
    assert rewrite_document(rewriting(setup), setup.record())
    after = setup.document()
    assert (after.call_date, after.call_started_at) == (before.call_date, before.call_started_at)
    assert after.queue == "billing"


def test_rewriting_twice_changes_nothing(setup: JudgingSetup) -> None:
    tell(setup, CallMetadata(agent_id="a-7"))
    marked = setup.record()
    assert rewrite_document(rewriting(setup), marked)
    assert not rewrite_document(rewriting(setup), marked)


@pytest.mark.parametrize(
    ("content", "reason"), [(None, "document_expired"), (b"{", "document_unreadable")]
)
def test_a_document_that_cannot_be_rewritten_loses_its_mark_and_is_logged(
    setup: JudgingSetup, content: bytes | None, reason: str
) -> None:
    key = str(setup.record().document_key)
    del setup.files.objects[key]
    if content is not None:
        setup.files.put(key, content)
    tell(setup, CallMetadata(agent_id="a-7"))
    assert rewrite_document(rewriting(setup), setup.record())
    assert not setup.record().rewrite
    assert ("not_rewritten", reason) in [
        (event, fields.get("reason")) for event, fields in setup.telemetry.events
    ]


def test_the_document_of_a_later_upload_is_left_alone(setup: JudgingSetup) -> None:
    tell(setup, CallMetadata(agent_id="a-7"))
    key = str(setup.record().document_key)
    data = setup.files.objects[key][0].replace(b'"revision":1', b'"revision":2')
    setup.files.put(key, data)
    assert rewrite_document(rewriting(setup), setup.record())
    assert setup.files.objects[key][0] == data


def test_metadata_that_comes_in_meanwhile_keeps_the_mark(setup: JudgingSetup) -> None:
    tell(setup, CallMetadata(agent_id="a-7"))
    found = setup.record()
    ports = rewriting(setup)

    class Slow:
        def __getattr__(self, name: str) -> object:
            return getattr(setup.registry, name)

        def replace(self, record: object) -> bool:
            tell(setup, CallMetadata(agent_id="a-8"))
            return setup.registry.replace(record)  # type: ignore[arg-type]

    slow = Rewriting(Slow(), ports.files, ports.tenants, ports.telemetry, ports.clock)  # type: ignore[arg-type]
    with pytest.raises(RetryLaterError):
        rewrite_document(slow, found)
    assert setup.record().rewrite
    assert rewrite_document(ports, setup.record())
    agent = setup.document().agent
    assert agent is not None
    assert agent.agent_id == "a-8"
