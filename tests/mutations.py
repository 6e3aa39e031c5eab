"""Mutates good answers of a model, from a seed, so that each one can be reproduced."""

from __future__ import annotations

import copy
import json
import random
import re
from collections.abc import Callable, Iterator
from typing import Any

from tests.model_examples import IDS, as_text, evaluation_of

# Said by the agent, said by the customer, and said in other calls.
OWN = (
    "thank you for calling Acme",
    "Good morning, thank you for calling",
    "How can I help?",
    "I am sorry about that.",
    "I will send it again today",
    "good morning thank you … how can I help",
    "Agent: I am sorry about that",
)
CUSTOMERS = ("My parcel has not come", "and I want it now", "Okay, thank you very much, goodbye.")
FOREIGN = (
    "Welcome to the Happy Valley Hotel",
    "Could I have your account number please",
    "your appointment is on Tuesday at ten",
    "Is there anything else that I can do for you?",
    "thank you for calling Globex",
    "thank you … Globex … today",
    "I am not sorry about any of that",
    "*** *** ***",
    "[pii] [pii] [pii]",
    "[NAME]",
    "…",
    "",
)

# Names that say what the evaluation is worth, or nothing that anybody asked for.
ODD_NAMES = (
    "example_only", "is_draft", "final", "retracted", "valid", "not_valid", "do_not_use", "note",
    "corrected_verdict", "final_verdict", "Verdict", "Criteria", "SUMMARY", "id ", "superseded",
    "entwurf", "korrektur", "無効", "черновик", "", "_", "0", "other", "criteria2", "input_old",
)  # fmt: skip
_IDLE_MEMBERS = (("total_score", 4), ("percentage", 66.7), ("name", "record_evaluation"))
_KNOWN_WRAPPERS = ("qa_evaluation", "input", "arguments", "result", "record_evaluation")

_NASTY: tuple[Any, ...] = (
    None, True, False, 0, -1, -0.0, 2, 10**20, 10**400, -(10**400), 1e308, float("nan"),
    float("inf"), float("-inf"), "", " ", "\ud800", "\udfff\ud800", "\0", "\x1b[2J", "\u202e",
    "a" * 5_000, "\N{GRINNING FACE}" * 300, "{", "[", '"', "\\", "\\u", "[]", "{}", "null", "NaN",
    [], {}, [[]], [{}], {"": ""}, {"criteria": []}, ["x"] * 3_000, "pass", "fail", "na", "unscored",
    "greet_01", {"id": "greet_01", "verdict": "pass"}, '["thank you for calling Acme"]',
)  # fmt: skip
_NASTY_NUMBERS = (
    "1" + "0" * 400,
    "9" * 5_000,
    "1e999999",
    "-1e400",
    "NaN",
    "-Infinity",
    "-0.0",
    "7",
)
_NASTY_TEXTS = (
    *_NASTY_NUMBERS, "null", "true", "{", "}",
    "[", "]", ",", ":", '"', "'", "\\", "\\ud800", "\\u00", '"\\ud83d"', "[" * 3_000, '{"a":' * 3_000,
    "//", "/*", "#", "```", "<draft>", " on second thought ", "Korrektur: ", "\ufeff", "\u2028", "\0",
)  # fmt: skip
_TOKEN = re.compile(r'"(?:[^"\\]|\\.)*"|[{}\[\],:]|[^\s{}\[\],:"]+')


def mutated_bodies(seed: int) -> tuple[str, list[bytes]]:
    """What kind of mutation this is, and the bodies of the model's answers to one call."""
    chance = random.Random(seed)
    kind = chance.choice([*_MUTATIONS])
    return kind, [_MUTATIONS[kind](chance) for _ in range(6)]


def good_answer(chance: random.Random, quotes: tuple[str, ...] = OWN) -> dict[str, Any]:
    """A whole answer with verdicts and quotes by chance."""
    verdicts = {name: chance.choice(("pass", "pass", "fail", "na")) for name in IDS}
    given = {name: chance.choices(quotes, k=chance.randint(0, 3)) for name in IDS}
    return evaluation_of(verdicts, given)


