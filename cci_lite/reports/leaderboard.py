"""Builds the failure leaderboard of a week: ranks agents by the share of failed calls."""

from __future__ import annotations

import datetime as dt
import itertools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from cci_lite.contract.columns import UNKNOWN_AGENT
from cci_lite.errors import NotFoundError
from cci_lite.reports.statements import WAITING, WEEKS, Query, Statement, leaderboard_of, read_rows
from cci_lite.tenancy import check_tenant_id


class Standing(StrEnum):
    """Whether an agent is ranked, or why not."""

    RANKED = "ranked"
    TOO_FEW_CALLS = "too_few_calls"
    NO_AGENT = "no_agent"


@dataclass(frozen=True)
class LeaderboardRow:
    """One agent's week under one version of a form. Rates are shares, None of nothing."""

    tenant_id: str
    week_start: dt.date
    template_id: str
    template_version: int
    rank: int | None
    has_enough_calls: bool
    minimum_calls: int
    agent_id: str
    agent_name: str | None
    agent_team: str | None
    calls: int
    evaluated_calls: int
    failed_calls: int
    call_fail_rate: float | None
    call_fail_rate_low: float | None
    call_fail_rate_high: float | None
    weighted_percentage: float | None
    failed: int
    evaluated: int
    criteria_fail_rate: float | None
    is_tied: bool = False

    @property
    def standing(self) -> Standing:
        """Whether the agent is ranked, or why not."""
        if self.agent_id == UNKNOWN_AGENT:
            return Standing.NO_AGENT
        return Standing.TOO_FEW_CALLS if self.rank is None else Standing.RANKED

    @property
    def agent(self) -> str:
        """What the agent is called: name, or id without one."""
        if self.agent_id == UNKNOWN_AGENT:
            return "calls without an agent"
        return self.agent_name or self.agent_id

    @property
    def form(self) -> str:
        """The version of the form: `sales v2`."""
        return form_label(self.template_id, self.template_version)

    @property
    def place(self) -> str:
        """`3`, `3=` when others share the rank, empty when the agent is not ranked."""
        return "" if self.rank is None else f"{self.rank}{'=' if self.is_tied else ''}"

    @property
    def note(self) -> str:
        """Why there is no rank, or that it is shared; otherwise empty."""
        match self.standing:
            case Standing.NO_AGENT:
                return "no agent is named, not ranked"
            case Standing.TOO_FEW_CALLS:
                return f"not enough calls ({self.evaluated_calls} of {self.minimum_calls})"
            case Standing.RANKED:
                return "shares this rank" if self.is_tied else ""


@dataclass(frozen=True)
class FormTable:
    """The agents of one version of a form: the ranked, then the others by name."""

    template_id: str
    template_version: int
    rows: tuple[LeaderboardRow, ...]

    @property
    def form(self) -> str:
        """The version of the form: `sales v2`."""
        return form_label(self.template_id, self.template_version)


@dataclass(frozen=True)
class WaitingCriterion:
    """A required criterion without a verdict, and how many calls wait in review because of it."""

    tenant_id: str
    template_id: str
    template_version: int
    criterion_id: str
    calls: int

    @property
    def form(self) -> str:
        """The version of the form: `sales v2`."""
        return form_label(self.template_id, self.template_version)


@dataclass(frozen=True)
class Leaderboard:
    """The failure leaderboard of a week, one table per form version with evaluated calls.

    `week_start` is a Monday, None when no week has an evaluated call; `statement` is the SQL that
    was run. `waiting` says why a leaderboard is empty.
    """

    tenant_id: str
    week_start: dt.date | None
    statement: Statement
    tables: tuple[FormTable, ...]
    waiting: tuple[WaitingCriterion, ...] = ()

    @property
    def rows(self) -> tuple[LeaderboardRow, ...]:
        """The rows of all tables, in their order."""
        return tuple(itertools.chain.from_iterable(table.rows for table in self.tables))


@dataclass(frozen=True)
class Week:
    """One week (Monday) that has calls."""

    tenant_id: str
    week_start: dt.date
    calls: int
    evaluated_calls: int


def weeks(query: Query, tenant_id: str) -> tuple[Week, ...]:
    """The weeks that have calls, oldest first."""
    return tuple(read_rows(query, WEEKS, check_tenant_id(tenant_id), Week))


def leaderboard(query: Query, tenant_id: str, *, week: dt.date | None = None) -> Leaderboard:
    """The leaderboard of the week that holds the day `week`.

    The default is the latest week with evaluated calls; a week without calls raises NotFoundError.
    Rank 1 is the highest share of failed calls. Versions of forms are never ranked together.
    """
    present = weeks(query, tenant_id)
    week_start = _latest_week(present) if week is None else _monday(week)
    if week_start is None:
        return Leaderboard(tenant_id, None, WEEKS, (), _waiting(query, tenant_id, present))
    if week_start not in {found.week_start for found in present}:
        raise NotFoundError(_no_such_week(tenant_id, week_start, present))
    statement = leaderboard_of(week_start)
    rows = read_rows(query, statement, tenant_id, LeaderboardRow)
    return Leaderboard(tenant_id, week_start, statement, _tables(rows))


def _waiting(query: Query, tenant_id: str, present: Sequence[Week]) -> tuple[WaitingCriterion, ...]:
    if not any(week.calls for week in present):
        return ()
    return tuple(read_rows(query, WAITING, tenant_id, WaitingCriterion))


def form_label(template_id: str, template_version: int) -> str:
    """`sales v2`; calls whose document names no form are under `no form named`."""
    if template_id == "unknown" and template_version == 0:
        return "no form named"
    return f"{template_id} v{template_version}"


def _monday(day: dt.date) -> dt.date:
    return day - dt.timedelta(days=day.weekday())


def _latest_week(present: Sequence[Week]) -> dt.date | None:
    return max((week.week_start for week in present if week.evaluated_calls), default=None)


def _no_such_week(tenant_id: str, week_start: dt.date, present: Sequence[Week]) -> str:
    if not present:
        return f"tenant '{tenant_id}' has no calls yet: run `cci-lite etl run` first"
    nearest = min(present, key=lambda week: abs(week.week_start - week_start)).week_start
    return (
        f"tenant '{tenant_id}' has no calls in the week of {week_start}, "
        f"expected a week from {present[0].week_start} to {present[-1].week_start}, "
        f"the nearest with calls is {nearest}"
    )


def _tables(rows: Sequence[LeaderboardRow]) -> tuple[FormTable, ...]:
    # The newest version of a form first: it is the one that calls are judged by now.
    ordered = sorted(rows, key=lambda row: (row.template_id, -row.template_version))
    groups = itertools.groupby(ordered, key=lambda row: (row.template_id, row.template_version))
    tables = (FormTable(*form, _placed(list(group))) for form, group in groups)
    return tuple(table for table in tables if any(row.evaluated_calls for row in table.rows))


def _placed(rows: Sequence[LeaderboardRow]) -> tuple[LeaderboardRow, ...]:
    # The view gives equal rates the same rank; here they are only marked as tied.
    holders = Counter(row.rank for row in rows if row.rank is not None)
    marked = (replace(row, is_tied=row.rank is not None and holders[row.rank] > 1) for row in rows)
    return tuple(sorted(marked, key=_order))


def _order(row: LeaderboardRow) -> tuple[int, int, str, str]:
    standing = list(Standing).index(row.standing)
    return (standing, row.rank or 0, row.agent.casefold(), row.agent_id)
