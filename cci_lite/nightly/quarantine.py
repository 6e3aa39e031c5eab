"""Documents that break the contract: which there are, and how they leave quarantine."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from cci_lite.contract.form import Form
from cci_lite.contract.reading import decode_document
from cci_lite.contract.scored_evaluation import Forms, score_document
from cci_lite.errors import ContractError, LakeError, NotFoundError
from cci_lite.nightly.lake import NightlyLake
from cci_lite.nightly.run_report import ReplayedDocument
from cci_lite.nightly.work import read_part
from cci_lite.ports import SourceOutcome, SourceRecord, Unlisted
from cci_lite.tenancy import quarantine_key, quarantine_prefix, unified_key

_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True)
class QuarantinedDocument:
    """One quarantined document, and what is wrong with it."""

    call_date: dt.date
    source_key: str
    json_path: str
    expected: str
    found: str
    quarantine_key: str


@dataclass(frozen=True)
class Replay:
    """What a replay found: the run reads `again`, and publishes the rows of `removed` no more."""

    documents: tuple[ReplayedDocument, ...]
    again: frozenset[str]
    removed: frozenset[str]


def list_quarantined(lake: NightlyLake, tenant_id: str) -> list[QuarantinedDocument]:
    """A tenant's quarantined documents, ordered by day and key, from the catalogue.

    A document whose reason cannot be read is listed with what prevents it.
    """
    found = []
    for call_date in lake.catalog.days(tenant_id):
        rows: dict[str, dict[str, Any]] = {}
        problem = ""
        for part in lake.catalog.parts(tenant_id, call_date).get("quarantined_documents", []):
            try:
                table = read_part(lake.store, part.key, "quarantined_documents")
            except LakeError as error:
                problem = str(error)
                continue
            rows |= {row["source_key"]: row for row in table.to_pylist()}
        found += [
            _listed(tenant_id, call_date, record, rows.get(record.key), problem)
            for record in lake.catalog.sources(tenant_id, call_date).values()
            if record.outcome is SourceOutcome.QUARANTINED
        ]
    return sorted(found, key=lambda document: (document.call_date, document.source_key))


def _listed(
    tenant_id: str,
    call_date: dt.date,
    record: SourceRecord,
    row: Mapping[str, Any] | None,
    problem: str,
) -> QuarantinedDocument:
    row = row or {
        "json_path": "",
        "expected": "the reason, in a file that can be read",
        "found": problem or "none",
    }
    return QuarantinedDocument(
        call_date,
        record.key,
        row["json_path"],
        row["expected"],
        row["found"],
        quarantine_key(tenant_id, record.key),
    )


def replay_quarantined(
    lake: NightlyLake, tenant_id: str, forms: Sequence[Form], keys: Collection[str]
) -> Replay:
    """Check quarantined documents again (`keys`, or all) and put the corrected ones in place.

    What counts is the document itself when it was written anew since it was quarantined, otherwise
    its copy in quarantine when a person has corrected that, otherwise the document as it was: the
    form that it names may have been added since. Must run under the tenant's lease. Raises
    NotFoundError for a key that is not in quarantine.
    """
    quarantined = _quarantined(lake, tenant_id, keys)
    by_name = {(form.name, form.version): form for form in forms}
    documents, again, removed = [], set(), set()
    for key in sorted(quarantined):
        try:
            target = _put_in_place(lake, tenant_id, quarantined[key], by_name)
        except ContractError as problem:
            documents.append(ReplayedDocument(key, problem))
            continue
        documents.append(ReplayedDocument(key, None))
        again.add(target)
        if target != key:
            removed.add(key)
    return Replay(tuple(documents), frozenset(again), frozenset(removed))


def delete_stale_copies(lake: NightlyLake, tenant_id: str) -> None:
    """Delete copies of documents that are no longer in quarantine: they hold what was said.

    Raises LakeError when a folder of them cannot be listed, after the others.
    """
    quarantined = lake.catalog.records(tenant_id, SourceOutcome.QUARANTINED)
    needed = {quarantine_key(tenant_id, key) for key in quarantined}
    unlisted = []
    for copy in lake.store.survey(quarantine_prefix(tenant_id)):
        if isinstance(copy, Unlisted):
            unlisted.append(copy.reason)
        elif copy.key not in needed and not copy.stray:
            lake.store.delete(copy.key)
    if unlisted:
        raise LakeError(
            f"folders below {quarantine_prefix(tenant_id)} that cannot be listed: {len(unlisted)} "
            f"({unlisted[0]}); give this program the right to read them, or take them away"
        )


def to_discard(
    lake: NightlyLake, tenant_id: str, keys: Collection[str]
) -> dict[dt.date, list[SourceRecord]]:
    """The records of quarantined documents (`keys`, or all) as discarded ones, by day.

    Raises NotFoundError for a key that is not in quarantine.
    """
    found: dict[dt.date, list[SourceRecord]] = {}
    quarantined = _quarantined(lake, tenant_id, keys)
    for call_date in lake.catalog.days(tenant_id):
        for key in lake.catalog.sources(tenant_id, call_date).keys() & quarantined.keys():
            record = quarantined[key]
            if not record.etag:  # it could not be read: what is discarded is the version there is
                present = lake.store.head(key)
                record = msgspec.structs.replace(record, etag=present.etag if present else "")
            discarded = msgspec.structs.replace(record, outcome=SourceOutcome.DISCARDED)
            found.setdefault(call_date, []).append(discarded)
    return found


def _quarantined(
    lake: NightlyLake, tenant_id: str, keys: Collection[str]
) -> dict[str, SourceRecord]:
    """The records of these quarantined documents, or all; raises NotFoundError for other keys."""
    records = lake.catalog.records(tenant_id, SourceOutcome.QUARANTINED)
    if unknown := set(keys) - records.keys():
        raise NotFoundError(
            f"tenant {tenant_id}: keys that are not in quarantine: {len(unknown)}; "
            "see: cci-lite quarantine list"
        )
    return {key: records[key] for key in keys or records}


def _put_in_place(lake: NightlyLake, tenant_id: str, record: SourceRecord, forms: Forms) -> str:
    """Write a corrected document where it belongs; its key. Raises ContractError when it is not."""
    data, is_original = _version_that_counts(lake, tenant_id, record)
    # A person corrects a document in an editor, which may spread it over lines.
    document = decode_document(data, one_line=False).document
    if document.tenant_id != tenant_id:
        raise ContractError("tenant_id", f"'{tenant_id}'", "another tenant")
    score_document(document, forms)
    target = unified_key(tenant_id, document.call_date, document.call_id)
    line = msgspec.json.encode(msgspec.json.decode(data.removeprefix(_BOM))) + b"\n"
    if target == record.key:
        if not (is_original and line.rstrip() == data.rstrip()):
            _write(lake, target, line)
    elif (_read(lake, target) or b"").rstrip() != line.rstrip():
        if _revision_at(lake, target) >= document.revision:
            raise ContractError(
                "", "no document of this call on its day", "one of the same or a later revision"
            )
        # The document at the old key is deleted only after the day has been published without it.
        _write(lake, target, line)
    return target


def _version_that_counts(
    lake: NightlyLake, tenant_id: str, record: SourceRecord
) -> tuple[bytes, bool]:
    """The bytes to look at, and whether they are those of the document itself."""
    original = _read(lake, record.key)
    copy = _read(lake, quarantine_key(tenant_id, record.key))
    present = lake.store.head(record.key)
    written_anew = present is not None and present.etag != record.etag
    if original is not None and (written_anew or copy is None or copy == original):
        return original, True
    if copy is None:
        raise ContractError("", "the document or its copy in quarantine", "neither")
    return copy, False


def _revision_at(lake: NightlyLake, key: str) -> int:
    """The revision of the readable document at a key; 0 without one."""
    data = _read(lake, key)
    try:
        return 0 if data is None else decode_document(data, one_line=False).document.revision
    except ContractError:
        return 0


def _read(lake: NightlyLake, key: str) -> bytes | None:
    """The bytes at a key, or None; raises ContractError when they cannot be read."""
    try:
        return lake.store.read(key)
    except FileNotFoundError:
        return None
    except OSError as problem:
        found = problem.strerror or type(problem).__name__
        raise ContractError("", "a document that can be read", found) from None


def _write(lake: NightlyLake, key: str, data: bytes) -> None:
    try:
        lake.store.write(key, data)
    except (OSError, LakeError) as problem:
        found = problem.strerror if isinstance(problem, OSError) else None
        raise ContractError("", "a place to write the document to", found or "a stray") from None
