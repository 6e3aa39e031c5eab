"""Unified documents to measure with: version 1.3, 22 KB or 2.3 KB, the same for the same seed."""

from __future__ import annotations

import datetime as dt
import functools
import itertools
import multiprocessing
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from cci_lite.contract.document import (
    Agent,
    AiSummary,
    CallDateSource,
    CriterionResult,
    Entities,
    Entity,
    EntityResult,
    Evaluator,
    Evidence,
    KeyPhrase,
    KeyPhraseResult,
    KeyPhrases,
    QaEvaluation,
    Redaction,
    ReportedScore,
    Review,
    Sentiment,
    SentimentResult,
    SentimentScores,
    Source,
    UnifiedDocument,
    Usage,
    encode_document,
)
from cci_lite.contract.form import Form
from cci_lite.contract.form_reading import parse_draft
from cci_lite.contract.scored_evaluation import score_evaluation, with_evaluation
from cci_lite.contract.scoring import Verdict
from cci_lite.tenancy import call_id_for, recording_key, unified_day_prefix, unified_key

_Label = Literal["POSITIVE", "NEGATIVE", "NEUTRAL", "MIXED"]

TENANT_ID = "bench-tenant"
DOCUMENTS_PER_DAY = 1_250
LARGE, SMALL = "large", "small"
FIRST_DAY = dt.date(2025, 1, 1)

# Scores are whole numbers of these: as long as Comprehend's in print, and their sums are exact, so
# engines that add in different orders must still agree to the last digit.
_SCORE_STEPS = 4096

_SYLLABLES = (
    "al an bor cal den el fer gan hol in jor kel lim mar no or pel qui rep so tan ul ver zé"
)
_COMMON = (
    "the a to of and your our is was for on with it that this we you order refund delivery account "
    "invoice please today tomorrow customer agent address number confirm thank help issue payment"
)
_ENTITY_TYPES = ("DATE", "ORGANIZATION", "PERSON", "QUANTITY", "LOCATION", "COMMERCIAL_ITEM")
_SENTIMENTS: tuple[_Label, ...] = ("POSITIVE", "NEGATIVE", "NEUTRAL", "MIXED")
_VERDICTS = (Verdict.PASS, Verdict.FAIL, Verdict.NA, Verdict.UNSCORED)


@dataclass(frozen=True)
class Size:
    """How much there is in a document: ranges from least to most, `words` by what says them."""

    form: str
    criteria: int
    segments: tuple[int, int]
    found: tuple[int, int]
    quotes: tuple[int, int]
    quote_words: tuple[int, int]
    action_items: tuple[int, int]
    words: Mapping[str, int]
    drawn: int


SIZES: Mapping[str, Size] = {
    LARGE: Size(
        form="default",
        criteria=10,
        segments=(3, 7),
        found=(20, 40),
        quotes=(1, 3),
        quote_words=(18, 55),
        action_items=(0, 5),
        words={"issue": 30, "resolution": 60, "item": 12, "summary": 40, "reason": 55},
        drawn=2_500,
    ),
    SMALL: Size(
        form="short",
        criteria=2,
        segments=(1, 1),
        found=(0, 2),
        quotes=(0, 1),
        quote_words=(3, 6),
        action_items=(0, 1),
        words={"issue": 4, "resolution": 6, "item": 4, "summary": 4, "reason": 4},
        drawn=150,
    ),
}


@dataclass(frozen=True)
class Corpus:
    """Which documents: how many, from which seed, of which size, how many on each day."""

    documents: int
    seed: int = 1
    size: str = LARGE
    per_day: int = DOCUMENTS_PER_DAY

    @property
    def days(self) -> list[tuple[dt.date, int]]:
        """Each day and how many documents it has."""
        full, rest = divmod(self.documents, self.per_day)
        counts = [self.per_day] * full + [rest] * bool(rest)
        return [(FIRST_DAY + dt.timedelta(days=day), count) for day, count in enumerate(counts)]


def _form(size: Size) -> dict[str, Any]:
    """A form as a file gives it; every fourth criterion is required, from the first one on."""
    return {
        "name": size.form,
        "version": 1,
        "criteria": [
            {
                "id": f"criterion_{position:02d}",
                "text": f"Did the agent do what line {position} of the form asks, in full?",
                "weight": f"{0.5 + position % 4 * 0.25}",
                "required": position % 4 == 1,
            }
            for position in range(1, size.criteria + 1)
        ],
        "scoring": {"pass_threshold": "0.7"},
    }


# What the documents of each size were judged against.
FORMS = tuple(_form(size) for size in SIZES.values())


