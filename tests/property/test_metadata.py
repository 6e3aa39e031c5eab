"""Properties of metadata: any input is read, set aside with its field, or refused."""

from __future__ import annotations

import contextlib
import datetime as dt
import unicodedata
import zoneinfo
from pathlib import Path
from typing import Any

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from cci_lite.contract.metadata import (
    MAX_TEXT,
    METADATA_FIELDS,
    CallMetadata,
    parse_metadata,
    possible,
)
from cci_lite.errors import UsageError
from cci_lite.local.metadata import read_metadata
from cci_lite.pipeline.media import metadata_of_headers

BERLIN = zoneinfo.ZoneInfo("Europe/Berlin")
NOON = dt.datetime(2025, 11, 5, 12, tzinfo=dt.UTC)

text = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
moments = st.datetimes(dt.datetime(1969, 1, 1), dt.datetime(3001, 1, 1)).map(str)
values = st.one_of(
    text,
    moments,
    moments.map(lambda moment: moment + "+05:30"),
    st.sampled_from(["INBOUND", "TRANSFER", "de_de", "4711.0", "4.7E+12", " a-1 ", "x" * 201]),
    st.none() | st.booleans() | st.integers() | st.floats(),
    st.lists(st.integers(), max_size=2),
)
rows = st.dictionaries(st.sampled_from(METADATA_FIELDS), values, max_size=9)


@given(row=rows)
def test_each_value_is_read_by_itself(row: dict[str, Any]) -> None:
    parsed = parse_metadata(row, BERLIN)
    alone = {field: parse_metadata({field: value}, BERLIN) for field, value in row.items()}
    for field in METADATA_FIELDS:
        read = alone[field].metadata if field in row else CallMetadata()
        assert getattr(parsed.metadata, field) == getattr(read, field)
    assert [*map(str, parsed.problems)] == [
        str(problem) for each in alone.values() for problem in each.problems
    ]


@given(row=rows)
def test_what_was_read_is_clean_and_reads_as_itself(row: dict[str, Any]) -> None:
    metadata = parse_metadata(row, BERLIN).metadata
    given = msgspec.to_builtins(metadata)
    again = parse_metadata(given)
    assert (again.metadata, again.problems) == (metadata, ())
    for field, value in given.items():
        assert value == value.strip()
        assert not any(unicodedata.category(character) == "Cc" for character in value)
        assert field == "recording_key" or len(value) <= MAX_TEXT


@given(row=rows)
def test_no_problem_repeats_what_was_told(row: dict[str, Any]) -> None:
    secret = "Erika Mustermann"
    for problem in parse_metadata({**row, "direction": secret, "language_code": secret}).problems:
        assert "Erika" not in str(problem)


@given(row=rows)
def test_what_is_left_of_a_start_is_possible(row: dict[str, Any]) -> None:
    left = possible(parse_metadata(row, BERLIN), NOON)
    assert possible(left, NOON) == left
    started_at = left.metadata.started_at
    assert started_at is None or abs(started_at - NOON) <= dt.timedelta(days=366)


@given(headers=st.dictionaries(st.sampled_from(METADATA_FIELDS) | text, text, max_size=5))
def test_any_headers_are_read(headers: dict[str, str]) -> None:
    metadata_of_headers({name: f"=?utf-8?q?{value}?=" for name, value in headers.items()}, BERLIN)
    metadata_of_headers(headers, BERLIN)


pieces = st.sampled_from(
    [
        "job_name",
        "agent_id",
        "x",
        '"',
        ",",
        ";",
        "\t",
        "\n",
        "\r\n",
        " ",
        "=",
        "\ufeff",
        "{",
        "}",
        "ä",
    ]
)


@given(
    data=st.binary(max_size=40)
    | st.lists(pieces, max_size=20).map(lambda each: "".join(each).encode()),
    name=st.sampled_from(["calls.csv", "calls.json", "calls.jsonl", "calls"]),
)
def test_any_file_is_read_or_refused(tmp_path_factory: Any, data: bytes, name: str) -> None:
    path: Path = tmp_path_factory.getbasetemp() / name
    path.write_bytes(data)
    with contextlib.suppress(UsageError):
        read_metadata("demo-tenant", path, BERLIN)
