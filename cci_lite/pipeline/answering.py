"""What the services are asked about a call: each once, the answer kept until it is written up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from cci_lite.contract.conversation import Conversation
from cci_lite.contract.judgement import Judgement, NlpAnswer
from cci_lite.contract.registry import CallRecord
from cci_lite.contract.template import Criterion
from cci_lite.contract.tenant import Tenant
from cci_lite.ports import Metric, Nlp, QaEvaluator, Telemetry, TenantFiles
from cci_lite.tenancy import checkpoint_key

T = TypeVar("T")


class FoundNames(msgspec.Struct, frozen=True):
    """Names of people in some texts, and what finding them took."""

    names: list[str]
    units: int


@dataclass(frozen=True)
class Answering:
    """The services of one tenant, and where their answers are kept.

    Every answer raises RetryLaterError or ServiceError instead when it cannot be had.
    """

    files: TenantFiles
    nlp: Nlp
    evaluator: QaEvaluator
    telemetry: Telemetry

    def nlp_answer(self, record: CallRecord, language: str, texts: Sequence[str]) -> NlpAnswer:
        """Sentiment, key phrases and entities of a call."""
        return self._kept(
            record,
            "nlp",
            NlpAnswer,
            lambda: self.nlp.analyze(record.tenant_id, language, texts),
        )

    def judgement(
        self,
        record: CallRecord,
        tenant: Tenant,
        asked: Sequence[Criterion],
        conversation: Conversation,
    ) -> Judgement:
        """The evaluator's verdicts and summary."""

        def ask() -> Judgement:
            judgement = self.evaluator.evaluate(tenant, asked, conversation)
            usage = judgement.usage
            self.telemetry.count(Metric.INPUT_TOKENS, usage.input_tokens)
            self.telemetry.count(Metric.OUTPUT_TOKENS, usage.output_tokens)
            self.telemetry.count(Metric.MODEL_LATENCY, usage.latency_ms / 1000)
            return judgement

        with self.telemetry.span("evaluate"):
            return self._kept(record, "evaluation", Judgement, ask)

    def people(
        self, record: CallRecord, step: str, language: str, texts: Sequence[str]
    ) -> FoundNames:
        """The names of people in these texts; without texts nobody is asked."""

        def ask() -> FoundNames:
            found = self.nlp.people(record.tenant_id, language, texts)
            return FoundNames(sorted(found.names), found.units)

        return self._kept(record, step, FoundNames, ask) if texts else FoundNames([], 0)

    def _kept(self, record: CallRecord, step: str, kind: type[T], ask: Callable[[], T]) -> T:
        """What a step answered: from its checkpoint, so that it is paid for once, or now."""
        key = checkpoint_key(record.tenant_id, record.job_name, step)
        content = self.files.read(record.tenant_id, key)
        if content is not None:
            return msgspec.json.decode(content.data, type=kind)
        answer = ask()
        if not self.files.write_new(record.tenant_id, key, msgspec.json.encode(answer)):
            # Somebody else has kept theirs meanwhile: there is one answer for a call.
            content = self.files.read(record.tenant_id, key)
        return answer if content is None else msgspec.json.decode(content.data, type=kind)
