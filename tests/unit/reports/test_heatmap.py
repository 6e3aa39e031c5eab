from __future__ import annotations

import pytest

from cci_lite.reports.heatmap import MOST_AGENTS, MOST_CRITERIA, AgentCriterionRow, heat_map


def row(
    agent_id: str,
    criterion_id: str,
    failed: int,
    evaluated: int,
    *,
    calls: int = 20,
    position: int = 1,
) -> AgentCriterionRow:
    rate = failed / evaluated if evaluated else None
    return AgentCriterionRow(
        "support",
        1,
        agent_id,
        None,
        None,
        criterion_id,
        "Why?",
        position,
        calls,
        failed,
        evaluated,
        rate,
    )


@pytest.mark.parametrize(
    ("failed", "evaluated", "shade"),
    [
        (0, 10, 0),
        (1, 10, 1),
        (19, 100, 1),
        (1, 5, None),
        (9, 9, None),
        (2, 10, 2),
        (10, 10, 4),
        (0, 0, None),
    ],
)
def test_a_cell_is_shaded_by_its_rate_when_there_is_enough_to_compare(
    failed: int, evaluated: int, shade: int | None
) -> None:
    assert heat_map([row("a", "greet", failed, evaluated)]).rows[0].cells[0].shade == shade


def test_criteria_stand_in_the_forms_order_and_calls_without_an_agent_last() -> None:
    found = heat_map(
        [
            row("unknown", "close", 1, 10, calls=99, position=2),
            row("b", "close", 1, 10, calls=5, position=2),
            row("a", "greet", 1, 10, calls=5, position=1),
            row("c", "greet", 1, 10, calls=9, position=1),
        ]
    )
    assert [column.criterion_id for column in found.columns] == ["greet", "close"]
    assert [each.agent for each in found.rows] == ["c", "a", "b", "calls without an agent"]
    assert found.agents == 3
    assert found.limits == []


def test_an_agent_never_judged_on_a_criterion_has_an_empty_cell_there() -> None:
    found = heat_map([row("a", "greet", 1, 10), row("b", "close", 2, 10, position=2)])
    assert [cell.evaluated for cell in found.rows[0].cells] == [10, 0]


def test_too_many_agents_and_criteria_are_cut_and_the_cut_is_said() -> None:
    rows = [
        row(
            f"agent-{agent:03d}",
            f"c{criterion:03d}",
            criterion,
            100,
            calls=agent,
            position=criterion,
        )
        for agent in range(300)
        for criterion in range(100)
    ]
    found = heat_map([*rows, row("unknown", "c099", 1, 100, position=99)])
    assert [each.calls for each in found.rows[:MOST_AGENTS]] == list(range(299, 259, -1))
    assert len(found.rows) == MOST_AGENTS + 1
    assert [column.criterion_id for column in found.columns] == [
        f"c{number:03d}" for number in range(100 - MOST_CRITERIA, 100)
    ]
    assert found.limits == [
        "the 40 agents with the most calls, of 300",
        "the 24 criteria that fail most, of 100",
    ]
