"""Second-stage masking: personal data that a redacted transcript or a model's words still carry.

Masking is a sequence of stages, each of which finds spans of a text and what to put there. What is
masked already (`[NAME]`, `***`) is a border that no stage reaches across, so that masking twice is
masking once.

What no stage finds, because nothing tells it from what a call needs:
- a PIN of four digits, the security code of a card;
- a date of birth with no word of birth near it: the answer to a question of the turn before;
- papers with fewer than FEWEST_DIGITS digits, unless `national_ids.toml` has their shape;
- telephone numbers in groups that read as years, amounts or a list ("12 and 34 and 5678");
- streets and postcodes, and names that nobody introduces and no service finds.

`python -m tests.masking.measured` prints how much is found, per kind and language.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

import msgspec

from cci_lite.contract.conversation import Conversation, Turn, Word
from cci_lite.contract.document import (
    AiSummary,
    CriterionResult,
    Entities,
    Entity,
    EntityResult,
    KeyPhrase,
    KeyPhraseResult,
    KeyPhrases,
)
from cci_lite.contract.service_answers import Judgement, NlpAnswer, cut_raw
from cci_lite.language.heard import in_place
from cci_lite.masking.birth_dates import birth_date_stage
from cci_lite.masking.clues import Clues
from cci_lite.masking.figures import NUMBER_STAGE
from cci_lite.masking.identity_numbers import IBAN_STAGE, ID_STAGE
from cci_lite.masking.mail_addresses import mail_stage
from cci_lite.masking.names import names_in, unspaced_names_in
from cci_lite.masking.places import is_personal_place
from cci_lite.masking.spans import WITHHELD, Find, Span, Stage
from cci_lite.masking.spoken_numbers import number_word_stage


def mask(text: str, names: Iterable[str] = (), language_code: str | None = None) -> str:
    """`text` without mail addresses, numbers that lead to a person, dates of birth and the names.

    Other dates, times, percentages, amounts, lists of small numbers and ids of criteria stay.
    Names are found as whole words in any case, with their possessive; so are their parts. Numbers
    that are said word by word are found as they are said in calls of the language.
    """
    return _masked(text, _stages(names, language_code))


def masked_judgement(
    judgement: Judgement, names: Iterable[str] = (), language_code: str | None = None
) -> Judgement:
    """The judgement with all words of the model, and all quotes, masked."""
    stages = _stages(names, language_code)
    raw = judgement.summary_raw
    return msgspec.structs.replace(
        judgement,
        results=[_masked_result(result, stages) for result in judgement.results],
        summary=_masked_summary(judgement.summary, stages),
        summary_raw=None if raw is None else cut_raw(_masked(raw, stages)),
    )


def masked_nlp(
    answer: NlpAnswer, names: Iterable[str] = (), language_code: str | None = None
) -> NlpAnswer:
    """The answer without key phrases and entities that are personal data or were redacted.

    Offsets of the others still count in the text that was analysed.
    """
    stages = _stages(names, language_code)

    def is_harmless(text: str | None) -> bool:
        return text is None or not (
            WITHHELD.search(text) or is_personal_place(text) or _masked(text, stages) != text
        )

    def keeps_entity(entity: Entity) -> bool:
        return entity.type != "PERSON" and is_harmless(entity.text)

    def keeps_phrase(phrase: KeyPhrase) -> bool:
        return is_harmless(phrase.text)

    return msgspec.structs.replace(
        answer,
        key_phrases=KeyPhrases(
            result_list=[
                KeyPhraseResult(
                    key_phrases=list(filter(keeps_phrase, each.key_phrases)), index=each.index
                )
                for each in answer.key_phrases.result_list
            ]
        ),
        entities=Entities(
            result_list=[
                EntityResult(entities=list(filter(keeps_entity, each.entities)), index=each.index)
                for each in answer.entities.result_list
            ]
        ),
    )


def masked_conversation(conversation: Conversation, names: Iterable[str] = ()) -> Conversation:
    """The conversation with its turns masked; words keep their times, a masked span is one word."""
    stages = _stages(names, conversation.language_code)
    turns = tuple(_masked_turn(turn, stages) for turn in conversation.turns)
    return msgspec.structs.replace(conversation, turns=turns)


class _Stages(NamedTuple):
    """All stages: first those for numbers and addresses, with their clues, then those for names."""

    clues: Clues
    of_numbers: Sequence[Stage]
    of_names: Sequence[Find]


def _stages(names: Iterable[str], language_code: str | None) -> _Stages:
    given = frozenset(names)
    of_names = (names_in(given), unspaced_names_in(given)) if given else ()
    return _Stages(*_number_stages(language_code), of_names)


@lru_cache(maxsize=256)
def _number_stages(language_code: str | None) -> tuple[Clues, Sequence[Stage]]:
    stages = (
        mail_stage(),
        IBAN_STAGE,
        ID_STAGE,
        birth_date_stage(language_code),
        number_word_stage(language_code),
        NUMBER_STAGE,
    )
    return Clues(stage.clue for stage in stages), stages


def _masked(text: str, stages: _Stages) -> str:
    for masked, _ in _steps(text, stages):
        text = masked
    return text


def _steps(text: str, stages: _Stages) -> Iterator[tuple[str, Sequence[Span]]]:
    """The text after each stage that finds something, and the spans that it replaces."""
    # Numbers are looked for in the digits and letters of all scripts and widths.
    plain = in_place(text)
    hinted = stages.clues.found_in(plain)
    for number, stage in enumerate(stages.of_numbers):
        if number in hinted and (spans := list(stage.find(plain))):
            text = _replaced(text, spans)
            yield text, spans
            plain = in_place(text)
            hinted = stages.clues.found_in(plain)
    for find in stages.of_names:
        if spans := list(find(text)):
            text = _replaced(text, spans)
            yield text, spans


def _replaced(text: str, spans: Sequence[Span]) -> str:
    pieces: list[str] = []
    end = 0
    for span in spans:
        pieces += (text[end : span.start], span.placeholder)
        end = span.end
    return "".join([*pieces, text[end:]])


def _masked_turn(turn: Turn, stages: _Stages) -> Turn:
    text, words = turn.text, turn.words
    for masked, spans in _steps(text, stages):
        text, words = masked, _moved(words, spans)
    return turn if text == turn.text else msgspec.structs.replace(turn, text=text, words=words)


def _moved(words: Sequence[Word], spans: Sequence[Span]) -> tuple[Word, ...]:
    """The words where they are after replacing; those inside of a span become its first word."""
    moved: list[Word] = []
    shift = 0
    rest = iter(words)
    word = next(rest, None)
    for span in spans:
        while word is not None and word.offset < span.start:
            moved.append(Word(word.offset + shift, word.start_seconds, word.end_seconds))
            word = next(rest, None)
        inside: list[Word] = []
        while word is not None and word.offset < span.end:
            inside.append(word)
            word = next(rest, None)
        if inside:
            first, last = inside[0], inside[-1]
            moved.append(Word(span.start + shift, first.start_seconds, last.end_seconds))
        shift += len(span.placeholder) - (span.end - span.start)
    for late in itertools.chain([] if word is None else [word], rest):
        moved.append(Word(late.offset + shift, late.start_seconds, late.end_seconds))
    return tuple(moved)


def _masked_result(result: CriterionResult, stages: _Stages) -> CriterionResult:
    if result.reason is None and not result.evidence:
        return result
    return msgspec.structs.replace(
        result,
        reason=None if result.reason is None else _masked(result.reason, stages),
        evidence=[
            msgspec.structs.replace(each, quote=_masked(each.quote, stages))
            for each in result.evidence
        ],
    )


def _masked_summary(summary: AiSummary | None, stages: _Stages) -> AiSummary | None:
    if summary is None:
        return None

    def masked(text: str | None) -> str | None:
        return None if text is None else _masked(text, stages)

    return msgspec.structs.replace(
        summary,
        issue=masked(summary.issue),
        resolution=masked(summary.resolution),
        outcome=masked(summary.outcome),
        sentiment_summary=masked(summary.sentiment_summary),
        action_items=[_masked(item, stages) for item in summary.action_items],
    )
