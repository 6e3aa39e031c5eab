"""Cases of views: `<view>/<case>/` with `rows.yaml` (what the tables hold) and `expect.yaml`.

A row names only the columns that matter; the others have the value that says nothing.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from ruamel.yaml import YAML

from cci_lite.contract.columns import TABLES, ColumnType, Table
from cci_lite.local.tenant_files import SnapshotFile, TenantSnapshot
from cci_lite.tenancy import UNIFIED, parse_unified_key, part_key

HERE = Path(__file__).parent
Row = dict[str, Any]

_ARROW = {
    ColumnType.VARCHAR: pa.string(),
    ColumnType.BIGINT: pa.int64(),
    ColumnType.DOUBLE: pa.float64(),
    ColumnType.BOOLEAN: pa.bool_(),
    ColumnType.DATE: pa.date32(),
    ColumnType.TIMESTAMP: pa.timestamp("ms"),
}
_NOTHING = {
    ColumnType.VARCHAR: "-",
    ColumnType.BIGINT: 0,
    ColumnType.BOOLEAN: False,
}
_GIVEN = {
    "calls": {"agent_id": "unknown", "qa_outcome": "none", "revision": 1},
    "qa_criteria": {"agent_id": "unknown", "qa_outcome": "none", "position": 1},
}
_PASSED = {"pass": True, "fail": False}


@dataclass(frozen=True)
class Case:
    """One case: the rows of each table, and what the view is to yield."""

    view: str
    name: str
    tables: Mapping[str, list[Row]]
    documents: list[Row]
    expected: list[Row]

    @property
    def tenants(self) -> list[str]:
        """The tenants with rows."""
        rows = [row for rows in self.tables.values() for row in rows]
        return sorted({row["tenant_id"] for row in [*rows, *self.documents]})


def read_cases(view: str | None = None) -> list[Case]:
    """Every case, or those of one view."""
    folders = sorted(path.parent for path in HERE.glob(f"{view or '*'}/*/rows.yaml"))
    return [_read_case(folder) for folder in folders]


def _read_case(folder: Path) -> Case:
    yaml = YAML(typ="safe")
    rows = yaml.load(folder / "rows.yaml")
    expected = yaml.load(folder / "expect.yaml")["rows"]
    documents = rows.pop(UNIFIED, [])
    tables = {name: filled_rows(name, given) for name, given in rows.items()}
    return Case(folder.parent.name, folder.name, tables, documents, expected)


def filled_rows(table: str, given: list[Row]) -> list[Row]:
    """Whole rows of a table from what is given of each."""
    return [_filled(TABLES[table], row) for each in given for row in _repeated(each)]


def _repeated(given: Row) -> list[Row]:
    """`repeat: 3` stands for three calls that differ in their id only."""
    times = given.pop("repeat", None)
    if times is None:
        return [given]
    return [given | {"call_id": f"{given['call_id']}-{number}"} for number in range(times)]


def _filled(table: Table, given: Row) -> Row:
    """A whole row: what is given, what follows from it, and for the rest what says nothing."""
    row = {
        column.name: None if column.nullable else _NOTHING[column.type] for column in table.columns
    }
    row |= _GIVEN.get(table.name, {}) | given
    unknown = row.keys() - {*table.column_names, "tenant_id", "call_date"}
    assert not unknown, f"{table.name} has no column {unknown}"
    if table.name == "qa_criteria":
        passed = _PASSED.get(row["verdict"])
        row |= {
            "passed": passed,
            "is_passed": int(passed is True),
            "is_failed": int(passed is False),
            "is_evaluated": int(passed is not None),
        }
    return row


def parquet_files(case: Case) -> Iterator[tuple[str, str, Row, pa.Table]]:
    """Each Parquet file of a case: its key, table and partition, and what is in it."""
    for name, rows in case.tables.items():
        table = TABLES[name]
        schema = pa.schema([(column.name, _ARROW[column.type]) for column in table.columns])
        for tenant, day in sorted({(row["tenant_id"], row["call_date"]) for row in rows}):
            part = [row for row in rows if (row["tenant_id"], row["call_date"]) == (tenant, day)]
            stored = [{column: row[column] for column in table.column_names} for row in part]
            key = part_key(tenant, name, day, "20251201T000000", 0)
            partition = {"tenant_id": tenant, "call_date": day}
            yield key, name, partition, pa.Table.from_pylist(stored, schema=schema)


def unified_files(case: Case) -> Iterator[tuple[str, bytes]]:
    """Each raw document of a case: its key and bytes."""
    for number, given in enumerate(case.documents):
        document = given["document"]
        data = document if isinstance(document, str) else json.dumps(document)
        key = f"{UNIFIED}/{given['tenant_id']}/{given['day']}/document-{number}.json"
        yield key, data.encode() + b"\n"


def write_lake(case: Case, folder: Path) -> dict[str, TenantSnapshot]:
    """The case as a lake in a folder; the snapshot of each tenant."""
    tables: dict[str, dict[str, list[SnapshotFile]]] = {tenant: {} for tenant in case.tenants}
    unified: dict[str, list[SnapshotFile]] = {tenant: [] for tenant in case.tenants}
    for key, name, partition, rows in parquet_files(case):
        path = folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(rows, path, compression="zstd")
        file = SnapshotFile(path, partition["call_date"])
        tables[partition["tenant_id"]].setdefault(name, []).append(file)
    for key, data in unified_files(case):
        path = folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        place = parse_unified_key(key)
        unified[place.tenant_id].append(SnapshotFile(path, place.call_date))
    return {
        tenant: TenantSnapshot(
            tenant,
            {name: tuple(paths) for name, paths in tables[tenant].items()},
            tuple(unified[tenant]),
        )
        for tenant in case.tenants
    }


def in_key_order(rows: list[Row], key: tuple[str, ...]) -> list[Row]:
    """Rows by their key, so that two results can be laid side by side."""
    return sorted(rows, key=lambda row: tuple((row[name] is None, row[name]) for name in key))
