"""Documents to rows: exactly these rows, and nested rows never with another call's columns."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cci_lite.contract.columns import TABLES, Column, ColumnType
from cci_lite.contract.form import Form
from cci_lite.contract.form_reading import parse_draft
from cci_lite.contract.limits import MAX_DOCUMENT_BYTES
from cci_lite.flatten.columns import table_of
from cci_lite.flatten.rows import Flattened, Flattener
from cci_lite.ports import SourceOutcome, StoredObject
from tests.small_lake import DAY, FORM, TENANT, document, form

Read = Callable[[], bytes]

NOW = dt.datetime(2025, 11, 7, 2, 0, 0, 987654, tzinfo=dt.UTC)
MODIFIED = dt.datetime(2025, 11, 6, 1, 2, 3, 456789, tzinfo=dt.UTC)
SECOND_VERSION: dict[str, Any] = {
    "criteria": [
        {"id": "close_03", "text": "Was it a friendly goodbye?", "weight": 2.5},
        {"id": "greet_01", "text": "Did the agent greet by name?", "weight": 0.1},
    ]
}
FORMS = [form(), parse_draft(SECOND_VERSION).as_version(2)]

# Everything that a document of version 1.3 can say.
RICH: dict[str, Any] = {
    "schema_version": "1.3",
    "tenant_id": TENANT,
    "call_id": "rich",
    "revision": 2,
    "call_date": "2025-11-05",
    "call_date_source": "metadata",
    "call_started_at": "2025-11-05T10:30:00.123987+01:00",
    "language_code": "en-GB",
    "duration_seconds": 61.5,
    "agent": {"agent_id": "a-7", "name": "Kim", "team": "north"},
    "queue": "billing",
    "direction": "outbound",
    "channel": "voice",
    "sentiment": {
        "ResultList": [
            {"Sentiment": "POSITIVE", "SentimentScore": {
                "Positive": 0.75, "Negative": 0.25, "Neutral": 0.0, "Mixed": 0.0}},
            {"Sentiment": "NEGATIVE"},
            {"Sentiment": "POSITIVE", "SentimentScore": {"Positive": 0.5, "Negative": 0.5}},
        ]
    },
    "key_phrases": {"ResultList": [
        {"KeyPhrases": []},
        {"KeyPhrases": [{"Text": "the bill", "Score": 0.9}, {"Text": "a refund"}]},
    ]},
    "entities": {"ResultList": [
        {"Entities": [{"Text": "Acme", "Type": "ORGANIZATION", "Score": 0.8}]},
        {"Entities": [{"Text": "May", "Type": "DATE"}]},
    ]},
    "ai_summary": {
        "issue": "Bill", "resolution": "Explained", "outcome": "Resolved",
        "action_items": ["Send bill", "Call back"], "tone_score": 73, "sentiment_summary": "Calm",
    },
    "qa_evaluation": {
        "template_id": "default",
        "template_version": 1,
        "criteria": [
            {"id": "close_03", "verdict": "na", "reason": "cut off"},
            {"id": "greet_01", "verdict": "pass", "confidence": 0.5, "evaluator": "rule",
             "evidence": [{"quote": "Hello", "start_seconds": 1.25}, {"quote": "Hi"}]},
            {"id": "confirm_02", "verdict": "fail", "evaluator": "human"},
        ],
        "reported": {"total_score": 1, "max_score": 1.5, "percentage": 66.7},
    },
    "review": {"needed": True, "reasons": ["low_confidence"]},
    "usage": {"audio_seconds": 61.5, "comprehend_units": 3, "input_tokens": 1000,
              "output_tokens": 200, "model_calls": 1},
    "source": {"pii_redacted": "masked", "pipeline_version": "1", "prompt_version": "p2",
               "model_id": "m3"},
    "novelty": 1,
}  # fmt: skip
LINEAGE = {
    "source_key": f"unified/{TENANT}/2025/11/05/rich.json",
    "source_etag": "e-rich",
    "etl_run_id": "run-1",
}
WHO = {
    "agent_id": "a-7",
    "agent_name": "Kim",
    "agent_team": "north",
    "queue": "billing",
    "direction": "outbound",
    "channel": "voice",
    "language_code": "en-GB",
}
STARTED = {"call_started_at": dt.datetime(2025, 11, 5, 9, 30, 0, 123000)}
TEMPLATE = {
    "template_id": "default",
    "template_version": 1,
    "template_hash": form().content_hash,
}


def flattener(forms: list[Form] | None = None) -> Flattener:
    by_name = {(form.name, form.version): form for form in forms or FORMS}
    return Flattener(TENANT, DAY, by_name, "run-1", NOW)


def stored(value: dict[str, Any], name: str | None = None) -> tuple[StoredObject, Read]:
    name = name or value["call_id"]
    data = json.dumps(value).encode()
    key = f"unified/{TENANT}/2025/11/05/{name}.json"
    return StoredObject(key, f"e-{name}", len(data), MODIFIED), lambda: data


def flattened(*values: dict[str, Any]) -> Flattened:
    return flattener().flatten(map(stored, values))


def flatten(*values: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    found = flattened(*values)
    assert [record.outcome for record in found.records] == [SourceOutcome.CALL] * len(values)
    return {name: table.to_pylist() for name, table in found.tables.items()}


def refusal(*documents: tuple[StoredObject, Read]) -> dict[str, Any]:
    """The quarantine of the only document."""
    found = flattener().flatten(documents)
    assert [record.outcome for record in found.records] == [SourceOutcome.QUARANTINED]
    [row] = found.tables["quarantined_documents"].to_pylist()
    return row


def test_a_call_row_says_all_that_its_document_says() -> None:
    assert flatten(RICH)["calls"] == [
        {
            "call_id": "rich",
            "revision": 2,
            "schema_version": "1.3",
            **STARTED,
            "call_date_source": "metadata",
            "duration_seconds": 61.5,
            **WHO,
            "sentiment": "POSITIVE",
            "sentiment_score": 0.25,
            "issue": "Bill",
            "resolution": "Explained",
            "issue_outcome": "Resolved",
            "tone_score": 73.0,
            "sentiment_summary": "Calm",
            **TEMPLATE,
            "qa_outcome": "fail",
            "qa_passed": False,
            "qa_total_score": 1.0,
            "qa_max_score": 1.5,
            "qa_percentage": 66.67,
            "qa_failed_required": None,
            "qa_criteria": 3,
            "qa_criteria_passed": 1,
            "qa_criteria_failed": 1,
            "qa_criteria_na": 1,
            "qa_criteria_unscored": 0,
            "qa_reported_total_score": 1.0,
            "qa_reported_max_score": 1.5,
            "qa_reported_percentage": 66.7,
            "qa_reported_differs": False,
            "needs_review": True,
            "review_reasons": "low_confidence",
            "pii_redacted": "masked",
            "audio_seconds": 61.5,
            "comprehend_units": 3,
            "input_tokens": 1000,
            "output_tokens": 200,
            "model_calls": 1,
            "model_id": "m3",
            "prompt_version": "p2",
            "pipeline_version": "1",
            "unknown_fields": 1,
            **LINEAGE,
        }
    ]


def test_criteria_rows_stand_in_the_forms_order_whatever_the_documents() -> None:
    repeated: dict[str, Any] = {**TEMPLATE, "qa_outcome": "fail", **STARTED, **WHO, **LINEAGE}
    unsaid = {
        "reason": None,
        "evidence": None,
        "evidence_at_seconds": None,
        "confidence": None,
        "evaluator": None,
    }
    judged: dict[str, dict[str, Any]] = {
        "pass": {"passed": True, "is_passed": 1, "is_failed": 0, "is_evaluated": 1},
        "fail": {"passed": False, "is_passed": 0, "is_failed": 1, "is_evaluated": 1},
        "na": {"passed": None, "is_passed": 0, "is_failed": 0, "is_evaluated": 0},
    }
    assert flatten(RICH)["qa_criteria"] == [
        {
            "call_id": "rich", "criterion_id": "greet_01", "position": 1,
            "question": "Did the agent greet?", "verdict": "pass", **judged["pass"],
            "score": 1.0, "weight": 1.0, "required": True, **unsaid,
            "evidence": "Hello", "evidence_at_seconds": 1.25, "confidence": 0.5,
            "evaluator": "rule", **repeated,
        },
        {
            "call_id": "rich", "criterion_id": "confirm_02", "position": 2,
            "question": "Did the agent confirm?", "verdict": "fail", **judged["fail"],
            "score": 0.0, "weight": 0.5, "required": False, **unsaid, "evaluator": "human",
            **repeated,
        },
        {
            "call_id": "rich", "criterion_id": "close_03", "position": 3,
            "question": "Did the agent say goodbye?", "verdict": "na", **judged["na"],
            "score": None, "weight": 1.0, "required": False, **unsaid, "reason": "cut off",
            **repeated,
        },
    ]  # fmt: skip


def test_lists_become_rows_with_segment_and_position() -> None:
    tables = flatten(RICH)
    of_call = {"call_id": "rich", **LINEAGE}
    assert tables["entities"] == [
        {**of_call, "segment": 1, "position": 1, "text": "Acme", "entity_type": "ORGANIZATION",
         "score": 0.8},
        {**of_call, "segment": 2, "position": 1, "text": "May", "entity_type": "DATE",
         "score": None},
    ]  # fmt: skip
    assert tables["key_phrases"] == [
        {**of_call, "segment": 2, "position": 1, "text": "the bill", "score": 0.9},
        {**of_call, "segment": 2, "position": 2, "text": "a refund", "score": None},
    ]
    assert tables["action_items"] == [
        {**of_call, "position": 1, "text": "Send bill"},
        {**of_call, "position": 2, "text": "Call back"},
    ]
    none = dict.fromkeys(("positive", "negative", "neutral", "mixed"))
    assert tables["sentiment_segments"] == [
        {**of_call, "segment": 1, "sentiment": "POSITIVE", "positive": 0.75, "negative": 0.25,
         "neutral": 0.0, "mixed": 0.0},
        {**of_call, "segment": 2, "sentiment": "NEGATIVE", **none},
        {**of_call, "segment": 3, "sentiment": "POSITIVE", **none, "positive": 0.5,
         "negative": 0.5},
    ]  # fmt: skip


def test_a_document_with_required_fields_only_is_a_call() -> None:
    tables = flatten({"tenant_id": TENANT, "call_id": "bare", "call_date": "2025-11-05"})
    assert tables.keys() == {"calls"}
    [row] = tables["calls"]
    said = {name: value for name, value in row.items() if value not in (None, 0)}
    assert said == {
        "call_id": "bare",
        "revision": 1,
        "schema_version": "1.2",
        "call_date_source": "document",
        "agent_id": "unknown",
        "qa_outcome": "none",
        "source_key": f"unified/{TENANT}/2025/11/05/bare.json",
        "source_etag": "e-bare",
        "etl_run_id": "run-1",
    }
    assert row["needs_review"] is False


def test_an_agent_without_an_id_is_unknown() -> None:
    [row] = flatten(document("call-1", agent={"name": "Kim"}))["calls"]
    assert (row["agent_id"], row["agent_name"]) == ("unknown", "Kim")


def test_a_required_criterion_without_a_verdict_asks_for_review_and_says_why_once() -> None:
    reasons = ["unscored_required:greet_01", "low_confidence"]
    [row] = flatten(
        document(
            "call-1", verdicts=(None, True, True), review={"needed": False, "reasons": reasons}
        )
    )["calls"]
    assert row["needs_review"] is True
    assert row["review_reasons"] == "unscored_required:greet_01,low_confidence"
    assert row["qa_outcome"] == "review"
    assert row["qa_passed"] is None


@pytest.mark.parametrize(
    ("written", "stored"),
    [
        ("2025-11-05T09:30:00.123999Z", dt.datetime(2025, 11, 5, 9, 30, 0, 123000)),
        ("2025-11-05T09:30:00+05:30", dt.datetime(2025, 11, 5, 4, 0)),
        ("2025-11-05T00:00:00Z", dt.datetime(2025, 11, 5)),
        ("1970-01-01T00:00:00.000999Z", dt.datetime(1970, 1, 1)),
        ("1970-01-01T00:00:00.001+14:00", dt.datetime(1969, 12, 31, 10, 0, 0, 1000)),
        ("1970-01-01T00:00:00.0005+00:01", dt.datetime(1969, 12, 31, 23, 59)),
        ("2999-12-31T23:59:59.999Z", dt.datetime(2999, 12, 31, 23, 59, 59, 999000)),
    ],
    ids=[
        "microseconds are cut", "zone", "midnight", "below a millisecond", "before 1970",
        "microseconds before 1970", "far ahead",
    ],
)  # fmt: skip
def test_moments_are_utc_in_whole_milliseconds(written: str, stored: dt.datetime) -> None:
    [row] = flatten(document("call-1", call_started_at=written))["calls"]
    assert row["call_started_at"] == stored


def result(label: str | None, positive: float | None = None, negative: float | None = None) -> Any:
    scores = {"Positive": positive, "Negative": negative}
    said = {name: score for name, score in scores.items() if score is not None}
    return ({"Sentiment": label} if label else {}) | {"SentimentScore": said}


@pytest.mark.parametrize(
    ("results", "expected"),
    [
        (None, (None, None)),
        ([], (None, None)),
        ([result(None)], (None, None)),
        ([result("NEUTRAL")], ("NEUTRAL", None)),
        ([result("POSITIVE"), result("NEGATIVE"), result("NEGATIVE")], ("NEGATIVE", None)),
        ([result("POSITIVE"), result("NEGATIVE")], ("MIXED", None)),
        ([result("NEUTRAL"), result("POSITIVE"), result("NEGATIVE")], ("MIXED", None)),
        ([result("MIXED"), result("MIXED"), result("POSITIVE")], ("MIXED", None)),
        ([result("POSITIVE", 1.0, 0.0), result("POSITIVE", 0.5, 0.5)], ("POSITIVE", 0.5)),
        ([result("POSITIVE", 1.0, 0.0), result("POSITIVE", 0.5)], ("POSITIVE", 1.0)),
        ([result(None, 0.0, 1.0), result("NEUTRAL")], ("NEUTRAL", -1.0)),
    ],
    ids=[
        "no sentiment", "no segments", "no label", "one", "most frequent", "two level",
        "three level", "mixed", "mean of scores", "half a score is none", "score without label",
    ],
)  # fmt: skip
def test_the_overall_sentiment(
    results: list[dict[str, Any]] | None, expected: tuple[str | None, float | None]
) -> None:
    sentiment = None if results is None else {"ResultList": results}
    [row] = flatten(document("call-1") | {"sentiment": sentiment})["calls"]
    assert (row["sentiment"], row["sentiment_score"]) == expected


def test_versions_of_a_form_in_one_batch_keep_their_own_words_and_weights() -> None:
    second = document("call-2", qa_template_version=2)
    second["qa_evaluation"] = {
        "criteria": [{"id": "greet_01", "passed": False}, {"id": "close_03", "passed": True}]
    }
    tables = flatten(document("call-1"), second, document("call-3", verdicts=(True, True, True)))
    rows = [
        (row["call_id"], row["template_version"], row["position"], row["criterion_id"],
         row["weight"], row["score"], row["question"])
        for row in tables["qa_criteria"]
    ]  # fmt: skip
    first_words = [criterion["text"] for criterion in FORM["criteria"]]
    assert rows == [
        ("call-1", 1, 1, "greet_01", 1.0, 1.0, first_words[0]),
        ("call-1", 1, 2, "confirm_02", 0.5, 0.0, first_words[1]),
        ("call-1", 1, 3, "close_03", 1.0, None, first_words[2]),
        ("call-2", 2, 1, "close_03", 2.5, 2.5, "Was it a friendly goodbye?"),
        ("call-2", 2, 2, "greet_01", 0.1, 0.0, "Did the agent greet by name?"),
        ("call-3", 1, 1, "greet_01", 1.0, 1.0, first_words[0]),
        ("call-3", 1, 2, "confirm_02", 0.5, 0.5, first_words[1]),
        ("call-3", 1, 3, "close_03", 1.0, 1.0, first_words[2]),
    ]


def test_a_document_that_breaks_the_contract_leaves_no_row_but_its_quarantine() -> None:
    bad = document("call-2")
    bad["qa_evaluation"]["criteria"].append({"id": "other_09"})
    found = flattened(document("call-1"), bad)
    tables = found.tables
    assert [(record.outcome, record.call_id) for record in found.records] == [
        (SourceOutcome.CALL, "call-1"),
        (SourceOutcome.QUARANTINED, None),
    ]
    for name in ("calls", "qa_criteria", "entities", "key_phrases", "sentiment_segments"):
        assert set(tables[name]["call_id"].to_pylist()) == {"call-1"}
    key = f"unified/{TENANT}/2025/11/05/call-2.json"
    assert tables["quarantined_documents"].to_pylist() == [
        {
            "source_key": key,
            "source_etag": "e-call-2",
            "source_bytes": len(json.dumps(bad)),
            "source_modified_at": dt.datetime(2025, 11, 6, 1, 2, 3, 456000),
            "json_path": "qa_evaluation.criteria[3].id",
            "expected": "a criterion of default v1",
            "found": "'other_09'",
            "quarantine_key": key.replace("unified", "quarantine"),
            "quarantined_at": dt.datetime(2025, 11, 7, 2, 0, 0, 987000),
            "etl_run_id": "run-1",
        }
    ]


@pytest.mark.parametrize(
    ("fields", "path", "expected", "found"),
    [
        (
            {"tenant_id": "other-tenant"},
            "tenant_id",
            "'demo-tenant', as in the key",
            "another tenant",
        ),
        ({"call_id": "other"}, "call_id", "the file's name without .json", "another id"),
        ({"call_date": "2025-11-04"}, "call_date", "2025-11-05, as in the key", "2025-11-04"),
    ],
    ids=["tenant", "call", "day"],
)
def test_a_document_must_say_what_its_key_says(
    fields: dict[str, str], path: str, expected: str, found: str
) -> None:
    row = refusal(stored(document("call-1") | fields, "call-1"))
    assert (row["json_path"], row["expected"], row["found"]) == (path, expected, found)


@pytest.mark.parametrize(
    ("more", "outcome"), [(0, SourceOutcome.CALL), (1, SourceOutcome.QUARANTINED)]
)
def test_a_document_is_read_up_to_the_largest_size_and_no_further(
    more: int, outcome: SourceOutcome
) -> None:
    data = json.dumps(document("call-1")).encode()
    key = f"unified/{TENANT}/2025/11/05/call-1.json"
    read: list[str] = []
    source = StoredObject(key, "e", MAX_DOCUMENT_BYTES + more, MODIFIED)
    found = flattener().flatten([(source, lambda: read.append(key) or data)])
    assert [record.outcome for record in found.records] == [outcome]
    assert len(read) == 1 - more


@pytest.mark.parametrize("written", [7, 5, 4, 3])
def test_a_day_up_to_two_days_ahead_of_the_writing_is_believed(written: int) -> None:
    """Somewhere it is the next day already, and clocks differ."""
    [record] = flattener().flatten([_written_on(written)]).records
    assert record.outcome is SourceOutcome.CALL


@pytest.mark.parametrize("written", [1, 2])
def test_a_day_further_ahead_of_the_writing_is_quarantined(written: int) -> None:
    row = refusal(_written_on(written))
    assert (row["json_path"], row["expected"], row["found"]) == (
        "call_date",
        f"at the latest two days after the document was written (2025-11-0{written})",
        "2025-11-05",
    )


def _written_on(written: int) -> tuple[StoredObject, Read]:
    """A document of 5 November that was written on this day of that month."""
    data = json.dumps(document("call-1")).encode()
    moment = dt.datetime(2025, 11, written, 23, 59, 59, tzinfo=dt.UTC)
    source = StoredObject(f"unified/{TENANT}/2025/11/05/call-1.json", "e", len(data), moment)
    return source, lambda: data


def test_nothing_gives_no_tables() -> None:
    assert flattened() == Flattened({}, [])


counts = st.lists(st.integers(0, 3), max_size=3)
documents = st.fixed_dictionaries(
    {
        "entities": counts,
        "key_phrases": counts,
        "items": st.integers(0, 3),
        "segments": st.integers(0, 3),
        "judged": st.sampled_from([None, 1, 2]),
        "broken": st.booleans(),
    }
)


def made(name: str, shape: dict[str, Any]) -> dict[str, Any]:
    """A document with so many things in each list, all of them labelled with its name."""
    value: dict[str, Any] = {
        "tenant_id": TENANT,
        "call_id": name,
        "call_date": "2025-11-05",
        "agent": {"agent_id": f"agent of {name}"},
        "entities": {
            "ResultList": [{"Entities": [{"Text": name}] * count} for count in shape["entities"]]
        },
        "key_phrases": {
            "ResultList": [
                {"KeyPhrases": [{"Text": name}] * count} for count in shape["key_phrases"]
            ]
        },
        "sentiment": {"ResultList": [{"Sentiment": "NEUTRAL"}] * shape["segments"]},
        "ai_summary": {"action_items": [name] * shape["items"]},
    }
    if shape["judged"]:
        form = FORM if shape["judged"] == 1 else SECOND_VERSION
        value["qa_evaluation"] = {
            "template_version": shape["judged"],
            "criteria": [
                {"id": criterion["id"], "passed": True, "reason": name}
                for criterion in form["criteria"]
            ],
        }
    if shape["broken"]:
        value["duration_seconds"] = "long"
    return value


@given(st.lists(documents, max_size=12))
def test_every_nested_row_has_the_columns_of_its_own_call(shapes: list[dict[str, Any]]) -> None:
    found = flattened(*(made(f"call-{number}", shape) for number, shape in enumerate(shapes)))
    tables = {name: table.to_pylist() for name, table in found.tables.items()}
    whole = {f"call-{number}": shape for number, shape in enumerate(shapes) if not shape["broken"]}

    expected: dict[str, Counter[str]] = {
        "calls": Counter(whole.keys()),
        "entities": Counter({name: sum(shape["entities"]) for name, shape in whole.items()}),
        "key_phrases": Counter({name: sum(shape["key_phrases"]) for name, shape in whole.items()}),
        "action_items": Counter({name: shape["items"] for name, shape in whole.items()}),
        "sentiment_segments": Counter({name: shape["segments"] for name, shape in whole.items()}),
        "qa_criteria": Counter(
            {name: {None: 0, 1: 3, 2: 2}[shape["judged"]] for name, shape in whole.items()}
        ),
    }
    for table_name, counts in expected.items():
        rows = tables.get(table_name, [])
        assert Counter(row["call_id"] for row in rows) == +counts
        for row in rows:
            assert row["source_key"].endswith(f"/{row['call_id']}.json")
            assert row["source_etag"] == f"e-{row['call_id']}"
    for table_name in ("entities", "key_phrases", "action_items"):
        assert all(row["text"] == row["call_id"] for row in tables.get(table_name, []))
    for row in tables.get("qa_criteria", []):
        assert row["reason"] == row["call_id"]
        assert row["agent_id"] == f"agent of {row['call_id']}"
        assert row["template_version"] == whole[row["call_id"]]["judged"]
    assert len(tables.get("quarantined_documents", [])) == len(shapes) - len(whole)


# --- declared columns and their values ------------------------------------------------------------


@pytest.mark.parametrize("table_name", ["calls", "qa_criteria", "entities"])
def test_a_declared_column_without_a_value_is_named(
    table_name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = TABLES[table_name]
    added = Column("novelty", ColumnType.BIGINT, "What nobody computes.")
    monkeypatch.setitem(TABLES, table_name, replace(table, columns=(*table.columns, added)))
    with pytest.raises(ValueError, match="novelty") as caught:
        flattened(RICH)
    assert str(caught.value) == (
        f"{table_name}: expected the columns of contract/columns.py, found no value for novelty; "
        "see the modules of flatten/"
    )


def test_a_value_without_a_declared_column_is_named() -> None:
    columns = {name: [None] for name in (*TABLES["calls"].column_names, "novelty")}
    with pytest.raises(ValueError, match="found a value for novelty, which is not declared;"):
        table_of("calls", columns)


def test_a_tenant_without_forms_has_calls_that_nobody_judged() -> None:
    rows = Flattener(TENANT, DAY, {}, "run-1", NOW)
    found = rows.flatten([stored(document("call-1") | {"qa_evaluation": None})])
    [row] = found.tables["calls"].to_pylist()
    assert (row["qa_outcome"], row["template_id"], row["template_version"]) == ("none", None, None)


def test_what_a_tenant_without_forms_has_judged_is_refused() -> None:
    evaluation = document("call-1")["qa_evaluation"] | {
        "template_id": "default", "template_version": 1, "template_hash": form().content_hash,
    }  # fmt: skip
    judged = document("call-1") | {"qa_evaluation": evaluation}
    found = Flattener(TENANT, DAY, {}, "run-1", NOW).flatten([stored(judged)])
    [row] = found.tables["quarantined_documents"].to_pylist()
    assert (row["json_path"], row["expected"], row["found"]) == (
        "qa_evaluation.template_id",
        "a form of this tenant (add it with: cci-lite forms put)",
        "'default' v1",
    )
