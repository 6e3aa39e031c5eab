"""Checkpoints: after throttling or a crash, an answer that was received is not paid for again.

The model and Comprehend are doubles that meter what they charge; everything between them and the
files is what runs on AWS.
"""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
import pytest

from cci_lite.aws.bedrock import BedrockEvaluator
from cci_lite.aws.comprehend import ComprehendNlp
from cci_lite.contract.services import Model
from cci_lite.contract.tenant import EvaluatorChoice, NlpChoice
from cci_lite.errors import PipelineError, RetryLaterError
from cci_lite.pipeline.judge import judge_call
from cci_lite.tenancy import checkpoint_key, checkpoint_prefix
from cci_lite.testing.bedrock import (
    BedrockDouble,
    converse_error,
    evaluation,
    text_reply,
    tool_reply,
)
from cci_lite.testing.comprehend import ComprehendDouble
from cci_lite.testing.memory import MemoryFiles
from tests.depth import mostly_slow
from tests.interrupter import Crash, Interrupter
from tests.judging_setup import JudgingSetup

SPOKEN = [("ch_0", "Good morning"), ("ch_0", "I will send a new invoice"), ("ch_1", "Thanks")]
GOOD = tool_reply(evaluation({"resolve_03": "pass"}, quotes=["I will send a new invoice"]))
UNPROVEN = tool_reply(evaluation({"resolve_03": "pass"}, quotes=["never said by anybody"]))
PROSE = text_reply("I cannot do that.")
THROTTLE = converse_error("ThrottlingException", "Too many requests", 429)
BROKEN_CALL = converse_error("ModelErrorException", "Model produced invalid sequence.", 424)


class Bench(JudgingSetup):
    """A setup with the real adapters over metering doubles."""

    def __init__(self, *replies: Any, spoken: Sequence[tuple[str, str]] = SPOKEN) -> None:
        super().__init__(spoken)
        self.model = BedrockDouble(replies)
        self.comprehend = ComprehendDouble()
        self.transcriber.finish(self.job_name)

    def deliver(self, wrap: Callable[[Any], Any] = lambda port: port) -> str:
        """One delivery of the event: what became of the call, or why it is to come again."""
        judging = dataclasses.replace(
            self.judging,
            files=wrap(self.files),
            nlp={NlpChoice.COMPREHEND: ComprehendNlp(wrap(self.comprehend))},
            evaluators={EvaluatorChoice.BEDROCK: BedrockEvaluator(self._client(wrap), self.clock)},
        )
        self.clock.wait(20 * 60)
        try:
            return judge_call(judging, self.job_name, holder=str(self.clock())).outcome.value
        except PipelineError as problem:
            return problem.code
        except Crash:
            return "crash"

    def _client(self, wrap: Callable[[Any], Any]) -> Callable[[str], Any]:
        client = wrap(self.model)
        return lambda _: client

    @property
    def usage(self) -> tuple[int, int, int]:
        """Calls and tokens of the model, and units of Comprehend, as the document has them."""
        usage = self.document().usage
        assert usage is not None
        assert usage.model_calls is not None
        assert usage.input_tokens is not None
        assert usage.comprehend_units is not None
        return usage.model_calls, usage.input_tokens, usage.comprehend_units

    def check_usage(self, *, replies_with_tokens: int | None = None) -> None:
        """The document says what the services charged."""
        with_tokens = self.model.paid if replies_with_tokens is None else replies_with_tokens
        charged = (self.model.paid, 1_000 * with_tokens, self.comprehend.units.total())
        assert self.usage == charged


@pytest.mark.parametrize("first", [PROSE, UNPROVEN], ids=["unusable", "unproven"])
def test_a_throttled_correction_does_not_buy_the_first_answer_again(first: Any) -> None:
    bench = Bench(first, *[THROTTLE] * 9, GOOD)
    assert [bench.deliver() for _ in range(10)] == ["model_throttled"] * 9 + ["documented"]
    assert bench.model.paid == 2
    bench.check_usage()


