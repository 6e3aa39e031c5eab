"""The evaluator that uses rules only and asks no model."""

from cci_lite.contract.tenant import Tenant
from cci_lite.evaluation.by_rules.evaluator import RulesEvaluator
from tests.model_examples import CALL, CRITERIA, all_unscored, verdicts_of


def test_what_has_no_rule_is_left_to_people() -> None:
    tenant = Tenant(tenant_id="acme", name="Acme")
    judgement = RulesEvaluator().evaluate(tenant, CRITERIA, CALL)
    assert verdicts_of(judgement) == all_unscored()
    assert (judgement.summary, judgement.review_reasons, judgement.usage.calls) == (None, [], 0)
