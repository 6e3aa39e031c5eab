"""A day between plan and publication."""

from __future__ import annotations

import dataclasses

import pytest

from cci_lite.errors import BalanceError
from cci_lite.flatten.plan import MAX_DOCUMENTS_PER_ITEM, DayPlan
from cci_lite.nightly.staging import SMALL_PART_CALLS, Piece, carried_parts, pieces_of
from cci_lite.nightly.work import ItemResult
from cci_lite.ports import PartFile, SourceOutcome
from tests.unit.nightly.values import by_key, key_of, part, plan, record, source, staged


def test_a_document_that_was_read_again_has_its_new_outcome_and_the_others_the_old_one() -> None:
    known = by_key(record("kept"), record("broken"), record("gone"))
    broken = record("broken", SourceOutcome.QUARANTINED)
    day = staged(
        ItemResult(records=(record("new"),)), ItemResult(records=(broken,)),
        known=known, removed=frozenset({key_of("gone")}),
    )  # fmt: skip
    assert day.records == by_key(record("kept"), record("new"), broken)


def test_a_removed_document_that_a_piece_tells_of_has_that_outcome() -> None:
    superseded = record("moved", SourceOutcome.SUPERSEDED)
    day = staged(
        ItemResult(records=(superseded,)),
        known=by_key(record("moved")), removed=frozenset({key_of("moved")}),
    )  # fmt: skip
    assert day.records == by_key(superseded)


def test_the_files_of_all_pieces_stand_by_table_in_their_order() -> None:
    calls = [part("calls", 0, 3), part("calls", 1, 2)]
    day = staged(
        ItemResult({"calls": calls[0], "entities": part("entities", 0, 1)}),
        ItemResult(),
        ItemResult({"calls": calls[1]}),
    )
    assert day.parts == {"calls": calls, "entities": [part("entities", 0, 1)]}


def test_a_day_with_an_unread_document_has_no_digest_so_that_the_next_run_looks_again() -> None:
    assert staged(known=by_key(record("a"))).listing_digest == "digest"
    unread = record("b", SourceOutcome.QUARANTINED, etag="")
    assert staged(known=by_key(record("a"), unread)).listing_digest == ""


def test_large_parts_are_carried_each_for_itself_and_small_ones_together() -> None:
    parts = {
        "calls": [
            part("calls", 2, SMALL_PART_CALLS),
            part("calls", 0, SMALL_PART_CALLS - 1),
            part("calls", 1, SMALL_PART_CALLS + 1),
            part("calls", 3, 1),
        ],
        "entities": [part("entities", 1, 1), part("entities", 3, 9_999)],
    }
    large, small = carried_parts(parts)
    assert large == [
        {"calls": (part("calls", 1, 1).key,), "entities": (part("entities", 1, 1).key,)},
        {"calls": (part("calls", 2, 1).key,)},
    ]
    assert small == {
        "calls": (part("calls", 0, 1).key, part("calls", 3, 1).key),
        "entities": (part("entities", 3, 1).key,),
    }


def test_a_part_without_calls_is_small_and_balance_sheets_are_not_carried() -> None:
    broken = part("quarantined_documents", 4, 9_999)
    large, small = carried_parts(
        {"quarantined_documents": [broken], "etl_runs": [part("etl_runs", 0, 1)]}
    )
    assert (large, small) == ([], {"quarantined_documents": (broken.key,)})
    assert carried_parts({}) == ([], {})


def test_a_file_whose_name_has_no_number_is_refused() -> None:
    with pytest.raises(BalanceError) as caught:
        carried_parts({"calls": [PartFile("curated/x.parquet", 1, 1)]})
    assert str(caught.value) == "curated/x.parquet: expected a file name like part-0000.parquet"


def reading(*names: str) -> DayPlan:
    """A plan that reads these documents."""
    new = tuple(source(name) for name in names)
    return dataclasses.replace(plan(), new=new)


def test_small_old_parts_go_with_the_first_new_documents_only() -> None:
    small, large = part("calls", 0, 1), part("calls", 1, SMALL_PART_CALLS)
    many = [f"{number:04}" for number in range(MAX_DOCUMENTS_PER_ITEM + 1)]
    pieces = pieces_of(reading(*many), {"calls": [small, large]})
    assert [(len(piece.sources), piece.carry) for piece in pieces] == [
        (0, {"calls": (large.key,)}),
        (MAX_DOCUMENTS_PER_ITEM, {"calls": (small.key,)}),
        (1, {}),
    ]


def test_old_parts_are_carried_without_new_documents_too() -> None:
    small, large = part("calls", 0, 1), part("calls", 1, SMALL_PART_CALLS)
    assert [piece.carry for piece in pieces_of(plan(), {"calls": [small, large]})] == [
        {"calls": (large.key,)}, {"calls": (small.key,)},
    ]  # fmt: skip
    assert pieces_of(plan(), {"calls": [large]}) == [Piece((), {"calls": (large.key,)})]


def test_a_day_of_which_nothing_is_left_is_one_empty_piece() -> None:
    assert pieces_of(plan(), {}) == [Piece((), {})]


def test_the_calls_that_a_day_brings_in_are_those_that_were_read() -> None:
    day = staged(
        ItemResult(records=(record("a"), record("b", SourceOutcome.QUARANTINED))),
        ItemResult(records=(record("c"),)),
        known=by_key(record("old")),
    )
    assert day.calls_read == {"a": record("a"), "c": record("c")}
