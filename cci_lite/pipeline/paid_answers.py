"""What the services are asked about a call: each once, the answer kept until it is written up."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from cci_lite.contract.conversation import Conversation
from cci_lite.contract.form import Criterion
from cci_lite.contract.registry import CallRecord
from cci_lite.contract.service_answers import Judgement, NlpAnswer
from cci_lite.contract.tenant import Tenant
from cci_lite.errors import RetryLaterError
from cci_lite.ports import Keep, Metric, Nlp, QaEvaluator, Telemetry, TenantFiles
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
            lambda: self.nlp.analyze(record.tenant_id, language, texts, self._keep(record, "nlp")),
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
            keep = self._keep(record, "evaluation")
            judgement = self.evaluator.evaluate(tenant, asked, conversation, keep)
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
            found = self.nlp.people(record.tenant_id, language, texts, self._keep(record, step))
            return FoundNames(sorted(found.names), found.units)

        return self._kept(record, step, FoundNames, ask) if texts else FoundNames([], 0)

    def _keep(self, record: CallRecord, step: str) -> Keep:
        """Where the paid answers are kept that a step is made of."""

        def keep(part: str, kind: type[T], ask: Callable[[], T], /) -> T:
            return self._kept(record, f"{step}-{part}", kind, ask)

        return keep

    def _kept(self, record: CallRecord, step: str, kind: type[T], ask: Callable[[], T]) -> T:
        """What a step answered: from its checkpoint, so that it is paid for once, or now."""
        tenant_id, key = record.tenant_id, checkpoint_key(record.tenant_id, record.job_name, step)
        content = self.files.read(tenant_id, key)
        if content is not None and (kept := _decoded(content.data, kind)) is not None:
            return kept
        answer = ask()
        data = msgspec.json.encode(answer)
        # An answer that cannot be kept now serves all the same: giving up would lose it for sure.
        with contextlib.suppress(RetryLaterError):
            if content is not None:
                self.files.replace(tenant_id, key, data, content.etag)
            elif not self.files.write_new(tenant_id, key, data):
                # Somebody else has kept theirs meanwhile: there is one answer for a call.
                content = self.files.read(tenant_id, key)
                kept = None if content is None else _decoded(content.data, kind)
                return answer if kept is None else kept
        return answer


def _decoded(data: bytes, kind: type[T]) -> T | None:
    """What was kept; None for what another version of this code kept in another form."""
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.DecodeError:
        return None