@pytest.mark.parametrize(
    "problem",
    [
        converse_error("ServiceUnavailableException", "x", 503),
        converse_error("ModelNotReadyException", "x", 429),
        converse_error("ModelTimeoutException", "x", 408),
        converse_error("AccessDeniedException", "x", 403),
    ],
    ids=["unavailable", "not ready", "timeout", "refused"],
)
def test_no_other_fault_of_the_correction_buys_the_first_answer_again(problem: Exception) -> None:
    bench = Bench(UNPROVEN, *[problem] * 3, GOOD)
    outcomes = [bench.deliver() for _ in range(4)]
    assert outcomes[-1] == "documented"
    assert len(set(outcomes)) == 2
    assert bench.model.paid == 2
    bench.check_usage()


@pytest.mark.parametrize("second", [BROKEN_CALL, PROSE], ids=["again", "words"])
def test_a_model_that_breaks_its_own_call_twice_sends_the_call_to_review(second: Any) -> None:
    bench = Bench(BROKEN_CALL, THROTTLE, second)
    assert [bench.deliver(), bench.deliver()] == ["model_throttled", "review"]
    document = bench.document()
    assert document.review is not None
    assert document.review.reasons == ["answer_unusable", "unscored_required:resolve_03"]
    assert bench.model.paid == 2
    bench.check_usage(replies_with_tokens=int(second is PROSE))


def _with(**changes: Any) -> Any:
    answer = evaluation({"resolve_03": "pass"}, quotes=["I will send a new invoice"])
    answer["criteria"][0] |= changes
    return tool_reply(answer)


def _nested(depth: int) -> list[Any]:
    value: list[Any] = []
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("reply", "outcome", "paid"),
    [
        (_with(confidence=10**400), "documented", 1),
        (_with(confidence=-(10**400)), "documented", 1),
        (_with(confidence=float("nan")), "documented", 1),
        (_with(confidence=float("inf")), "documented", 1),
        (_with(confidence=10**5_000), "documented", 1),
        (_with(reason="\ud800 a half"), "documented", 1),
        (_with(reason=10**5_000), "review", 2),
        (_with(evidence=["I will send a new invoice"] * 100_000), "documented", 1),
        (_with(evidence=["\ud800" * 100_000]), "review", 2),
        (_with(evidence=_nested(10_000)), "review", 2),
        (_with(id=["resolve_03"]), "review", 2),
        (_with(verdict={"pass": True}), "review", 2),
        ({**GOOD, "usage": {"inputTokens": "many"}, "metrics": 7}, "documented", 1),
        ({**GOOD, "usage": {"inputTokens": 10**400, "outputTokens": -1}}, "documented", 1),
        (text_reply("{" * 100_000), "review", 2),
        (tool_reply("[" * 100_000), "review", 2),
    ],
    ids=range(16),
)
def test_any_answer_ends_as_verdicts_or_review_at_the_first_delivery(
    reply: Any, outcome: str, paid: int
) -> None:
    bench = Bench(reply, reply)
    assert bench.deliver() == outcome
    assert bench.model.paid == paid
    usage = bench.document().usage
    assert usage is not None
    assert usage.model_calls == paid


LONG = [
    ("ch_0", "Good morning"),
    *(("ch_1", f"and then {number} more things happened to me") for number in range(240)),
    ("ch_0", "I will send a new invoice"),
]


@pytest.fixture
def small_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """A model that takes a long call in several slices."""
    small = Model(
        model_id="eu.amazon.nova-2-lite-v1:0",
        region="eu-central-1",
        max_input_tokens=6_000,
        max_output_tokens=1_000,
        sampling=True,
    )
    monkeypatch.setattr("cci_lite.aws.bedrock.model_for", lambda *_: small)


