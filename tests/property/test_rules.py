"""Properties of reading transcripts and deciding rules."""

from __future__ import annotations

import json
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cci_lite.contract.conversation import Conversation, Role, Turn, Word
from cci_lite.contract.document import Redaction
from cci_lite.contract.form import Form
from cci_lite.contract.form_reading import parse_draft
from cci_lite.contract.scoring import Verdict
from cci_lite.contract.tenant import Audio
from cci_lite.evaluation.by_rules import evaluate_rules
from cci_lite.transcripts import read_transcript

# --- transcripts ----------------------------------------------------------------------------------

Item = dict[str, Any]


@st.composite
def said_items(draw: st.DrawFn) -> list[tuple[int, Item]]:
    """Items of up to three speakers, each with its speaker; every word's content is its own."""
    items: list[tuple[int, Item]] = []
    starts = dict.fromkeys(range(3), 0)
    moves = st.tuples(st.integers(0, 2), st.integers(0, 30), st.integers(0, 9), st.booleans())
    for number, (speaker, pause, length, marked) in enumerate(draw(st.lists(moves, max_size=40))):
        start = starts[speaker] + pause
        starts[speaker] = start + length
        content = draw(st.sampled_from(["w{}", "don't{}", "[PII]{}", "ü{}"])).format(number)
        word = {
            "type": "pronunciation",
            "start_time": f"{start / 10}",
            "end_time": f"{(start + length) / 10}",
            "alternatives": [{"content": content, "confidence": "0.5"}],
        }
        items.append((speaker, word))
        if marked:
            items.append((speaker, {"type": "punctuation", "alternatives": [{"content": "!"}]}))
    return items


def _document(**results: Any) -> bytes:
    return json.dumps({"jobName": "x", "status": "COMPLETED", "results": results}).encode()


def _by_channel(said: Sequence[tuple[int, Item]], *, labelled: bool) -> bytes:
    lists: dict[str, list[Item]] = {f"ch_{n}": [] for n in range(2)}
    for speaker, item in said:
        label = f"ch_{speaker % 2}"
        # Within a channel one word follows the other.
        lists[label].append({**item, "channel_label": label} if labelled else item)
    channels = [{"channel_label": label, "items": items} for label, items in lists.items()]
    items = [item for channel in lists.values() for item in channel]
    return _document(items=items, channel_labels={"channels": channels})


def _by_speaker(said: Sequence[tuple[int, Item]], *, labelled: bool) -> bytes:
    segments = [
        {
            "speaker_label": f"spk_{speaker}",
            "items": [{name: item[name] for name in ("start_time", "end_time")}],
        }
        for speaker, item in said
        if "start_time" in item
    ]
    items = [
        {**item, "speaker_label": f"spk_{speaker}"} if labelled else item for speaker, item in said
    ]
    return _document(items=items, speaker_labels={"segments": [] if labelled else segments})


def _layouts(said: Sequence[tuple[int, Item]]) -> dict[str, bytes]:
    return {
        "plain": _document(items=[item for _, item in said]),
        "channels": _by_channel(said, labelled=True),
        "channels, old": _by_channel(said, labelled=False),
        "speakers": _by_speaker(said, labelled=True),
        "speakers, old": _by_speaker(said, labelled=False),
    }


@given(said_items())
def test_every_item_is_in_exactly_one_turn_of_its_speaker(said: list[tuple[int, Item]]) -> None:
    contents = Counter(item["alternatives"][0]["content"] for _, item in said)
    marks = contents.pop("!", 0)
    for layout, data in _layouts(said).items():
        call = read_transcript(data, Audio())
        tokens = [token for turn in call.turns for token in turn.text.split(" ") if token]
        assert sum(token.count("!") for token in tokens) == marks, layout
        assert Counter(token.rstrip("!") for token in tokens) == contents, layout

    speakers = {item["alternatives"][0]["content"]: f"spk_{speaker}" for speaker, item in said}
    for turn in read_transcript(_by_speaker(said, labelled=True), Audio()).turns:
        assert {speakers[token.rstrip("!")] for token in turn.text.split(" ")} == {turn.label}


@given(said_items())
def test_turns_are_in_order_and_their_words_stand_where_they_say(
    said: list[tuple[int, Item]],
) -> None:
    for data in _layouts(said).values():
        call = read_transcript(data, Audio())
        starts = [turn.start_seconds for turn in call.turns]
        assert starts == sorted(starts)
        assert call.duration_seconds == max((t.end_seconds for t in call.turns), default=0.0)
        for turn in call.turns:
            assert [word.offset for word in turn.words] == [
                offset
                for offset in range(len(turn.text))
                if offset == 0 or turn.text[offset - 1] == " "
            ]
            assert turn.start_seconds == turn.words[0].start_seconds
            assert turn.end_seconds == max(word.end_seconds for word in turn.words)


