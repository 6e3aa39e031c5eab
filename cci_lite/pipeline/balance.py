"""The daily balance: what came in has become a document, or somebody knows why not."""

from __future__ import annotations

import contextlib
import datetime as dt
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass

from cci_lite.contract.registry import OPEN_STATES, CallRecord, CallState, moved, place_upload
from cci_lite.errors import ContractError
from cci_lite.pipeline.lease import is_held, newest_documented
from cci_lite.pipeline.media import SIDECAR_SUFFIX
from cci_lite.pipeline.notify import tell
from cci_lite.pipeline.redrive import Reconciling
from cci_lite.ports import Metric, Notice
from cci_lite.tenancy import call_id_for, parse_unified_key, unified_day_prefix

LONGEST_OPEN = dt.timedelta(days=1)
# An upload's event is delivered again for as long as an hour: after twice that it has been lost.
LONGEST_UNREGISTERED = dt.timedelta(hours=2)


UNREGISTERED = "unregistered"


@dataclass(frozen=True)
class Problem:
    """Something of the day that does not add up; `code` is one word.

    `unregistered`: a recording that the registry does not know hours after its upload.
    `document_missing`: a finished call without its document. `still_open`: a call that has no end
    after a day.
    """

    code: str
    call_id: str
    revision: int


@dataclass(frozen=True)
class DayBalance:
    """One tenant's uploads of one day (UTC, as they were registered), and what became of them.

    `open` are those that are on their way, recordings that may yet be registered, and calls of
    which a document is yet to be deleted.
    """

    tenant_id: str
    day: dt.date
    recordings: int
    documents: int
    review: int
    failed: int
    refused: int
    erased: int
    open: int
    problems: Sequence[Problem]

    @property
    def balanced(self) -> bool:
        """True when every recording has come to an end, and every document is there."""
        ended = self.documents + self.review + self.failed + self.refused + self.erased
        return self.recordings == ended and not self.problems

    @property
    def is_settled(self) -> bool:
        """True when nothing of the day is on its way any more, or still has to be taken in."""
        return not self.open and all(each.code != UNREGISTERED for each in self.problems)


def balance_day(r: Reconciling, tenant_id: str, day: dt.date) -> DayBalance:
    """Count a day's recordings against what became of them; people are told of problems, once.

    A day that ended only now has calls that are still on their way: it is not balanced yet, and no
    problem either. Documents expire, so the day is to be counted before they do. Raises
    RetryLaterError.
    """
    records = _registered(r, tenant_id, day)
    # Listed after the registry was read: what is finished there has its document by now.
    listed = _listed(r, tenant_id, records.values())
    missing = {key for key, record in records.items() if not _has_document(r, record, listed)}
    doubled = {key for key, record in records.items() if _is_doubled(r, record, listed)}
    unregistered = list(_unregistered(r, tenant_id, day, records))
    long_ago = r.clock() - LONGEST_UNREGISTERED
    lost = [key for key, uploaded_at in unregistered if uploaded_at <= long_ago]
    states = Counter(
        record.state for key, record in records.items() if key not in missing | doubled
    )
    balance = DayBalance(
        tenant_id=tenant_id,
        day=day,
        recordings=len(records) + len(unregistered),
        documents=states[CallState.DONE],
        review=states[CallState.REVIEW],
        failed=states[CallState.FAILED],
        refused=states[CallState.REFUSED],
        erased=states[CallState.ERASED],
        open=sum(states[state] for state in OPEN_STATES)
        + (len(unregistered) - len(lost))
        + len(doubled - missing),
        problems=[
            *(Problem(UNREGISTERED, *key) for key in lost),
            *(Problem("document_missing", *key) for key in sorted(missing)),
            *(Problem("still_open", *key) for key in _still_open(r, records)),
        ],
    )
    _report(r, balance)
    return balance


_Key = tuple[str, int]


def _registered(r: Reconciling, tenant_id: str, day: dt.date) -> dict[_Key, CallRecord]:
    """The uploads that were registered on the day, by call and revision.

    The states in the order in which a call goes through them: one that moves on meanwhile is found
    twice rather than never, and the later finding counts.
    """
    start = dt.datetime.combine(day, dt.time(), dt.UTC)
    return {
        (record.call_id, record.revision): record
        for state in CallState
        for record in r.registry.find(
            tenant_id, state, received_from=start, received_until=start + dt.timedelta(days=1)
        )
    }


def _still_open(r: Reconciling, records: Mapping[_Key, CallRecord]) -> list[_Key]:
    late = r.clock() - LONGEST_OPEN
    return [key for key, each in records.items() if each.is_open and each.received_at <= late]


