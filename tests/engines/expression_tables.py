"""The table of expressions: what both engines are asked, and how the question reads."""

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
            " ".join(given["over"].split()),
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