@pytest.mark.usefixtures("small_model")
def test_each_slice_of_a_long_call_is_paid_once_however_often_the_next_is_throttled() -> None:
    slices = _slices()
    for throttled in range(slices):
        replies = [GOOD] * throttled + [THROTTLE, THROTTLE] + [GOOD] * (slices - throttled)
        bench = Bench(*replies, spoken=LONG)
        outcomes = [bench.deliver(), bench.deliver(), bench.deliver()]
        assert outcomes == ["model_throttled", "model_throttled", "documented"]
        assert bench.model.paid == slices
        bench.check_usage()


def _slices() -> int:
    """How many questions the long call takes."""
    bench = Bench(*[GOOD] * 20, spoken=LONG)
    assert bench.deliver() == "documented"
    assert bench.model.paid > 3
    return bench.model.paid


def test_each_batch_of_texts_is_paid_once_however_often_the_next_is_throttled() -> None:
    spoken = [("ch_0", "I will send a new invoice"), *[("ch_1", "word " * 900)] * 32]
    calm = Bench(GOOD, spoken=spoken)
    assert calm.deliver() == "documented"
    requests = len(calm.comprehend.requests)
    assert requests > 6
    for throttled in (2, requests):
        bench = Bench(GOOD, spoken=spoken)

        def throttling(port: Any, bench: Bench = bench, at: int = throttled) -> Any:
            return _Throttling(port, bench, at) if port is bench.comprehend else port

        assert bench.deliver(throttling) == "comprehend_throttled"
        assert bench.deliver() == "documented"
        assert bench.comprehend.units == calm.comprehend.units
        bench.check_usage()


class _Throttling:
    """A client that is refused once, at its request of that number."""

    def __init__(self, client: ComprehendDouble, bench: Bench, at: int) -> None:
        self._client, self._bench, self._at = client, bench, at

    def __getattr__(self, name: str) -> Any:
        if len(self._bench.comprehend.requests) == self._at - 1:
            self._client.throttle = 1
        return getattr(self._client, name)


def test_a_text_without_an_answer_is_asked_again_at_the_next_delivery() -> None:
    bench = Bench(GOOD)
    for _ in range(3):
        bench.comprehend.fail_next("BatchDetectEntities", [0, 1, 2])
    bench.comprehend.fail_next("BatchDetectSentiment", [1])
    assert bench.deliver() == "review"
    document = bench.document()
    assert document.review is not None
    assert document.review.reasons == ["nlp_incomplete"]
    bench.check_usage()


def test_a_name_that_could_not_be_looked_for_is_looked_for_later() -> None:
    bench = Bench(GOOD)
    # The first is about what was said, the others about what the model wrote.
    for failing in ([], [0], [0], [0]):
        bench.comprehend.fail_next("BatchDetectEntities", failing)
    assert bench.deliver() == "comprehend_unanswered"
    assert bench.deliver() == "documented"
    assert bench.model.paid == 1
    bench.check_usage()


@pytest.mark.parametrize("when", ["crash_before", "crash_after", "throttle"])
def test_a_fault_at_any_call_of_a_port_costs_at_most_the_answer_in_flight(
    when: str,
) -> None:
    number = 0
    is_over = False
    while not is_over:
        number += 1
        faults = Interrupter(**{when: frozenset({number})})
        bench = Bench(UNPROVEN, GOOD, GOOD)
        outcomes = [bench.deliver(faults.wrap)]
        is_over = faults.calls < number
        while outcomes[-1] not in ("documented", "review", "duplicate"):
            outcomes.append(bench.deliver())
            assert len(outcomes) < 5
        step = faults.log[number - 1].partition(".")[2] if not is_over else ""
        before = faults.log[number - 2].partition(".")[2] if number > 1 else ""
        # Only a process that dies between an answer and its keeping leaves nothing behind.
        is_lost = step == "converse" if when == "crash_after" else before == "converse"
        assert bench.model.paid <= 2 + (is_lost and when != "throttle")
        calls, _, _ = bench.usage
        # The lost answer cannot be counted: nobody has seen it.
        assert bench.model.paid - calls <= (is_lost and when != "throttle")
    assert number > 20