def _listed(r: Reconciling, tenant_id: str, records: Collection[CallRecord]) -> dict[str, set[str]]:
    """The documents of these calls, by call; only the days that their records name are listed."""
    named = {key for record in records for each in _uploads_of(r, record) for key in each.keys}
    listed: dict[str, set[str]] = {record.call_id: set() for record in records}
    for day in {parse_unified_key(key).call_date for key in named}:
        for found in r.files.listing(tenant_id, unified_day_prefix(tenant_id, day)):
            with contextlib.suppress(ContractError):
                call_id = parse_unified_key(found.key).call_id
                if call_id in listed:
                    listed[call_id].add(found.key)
    return listed


def _uploads_of(r: Reconciling, record: CallRecord) -> list[CallRecord]:
    """The records of the call: an upload that is not the first follows others."""
    return [record] if record.revision == 1 else r.registry.records(record.call_id)


def _is_doubled(r: Reconciling, record: CallRecord, listed: Mapping[str, set[str]]) -> bool:
    """Whether more than one document of the upload's call stands; a sweep then deletes the others.

    It is seen to already when the record is marked, or a later upload is being judged. Otherwise
    something was written that the registry does not know of, and is made known to it.
    """
    found = listed[record.call_id]
    if len(found) < 2:
        return False
    records = r.registry.records(record.call_id)
    standing = {key for key in found if r.files.read(record.tenant_id, key) is not None}
    newest = newest_documented(records)
    if len(standing) < 2 or newest is None:
        return False
    if not any(each.rewrite for each in records) and not is_held(records, r.clock()):
        stale = tuple(sorted({*newest.stale_keys, *standing} - {newest.document_key}))
        r.registry.replace(moved(newest, newest.state, r.clock(), stale_keys=stale, rewrite=True))
        r.telemetry.log(
            "document_doubled",
            tenant_id=record.tenant_id,
            call_id=record.call_id,
            revision=newest.revision,
            count=len(standing),
        )
    return True


def _has_document(r: Reconciling, record: CallRecord, listed: Mapping[str, set[str]]) -> bool:
    """False for a finished call without a document of its own or of a later upload of it.

    The next upload's document takes the place of the one before, and metadata can move a document
    to another day: before one is missed, the registry is asked again.
    """
    if not record.is_documented or record.document_key in listed[record.call_id]:
        return True
    keys = [
        present.document_key
        for present in r.registry.records(record.call_id)
        if present.revision >= record.revision
    ]
    return any(r.files.read(record.tenant_id, key) is not None for key in keys if key)


def _unregistered(
    r: Reconciling, tenant_id: str, day: dt.date, registered: Mapping[_Key, CallRecord]
) -> Iterator[tuple[_Key, dt.datetime]]:
    """Recordings of the day in the input bucket that the registry does not know, and their times.

    Or knows only by name: a record of the day that was not found among the day's is none.
    """
    for upload in r.recordings.listing(tenant_id):
        is_recording = not upload.key.endswith(("/", SIDECAR_SUFFIX))
        if not is_recording or _day(upload.uploaded_at) != day:
            continue
        call_id = call_id_for(tenant_id, upload.key)
        placement = place_upload(upload, r.registry.records(call_id))
        known, key = placement.known, (call_id, placement.revision)
        if known is None or (_day(known.received_at) == day and key not in registered):
            yield key, upload.uploaded_at


def _day(moment: dt.datetime) -> dt.date:
    return moment.astimezone(dt.UTC).date()


def _report(r: Reconciling, balance: DayBalance) -> None:
    tenant_id, day = balance.tenant_id, balance.day.isoformat()
    for problem in balance.problems:
        r.telemetry.log(
            "balance_problem",
            tenant_id=tenant_id,
            day=day,
            code=problem.code,
            call_id=problem.call_id,
            revision=problem.revision,
        )
    r.telemetry.log(
        "day_balanced" if balance.balanced else "day_unbalanced",
        tenant_id=tenant_id,
        day=day,
        count=balance.recordings,
    )
    if balance.problems:
        r.telemetry.count(Metric.UNBALANCED)
        notice = Notice(
            notice_id=f"unbalanced#{tenant_id}#{day}",
            code="day_unbalanced",
            text=_text(balance, Counter(problem.code for problem in balance.problems)),
            at=r.clock(),
            tenant_id=tenant_id,
        )
        tell(r.notifying, notice)


def _text(balance: DayBalance, codes: Mapping[str, int]) -> str:
    found = ", ".join(f"{count} {code}" for code, count in sorted(codes.items()))
    return (
        f"The calls of tenant {balance.tenant_id} on {balance.day} do not add up ({found}): "
        f"{balance.recordings} recordings came in, of which {balance.documents} have a document, "
        f"{balance.review} are in review, {balance.failed} failed, {balance.refused} were refused, "
        f"{balance.erased} were erased and {balance.open} are open; "
        f"the function's log names each call under balance_problem."
    )