def write_documents(lake: Path, corpus: Corpus, *, workers: int = 1) -> int:
    """Write the documents in the lake's layout; how many bytes they are together.

    A day depends on the seed and its own date only, so a larger corpus contains the smaller ones,
    and days that are there already in full are left alone.
    """
    write = functools.partial(_write_day, lake, corpus)
    if workers == 1:
        return sum(itertools.starmap(write, corpus.days))
    with multiprocessing.get_context("spawn").Pool(workers) as pool:
        return sum(pool.starmap(write, corpus.days, chunksize=1))


def documents_of_day(
    seed: int, call_date: dt.date, count: int, size: str = LARGE
) -> Iterator[UnifiedDocument]:
    """The first `count` documents of one day."""
    dice = random.Random(f"{seed} {call_date}")
    chosen = SIZES[size]
    form = parse_draft(_form(chosen)).as_version(1)
    for number in range(count):
        yield _document(dice, chosen, form, call_date, number)


def _write_day(lake: Path, corpus: Corpus, call_date: dt.date, count: int) -> int:
    folder = lake / unified_day_prefix(TENANT_ID, call_date)
    folder.mkdir(parents=True, exist_ok=True)
    present = [entry.stat().st_size for entry in folder.iterdir()]
    if len(present) == count:
        return sum(present)
    return sum(
        (lake / unified_key(TENANT_ID, call_date, document.call_id)).write_bytes(
            encode_document(document)
        )
        for document in documents_of_day(corpus.seed, call_date, count, corpus.size)
    )


def _document(
    dice: random.Random, size: Size, form: Form, call_date: dt.date, number: int
) -> UnifiedDocument:
    text = _Text(dice, size)
    call_id = call_id_for(TENANT_ID, recording_key(TENANT_ID, f"{call_date}-{number}.wav"))
    started_at = dt.datetime.combine(call_date, dt.time(8), dt.UTC) + dt.timedelta(
        milliseconds=dice.randrange(36_000_000)
    )
    seconds = dice.randrange(60_000, 1_800_000) / 1000
    segments = dice.randint(*size.segments)
    needs_review = dice.random() < 0.05
    document = UnifiedDocument(
        tenant_id=TENANT_ID,
        call_id=call_id,
        revision=1 if dice.random() < 0.95 else 2,
        call_date=call_date,
        call_date_source=CallDateSource.METADATA,
        call_started_at=started_at,
        language_code="en-US",
        duration_seconds=seconds,
        agent=_agent(dice, text),
        queue=dice.choice(("billing", "delivery", "returns", None)),
        direction=dice.choice(("inbound", "inbound", "outbound")),
        channel="voice",
        sentiment=Sentiment(result_list=[_sentiment(dice, index) for index in range(segments)]),
        key_phrases=_key_phrases(dice, text, size, segments),
        entities=_entities(dice, text, size, segments),
        ai_summary=AiSummary(
            issue=text.said("issue"),
            resolution=text.said("resolution"),
            outcome=dice.choice(("resolved", "follow-up agreed", "unresolved")),
            action_items=[text.said("item") for _ in range(dice.randint(*size.action_items))],
            tone_score=float(dice.randint(0, 100)) if dice.random() < 0.9 else None,
            sentiment_summary=text.said("summary"),
        ),
        review=Review(needed=needs_review, reasons=["low_confidence"] if needs_review else []),
        usage=Usage(
            audio_seconds=seconds,
            comprehend_units=dice.randint(3, 400),
            input_tokens=dice.randint(500, 9_000),
            output_tokens=dice.randint(200, 1_500),
            model_calls=dice.randint(1, 2),
        ),
        source=Source(
            transcribe_job=f"{call_id}_r1",
            pii_redacted=Redaction.TRANSCRIBE,
            input_key_hash=dice.randbytes(16).hex(),
            etag=dice.randbytes(16).hex(),
            pipeline_version="0.1.0",
            prompt_version="p3",
            model_id="eu.example.model-v1",
        ),
    )
    evaluation = QaEvaluation(
        template_id=form.name,
        template_version=form.version,
        template_hash=form.content_hash,
        criteria=[_criterion(dice, text, size, criterion.id) for criterion in form.criteria],
    )
    evaluation.reported = _reported(dice, evaluation, form)
    return with_evaluation(document, score_evaluation(evaluation, form))


def _agent(dice: random.Random, text: _Text) -> Agent | None:
    if dice.random() < 0.05:
        return None
    number = dice.randrange(80)
    team = f"team-{number % 6}" if number % 9 else None
    return Agent(agent_id=f"agent-{number:03d}", name=text.name(number), team=team)


