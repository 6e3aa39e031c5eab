"""How raw documents, and the tables that a crawler made of them, differ from the contract.

Every difference is found in shapes alone; what it does to curated rows, the reader of documents is
asked: a document is read and gives its rows, or it is refused and lies in quarantine.
"""

from __future__ import annotations

import datetime as dt
import itertools
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TypeVar

from cci_lite.contract.crawled_table import (
    CrawledTable,
    crawled_differences,
    is_harmless_in_a_table,
)
from cci_lite.contract.reading import decode_document, read_json
from cci_lite.contract.shapes import (
    Difference,
    DriftClaim,
    differences,
    document_shape,
    is_widened,
    json_shape,
)
from cci_lite.errors import ContractError
from cci_lite.ports import Store
from cci_lite.tenancy import unified_day_prefix, unified_prefix

DOCUMENTS = "documents"
_INDEX = re.compile(r"\[\d+\]")
_ONE_DOCUMENT = "one document in a file"
Item = TypeVar("Item")


class Severity(StrEnum):
    """What a difference does to curated rows."""

    HARMLESS = "harmless"
    REFUSED = "refused"


@dataclass(frozen=True)
class DriftFinding:
    """One difference: `count` of the `of` documents that were looked at have it."""

    where: str
    difference: Difference
    count: int
    of: int
    severity: Severity


@dataclass
class Sample:
    """What was found in the documents that were looked at."""

    documents: int = 0
    found: Counter[Difference] = field(default_factory=Counter)
    refused: set[Difference] = field(default_factory=set)

    def add(self, data: bytes) -> None:
        """Look at a document."""
        self.documents += 1
        seen, refused = document_differences(data)
        self.found.update(seen)
        self.refused |= refused

    def add_folder_of_another_layout(self) -> None:
        """Count a folder that is no year, month or day; what lies in it is quarantined."""
        layout = Difference(DriftClaim.OTHER_LAYOUT, "", "folders YYYY/MM/DD", "another folder")
        self.found[layout] += 1
        self.refused.add(layout)

    def findings(self) -> list[DriftFinding]:
        """The differences, ordered; how many documents have each."""
        return [
            DriftFinding(
                DOCUMENTS,
                each,
                count,
                self.documents,
                Severity.REFUSED if each in self.refused else Severity.HARMLESS,
            )
            for each, count in sorted(self.found.items())
        ]


def table_findings(tables: Iterable[CrawledTable]) -> list[DriftFinding]:
    """How crawled tables differ from the contract."""
    return [
        DriftFinding(
            table.name,
            each,
            1,
            1,
            Severity.HARMLESS if is_harmless_in_a_table(each) else Severity.REFUSED,
        )
        for table in tables
        for each in sorted(set(crawled_differences(table)))
    ]


def document_differences(data: bytes) -> tuple[set[Difference], set[Difference]]:
    """How a document differs from the contract, and for which of these it is refused."""
    found = set(_differences_of_shape(data))
    refused: set[Difference] = set()
    for one_line in (True, False):  # a document over several lines may have another fault as well
        try:
            decode_document(data, one_line=one_line)
        except ContractError as problem:
            path = _INDEX.sub("[]", problem.path)
            reasons = {each for each in found if _place_of(each) == path and not is_widened(each)}
            # A value out of bounds, or in words that are not known, has the right shape.
            reasons = reasons or {
                Difference(DriftClaim.OTHER_VALUE, path, problem.expected, "another")
            }
            refused |= reasons
    return found | refused, refused


def _place_of(difference: Difference) -> str:
    """Where the reader says that a difference is: a missing field, in the object that lacks it."""
    if difference.claim is DriftClaim.MISSING_FIELD:
        return difference.path.rpartition(".")[0]
    return difference.path


def _differences_of_shape(data: bytes) -> Iterator[Difference]:
    lines = data.strip()
    if b"\n" in lines or b"\r" in lines:
        yield Difference(DriftClaim.SEVERAL_LINES, "", "JSON on one line", "several lines")
    try:
        value = read_json(data)
    except ContractError as problem:
        several = problem.found.startswith("trailing characters")
        expected = _ONE_DOCUMENT if several else problem.expected
        path = _INDEX.sub("[]", problem.path)
        yield Difference(
            DriftClaim.UNREADABLE, path, expected, "several" if several else "something else"
        )
        return
    yield from differences(document_shape(), json_shape(value))


# --- Which documents are looked at ----------------------------------------------------------------


def sample_documents(
    store: Store,
    tenants: Sequence[str],
    count: int,
    *,
    each_tenant: Callable[[Sequence[str], Callable[[str], Sample]], dict[str, Sample]],
    advance: Callable[[], None] = lambda: None,
) -> Sample:
    """Look at about `count` documents, spread over tenants and days.

    `each_tenant` calls a function for each tenant, so that one that fails stops no other.
    """
    chosen = _spread(tenants, count)
    shares = dict(zip(chosen, _shares(count, len(chosen)), strict=True))
    total = Sample()
    for sample in each_tenant(
        chosen, lambda tenant_id: _sample_tenant(store, tenant_id, shares[tenant_id], advance)
    ).values():
        total.documents += sample.documents
        total.found.update(sample.found)
        total.refused |= sample.refused
    return total


def _sample_tenant(store: Store, tenant_id: str, count: int, advance: Callable[[], None]) -> Sample:
    sample = Sample()
    days = _spread(list(_days(store, tenant_id, sample)), count)
    for day, share in zip(days, _shares(count, len(days)), strict=True):
        for source in itertools.islice(store.listing(unified_day_prefix(tenant_id, day)), share):
            try:
                data = store.read(source.key)
            except FileNotFoundError:  # gone since it was listed
                continue
            sample.add(data)
            advance()
    return sample


def _days(store: Store, tenant_id: str, sample: Sample) -> Iterator[dt.date]:
    """The days that have a folder, by listing folders only."""
    root = unified_prefix(tenant_id)
    for year in store.folders(root):
        if not _is_digits(year, 4):
            sample.add_folder_of_another_layout()
            continue
        for month in store.folders(f"{root}{year}/"):
            for day in store.folders(f"{root}{year}/{month}/"):
                try:
                    yield dt.date.fromisoformat(f"{year}-{month}-{day}")
                except ValueError:
                    sample.add_folder_of_another_layout()


def _is_digits(text: str, length: int) -> bool:
    return len(text) == length and text.isascii() and text.isdigit()


def _spread(items: Sequence[Item], count: int) -> list[Item]:
    """At most `count` of the items, at equal distances, the last one always among them."""
    size = min(count, len(items))
    return [items[len(items) - 1 - place * len(items) // size] for place in range(size)]


def _shares(count: int, places: int) -> list[int]:
    """`count` in as many whole shares; the first ones are larger by one."""
    return [count // places + (place < count % places) for place in range(places)]
