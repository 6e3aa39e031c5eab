"""A sample world from a seed: companies, forms and calls, and what is true about them."""

from pathlib import Path

from cci_lite.sample.company import Company, Layout
from cci_lite.sample.truth import Numbers, Truth, read_questions
from cci_lite.sample.world import Delivery, SampleCall, World, build_world

STARTER_FORM = Path(__file__).with_name("starter.yaml")
"""A form that fits most service calls, for a first look at one's own transcripts."""

__all__ = [
    "STARTER_FORM", "Company", "Delivery", "Layout", "Numbers", "SampleCall", "Truth", "World",
    "build_world", "read_questions",
]  # fmt: skip
