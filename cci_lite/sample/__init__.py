"""A sample world from a seed: companies, forms and calls, and what is true about them."""

from cci_lite.contract.columns import UNKNOWN_AGENT
from cci_lite.sample.company import Layout
from cci_lite.sample.corrupt import CorruptDocument
from cci_lite.sample.starter import STARTER_FORM
from cci_lite.sample.truth import (
    AgentCriterionKey,
    AgentKey,
    AgentWeekKey,
    CriterionKey,
    FormKey,
    OutcomeCounts,
    Truth,
    VerdictCounts,
)
from cci_lite.sample.world import Delivery, SampleCall, SampleForm, Story, World, build_world

__all__ = [
    "STARTER_FORM",
    "UNKNOWN_AGENT",
    "AgentCriterionKey",
    "AgentKey",
    "AgentWeekKey",
    "CorruptDocument",
    "CriterionKey",
    "Delivery",
    "FormKey",
    "Layout",
    "OutcomeCounts",
    "SampleCall",
    "SampleForm",
    "Story",
    "Truth",
    "VerdictCounts",
    "World",
    "build_world",
]
