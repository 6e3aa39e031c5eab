"""Property: whatever a model answers, it raises nothing and gives no verdict without evidence.

It is charged at most twice, and everything that comes of it can be stored.
"""

from __future__ import annotations

import itertools
import random
import re
from collections import Counter
from collections.abc import Iterable, Iterator

import msgspec
import pytest

from cci_lite.aws.bedrock import BedrockEvaluator
from cci_lite.contract.service_answers import Judgement
from cci_lite.contract.tenant import Tenant
from cci_lite.evaluation.by_model.answer.reading import ModelAnswer, Unusable, read_answer
from cci_lite.evaluation.by_model.asking import judge_by_model
from cci_lite.testing.memory import ManualClock, MemoryKeep
from tests.bedrock_replies import BedrockReplies
from tests.model_examples import (
    AGENT,
    CALL,
    CRITERIA,
    IDS,
    MODEL,
    Script,
    as_text,
    call_of,
    said,
    verdicts_of,
    wrote,
)
from tests.mutations import FOREIGN, good_answer, mutated_bodies, with_odd_name

TENANT = Tenant(tenant_id="acme", name="Acme")
MASKED = call_of(
    *((turn.role, turn.text) for turn in CALL.turns),
    (AGENT, "Then *** *** *** and [PII] [PII] [PII], right."),
)


@pytest.fixture(scope="module")
def replies() -> BedrockReplies:
    return BedrockReplies()


def test_hundreds_of_mutated_answers_end_as_verdicts_or_review(replies: BedrockReplies) -> None:
    _check_all(replies, range(500))


@pytest.mark.slow
@pytest.mark.parametrize("start", range(0, 10_000, 1_000))
def test_ten_thousand_mutated_answers_end_as_verdicts_or_review(
    replies: BedrockReplies, start: int
) -> None:
    _check_all(replies, range(start, start + 1_000))


def test_quotes_of_another_call_prove_nothing() -> None:
    for seed in range(200):
        answer = good_answer(random.Random(seed), FOREIGN)
        judgement = judge_by_model(Script(said(answer)), MODEL, CRITERIA, MASKED)
        for given in answer["criteria"]:
            is_said = given["verdict"] == "na" or (
                given["verdict"] == "fail" and not any(given["evidence"])
            )
            wanted = given["verdict"] if is_said else "unscored"
            assert verdicts_of(judgement)[given["id"]] == wanted, (seed, given)


def test_no_unknown_field_is_ignored() -> None:
    for seed in range(500):
        chance = random.Random(seed)
        answer = good_answer(chance)
        value = with_odd_name(chance, answer)
        text = as_text(value)
        for reply in (said(value), wrote(text), wrote(text.replace("}]", "},]"))):
            assert isinstance(read_answer(reply, IDS), Unusable), (seed, value)
        assert isinstance(read_answer(said(answer), IDS), ModelAnswer), seed


def _check_all(replies: BedrockReplies, seeds: Iterable[int]) -> None:
    seen: dict[str, Counter[str]] = {}
    for seed in seeds:
        kind, bodies = mutated_bodies(seed)
        try:
            verdicts = _checked(replies, bodies)
        except Exception as problem:
            raise AssertionError(f"seed {seed}, {kind}: {problem!r}") from problem
        seen.setdefault(kind, Counter()).update(verdicts)
    # Every kind is met, and of each some answers are read and some are not.
    assert len(seen) == 7
    for kind, verdicts in seen.items():
        assert min(verdicts["unscored"], verdicts["fail"], verdicts["na"]) > 0, kind
        assert (verdicts["pass"] > 0) is (kind != "quotes of other calls"), kind


def _checked(replies: BedrockReplies, bodies: list[bytes]) -> list[str]:
    replies.answer_with(bodies)
    evaluator = BedrockEvaluator(lambda _: replies.client, ManualClock())
    keep = MemoryKeep()
    judgement = evaluator.evaluate(TENANT, CRITERIA, MASKED, keep)

    # It can be stored, and what was kept of it gives the same for nothing.
    assert msgspec.json.decode(msgspec.json.encode(judgement), type=Judgement) == judgement
    asked = replies.sent
    assert evaluator.evaluate(TENANT, CRITERIA, MASKED, keep) == judgement
    assert replies.sent == asked == judgement.usage.calls
    assert 1 <= asked <= 2

    assert [result.id for result in judgement.results] == list(IDS)
    written = [_words(body) for body in bodies[:asked]]
    for result in judgement.results:
        assert result.verdict in ("pass", "fail", "na", "unscored")
        assert result.confidence is None or 0 <= result.confidence <= 1
        assert result.verdict != "unscored" or judgement.review_reasons
        for each in result.evidence:
            turns = [turn for turn in MASKED.turns if turn.role == each.said_by]
            assert any(each.quote in turn.text for turn in turns)
        if result.verdict == "pass":
            # The transcript shows the agent's words, and the model wrote them.
            shown = [each.quote for each in result.evidence if each.said_by == AGENT]
            assert any(words in text for words in _triples(shown) for text in written)
    return [str(result.verdict) for result in judgement.results]


_ESCAPE = re.compile(r"\\+(?:u([0-9a-fA-F]{4})|[nrtbf])")


def _words(text: bytes | str) -> str:
    plain = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    plain = _ESCAPE.sub(lambda each: chr(int(each[1] or "20", 16)), plain)
    return f" {' '.join(re.findall(r'[a-z]+', plain.lower()))} "


def _triples(quotes: Iterable[str]) -> Iterator[str]:
    """Every three words in a row."""
    for quote in quotes:
        words = _words(quote).split()
        for triple in itertools.pairwise(itertools.pairwise(words)):
            yield f" {triple[0][0]} {triple[0][1]} {triple[1][1]} "
