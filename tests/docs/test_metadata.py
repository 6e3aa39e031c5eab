"""docs/metadata.md agrees with the code that reads metadata."""

from __future__ import annotations

import datetime as dt
import re
import zoneinfo
from pathlib import Path

import pytest

from cci_lite.contract.metadata import (
    CLOCK_TOLERANCE,
    LONGEST_BEFORE_UPLOAD,
    MAX_TEXT,
    METADATA_FIELDS,
    parse_metadata,
)

PAGE = (Path(__file__).parents[2] / "docs" / "metadata.md").read_text(encoding="utf-8")
ROWS = {
    field: line
    for line in PAGE.splitlines()
    if line.startswith("| `")
    for field in re.findall(r"`(\w+)`", line.split("|")[1])
}
DIRECTIONS = re.findall(r"`([A-Za-z_]{2,})`", ROWS["direction"].split("|")[3])


def test_every_field_is_described() -> None:
    assert {*ROWS} == {*METADATA_FIELDS}


def test_the_bounds_are_those_of_the_reader() -> None:
    assert f"at most {CLOCK_TOLERANCE // dt.timedelta(minutes=1)} minutes after" in PAGE
    assert f"at most {LONGEST_BEFORE_UPLOAD.days} days before" in PAGE
    assert f"at most {MAX_TEXT} characters" in PAGE


@pytest.mark.parametrize("word", [word for word in DIRECTIONS if word != "InitiationMethod"])
def test_every_word_for_a_direction_is_one(word: str) -> None:
    assert parse_metadata({"direction": word}).problems == ()


@pytest.mark.parametrize("text", re.findall(r"`(2025-[^`]+)`", ROWS["started_at"]))
def test_every_time_that_is_shown_is_read(text: str) -> None:
    parsed = parse_metadata({"started_at": text}, zoneinfo.ZoneInfo("Europe/Berlin"))
    assert parsed.metadata.started_at == dt.datetime(2025, 11, 5, 9, 30, tzinfo=dt.UTC)
