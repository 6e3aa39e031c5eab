"""One piece of a day: documents in, Parquet files and outcomes out; and how files are read."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cci_lite.contract.arrow import arrow_schema
from cci_lite.contract.columns import TABLES
from cci_lite.errors import LakeError
from cci_lite.flatten.rows import Flattened, Flattener
from cci_lite.nightly.work import ItemResult, WorkItem, flatten_item, read_part, write_part
from cci_lite.ports import SourceOutcome, StoredObject
from tests.small_lake import DAY, TENANT, SmallLake
from tests.unit.nightly.values import NOW

DAMAGED = "one that is damaged or of another table"
PART = f"curated/{TENANT}/calls/call_date=2025-11-05/g/part-0003.parquet"


def item(small_lake: SmallLake, *keys: str, **fields: Any) -> WorkItem:
    """A piece that reads these documents."""
    sources = [small_lake.store.head(key) for key in keys]
    return WorkItem(
        TENANT, DAY, "g", 3, tuple(filter(None, sources)),
        fields.pop("carry", {}), fields.pop("drop", frozenset()),
        tuple(small_lake.forms), "run-1", NOW, **fields,
    )  # fmt: skip


def outcomes(result: ItemResult) -> dict[str, SourceOutcome]:
    return {record.key.rpartition("/")[2]: record.outcome for record in result.records}


def test_a_piece_writes_a_file_for_each_table_that_has_rows(small_lake: SmallLake) -> None:
    result = flatten_item(
        small_lake.store, item(small_lake, small_lake.put("a"), small_lake.put_bytes("b", b"{"))
    )
    assert result.failure is None
    assert outcomes(result) == {"a.json": SourceOutcome.CALL, "b.json": SourceOutcome.QUARANTINED}
    rows = {name: part.rows for name, part in result.parts.items()}
    assert rows == {
        "calls": 1, "qa_criteria": 3, "entities": 1, "key_phrases": 2, "sentiment_segments": 1,
        "action_items": 1, "quarantined_documents": 1,
    }  # fmt: skip
    assert result.parts["calls"].key == PART
    assert result.parts["calls"].bytes == small_lake.store.path(PART).stat().st_size
    assert small_lake.store.read(f"quarantine/{TENANT}/2025/11/05/b.json") == b"{"


def test_a_piece_without_documents_writes_nothing(small_lake: SmallLake) -> None:
    assert flatten_item(small_lake.store, item(small_lake)) == ItemResult()
    assert small_lake.files("curated") == {}


def test_a_document_that_is_gone_since_the_listing_has_no_outcome(small_lake: SmallLake) -> None:
    keys = [small_lake.put("a"), small_lake.put("b")]
    piece = item(small_lake, *keys)
    small_lake.store.delete(keys[0])
    assert outcomes(flatten_item(small_lake.store, piece)) == {"b.json": SourceOutcome.CALL}


def test_a_broken_document_counts_even_when_it_cannot_be_copied(small_lake: SmallLake) -> None:
    piece = item(small_lake, small_lake.put_bytes("a", b"{"))
    small_lake.store.path("quarantine").mkdir()
    small_lake.store.path(f"quarantine/{TENANT}").symlink_to("nowhere")
    result = flatten_item(small_lake.store, piece)
    assert result.failure is None
    assert outcomes(result) == {"a.json": SourceOutcome.QUARANTINED}


def test_rows_of_more_documents_than_are_held_at_once_are_all_written(
    small_lake: SmallLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cci_lite.nightly.work._DOCUMENTS_PER_BATCH", 2)
    result = flatten_item(
        small_lake.store, item(small_lake, *(small_lake.put(f"c{n}") for n in range(5)))
    )
    assert (result.parts["calls"].rows, result.parts["qa_criteria"].rows) == (5, 15)
    assert len(result.records) == 5


def test_carried_rows_stay_but_for_those_of_dropped_documents(small_lake: SmallLake) -> None:
    first = item(small_lake, small_lake.put("b"), dropped := small_lake.put("c"))
    before = flatten_item(small_lake.store, first)
    carry = {name: (part.key,) for name, part in before.parts.items()}
    second = item(small_lake, small_lake.put("a"), carry=carry, drop=frozenset({dropped}))
    after = flatten_item(small_lake.store, dataclasses.replace(second, generation="h"))
    for table_name, part in after.parts.items():
        rows = read_part(small_lake.store, part.key, table_name).to_pylist()
        assert sorted({row["call_id"] for row in rows}) == ["a", "b"], table_name
        keys = [tuple(row[name] for name in TABLES[table_name].key) for row in rows]
        assert keys == sorted(keys), table_name


@pytest.mark.parametrize(
    ("table_name", "more"), [("calls", 1), ("qa_criteria", 3), ("entities", 1)]
)
def test_two_rows_with_one_key_fail_the_piece(
    small_lake: SmallLake, monkeypatch: pytest.MonkeyPatch, table_name: str, more: int
) -> None:
    flatten = Flattener.flatten

    def doubled(flattener: Flattener, documents: Any) -> Flattened:
        found = flatten(flattener, documents)
        twice = pa.concat_tables([found.tables[table_name]] * 2)
        return dataclasses.replace(found, tables={**found.tables, table_name: twice})

    monkeypatch.setattr(Flattener, "flatten", doubled)
    result = flatten_item(small_lake.store, item(small_lake, small_lake.put("a")))
    assert result.failure == f"rows in {table_name}: expected one per key, found {more} more"
    assert (result.parts, result.records) == ({}, ())


@pytest.mark.parametrize(
    ("missing", "reason"),
    [
        ("qa_criteria", "rows in qa_criteria: expected 3, found 0"),
        ("calls", "rows in qa_criteria: expected 0, found 3"),
    ],
)
def test_criteria_that_are_not_those_of_the_calls_fail_the_piece(
    small_lake: SmallLake, monkeypatch: pytest.MonkeyPatch, missing: str, reason: str
) -> None:
    flatten = Flattener.flatten

    def without(flattener: Flattener, documents: Any) -> Flattened:
        found = flatten(flattener, documents)
        others = {name: table for name, table in found.tables.items() if name != missing}
        return dataclasses.replace(found, tables=others)

    monkeypatch.setattr(Flattener, "flatten", without)
    assert flatten_item(small_lake.store, item(small_lake, small_lake.put("a"))).failure == reason


def test_a_file_has_the_columns_and_types_of_its_table_and_checksums_of_its_pages(
    small_lake: SmallLake,
) -> None:
    result = flatten_item(small_lake.store, item(small_lake, small_lake.put("a")))
    file = pq.ParquetFile(small_lake.store.path(PART))
    assert file.schema_arrow.remove_metadata() == arrow_schema("calls").remove_metadata()
    assert file.metadata.row_group(0).column(0).compression == "ZSTD"
    assert result.parts["calls"].rows == file.metadata.num_rows


def test_a_bit_that_turns_in_any_page_is_noticed(small_lake: SmallLake) -> None:
    """Without checksums some bits would turn one text, or number, into another."""
    flatten_item(
        small_lake.store, item(small_lake, *(small_lake.put(f"call-{n}") for n in range(3)))
    )
    whole = small_lake.store.read(PART)
    group = pq.ParquetFile(pa.BufferReader(whole)).metadata.row_group(0)
    column = group.column(0)
    assert column.path_in_schema == "call_id"
    end = (column.dictionary_page_offset or column.data_page_offset) + column.total_compressed_size
    for place in range(end - 12, end):
        data = bytearray(whole)
        data[place] ^= 1
        small_lake.store.write(PART, bytes(data))
        with pytest.raises(LakeError):
            read_part(small_lake.store, PART, "calls")


def test_no_rows_are_no_file(small_lake: SmallLake) -> None:
    assert write_part(small_lake.store, PART, "calls", []) is None
    assert (
        write_part(small_lake.store, PART, "calls", [arrow_schema("calls").empty_table()]) is None
    )
    assert small_lake.store.head(PART) is None


def calls_table(small_lake: SmallLake) -> pa.Table:
    """One row of `calls`."""
    result = flatten_item(small_lake.store, item(small_lake, small_lake.put("a", revision=7)))
    return read_part(small_lake.store, result.parts["calls"].key, "calls")


def put_parquet(small_lake: SmallLake, table: pa.Table, **options: Any) -> None:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, **options)
    small_lake.store.write(PART, sink.getvalue().to_pybytes())


def test_a_column_that_was_added_since_a_file_was_written_is_null_there(
    small_lake: SmallLake,
) -> None:
    put_parquet(small_lake, calls_table(small_lake).drop_columns(["review_reasons", "model_calls"]))
    table = read_part(small_lake.store, PART, "calls")
    assert table.schema == arrow_schema("calls")
    [row] = table.to_pylist()
    assert (row["call_id"], row["review_reasons"], row["model_calls"]) == ("a", None, None)


def test_a_column_of_an_earlier_type_or_place_is_read_as_todays(small_lake: SmallLake) -> None:
    table = calls_table(small_lake)
    place = table.column_names.index("revision")
    narrow = table.set_column(place, "revision", pa.array([7], pa.int8()))
    put_parquet(
        small_lake, narrow.select(narrow.column_names[::-1]).append_column("old", pa.array([1]))
    )
    read = read_part(small_lake.store, PART, "calls")
    assert read.schema == arrow_schema("calls")
    assert read["revision"].to_pylist() == [7]


def _damaged(small_lake: SmallLake) -> None:
    small_lake.store.write(PART, b"not Parquet")


def _bit_turned(small_lake: SmallLake) -> None:
    """In the text of a page, where the file can be read all the same: as another text."""
    put_parquet(small_lake, calls_table(small_lake), compression="none", write_page_checksum=True)
    data = bytearray(small_lake.store.read(PART))
    data[data.index(b"Bill")] ^= 1
    small_lake.store.write(PART, bytes(data))


def _cut_off(small_lake: SmallLake) -> None:
    put_parquet(small_lake, calls_table(small_lake))
    small_lake.store.write(PART, small_lake.store.read(PART)[:-20])


def _another_table(small_lake: SmallLake) -> None:
    table = calls_table(small_lake)
    words = pa.array(["no number"])
    put_parquet(
        small_lake, table.set_column(table.column_names.index("revision"), "revision", words)
    )


def _nothing(_: SmallLake) -> None:
    """Leave no file there."""


@pytest.mark.parametrize(
    ("damage", "found"),
    [
        (_damaged, DAMAGED),
        (_bit_turned, DAMAGED),
        (_cut_off, DAMAGED),
        (_another_table, DAMAGED),
        (_nothing, "No such file or directory"),
    ],
    ids=["no Parquet", "a bit turned", "cut off", "of other types", "gone"],
)
def test_a_file_that_cannot_be_read_is_named(
    small_lake: SmallLake, damage: Callable[[SmallLake], None], found: str
) -> None:
    damage(small_lake)
    with pytest.raises(LakeError) as caught:
        read_part(small_lake.store, PART, "calls")
    assert str(caught.value) == (
        f"{PART}: expected a whole Parquet file of calls, found {found}; put it back from a copy of "
        "the lake, or build the day anew: cci-lite etl rebuild"
    )


def test_a_file_that_may_not_be_read_is_not_said_to_be_damaged(
    small_lake: SmallLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(store: object, key: str) -> bytes:
        raise PermissionError(13, "Permission denied", key)

    monkeypatch.setattr(type(small_lake.store), "read", refuse)
    with pytest.raises(LakeError) as caught:
        read_part(small_lake.store, PART, "calls")
    assert isinstance(caught.value.__cause__, PermissionError)
    assert str(caught.value) == (
        f"{PART}: it may not be read; give this program the right to read it and the folders that "
        "it is in"
    )


def test_what_fails_a_piece_is_told_without_data(
    small_lake: SmallLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    piece = item(small_lake, small_lake.put("jane-doe"))

    def broken(*_: object) -> None:
        raise RuntimeError("Jane Doe said hello")

    monkeypatch.setattr(Flattener, "flatten", broken)
    failure = flatten_item(small_lake.store, piece).failure
    assert failure is not None
    assert failure.startswith("RuntimeError at test_work.py:")
    assert "Jane" not in failure


def test_a_stray_is_quarantined_and_never_copied(small_lake: SmallLake) -> None:
    key = f"unified/{TENANT}/2025/11/05/link.json"
    small_lake.put("a")
    small_lake.store.path(key).symlink_to("a.json")
    piece = dataclasses.replace(
        item(small_lake), sources=(StoredObject(key, "1-", 1, dt.datetime.now(dt.UTC), "a link"),)
    )
    assert outcomes(flatten_item(small_lake.store, piece)) == {
        "link.json": SourceOutcome.QUARANTINED
    }
    assert small_lake.files("quarantine") == {}
    assert small_lake.store.path(key).is_symlink()
