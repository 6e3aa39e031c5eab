"""The expressions that both engines evaluate, and the query that evaluates them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ruamel.yaml import YAML


@dataclass(frozen=True)
class Group:
    """Expressions over the same values."""

    name: str
    over: str
    by: str | None
    group: str | None
    expressions: tuple[str, ...]
    about: float

    def question(self, expressions: tuple[str, ...]) -> str:
        """One query for these of the group's expressions."""
        key = self.by or self.group
        columns = [f"{key} AS k", *(f"{text} AS e{n}" for n, text in enumerate(expressions))]
        grouped = f" GROUP BY {self.group}" if self.group else ""
        return f"SELECT {', '.join(columns)} FROM {self.over}{grouped} ORDER BY k"


def read_groups() -> list[Group]:
    """The groups of `expressions.yaml`."""
    text = Path(__file__).with_name("expressions.yaml")
    return [
        Group(
            given["name"],
            given["over"],
            given.get("by"),
            given.get("group"),
            tuple(given["same"]),
            float(given.get("about", 0)),
        )
        for given in YAML(typ="safe").load(text)
    ]


def read_queries() -> list[str]:
    """The queries of `queries.yaml`."""
    return list(YAML(typ="safe").load(Path(__file__).with_name("queries.yaml")))


def read_refused() -> list[tuple[str, str]]:
    """Each text of `refused.yaml` that Athena refuses, and what we say to it."""
    given = YAML(typ="safe").load(Path(__file__).with_name("refused.yaml"))
    return [(text, message) for message, texts in given.items() for text in texts]


# What `calls` stands for in the texts of `refused.yaml`: one row of each type that they ask for.
CALLS = {
    "tenant_id": ("varchar", "'t1'"),
    "call_id": ("varchar", "'c1'"),
    "call_date": ("date", "DATE '2025-01-05'"),
    "call_started_at": ("timestamp(3)", "TIMESTAMP '2025-01-05 10:00:00'"),
    "agent_id": ("varchar", "'a1'"),
    "qa_passed": ("boolean", "true"),
    "qa_outcome": ("varchar", "'pass'"),
    "qa_total_score": ("double", "15e-1"),
    "qa_criteria": ("bigint", "BIGINT '3'"),
    "revision": ("integer", "2"),
    "tags": ("array(varchar)", "ARRAY['x']"),
}
CALLS_SCHEMA = {"calls": {name: kind for name, (kind, _) in CALLS.items()}}


def over_calls(text: str) -> str:
    """The text with a `calls` of its own, for an engine that has no such table."""
    values = ", ".join(value for _, value in CALLS.values())
    return f"WITH calls AS (SELECT * FROM (VALUES ({values})) AS v({', '.join(CALLS)})) {text}"
