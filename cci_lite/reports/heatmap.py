"""The heat map of agents and criteria of a form version, limited to what a page can show."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from cci_lite.contract.columns import UNKNOWN_AGENT
from cci_lite.reports import numbers

# With fewer, a single verdict would change the shade of most cells.
MINIMUM_EVALUATED = 10
MOST_AGENTS = 40
MOST_CRITERIA = 24
# The shade of a cell is the index of the highest bound that its fail rate reaches.
SHADES = (0.0, 0.1, 0.2, 0.35, 0.5)


@dataclass(frozen=True)
class AgentCriterionRow:
    """One agent and criterion of one form version, as read."""

    template_id: str
    template_version: int
    agent_id: str
    agent_name: str | None
    agent_team: str | None
    criterion_id: str
    question: str | None
    position: int
    calls: int
    failed: int
    evaluated: int
    fail_rate: float | None


@dataclass(frozen=True)
class Cell:
    """One cell; `shade` is None where too few calls were evaluated for a comparison."""

    failed: int
    evaluated: int
    fail_rate: float | None
    shade: int | None


@dataclass(frozen=True)
class HeatRow:
    """One agent's cells, in the order of the columns."""

    agent: str
    team: str
    calls: int
    is_agent: bool
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class HeatColumn:
    """One criterion."""

    criterion_id: str
    question: str


@dataclass(frozen=True)
class HeatMap:
    """The cells, and of how many agents and criteria they are."""

    columns: tuple[HeatColumn, ...]
    rows: tuple[HeatRow, ...]
    agents: int
    criteria: int

    @property
    def limits(self) -> list[str]:
        """What is left out, in words."""
        shown = sum(row.is_agent for row in self.rows)
        found = []
        if shown < self.agents:
            found.append(f"the {shown} agents with the most calls, of {numbers.count(self.agents)}")
        if len(self.columns) < self.criteria:
            found.append(f"the {len(self.columns)} criteria that fail most, of {self.criteria}")
        return found


_NOTHING = Cell(0, 0, None, None)


def heat_map(rows: Sequence[AgentCriterionRow]) -> HeatMap:
    """The heat map of one form version: agents by number of calls, calls without an agent last."""
    criteria = {row.criterion_id: row for row in rows}
    shown = _shown_criteria(rows)
    by_agent: dict[str, list[AgentCriterionRow]] = {}
    for row in rows:
        by_agent.setdefault(row.agent_id, []).append(row)
    nobody = by_agent.pop(UNKNOWN_AGENT, None)
    agents = sorted((_heat_row(own, shown) for own in by_agent.values()), key=_by_calls)
    last = [_heat_row(nobody, shown)] if nobody else []
    return HeatMap(
        columns=tuple(HeatColumn(name, criteria[name].question or "") for name in shown),
        rows=(*agents[:MOST_AGENTS], *last),
        agents=len(agents),
        criteria=len(criteria),
    )


def _by_calls(row: HeatRow) -> tuple[int, str]:
    return (-row.calls, row.agent.casefold())


def _shown_criteria(rows: Sequence[AgentCriterionRow]) -> list[str]:
    """The criteria in the form's order; when there are too many, those that fail most."""
    failed: dict[str, int] = {}
    evaluated: dict[str, int] = {}
    position: dict[str, int] = {}
    for row in rows:
        failed[row.criterion_id] = failed.get(row.criterion_id, 0) + row.failed
        evaluated[row.criterion_id] = evaluated.get(row.criterion_id, 0) + row.evaluated
        position[row.criterion_id] = max(position.get(row.criterion_id, 0), row.position)

    def rate(name: str) -> float:
        return failed[name] / evaluated[name] if evaluated[name] else -math.inf

    worst = sorted(failed, key=lambda name: (-rate(name), position[name], name))[:MOST_CRITERIA]
    return sorted(worst, key=lambda name: (position[name], name))


def _heat_row(rows: Sequence[AgentCriterionRow], shown: Sequence[str]) -> HeatRow:
    cells = {row.criterion_id: _cell(row) for row in rows}
    first = rows[0]
    is_agent = first.agent_id != UNKNOWN_AGENT
    name = next((row.agent_name for row in rows if row.agent_name), first.agent_id)
    return HeatRow(
        agent=name if is_agent else "calls without an agent",
        team=next((row.agent_team for row in rows if row.agent_team), ""),
        calls=max(row.calls for row in rows),
        is_agent=is_agent,
        cells=tuple(cells.get(criterion_id, _NOTHING) for criterion_id in shown),
    )


def _cell(row: AgentCriterionRow) -> Cell:
    return Cell(row.failed, row.evaluated, row.fail_rate, _shade(row))


def _shade(row: AgentCriterionRow) -> int | None:
    if row.fail_rate is None or row.evaluated < MINIMUM_EVALUATED:
        return None
    return max(index for index, bound in enumerate(SHADES) if row.fail_rate >= bound)
