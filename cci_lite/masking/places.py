"""Telling addresses of places, sites and postcodes: what is no key phrase and no entity.

In what is said they stay, because too much of a call looks like one ("two way street").
"""

from __future__ import annotations

import re
from functools import cache

from cci_lite.masking.word_lists import any_of, dates_and_places


def is_personal_place(text: str) -> bool:
    """Whether this has a street with a number, a British postcode or the address of a site."""
    return _place().search(text) is not None


@cache
def _place() -> re.Pattern[str]:
    known = dates_and_places().places
    return re.compile(
        rf"\d\S{{0,5}}\s+(?:\S{{1,40}}\s+){{0,4}}(?:{any_of(known.streets)})\b"
        rf"|\w{{2,40}}(?:{any_of(known.street_endings)})\s{{0,3}}\d"
        r"|\b[A-Z]{1,2}\d[A-Z\d]?\s?\d[A-Z]{2}\b"
        r"|https?://|\bwww\.",
        re.IGNORECASE,
    )
