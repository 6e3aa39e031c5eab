"""Many documents at once give the rows and the errors that each one gives by itself."""

from __future__ import annotations

import datetime as dt
import json
import random
import re
from collections.abc import Iterable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cci_lite.contract.document import encode_document
from cci_lite.contract.form import Form
from cci_lite.contract.form_reading import parse_draft
from cci_lite.contract.reading import decode_document
from cci_lite.contract.scored_evaluation import score_document, with_evaluation
from cci_lite.errors import ContractError
from cci_lite.flatten.rows import Flattener
from cci_lite.ports import SourceOutcome, StoredObject
from tests.document_rows import Rows, rows_of
from tests.small_lake import DAY, TENANT, document, form

NOW = dt.datetime(2025, 11, 7, 2, tzinfo=dt.UTC)
FINE_FORM = parse_draft(
    {
        "name": "fine",
        "criteria": [
            {"id": f"c_{number:02}", "text": f"Question {number}?", "weight": weight,
             "required": number % 3 == 0}
            for number, weight in enumerate(("0.0001", "1", "2.5", "0.3333", "1000", "7"))
        ],
        "scoring": {"pass_threshold": "0.6667", "required_policy": "flag_only"},
    }
).as_version(3)  # fmt: skip
FORMS: dict[tuple[str, int], Form] = {(one.name, one.version): one for one in (form(), FINE_FORM)}
# A field for each list and each kind of leaf that a document can have.
FULL: dict[str, Any] = {
    "schema_version": "1.3",
    "revision": 2,
    "writing": 1,
    "call_date_source": "metadata",
    "call_started_at": "2025-11-05T10:30:00.123987Z",
    "language_code": "en-GB",
    "duration_seconds": 61.5,
    "agent": {"agent_id": "a-7", "name": "Kim", "team": "north"},
    "queue": "billing",
    "direction": "outbound",
    "channel": "voice",
    "sentiment": {"ResultList": [
        {"Sentiment": "POSITIVE", "Index": 0, "SentimentScore": {
            "Positive": 0.75, "Negative": 0.125, "Neutral": 0.1, "Mixed": 0.025}},
        {"Sentiment": "NEGATIVE"},
    ]},
    "key_phrases": {"ResultList": [{"Index": 0}, {"KeyPhrases": [
        {"Text": "die Rechnung über 5 €", "Score": 0.9, "BeginOffset": 3, "EndOffset": 24}]}]},
    "entities": {"ResultList": [{"Entities": [
        {"Text": "Acme \"&\" \\ Söhne\n", "Type": "ORGANIZATION", "Score": 0.8, "BeginOffset": 1}]}]},
    "ai_summary": {
        "issue": "Bill", "resolution": "Explained", "outcome": "Resolved",
        "action_items": ["Send bill", "Call back"], "tone_score": 73, "sentiment_summary": "Calm",
    },
    "review": {"needed": True, "reasons": ["low_confidence"]},
    "usage": {"audio_seconds": 61.5, "comprehend_units": 3, "input_tokens": 1000},
    "summary_raw": "raw",
    "source": {"transcribe_job": "j", "pii_redacted": "masked", "etag": "e", "model_id": "m3",
               "earlier_etags": ["d"], "pipeline_version": "1", "prompt_version": "p2"},
}  # fmt: skip


def judged(chance: random.Random) -> dict[str, Any]:
    """An evaluation that is right for its form, with claims by chance."""
    of = chance.choice(list(FORMS.values()))
    value: dict[str, Any] = {
        "template_id": of.name,
        "template_version": of.version,
        "criteria": [
            {"id": criterion.id, "verdict": chance.choice(("pass", "pass", "fail", "na", "unscored")),
             "reason": "because", "confidence": 0.5, "evaluator": "model",
             "evidence": [{"quote": "hello", "start_seconds": 1.5, "said_by": "agent"}]
             * chance.randint(0, 2)}
            for criterion in of.criteria
        ],
    }  # fmt: skip
    if chance.random() < 0.5:
        value["template_hash"] = of.content_hash
    if chance.random() < 0.5:
        value["reported"] = {
            name: chance.choice((0, 1, 1.5, 60, 66.67, 66.7, 67, 100.0, 1000.8333))
            for name in ("total_score", "max_score", "percentage")
            if chance.random() < 0.8
        }
    return value


