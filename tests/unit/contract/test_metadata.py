"""What a telephony platform knows about a call."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from cci_lite.contract.metadata import CallMetadata, parse_metadata
from cci_lite.errors import ContractError


def test_a_row_becomes_metadata_and_what_is_not_listed_is_left_alone() -> None:
    row = {
        "job_name": "x",
        "recording_key": "demo-tenant/calls/x.wav",
        "started_at": "2025-11-05T00:30:00+01:00",
        "agent_id": "a-17",
        "queue": "billing",
        "direction": "inbound",
        "shoe_size": "43",
    }
    assert parse_metadata(row) == CallMetadata(
        recording_key="demo-tenant/calls/x.wav",
        started_at=dt.datetime(2025, 11, 4, 23, 30, tzinfo=dt.UTC),
        agent_id="a-17",
        queue="billing",
        direction="inbound",
    )


def test_a_start_is_kept_in_utc() -> None:
    started_at = parse_metadata({"started_at": "2025-11-05T00:30:00+01:00"}).started_at
    assert started_at is not None
    assert started_at.utcoffset() == dt.timedelta(0)


def test_empty_text_and_null_are_absent() -> None:
    assert parse_metadata({"agent_id": "", "queue": None, "started_at": ""}) == CallMetadata()


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        (
            {"direction": "in"},
            "direction: expected inbound or outbound, found text of 2 characters",
        ),
        (
            {"started_at": "05.11.2025 09:30"},
            "started_at: expected a time like 2025-11-05T09:30:00Z, found text of 16 characters",
        ),
        (
            {"started_at": "2025-11-05T09:30:00"},
            "started_at: expected a time with its zone, like 2025-11-05T09:30:00Z, "
            "found text of 19 characters",
        ),
        (
            {"started_at": "20251105"},
            "started_at: expected a time like 2025-11-05T09:30:00Z, found text of 8 characters",
        ),
        (
            {"started_at": 1762335000},
            "started_at: expected a time like 2025-11-05T09:30:00Z, "
            "found a number of 10 characters",
        ),
        (
            {"started_at": "0001-01-01T00:00:00+14:00"},
            "started_at: expected a time like 2025-11-05T09:30:00Z, found text of 25 characters",
        ),
        (
            {"started_at": "9999-12-31T23:59:59-14:00"},
            "started_at: expected a time like 2025-11-05T09:30:00Z, found text of 25 characters",
        ),
        (
            {"agent_id": "x" * 201},
            "agent_id: expected text of at most 200 characters, found text of 201 characters",
        ),
    ],
    ids=str,
)
def test_metadata_that_is_wrong_is_named_with_its_field(fields: dict[str, Any], text: str) -> None:
    with pytest.raises(ContractError) as caught:
        parse_metadata(fields)
    assert str(caught.value) == text
