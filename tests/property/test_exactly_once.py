"""Law: whatever is delivered twice, late or out of order, and wherever the process dies: one job,
one bill, one document per call, and every upload accounted for.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import functools
import json
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import hypothesis.strategies as st
from hypothesis import HealthCheck, event, given, settings

from cci_lite.contract.conversation import Conversation
from cci_lite.contract.document import AiSummary, CriterionResult, Evaluator
from cci_lite.contract.judgement import Judgement, ModelUsage
from cci_lite.contract.reading import decode_document
from cci_lite.contract.registry import CallState, Upload
from cci_lite.contract.scoring import Verdict
from cci_lite.contract.services import Residency
from cci_lite.contract.template import Criterion, item_of, parse_draft, sort_key
from cci_lite.contract.tenant import Audio, EvaluatorChoice, NlpChoice, Tenant, item_of_tenant
from cci_lite.errors import PipelineError
from cci_lite.pipeline.balance import balance_day
from cci_lite.pipeline.call_metadata import take_sidecar
from cci_lite.pipeline.events import UploadEvent
from cci_lite.pipeline.intake import Intake, take_in
from cci_lite.pipeline.judge import Judging, judge_call
from cci_lite.pipeline.media import SIDECAR_SUFFIX
from cci_lite.pipeline.reconcile import Reconciling, reconcile_tenant
from cci_lite.pipeline.rewrite import Rewriting, rewrite_document
from cci_lite.pipeline.tenants import TenantDirectory
from cci_lite.ports import JobStatus, TranscriptionOrder
from cci_lite.tenancy import checkpoint_key, parse_unified_key, unified_prefix
from cci_lite.testing.memory import (
    Crash,
    Interrupter,
    ManualClock,
    MemoryConfig,
    MemoryDispatcher,
    MemoryFiles,
    MemoryNotifier,
    MemoryRecordings,
    MemoryRegistry,
    MemoryTelemetry,
    MemoryTranscriber,
    ScriptedEvaluator,
    ScriptedNlp,
)

TENANTS = ("acme", "globex")
BUCKET = "input"
FORM = parse_draft(
    {
        "criteria": [
            {"id": "greet_01", "text": "Did the agent greet?", "weight": 1, "required": True,
             "rule": {"phrases": ["good morning"]}},
            {"id": "resolve_03", "text": "Was the issue resolved?", "weight": 1},
        ]
    }
).as_version(1)  # fmt: skip
Message = UploadEvent | str


class RememberingFiles(MemoryFiles):
    """Files that know what was ever written, whether or not it is still there."""

    def __init__(self, clock: ManualClock) -> None:
        super().__init__(clock)
        self.written: set[str] = set()

    def write_new(self, tenant_id: str, key: str, data: bytes) -> bool:
        self.written.add(key)
        return super().write_new(tenant_id, key, data)


class Plant:
    """The whole pipeline in memory, with a queue that delivers again what was not done."""

    def __init__(self, *, faults: Interrupter) -> None:
        self.clock = ManualClock()
        self.faults = faults
        self.registry = MemoryRegistry()
        self.files = RememberingFiles(self.clock)
        self.recordings = MemoryRecordings(self.files, self.clock)
        self.transcriber = MemoryTranscriber(self.files, transcript_of)
        self.evaluator = ScriptedEvaluator(self.answer)
        self.dispatcher = MemoryDispatcher()
        self.notifier = MemoryNotifier()
        self.queue: list[Message] = []
        self.uploads: list[Upload] = []
        self.answered_again: list[str] = []
        self.started: Counter[str] = Counter()
        config = MemoryConfig()
        for tenant_id in TENANTS:
            tenant = Tenant(tenant_id=tenant_id, name=tenant_id, audio=Audio(agent_channel="ch_0"))
            config.put(f"TENANT#{tenant_id}", "META#v1", item_of_tenant(tenant))
            config.put(f"TENANT#{tenant_id}", sort_key("default", 1), item_of(FORM))
        self.tenants = TenantDirectory(config, self.clock, template_key="QA_TEMPLATE#v1")

    def answer(
        self, tenant: Tenant, criteria: Sequence[Criterion], conversation: Conversation
    ) -> Judgement:
        """What a model would say; asking once more than needed is noted."""
        checkpoint = checkpoint_key(tenant.tenant_id, conversation.job_name, "evaluation")
        if checkpoint in self.files.written:
            self.answered_again.append(conversation.job_name)
        results = [
            CriterionResult(
                id=criterion.id, verdict=Verdict.PASS, passed=True, evaluator=Evaluator.MODEL
            )
            for criterion in criteria
        ]
        usage = ModelUsage(calls=1, input_tokens=100, output_tokens=10)
        return Judgement(results=results, summary=AiSummary(issue="billing"), usage=usage)

    def upload(self, tenant_id: str, name: str, content: bytes) -> None:
        upload = self.recordings.upload(tenant_id, f"{tenant_id}/calls/{name}.wav", content)
        self.uploads.append(upload)
        self.queue.append(event_of(upload))

    def deliver(self, position: int, *, holder: str, ports: Callable[[Any], Any]) -> None:
        """Handle one message; it stays in the queue when that dies or asks for another time."""
        message = self.queue[position]
        try:
            if isinstance(message, str):
                judge_call(self.judging(ports), message, holder=holder)
            elif message.key.endswith(SIDECAR_SUFFIX):
                take_sidecar(self.reconciling(ports), message)
            else:
                take_in(self.intake(ports), message)
        except (Crash, PipelineError):
            return
        self.queue.remove(message)

    def sweep(self, ports: Callable[[Any], Any]) -> None:
        """Let the reconciler look at every tenant, and put what it found onto the queue."""
        for tenant_id in TENANTS:
            try:
                reconcile_tenant(self.reconciling(ports), tenant_id)
            except (Crash, PipelineError):
                continue
        self.queue += [event_of(upload) for upload in self.dispatcher.started]
        self.queue += self.dispatcher.judged
        self.dispatcher.started.clear()
        self.dispatcher.judged.clear()

    def tell(self, number: int) -> None:
        """Have a sidecar of one of the recordings say on which day the call was."""
        upload = self.uploads[number % len(self.uploads)]
        day = dt.datetime(2025, 10, 1 + number % 28, 12, tzinfo=dt.UTC)
        said = json.dumps({"started_at": day.isoformat(), "agent_id": f"a-{number}"}).encode()
        sidecar = f"{upload.key}{SIDECAR_SUFFIX}"
        self.clock.wait(1)
        self.queue.append(event_of(self.recordings.upload(upload.tenant_id, sidecar, said)))

    def finish_jobs(self, *, announce: int) -> None:
        """Complete what is being transcribed; the event comes `announce` times, or is lost."""
        for name, job in self.transcriber.jobs.items():
            if job.status is JobStatus.IN_PROGRESS:
                self.transcriber.finish(name)
                self.queue += [name] * announce

    def intake(self, ports: Callable[[Any], Any]) -> Intake:
        return Intake(
            input_bucket=BUCKET,
            residency=Residency.EU,
            registry=ports(self.registry),
            recordings=ports(self.recordings),
            transcriber=ports(self.transcriber),
            tenants=self.tenants,
            telemetry=MemoryTelemetry(),
            clock=self.clock,
        )

    def judging(self, ports: Callable[[Any], Any]) -> Judging:
        return Judging(
            registry=ports(self.registry),
            files=ports(self.files),
            transcriber=ports(self.transcriber),
            tenants=self.tenants,
            nlp={NlpChoice.COMPREHEND: ports(ScriptedNlp())},
            evaluators={EvaluatorChoice.BEDROCK: ports(self.evaluator)},
            notifier=ports(self.notifier),
            telemetry=MemoryTelemetry(),
            clock=self.clock,
            wait=self.clock.wait,
            pipeline_version="test",
        )

    def reconciling(self, ports: Callable[[Any], Any]) -> Reconciling:
        rewriting = Rewriting(
            ports(self.registry), ports(self.files), self.tenants, MemoryTelemetry(), self.clock
        )
        return Reconciling(
            input_bucket=BUCKET,
            registry=ports(self.registry),
            recordings=ports(self.recordings),
            files=ports(self.files),
            transcriber=ports(self.transcriber),
            tenants=self.tenants,
            dispatcher=ports(self.dispatcher),
            notifier=ports(self.notifier),
            telemetry=MemoryTelemetry(),
            clock=self.clock,
            rewrite=lambda record: rewrite_document(rewriting, record),
        )

    def run_until_quiet(self) -> None:
        """No more faults: deliver, finish and sweep until nothing is left to do."""
        for round_number in range(40):
            self.finish_jobs(announce=1)
            for _ in range(len(self.queue)):
                self.deliver(0, holder=f"calm-{round_number}", ports=untouched)
                # What has to come again goes to the end.
                self.queue = [*self.queue[1:], *self.queue[:1]]
            records = self.registry.all_records()
            is_open = any(record.is_open or record.rewrite for record in records)
            if round_number and not self.queue and not is_open:
                return
            self.clock.wait(20 * 60)
            self.sweep(untouched)


def untouched(port: Any) -> Any:
    return port


def event_of(upload: Upload) -> UploadEvent:
    return UploadEvent.of(BUCKET, upload)


def transcript_of(order: TranscriptionOrder) -> bytes:
    """A redacted transcript in which the agent greets on channel 0."""
    words = [("Good", "ch_0"), ("morning", "ch_0"), ("hello", "ch_1")]
    items = [
        {
            "type": "pronunciation",
            "start_time": str(0.5 * place),
            "end_time": str(0.5 * place + 0.4),
            "channel_label": channel,
            "alternatives": [{"confidence": "0.9", "content": word}],
        }
        for place, (word, channel) in enumerate(words)
    ]
    channels = [
        {
            "channel_label": label,
            "items": [each for each in items if each["channel_label"] == label],
        }
        for label in ("ch_0", "ch_1")
    ]
    document = {
        "jobName": order.job_name,
        "accountId": "111122223333",
        "isRedacted": True,
        "results": {
            "transcripts": [{"transcript": "Good morning hello"}],
            "channel_labels": {"channels": channels, "number_of_channels": 2},
            "items": items,
        },
        "status": "COMPLETED",
    }
    return json.dumps(document).encode()


uploads = st.lists(
    st.tuples(st.sampled_from(TENANTS), st.sampled_from("ab"), st.integers(1, 3)),
    min_size=1,
    max_size=6,
)
numbers = st.frozensets(st.integers(1, 150), max_size=20)
# Most steps move something on, so that the faults meet calls in every state.
actions = ["deliver"] * 6 + ["finish"] * 3 + ["sweep"] * 2 + ["upload"] * 2
actions += ["copy", "lose", "tell"]
steps = st.lists(st.tuples(st.sampled_from(actions), st.integers(0, 40)), min_size=20, max_size=80)


@settings(max_examples=400, suppress_health_check=[HealthCheck.too_slow])
@given(uploads, steps, numbers, numbers, numbers)
def test_hostile_delivery_ends_in_one_job_one_bill_and_one_document_per_call(
    given_uploads: list[tuple[str, str, int]],
    plan: list[tuple[str, int]],
    before: frozenset[int],
    after: frozenset[int],
    throttled: frozenset[int],
) -> None:
    faults = Interrupter(crash_before=before, crash_after=after, throttle=throttled)
    plant = Plant(faults=faults)
    waiting = list(given_uploads)
    plant.upload(*content_of(waiting.pop(0)))
    for number, (action, argument) in enumerate(plan):
        place = argument % len(plant.queue) if plant.queue else None
        if action == "deliver" and place is not None:
            plant.deliver(place, holder=f"try-{number}", ports=faults.wrap)
        elif action == "copy" and place is not None:
            plant.queue.append(plant.queue[place])
        elif action == "lose" and place is not None:
            # What a queue has delivered once it does not lose: sidecars come until they are told.
            message = plant.queue[place]
            if isinstance(message, str) or not message.key.endswith(SIDECAR_SUFFIX):
                plant.queue.pop(place)
        elif action == "finish":
            plant.finish_jobs(announce=argument % 3)
        elif action == "upload" and waiting:
            plant.upload(*content_of(waiting.pop(0)))
        elif action == "tell":
            plant.tell(argument)
        elif action == "sweep":
            plant.clock.wait(argument * 60)
            plant.sweep(faults.wrap)
    for each in waiting:
        plant.upload(*content_of(each))
    event(f"{min(faults.calls // 50 * 50, 200)}+ calls of ports under fire")
    plant.run_until_quiet()
    stuck = [each for each in plant.registry.all_records() if each.state is CallState.FAILED]
    assert all(str(record.reason).startswith("stuck_") for record in stuck)
    # What was given up is taken up again when people deliver its event again.
    plant.queue += [event_of(record.upload) for record in stuck]
    plant.queue += [record.job_name for record in stuck]
    plant.run_until_quiet()
    check(plant)


def content_of(given: tuple[str, str, int]) -> tuple[str, str, bytes]:
    tenant_id, name, content = given
    return tenant_id, name, b"RIFF" + bytes([content])


def check(plant: Plant) -> None:
    records = plant.registry.all_records()
    states = Counter(record.state for record in records)
    assert states.keys() <= {CallState.DONE, CallState.REFUSED}, states

    # One transcription job for each upload that was taken, and no other.
    done = [record for record in records if record.state is CallState.DONE]
    assert plant.transcriber.orders.keys() == {record.job_name for record in done}

    # What has been answered and kept is never asked again.
    assert plant.answered_again == []

    # The last upload of every recording has a document, and there is one document per call.
    keys = [key for key in plant.files.objects if key.startswith("unified/")]
    documents = {
        parse_unified_key(key).call_id: decode_document(plant.files.objects[key][0]).document
        for key in keys
    }
    latest = {record.call_id: record for record in done}
    assert documents.keys() == latest.keys()
    for call_id, document in documents.items():
        record = latest[call_id]
        assert (document.revision, document.tenant_id) == (record.revision, record.tenant_id)
        assert record.document_key is not None
        assert record.document_key.startswith(unified_prefix(record.tenant_id))
        evaluation = document.qa_evaluation
        assert evaluation is not None
        assert [result.verdict for result in evaluation.criteria] == [Verdict.PASS, Verdict.PASS]
        # It says what was told last, and lies where that puts it.
        told = plant.registry.metadata(record.tenant_id, call_id).merged
        assert document.agent is not None
        assert document.agent.agent_id == told.agent_id
        assert document.call_date == (told.started_at or record.upload.uploaded_at).date()
    stored = {
        upload.key: upload.etag
        for upload, _, _ in plant.recordings.uploads.values()
        if not upload.key.endswith(SIDECAR_SUFFIX)
    }
    assert {record.upload.key: record.upload.etag for record in latest.values()} == stored

    # And the day balances.
    for tenant_id in TENANTS:
        days = {record.received_at.date() for record in records}
        for day in days | {dt.date(2025, 11, 5)}:
            assert balance_day(plant.reconciling(untouched), tenant_id, day).balanced


def left_over(plant: Plant) -> list[str]:
    """Copies of recordings, and paid answers, that nobody needs any more."""
    return [key for key in plant.files.objects if "/checkpoints/" in key or "/media/" in key]


def test_without_faults_every_upload_is_transcribed_and_paid_once() -> None:
    plant = Plant(faults=Interrupter())
    plant.upload("acme", "a", b"1")
    plant.upload("globex", "a", b"1")
    plant.queue += plant.queue
    plant.run_until_quiet()
    assert plant.evaluator.paid == 2
    check(plant)
    assert left_over(plant) == []


def test_a_crash_at_any_single_step_of_judging_costs_no_second_answer_once_it_is_kept() -> None:
    plant = Plant(faults=Interrupter())
    plant.upload("acme", "a", b"1")
    plant.deliver(0, holder="first", ports=untouched)
    plant.finish_jobs(announce=1)
    counting = Interrupter()
    plant.deliver(0, holder="count", ports=counting.wrap)
    assert counting.calls > 10
    for number in range(1, counting.calls + 1):
        for faults in (
            Interrupter(crash_before=frozenset({number})),
            Interrupter(crash_after=frozenset({number})),
            Interrupter(throttle=frozenset({number})),
        ):
            plant = Plant(faults=faults)
            plant.upload("acme", "a", b"1")
            plant.deliver(0, holder="first", ports=untouched)
            plant.finish_jobs(announce=1)
            plant.deliver(0, holder="second", ports=faults.wrap)
            plant.run_until_quiet()
            check(plant)
            # A delete that was throttled is left to the bucket's expiry; a crash is not.
            assert faults.throttle or left_over(plant) == []
            lost = faults.log[number - 1 : number] == ["ScriptedEvaluator.evaluate"]
            assert plant.evaluator.paid <= 1 + lost + answer_was_lost(faults, number)


def answer_was_lost(faults: Interrupter, number: int) -> bool:
    """Whether the process died between the answer and its checkpoint: nobody can know of it."""
    steps = [step.partition(".")[2] for step in faults.log[max(0, number - 2) : number]]
    return steps == ["evaluate", "write_new"]


def test_attempts_at_the_same_moment_start_one_job_and_ask_once() -> None:
    for _ in range(10):
        plant = Plant(faults=Interrupter())
        plant.upload("acme", "a", b"1")
        [message] = plant.queue
        assert isinstance(message, UploadEvent)
        at_once(functools.partial(take_in_once, plant, message))
        assert len(plant.transcriber.orders) == 1

        plant.finish_jobs(announce=1)
        [job_name] = plant.transcriber.orders
        turned_away = threading.Semaphore(0)
        plant.evaluator = ScriptedEvaluator(functools.partial(answer_last, plant, turned_away))
        at_once(functools.partial(judge_once, plant, job_name, turned_away))
        assert plant.evaluator.paid == 1
        plant.run_until_quiet()
        check(plant)


def take_in_once(plant: Plant, message: UploadEvent, _: str) -> None:
    with contextlib.suppress(PipelineError):
        take_in(plant.intake(untouched), message)


def judge_once(plant: Plant, job_name: str, turned_away: threading.Semaphore, holder: str) -> None:
    try:
        judge_call(plant.judging(untouched), job_name, holder=holder)
    except PipelineError:
        turned_away.release()


def answer_last(plant: Plant, turned_away: threading.Semaphore, *asked: Any) -> Judgement:
    """Answer when all others have tried, and not before."""
    for _ in range(3):
        assert turned_away.acquire(timeout=20), "another attempt asked at the same time"
    return plant.answer(*asked)


def at_once(work: Callable[[str], object]) -> None:
    """Run it four times at the same moment."""
    start = threading.Barrier(4)

    def attempt(number: int) -> None:
        start.wait()
        work(f"attempt-{number}")

    with ThreadPoolExecutor(4) as pool:
        for done in [pool.submit(attempt, number) for number in range(4)]:
            done.result()
