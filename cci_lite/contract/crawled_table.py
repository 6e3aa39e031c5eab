"""A table that a crawler made of the unified documents, and how it differs from the contract."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from cci_lite.contract.shapes import (
    Difference,
    DriftClaim,
    Kind,
    columns_shape,
    differences,
    document_shape,
    is_widened,
    lower_case,
)
from cci_lite.tenancy import UNIFIED

CRAWLER = "cci-lite-results-crawler"
TABLE_PREFIX = "crawled_"
# What a crawler calls the folders of unified/<tenant>/YYYY/MM/DD/, which have no names.
_LAYOUT = tuple((f"partition_{level}", "string") for level in range(4))


@dataclass(frozen=True)
class CrawledTable:
    """Names and Glue types of a table's columns and partition keys."""

    name: str
    columns: Sequence[tuple[str, str]]
    partition_keys: Sequence[tuple[str, str]]


def crawled_differences(table: CrawledTable) -> Iterator[Difference]:
    """How a crawled table differs from the contract; names are compared without case."""
    if table.name != f"{TABLE_PREFIX}{UNIFIED}":
        # The crawler was pointed at more than the documents, or could not make one table of them.
        expected = f"{TABLE_PREFIX}{UNIFIED} only"
        yield Difference(DriftClaim.OTHER_TABLE, "", expected, "another table")
        return
    if tuple(table.partition_keys) != _LAYOUT:
        names = ", ".join(f"{name} {kind}" for name, kind in table.partition_keys) or "none"
        expected = ", ".join(f"{name} {kind}" for name, kind in _LAYOUT)
        yield Difference(DriftClaim.PARTITION_KEYS, "", expected, names)
    columns = {name.lower() for name, _ in table.columns}
    for name in sorted({name.lower() for name, _ in table.partition_keys} & columns):
        # Athena refuses such a table: HIVE_INVALID_METADATA.
        yield Difference(DriftClaim.SAME_NAME, name, "a column", "a column and a partition key")
    found = lower_case(columns_shape(table.columns))
    yield from map(_as_a_crawler_sees_it, differences(lower_case(document_shape()), found))


def is_harmless_in_a_table(difference: Difference) -> bool:
    """Whether documents that the crawler saw like this are read all the same.

    Only their types are known here: text that is a number is read, and other text is not.
    """
    harmful = (DriftClaim.OTHER_TYPE, DriftClaim.MISSING_FIELD)
    return difference.claim not in harmful or is_widened(difference)


def _as_a_crawler_sees_it(difference: Difference) -> Difference:
    # A list that was empty in every document becomes `array<string>`.
    is_list = difference.path.endswith("[]") and difference.claim is DriftClaim.OTHER_TYPE
    if is_list and (difference.expected, difference.found) == (Kind.OBJECT, Kind.TEXT):
        return replace(difference, claim=DriftClaim.EMPTY_LISTS)
    return difference
