"""The whole pipeline in memory with faults at any port: crashes, throttles and interruptions.

A `History` is one run of the pipeline, drawn from a seed. Every port is wrapped: at each call the
process may crash before or after it, the service may throttle, or something else may happen first
from beginning to end: another message, a webhook, a sweep. `laws` checks what must hold over whole
stores once nothing is left to do.
"""

from __future__ import annotations

import contextlib
import dataclasses
import datetime as dt
import hashlib
import hmac
import json
import random
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from cci_lite.contract.conversation import Conversation
from cci_lite.contract.document import AiSummary, CriterionResult, Evaluator, UnifiedDocument
from cci_lite.contract.form import Criterion, sort_key
from cci_lite.contract.form_reading import item_of, parse_draft
from cci_lite.contract.metadata import CallMetadata
from cci_lite.contract.reading import decode_document
from cci_lite.contract.registry import CallRecord, CallState, MetadataSource, Upload
from cci_lite.contract.scoring import Verdict
from cci_lite.contract.service_answers import Judgement, ModelUsage
from cci_lite.contract.services import Residency
from cci_lite.contract.tenant import (
    Audio,
    EvaluatorChoice,
    NlpChoice,
    Tenant,
    TenantStatus,
    UnredactedPolicy,
    item_of_tenant,
)
from cci_lite.errors import PipelineError, RetryLaterError
from cci_lite.pipeline.balance import balance_day
from cci_lite.pipeline.call_metadata import MetadataIntake, take_sidecar, take_webhook
from cci_lite.pipeline.events import JobEvent, UploadEvent
from cci_lite.pipeline.intake import Intake, take_in
from cci_lite.pipeline.judge import Judging, judge_call
from cci_lite.pipeline.media import SIDECAR_SUFFIX
from cci_lite.pipeline.notify import Notifying, job_failed
from cci_lite.pipeline.reconcile import Reconciling, reconcile_all
from cci_lite.pipeline.redrive import REOPENED
from cci_lite.pipeline.rewrite import Rewriting, rewrite_document
from cci_lite.pipeline.tenant_directory import TenantDirectory
from cci_lite.ports import JobStatus, Notice, TranscriptionOrder
from cci_lite.tenancy import call_id_for, parse_recording_key, parse_unified_key, unified_key
from cci_lite.testing.memory import (
    ManualClock,
    MemoryConfig,
    MemoryDispatcher,
    MemoryFiles,
    MemoryKeys,
    MemoryNotifier,
    MemoryRecordings,
    MemoryRegistry,
    MemoryTelemetry,
    MemoryTranscriber,
    ScriptedEvaluator,
    ScriptedNlp,
)
from tests.interrupter import Crash

BUCKET = "input"
SECRET = b"secret"
UPLOADS = 20
STEPS = 160
# One whose transcripts Transcribe redacts, one whose transcripts we mask, one with little room.
TENANTS = (
    Tenant(tenant_id="acme", name="Acme", audio=Audio(agent_channel="ch_0")),
    Tenant(
        tenant_id="globex",
        name="Globex",
        audio=Audio(agent_channel="ch_0"),
        time_zone="America/New_York",
        language_code="en-GB",
        unredacted=UnredactedPolicy.MASK,
    ),
    Tenant(
        tenant_id="initech",
        name="Initech",
        audio=Audio(agent_channel="ch_0"),
        time_zone="Asia/Tokyo",
        max_open_calls=2,
    ),
)
NAMES = ("a.wav", "b.wav", "2025/Anna Meier.wav", "d.wav")
FORM = parse_draft(
    {
        "criteria": [
            {"id": "greet_01", "text": "Did the agent greet?", "weight": 1, "required": True,
             "rule": {"phrases": ["good morning"]}},
            {"id": "resolve_03", "text": "Was the issue resolved?", "weight": 1},
        ]
    }
).as_version(1)  # fmt: skip
# What Transcribe says of a job that it could not do; everything else a history gets through.
JOB_FAILURES = ("internal", "media_channels")

Message = UploadEvent | JobEvent