def _troubled(chance: random.Random) -> Interrupter:
    """Some faults among the first thirty calls of ports."""

    def some(most: int) -> frozenset[int]:
        return frozenset(chance.sample(range(1, 31), chance.randint(0, most)))

    return Interrupter(crash_before=some(2), crash_after=some(2), throttle=some(4))


@pytest.mark.parametrize("start", mostly_slow(range(0, 300, 100), [0]))
def test_of_many_faults_each_costs_at_most_one_answer(start: int) -> None:
    for seed in range(start, start + 100):
        chance = random.Random(seed)
        first = chance.choice([UNPROVEN, PROSE, BROKEN_CALL, tool_reply({"criteria": 10**400})])
        bench = Bench(*[each for _ in range(20) for each in _or_trouble(chance, first)], GOOD)
        allowed, outcome = 2, ""
        while outcome not in ("documented", "review", "duplicate"):
            faults = _troubled(chance) if allowed < 20 else Interrupter()
            outcome = bench.deliver(faults.wrap)
            # An answer is lost by a crash before it is kept, or where it could not be kept.
            unkept = [number for number in faults.throttle if _is_keeping(faults, number)]
            allowed += (outcome == "crash") + len(unkept)
        calls, _, _ = bench.usage
        assert bench.model.paid <= allowed, seed
        assert bench.model.paid - calls <= allowed - 2, seed


def _or_trouble(chance: random.Random, reply: Any) -> list[Any]:
    return [THROTTLE] * chance.randint(0, 2) + [reply]


def _is_keeping(faults: Interrupter, number: int) -> bool:
    return number <= faults.calls and faults.log[number - 1].endswith(".write_new")


def test_an_answer_that_cannot_be_kept_is_used_all_the_same() -> None:
    bench = Bench(UNPROVEN, GOOD)

    class Full(MemoryFiles):
        def write_new(self, tenant_id: str, key: str, data: bytes) -> bool:
            if "/checkpoints/" in key:
                raise RetryLaterError("s3_throttled")
            return super().write_new(tenant_id, key, data)

    full = Full(bench.clock)
    full.objects = bench.files.objects

    assert bench.deliver(lambda port: full if port is bench.files else port) == "documented"
    bench.check_usage()


def test_a_checkpoint_that_cannot_be_read_is_asked_for_and_replaced() -> None:
    for step in ("evaluation", "nlp", "names"):
        for damaged in (b"", b"{", b"[]", b'{"results": 7, "units": "x", "names": 1}', b"\xff"):
            bench = Bench(GOOD)
            bench.files.put(checkpoint_key("acme", bench.job_name, step), damaged)
            assert bench.deliver() == "documented"
            bench.check_usage()


def test_nothing_is_kept_after_the_document_is_written() -> None:
    bench = Bench(UNPROVEN, THROTTLE, GOOD)
    assert bench.deliver() == "model_throttled"
    prefix = checkpoint_prefix("acme", bench.job_name)
    kept = [key.removeprefix(prefix) for key in bench.files.objects if key.startswith(prefix)]
    assert any(name.startswith("evaluation-model-") for name in kept)
    assert bench.deliver() == "documented"
    assert not [key for key in bench.files.objects if key.startswith(prefix)]


def test_names_of_checkpoints_say_nothing_of_what_was_asked() -> None:
    bench = Bench(UNPROVEN, THROTTLE, GOOD)
    bench.deliver()
    kept = [key for key in bench.files.objects if "/checkpoints/" in key]
    assert len(kept) > 4
    assert not any(word in key for key in kept for word in ("invoice", "morning", "Thanks"))
    assert all(len(key) < 300 for key in kept)
    assert all(msgspec.json.decode(bench.files.objects[key][0]) is not None for key in kept)
