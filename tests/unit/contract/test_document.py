"""Reading and writing unified documents."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cci_lite.contract.document import (
    Agent,
    AiSummary,
    CallDateSource,
    CriterionResult,
    Evaluator,
    Evidence,
    QaEvaluation,
    Redaction,
    ReportedScore,
    Review,
    Source,
    UnifiedDocument,
    Usage,
    encode_document,
    redaction_of,
    verdict_of,
)
from cci_lite.contract.limits import MAX_DOCUMENT_BYTES, MAX_SUMMARY_RAW_BYTES
from cci_lite.contract.reading import decode_document
from cci_lite.contract.scoring import Verdict
from cci_lite.errors import ContractError

GUIDE_EXAMPLE = (
    Path(__file__).resolve().parents[3] / "examples" / "documents" / "guide-example.json"
)
FIELDS: dict[str, Any] = {"tenant_id": "demo-tenant", "call_id": "c1", "call_date": "2025-11-05"}
START = b'{"tenant_id":"demo-tenant","call_id":"c1","call_date":"2025-11-05"'


def line(**fields: Any) -> bytes:
    return json.dumps({**FIELDS, **fields}, separators=(",", ":")).encode()


def read(**fields: Any) -> UnifiedDocument:
    return decode_document(line(**fields)).document


def result(**fields: Any) -> CriterionResult:
    evaluation = read(qa_evaluation={"criteria": [{"id": "a", **fields}]}).qa_evaluation
    assert evaluation is not None
    return evaluation.criteria[0]


def refusal(data: bytes, **options: Any) -> str:
    with pytest.raises(ContractError) as caught:
        decode_document(data, **options)
    return str(caught.value)


# --- what the guide prints ----------------------------------------------------------------------


def test_the_guides_example_is_read_as_version_1_2() -> None:
    decoded = decode_document(GUIDE_EXAMPLE.read_bytes(), one_line=False)
    document = decoded.document
    assert decoded.unknown_fields == 0
    assert (document.schema_version, document.revision) == ("1.2", 1)
    assert (document.tenant_id, document.call_id) == ("demo-tenant", "cci_demo-tenant_test_wav")
    assert document.call_date == dt.date(2025, 11, 5)
    assert document.call_date_source is CallDateSource.DOCUMENT
    assert document.agent is None
    assert redaction_of(document.source) is Redaction.TRANSCRIBE
    assert document.ai_summary == AiSummary(
        issue="Billing query",
        resolution="Explained invoice line items",
        outcome="Resolved",
        action_items=["Email revised invoice"],
        tone_score=73,
        sentiment_summary="Mostly neutral",
    )
    assert document.qa_evaluation is not None
    assert [verdict_of(each, 0) for each in document.qa_evaluation.criteria] == [
        Verdict.PASS,
        Verdict.FAIL,
        Verdict.PASS,
        Verdict.PASS,
        Verdict.FAIL,
    ]


def test_the_guides_example_is_the_one_that_the_guide_prints(shared: Path) -> None:
    guide = "".join(file.read_text(encoding="utf-8") for file in (shared / "guide").glob("*.txt"))
    assert f"```json\n{GUIDE_EXAMPLE.read_text(encoding='utf-8')}```" in guide


# --- lenient where nothing is lost --------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "number"),
    [("1", 1.0), ("0.5", 0.5), (1, 1.0), ("1e2", 100.0), ("-3", -3.0), ("null", None)],
)
def test_a_number_written_as_text_is_the_number_it_says(given: Any, number: float | None) -> None:
    assert result(score=given).score == number


@pytest.mark.parametrize("given", ["", " ", " 2 ", "2,5", "1_000", "0x10", "two", "2 %", "٣"])
def test_text_that_is_no_number_is_not_taken_for_one(given: str) -> None:
    data = line(qa_evaluation={"criteria": [{"id": "a", "score": given}]})
    assert refusal(data).startswith("qa_evaluation.criteria[0].score: expected a number, found ")


@pytest.mark.parametrize(
    ("given", "passed"),
    [(True, True), ("true", True), ("false", False), (0, False), (1, True), (None, None)],
)
def test_a_truth_value_written_otherwise_is_what_it_says(given: Any, passed: bool | None) -> None:
    assert result(passed=given).passed is passed


def test_a_whole_number_with_a_point_is_a_whole_number() -> None:
    assert read(revision=2.0).revision == 2
    assert read(revision="2").revision == 2


@pytest.mark.parametrize(
    ("fields", "count"),
    [
        ({}, 0),
        ({"mood": 1}, 1),
        ({"mood": {"a": 1, "b": 2}}, 1),
        ({"": {"a": 1, "b": 2}}, 1),
        ({"agent": {"agent_id": "a", "shoe_size": 1}}, 1),
        ({"ai_summary": {"x": 1, "y": 2}}, 2),
        ({"source": {"x": 1}, "usage": {"x": 1}, "review": {"x": 1}}, 3),
        ({"qa_evaluation": {"criteria": [{"id": "a", "x": 1}, {"id": "b", "y": 1}], "z": 1}}, 3),
        ({"agent": None, "qa_evaluation": None}, 0),
    ],
    ids=[
        "none",
        "top",
        "inside unknown",
        "no name",
        "agent",
        "summary",
        "three",
        "criteria",
        "null",
    ],
)
def test_unknown_fields_are_counted_and_left_out(fields: dict[str, Any], count: int) -> None:
    decoded = decode_document(line(**fields))
    assert decoded.unknown_fields == count
    again = decode_document(encode_document(decoded.document))
    assert again.unknown_fields == 0
    assert again.document == decoded.document


def test_a_missing_optional_field_and_null_are_the_same() -> None:
    nulls = dict.fromkeys(["queue", "agent", "call_started_at", "ai_summary", "qa_evaluation"])
    assert read(**nulls) == read()


@pytest.mark.parametrize(
    ("passed", "verdict", "expected"),
    [
        (True, None, Verdict.PASS),
        (False, None, Verdict.FAIL),
        (None, None, Verdict.UNSCORED),
        (True, "pass", Verdict.PASS),
        (False, "fail", Verdict.FAIL),
        (None, "pass", Verdict.PASS),
        (None, "na", Verdict.NA),
        (None, "unscored", Verdict.UNSCORED),
    ],
)
def test_the_verdict_is_what_verdict_or_passed_says(
    passed: bool | None, verdict: str | None, expected: Verdict
) -> None:
    assert verdict_of(result(passed=passed, verdict=verdict), 0) is expected


@pytest.mark.parametrize(
    ("pii_redacted", "expected"),
    [
        (True, Redaction.TRANSCRIBE),
        (False, Redaction.NONE),
        (None, None),
        ("masked", Redaction.MASKED),
        ("transcribe", Redaction.TRANSCRIBE),
        ("none", Redaction.NONE),
    ],
)
def test_who_redacted_is_known_of_both_versions(
    pii_redacted: Any, expected: Redaction | None
) -> None:
    assert redaction_of(read(source={"pii_redacted": pii_redacted}).source) is expected


def test_a_document_without_source_says_nothing_of_redaction() -> None:
    assert redaction_of(read().source) is None


@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n", b" ", b"\n\n"], ids=repr)
def test_what_follows_the_line_does_not_matter(end: bytes) -> None:
    assert decode_document(line() + end).document == read()


def test_a_document_of_many_lines_is_read_when_it_comes_from_elsewhere() -> None:
    pretty = json.dumps(FIELDS, indent=2).encode()
    assert decode_document(pretty, one_line=False).document == read()
    assert decode_document(b"\xef\xbb\xbf" + pretty, one_line=False).document == read()


@pytest.mark.parametrize(
    "spelling",
    [
        START + b',"queue":"caf\\u00e9"}',
        START + b',"queue":"caf\xc3\xa9"}',
        START.replace(b",", b", ") + b', "queue": "caf\\u00E9"}',
    ],
    ids=["escaped", "plain", "spaced"],
)
def test_the_spelling_of_json_does_not_matter(spelling: bytes) -> None:
    assert decode_document(spelling).document == read(queue="café")


# --- strict where a number could lie ------------------------------------------------------------


WHOLE = "expected valid JSON, found "
BROKEN: dict[str, tuple[bytes, str]] = {
    "empty": (b"", "expected a JSON object, found nothing"),
    "white space": (b" \n\t", "expected a JSON object, found only white space"),
    "array": (b"[]", "expected an object, found a list of 0"),
    "text": (b'"Kim"', "expected an object, found text of 3 characters"),
    "null": (b"null", "expected an object, found null"),
    "truncated": (line()[:-1], WHOLE + "input data was truncated"),
    "trailing comma": (START + b",}", WHOLE + "trailing comma in object (byte 67)"),
    "two documents": (line() + line(), WHOLE + "trailing characters (byte 68)"),
    "lines": (
        line() + b"\n" + line(),
        f"expected JSON on one line, found a line end at byte {len(START) + 1}",
    ),
    "pretty-printed": (
        json.dumps(FIELDS, indent=1).encode(),
        "expected JSON on one line, found a line end at byte 1",
    ),
    "old Mac lines": (
        START + b",\r" + b'"queue":"a"}',
        f"expected JSON on one line, found a line end at byte {len(START) + 1}",
    ),
    "byte order mark": (
        b"\xef\xbb\xbf" + line(),
        "expected UTF-8 without a byte order mark, found a byte order mark",
    ),
    "invalid UTF-8": (
        START + b',"queue":"\xff"}',
        f"expected UTF-8, found an invalid byte at {len(START) + 10}",
    ),
    "surrogates as bytes": (
        START + b',"queue":"\xed\xa0\x80"}',
        f"expected UTF-8, found an invalid byte at {len(START) + 10}",
    ),
    "UTF-16": (line().decode().encode("utf-16"), WHOLE + "invalid character (byte 0)"),
    "comment": (b"// {}", WHOLE + "invalid character (byte 0)"),
    "single quotes": (b"{'a':1}", WHOLE + "object keys must be strings (byte 1)"),
    "lists too deep": (
        START + b',"x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        "expected nesting that can be read, found too many levels",
    ),
    "objects too deep": (
        START + b',"x":' + b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"}",
        "expected nesting that can be read, found too many levels",
    ),
    "never closed": (
        b"[" * 100_000,
        "expected nesting that can be read, found too many levels",
    ),
    "huge number": (START + b',"x":1e999}', WHOLE + "number out of range"),
    "number of 5,000 digits": (
        START + b',"x":' + b"9" * 5000 + b"}",
        WHOLE + "integer value out of range",
    ),
    "17 MB": (
        START + b',"x":"' + b"a" * 17_000_000 + b'"}',
        "expected at most 16777216 bytes, found 17000074 bytes",
    ),
}


@pytest.mark.parametrize("name", BROKEN)
def test_what_is_no_document_is_refused(name: str) -> None:
    data, text = BROKEN[name]
    assert refusal(data) == text


_SPELLED_OTHERWISE = {"pretty-printed", "old Mac lines", "byte order mark"}


@pytest.mark.parametrize("name", [name for name in BROKEN if name not in _SPELLED_OTHERWISE])
def test_what_is_no_document_is_refused_when_it_comes_from_elsewhere_too(name: str) -> None:
    data, _ = BROKEN[name]
    with pytest.raises(ContractError):
        decode_document(data, one_line=False)


@pytest.mark.parametrize("levels", [400, 600, 800, 950, 990, 1_000, 2_000])
@pytest.mark.parametrize("end", [b"1", b'{"b":1,"b":2}'], ids=["plain", "repeated"])
def test_nesting_of_any_depth_is_read_or_refused(levels: int, end: bytes) -> None:
    data = START + b', "x":' + b'{"a":' * levels + end + b"}" * levels + b"}"
    refused = None
    try:
        decode_document(data)
    except ContractError as problem:
        refused = problem.expected
    allowed = {b"1": None}.get(end, "each field once")
    assert refused in (allowed, "nesting that can be read")


@pytest.mark.parametrize(
    "spelling", ["NaN", "Infinity", "-Infinity", "nan", "inf", "-NaN", "1.#INF"]
)
def test_what_is_no_number_is_no_json(spelling: str) -> None:
    data = START + f',"ai_summary":{{"tone_score":{spelling}}}}}'.encode()
    assert refusal(data).startswith("expected valid JSON, found ")


@pytest.mark.parametrize(
    "spelling", ["NaN", "nan", "-nan", "Infinity", "-Infinity", "inf", "+inf", "INF", "1e999"]
)
@pytest.mark.parametrize(
    ("path", "make"),
    [
        ("ai_summary.tone_score", lambda value: {"ai_summary": {"tone_score": value}}),
        ("duration_seconds", lambda value: {"duration_seconds": value}),
        ("usage.audio_seconds", lambda value: {"usage": {"audio_seconds": value}}),
        (
            "qa_evaluation.criteria[0].score",
            lambda value: {"qa_evaluation": {"criteria": [{"id": "a", "score": value}]}},
        ),
        (
            "qa_evaluation.percentage",
            lambda value: {"qa_evaluation": {"criteria": [], "percentage": value}},
        ),
        (
            "sentiment.ResultList[0].SentimentScore.Mixed",
            lambda value: {"sentiment": {"ResultList": [{"SentimentScore": {"Mixed": value}}]}},
        ),
    ],
    ids=["tone", "duration", "audio", "score", "percentage", "sentiment"],
)
def test_what_is_no_number_is_none_as_text_either(
    spelling: str, path: str, make: Callable[[str], dict[str, Any]]
) -> None:
    assert refusal(line(**make(spelling))).startswith(f"{path}: expected a number")


REPEATED: dict[str, tuple[bytes, str]] = {
    "top": (START + b',"call_id":"c2"}', "call_id"),
    "same value": (START + b',"call_id":"c1"}', "call_id"),
    "escaped": (START + b',"call\\u005fid":"c2"}', "call_id"),
    "unknown field": (START + b',"x":1,"x":1}', "x"),
    "inside": (START + b',"agent":{"name":"a","team":"b","name":"c"}}', "agent.name"),
    "second criterion": (
        START + b',"qa_evaluation":{"criteria":[{"id":"a"},{"id":"b","score":0,"score":1}]}}',
        "qa_evaluation.criteria[1].score",
    ),
    "inside what was repeated": (
        START + b',"agent":{"name":"a","name":"b"},"agent":{"name":"c"}}',
        "agent",
    ),
    "inside an unknown field": (START + b',"x":[[{"y":{"z":1,"z":2}}]]}', "x[0][0].y.z"),
    "in another case": (START + b',"x":[{"Id":1,"id":1}]}', "x[0].id"),
    "a name that may be text": (START + b',"Kim said":1,"Kim said":2}', "…"),
    "in another case second": (START + b',"queue":"a","Queue":"b"}', "Queue"),
    "in another case first": (START + b',"Queue":"b","queue":"a"}', "queue"),
    "in another case, null": (START + b',"queue":"a","QUEUE":null}', "QUEUE"),
    "in another case, inside": (START + b',"agent":{"name":"a","Name":"c"}}', "agent.Name"),
    "in another case, in a criterion": (
        START + b',"qa_evaluation":{"criteria":[{"id":"a","score":0,"Score":1}]}}',
        "qa_evaluation.criteria[0].Score",
    ),
    "in another case, of another alphabet": (
        START + ',"x":{"\u00e4":1,"\u00c4":2}}'.encode(),
        "x.…",
    ),
    "in another case, spaced": (START + b', "queue": "a", "QUEUE": "b"}', "QUEUE"),
    "as long as numbers make it": (
        START + b',"x":1,"x":2,"y":[1e3,1e3,1e3,1e3,1e3,1e3],"z":100}',
        "x",
    ),
}


@pytest.mark.parametrize("name", REPEATED)
def test_a_field_that_stands_twice_is_refused_at_its_place(name: str) -> None:
    data, path = REPEATED[name]
    assert refusal(data) == f"{path}: expected each field once, found the same field twice"


def test_of_several_repetitions_the_outermost_and_first_is_named() -> None:
    twice = b'{"id":"a","score":0,"score":1}'
    criteria = b',"qa_evaluation":{"criteria":[' + twice + b"," + twice + b"]}"
    assert refusal(START + criteria + b"}").startswith("qa_evaluation.criteria[0].score: ")
    assert refusal(START + criteria + b',"queue":"a","queue":"b"}').startswith("queue: ")


def test_a_repetition_is_found_even_when_other_spellings_make_up_for_its_length() -> None:
    # What a decoder keeps of this, `{…,"x":[1000.0,1000.0]}`, is as long as the document.
    data = START + b',"x":0,"x":[1e3,1e3]}'
    kept = START + b',"x":[1000.0,1000.0]}'
    assert len(data) == len(kept)
    assert refusal(data) == "x: expected each field once, found the same field twice"


@pytest.mark.parametrize(
    ("passed", "verdict", "found"),
    [
        (True, "fail", "true"),
        (False, "pass", "false"),
        (True, "na", "true"),
        (False, "na", "false"),
        (True, "unscored", "true"),
        (False, "unscored", "false"),
    ],
)
def test_passed_and_verdict_must_not_contradict(passed: bool, verdict: str, found: str) -> None:
    criteria = [{"id": "a"}, {"id": "b", "passed": passed, "verdict": verdict}]
    assert refusal(line(qa_evaluation={"criteria": criteria})) == (
        f"qa_evaluation.criteria[1].passed: expected what the verdict '{verdict}' says, "
        f"found {found}"
    )


def test_a_criterion_stands_once() -> None:
    criteria = [{"id": "a"}, {"id": "b"}, {"id": "a"}]
    assert refusal(line(qa_evaluation={"criteria": criteria})) == (
        "qa_evaluation.criteria[2].id: expected each criterion once, found the same criterion twice"
    )


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"schema_version": "1.4"}, "schema_version: expected 1.2 or 1.3, found '1.4'"),
        ({"schema_version": "1.30"}, "schema_version: expected 1.2 or 1.3, found '1.30'"),
        ({"schema_version": 1.3}, "schema_version: expected text, found 1.3"),
        (
            {"tenant_id": "shared"},
            "tenant_id: expected a name that is not reserved, found 'shared'",
        ),
        (
            {"call_id": "../c1"},
            "call_id: expected 1 to 200 letters, digits, '.', '_' and '-', "
            "not starting with '.', found '../c1'",
        ),
        (
            {"call_date": "1969-12-31"},
            "call_date: expected a day from 1970 to 2999, found 1969-12-31",
        ),
        (
            {"call_date": "3000-01-01"},
            "call_date: expected a day from 1970 to 2999, found 3000-01-01",
        ),
        (
            {"summary_raw": "é" * (MAX_SUMMARY_RAW_BYTES // 2 + 1)},
            "summary_raw: expected at most 16384 bytes, found text of 8193 characters",
        ),
        (
            {"qa_evaluation": {}},
            "qa_evaluation: expected the field criteria, found an object with 0 fields",
        ),
        (
            {"qa_evaluation": {"criteria": [None]}},
            "qa_evaluation.criteria[0]: expected an object, found null",
        ),
        (
            {"call_started_at": 1762335000},
            "call_started_at: expected a time like 2025-11-05T09:30:00Z, "
            "found a number of 10 characters",
        ),
        (
            {"call_started_at": "20251105"},
            "call_started_at: expected a time like 2025-11-05T09:30:00Z, "
            "found text of 8 characters",
        ),
        (
            {"call_started_at": "0001-01-01T00:00:00+14:00"},
            "call_started_at: expected a time like 2025-11-05T09:30:00Z, "
            "found text of 25 characters",
        ),
    ],
)
def test_what_breaks_a_rule_of_the_contract_is_refused(fields: dict[str, Any], text: str) -> None:
    assert refusal(line(**fields)) == text


def test_a_raw_summary_may_have_as_many_bytes_as_the_contract_allows() -> None:
    assert read(summary_raw="é" * (MAX_SUMMARY_RAW_BYTES // 2)).summary_raw is not None


def test_a_document_may_have_as_many_bytes_as_the_contract_allows() -> None:
    data = START + b',"x":"' + b"a" * (MAX_DOCUMENT_BYTES - len(START) - 8) + b'"}'
    assert len(data) == MAX_DOCUMENT_BYTES
    assert decode_document(data).unknown_fields == 1
    assert refusal(data + b"\n") == "expected at most 16777216 bytes, found 16777217 bytes"


def test_a_document_that_we_wrote_may_not_have_more_bytes_either() -> None:
    short = decode_document(encode_document(FULL)).document
    size = len(encode_document(msgspec.structs.replace(short, queue="")))
    data = encode_document(
        msgspec.structs.replace(short, queue="a" * (MAX_DOCUMENT_BYTES - size + 1))
    )
    assert refusal(data) == "expected at most 16777216 bytes, found 16777217 bytes"
    assert decode_document(data[:-1]).document.queue is not None


def test_an_error_never_repeats_what_somebody_said() -> None:
    said = "My name is Kim and my number is 0170 123456"
    for fields in ({"call_date": said}, {"direction": said}, {"agent": said}, {"call_id": said}):
        assert "Kim" not in refusal(line(**fields))


# --- writing ------------------------------------------------------------------------------------


FULL = UnifiedDocument(
    schema_version="1.3",
    tenant_id="demo-tenant",
    call_id="c1",
    revision=3,
    call_date=dt.date(2025, 11, 5),
    call_date_source=CallDateSource.METADATA,
    call_started_at=dt.datetime(2025, 11, 4, 23, 30, tzinfo=dt.UTC),
    language_code="de-DE",
    duration_seconds=61.5,
    agent=Agent(agent_id="a-1", name="Kim", team="north"),
    queue="billing",
    direction="inbound",
    channel="voice",
    ai_summary=AiSummary(issue="Größe\n\t„x“", action_items=["a", "b"], tone_score=0),
    qa_evaluation=QaEvaluation(
        template_id="default",
        template_version=1,
        template_hash="0" * 32,
        criteria=[
            CriterionResult(
                id="a",
                passed=True,
                verdict=Verdict.PASS,
                score=1,
                evidence=[Evidence(quote="Hello", start_seconds=0, end_seconds=0.4)],
                evaluator=Evaluator.RULE,
            ),
            CriterionResult(id="b", verdict=Verdict.UNSCORED, required=False),
        ],
        total_score=1,
        max_score=1,
        percentage=100,
        passed=True,
        outcome="pass",
        reported=ReportedScore(percentage=71),
    ),
    review=Review(needed=True, reasons=["unscored_required:b"]),
    usage=Usage(audio_seconds=61.5, input_tokens=0),
    source=Source(pii_redacted=Redaction.MASKED, etag="e"),
)


def test_what_is_written_is_read_again() -> None:
    assert decode_document(encode_document(FULL)).document == FULL


@pytest.mark.parametrize(
    ("criteria", "text"),
    [
        (
            [CriterionResult(id="a", passed=True, verdict=Verdict.FAIL)],
            "qa_evaluation.criteria[0].passed: expected what the verdict 'fail' says, found true",
        ),
        (
            [CriterionResult(id="a", verdict=Verdict.PASS)] * 2,
            "qa_evaluation.criteria[1].id: expected each criterion once, found the same criterion "
            "twice",
        ),
    ],
    ids=["contradiction", "criterion twice"],
)
def test_what_is_spelled_as_it_would_be_written_is_held_to_the_same_rules(
    criteria: list[CriterionResult], text: str
) -> None:
    full = decode_document(encode_document(FULL)).document
    evaluation = msgspec.structs.replace(full.qa_evaluation, criteria=criteria)
    data = encode_document(msgspec.structs.replace(full, qa_evaluation=evaluation))
    assert encode_document(msgspec.json.decode(data, type=UnifiedDocument)) == data
    assert data.startswith(b'{"schema_version":"1.3"')
    assert refusal(data) == text


@pytest.mark.parametrize("year", [1969, 3000])
def test_a_time_that_cannot_be_meant_is_refused_in_what_we_wrote_too(year: int) -> None:
    moment = dt.datetime(year, 1, 1, tzinfo=dt.UTC)
    full = decode_document(encode_document(FULL)).document
    data = encode_document(msgspec.structs.replace(full, call_started_at=moment))
    assert encode_document(msgspec.json.decode(data, type=UnifiedDocument)) == data
    assert refusal(data) == (
        "call_started_at: expected a time like 2025-11-05T09:30:00Z, found text of 25 characters"
    )


def test_a_document_is_written_as_one_line_without_what_is_absent() -> None:
    document = UnifiedDocument(
        tenant_id="demo-tenant", call_id="c1", call_date=dt.date(2025, 11, 5), queue="a\nb"
    )
    assert encode_document(document) == (
        b'{"tenant_id":"demo-tenant","call_id":"c1","revision":1,"call_date":"2025-11-05",'
        b'"queue":"a\\nb"}\n'
    )


def test_a_time_is_written_in_utc_with_its_zone() -> None:
    assert b'"call_started_at":"2025-11-04T23:30:00Z"' in encode_document(FULL)
