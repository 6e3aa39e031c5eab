from __future__ import annotations

import json
import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cci_lite.reports.text import (
    is_formula,
    markdown,
    one_line,
    spreadsheet_text,
    visible,
    visible_json,
    visible_lines,
)

# Arabic, Syriac and Kaithi marks have a shape, hieroglyphs are stacked, and the two joiners are
# part of how Hindi, Persian and emoji are spelled.
SHAPED = {
    *range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD,
    *range(0x13430, 0x13440), 0x200C, 0x200D,
}  # fmt: skip


def test_every_character_that_nobody_sees_is_shown() -> None:
    for code in range(sys.maxunicode + 1):
        char = chr(code)
        hidden = unicodedata.category(char) in {"Cc", "Cf", "Cs", "Zl", "Zp"}
        if hidden and code not in SHAPED:
            assert visible(char).isascii(), hex(code)
            assert visible(char).isprintable(), hex(code)
        elif code != 0x2065:  # reserved for one more of its neighbours
            assert visible(char) == char, hex(code)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Ann\x1b[2J", r"Ann\x1b[2J"),
        ("a\u202eb", r"a\u202eb"),
        ("a\nb\tc\rd", r"a\nb\tc\rd"),
        ("\x9b31m", r"\x9b31m"),
        ("zero\u200bwidth\ufeff", r"zero\u200bwidth\ufeff"),
        ("\U000e0041", r"\U000e0041"),
        ("\ud800", r"\ud800"),
        ("Grüße, 山田, क्‍ष, 👩‍💻", "Grüße, 山田, क्‍ष, 👩‍💻"),
    ],
)
def test_what_text_hides_is_shown_as_an_escape(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_lines_stay_lines_where_there_is_room_for_them() -> None:
    assert visible_lines("a\nb\tc\rd\x00") == "a\nb\tc\\rd\\x00"
    assert one_line(" a\n b\t\x1bc\u202e ") == r"a b \x1bc\u202e"
    assert markdown("a|b\u202e") == r"a\|b\\u202e"  # which Markdown shows as a|b\u202e


@given(st.text())
def test_json_that_hides_nothing_says_the_same(text: str) -> None:
    value = {text: [text, -1.5, None], "line": 1}
    for indent in (None, 2):
        shown = visible_json(json.dumps(value, ensure_ascii=False, indent=indent))
        assert json.loads(shown) == value
        assert visible(shown, keep="\n") == shown


FORMULAS = [
    "=1+1", "+1", "-1", "@SUM(1)", "\t=1", "\r=1", "\n=1", "\uff1d1", "\uff0b1", "\uff0d1", "\uff201",
    " =1", "  \t @A1", "'=1", '"=1"', "\"'  -1", "\u00a0=1", "\ufeff=1", "\u200b=cmd|' /C calc'!A0",
]  # fmt: skip


@pytest.mark.parametrize("text", FORMULAS)
def test_what_a_spreadsheet_would_run_gets_an_apostrophe(text: str) -> None:
    assert is_formula(text)
    assert spreadsheet_text(text) == "'" + visible_lines(text)


@pytest.mark.parametrize(
    "text", ["", "a", "1", "a=1", "O'Neil", '"quoted"', "1-2", "a\n=1", "(1)", "Grüße"]
)
def test_other_text_of_a_spreadsheet_stays_as_it_is(text: str) -> None:
    assert not is_formula(text)
    assert spreadsheet_text(text) == text
