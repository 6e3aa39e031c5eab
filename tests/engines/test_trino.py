"""Every case of every view on Trino: the same rows and types as on DuckDB."""

from __future__ import annotations

import datetime as dt
import io
from pathlib import Path
from typing import Any

import boto3
import pyarrow.parquet as pq
import pytest

from cci_lite.assets import asset_folder
from cci_lite.contract.columns import TABLES, Table
from cci_lite.contract.rendering import glue_type
from cci_lite.contract.unified_table import UNIFIED_COLUMNS
from cci_lite.local.duckdb_engine import open_engine
from cci_lite.tenancy import CURATED, UNIFIED
from cci_lite.views import View, duckdb_views, order_views, read_views, view_schema
from tests.engines.trino_server import REGION, Answer, Trino
from tests.views.case_folders import (
    Case,
    Row,
    in_key_order,
    parquet_files,
    read_cases,
    unified_files,
    write_lake,
)

pytestmark = pytest.mark.trino

VIEWS = order_views(read_views(asset_folder("sql") / "views"))
SCHEMA = view_schema(VIEWS)
SELECTS = duckdb_views(VIEWS)
CASES = read_cases()
BUCKET = "cci-lite-lake"
_PARQUET = {
    "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    "OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
    "SerdeInfo": {
        "SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
    },
}
_JSON = {
    "InputFormat": "org.apache.hadoop.mapred.TextInputFormat",
    "OutputFormat": "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
    "SerdeInfo": {
        "SerializationLibrary": "org.openx.data.jsonserde.JsonSerDe",
        "Parameters": {"ignore.malformed.json": "true"},
    },
}


def _needed(name: str) -> list[View]:
    """A view after all those that it reads."""
    view = next((view for view in VIEWS if view.name == name), None)
    if view is None:
        return []
    return [*(each for read in view.reads for each in _needed(read)), view]


class Lake:
    """The S3 and Glue that Trino reads: one database per case."""

    def __init__(self, trino: Trino) -> None:
        credentials = {
            "endpoint_url": trino.aws_endpoint,
            "region_name": REGION,
            "aws_access_key_id": "test",
            "aws_secret_access_key": "test",
        }
        self._trino = trino
        self._s3 = boto3.client("s3", **credentials)
        self._glue = boto3.client("glue", **credentials)
        self._s3.create_bucket(
            Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION}
        )

    def load(self, case: Case) -> str:
        """Put a case's tables and views into a database of its own; its name."""
        database = f"{case.view}_{case.name}".lower()
        self._glue.create_database(DatabaseInput={"Name": database})
        views = _needed(case.view)
        reads = {name for view in views for name in view.reads}
        for name in reads & TABLES.keys():
            self._create_table(database, TABLES[name])
        for key, name, partition, rows in parquet_files(case):
            assert name in reads, f"{case.view} does not read {name}"
            buffer = io.BytesIO()
            pq.write_table(rows, buffer, compression="zstd")
            self._put(f"{database}/{key}", buffer.getvalue())
            values = [partition["tenant_id"], str(partition["call_date"])]
            location = f"s3://{BUCKET}/{database}/{key.rpartition('/')[0]}/"
            self._add_partition(database, name, values, location, _PARQUET)
        if UNIFIED in reads:
            self._load_unified(database, case)
        for view in views:
            self._trino.query(f"CREATE VIEW {view.name} SECURITY INVOKER AS\n{view.sql}", database)
        return database

    def _put(self, key: str, data: bytes) -> None:
        self._s3.put_object(Bucket=BUCKET, Key=key, Body=data)

    def _create_table(self, database: str, table: Table) -> None:
        columns = [{"Name": column.name, "Type": glue_type(column)} for column in table.columns]
        location = f"s3://{BUCKET}/{database}/{CURATED}/{table.name}/"
        keys = [{"Name": "tenant_id", "Type": "string"}, {"Name": "call_date", "Type": "date"}]
        self._table(database, table.name, columns, keys, location, _PARQUET)

    def _load_unified(self, database: str, case: Case) -> None:
        columns = [{"Name": column.name, "Type": glue_type(column)} for column in UNIFIED_COLUMNS]
        keys = [{"Name": "tenant_id", "Type": "string"}, {"Name": "day", "Type": "string"}]
        location = f"s3://{BUCKET}/{database}/{UNIFIED}/"
        self._table(database, UNIFIED, columns, keys, location, _JSON)
        days = set()
        for key, data in unified_files(case):
            self._put(f"{database}/{key}", data)
            _, tenant, year, month, day, _ = key.split("/")
            days.add((tenant, f"{year}/{month}/{day}"))
        for tenant, day in sorted(days):
            self._add_partition(
                database, UNIFIED, [tenant, day], f"{location}{tenant}/{day}/", _JSON
            )

    def _table(
        self,
        database: str,
        name: str,
        columns: list[dict[str, str]],
        keys: list[dict[str, str]],
        location: str,
        storage: dict[str, Any],
    ) -> None:
        self._glue.create_table(
            DatabaseName=database,
            TableInput={
                "Name": name,
                "TableType": "EXTERNAL_TABLE",
                "Parameters": {"EXTERNAL": "TRUE"},
                "PartitionKeys": keys,
                "StorageDescriptor": {"Columns": columns, "Location": location, **storage},
            },
        )

    def _add_partition(
        self, database: str, name: str, values: list[str], location: str, storage: dict[str, Any]
    ) -> None:
        table = self._glue.get_table(DatabaseName=database, Name=name)["Table"]
        columns = table["StorageDescriptor"]["Columns"]
        self._glue.create_partition(
            DatabaseName=database,
            TableName=name,
            PartitionInput={
                "Values": values,
                "StorageDescriptor": {"Columns": columns, "Location": location, **storage},
            },
        )


@pytest.fixture(scope="module")
def lake(trino: Trino) -> Lake:
    return Lake(trino)


@pytest.fixture(scope="module")
def case_answers(trino: Trino, lake: Lake) -> dict[str, Answer]:
    """What Trino says to each case."""
    return {
        f"{case.view}/{case.name}": trino.query(f"SELECT * FROM {case.view}", lake.load(case))
        for case in CASES
    }


def plain(value: object) -> object:
    """A value as both engines give it."""
    return value.replace(tzinfo=None) if isinstance(value, dt.datetime) else value


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.view}-{case.name}")
def test_trino_and_duckdb_yield_the_same_rows_and_types(
    case: Case, case_answers: dict[str, Answer], tmp_path: Path
) -> None:
    answer = case_answers[f"{case.view}/{case.name}"]
    types = {
        name: kind.partition("(")[0] if kind.startswith("varchar") else kind
        for name, kind in answer.columns
    }
    assert types == SCHEMA[case.view]
    assert list(types) == list(SCHEMA[case.view])
    rows: list[Row] = []
    for snapshot in write_lake(case, tmp_path).values():
        with open_engine(snapshot, SELECTS) as engine:
            rows += engine.query(f"SELECT * FROM {case.view}").to_pylist()
    key = next(view.key for view in VIEWS if view.name == case.view)
    names = [name for name, _ in answer.columns]
    trino_rows = [dict(zip(names, map(plain, row), strict=True)) for row in answer.rows]
    assert in_key_order(trino_rows, key) == in_key_order(rows, key)