@dataclasses.dataclass
class Attempt:
    """One run of a function: what it has been given and has not put away yet.

    `step` is the checkpoint that it looked for last, `unkept` are those whose answers it has.
    """

    step: str = ""
    unkept: list[str] = dataclasses.field(default_factory=list)
    untold: set[str] = dataclasses.field(default_factory=set)
    unnoted: list[str] = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class Faults:
    """Which calls go wrong, and how often they did: by kind, and by port and method."""

    dice: random.Random
    rate: float
    counts: Counter[tuple[str, str]] = dataclasses.field(default_factory=Counter)

    def hits(self) -> bool:
        """Whether something happens at this place."""
        return self.rate > 0 and self.dice.random() < self.rate

    def of_kind(self, *kinds: str) -> int:
        """How often things of these kinds happened."""
        return sum(count for (kind, _), count in self.counts.items() if kind in kinds)


class _FaultyPort:
    """A port at which anything may happen, before each call and after it."""

    def __init__(self, history: History, name: str, port: Any) -> None:
        self._history = history
        self._name = name
        self._port = port

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._port, name)

        def call(*args: Any, **kwargs: Any) -> Any:
            place = f"{self._name}.{name}"
            self._history.before(place)
            answer = method(*args, **kwargs)
            answer = list(answer) if isinstance(answer, Iterator) else answer
            self._history.seen(place, args, answer)
            self._history.after(place)
            return answer

        return call


class _Queueing(MemoryDispatcher):
    def __init__(self, queue: list[Message]) -> None:
        super().__init__()
        self._queue = queue

    def start(self, upload: Upload) -> None:
        self._queue.append(event_of(upload))

    def judge(self, job_name: str) -> None:
        self._queue.append(JobEvent(job_name, JobStatus.COMPLETED))