def body_of(tool_input: Any) -> dict[str, Any]:
    """A reply of Converse that calls the tool."""
    return _reply(
        [{"toolUse": {"toolUseId": "t", "name": "record_evaluation", "input": tool_input}}]
    )


def body_of_text(text: str) -> dict[str, Any]:
    """A reply of Converse in words."""
    return _reply([{"text": text}], "end_turn")


def encoded(reply: Any) -> bytes:
    """As it comes over the wire; half a surrogate pair as its escape."""
    return as_text(reply).encode("utf-8", "backslashreplace")


def _reply(content: list[Any], stop_reason: str = "tool_use") -> dict[str, Any]:
    return {
        "output": {"message": {"role": "assistant", "content": content}},
        "stopReason": stop_reason,
        "usage": {"inputTokens": 1_000, "outputTokens": 200, "totalTokens": 1_200},
        "metrics": {"latencyMs": 900},
    }


def _some_reply(chance: random.Random) -> dict[str, Any]:
    answer = good_answer(chance, chance.choice((OWN, OWN + CUSTOMERS, OWN + FOREIGN)))
    if chance.random() < 0.3:
        return body_of_text(_wrapped_text(chance, as_text(answer)))
    return body_of(answer)


def _wrapped_text(chance: random.Random, text: str) -> str:
    frames = ("{}", "```json\n{}\n```", "Here is the JSON:\n{}", "{}\nI hope this helps.", "{}}}")
    return chance.choice(frames).format(text)


def with_odd_name(chance: random.Random, answer: dict[str, Any]) -> Any:
    """The answer with one member or wrapper more that nobody asked for, however it is wrapped."""
    value = copy.deepcopy(answer)
    name, said = chance.choice(ODD_NAMES), copy.deepcopy(chance.choice((*_NASTY, *OWN)))
    place = chance.choice(("beside", "entry", "summary", "wrapper", "beside a wrapper"))
    if place == "entry":
        _insert(chance, chance.choice(value["criteria"]), name, said)
    elif place == "summary":
        value["summary"] = _insert(chance, dict(value["summary"]), name, said)
    elif place == "wrapper":
        value = {name: value}
    elif place == "beside":
        _insert(chance, value, name, said)
    for _ in range(chance.randint(0, 2)):
        value = {chance.choice(_KNOWN_WRAPPERS): value}
    if place == "beside a wrapper":
        value = _insert(chance, {chance.choice(_KNOWN_WRAPPERS): value}, name, said)
    return value


def _insert(chance: random.Random, into: dict[str, Any], name: str, said: Any) -> dict[str, Any]:
    """One member more, somewhere among the others."""
    members = list(into.items())
    members.insert(chance.randint(0, len(members)), (name, said))
    into.clear()
    into.update(members)
    return into


# --- bytes, tokens, structure ---------------------------------------------------------------------


def _by_bytes(chance: random.Random) -> bytes:
    data = bytearray(encoded(_some_reply(chance)))
    for _ in range(chance.randint(1, 6)):
        place = chance.randrange(len(data) or 1)
        end = min(len(data), place + chance.choice((1, 1, 2, 8, 60)))
        piece = bytes(data[place:end])
        data[place:end] = chance.choice(
            (b"", piece * 2, piece[::-1], chance.randbytes(len(piece)), b'"', b"}", b"{", b"0")
        )
    return bytes(data)


def _by_tokens(chance: random.Random) -> bytes:
    mangled = _mangled if chance.random() < 0.3 else _exchanged
    return mangled(chance, as_text(_some_reply(chance))).encode("utf-8", "backslashreplace")


def _by_tokens_of_the_text(chance: random.Random) -> bytes:
    text = _mangled(chance, as_text(good_answer(chance, OWN + CUSTOMERS + FOREIGN)))
    return encoded(body_of_text(_wrapped_text(chance, text)))


