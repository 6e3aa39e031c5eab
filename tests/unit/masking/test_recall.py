"""How much of what is personal masking finds, per language and kind: what services.toml may say."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from cci_lite.contract.services import language_of, service_facts
from cci_lite.masking.mask import mask

FILE = Path(__file__).resolve().parents[2] / "masking" / "sentences.toml"
LANGUAGES: dict[str, Any] = tomllib.loads(FILE.read_text(encoding="utf-8"))
HELD_OUT: dict[str, Any] = tomllib.loads(
    FILE.with_name("held_out.toml").read_text(encoding="utf-8")
)
FLOOR = 0.95
FEWEST_HELD_OUT = 20
KINDS = ("figures", "words", "mail", "names")
_PERSONAL = re.compile("«([^»]*)»")
_PLACEHOLDER = re.compile(r"\[[A-Z]+\]")


def _recall(sentences: Sequence[str], code: str, names: Sequence[str] = ()) -> float:
    """The share of what is marked of which masking leaves nothing."""
    found = [_is_found(sentence, code, names) for sentence in sentences]
    return sum(found) / len(found)


def _is_found(sentence: str, code: str, names: Sequence[str]) -> bool:
    before, personal, after = _PERSONAL.split(sentence)
    masked = mask(f"{before}{personal}{after}", names, code)
    left = _PLACEHOLDER.sub("|", masked)
    return masked != left and not _pieces(personal) & _pieces(left) - _pieces(f"{before}|{after}")


def _pieces(text: str) -> set[str]:
    """The words and runs of three characters of a text: what is left of a number would be one."""
    words = re.findall(r"\w+", text)
    return {word[start : start + 3] for word in words for start in range(max(1, len(word) - 2))}


def _measured(content: Mapping[str, Any]) -> dict[str, float]:
    names = content["names"]
    lists = {kind: content[kind] for kind in KINDS[:3]}
    recalls = {kind: _recall(lists[kind], content["code"]) for kind in lists}
    return recalls | {"names": _recall(names["sentences"], content["code"], names["given"])}


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("kind", KINDS)
def test_masking_finds_what_is_personal_in_every_language_that_may_be_masked(
    language: str, kind: str
) -> None:
    assert _measured(LANGUAGES[language])[kind] >= FLOOR


def test_masking_finds_numbers_of_sentences_that_it_was_not_made_for() -> None:
    lines, below = ["found of the numbers held out:"], []
    for language, content in HELD_OUT.items():
        code, numbers = LANGUAGES[language]["code"], content["numbers"] + content["later"]
        missed = [sentence for sentence in numbers if not _is_found(sentence, code, ())]
        share = 1 - len(missed) / len(numbers)
        lines.append(
            f"{language:6} {len(numbers) - len(missed):3} of {len(numbers):3} {share:5.0%}"
        )
        lines += [f"       left: {sentence}" for sentence in missed]
        below += [language] if share < FLOOR else []
    assert not below, "\n".join(lines)


def test_numbers_are_held_out_in_every_language_that_may_be_masked() -> None:
    assert HELD_OUT.keys() == LANGUAGES.keys()
    assert (
        min(len(content["numbers"]) + len(content["later"]) for content in HELD_OUT.values())
        >= FEWEST_HELD_OUT
    )


@pytest.mark.parametrize("language", LANGUAGES)
def test_masking_leaves_amounts_dates_and_lists(language: str) -> None:
    content = LANGUAGES[language]
    kept = [*content["kept"], *HELD_OUT[language]["kept"]]
    changed = {text: mask(text, (), content["code"]) for text in kept}
    assert {text: masked for text, masked in changed.items() if masked != text} == {}


def test_exactly_the_languages_that_were_measured_may_be_masked() -> None:
    allowed = {code for code, facts in service_facts().languages.items() if facts.masking}
    measured = {
        code
        for code in service_facts().languages
        if code in LANGUAGES or (code.partition("-")[0] in LANGUAGES and code != "zh-TW")
    }
    assert allowed == measured
    assert all(language_of(code).comprehend for code in allowed)


def test_what_is_left_of_a_number_is_noticed() -> None:
    assert not _is_found("番号は«一二三四五の百の六七八»です", "ja-JP", ())
    assert not _is_found("It is «12345».", "en-GB", ())
    assert _is_found("It is «123456».", "en-GB", ())
