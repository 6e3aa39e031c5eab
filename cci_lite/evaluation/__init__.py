"""From a conversation and a QA template to verdicts."""

from cci_lite.evaluation.by_rules import RulesEvaluator
from cci_lite.evaluation.masking import mask, masked_conversation, masked_judgement, masked_nlp
from cci_lite.evaluation.naming import introduced_names
from cci_lite.evaluation.rules import evaluate_rules

__all__ = [
    "RulesEvaluator",
    "evaluate_rules",
    "introduced_names",
    "mask",
    "masked_conversation",
    "masked_judgement",
    "masked_nlp",
]
