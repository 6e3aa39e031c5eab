"""Recall and precision of masking never fall below what was measured."""

from __future__ import annotations

import tomllib
from pathlib import Path

import pytest

from tests.masking import measured
from tests.masking.measured import KINDS, PARTS, measure, read_sentence

FLOORS = tomllib.loads(Path(measured.__file__).with_name("floors.toml").read_text(encoding="utf-8"))
CLAIMED = set(KINDS) - {"address"}


@pytest.mark.parametrize("part", PARTS)
def test_masking_finds_as_much_as_was_measured_and_masks_no_more_wrongly(part: str) -> None:
    shares = {
        (what, name, language): share
        for language, each in measure(part).items()
        for what, by_name in (("recall", each.recall()), ("precision", each.precision()))
        for name, share in by_name.items()
    }
    floors = {
        (what, name, language): floor
        for what, by_name in FLOORS[part].items()
        for name, by_language in by_name.items()
        for language, floor in by_language.items()
    }
    below = {key: shares.get(key) for key, floor in floors.items() if shares.get(key, 0) < floor}
    assert below == {}, "shares in percent; the floors stand in tests/masking/floors.toml"


@pytest.mark.parametrize("part", PARTS)
def test_every_kind_that_is_claimed_has_a_floor(part: str) -> None:
    assert FLOORS[part]["recall"].keys() == CLAIMED
    languages = measure(part).keys()
    assert all(set(FLOORS[part]["recall"][kind]) == set(languages) for kind in CLAIMED)


def test_a_label_is_found_only_when_nothing_of_it_is_left() -> None:
    sentences = ["Call «phone:07700 900123» or «mail:jane».", "Room «number:301», 30.50 euros."]
    counted = measured.measure_sentences(sentences, "en-GB")
    assert counted.recall() == {"phone": 100, "mail": 0, "number": 0}
    assert counted.precision() == {"[NUMBER]": 100}


def test_what_is_masked_beside_a_label_counts_against_precision() -> None:
    counted = measured.measure_sentences(["My name is Jane, on «phone:07700 900123»."], "en-GB")
    assert counted.precision() == {"[NAME]": 0, "[NUMBER]": 100}


def test_labels_are_taken_out_of_a_sentence_and_their_places_kept() -> None:
    text, ((kind, start, end),) = read_sentence("I'm «name:Jane», hello.")
    assert (text, kind, text[start:end]) == ("I'm Jane, hello.", "name", "Jane")
