"""Documents that break the contract: what they are, and how they come back in."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import msgspec

from cci_lite.contract.judging import Templates, score_document
from cci_lite.contract.reading import decode_document
from cci_lite.contract.template import QaTemplate
from cci_lite.errors import ContractError, NotFoundError
from cci_lite.nightly.lake import Lake
from cci_lite.nightly.work import read_part
from cci_lite.ports import SourceOutcome, SourceRecord
from cci_lite.tenancy import quarantine_key, unified_key


@dataclass(frozen=True)
class QuarantinedDocument:
    """One quarantined document, as the curated table has it."""

    call_date: dt.date
    source_key: str
    source_bytes: int
    json_path: str
    expected: str
    found: str
    quarantine_key: str
    quarantined_at: dt.datetime


@dataclass(frozen=True)
class ReplayedDocument:
    """One document that was looked at again: `problem` says why it stays in quarantine."""

    source_key: str
    problem: ContractError | None


@dataclass(frozen=True)
class Replay:
    """What a replay found: the run that follows reads `again` and lets go of `removed`."""

    documents: tuple[ReplayedDocument, ...]
    again: frozenset[str]
    removed: frozenset[str]


def list_quarantined(lake: Lake, tenant_id: str) -> list[QuarantinedDocument]:
    """A tenant's quarantined documents, ordered by day and key."""
    found = []
    for call_date in lake.catalog.days(tenant_id):
        for part in lake.catalog.parts(tenant_id, call_date).get("quarantined_documents", []):
            for row in read_part(lake.store, part.key, "quarantined_documents").to_pylist():
                fields = {
                    name: row[name]
                    for name in QuarantinedDocument.__dataclass_fields__
                    if name != "call_date"
                }
                found.append(QuarantinedDocument(call_date=call_date, **fields))
    return sorted(found, key=lambda document: (document.call_date, document.source_key))


def prepare_replay(
    lake: Lake,
    tenant_id: str,
    templates: Sequence[QaTemplate],
    keys: Collection[str] = (),
) -> Replay:
    """Look at quarantined documents again (`keys`, or all) and put the mended ones in place.

    What counts is the copy in quarantine when it was mended, otherwise the document itself: it may
    have been mended in place, or the form that it named has been added since. Must run under the
    tenant's lease or before a run. Raises NotFoundError for a key that is not in quarantine.
    """
    quarantined = dict(_quarantined(lake, tenant_id))
    unknown = sorted(set(keys) - quarantined.keys())
    if unknown:
        raise NotFoundError(
            f"tenant {tenant_id}: {len(unknown)} of the given keys are not in quarantine; "
            "see: cci-lite quarantine list"
        )
    by_name = {(template.name, template.version): template for template in templates}
    documents, again, removed = [], set(), set()
    for key in sorted(keys or quarantined):
        try:
            target = _put_in_place(lake, tenant_id, key, by_name)
        except ContractError as problem:
            documents.append(ReplayedDocument(key, problem))
            continue
        documents.append(ReplayedDocument(key, None))
        again.add(target)
        if target != key:
            removed.add(key)
    return Replay(tuple(documents), frozenset(again), frozenset(removed))


def _quarantined(lake: Lake, tenant_id: str) -> Iterable[tuple[str, SourceRecord]]:
    for call_date in lake.catalog.days(tenant_id):
        for key, record in lake.catalog.sources(tenant_id, call_date).items():
            if record.outcome is SourceOutcome.QUARANTINED:
                yield key, record


def _put_in_place(lake: Lake, tenant_id: str, key: str, templates: Templates) -> str:
    """Write a mended document where it belongs; its key. Raises ContractError when it is not."""
    store = lake.store
    copy = _read(lake, quarantine_key(tenant_id, key))
    original = _read(lake, key)
    data = original if copy is None or copy == original else copy
    if data is None:
        raise ContractError("", "the document or its copy in quarantine", "neither")
    # A person mends a document in an editor, which may spread it over lines.
    document = decode_document(data, one_line=False).document
    if document.tenant_id != tenant_id:
        raise ContractError("tenant_id", f"'{tenant_id}'", "another tenant")
    score_document(document, templates)
    target = unified_key(tenant_id, document.call_date, document.call_id)
    line = msgspec.json.encode(msgspec.json.decode(data.removeprefix(b"\xef\xbb\xbf"))) + b"\n"
    if target != key or line.rstrip() != (original or b"").rstrip():
        store.write(target, line)
    if target != key:
        store.delete(key)
    return target


def _read(lake: Lake, key: str) -> bytes | None:
    try:
        return lake.store.read(key)
    except FileNotFoundError:
        return None