def _exchanged(chance: random.Random, text: str) -> str:
    """Still JSON: words in each other's place, numbers that are larger or smaller."""
    tokens = _TOKEN.findall(text)
    for _ in range(chance.randint(1, 3)):
        place, other = chance.randrange(len(tokens)), chance.randrange(len(tokens))
        if tokens[place][0] == tokens[other][0] == '"':
            tokens[place], tokens[other] = tokens[other], tokens[place]
        elif tokens[place][0].isdigit():
            tokens[place] = chance.choice(_NASTY_NUMBERS)
    return " ".join(tokens)


def _mangled(chance: random.Random, text: str) -> str:
    tokens = _TOKEN.findall(text)
    for _ in range(chance.randint(1, 4)):
        place, other = chance.randrange(len(tokens)), chance.randrange(len(tokens))
        action = chance.randrange(5)
        if action == 0:
            del tokens[place]
        elif action == 1:
            tokens.insert(place, tokens[other])
        elif action == 2:
            tokens[place], tokens[other] = tokens[other], tokens[place]
        else:
            tokens[place : place + (action == 3)] = [chance.choice(_NASTY_TEXTS)]
    return " ".join(tokens)


def _by_structure(chance: random.Random) -> bytes:
    reply = json.loads(as_text(_some_reply(chance)))
    for _ in range(chance.randint(1, 3)):
        _mutate(chance, reply)
    return encoded(reply)


def _by_structure_of_the_input(chance: random.Random) -> bytes:
    answer = json.loads(as_text(good_answer(chance, OWN + CUSTOMERS + FOREIGN)))
    for _ in range(chance.randint(1, 4)):
        _mutate(chance, answer)
    if chance.random() < 0.3:
        return encoded(body_of_text(_wrapped_text(chance, as_text(answer))))
    return encoded(body_of(answer))


def _mutate(chance: random.Random, value: Any) -> None:
    places = list(_places(value))
    if not places:
        return
    holder, name = chance.choice(places)
    part = copy.deepcopy(holder[name])
    action = chance.randrange(7)
    if action == 0:
        del holder[name]
    elif action == 1:
        holder[name] = as_text(part)
    elif action == 2:
        holder[name] = chance.choice(({"qa_evaluation": part}, [part], [part, copy.deepcopy(part)]))
    elif action == 3 and isinstance(holder, dict):
        holder[chance.choice(("criteria", "id", "verdict", "evidence", "other"))] = part
    elif action == 4 and isinstance(part, list):
        holder[name] = [*part, part[0] if part else None]
    elif action == 5:
        other, other_name = chance.choice(places)
        holder[name] = copy.deepcopy(other[other_name])
    else:
        holder[name] = copy.deepcopy(chance.choice(_NASTY))


def _places(value: Any) -> Iterator[tuple[Any, Any]]:
    names = (
        value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ()
    )
    for name in names:
        yield value, name
        yield from _places(value[name])


def _by_quotes(chance: random.Random) -> bytes:
    return encoded(body_of(good_answer(chance, FOREIGN + CUSTOMERS)))


def _by_members(chance: random.Random) -> bytes:
    answer = good_answer(chance, OWN + CUSTOMERS)
    if chance.random() < 0.5:
        value = with_odd_name(chance, answer)
    else:
        value = answer | dict([chance.choice(_IDLE_MEMBERS)])
        value = {chance.choice(_KNOWN_WRAPPERS): value} if chance.random() < 0.5 else value
    if chance.random() < 0.3:
        return encoded(body_of_text(_wrapped_text(chance, as_text(value))))
    return encoded(body_of(value))


_MUTATIONS: dict[str, Callable[[random.Random], bytes]] = {
    "bytes": _by_bytes,
    "tokens": _by_tokens,
    "tokens of a text": _by_tokens_of_the_text,
    "structure": _by_structure,
    "structure of the input": _by_structure_of_the_input,
    "members": _by_members,
    "quotes of other calls": _by_quotes,
}
