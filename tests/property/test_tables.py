"""Property: a printed table loses nothing, whatever it holds and however narrow the terminal."""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from rich.cells import cell_len

from cci_lite.cli.output import as_text, table_column
from cci_lite.reports.tables import render_table, wrapped
from cci_lite.reports.text import visible

WIDTHS = st.one_of(
    st.sampled_from([1, 20, 40, 80, 120, None]), st.integers(min_value=1, max_value=200)
)
WORDS = st.one_of(
    st.text(max_size=60),
    st.text("ab 12 %-.=", max_size=80),
    st.text("東京都414\uff12件。「」ก่ é\u0301", max_size=40),
    st.sampled_from(
        ["", " ", "2025-10-30 09:30:00", "414 of 2 100", "x" * 150, "cci_acme_6rm4lwko5"]
    ),
)
NUMBERS = st.one_of(
    st.integers(),
    st.floats(),
    st.decimals(allow_nan=False, allow_infinity=False),
    st.sampled_from([-0.0, 1e300, 12345678901.5, 0.1 + 0.2, -(10**30), Decimal("-1.50")]),
)
SCALARS = [
    NUMBERS, st.booleans(), st.dates(), st.datetimes(), st.times(), st.timedeltas(),
    st.binary(max_size=9),
]  # fmt: skip
NESTED = st.recursive(
    st.one_of(*SCALARS, WORDS, st.none()),
    lambda inner: st.one_of(st.lists(inner, max_size=4), st.dictionaries(WORDS, inner, max_size=3)),
    max_leaves=6,
)
# As in a result of SQL all values of a column are of one kind.
KINDS = [*SCALARS, WORDS, st.lists(NESTED, max_size=3), st.dictionaries(WORDS, NESTED, max_size=3)]


@st.composite
def results(draw: st.DrawFn) -> tuple[list[str], list[tuple[Any, ...]]]:
    names = st.one_of(WORDS, st.just("qa_reported_total_score"))
    columns = draw(st.lists(st.tuples(names, st.sampled_from(KINDS)), min_size=1, max_size=8))
    row = st.tuples(*(st.one_of(st.none(), kind) for _, kind in columns))
    return [name for name, _ in columns], draw(st.lists(row, max_size=5))


def table(names: Sequence[str], rows: Sequence[Sequence[Any]], width: int | None) -> list[str]:
    columns = [table_column(name, [row[at] for row in rows]) for at, name in enumerate(names)]
    return render_table(columns, width)


def without_blanks(text: str) -> str:
    return text.replace(" ", "")


@given(results(), WIDTHS)
@example((["calls", "day"], [(414, dt.date(2025, 10, 30))]), 5)
@example((["n"] * 40, [tuple(range(10**11, 10**11 + 40))]), 80)
def test_every_value_that_is_no_text_stands_whole_on_one_line(
    result: tuple[list[str], list[tuple[Any, ...]]], width: int | None
) -> None:
    names, rows = result
    lines = table(names, rows, width)
    for row in rows:
        for value in row:
            if value is not None and not isinstance(value, (str, list, dict)):
                assert any(as_text(value) in line for line in lines), value


@given(results(), WIDTHS)
def test_every_number_within_text_stands_whole_on_one_line(
    result: tuple[list[str], list[tuple[Any, ...]]], width: int | None
) -> None:
    names, rows = result
    lines = table(names, rows, width)
    for row in rows:
        for value in row:
            for number in re.findall(r"[-+]?\d+(?:[.,:-]\d+)*(?: +\d+)*", as_text(value)):
                assert any(number in line for line in lines), number


@given(results(), WIDTHS)
def test_every_character_of_the_result_is_there(
    result: tuple[list[str], list[tuple[Any, ...]]], width: int | None
) -> None:
    names, rows = result
    shown = sorted(without_blanks("".join(table(names, rows, width))))
    given_ = "".join([*map(visible, names), *(as_text(value) for row in rows for value in row)])
    for char in set(without_blanks(given_)):
        assert shown.count(char) >= without_blanks(given_).count(char), char


@given(results(), WIDTHS)
def test_no_line_is_too_wide_but_for_what_cannot_be_broken(
    result: tuple[list[str], list[tuple[Any, ...]]], width: int | None
) -> None:
    names, rows = result
    if width is None:
        return
    for line in table(names, rows, width):
        if cell_len(line) > width and not line.startswith("──"):
            stripped = line.strip()
            assert (
                any(stripped == visible(name).strip() for name in names)
                or len(wrapped(stripped, width)) == 1
                or any(stripped.endswith(as_text(value).strip()) for row in rows for value in row)
            )


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_is_shown_with_all_of_its_digits(number: float) -> None:
    assert float(as_text(number)) == number
    assert math.copysign(1, float(as_text(number))) == math.copysign(1, number)


@given(st.lists(st.text("ab1 東京", max_size=12)), st.integers(min_value=1, max_value=30))
def test_wrapped_text_is_the_text(words: list[str], width: int) -> None:
    text = " ".join(words)
    assert without_blanks("".join(wrapped(text, width))) == without_blanks(text)


@pytest.mark.parametrize(
    ("text", "width", "lines"),
    [
        ("Did the agent greet?", 9, ["Did the", "agent", "greet?"]),
        ("東京都の電話。大阪府", 8, ["東京都の", "電話。大", "阪府"]),
        ("共414件の電話", 5, ["共414", "件の", "電話"]),
        ("12 of 2 100 calls", 6, ["12 of", "2 100", "calls"]),
        ("on 2025-10-30 09:30 UTC", 10, ["on", "2025-10-30 09:30", "UTC"]),
        ("95 % of them", 4, ["95 %", "of", "them"]),
    ],
)
def test_text_wraps_between_words_and_never_within_a_number(
    text: str, width: int, lines: list[str]
) -> None:
    assert wrapped(text, width) == lines


def test_a_wide_result_stands_one_row_below_the_other() -> None:
    rows = [
        ("cci_1", 414, dt.date(2025, 10, 30), "Did the agent greet?"),
        ("cci_2", -7, None, "山田太郎"),
    ]
    assert table(("call_id", "calls", "call_date", "question"), rows, 28) == [
        "── 1 ──",
        "call_id    cci_1",
        "calls      414",
        "call_date  2025-10-30",
        "question   Did the agent",
        "           greet?",
        "── 2 ──",
        "call_id    cci_2",
        "calls      -7",
        "call_date",
        "question   山田太郎",
    ]  # fmt: skip
    assert table(("call_id", "calls", "call_date", "question"), rows, 40) == [
        "call_id  calls  call_date   question",
        "────────────────────────────────────────",
        "cci_1      414  2025-10-30  Did the",
        "                            agent greet?",
        "cci_2       -7              山田太郎",
    ]


def test_a_wide_result_without_rows_names_its_columns() -> None:
    assert table(("call_id", "call_date"), [], 8) == ["call_id", "call_date"]
