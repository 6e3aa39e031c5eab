"""Property: with events lost, duplicated or reordered, sweeps bring every call to its end."""

from __future__ import annotations

import datetime as dt
from collections import Counter
from dataclasses import dataclass, field

import hypothesis.strategies as st
from hypothesis import given

from cci_lite.contract.registry import CallState, place_upload
from cci_lite.errors import PipelineError
from cci_lite.pipeline.balance import balance_day
from cci_lite.pipeline.events import JobEvent, UploadEvent
from cci_lite.pipeline.intake import take_in
from cci_lite.pipeline.notify import job_failed, record_of
from cci_lite.pipeline.reconcile import reconcile_tenant
from cci_lite.ports import JobStatus
from cci_lite.tenancy import call_id_for, unified_key
from tests.calls_in_memory import MORNING, TENANT, Installation, event_of, minutes
from tests.interrupter import Crash, Interrupter

UPLOADS = st.tuples(st.sampled_from(["a.wav", "b.wav", "c.wav", "d.wav"]), st.integers(0, 2))
COPIES = st.integers(0, 2)
ENDS = st.sampled_from(["completed", "failed", "vanished", "runs for ever"])


@dataclass
class Simulation:
    """An installation whose messages a test delivers as it likes; judging is one move."""

    data: st.DataObject
    here: Installation = field(default_factory=Installation)
    messages: list[UploadEvent | JobEvent] = field(default_factory=list)
    seen: set[str] = field(default_factory=set)
    is_calm: bool = False

    def publish(self, message: UploadEvent | JobEvent) -> None:
        """Lose it or double it, until the world has calmed down."""
        copies = 1 if self.is_calm else self.data.draw(COPIES, "copies")
        self.messages += [message] * copies

    def deliver_some(self) -> None:
        """In any order, and not necessarily all."""
        messages = self.data.draw(st.permutations(self.messages), "order")
        count = self.data.draw(st.integers(0, len(messages)), "delivered")
        self.messages = list(messages[count:])
        for message in messages[:count]:
            self.deliver(message)

    def deliver(self, message: UploadEvent | JobEvent) -> None:
        if isinstance(message, UploadEvent):
            take_in(self.here.intake, message)
        elif message.status is JobStatus.FAILED:
            job_failed(self.here.notifying, message)
        else:
            self.judge(message.job_name)

    def judge(self, job_name: str) -> None:
        record = record_of(self.here.registry, job_name)
        if record is None or not (record.is_open or record.state is CallState.FAILED):
            return
        self.here.move(record, CallState.TRANSCRIBED)
        if not self.is_calm and self.data.draw(st.booleans(), "judging dies"):
            return
        key = unified_key(TENANT, MORNING.date(), record.call_id)
        self.here.files.put(key, job_name.encode())
        self.here.move(record, CallState.DONE, document_key=key)

    def end_jobs(self) -> None:
        for job_name in sorted(self.here.transcriber.orders.keys() - self.seen):
            end = self.data.draw(ENDS, "end")
            if end == "completed":
                self.here.transcriber.finish(job_name)
                self.publish(JobEvent(job_name, JobStatus.COMPLETED))
            elif end == "failed":
                self.here.transcriber.fail(job_name, "internal")
                self.publish(JobEvent(job_name, JobStatus.FAILED, "internal"))
            elif end == "vanished":
                del self.here.transcriber.jobs[job_name]
                del self.here.transcriber.orders[job_name]
                continue
            self.seen.add(job_name)

    def sweep(self, interrupter: Interrupter | None = None) -> None:
        reconciling = self.here.reconciling(interrupter.wrap if interrupter else lambda port: port)
        try:
            reconcile_tenant(reconciling, TENANT)
        except (Crash, PipelineError):
            assert interrupter is not None
        for upload in self.here.dispatcher.started:
            self.publish(event_of(upload))
        for job_name in self.here.dispatcher.judged:
            self.publish(JobEvent(job_name, JobStatus.COMPLETED))
        self.here.dispatcher.started.clear()
        self.here.dispatcher.judged.clear()

    @property
    def is_quiet(self) -> bool:
        return not any(record.is_open for record in self.here.registry.all_records())

    def is_lost(self, key: str) -> bool:
        """Whether the recording that lies in the bucket now has no record."""
        (upload,) = (each for each in self.here.recordings.listing(TENANT) if each.key == key)
        records = self.here.registry.records(call_id_for(TENANT, key))
        return place_upload(upload, records).known is None


@given(
    st.data(),
    st.lists(UPLOADS, min_size=1, max_size=6),
    st.frozensets(st.integers(1, 60), max_size=4),
    st.frozensets(st.integers(1, 60), max_size=4),
    st.sampled_from([1, 100]),
)
def test_sweeps_bring_every_call_to_an_end(
    data: st.DataObject,
    uploads: list[tuple[str, int]],
    crashes: frozenset[int],
    throttles: frozenset[int],
    max_open_calls: int,
) -> None:
    simulation = Simulation(data)
    here = simulation.here
    here.add_tenant(max_open_calls=max_open_calls)
    here.clock.now += minutes(2)
    for name, content in uploads:
        simulation.publish(event_of(here.upload(name, bytes([content]))))
        here.clock.wait(1)
    for _ in range(3):
        simulation.deliver_some()
        simulation.end_jobs()
        here.clock.now += minutes(20)
        simulation.sweep(Interrupter(crash_after=crashes, throttle=throttles))

    simulation.is_calm = True
    while not simulation.is_quiet or any(map(simulation.is_lost, here.recordings.uploads)):
        here.clock.now += minutes(40)
        assert here.clock.now < MORNING + dt.timedelta(days=14), "calls are still open"
        simulation.sweep()
        messages, simulation.messages = simulation.messages, []
        for message in messages:
            simulation.deliver(message)
        simulation.end_jobs()
    for _ in range(2):
        here.clock.now += minutes(40)
        simulation.sweep()

    records = here.registry.all_records()
    told = Counter(notice.notice_id for notice in here.notifier.notices)
    failed = [record for record in records if record.state is CallState.FAILED]
    assert {
        f"failed#{record.job_name}#{record.reason}#{record.failed_at}" for record in failed
    } <= told.keys()
    assert told.total() - len(told) <= 3 * len(crashes | throttles)
    for offset in range(15):
        balance = balance_day(here.reconciling(), TENANT, MORNING.date() + dt.timedelta(offset))
        assert balance.problems == []
        assert balance.balanced


@given(st.data(), st.lists(UPLOADS, min_size=1, max_size=6))
def test_a_sweep_that_finds_everything_in_order_changes_nothing(
    data: st.DataObject, uploads: list[tuple[str, int]]
) -> None:
    simulation = Simulation(data)
    here = simulation.here
    for name, content in uploads:
        simulation.deliver(event_of(here.upload(name, bytes([content]))))
    for job_name in list(here.transcriber.orders):
        here.transcriber.finish(job_name)
        record = record_of(here.registry, job_name)
        assert record is not None
        key = unified_key(TENANT, MORNING.date(), record.call_id)
        here.files.put(key, b"document")
        here.move(record, CallState.DONE, document_key=key)
    before = here.registry.all_records()

    for _ in range(3):
        here.clock.now += minutes(60)
        assert reconcile_tenant(here.reconciling(), TENANT).counts == {}

    assert here.registry.all_records() == before
    assert here.notifier.notices == []