def _sentiment(dice: random.Random, index: int) -> SentimentResult:
    first, second, third = sorted(dice.randrange(_SCORE_STEPS) for _ in range(3))
    return SentimentResult(
        index=index,
        sentiment=dice.choice(_SENTIMENTS),
        sentiment_score=SentimentScores(
            positive=first / _SCORE_STEPS,
            negative=(second - first) / _SCORE_STEPS,
            neutral=(third - second) / _SCORE_STEPS,
            mixed=(_SCORE_STEPS - third) / _SCORE_STEPS,
        ),
    )


def _key_phrases(dice: random.Random, text: _Text, size: Size, segments: int) -> KeyPhrases:
    found: list[list[KeyPhrase]] = [[] for _ in range(segments)]
    for _ in range(dice.randint(*size.found)):
        begin, phrase = dice.randrange(5_000), text.words(dice.randint(2, 6))
        found[dice.randrange(segments)].append(
            KeyPhrase(
                text=phrase,
                score=_score(dice),
                begin_offset=begin,
                end_offset=begin + len(phrase),
            )
        )
    return KeyPhrases(
        result_list=[
            KeyPhraseResult(index=index, key_phrases=phrases) for index, phrases in enumerate(found)
        ]
    )


def _entities(dice: random.Random, text: _Text, size: Size, segments: int) -> Entities:
    found: list[list[Entity]] = [[] for _ in range(segments)]
    for _ in range(dice.randint(*size.found)):
        begin, name = dice.randrange(5_000), text.words(dice.randint(1, 3))
        found[dice.randrange(segments)].append(
            Entity(
                text=name,
                type=dice.choice(_ENTITY_TYPES),
                score=_score(dice),
                begin_offset=begin,
                end_offset=begin + len(name),
            )
        )
    return Entities(
        result_list=[EntityResult(index=index, entities=names) for index, names in enumerate(found)]
    )


def _criterion(dice: random.Random, text: _Text, size: Size, criterion_id: str) -> CriterionResult:
    (verdict,) = dice.choices(_VERDICTS, (78, 15, 5, 2))
    quotes = 0 if verdict is Verdict.NA else dice.randint(*size.quotes)
    evaluator = Evaluator.RULE if criterion_id.endswith("1") else Evaluator.MODEL
    return CriterionResult(
        id=criterion_id,
        verdict=verdict,
        reason=text.said("reason"),
        evidence=[
            Evidence(
                quote=text.words(dice.randint(*size.quote_words)),
                start_seconds=(start := dice.randrange(60_000) / 1000),
                end_seconds=start + 4.5,
                said_by="agent",
            )
            for _ in range(quotes)
        ],
        confidence=_score(dice) if evaluator is Evaluator.MODEL else None,
        evaluator=evaluator,
    )


def _reported(dice: random.Random, evaluation: QaEvaluation, form: Form) -> ReportedScore:
    """What the model claims: mostly right, sometimes wrong."""
    score = score_evaluation(evaluation, form).score
    percentage = None if score.percentage is None else float(score.percentage)
    if percentage is not None and dice.random() < 0.1:
        percentage = round(percentage + 7.25, 2)
    return ReportedScore(
        total_score=float(score.total), max_score=float(score.max), percentage=percentage
    )


def _score(dice: random.Random) -> float:
    return dice.randrange(_SCORE_STEPS // 2, _SCORE_STEPS) / _SCORE_STEPS


class _Text:
    """Running text of one document: words as skewed as in speech, drawn in one go."""

    def __init__(self, dice: random.Random, size: Size) -> None:
        words, weights = _vocabulary()
        self._words = itertools.cycle(dice.choices(words, cum_weights=weights, k=size.drawn))
        self._said = size.words

    def words(self, count: int) -> str:
        """The next words."""
        return " ".join(itertools.islice(self._words, count))

    def said(self, what: str) -> str:
        """As many words as the size of document has there."""
        return self.words(self._said[what])

    @staticmethod
    def name(number: int) -> str:
        """A person's name."""
        words, _ = _vocabulary()
        return f"{words[-number - 1].title()} {words[-2 * number - 1].title()}"


@functools.cache
def _vocabulary() -> tuple[list[str], list[float]]:
    syllables = _SYLLABLES.split()
    made = ["".join(parts) for parts in itertools.product(syllables, repeat=3)][::4]
    words = _COMMON.split() + made
    weights = itertools.accumulate(1 / rank for rank in range(1, len(words) + 1))
    return words, list(weights)
