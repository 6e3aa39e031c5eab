"""From a conversation and a QA template to verdicts."""

from cci_lite.evaluation.rules import evaluate_rules

__all__ = ["evaluate_rules"]
