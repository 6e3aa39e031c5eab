"""One document of a call, with all that was told, whatever dies or is refused on the way."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from cci_lite.contract.document import UnifiedDocument, encode_document
from cci_lite.contract.metadata import CallMetadata
from cci_lite.contract.reading import decode_document
from cci_lite.contract.registry import CallRecord, CallState, MetadataSource, failed, moved
from cci_lite.errors import PipelineError, RetryLaterError
from cci_lite.pipeline.document_writing import Written, write_document
from cci_lite.pipeline.intake import take_in
from cci_lite.pipeline.judge import JudgedOutcome, judge_call
from cci_lite.pipeline.lease import held
from cci_lite.pipeline.rewrite import Rewriting, rewrite_document
from cci_lite.pipeline.stored_metadata import keep_told
from cci_lite.tenancy import unified_key
from cci_lite.testing.memory import MemoryFiles
from tests.intake_setup import KEY
from tests.interrupter import Crash, Interrupter
from tests.judging_setup import JudgingSetup

OTHER_DAY = dt.datetime(2025, 10, 1, 12, tzinfo=dt.UTC)
THIRD_DAY = dt.datetime(2025, 9, 30, 12, tzinfo=dt.UTC)
KINDS = ["crash_before", "crash_after", "throttle"]


@pytest.fixture
def setup() -> JudgingSetup:
    """A call whose transcription job is completed."""
    setup = JudgingSetup()
    setup.transcriber.finish(setup.job_name)
    return setup


def tell(setup: JudgingSetup, **told: Any) -> None:
    """A webhook, every time a second later."""
    setup.clock.wait(1)
    keep_told(
        setup.judging,
        "acme",
        setup.record().call_id,
        source=MetadataSource.WEBHOOK,
        metadata=CallMetadata(**told),
        told_at=setup.clock(),
    )


def rewriting(setup: JudgingSetup, wrap: Callable[[Any], Any] = lambda port: port) -> Rewriting:
    return Rewriting(
        wrap(setup.registry), wrap(setup.files), setup.judging.tenants, setup.telemetry, setup.clock
    )


def sweep(setup: JudgingSetup, wrap: Callable[[Any], Any] = lambda port: port) -> None:
    """Do what is marked; what is refused is left to the next sweep."""
    for record in list(setup.registry.to_rewrite("acme")):
        with contextlib.suppress(PipelineError):
            rewrite_document(rewriting(setup, wrap), record)


def documents(setup: JudgingSetup) -> dict[str, UnifiedDocument]:
    """Every document of the store, by its key."""
    return {
        key: decode_document(data).document
        for key, (data, _) in setup.files.objects.items()
        if key.startswith("unified/")
    }


def says(setup: JudgingSetup) -> tuple[str | None, str | None, dt.date]:
    """Agent, queue and day in the only document."""
    document = setup.document()
    assert document.agent is not None
    return document.agent.agent_id, document.queue, document.call_date


def is_settled(setup: JudgingSetup) -> bool:
    """Whether the record claims exactly what is in the document, and wants nothing more."""
    record = setup.record()
    stored = setup.registry.metadata("acme", record.call_id)
    told, document = stored.merged, setup.document()
    assert document.agent is not None
    assert (document.agent.agent_id, document.queue) == (told.agent_id, told.queue)
    assert [*documents(setup)] == [record.document_key]
    return (record.metadata_version, record.rewrite, record.stale_keys) == (
        stored.version,
        False,
        (),
    )


class Refusing:
    """A registry that refuses to move the newest record to a state, or dies before or after it."""

    def __init__(self, setup: JudgingSetup, state: CallState, kind: str) -> None:
        self._registry, self._state, self._kind = setup.registry, state, kind
        self._job_name = setup.job_name

    def __getattr__(self, name: str) -> Any:
        return getattr(self._registry, name)

    def replace(self, record: CallRecord) -> bool:
        if (record.job_name, record.state) != (self._job_name, self._state):
            return self._registry.replace(record)
        if self._kind == "throttle":
            raise RetryLaterError("throttled")
        if self._kind == "crash_after":
            assert self._registry.replace(record)
        raise Crash


# --- What was told when the last write fails ------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(
    "told",
    [
        {"agent_id": "a-7", "queue": "billing"},
        {"agent_id": "a-7", "started_at": OTHER_DAY},
        {"queue": "sales"},
    ],
    ids=["agent and queue", "another day", "queue"],
)
def test_what_is_told_between_the_document_and_its_record_is_in_the_document(
    setup: JudgingSetup, kind: str, told: dict[str, Any]
) -> None:
    with pytest.raises((Crash, RetryLaterError)):
        setup.judge(registry=Refusing(setup, CallState.DONE, kind))
    assert setup.has_document()
    tell(setup, **told)
    setup.clock.wait(3_600)
    assert setup.judge() in (JudgedOutcome.DOCUMENTED, JudgedOutcome.DUPLICATE)
    sweep(setup)
    assert is_settled(setup)
    assert setup.evaluator.paid == 1


def test_the_second_attempts_document_is_a_later_writing(setup: JudgingSetup) -> None:
    with pytest.raises(RetryLaterError):
        setup.judge(registry=Refusing(setup, CallState.DONE, "throttle"))
    first = setup.document()
    tell(setup, agent_id="a-7")
    setup.judge()
    assert (first.writing or 0) < (setup.document().writing or 0)
    assert is_settled(setup)


def test_what_is_told_while_the_document_is_written_marks_it_even_when_that_attempt_dies(
    setup: JudgingSetup,
) -> None:
    class Telling(MemoryFiles):
        def write_new(self, tenant_id: str, key: str, data: bytes) -> bool:
            written = setup.files.write_new(tenant_id, key, data)
            if key.startswith("unified/"):
                tell(setup, agent_id="a-9")
            return written

    files = Telling(setup.clock)
    files.objects = setup.files.objects
    with pytest.raises(Crash):
        setup.judge(files=files, registry=Refusing(setup, CallState.DONE, "crash_after"))
    assert setup.record().state is CallState.DONE
    assert setup.record().rewrite
    setup.clock.wait(3_600)
    sweep(setup)
    assert says(setup)[0] == "a-9"
    assert is_settled(setup)


def test_a_document_that_somebody_else_wrote_is_kept_and_told_what_it_lacks(
    setup: JudgingSetup,
) -> None:
    other = JudgingSetup()
    other.finish_and_judge()
    [(key, data)] = [
        (key, data) for key, (data, _) in other.files.objects.items() if key.startswith("unified/")
    ]
    setup.files.put(key, data.replace(b'"1.2.3"', b'"others"'))
    tell(setup, agent_id="a-7")
    assert setup.judge() is JudgedOutcome.DOCUMENTED
    assert setup.record().metadata_version == 0
    assert setup.record().rewrite
    sweep(setup)
    source = setup.document().source
    assert source is not None
    assert source.pipeline_version == "others"
    assert says(setup)[0] == "a-7"
    assert is_settled(setup)


# --- A call that moves to another day -------------------------------------------------------------


def steps_of_a_move() -> list[str]:
    """The calls of ports of one sweep in which a document moves."""
    setup = JudgingSetup()
    setup.finish_and_judge()
    tell(setup, started_at=OTHER_DAY)
    counting = Interrupter()
    sweep(setup, counting.wrap)
    return counting.log


MOVE = steps_of_a_move()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("step", range(1, len(MOVE) + 1), ids=lambda n: f"{n}-{MOVE[n - 1]}")
@pytest.mark.parametrize(
    "afterwards",
    [{}, {"agent_id": "a-8"}, {"started_at": THIRD_DAY}, {"started_at": JudgingSetup().clock()}],
    ids=["nothing more", "an agent", "a third day", "the first day again"],
)
def test_a_move_that_fails_anywhere_is_finished_by_the_next_sweep(
    setup: JudgingSetup, kind: str, step: int, afterwards: dict[str, Any]
) -> None:
    setup.judge()
    tell(setup, started_at=OTHER_DAY)
    with contextlib.suppress(Crash):
        sweep(setup, Interrupter(**{kind: frozenset({step})}).wrap)
    assert documents(setup)
    if afterwards:
        tell(setup, **afterwards)
    setup.clock.wait(3_600)
    sweep(setup)
    assert list(setup.registry.to_rewrite("acme")) == []
    assert is_settled(setup)
    told = setup.registry.metadata("acme", setup.record().call_id).merged
    assert told.started_at is not None
    assert says(setup)[2] == told.started_at.date()


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("step", range(1, len(MOVE) + 1), ids=lambda n: f"{n}-{MOVE[n - 1]}")
def test_a_move_that_fails_anywhere_is_finished_by_the_next_upload(
    setup: JudgingSetup, kind: str, step: int
) -> None:
    setup.judge()
    tell(setup, started_at=OTHER_DAY)
    with contextlib.suppress(Crash):
        sweep(setup, Interrupter(**{kind: frozenset({step})}).wrap)
    setup.clock.wait(3_600)
    take_in(setup.intake, setup.upload(data=b"again"))
    setup.finish_and_judge()
    sweep(setup)
    assert setup.document().revision == 2
    assert is_settled(setup)
    assert list(setup.registry.to_rewrite("acme")) == []


def test_the_record_names_both_keys_before_anything_is_written_at_the_new_one(
    setup: JudgingSetup,
) -> None:
    setup.judge()
    before = setup.record().document_key
    tell(setup, started_at=OTHER_DAY)
    named: list[tuple[str | None, tuple[str, ...]]] = []

    class Watching(MemoryFiles):
        def write_new(self, tenant_id: str, key: str, data: bytes) -> bool:
            named.append((setup.record().document_key, setup.record().stale_keys))
            return setup.files.write_new(tenant_id, key, data)

    files = Watching(setup.clock)
    files.objects = setup.files.objects
    rewrite_document(dataclasses.replace(rewriting(setup), files=files), setup.record())
    after = unified_key("acme", OTHER_DAY.date(), setup.record().call_id)
    assert named == [(after, (before,))]


def test_a_delete_that_was_refused_does_not_make_the_judged_call_fail(setup: JudgingSetup) -> None:
    setup.judge()
    setup.clock.wait(3 * 86_400)
    take_in(setup.intake, setup.upload(data=b"again"))
    setup.transcriber.finish(setup.job_name)

    class NoDelete(MemoryFiles):
        def delete(self, tenant_id: str, key: str) -> None:
            raise RetryLaterError("s3_not_deleted")

    files = NoDelete(setup.clock)
    files.objects = setup.files.objects
    assert setup.judge(files=files) is JudgedOutcome.DOCUMENTED
    assert len(documents(setup)) == 2
    assert setup.record().rewrite
    sweep(setup)
    assert setup.document().revision == 2
    assert is_settled(setup)


# --- Several uploads of one call ------------------------------------------------------------------


def test_an_upload_that_is_judged_after_a_later_one_writes_nothing_and_is_not_paid(
    setup: JudgingSetup,
) -> None:
    first = setup.job_name
    setup.clock.wait(3 * 86_400)
    take_in(setup.intake, setup.upload(data=b"again"))
    assert setup.finish_and_judge() is JudgedOutcome.DOCUMENTED
    judged = judge_call(setup.judging, first, holder="late")
    assert judged.outcome is JudgedOutcome.SUPERSEDED
    assert judged.record is not None
    assert (judged.record.state, judged.record.document_key) == (CallState.DONE, None)
    assert setup.document().revision == 2
    assert setup.evaluator.paid == 1


def test_the_document_of_an_attempt_that_died_goes_with_the_later_uploads(
    setup: JudgingSetup,
) -> None:
    first = setup.job_name
    with pytest.raises(Crash):
        setup.judge(registry=Refusing(setup, CallState.DONE, "crash_before"))
    setup.clock.wait(3 * 86_400)
    take_in(setup.intake, setup.upload(data=b"again"))
    setup.finish_and_judge()
    assert [each.revision for each in documents(setup).values()] == [2]
    judge_call(setup.judging, first, holder="late")
    sweep(setup)
    assert [each.revision for each in documents(setup).values()] == [2]
    assert is_settled(setup)


def test_while_one_upload_is_judged_another_one_of_the_call_waits(setup: JudgingSetup) -> None:
    first = setup.job_name
    take_in(setup.intake, setup.upload(data=b"again"))
    setup.transcriber.finish(setup.job_name)
    records = setup.registry.records(setup.record().call_id)
    with (
        held(setup.registry, records, "another", setup.clock, dt.timedelta(minutes=12)),
        pytest.raises(RetryLaterError, match=r"^in_progress$"),
    ):
        setup.judge()
    assert setup.judge() is JudgedOutcome.DOCUMENTED
    assert judge_call(setup.judging, first, holder="late").outcome is JudgedOutcome.SUPERSEDED


@pytest.mark.parametrize("is_documented", [True, False], ids=["one before", "none before"])
def test_what_an_upload_left_that_was_given_up_is_deleted(
    setup: JudgingSetup, is_documented: bool
) -> None:
    if is_documented:
        setup.judge()
        setup.clock.wait(3 * 86_400)
        take_in(setup.intake, setup.upload(data=b"again"))
        setup.transcriber.finish(setup.job_name)
    with pytest.raises(Crash):
        setup.judge(registry=Refusing(setup, CallState.DONE, "crash_before"))
    assert len(documents(setup)) == 1 + is_documented
    setup.clock.wait(3_600)
    given_up = failed(setup.record(), "stuck_transcribed", setup.clock())
    assert setup.registry.replace(given_up)
    sweep(setup)
    assert [each.revision for each in documents(setup).values()] == [1] * is_documented
    assert list(setup.registry.to_rewrite("acme")) == []
    # And taken up again after all, it has its document.
    setup.clock.wait(3_600)
    assert setup.judge() is JudgedOutcome.DOCUMENTED
    sweep(setup)
    assert is_settled(setup)
    assert setup.evaluator.paid == 1 + is_documented


# --- Who holds the call ---------------------------------------------------------------------------


def test_a_call_that_is_judged_is_not_rewritten_meanwhile(setup: JudgingSetup) -> None:
    setup.judge()
    tell(setup, agent_id="a-7")
    records = setup.registry.records(setup.record().call_id)
    with held(setup.registry, records, "another", setup.clock, dt.timedelta(minutes=12)):
        with pytest.raises(RetryLaterError, match=r"^in_progress$"):
            rewrite_document(rewriting(setup), setup.record())
        assert says(setup)[0] is None
    assert rewrite_document(rewriting(setup), setup.record())
    assert says(setup)[0] == "a-7"


def test_who_has_lost_the_call_writes_nothing_into_its_record(setup: JudgingSetup) -> None:
    records = setup.registry.records(setup.record().call_id)

    class TakenOver(MemoryFiles):
        def write_new(self, tenant_id: str, key: str, data: bytes) -> bool:
            if key.startswith("unified/"):
                setup.clock.wait(3_600)
                with held(
                    setup.registry,
                    setup.registry.records(records[0].call_id),
                    "another",
                    setup.clock,
                    dt.timedelta(minutes=12),
                ):
                    pass
            return setup.files.write_new(tenant_id, key, data)

    files = TakenOver(setup.clock)
    files.objects = setup.files.objects
    with pytest.raises(RetryLaterError, match=r"^record_contended$"):
        setup.judge(files=files)
    assert setup.record().state is CallState.TRANSCRIBED
    assert setup.judge() is JudgedOutcome.DOCUMENTED
    assert is_settled(setup)


def test_a_call_is_given_back_even_when_its_record_is_touched_meanwhile(
    setup: JudgingSetup,
) -> None:
    records = setup.registry.records(setup.record().call_id)
    life = dt.timedelta(minutes=12)
    with held(setup.registry, records, "one", setup.clock, life):
        tell(setup, agent_id="a-7")
        assert setup.record().lease_holder == "one"
    assert (setup.record().lease_holder, setup.record().lease_until) == (None, None)


def test_a_call_that_moved_since_it_was_read_is_not_held(setup: JudgingSetup) -> None:
    records = setup.registry.records(setup.record().call_id)
    tell(setup, agent_id="a-7")
    with (
        pytest.raises(RetryLaterError, match=r"^in_progress$"),
        held(setup.registry, records, "one", setup.clock, dt.timedelta(minutes=12)),
    ):
        pytest.fail("it is held")


# --- Writing --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("there", "overwrite", "written"),
    [
        ((1, None), False, Written.UNCHANGED),
        ((1, None), True, Written.CHANGED),
        ((1, 4), False, Written.UNCHANGED),
        ((1, 4), True, Written.CHANGED),
        ((1, 5), True, Written.CHANGED),
        ((1, 6), True, Written.OLDER),
        ((1, 6), False, Written.OLDER),
        ((2, None), True, Written.OLDER),
        ((2, 1), True, Written.OLDER),
        (None, False, Written.CHANGED),
    ],
)
def test_a_later_document_is_never_replaced_by_an_earlier_one(
    setup: JudgingSetup, there: tuple[int, int | None] | None, overwrite: bool, written: Written
) -> None:
    document = UnifiedDocument(
        schema_version="1.3",
        tenant_id="acme",
        call_id="c",
        revision=1,
        writing=5,
        call_date=OTHER_DAY.date(),
    )
    key = unified_key("acme", OTHER_DAY.date(), "c")
    fields: dict[str, Any] = {"queue": "other"}
    if there is not None:
        fields |= {"revision": there[0], "writing": there[1]}
    other = changed(document, **fields) if there is not None else b"{"
    setup.files.put(key, other)
    assert write_document(setup.files, document, overwrite=overwrite) is written
    is_ours = decode_document(setup.files.objects[key][0]).document == document
    assert is_ours == (written is Written.CHANGED)


def test_what_was_written_without_the_writer_learning_of_it_is_its_own(setup: JudgingSetup) -> None:
    document = UnifiedDocument(
        schema_version="1.3", tenant_id="acme", call_id="c", call_date=OTHER_DAY.date(), writing=5
    )
    for _ in range(2):
        assert write_document(setup.files, document, overwrite=False) is Written.NEW


def changed(document: UnifiedDocument, **fields: Any) -> bytes:
    return encode_document(msgspec.structs.replace(document, **fields))


# --- Headers --------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", KINDS)
def test_what_a_later_uploads_headers_tell_reaches_the_document_that_there_is(
    setup: JudgingSetup, kind: str
) -> None:
    """Whether or not the later upload ever has a document of its own."""
    setup.judge()
    counting = Interrupter()
    other = JudgingSetup()
    other.finish_and_judge()
    take_in(other.interrupted(counting), other.upload(data=b"2", headers={"agent-id": "h-1"}))
    for step in range(1, counting.calls + 1):
        fresh = JudgingSetup()
        fresh.finish_and_judge()
        event = fresh.upload(data=b"2", headers={"agent-id": "h-1"})
        with contextlib.suppress(Crash, PipelineError):
            take_in(fresh.interrupted(Interrupter(**{kind: frozenset({step})})), event)
        fresh.clock.wait(3_600)
        sweep(fresh)
        stored = fresh.registry.metadata("acme", fresh.record().call_id)
        assert says(fresh)[0] == stored.merged.agent_id
        newest = [
            each for each in fresh.registry.records(fresh.record().call_id) if each.is_documented
        ]
        assert newest[-1].metadata_version == stored.version


def test_a_mark_of_an_upload_that_is_on_its_way_is_left_alone(setup: JudgingSetup) -> None:
    record = setup.record(KEY)
    assert setup.registry.replace(moved(record, CallState.TRANSCRIBED, setup.clock(), rewrite=True))
    assert not rewrite_document(rewriting(setup), setup.record())
    assert setup.record().rewrite