@given(said_items())
def test_a_turn_is_over_exactly_when_somebody_else_spoke_in_its_pause(
    said: list[tuple[int, Item]],
) -> None:
    turns = read_transcript(_by_channel(said, labelled=True), Audio()).turns
    words: dict[str | None, list[tuple[Word, int]]] = defaultdict(list)
    for number, turn in enumerate(turns):
        words[turn.label] += [(word, number) for word in turn.words]
    for label, spoken in words.items():
        others = [word for other, said in words.items() if other != label for word, _ in said]
        for (before, first), (after, second) in pairwise(spoken):
            between = [
                word
                for word in others
                if before.end_seconds < word.start_seconds
                and word.end_seconds < after.start_seconds
            ]
            if between:
                assert first != second
            touching = [
                word
                for word in others
                if before.end_seconds <= word.start_seconds
                and word.end_seconds <= after.start_seconds
            ]
            if not touching:
                assert first == second


@given(said_items(), st.sampled_from(["ch_0", "ch_1"]))
def test_naming_the_other_channel_swaps_the_roles(said: list[tuple[int, Item]], agent: str) -> None:
    data = _by_channel(said, labelled=False)
    other = {"ch_0": "ch_1", "ch_1": "ch_0"}[agent]
    swapped = {Role.AGENT: Role.CUSTOMER, Role.CUSTOMER: Role.AGENT}
    named = read_transcript(data, Audio(agent_channel=agent)).turns
    assert [swapped[turn.role] for turn in named] == [
        turn.role for turn in read_transcript(data, Audio(agent_channel=other)).turns
    ]


_numbers = st.floats(-10, 20_000).map(str) | st.sampled_from(["nan", "inf", "1e999", ""])
_times = st.none() | st.booleans() | st.integers(-5, 10**12) | _numbers | st.just([]) | st.just({})


@given(said_items(), st.data())
def test_whatever_stands_for_its_times_every_word_is_kept_and_every_rule_decides(
    said: list[tuple[int, Item]], data: st.DataObject
) -> None:
    for _, item in said:
        if "start_time" in item and data.draw(st.booleans()):
            item[data.draw(st.sampled_from(["start_time", "end_time"]))] = data.draw(_times)
    contents = Counter(item["alternatives"][0]["content"] for _, item in said)
    del contents["!"]
    rules = [
        {"phrases": ["w1"], "said_by": "anyone", "within": {place: 1}}
        for place in ("first_turns", "last_turns", "after_turns", "first_seconds", "last_seconds")
    ]
    for layout, text in _layouts(said).items():
        call = read_transcript(text, Audio(agent_channel="ch_0", agent_speaker="spk_0"))
        tokens = [token for turn in call.turns for token in turn.text.split(" ")]
        assert Counter(token.rstrip("!") for token in tokens) == contents, layout
        untimed = [word for turn in call.turns for word in turn.words if word.start_seconds is None]
        assert len(untimed) == call.untimed_words
        assert 0 <= call.duration_seconds <= 4 * 3600
        assert len(evaluate_rules(_form(*rules), call)) == len(rules)


# --- phrases --------------------------------------------------------------------------------------

_TOKENS = ["a", "b", "B", "ab", "it's", "it’s", "its", "ß", "SS", "é", "e\u0301", "न", "नि", "7"]  # noqa: RUF001
_GAPS = [" ", "  ", ", ", "-", " [PII] ", "\u00a0", ". ", "", "'", " *** ", "\n"]
_texts = st.lists(st.tuples(st.sampled_from(_TOKENS), st.sampled_from(_GAPS)), min_size=1).map(
    lambda pairs: "".join(token + gap for token, gap in pairs)
)
_phrases = st.lists(st.sampled_from(_TOKENS), min_size=1, max_size=3).map(" ".join)


def _slow_words(text: str) -> list[str | None]:
    """The words of a text, letter by letter; None stands for a word that was withheld."""
    folded = text.replace("’", "'")  # noqa: RUF001
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", folded).casefold())
    folded = folded.replace("[pii]", "\x00").replace("***", "\x00")
    words: list[str | None] = []
    current = ""
    for position, letter in enumerate(folded + " "):
        inside = unicodedata.category(letter)[0] in "LNM"
        ahead = folded[position + 1 : position + 2]
        joins = letter == "'" and current and ahead and unicodedata.category(ahead)[0] in "LNM"
        if inside or joins:
            current += letter
            continue
        if current:
            words.append(current)
        current = ""
        if letter == "\x00":
            words.append(None)
    return words