def some_document(chance: random.Random, call_id: str) -> bytes:
    """A document that holds to the contract, mostly as the pipeline writes it."""
    value = document(call_id)
    if chance.random() < 0.8:
        value |= {name: FULL[name] for name in FULL if chance.random() < 0.8}
        value |= {"schema_version": "1.3", "qa_evaluation": judged(chance)}
    if chance.random() < 0.1:
        del value["qa_evaluation"]
    if chance.random() < 0.1:
        value["queue"] = "null: null"
    data = json.dumps(value, ensure_ascii=chance.random() < 0.2).encode()
    if chance.random() < 0.2:
        return data
    read = decode_document(data).document
    scored = score_document(read, FORMS)
    return encode_document(read if scored is None else with_evaluation(read, scored))


# --- one fault, anywhere --------------------------------------------------------------------------

_WORDS = (
    "null", "true", "false", "0", "-0", "-0.0", "1", "-1", "2.5", "1e2", "1e400", "-1e400", "1E-400", "01",
    "1.", ".5", "+1", "5e-324", "9007199254740993", "9223372036854775808", "-9223372036854775809",
    "123456789012345678901234567890", "0.1000000000000000055511151231257827", "NaN", "Infinity",
    '"NaN"', '"1"', '"true"', '""', '" "', '"pass"', '"\\u0000"', '"\\ud800"', '"\\udc00\\ud800"',
    '"\\ud83d\\ude00"', '"\\u0041"', '"\\/\\b\\f\\t"', '"\\x"', '"\t"', '"\x00"', '"a\nb"', '"é"',
    '"2025-11-05"', '"2025-02-30T10:00:00Z"', '"2025-11-05T24:00:00Z"', '"2025-11-05T23:59:60Z"',
    '"2024-02-29T00:00:00Z"', '"1969-12-31T23:59:59Z"', '"2025-11-05T10:00:00"', '"2025-11-05 10:00:00Z"',
    '"2025-11-05T10:00:00+01:00"', '"2025-11-05T10:00:00.1234567Z"', '"2025-11-05T10:00:00.12Z"',
    "{}", "[]", "[null]", "[[]]", "[{}]", '{"x":1}', '["x"]', "[" * 40 + "]" * 40,
)  # fmt: skip


def broken(chance: random.Random, data: bytes) -> bytes:
    """The document with a fault, or only with another spelling of the same."""
    action = chance.randrange(10)
    if action == 0:
        place = chance.randrange(len(data))
        return (
            data[:place]
            + chance.choice(
                (
                    b"",
                    b"\xff",
                    b"\xed\xa0\x80",
                    b"\xc0\xaf",
                    b"\xf4\x90\x80\x80",
                    b"\xc3",
                    b"\n",
                    b"\r",
                    b"}",
                    b'"',
                    b" ",
                    b"\\",
                )
            )
            + data[place + 1 :]
        )
    if action == 1:
        return data[: chance.randrange(len(data))]
    if action == 2:
        return chance.choice((
            b"\xef\xbb\xbf" + data, b" " + data, data + data, data.rstrip() + data, data + b"x",
            data.rstrip(), data.rstrip() + b" \n\n", b"\n" + data, b"", b"{}", b"[]", b"{", data.rstrip() + b"}",
        ))  # fmt: skip
    text = data.decode().rstrip("\n")
    places = [*_members(text)]
    start, colon, end = chance.choice(places)
    name, value = text[start:colon], text[colon + 1 : end]
    member = text[start:end]
    if action == 3:
        member = f"{member},{chance.choice((name, _other_case(name), _escaped(name)))}:{value}"
    elif action == 4:
        member = f"{_escaped(name)}:{value}"
    elif action == 5:
        member = (
            f"{member},{chance.choice(places_names(text, places))}:{chance.choice((value, '1'))}"
        )
    elif action == 6:
        member = f"{name}{chance.choice((' :', ': ', ':  ', ' : '))}{value}"
    elif action == 7:
        rest = text[end + 1 :] if text[end : end + 1] == "," else text[end:]
        return (text[:start] + rest).encode()
    elif action == 8:
        member = f'{member},"novelty":{chance.choice(_WORDS)}'
    else:
        member = f"{name}:{chance.choice(_WORDS)}"
    return (text[:start] + member + text[end:]).encode("utf-8", "surrogatepass")


def places_names(text: str, places: list[tuple[int, int, int]]) -> list[str]:
    return [text[start:colon] for start, colon, _ in places]


def _other_case(name: str) -> str:
    return name.swapcase()


def _escaped(name: str) -> str:
    return f'"\\u{ord(name[1]):04x}{name[2:]}'


