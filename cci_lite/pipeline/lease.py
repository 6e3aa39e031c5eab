"""Who works on a call: one at a time, on whichever of its uploads.

The lease is that of the call's first record. Whoever holds it may write and delete documents of the
call; everybody else may only touch its records, which a holder then finds moved.
"""

from __future__ import annotations

import contextlib
import datetime as dt
from collections.abc import Callable, Iterator, Sequence

import msgspec

from cci_lite.contract.registry import CallRecord, leased
from cci_lite.errors import PipelineError, RetryLaterError
from cci_lite.ports import CallRegistry

_ATTEMPTS = 5


@contextlib.contextmanager
def held(
    registry: CallRegistry,
    records: Sequence[CallRecord],
    holder: str,
    clock: Callable[[], dt.datetime],
    life: dt.timedelta,
) -> Iterator[None]:
    """Hold the call of these records, as they were just read, as long as the block runs.

    It is given up however the block ends, unless the process dies in it: then it runs out after
    `life`. Raises RetryLaterError `in_progress` when another one is at work, or was meanwhile.
    """
    claimed = leased(records[0], holder, clock(), life)
    if claimed is None or not registry.replace(claimed):
        raise RetryLaterError("in_progress")
    try:
        yield
    except PipelineError:
        _give_up(registry, claimed.call_id, holder)
        raise
    _give_up(registry, claimed.call_id, holder)


def records_held(registry: CallRegistry, call_id: str, holder: str) -> list[CallRecord]:
    """The call's records as they are now; raises RetryLaterError when it is not held any more."""
    records = registry.records(call_id)
    if records[0].lease_holder != holder:
        raise RetryLaterError("record_contended")
    return records


def is_held(records: Sequence[CallRecord], at: dt.datetime) -> bool:
    """Whether somebody works on the call of these records."""
    until = records[0].lease_until
    return until is not None and until > at


def of_revision(records: Sequence[CallRecord], revision: int) -> CallRecord | None:
    """The record of one upload."""
    return next((record for record in records if record.revision == revision), None)


def newest_documented(records: Sequence[CallRecord]) -> CallRecord | None:
    """The record whose document stands for the call."""
    return next((record for record in reversed(records) if record.is_documented), None)


def _give_up(registry: CallRegistry, call_id: str, holder: str) -> None:
    """Give up the lease, so that the call can be taken up at once; else it runs out by itself."""
    with contextlib.suppress(PipelineError):
        for _ in range(_ATTEMPTS):
            first = registry.records(call_id)[0]
            if first.lease_holder != holder:
                return
            free = msgspec.structs.replace(
                first, lease_holder=None, lease_until=None, version=first.version + 1
            )
            if registry.replace(free):
                return
