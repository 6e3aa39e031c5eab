"""The lists of words are checked when they are read, and count in their languages."""

from __future__ import annotations

import re

import msgspec
import pytest

from cci_lite.masking import word_lists
from cci_lite.masking.word_lists import (
    any_of,
    dates_and_places,
    introductions,
    introductions_in,
    national_ids,
    spoken,
    spoken_in,
    words_of,
)


def test_every_list_is_read() -> None:
    assert spoken().languages
    assert introductions().languages
    assert dates_and_places().dates.births
    assert national_ids()


def test_a_list_with_an_unknown_name_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(word_lists.tomllib, "loads", lambda _: {"ids": [{"nam": "x"}]})
    national_ids.cache_clear()
    with pytest.raises(msgspec.ValidationError, match="unknown field `nam`"):
        national_ids()


@pytest.mark.parametrize(("code", "counts"), [("hi-IN", True), ("en-IN", True), ("en-GB", False)])
def test_words_that_mean_something_else_elsewhere_count_in_their_languages(
    code: str, counts: bool
) -> None:
    name = "Hindi in Latin letters"
    assert (name in {each.name for each in spoken_in(code)}) is counts
    assert (name in {each.name for each in introductions_in(code)}) is counts


def test_longer_words_are_found_before_those_they_begin_with() -> None:
    assert words_of("a bc_d", "bc a") == ["bc d", "bc", "a"]
    assert re.findall(any_of("so sorry"), "sorry so") == ["sorry", "so"]


def test_no_shape_of_a_number_repeats_without_bound() -> None:
    assert not [each.name for each in national_ids() if re.search(r"[*+]|\{\d*,\}", each.shape)]