class History:
    """One history of the pipeline: what is uploaded, told and delivered, and what goes wrong."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.faults = Faults(self.dice, rate=self.dice.choice([0.01, 0.02, 0.04, 0.08]))
        self.queue: list[Message] = []
        self.uploads: list[Upload] = []
        self.lost: set[Upload] = set()
        self.attempts: list[Attempt] = []
        self.answers: Counter[str] = Counter()
        self.lost_answers: Counter[str] = Counter()
        self.kept: set[str] = set()
        self.told: Counter[str] = Counter()
        self.told_in_vain: Counter[str] = Counter()
        self.broken: list[str] = []
        self._number = 0
        self.clock = ManualClock()
        self.config = MemoryConfig()
        self.registry = MemoryRegistry()
        self.files = MemoryFiles(self.clock)
        self.recordings = MemoryRecordings(self.files, self.clock)
        self.transcriber = MemoryTranscriber(self.files, transcript_of)
        for tenant in TENANTS:
            self.configure(tenant.tenant_id, TenantStatus.ACTIVE)
            self.config.put(f"TENANT#{tenant.tenant_id}", sort_key("default", 1), item_of(FORM))
        self._build_use_cases()

    def _build_use_cases(self) -> None:
        """Every use case, with faults at every port."""
        registry = self._faulty("registry", self.registry)
        files = self._faulty("files", self.files)
        recordings = self._faulty("recordings", self.recordings)
        transcriber = self._faulty("transcriber", self.transcriber)
        telemetry = self._faulty("telemetry", MemoryTelemetry())
        notifier = self._faulty("notifier", MemoryNotifier())
        evaluator = self._faulty("evaluator", ScriptedEvaluator(answer))
        keys = MemoryKeys({tenant.tenant_id: (SECRET,) for tenant in TENANTS})
        self.tenants = TenantDirectory(
            self._faulty("config", self.config), self.clock, form_key="QA_TEMPLATE#v1"
        )
        self.notifying = Notifying(registry, notifier, telemetry, self.clock)
        self.metadata_intake = MetadataIntake(
            input_bucket=BUCKET,
            registry=registry,
            recordings=recordings,
            tenants=self.tenants,
            keys=self._faulty("keys", keys),
            telemetry=telemetry,
            clock=self.clock,
        )
        self.intake = Intake(
            input_bucket=BUCKET,
            residency=Residency.EU,
            registry=registry,
            recordings=recordings,
            transcriber=transcriber,
            tenants=self.tenants,
            telemetry=telemetry,
            clock=self.clock,
        )
        self.judging = Judging(
            registry=registry,
            files=files,
            transcriber=transcriber,
            tenants=self.tenants,
            nlp={NlpChoice.COMPREHEND: self._faulty("nlp", ScriptedNlp())},
            evaluators={EvaluatorChoice.BEDROCK: evaluator},
            notifier=notifier,
            telemetry=telemetry,
            clock=self.clock,
            wait=self.clock.wait,
            pipeline_version="test",
        )
        rewriting = Rewriting(registry, files, self.tenants, telemetry, self.clock)
        self.reconciling = Reconciling(
            input_bucket=BUCKET,
            registry=registry,
            recordings=recordings,
            files=files,
            transcriber=transcriber,
            tenants=self.tenants,
            dispatcher=self._faulty("dispatcher", _Queueing(self.queue)),
            notifier=notifier,
            telemetry=telemetry,
            clock=self.clock,
            rewrite=lambda record: rewrite_document(rewriting, record),
        )

    def _faulty(self, name: str, port: Any) -> Any:
        return _FaultyPort(self, name, port)

    # --- What goes wrong --------------------------------------------------------------------------

    def before(self, place: str) -> None:
        """Maybe die, have no time or let something else happen before a call."""
        if self.faults.hits():
            # Telemetry is written to memory, and never refused.
            kinds = ["crash", "meanwhile", *["throttle"] * (not place.startswith("telemetry"))]
            self._happen(self.dice.choice(kinds), f"before {place}", place)

    def after(self, place: str) -> None:
        """Maybe die, or let something else happen, after a call."""
        if self.faults.hits():
            self._happen(self.dice.choice(["crash", "meanwhile"]), f"after {place}", place)

    def _happen(self, kind: str, when: str, place: str) -> None:
        if kind == "meanwhile":
            # In what interrupts nothing interrupts for long.
            if len(self.attempts) < 3:
                self.faults.counts[kind, place] += 1
                self.act(self.dice.choices(_MEANWHILE, _MEANWHILE_WEIGHTS)[0])
            return
        self.faults.counts[f"{kind} {when.partition(' ')[0]}", place] += 1
        raise Crash if kind == "crash" else RetryLaterError("throttled")

    def seen(self, place: str, args: Sequence[Any], answer: Any) -> None:
        """Note what is paid, kept and told."""
        attempt = self.attempts[-1]
        if place.startswith("files.") and "/checkpoints/" in args[1]:
            if place == "files.read":
                attempt.step = args[1]
            elif place in ("files.write_new", "files.replace"):
                self.kept.add(args[1])
                attempt.unkept = [each for each in attempt.unkept if each != args[1]]
        elif place.startswith(("nlp.", "evaluator.")):
            self.answers[attempt.step] += 1
            if attempt.step in self.kept:
                self.broken.append(f"asked again although kept: {attempt.step}")
            attempt.unkept.append(attempt.step)
        elif place == "registry.is_noted" and not answer:
            attempt.untold.add(args[0])
        elif place == "notifier.notify":
            self._note_told(args[0])
        elif place == "registry.note":
            attempt.unnoted = [each for each in attempt.unnoted if each != args[0]]
            attempt.untold.discard(args[0])
        elif place == "transcriber.start" and answer:
            self._check_copy(args[0])

    def _note_told(self, notice: Notice) -> None:
        self.told[notice.notice_id] += 1
        attempt = self.attempts[-1]
        attempt.unnoted.append(notice.notice_id)
        # Somebody who was interrupted between looking and telling will tell it once more.
        self.told_in_vain[notice.notice_id] += any(
            notice.notice_id in other.untold for other in self.attempts[:-1]
        )

    def _check_copy(self, order: TranscriptionOrder) -> None:
        [record] = [each for each in self.registry.all_records() if each.job_name == order.job_name]
        content = self.files.objects[order.media_key][0]
        if hashlib.md5(content, usedforsecurity=False).hexdigest() != record.upload.etag:
            self.broken.append(f"{order.job_name} does not read what was uploaded")

    @contextlib.contextmanager
    def attempt(self) -> Iterator[None]:
        """Run a function; what it has in hand at its end, for whatever reason, is lost."""
        attempt = Attempt()
        self.attempts.append(attempt)
        try:
            yield
        finally:
            self.lost_answers.update(attempt.unkept)
            self.told_in_vain.update(attempt.unnoted)
            self.attempts.pop()

    # --- What happens -----------------------------------------------------------------------------

    def run(self) -> None:
        """The whole history: under faults, and then until all is quiet."""
        waiting = UPLOADS
        for step in range(STEPS):
            # All uploads come, and not all at the start.
            if waiting and self.dice.random() < waiting / (STEPS - step) * 2:
                waiting -= 1
                self.act("upload")
            else:
                self.act(self.dice.choices(_ACTIONS, _WEIGHTS)[0])
        for _ in range(waiting):
            self.act("upload")
        self.faults.rate = 0
        self.settle()

    def act(self, action: str) -> None:
        """One thing that happens from beginning to end, unless it dies."""
        getattr(self, action)()

    def number(self) -> int:
        """A number that was not there before."""
        self._number += 1
        return self._number

    def upload(self) -> None:
        """A recording is uploaded, maybe again, and maybe the same bytes."""
        tenant_id, key = self._some_key()
        data = f"{tenant_id} RIFF {self.dice.randrange(3)}".encode()
        self.clock.wait(1)
        headers = self.dice.choice([{}, {}, {"agent-id": f"h-{self.number()}"}])
        upload = self.recordings.upload(tenant_id, key, data, headers)
        self.uploads.append(upload)
        copies = self.dice.choice([0, 1, 1, 1, 2, 3])
        if not copies:
            self.lost.add(upload)
        self.queue += [event_of(upload)] * copies

    def sidecar(self) -> None:
        """A sidecar is uploaded, early or late; its event may be lost."""
        tenant_id, key = self._some_key()
        self.clock.wait(1)
        said = json.dumps(self._something_told()).encode()
        upload = self.recordings.upload(tenant_id, f"{key}{SIDECAR_SUFFIX}", said)
        self.queue += [event_of(upload)] * self.dice.choice([0, 1, 1, 2])

    def webhook(self) -> None:
        """A platform tells something of a call or two; it may or may not try again."""
        tenant_id, _ = self._some_key()
        names = self.dice.sample(NAMES, self.dice.choice([1, 1, 2]))
        entries = [
            {"recording_key": f"{tenant_id}/calls/{name}", **self._something_told()}
            for name in names
        ]
        body = json.dumps(entries).encode()
        time = int(self.clock().timestamp()) + self.dice.choice([0, 0, -20])
        signature = hmac.new(SECRET, b"%d." % time + body, hashlib.sha256).hexdigest()
        headers = {"x-cci-signature": f"t={time},v1={signature}"}
        for _ in range(self.dice.choice([1, 1, 2])):
            with contextlib.suppress(Crash, PipelineError), self.attempt():
                take_webhook(self.metadata_intake, tenant_id=tenant_id, headers=headers, body=body)
                return

    def jobs(self) -> None:
        """Some jobs end; their events come, come twice or are lost."""
        for name, job in list(self.transcriber.jobs.items()):
            if job.status is JobStatus.IN_PROGRESS and self.dice.random() < 0.5:
                self._end_job(name, copies=self.dice.choice([0, 1, 1, 2]))

    def _end_job(self, name: str, *, copies: int) -> None:
        failure = self.dice.choice(JOB_FAILURES) if self.dice.random() < 0.15 else None
        if failure is None:
            self.transcriber.finish(name)
            event = JobEvent(name, JobStatus.COMPLETED)
        else:
            self.transcriber.fail(name, failure)
            event = JobEvent(name, JobStatus.FAILED, failure)
        self.queue += [event] * copies

    def deliver(self) -> None:
        """One message is delivered, in no order; it comes again unless it was handled."""
        if self.queue:
            self._deliver(self.queue[self.dice.randrange(len(self.queue))])

    def _deliver(self, message: Message) -> None:
        with contextlib.suppress(Crash, PipelineError), self.attempt():
            self._handle(message)
            # What interrupted may have handled another copy; a queue knows them apart.
            if message in self.queue:
                self.queue.remove(message)

    def _handle(self, message: Message) -> None:
        if isinstance(message, JobEvent):
            if message.status is JobStatus.FAILED:
                job_failed(self.notifying, message)
            else:
                judge_call(self.judging, message.job_name, holder=f"holder-{self.number()}")
        elif message.key.endswith(SIDECAR_SUFFIX):
            take_sidecar(self.metadata_intake, message)
        else:
            take_in(self.intake, message)

    def sweep(self) -> None:
        """The reconciler looks at every tenant."""
        with contextlib.suppress(Crash, PipelineError), self.attempt():
            reconcile_all(self.reconciling)

    def time(self) -> None:
        """Time passes."""
        self.clock.wait(60 * self.dice.choice([1, 5, 20, 20, 40, 90]))

    def status(self) -> None:
        """A tenant is suspended, or active again."""
        status = self.dice.choice(
            [TenantStatus.ACTIVE, TenantStatus.ACTIVE, TenantStatus.SUSPENDED]
        )
        self.configure(self.dice.choice(TENANTS).tenant_id, status)

    def configure(self, tenant_id: str, status: TenantStatus) -> None:
        """Store a tenant's settings."""
        [tenant] = [each for each in TENANTS if each.tenant_id == tenant_id]
        tenant = msgspec.structs.replace(tenant, status=status)
        self.config.put(f"TENANT#{tenant_id}", "META#v1", item_of_tenant(tenant))

    def balance(self) -> None:
        """A day is counted; it is not balanced while two documents of one of its calls stand."""
        tenant_id = self.dice.choice(TENANTS).tenant_id
        day = self.clock().date()
        with contextlib.suppress(Crash, PipelineError), self.attempt():
            if balance_day(self.reconciling, tenant_id, day).balanced and len(self.attempts) == 1:
                self.broken += [
                    f"balanced with {count} documents of {call_id}"
                    for call_id, count in self.documents_by_call(tenant_id, day).items()
                    if count > 1
                ]

    def documents_by_call(self, tenant_id: str, day: dt.date) -> Counter[str]:
        """How many documents stand of each call of which an upload was registered on a day."""
        calls = {
            record.call_id
            for record in self.registry.all_records()
            if record.tenant_id == tenant_id and record.received_at.date() == day
        }
        keys = [parse_unified_key(key) for key in self.unified()]
        return Counter(key.call_id for key in keys if key.call_id in calls)

    def _some_key(self) -> tuple[str, str]:
        tenant_id = self.dice.choice(TENANTS).tenant_id
        return tenant_id, f"{tenant_id}/calls/{self.dice.choice(NAMES)}"

    def _something_told(self) -> dict[str, Any]:
        number = self.number()
        started_at = dt.datetime(2025, 11, 5, 1, tzinfo=dt.UTC) - dt.timedelta(
            hours=self.dice.randrange(60)
        )
        told = {
            "agent_id": f"a-{number}",
            "queue": f"q-{number}",
            "started_at": started_at.isoformat(),
        }
        return {name: told[name] for name in told if self.dice.random() < 0.7}

    # --- Quiet ------------------------------------------------------------------------------------

    def settle(self) -> None:
        """No more faults: deliver, end and sweep until nothing is left to do."""
        suspended = self.dice.choice([None, None, TENANTS[0].tenant_id])
        for tenant in TENANTS:
            is_active = tenant.tenant_id != suspended
            status = TenantStatus.ACTIVE if is_active else TenantStatus.SUSPENDED
            self.configure(tenant.tenant_id, status)
        self.suspended = suspended
        self.clock.wait(120)
        self._until_quiet()
        self.broken += self._of_places()
        # What was given up is taken up again when people deliver its event again.
        for record in self.registry.all_records():
            if record.state is CallState.FAILED and record.reason not in JOB_FAILURES:
                self.queue.append(event_of(record.upload))
                self.queue.append(JobEvent(record.job_name, JobStatus.COMPLETED))
        self._until_quiet()

    def _until_quiet(self) -> None:
        for _ in range(60):
            for name, job in list(self.transcriber.jobs.items()):
                if job.status is JobStatus.IN_PROGRESS:
                    self._end_job(name, copies=1)
            for message in list(self.queue):
                self._deliver(message)
            before = self.registry.all_records()
            self.clock.wait(40 * 60)
            self.sweep()
            is_open = any(record.is_open or record.rewrite for record in before)
            if not self.queue and not is_open and self.registry.all_records() == before:
                return
        raise AssertionError("it does not come to rest")

    # --- Laws -------------------------------------------------------------------------------------

    def unified(self) -> list[str]:
        """The keys of all documents of the store."""
        return [key for key in self.files.objects if key.startswith("unified/")]

    def laws(self) -> Iterator[str]:
        """Whatever does not hold now that all is quiet."""
        yield from self.broken
        yield from self._of_uploads()
        yield from self._of_places()
        yield from self._of_documents()
        yield from self._of_metadata()
        yield from self._of_money()
        yield from self._of_notices()
        yield from self._of_tenants()
        for tenant in TENANTS:
            for day in {record.received_at.date() for record in self.registry.all_records()}:
                with self.attempt():
                    balance = balance_day(self.reconciling, tenant.tenant_id, day)
                if not balance.balanced:
                    yield f"not balanced: {balance}"

    def _of_uploads(self) -> Iterator[str]:
        """Nothing is lost: each upload has come to an end, with a reason when it has no document."""
        standing = [upload for upload, _, _ in self.recordings.uploads.values()]
        for upload in self.uploads:
            if upload in self.lost and upload not in standing:
                continue
            records = self.registry.records(call_id_for(upload.tenant_id, upload.key))
            # The same bytes again are no new recording.
            if upload.etag not in [record.upload.etag for record in records]:
                yield f"lost: an upload of {upload.key}"
        for record in self.registry.all_records():
            if record.is_open or record.rewrite or record.stale_keys:
                yield f"at no end: {record}"
            is_refused = record.state is CallState.REFUSED and record.reason is not None
            is_failed = record.state is CallState.FAILED and record.reason in JOB_FAILURES
            if not (record.is_documented or is_refused or is_failed):
                yield f"ended otherwise: {record.state} {record.reason}"
        yield from self._of_jobs()

    def _of_jobs(self) -> Iterator[str]:
        """One job for each upload that was taken.

        One that was refused can have one as well: its job was started, whoever started it died, and
        its tenant was suspended before the event came again. It goes on with that job.
        """
        records = {record.job_name: record for record in self.registry.all_records()}
        orders = self.transcriber.orders.keys()
        for job_name, record in records.items():
            if record.state is not CallState.REFUSED and job_name not in orders:
                yield f"no job: {job_name}"
        for job_name in orders:
            record = records[job_name]
            if record.state is CallState.REFUSED and record.reason not in REOPENED:
                yield f"a job of what was refused: {job_name}"

    def _of_places(self) -> Iterator[str]:
        """One document for each documented call, over the whole store, and none of any other."""
        wanted = {record.call_id for record in self.registry.all_records() if record.is_documented}
        counts = Counter(parse_unified_key(key).call_id for key in self.unified())
        for call_id in wanted | counts.keys():
            if counts[call_id] != (call_id in wanted):
                yield f"{counts[call_id]} documents of {call_id}"

    def _of_documents(self) -> Iterator[str]:
        """They are those of the newest uploads, and say what was told."""
        newest: dict[str, CallRecord] = {}
        for record in self.registry.all_records():
            if record.is_documented:
                newest[record.call_id] = record
        for key in self.unified():
            document = decode_document(self.files.objects[key][0]).document
            if (latest := newest.get(document.call_id)) is not None:
                yield from self._of_document(key, document, latest)

    def _of_document(
        self, key: str, document: UnifiedDocument, record: CallRecord
    ) -> Iterator[str]:
        stored = self.registry.metadata(record.tenant_id, record.call_id)
        told, agent = stored.for_upload(record.upload.uploaded_at).merged, document.agent
        [tenant] = [each for each in TENANTS if each.tenant_id == record.tenant_id]
        day = (told.started_at or record.upload.uploaded_at).astimezone(tenant.zone).date()
        found = (
            document.tenant_id,
            document.revision,
            agent and agent.agent_id,
            document.queue,
            document.call_started_at,
            document.call_date,
            key,
            record.document_key,
            record.metadata_version,
        )
        wanted = (
            record.tenant_id,
            record.revision,
            told.agent_id,
            told.queue,
            told.started_at,
            day,
            unified_key(record.tenant_id, day, record.call_id),
            key,
            stored.version,
        )
        if found != wanted:
            yield f"the document says {found} instead of {wanted}"
        evaluation = document.qa_evaluation
        if evaluation is None or any(
            result.verdict is not Verdict.PASS for result in evaluation.criteria
        ):
            yield f"verdicts of {document.call_id}"

    def _of_metadata(self) -> Iterator[str]:
        """What a sidecar says is known."""
        for upload, data, _ in self.recordings.uploads.values():
            tenant_id = parse_recording_key(upload.key).tenant_id
            if not upload.key.endswith(SIDECAR_SUFFIX) or tenant_id == self.suspended:
                continue
            call_id = call_id_for(tenant_id, upload.key.removesuffix(SIDECAR_SUFFIX))
            told = self.registry.metadata(tenant_id, call_id).told.get(MetadataSource.SIDECAR)
            if told is None or told.metadata != msgspec.json.decode(data, type=CallMetadata):
                yield f"a sidecar of {call_id} is not known"

    def _of_money(self) -> Iterator[str]:
        """Each answer is paid once, and once more for each that was lost before it was kept."""
        for step, count in self.answers.items():
            if count > 1 + self.lost_answers[step]:
                yield f"{step}: {count} answers, {self.lost_answers[step]} lost"
        interrupted = self.faults.of_kind("crash before", "crash after", "throttle before")
        if self.lost_answers.total() > interrupted:
            yield f"{self.lost_answers.total()} answers lost by {interrupted} faults"

    def _of_notices(self) -> Iterator[str]:
        """Each failure is told, and told again only by whom a fault, or another, came between."""
        for record in self.registry.all_records():
            notice_id = f"failed#{record.job_name}#{record.reason}#{record.failed_at}"
            if record.state is CallState.FAILED and not self.told[notice_id]:
                yield f"nobody was told: {notice_id}"
        for notice_id, count in self.told.items():
            if count > 1 + self.told_in_vain[notice_id]:
                yield f"told {count} times, {self.told_in_vain[notice_id]} in vain: {notice_id}"

    def _of_tenants(self) -> Iterator[str]:
        """What lies below a tenant's prefixes is the tenant's."""
        for key, (data, _) in self.files.objects.items():
            tenant_id = key.split("/")[1]
            others = [tenant.tenant_id for tenant in TENANTS if tenant.tenant_id != tenant_id]
            text = key.encode() + data
            if tenant_id.encode() not in text or any(other.encode() in text for other in others):
                yield f"not of {tenant_id}: {key}"