def _members(text: str) -> Iterable[tuple[int, int, int]]:
    """Where each member of each object begins, has its colon, and ends."""
    decoder = json.JSONDecoder()
    for place, sign in enumerate(text):
        if sign == '"' and text[place - 1] in "{,":
            try:
                _, colon = decoder.raw_decode(text, place)
                if text[colon] == ":":
                    skip = len(text[colon + 1 :]) - len(text[colon + 1 :].lstrip())
                    _, end = decoder.raw_decode(text, colon + 1 + skip)
                    yield place, colon, end
            except (ValueError, IndexError):
                continue


# --- the law --------------------------------------------------------------------------------------


def at_once(documents: dict[str, bytes]) -> tuple[dict[str, Rows], dict[str, tuple[str, str, str]]]:
    """The rows of each document, and the errors of those that were refused, by key."""
    sources = [
        StoredObject(key, f"e{len(data)}", len(data), NOW) for key, data in documents.items()
    ]
    flattener = Flattener(TENANT, DAY, FORMS, "run", NOW)
    found = flattener.flatten((source, lambda key=source.key: documents[key]) for source in sources)
    assert [record.key for record in found.records] == list(documents)
    rows: dict[str, Rows] = {}
    errors = {}
    for table_name, table in found.tables.items():
        for row in table.to_pylist():
            key = row["source_key"]
            if table_name == "quarantined_documents":
                errors[key] = (row["json_path"], row["expected"], row["found"])
            else:
                rows.setdefault(key, {}).setdefault(table_name, []).append(row)
    for record in found.records:
        is_call = record.outcome is SourceOutcome.CALL
        assert is_call == (record.key in rows) == (record.key not in errors)
        if is_call:
            [call] = rows[record.key]["calls"]
            assert (record.call_id, record.revision) == (call["call_id"], call["revision"])
    return rows, errors


def one_by_one(
    documents: dict[str, bytes],
) -> tuple[dict[str, Rows], dict[str, tuple[str, str, str]]]:
    rows, errors = {}, {}
    for key, data in documents.items():
        source = StoredObject(key, f"e{len(data)}", len(data), NOW)
        try:
            rows[key] = rows_of(data, source, TENANT, FORMS, "run")
        except ContractError as problem:
            errors[key] = (problem.path, problem.expected, problem.found)
    return rows, errors


FLOAT_FIELDS = (
    "duration_seconds", "Positive", "Score", "tone_score", "audio_seconds", "confidence",
    "start_seconds", "score", "weight", "total_score", "max_score", "percentage",
)  # fmt: skip


def in_one_folder(*documents: bytes) -> dict[str, bytes]:
    return {
        f"unified/{TENANT}/2025/11/05/call-{number}.json": data
        for number, data in enumerate(documents)
    }


def written(call_id: str) -> bytes:
    """A document as the pipeline writes it, with every field of FLOAT_FIELDS."""
    evaluation = judged(random.Random(3)) | {"reported": {"percentage": 50.0}}
    evaluation["criteria"][0]["evidence"] = [{"quote": "hello", "start_seconds": 1.5}]
    value = document(call_id) | FULL | {"qa_evaluation": evaluation}
    read = decode_document(json.dumps(value).encode()).document
    scored = score_document(read, FORMS)
    assert scored is not None
    return encode_document(with_evaluation(read, scored))


@pytest.mark.parametrize("name", FLOAT_FIELDS)
@pytest.mark.parametrize("number", ["NaN", "-NaN", "Infinity", "1e400", "-1", "1e13", '"nan"'])
def test_a_number_that_is_none_is_refused_wherever_it_stands(name: str, number: str) -> None:
    data, count = re.subn(
        rb'"%s":[-0-9.e]+' % name.encode(),
        f'"{name}":{number}'.encode(),
        written("call-0"),
        count=1,
    )
    assert count == 1
    documents = in_one_folder(data, written("call-1"))
    assert at_once(documents) == one_by_one(documents)


