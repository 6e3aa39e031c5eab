"""Metadata of a call from a telephony platform, in its many spellings."""

from __future__ import annotations

import datetime as dt
import zoneinfo
from typing import Any

import pytest

from cci_lite.contract.metadata import (
    CLOCK_TOLERANCE,
    LONGEST_BEFORE_UPLOAD,
    METADATA_FIELDS,
    CallMetadata,
    ParsedMetadata,
    near_miss,
    parse_metadata,
    past,
    possible,
)
from cci_lite.contract.reading import read_json
from cci_lite.errors import ContractError

BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")
NOON = dt.datetime(2025, 11, 5, 12, tzinfo=dt.UTC)
A_TIME = "started_at: expected a time like 2025-11-05T09:30:00Z, found"


def read(field: str, value: Any, zone: dt.tzinfo | None = None) -> Any:
    """The value of a field that was read without a problem."""
    parsed = parse_metadata({field: value}, zone)
    assert parsed.problems == ()
    return getattr(parsed.metadata, field)


def problem(field: str, value: Any, zone: dt.tzinfo | None = None) -> str:
    """Why a value was put aside."""
    parsed = parse_metadata({field: value}, zone)
    assert parsed.metadata == CallMetadata()
    (found,) = parsed.problems
    return str(found)


def test_a_row_becomes_metadata_and_what_is_not_listed_is_named() -> None:
    row = {
        "job_name": "x",
        "recording_key": "demo-tenant/calls/x.wav",
        "started_at": "2025-11-05T00:30:00+01:00",
        "agent_id": "a-17",
        "queue": "billing",
        "direction": "inbound",
        "shoe_size": "43",
    }
    assert parse_metadata(row) == ParsedMetadata(
        CallMetadata(
            recording_key="demo-tenant/calls/x.wav",
            started_at=dt.datetime(2025, 11, 4, 23, 30, tzinfo=dt.UTC),
            agent_id="a-17",
            queue="billing",
            direction="inbound",
        ),
        unknown=("job_name", "shoe_size"),
    )


@pytest.mark.parametrize(
    "name", ["agent_id", " agent_id ", "Agent_ID", "agent-id", "Agent ID", "\ufeffagent_id\u00a0"]
)
def test_blanks_case_and_hyphens_of_names_do_not_count(name: str) -> None:
    assert parse_metadata({name: "a-1"}) == ParsedMetadata(CallMetadata(agent_id="a-1"))


def test_names_that_are_no_fields_are_told_as_they_were_given() -> None:
    assert parse_metadata({" agent": "Kim", "agentId": "1", "": 2}).unknown == (
        "agent",
        "agentId",
        "",
    )


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("agent", "agent_id"),
        ("agentid", "agent_id"),
        ("Agent-Nam", "agent_name"),
        ("start", "started_at"),
        ("start_time", "started_at"),
        ("language", "language_code"),
        ("queue_name", "queue"),
        ("team", "agent_team"),
        ("customer_id", None),
        ("batch_id", None),
        ("crm_case", None),
        ("colour", None),
        ("id", None),
        ("call_date", None),
        ("", None),
    ],
)
def test_a_name_close_to_a_field_is_likely_to_be_meant_for_it(name: str, meant: str | None) -> None:
    assert near_miss(name, METADATA_FIELDS) == meant


def test_a_field_that_is_there_is_not_what_another_name_is_meant_for() -> None:
    assert near_miss("agent", ["agent_name", "queue"]) == "agent_name"


@pytest.mark.parametrize("again", ["agent_id ", "AGENT_ID", "agent-id"])
def test_a_field_that_stands_twice_is_refused_however_it_is_spelled(again: str) -> None:
    with pytest.raises(ContractError) as caught:
        parse_metadata({"agent_id": "a-1", again: "a-2"})
    assert str(caught.value) == "agent_id: expected each field once, found the same field twice"


def test_one_bad_value_does_not_lose_the_others() -> None:
    parsed = parse_metadata(
        {"started_at": "yesterday", "agent_id": True, "direction": "sideways", "queue": " billing "}
    )
    assert parsed.metadata == CallMetadata(queue="billing")
    assert [each.path for each in parsed.problems] == ["started_at", "agent_id", "direction"]
    assert not parsed.is_refused


