"""What services answered about a call is kept until it is written up: each is paid for once."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import msgspec

from cci_lite.contract.conversation import Conversation
from cci_lite.contract.form import Criterion
from cci_lite.contract.registry import CallRecord
from cci_lite.contract.service_answers import Judgement
from cci_lite.contract.tenant import Tenant
from cci_lite.errors import RetryLaterError
from cci_lite.ports import Keep, Metric, QaEvaluator, Telemetry, TenantFiles
from cci_lite.tenancy import checkpoint_key

T = TypeVar("T")


def checkpoints(files: TenantFiles, record: CallRecord) -> Keep:
    """Keeps each answer about a call as a file, and gives it instead of asking again."""

    def keep(step: str, kind: type[T], ask: Callable[[], T], /) -> T:
        tenant_id, key = record.tenant_id, checkpoint_key(record.tenant_id, record.job_name, step)
        content = files.read(tenant_id, key)
        if content is not None and (kept := _decoded(content.data, kind)) is not None:
            return kept
        answer = ask()
        data = msgspec.json.encode(answer)
        # An answer that cannot be kept now serves all the same: giving up would lose it for sure.
        with contextlib.suppress(RetryLaterError):
            if content is not None:
                files.replace(tenant_id, key, data, content.etag)
            elif not files.write_new(tenant_id, key, data):
                # Somebody else has kept theirs meanwhile: there is one answer for a call.
                content = files.read(tenant_id, key)
                kept = None if content is None else _decoded(content.data, kind)
                return answer if kept is None else kept
        return answer

    return keep


@dataclass(frozen=True)
class CountedEvaluator:
    """A QaEvaluator whose tokens and time are counted."""

    evaluator: QaEvaluator
    telemetry: Telemetry

    def evaluate(
        self,
        tenant: Tenant,
        criteria: Sequence[Criterion],
        conversation: Conversation,
        keep: Keep,
    ) -> Judgement:
        """What the evaluator says."""
        with self.telemetry.span("evaluate"):
            judgement = self.evaluator.evaluate(tenant, criteria, conversation, keep)
        usage = judgement.usage
        self.telemetry.count(Metric.INPUT_TOKENS, usage.input_tokens)
        self.telemetry.count(Metric.OUTPUT_TOKENS, usage.output_tokens)
        self.telemetry.count(Metric.MODEL_LATENCY, usage.latency_ms / 1000)
        return judgement


def _decoded(data: bytes, kind: type[T]) -> T | None:
    """What was kept; None for what another version of this code kept in another form."""
    try:
        return msgspec.json.decode(data, type=kind)
    except msgspec.DecodeError:
        return None