# What happens, and how often of a hundred times or so.
_HAPPENINGS = {
    "deliver": 50, "jobs": 12, "sweep": 8, "time": 8, "webhook": 10, "sidecar": 6, "status": 3,
    "balance": 4,
}  # fmt: skip
_ACTIONS, _WEIGHTS = list(_HAPPENINGS), list(_HAPPENINGS.values())
_MEANWHILE, _MEANWHILE_WEIGHTS = ["deliver", "webhook", "sweep", "sidecar"], [6, 3, 1, 1]


def event_of(upload: Upload) -> UploadEvent:
    """The event of an upload."""
    return UploadEvent.of(BUCKET, upload)


def answer(_: Tenant, criteria: Sequence[Criterion], __: Conversation) -> Judgement:
    """What a model would say."""
    results = [
        CriterionResult(
            id=criterion.id, verdict=Verdict.PASS, passed=True, evaluator=Evaluator.MODEL
        )
        for criterion in criteria
    ]
    usage = ModelUsage(calls=1, input_tokens=100, output_tokens=10)
    return Judgement(results=results, summary=AiSummary(issue="billing"), usage=usage)


def transcript_of(order: TranscriptionOrder) -> bytes:
    """A transcript in which the agent greets on channel 0."""
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
        **({"isRedacted": True} if order.redact else {}),
        "results": {
            "transcripts": [{"transcript": "Good morning hello"}],
            "channel_labels": {"channels": channels, "number_of_channels": 2},
            "items": items,
        },
        "status": "COMPLETED",
    }
    return json.dumps(document).encode()
