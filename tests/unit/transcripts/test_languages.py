"""The language of a call in which several are spoken, in both batch layouts and Call Analytics."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cci_lite.contract.tenant import Audio
from cci_lite.transcripts import read_transcript


def share(code: str, seconds: object) -> dict[str, object]:
    return {"language_code": code, "duration_in_seconds": seconds}


def item(code: str | None, content: str = "x") -> dict[str, Any]:
    times = {"start_time": "0", "end_time": "1"}
    language = {} if code is None else {"language_code": code}
    alternatives = [{"content": content}]
    return {"type": "pronunciation", "alternatives": alternatives, **times, **language}


def language_of(**results: Any) -> str | None:
    value = {"jobName": "x", "status": "COMPLETED", "results": {"items": [], **results}}
    return read_transcript(json.dumps(value).encode(), Audio()).language_code


@pytest.mark.parametrize(
    ("shares", "language"),
    [
        ([share("es-US", 52.1), share("en-US", 3.4)], "es-US"),
        ([share("en-US", 3.4), share("es-US", 52.1)], "es-US"),
        ([share("en-US", "3.4"), share("es-US", "12")], "es-US"),
        ([share("en-US", 30), share("es-US", 20), share("es-US", 20)], "es-US"),
        ([share("fr-CA", 10), share("en-US", 10)], "fr-CA"),
        ([share("en-US", 10), share("fr-CA", 10)], "en-US"),
        ([share("en-US", None), share("fr-CA", 1)], "fr-CA"),
        ([share("en-US", -5), share("fr-CA", "nan"), share("de-DE", 0.1)], "de-DE"),
        ([{"language_code": "hi-IN"}], "hi-IN"),
        ([], None),
    ],
    ids=["the longest", "in any order", "numbers as text", "in several pieces", "equally long",
         "equally long, the first counts", "without a duration", "durations that cannot be",
         "only one, without a duration", "none"],
)  # fmt: skip
def test_the_language_that_is_spoken_longest_is_the_calls(
    shares: list[dict[str, object]], language: str | None
) -> None:
    assert language_of(language_codes=shares) == language


def test_what_was_measured_counts_before_a_single_language() -> None:
    shares = [share("es-US", 52.1), share("en-US", 3.4)]
    assert language_of(language_code="en-US", language_codes=shares) == "es-US"
    assert language_of(language_code="en-US", language_codes=[]) == "en-US"


def test_without_a_summary_the_language_of_most_words_counts() -> None:
    words = [item("en-US"), item("es-US"), item("es-US"), item(None)]
    assert language_of(items=words) == "es-US"
    assert language_of(items=[item("en-US"), item("es-US")]) == "en-US"


def test_marks_are_no_words_of_a_language() -> None:
    marks = [item("en-US", ".") | {"type": "punctuation"}] * 2
    assert language_of(items=[item("es-US"), *marks]) == "es-US"
    assert language_of(items=marks) is None


def test_channels_have_the_summary_in_the_same_place() -> None:
    labelled = [{"channel_label": "ch_0", "items": []}, {"channel_label": "ch_1", "items": []}]
    shares = [share("en-US", 1), share("es-US", 2)]
    assert language_of(channel_labels={"channels": labelled}, language_codes=shares) == "es-US"


def test_call_analytics_of_several_languages_is_read_alike() -> None:
    shares = [
        {"LanguageCode": "en-US", "DurationInSeconds": 3.4},
        {"LanguageCode": "es-US", "DurationInSeconds": 52.1},
    ]
    value = {"JobName": "x", "JobStatus": "COMPLETED", "Transcript": [], "LanguageCodes": shares}
    assert read_transcript(json.dumps(value).encode(), Audio()).language_code == "es-US"
