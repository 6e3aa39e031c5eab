"""The language of a call in which several are spoken."""

from __future__ import annotations

from collections.abc import Sequence

from cci_lite.transcripts.transcribe_output import AnalyticsLanguageShare, LanguageShare, Results


def main_language(
    shares: Sequence[LanguageShare[float] | AnalyticsLanguageShare[float]],
) -> str | None:
    """The language that is spoken longest; of equally long ones the first in the transcript's list.

    A share without a usable duration counts as nothing. None without any share.
    """
    seconds: dict[str, float] = {}
    for share in shares:
        seconds.setdefault(share.language_code, 0.0)
        if share.duration_in_seconds > 0:
            seconds[share.language_code] += share.duration_in_seconds
    return max(seconds, key=seconds.__getitem__, default=None)


def language_of_items(results: Results[float]) -> str | None:
    """The language of most words, where each word says its own; of equally many the first."""
    words: dict[str, int] = {}
    for item in results.items:
        if item.language_code and item.type == "pronunciation":
            words[item.language_code] = words.get(item.language_code, 0) + 1
    return max(words, key=words.__getitem__, default=None)
