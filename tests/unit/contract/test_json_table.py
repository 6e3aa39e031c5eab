"""JSON is read as Trino was observed to read it, value by value and file by file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from cci_lite.contract.columns import ColumnType
from cci_lite.contract.json_table import JsonRow, rows_of_json
from cci_lite.contract.unified_table import Array, RawColumn, Row

_TEXT, _NUMBER = ColumnType.VARCHAR, ColumnType.DOUBLE
VALUE_COLUMNS = (
    RawColumn("s", _TEXT),
    RawColumn("b", ColumnType.BOOLEAN),
    RawColumn("i", ColumnType.BIGINT),
    RawColumn("d", _NUMBER),
    RawColumn("r", Row((("a", _TEXT), ("n", _NUMBER)))),
    RawColumn("l", Array(_TEXT)),
    RawColumn("lr", Array(Row((("a", _TEXT),)))),
)
FILE_COLUMNS = (
    RawColumn("s", _TEXT),
    RawColumn("i", ColumnType.BIGINT),
    RawColumn("r", Row((("a", _TEXT), ("n", _NUMBER), ("inner", Row((("z", _TEXT),)))))),
    RawColumn("l", Array(_TEXT)),
)
FACTS: dict[str, list[dict[str, Any]]] = YAML(typ="safe").load(
    Path(__file__).with_name("json_table.yaml").read_text(encoding="utf-8")
)


def line_of(value: str) -> bytes:
    """A line that has the value under every column."""
    return ("{" + ",".join(f'"{column.name}":{value}' for column in VALUE_COLUMNS) + "}\n").encode()


def read(data: bytes, columns: tuple[RawColumn, ...]) -> list[JsonRow]:
    return list(rows_of_json(data, columns))


@pytest.mark.parametrize("fact", FACTS["values"], ids=lambda fact: fact["value"][:40])
def test_a_value_is_read_under_each_type_as_trino_reads_it(fact: dict[str, Any]) -> None:
    [row] = read(line_of(fact["value"]), VALUE_COLUMNS)
    found = {name: value for name, value in row.values.items() if value is not None}
    # 1, 1.0 and True are equal and not the same; so are 0.0 and -0.0, and NaN is not equal to NaN.
    expected = dict(fact["read"])
    assert {name for name, value in expected.items() if value == "error"} == set(row.refused)
    for name in row.refused:
        del expected[name]
    assert repr(found) == repr({name: expected[name] for name in found} | expected)


@pytest.mark.parametrize("fact", FACTS["files"], ids=lambda fact: fact["name"])
def test_a_file_has_the_rows_that_trino_finds(fact: dict[str, Any]) -> None:
    rows = read(fact["bytes"].encode("latin-1"), FILE_COLUMNS)
    if fact["rows"] == "error":
        assert any(row.refused for row in rows)
        return
    assert not any(row.refused for row in rows)
    found = [
        {name: value for name, value in row.values.items() if value is not None} for row in rows
    ]
    assert found == fact["rows"]


@pytest.mark.parametrize(
    "line", ["{s:'x'}", '{"s"="x"}', '{"i":010}', '{"i":+5}', '{"s":nope}', '{"s":"\\q"}']
)
def test_text_that_is_no_json_is_a_row_of_nulls(line: str) -> None:
    assert read(line.encode(), FILE_COLUMNS) == [JsonRow(dict.fromkeys("sirl"))]


def test_a_line_nested_too_deeply_to_read_is_a_row_of_nulls() -> None:
    line = b'{"s":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    assert read(line, FILE_COLUMNS) == [JsonRow(dict.fromkeys("sirl"))]


def test_a_huge_exponent_is_no_whole_number_and_takes_no_time() -> None:
    [row] = read(b'{"i":1e999999999,"s":1e99999999999999999999}', FILE_COLUMNS)
    assert row.values == {"s": "1e99999999999999999999", "i": None, "r": None, "l": None}


def test_what_was_expected_is_said_of_each_column_that_is_refused() -> None:
    [row] = read(b'{"i":{},"r":"Kim","s":"x"}', FILE_COLUMNS)
    assert row.refused == {"i": "a number", "r": "an object"}
    assert row.values == {"s": "x", "i": None, "r": None, "l": None}
