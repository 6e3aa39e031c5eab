"""An installation in memory in which one call has been transcribed and is to be judged."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from typing import Any

from cci_lite.contract.conversation import Conversation
from cci_lite.contract.document import AiSummary, CriterionResult, Evaluator, UnifiedDocument
from cci_lite.contract.form import Criterion
from cci_lite.contract.reading import decode_document
from cci_lite.contract.scoring import Verdict
from cci_lite.contract.service_answers import Judgement, ModelUsage
from cci_lite.contract.tenant import EvaluatorChoice, NlpChoice, Tenant
from cci_lite.errors import PipelineError
from cci_lite.pipeline.intake import take_in
from cci_lite.pipeline.judge import JudgedOutcome, Judging, judge_call
from cci_lite.ports import TranscriptionOrder
from cci_lite.testing.memory import (
    MemoryNotifier,
    MemoryTranscriber,
    ScriptedEvaluator,
    ScriptedNlp,
)
from tests.intake_setup import IntakeSetup

DRAFT = {
    "criteria": [
        {"id": "greet_01", "text": "Did the agent greet?", "weight": 1, "required": True,
         "rule": {"phrases": ["good morning"]}},
        {"id": "resolve_03", "text": "Was the issue resolved?", "weight": 1, "required": True},
    ]
}  # fmt: skip


class JudgingSetup(IntakeSetup):
    """An installation in memory in which one call has been transcribed."""

    def __init__(
        self, spoken: Sequence[tuple[str, str]] = (("ch_0", "Good morning"),), **settings: Any
    ) -> None:
        super().__init__(audio={"agent_channel": "ch_0"}, **settings)
        self.spoken = spoken
        self.redacted = True
        self.transcriber = MemoryTranscriber(self.files, self.transcript)
        self.nlp = ScriptedNlp()
        self.evaluator = ScriptedEvaluator(self.answer)
        self.judgement: Judgement | PipelineError = judgement()
        self.asked: list[list[str]] = []
        self.notifier = MemoryNotifier()
        self.put_form(DRAFT)
        take_in(self.intake, self.upload())

    def transcript(self, order: TranscriptionOrder) -> bytes:
        return transcript(order.job_name, self.spoken, redacted=self.redacted)

    def answer(
        self, tenant: Tenant, criteria: Sequence[Criterion], conversation: Conversation
    ) -> Judgement:
        self.asked.append([criterion.id for criterion in criteria])
        if isinstance(self.judgement, PipelineError):
            raise self.judgement
        return self.judgement

    @property
    def judging(self) -> Judging:
        return Judging(
            registry=self.registry,
            files=self.files,
            transcriber=self.transcriber,
            tenants=self.intake.tenants,
            nlp={NlpChoice.COMPREHEND: self.nlp},
            evaluators={EvaluatorChoice.BEDROCK: self.evaluator},
            notifier=self.notifier,
            telemetry=self.telemetry,
            clock=self.clock,
            wait=self.clock.wait,
            pipeline_version="1.2.3",
        )

    @property
    def job_name(self) -> str:
        return self.record().job_name

    def judge(self, **changes: Any) -> JudgedOutcome:
        judging = dataclasses.replace(self.judging, **changes)
        return judge_call(judging, self.job_name, holder="one").outcome

    def finish_and_judge(self) -> JudgedOutcome:
        self.transcriber.finish(self.job_name)
        return self.judge()

    def document(self) -> UnifiedDocument:
        [data] = [
            data for key, (data, _) in self.files.objects.items() if key.startswith("unified/")
        ]
        return decode_document(data).document

    def has_document(self) -> bool:
        return any(key.startswith("unified/") for key in self.files.objects)


def judgement(verdict: Verdict = Verdict.PASS, **fields: Any) -> Judgement:
    result = CriterionResult(
        id="resolve_03",
        verdict=verdict,
        passed={Verdict.PASS: True, Verdict.FAIL: False}.get(verdict),
        reason="The new invoice was promised.",
        evaluator=Evaluator.MODEL,
    )
    usage = ModelUsage(calls=1, input_tokens=1000, output_tokens=100, latency_ms=1500)
    answer: dict[str, Any] = {
        "results": [result],
        "summary": AiSummary(issue="invoice"),
        "usage": usage,
        "model_id": "eu.amazon.nova-2-lite-v1:0",
        "prompt_version": "1",
    }
    return Judgement(**{**answer, **fields})


def transcript(job_name: str, spoken: Sequence[tuple[str, str]], *, redacted: bool) -> bytes:
    items = [
        {
            "type": "pronunciation",
            "start_time": str(place),
            "end_time": str(place + 1),
            "channel_label": channel,
            "alternatives": [{"confidence": "0.9", "content": text}],
        }
        for place, (channel, text) in enumerate(spoken)
    ]
    channels = [
        {
            "channel_label": label,
            "items": [each for each in items if each["channel_label"] == label],
        }
        for label in ("ch_0", "ch_1")
    ]
    results = {
        "transcripts": [{"transcript": " ".join(text for _, text in spoken)}],
        "channel_labels": {"channels": channels, "number_of_channels": 2},
        "items": items,
    }
    marks = {"isRedacted": True} if redacted else {}
    return json.dumps(
        {"jobName": job_name, "accountId": "1", **marks, "results": results, "status": "COMPLETED"}
    ).encode()
