"""The checksum that a part carries: it notices every damage, and nothing else."""

from __future__ import annotations

import io

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cci_lite.contract.part_checksum import (
    CHECKSUM_KEY,
    NO_CHECKSUM,
    is_intact,
    set_checksum,
)

# Text of others that looks like the checksum: it is in the statistics, so in the footer too.
HOSTILE = f"{CHECKSUM_KEY}\x18\x0801234567"


def part(text: str = HOSTILE) -> bytes:
    sink = pa.BufferOutputStream()
    table = pa.table({"call_id": [text, "b"]})
    with pq.ParquetWriter(sink, table.schema, store_schema=False) as writer:
        writer.write_table(table)
        writer.add_key_value_metadata({CHECKSUM_KEY: NO_CHECKSUM})
    data = memoryview(sink.getvalue()).cast("B")
    set_checksum(data)
    return bytes(data)


@pytest.mark.parametrize("text", ["a", HOSTILE], ids=["text", "hostile text"])
def test_a_part_is_intact_and_parquet_all_the_same(text: str) -> None:
    data = part(text)
    assert is_intact(io.BytesIO(data)) is True
    assert pq.read_table(io.BytesIO(data)).column("call_id").to_pylist() == [text, "b"]


@pytest.mark.parametrize("text", ["a", HOSTILE], ids=["text", "hostile text"])
def test_every_bit_that_turns_is_noticed(text: str) -> None:
    """Also one of the key or the length of the checksum itself, without which there seems none."""
    data = part(text)
    for at in range(len(data)):
        turned = bytearray(data)
        turned[at] ^= 1 << at % 8
        assert is_intact(io.BytesIO(turned)) is False, at


def test_a_part_that_is_cut_off_or_longer_is_not_intact() -> None:
    data = part()
    for other in (b"", data[:3], data[:-1], data[:-20], data[1:], data + b"x", data * 2):
        assert is_intact(io.BytesIO(other)) is False


def test_a_part_of_an_earlier_version_has_no_checksum() -> None:
    sink = io.BytesIO()
    pq.write_table(pa.table({"call_id": ["a"]}), sink)
    assert is_intact(sink) is None
