"""The evaluator of tenants that use no language model: it leaves the other criteria to people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cci_lite.contract.conversation import Conversation
from cci_lite.contract.form import Criterion
from cci_lite.contract.service_answers import Judgement
from cci_lite.contract.tenant import Tenant
from cci_lite.evaluation.results import undecided
from cci_lite.ports import Keep, not_kept


@dataclass(frozen=True)
class RulesEvaluator:
    """A QaEvaluator that decides nothing and costs nothing."""

    def evaluate(
        self,
        tenant: Tenant,  # noqa: ARG002
        criteria: Sequence[Criterion],
        conversation: Conversation,  # noqa: ARG002
        keep: Keep = not_kept,  # noqa: ARG002
    ) -> Judgement:
        """Every criterion unscored, and no summary."""
        return undecided(criteria)