@pytest.mark.parametrize("nothing", ["", "  ", "\u00a0", None, "NULL", "null", r"\N"])
def test_nothing_is_absent_however_it_is_written(nothing: str | None) -> None:
    row = dict.fromkeys(("agent_id", "queue", "started_at", "direction"), nothing)
    assert parse_metadata(row) == ParsedMetadata()


def test_null_is_a_valid_name_of_a_person() -> None:
    assert read("agent_name", "Null") == "Null"


# --- text and ids ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("value", "agent_id"),
    [
        (" a-17\u00a0", "a-17"),
        (4711, "4711"),
        (0, "0"),
        (4711.0, "4711"),
        ("4711.0", "4711"),
        ("0007", "0007"),
        ("1.10", "1.10"),
        ("12e", "12e"),
    ],
    ids=repr,
)
def test_an_id_is_what_its_platform_writes(value: Any, agent_id: str) -> None:
    assert read("agent_id", value) == agent_id


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (True, "text or a whole number, found true"),
        (4711.5, "text or a whole number, found 4711.5"),
        (float("nan"), "text or a whole number, found nan"),
        (10**400, "text or a whole number, found a huge number"),
        (1e300, "text or a whole number, found 1e+300"),
        (2.0**53 + 2, "text or a whole number, found a number of 10 characters"),
        (10**250, "text of at most 200 characters, found text of 251 characters"),
        (["a-1"], "text or a whole number, found a list of 1"),
        ({"id": 1}, "text or a whole number, found an object with 1 field"),
        ("4.71E+15", "an id as its platform writes it, found a number that was rounded"),
        ("4,71E+15", "an id as its platform writes it, found a number that was rounded"),
        ("#N/A", "text, found an error of a spreadsheet"),
        ("a\0b", "text without control characters, found text of 3 characters"),
        ("a\nb", "text without control characters, found text of 3 characters"),
        ("x" * 201, "text of at most 200 characters, found text of 201 characters"),
    ],
    ids=lambda value: repr(value)[:12],
)
def test_what_cannot_be_an_id_is_left_out(value: Any, text: str) -> None:
    assert problem("agent_id", value) == f"agent_id: expected {text}"


@pytest.mark.parametrize("field", ["agent_name", "agent_team", "queue", "channel"])
def test_text_may_be_a_number_and_is_not_endless(field: str) -> None:
    assert read(field, 4) == "4"
    assert "at most 200 characters" in problem(field, "x" * 201)


# --- words ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("word", "direction"),
    [
        ("inbound", "inbound"),
        ("INBOUND", "inbound"),
        ("Inbound", "inbound"),
        (" in ", "inbound"),
        ("incoming", "inbound"),
        ("WEBRTC_API", "inbound"),
        ("OUTBOUND", "outbound"),
        ("Out", "outbound"),
        ("EXTERNAL_OUTBOUND", "outbound"),
        ("external-outbound", "outbound"),
        ("CALLBACK", "outbound"),
        ("TRANSFER", None),
        ("QUEUE_TRANSFER", None),
        ("API", None),
        ("DISCONNECT", None),
        ("MONITOR", None),
        ("AGENT_REPLY", None),
        ("FLOW", None),
    ],
)
def test_words_of_telephony_platforms_say_who_called_or_do_not(
    word: str, direction: str | None
) -> None:
    assert read("direction", word) == direction


@pytest.mark.parametrize("word", ["sideways", "inboundish", "1", "INBOUND,OUTBOUND"])
def test_a_direction_is_never_guessed(word: str) -> None:
    assert problem("direction", word).startswith("direction: expected inbound or outbound, found ")


@pytest.mark.parametrize("given", ["de-DE", "de-de", "DE_de", " de-DE "])
def test_a_language_is_spelled_as_transcribe_spells_it(given: str) -> None:
    assert read("language_code", given) == "de-DE"


@pytest.mark.parametrize("given", ["de", "xx-XX", "German", "de-DE-1996"])
def test_a_language_with_which_the_call_would_be_refused_is_left_out(given: str) -> None:
    expected = "language_code: expected a language of batch transcription, like en-US or de-DE, "
    assert problem("language_code", given).startswith(expected)


