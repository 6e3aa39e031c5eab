"""The data dictionary is complete and reads as a table."""

from __future__ import annotations

import re

import pytest

from cci_lite.contract.columns import PARTITION_COLUMNS, TABLES, Table
from cci_lite.contract.dictionary import MEASURES, render_data_dictionary

TEXT = render_data_dictionary()


def section(name: str) -> str:
    return TEXT.partition(f"\n## {name}\n")[2].partition("\n## ")[0]


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.name)
def test_every_column_of_a_table_stands_once_in_its_order(table: Table) -> None:
    named = re.findall(r"^\| `(\w+)` \|", section(table.name), re.MULTILINE)
    partition = [column.name for column in PARTITION_COLUMNS]
    assert named == [*partition, *table.column_names]


@pytest.mark.parametrize("table", TABLES.values(), ids=lambda table: table.name)
def test_a_table_says_its_grain_and_its_key(table: Table) -> None:
    key = ", ".join(f"`{name}`" for name in ("tenant_id", *table.key))
    assert f"Grain: {table.grain}. Key: {key}." in section(table.name)


@pytest.mark.parametrize(
    "row",
    [
        "| `call_id` | varchar | no | The call; unique within the tenant. |",
        "| `call_started_at` | timestamp(3) | yes | When the call started (UTC). |",
        "| `qa_passed` | boolean | yes | The outcome as true (pass), false (fail) or NULL. |",
        "| `call_date` | date | no | The day the call started, in the tenant's time zone. |",
    ],
)
def test_a_column_has_its_type_whether_it_may_be_null_and_its_meaning(row: str) -> None:
    assert row in section("calls")


def test_every_row_of_every_table_has_as_many_cells_as_its_head() -> None:
    cells = 0
    for line in TEXT.splitlines():
        if not line.startswith("|"):
            cells = 0
            continue
        found = len(re.findall(r"(?<!\\)\|", line))
        cells = cells or found
        assert found == cells, line


def test_every_table_is_in_the_contents() -> None:
    for table in TABLES.values():
        assert f"- [`{table.name}`](#{table.name}): {table.grain}" in TEXT


@pytest.mark.parametrize(
    "measure",
    ["qa_percentage", "outcome", "weighted QA percentage", "criteria pass rate", "fail rate"],
)
def test_the_measures_that_are_read_most_are_defined(measure: str) -> None:
    assert measure in [each.name for each in MEASURES]
    assert f"| {measure} |" in section("Measures")


def test_the_three_denominators_are_defined() -> None:
    for name in ("evaluated", "not applicable", "unscored"):
        assert f"| {name} |" in section("Measures")


def test_no_line_end_or_bar_breaks_a_table() -> None:
    for table in TABLES.values():
        for column in table.columns:
            assert "\n" not in column.meaning, column.name
