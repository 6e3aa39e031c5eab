"""What a night has to do: nothing twice, nothing forgotten, in pieces of bounded size."""

from __future__ import annotations

import datetime as dt
import itertools

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cci_lite.flatten.plan import listing_digest, plan_day, split
from cci_lite.ports import SourceOutcome, SourceRecord, StoredObject
from tests.small_lake import DAY, TENANT

NOW = dt.datetime(2025, 11, 7, 2, tzinfo=dt.UTC)

names = st.sampled_from([f"unified/{TENANT}/2025/11/05/call-{n}.json" for n in range(8)])
etags = st.sampled_from(["1", "2", "3"])
versions = st.dictionaries(names, etags)


def listed(versions: dict[str, str]) -> list[StoredObject]:
    return [StoredObject(key, versions[key], 100, NOW) for key in sorted(versions)]


def known(versions: dict[str, str]) -> dict[str, SourceRecord]:
    return {
        key: SourceRecord(key, etag, NOW, SourceOutcome.CALL, key) for key, etag in versions.items()
    }


@given(versions, versions, st.frozensets(names), st.frozensets(names))
def test_every_document_is_new_changed_or_unchanged_and_every_known_one_is_accounted_for(
    now: dict[str, str], before: dict[str, str], again: frozenset[str], removed: frozenset[str]
) -> None:
    plan = plan_day(TENANT, DAY, listed(now), known(before), again=again, removed=removed)
    new = {source.key for source in plan.new}
    changed = {source.key for source in plan.changed}
    assert new == now.keys() - before.keys()
    assert changed == {
        key for key in now.keys() & before.keys() if now[key] != before[key] or key in again
    }
    assert len(new) + len(changed) + plan.unchanged == len(now)
    assert plan.removed == removed & before.keys()
    assert plan.gone == len(before.keys() - now.keys() - removed)
    assert [source.key for source in plan.to_read] == sorted(new | changed)
    assert plan.is_empty == (not new and not changed and not plan.removed)


@given(versions)
def test_a_day_that_was_published_needs_nothing(versions: dict[str, str]) -> None:
    plan = plan_day(TENANT, DAY, listed(versions), known(versions))
    assert plan.is_empty
    assert plan.unchanged == len(versions)


@given(versions, versions)
def test_digests_are_equal_exactly_when_the_listings_are(
    one: dict[str, str], other: dict[str, str]
) -> None:
    assert (listing_digest(listed(one)) == listing_digest(listed(other))) == (one == other)


def test_a_digest_takes_key_and_version_apart() -> None:
    [source] = listed({"unified/a": "b"})
    shifted = msgspec.structs.replace(source, key="unified/ab", etag="")
    assert listing_digest([source]) != listing_digest([shifted])


@given(
    st.lists(st.integers(0, 120), max_size=40),
    st.integers(1, 7),
    st.integers(1, 100),
)
def test_pieces_hold_every_document_once_in_order_and_stay_within_both_bounds(
    sizes: list[int], max_documents: int, max_bytes: int
) -> None:
    sources = [StoredObject(f"{n:04}", "1", size, NOW) for n, size in enumerate(sizes)]
    pieces = list(split(sources, max_documents=max_documents, max_bytes=max_bytes))
    assert [source for piece in pieces for source in piece] == sources
    for piece in pieces:
        assert 1 <= len(piece) <= max_documents
        assert len(piece) == 1 or sum(source.size for source in piece) <= max_bytes
    for piece, following in itertools.pairwise(pieces):
        # No piece could have taken in the next document.
        fits = sum(source.size for source in piece) + following[0].size <= max_bytes
        assert len(piece) == max_documents or not fits


@pytest.mark.parametrize(
    ("count", "size", "pieces"), [(2_001, 1, 3), (3, 10 * 1024 * 1024, 3), (0, 1, 0)],
    ids=["many", "large", "none"],
)  # fmt: skip
def test_the_bounds_of_a_piece_by_default(count: int, size: int, pieces: int) -> None:
    sources = [StoredObject(str(n), "1", size, NOW) for n in range(count)]
    assert len(list(split(sources))) == pieces