def test_documents_as_the_pipeline_writes_them_are_read_together(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("cci_lite.flatten.day_reader.DayReader.read_alone", None)
    documents = in_one_folder(written("call-0"), written("call-1"))
    assert at_once(documents) == one_by_one(documents)


# Faults that Arrow does not see, or that it takes for something else: what is replaced, and by what.
FAULTS = {
    "no UTF-8": (b'"Calm"', b'"Cal\xff"'),
    "half a character": (b'"Calm"', b'"Cal\xed\xa0\x80"'),
    "half a pair": (b'"Calm"', b'"Cal\\udc00"'),
    "the other half": (b'"Calm"', b'"Cal\\ud800"'),
    "a carriage return": (b',"queue"', b',\r"queue"'),
    "a line end": (b',"queue"', b',\n"queue"'),
    "a null list": (b'"action_items":["Send bill","Call back"]', b'"action_items":null'),
    "a null list after a blank": (b'"action_items":["Send bill","Call back"]', b'"action_items": null'),
    "a null number": (b'"revision":2', b'"revision":null'),
    "a null flag": (b'"needed":true', b'"needed":\tnull'),
    "a null item": (b'["Send bill"', b'[null'),
    "a null segment": (b'{"Sentiment":"NEGATIVE"}', b"null"),
    "another object": (b"}\n", b"}{}\n"),
    "the object again": (b"}\n", b'}{"tenant_id":"demo-tenant","call_id":"call-0"}\n'),
    "a repeated field": (b'"queue":"billing"', b'"queue":"billing","queue":"x"'),
    "a repeated field with an escape": (b'"queue":"billing"', b'"queue":"a","q\\u0075eue":"b"'),
    "a repeated field of a part": (b'"Text":"die', b'"Text":"x","Text":"die'),
    "a field in another case": (b'"queue":"billing"', b'"queue":"billing","Queue":"x"'),
    "an unknown field": (b'"queue":"billing"', b'"queue":"billing","novelty":1'),
    "an unknown word": (b'"NEGATIVE"', b'"SAD"'),
    "a passed that contradicts": (b'"passed":true', b'"passed":false'),
    "another criterion": (b'"id":"', b'"id":"x'),
    "another tenant": (b'"demo-tenant"', b'"demo-other"'),
    "another call": (b'"call_id":"call-0"', b'"call_id":"call-9"'),
    "another day": (b'"2025-11-05"', b'"2025-11-06"'),
    "another version": (b'"schema_version":"1.3"', b'"schema_version":"1.4"'),
    "another form": (b'"template_id":"', b'"template_id":"x'),
    "another hash": (b'"template_hash":"', b'"template_hash":"x'),
    "a version in words": (b'"template_version":', b'"qa_template_version":"x","template_version":'),
    "an empty id": (b'"agent_id":"a-7"', b'"agent_id":""'),
    "no such day": (b"2025-11-05T10", b"2025-02-30T10"),
    "a long raw summary": (b'"summary_raw":"raw"', b'"summary_raw":"%s"' % (b"x" * 17_000)),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_is_told_as_of_the_document_by_itself(fault: str) -> None:
    old, new = FAULTS[fault]
    data = written("call-0")
    assert old in data, fault
    documents = in_one_folder(data.replace(old, new, 1), written("call-1"))
    assert at_once(documents) == one_by_one(documents)


def test_totals_that_claim_something_else_are_claims() -> None:
    value = json.loads(written("call-0"))
    evaluation = value["qa_evaluation"]
    del evaluation["reported"]
    for claimed in ({"total_score": 999.0}, {"percentage": 1.25}, {"max_score": None}):
        evaluation |= claimed
        said = {name: each for name, each in evaluation.items() if each is not None}
        changed = json.dumps(value | {"qa_evaluation": said}, ensure_ascii=False).encode()
        documents = in_one_folder(changed, written("call-1"))
        assert at_once(documents) == one_by_one(documents)


@pytest.mark.parametrize("tail", [bytes([code]) for code in range(33)])
def test_what_stands_behind_a_document_is_looked_at(tail: bytes) -> None:
    documents = in_one_folder(
        written("call-0").rstrip() + tail, written("call-1").rstrip() + tail + b"\n"
    )
    assert at_once(documents) == one_by_one(documents)


def check(seed: int, faults: float) -> None:
    chance = random.Random(seed)
    documents = {}
    for number in range(chance.randint(1, 5)):
        data = some_document(chance, f"call-{number}")
        if chance.random() < faults:
            data = broken(chance, data)
        documents[f"unified/{TENANT}/2025/11/05/call-{number}.json"] = data
    found, expected = at_once(documents), one_by_one(documents)
    assert found == expected


@given(st.integers(0, 2**32))
def test_documents_that_hold_give_the_same_rows(seed: int) -> None:
    check(seed, faults=0)


@given(st.integers(0, 2**32))
def test_documents_with_faults_give_the_same_rows_and_errors(seed: int) -> None:
    check(seed, faults=0.7)