# --- times ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    [
        "2025-11-05T09:30:00Z",
        "2025-11-05t09:30:00z",
        "2025-11-05 09:30Z",
        "2025-11-05 09:30:00 UTC",
        "2025-11-05T10:30:00+01:00",
        "2025-11-05T10:30+0100",
        "2025-11-05 10:30:00 +01",
        "2025-11-05T09:30:00.000Z",
    ],
)
def test_a_time_with_its_offset_is_a_moment_in_utc(text: str) -> None:
    moment = read("started_at", text, BERLIN)
    assert moment == dt.datetime(2025, 11, 5, 9, 30, tzinfo=dt.UTC)
    assert moment.utcoffset() == dt.timedelta(0)


@pytest.mark.parametrize("text", ["2025-11-05 10:30", "2025-11-05T10:30:00"])
def test_a_time_without_an_offset_is_one_of_the_zone_that_is_given(text: str) -> None:
    assert read("started_at", text, BERLIN) == dt.datetime(2025, 11, 5, 9, 30, tzinfo=dt.UTC)
    assert problem("started_at", text).startswith("started_at: expected a time with its zone, like")


@pytest.mark.parametrize("text", ["2025-10-26 02:30", "2025-03-30 02:30"], ids=["twice", "never"])
def test_a_time_at_which_clocks_were_changed_needs_its_offset(text: str) -> None:
    assert problem("started_at", text, BERLIN) == (
        "started_at: expected a time with its offset, like 2025-11-05T09:30:00+01:00, "
        "found one at which the clocks were changed"
    )
    assert read("started_at", f"{text}+02:00", BERLIN) is not None


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("2025-11-05", "a day alone"),
        ("05.11.2025 09:30", "text of 16 characters"),
        ("11/05/2025 09:30", "text of 16 characters"),
        ("20251105", "text of 8 characters"),
        ("45966.39", "text of 8 characters"),
        ("1762335000", "text of 10 characters"),
        (1762335000, "a number of 10 characters"),
        (5, "5"),
        (True, "true"),
        ("2025-13-05 09:30", "text of 19 characters"),
        ("1970-01-01 00:30", "text of 25 characters"),
        ("2999-12-31T23:30:00-01:00", "text of 25 characters"),
        ("0001-01-01T00:00:00+14:00", "text of 25 characters"),
        ("9999-12-31T23:59:59-14:00", "text of 25 characters"),
    ],
    ids=str,
)
def test_what_is_no_time_or_more_than_one_is_left_out(value: Any, found: str) -> None:
    assert problem("started_at", value, BERLIN) == f"{A_TIME} {found}"


def started(at: dt.datetime) -> ParsedMetadata:
    return ParsedMetadata(CallMetadata(started_at=at, agent_id="a-1"))


@pytest.mark.parametrize(
    ("at", "expected"),
    [
        (NOON + CLOCK_TOLERANCE, None),
        (NOON + CLOCK_TOLERANCE + dt.timedelta(seconds=1), "at most 15 minutes after the upload"),
        (NOON + dt.timedelta(days=30), "at most 15 minutes after the upload"),
        (NOON - LONGEST_BEFORE_UPLOAD, None),
        (
            NOON - LONGEST_BEFORE_UPLOAD - dt.timedelta(seconds=1),
            "at most 366 days before the upload",
        ),
        (dt.datetime(1970, 1, 1, tzinfo=dt.UTC), "at most 366 days before the upload"),
    ],
    ids=["a clock", "beyond a clock", "next month", "an archive", "beyond an archive", "1970"],
)
def test_a_call_starts_before_its_upload_and_not_long_before(
    at: dt.datetime, expected: str | None
) -> None:
    parsed = possible(started(at), NOON)
    assert parsed.metadata.agent_id == "a-1"
    assert (parsed.metadata.started_at is None) == bool(expected)
    assert [each.expected for each in parsed.problems] == (
        [f"a time {expected}"] if expected else []
    )


def test_a_call_that_is_still_to_come_has_not_started() -> None:
    assert past(started(NOON - dt.timedelta(days=5000)), NOON).problems == ()
    (problem,) = past(started(NOON + dt.timedelta(days=1)), NOON).problems
    assert str(problem) == (
        "started_at: expected a time at most 15 minutes after now, found a later one"
    )


@pytest.mark.parametrize("number", [2**53, 2**53 + 1, 2**64 + 1, 10**30 + 1, -(2**53) - 1])
def test_a_whole_number_in_json_is_the_id_that_it_spells(number: int) -> None:
    value = read_json(b'{"agent_id": %d}' % number)
    assert isinstance(value, dict)
    told = parse_metadata(value)
    assert (told.metadata.agent_id, told.problems) == (str(number), ())
