"""Conversations, a few of our own or a thousand real ones, judged as on AWS, with a model whose answers are scripted."""

from __future__ import annotations

from collections import Counter

from cci_lite.aws.bedrock import BedrockEvaluator
from cci_lite.aws.comprehend import ComprehendNlp
from cci_lite.contract.conversation import Role
from cci_lite.contract.reading import decode_document
from cci_lite.contract.registry import CallState
from cci_lite.contract.scoring import Verdict
from cci_lite.contract.tenant import EvaluatorChoice, NlpChoice
from cci_lite.pipeline.intake import take_in
from cci_lite.pipeline.judge import Judging, judge_call
from cci_lite.ports import TranscriptionOrder
from cci_lite.testing.bedrock import BedrockDouble, Material, perfect
from cci_lite.testing.comprehend import ComprehendDouble
from cci_lite.testing.memory import MemoryNotifier, MemoryTranscriber
from cci_lite.transcripts import read_transcript
from tests.conftest import StarCall
from tests.intake_setup import IntakeSetup
from tests.judging_setup import DRAFT


class Corpus(IntakeSetup):
    """An installation with one tenant, whose recordings have these transcripts."""

    def __init__(self, tenant_id: str, calls: list[StarCall]) -> None:
        super().__init__()
        self.by_audio = {f"audio {number}".encode(): call for number, call in enumerate(calls)}
        audio = {"agent_channel": calls[0].audio.agent_channel}
        self.configure(tenant_id, audio=audio, max_open_calls=1000)
        self.put_form(DRAFT, tenant_id)
        self.transcriber = MemoryTranscriber(self.files, self.transcript)
        self.bedrock = BedrockDouble(answer=perfect(self.verdict))
        self.comprehend = ComprehendDouble()

    def transcript(self, order: TranscriptionOrder) -> bytes:
        return self.by_audio[self.files.objects[order.media_key][0]].transcript

    def verdict(self, criterion_id: str, turns: Material) -> str:
        """A model that fails a call in which the agent hardly speaks."""
        return "pass" if sum(turn["said_by"] == "agent" for turn in turns) > 3 else "fail"

    @property
    def judging(self) -> Judging:
        bedrock = BedrockEvaluator(lambda _: self.bedrock, self.clock)
        return Judging(
            registry=self.registry,
            files=self.files,
            transcriber=self.transcriber,
            tenants=self.intake.tenants,
            nlp={NlpChoice.COMPREHEND: ComprehendNlp(self.comprehend)},
            evaluators={EvaluatorChoice.BEDROCK: bedrock},
            notifier=MemoryNotifier(),
            telemetry=self.telemetry,
            clock=self.clock,
            wait=self.clock.wait,
            pipeline_version="test",
        )


def test_every_conversation_is_judged_or_sent_to_review_with_a_reason(
    calls: list[StarCall],
) -> None:
    for tenant_id in sorted({call.truth["tenant_id"] for call in calls}):
        judge_all(tenant_id, [call for call in calls if call.truth["tenant_id"] == tenant_id])


def judge_all(tenant_id: str, calls: list[StarCall]) -> None:
    corpus = Corpus(tenant_id, calls)
    for audio in corpus.by_audio:
        key = f"{tenant_id}/calls/{audio.decode()}.wav"
        take_in(corpus.intake, corpus.upload(key, audio))
    judging = corpus.judging
    for record in corpus.registry.all_records():
        corpus.transcriber.finish(record.job_name)
        judge_call(judging, record.job_name, holder="one")

    records = corpus.registry.all_records()
    assert len(records) == len(calls)
    assert {record.state for record in records} <= {CallState.DONE, CallState.REVIEW}
    for record in records:
        call = corpus.by_audio[corpus.recordings.uploads[record.upload.key][1]]
        conversation = read_transcript(call.transcript, call.audio)
        document = decode_document(corpus.files.objects[str(record.document_key)][0]).document
        evaluation, review = document.qa_evaluation, document.review
        assert evaluation is not None
        assert review is not None
        assert review.needed == (record.state is CallState.REVIEW) == bool(review.reasons)
        by_agent = sum(turn.role is Role.AGENT for turn in conversation.turns)
        [_, asked] = evaluation.criteria
        if not conversation.turns:
            assert asked.verdict is Verdict.UNSCORED
            assert review.reasons[0] == "nobody_spoke"
        elif by_agent > 3 and asked.verdict is not Verdict.PASS:
            # What was quoted is the agent's first turn: too short to prove anything.
            assert f"evidence_not_found:{asked.id}" in review.reasons
        elif by_agent <= 3 and conversation.roles_known:
            assert asked.verdict is Verdict.FAIL
    spoken = sum(bool(read_transcript(call.transcript, call.audio).turns) for call in calls)
    # At most one more request for each answer that had something to fix.
    assert spoken <= corpus.bedrock.paid <= 2 * spoken
    assert Counter(record.revision for record in records) == {1: len(calls)}
