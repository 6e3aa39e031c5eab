"""What a recording's own headers tell."""

from __future__ import annotations

import datetime as dt

import pytest

from cci_lite.contract.metadata import CallMetadata, ParsedMetadata
from cci_lite.pipeline.media import media_format_of, metadata_of_headers


@pytest.mark.parametrize(
    ("header", "name"),
    [
        # The S3 user guide's example of what was sent as raw UTF-8, ÄMÄZÕÑ S3, and comes back so.
        ("=?UTF-8?B?w4PChE3Dg8KEWsODwpXDg8KRIFMz?=", "ÄMÄZÕÑ S3"),
        ("=?UTF-8?B?TcO8bGxlcg==?=", "Müller"),
        ("=?utf-8?Q?M=C3=BCller?=", "Müller"),
        ("=?iso-8859-1?q?M=FCller?=", "Müller"),
        ("=?utf-8?q?Anna?= =?utf-8?q?_M=C3=BCller?=", "Anna Müller"),
        ("MÃ¼ller", "Müller"),
        ("Müller", "Müller"),
        ("Kim", "Kim"),
        ("a =? b", "a =? b"),
        # Nobody but its sender has encoded it, and nobody knows how it was meant.
        ("M%C3%BCller", "M%C3%BCller"),
    ],
)
def test_a_header_that_is_not_ascii_is_read_as_it_was_meant(header: str, name: str) -> None:
    assert metadata_of_headers({"agent-name": header}) == ParsedMetadata(
        CallMetadata(agent_name=name)
    )


@pytest.mark.parametrize("header", ["=?nope?B?TcO8?=", "=?UTF-8?B?/w==?="])
def test_an_encoded_word_that_cannot_be_read_is_left_out(header: str) -> None:
    parsed = metadata_of_headers({"agent-name": header, "queue": "billing"})
    assert parsed.metadata == CallMetadata(queue="billing")
    (problem,) = parsed.problems
    assert (problem.path, problem.expected) == ("agent_name", "words as of RFC 2047")


def test_an_encoded_word_that_hides_a_control_character_is_left_out() -> None:
    (problem,) = metadata_of_headers({"agent-id": "=?utf-8?q?a=00b?="}).problems
    assert problem.expected == "text without control characters"


def test_headers_of_others_are_left_alone_and_the_key_is_not_theirs_to_say() -> None:
    headers = {"colour": "=?nope?B?x?=", "recording-key": "x.wav", "Agent-ID": "a7"}
    assert metadata_of_headers(headers) == ParsedMetadata(CallMetadata(agent_id="a7"))


def test_of_headers_with_a_field_twice_nothing_is_taken() -> None:
    parsed = metadata_of_headers({"agent-id": "a1", "agent_id": "a2", "queue": "billing"})
    assert parsed.is_refused
    assert [problem.path for problem in parsed.problems] == ["agent_id"]


def test_a_time_without_an_offset_is_the_tenants() -> None:
    zone = dt.timezone(dt.timedelta(hours=2))
    parsed = metadata_of_headers({"started-at": "2025-11-05 09:30"}, zone)
    assert parsed.metadata.started_at == dt.datetime(2025, 11, 5, 7, 30, tzinfo=dt.UTC)


@pytest.mark.parametrize(
    ("key", "media_format"),
    [("t/calls/a.WAV", "wav"), ("t/calls/a.b.mp3", "mp3"), ("t/calls.wav/a", None), ("wav", None)],
)
def test_the_format_is_what_the_extension_names(key: str, media_format: str | None) -> None:
    assert media_format_of(key) == media_format