def _said(text: str, phrase: str) -> bool:
    heard, wanted = _slow_words(text), _slow_words(phrase)
    return any(
        heard[start : start + len(wanted)] == wanted
        for start in range(len(heard) - len(wanted) + 1)
    )


def _form(*rules: dict[str, Any]) -> Form:
    criteria = [
        {"id": f"c_{n}", "text": "Really?", "weight": 1, "rule": rule}
        for n, rule in enumerate(rules)
    ]
    return parse_draft({"criteria": criteria}).as_version(1)


def _conversation(turns: Sequence[Turn]) -> Conversation:
    return Conversation("x", None, Redaction.TRANSCRIBE, 0.0, tuple(turns))


def _turn(role: Role, text: str) -> Turn:
    return Turn(role, None, 0.0, 1.0, text)


@given(_texts, _phrases)
def test_phrases_are_found_exactly_where_a_reading_letter_by_letter_finds_them(
    text: str, phrase: str
) -> None:
    (result,) = evaluate_rules(
        _form({"phrases": [phrase]}), _conversation([_turn(Role.AGENT, text)])
    )
    assert result.passed == _said(text, phrase)


@given(_texts, _phrases)
def test_a_quote_is_a_short_part_of_the_turn_that_holds_the_phrase(text: str, phrase: str) -> None:
    long = f"{'before and ' * 20}{text}{' and after' * 20}"
    for spoken in (text, long):
        turn = _turn(Role.AGENT, spoken)
        (result,) = evaluate_rules(_form({"phrases": [phrase]}), _conversation([turn]))
        for evidence in result.evidence:
            assert evidence.quote in spoken
            assert 0 < len(evidence.quote) <= 200
            assert _said(evidence.quote, phrase) or len(text) > 150


# --- rules ----------------------------------------------------------------------------------------

_roles = st.sampled_from(list(Role))
_turns = st.lists(st.builds(_turn, _roles, _texts), max_size=8)
_counted = st.sampled_from(["first_turns", "last_turns", "after_turns"])
_within = st.none() | st.dictionaries(_counted, st.integers(1, 4), min_size=1, max_size=1)


def _rule(phrase: str, within: dict[str, int] | None, **more: Any) -> dict[str, Any]:
    return {"phrases": [phrase], **({} if within is None else {"within": within}), **more}


@given(_turns, _phrases, _within, st.lists(st.tuples(st.integers(0, 8), _texts), max_size=4))
def test_what_the_customer_says_never_changes_a_verdict_on_the_agent(
    turns: list[Turn],
    phrase: str,
    within: dict[str, int] | None,
    added: list[tuple[int, str]],
) -> None:
    form = _form(_rule(phrase, within), _rule(phrase, within, must="not_say"))
    more = list(turns)
    for place, text in added:
        more.insert(place, _turn(Role.CUSTOMER, text))
    before = evaluate_rules(form, _conversation(turns))
    after = evaluate_rules(form, _conversation(more))
    assert [result.verdict for result in before] == [result.verdict for result in after]


@given(_turns, _phrases, _within, st.sampled_from(["agent", "customer", "anyone"]))
def test_must_say_and_must_not_say_are_opposites(
    turns: list[Turn], phrase: str, within: dict[str, int] | None, said_by: str
) -> None:
    say = _rule(phrase, within, said_by=said_by)
    must, must_not = evaluate_rules(_form(say, {**say, "must": "not_say"}), _conversation(turns))
    opposite = {Verdict.PASS: Verdict.FAIL, Verdict.FAIL: Verdict.PASS, Verdict.NA: Verdict.NA}
    assert must.verdict is not None
    assert must_not.verdict is opposite[must.verdict]
    speakers = {turn.role for turn in turns}
    there = bool(speakers) if said_by == "anyone" else Role(said_by) in speakers
    assert (must.verdict is not Verdict.NA) == there


@given(_turns, _phrases, _phrases)
def test_one_phrase_more_can_only_turn_a_fail_into_a_pass(
    turns: list[Turn], phrase: str, other: str
) -> None:
    form = _form({"phrases": [phrase]}, {"phrases": [other]}, {"phrases": [phrase, other]})
    first, second, both = evaluate_rules(form, _conversation(turns))
    if both.passed is not None:
        assert both.passed == (first.passed or second.passed)


@given(_turns, _phrases, st.integers(1, 5))
def test_the_first_turns_and_those_after_them_are_all_turns(
    turns: list[Turn], phrase: str, count: int
) -> None:
    form = _form(
        _rule(phrase, None),
        _rule(phrase, {"first_turns": count}),
        _rule(phrase, {"after_turns": count}),
    )
    everywhere, first, after = evaluate_rules(form, _conversation(turns))
    if everywhere.passed is not None:
        assert everywhere.passed == (first.passed or after.passed)
