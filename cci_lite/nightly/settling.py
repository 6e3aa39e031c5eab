"""A call that is on several days: which document is the call, and which ones give way to it.

The date of a call can be corrected after its document was written. Then there is another document
of it on another day, and the first one may stay where it was. Both days may be published already,
or change in the same run; readers must see one row of the call all the time.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from cci_lite.ports import SourceOutcome, SourceRecord


@dataclass(frozen=True)
class Settlement:
    """Which documents are superseded when a day is published.

    `beaten` are documents of the day itself: another day has a document of their call that ranks
    higher. `giving_way` are published documents of other days: they lose their call to this day, so
    that those days change together with it.
    """

    beaten: Sequence[SourceRecord]
    giving_way: Mapping[dt.date, Sequence[SourceRecord]]


def settle(
    read: Mapping[str, SourceRecord], elsewhere: Mapping[dt.date, Sequence[SourceRecord]]
) -> Settlement:
    """Who gives way where a call is on two days, as superseded records.

    `read` are the calls that a day brings in, by call id; `elsewhere` the same calls where they are
    published on other days. The higher rank wins: see SourceRecord.rank.
    """
    beaten: dict[str, SourceRecord] = {}
    giving_way: dict[dt.date, list[SourceRecord]] = {}
    for other_date, rivals in elsewhere.items():
        for rival in rivals:
            mine = read[str(rival.call_id)]
            if mine.rank > rival.rank:
                giving_way.setdefault(other_date, []).append(_superseded(rival))
            else:
                beaten[mine.key] = _superseded(mine)
    return Settlement(tuple(beaten.values()), giving_way)


def _superseded(record: SourceRecord) -> SourceRecord:
    return msgspec.structs.replace(record, outcome=SourceOutcome.SUPERSEDED)
