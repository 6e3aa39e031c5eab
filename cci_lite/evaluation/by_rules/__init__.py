"""Decides the criteria that have a rule: exactly, and the same every time."""

from cci_lite.evaluation.by_rules.deciding import evaluate_rules

__all__ = ["evaluate_rules"]
