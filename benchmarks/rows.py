"""Rows read back from Parquet, and whether two contenders wrote the same ones."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import asdict, dataclass
from pathlib import Path

import click
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from cci_lite.contract.arrow import arrow_schema
from cci_lite.contract.columns import TABLES

COMPARED_TABLES = (
    "calls",
    "qa_criteria",
    "entities",
    "key_phrases",
    "sentiment_segments",
    "action_items",
)

# What a row says of the run that wrote it differs between runs. The others are findings of the
# product's checks (which version of the file, fields beyond the contract, claims that differ from
# the computed score); an engine that only reshapes JSON has no such thing.
RUN_COLUMNS = frozenset({"etl_run_id"})
CHECK_COLUMNS = frozenset({"source_etag", "unknown_fields", "qa_reported_differs"})


@dataclass(frozen=True)
class TableComparison:
    """Whether one table is the same; `difference` says where the first difference is."""

    table: str
    rows: int
    columns: int
    equal: bool
    difference: str = ""


def compare_rows(
    expected: Path, found: Path, *, left_out: frozenset[str] = RUN_COLUMNS | CHECK_COLUMNS
) -> list[TableComparison]:
    """Every compared table, row for row, after sorting both sides by key.

    Compared are the columns that both have: a column that the tables got after the others were
    written is the product's alone.
    """
    comparisons = []
    for name in COMPARED_TABLES:
        both = columns_of(expected, name) & columns_of(found, name) - left_out
        comparisons.append(
            _compare_table(name, read_rows(expected, name, both), read_rows(found, name, both))
        )
    return comparisons


def columns_of(folder: Path, table_name: str) -> set[str]:
    """The columns of a table that its Parquet files below `folder` have; all when there is none."""
    schema = arrow_schema(table_name)
    files = _files(folder, table_name)
    return set(schema.names).intersection(*(pq.read_schema(path).names for path in files))


def read_rows(folder: Path, table_name: str, columns: Collection[str]) -> pa.Table:
    """A table's rows from all its Parquet files below `folder`, in the order of its key."""
    wanted = pa.schema(
        field.with_nullable(True) for field in arrow_schema(table_name) if field.name in columns
    )
    parts = [
        pq.ParquetFile(path).read(columns=wanted.names).select(wanted.names).cast(wanted)
        for path in _files(folder, table_name)
    ]
    rows = pa.concat_tables([wanted.empty_table(), *parts])
    return rows.sort_by([(name, "ascending") for name in TABLES[table_name].key])


def _files(folder: Path, table_name: str) -> list[Path]:
    return sorted((folder / table_name).rglob("*.parquet"))


def _compare_table(name: str, expected: pa.Table, found: pa.Table) -> TableComparison:
    columns = len(expected.schema)
    if expected.num_rows != found.num_rows:
        difference = f"expected {expected.num_rows} rows, found {found.num_rows}"
        return TableComparison(name, found.num_rows, columns, False, difference)
    for column in expected.column_names:
        if not expected[column].equals(found[column]):
            difference = _first_difference(name, column, expected, found)
            return TableComparison(name, found.num_rows, columns, False, difference)
    return TableComparison(name, found.num_rows, columns, True)


def _first_difference(name: str, column: str, expected: pa.Table, found: pa.Table) -> str:
    ours, theirs = expected[column], found[column]
    both_null = pc.and_(pc.is_null(ours), pc.is_null(theirs))
    same = pc.or_(both_null, pc.fill_null(pc.equal(ours, theirs), False))
    row = pc.index(same, False).as_py()
    key = [expected[part][row].as_py() for part in TABLES[name].key]
    return f"{column} of {key}: expected {ours[row].as_py()!r}, found {theirs[row].as_py()!r}"


@click.command()
@click.argument("expected", type=click.Path(exists=True, path_type=Path))
@click.argument("found", type=click.Path(exists=True, path_type=Path))
@click.option("--all-columns", is_flag=True, help="Compare what the product's checks found, too.")
def main(expected: Path, found: Path, all_columns: bool) -> None:
    """Print the comparison of two folders as JSON."""
    left_out = RUN_COLUMNS if all_columns else RUN_COLUMNS | CHECK_COLUMNS
    compared = compare_rows(expected, found, left_out=left_out)
    click.echo(json.dumps([asdict(table) for table in compared]))


if __name__ == "__main__":
    main()
