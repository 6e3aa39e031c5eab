"""The S3 and Glue that Trino reads, filled from rows or from a lake on disk."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import boto3
import pyarrow.parquet as pq

from cci_lite.assets import asset_folder
from cci_lite.contract.columns import PARTITION_COLUMNS, TABLES, Column, Table
from cci_lite.contract.ddl import (
    JSON_INPUT,
    JSON_OUTPUT,
    JSON_SERDE,
    JSON_SERDE_PROPERTIES,
    unified_location,
    unified_properties,
)
from cci_lite.contract.rendering import glue_type
from cci_lite.contract.unified_table import (
    UNIFIED_COLUMNS,
    UNIFIED_PARTITION_COLUMNS,
    RawColumn,
)
from cci_lite.tenancy import CURATED, UNIFIED, curated_table_prefix
from cci_lite.views import View, current_views, order_views, read_views
from tests.engines.trino_server import REGION, Trino
from tests.views.case_folders import Case, parquet_files, unified_files

VIEWS = order_views(read_views(asset_folder("sql") / "views"))
CURRENT = current_views(VIEWS)
BUCKET = "cci-lite-lake"
_PARQUET = {
    "InputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
    "OutputFormat": "org.apache.hadoop.hive.ql.io.parquet.MapredParquetOutputFormat",
    "SerdeInfo": {
        "SerializationLibrary": "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe"
    },
}
_JSON = {
    "InputFormat": JSON_INPUT,
    "OutputFormat": JSON_OUTPUT,
    "SerdeInfo": {
        "SerializationLibrary": JSON_SERDE,
        "Parameters": dict(JSON_SERDE_PROPERTIES),
    },
}


def _glue_columns(columns: Iterable[Column | RawColumn]) -> list[dict[str, str]]:
    return [{"Name": column.name, "Type": glue_type(column)} for column in columns]


def _needed(name: str) -> list[View]:
    """A view after all those that it reads."""
    view = CURRENT.get(name)
    if view is None:
        return []
    return [*(each for read in view.reads for each in _needed(read)), view]


class TrinoLake:
    """One database per case, or per tenant of a lake on disk."""

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

    def load_tenant(self, root: Path, tenant_id: str) -> str:
        """Put a tenant's curated files, as they lie in a folder, into a database; its name."""
        database = f"lake_{tenant_id.replace('-', '_')}"
        self._glue.create_database(DatabaseInput={"Name": database})
        for table in TABLES.values():
            self._create_table(database, table)
            prefix = curated_table_prefix(tenant_id, table.name)
            for file in sorted((root / prefix).rglob("*.parquet")):
                key = file.relative_to(root).as_posix()
                self._put(f"{database}/{key}", file.read_bytes())
                folder, call_date = key.rpartition("/")[0], file.parts[-3].partition("=")[2]
                location = f"s3://{BUCKET}/{database}/{folder}/"
                values = [tenant_id, call_date]
                self._add_partition(database, table.name, values, location, _PARQUET)
        for view in VIEWS:
            if view is CURRENT[view.name] and UNIFIED not in view.reads:
                statement = f"CREATE VIEW {view.name} SECURITY INVOKER AS\n{view.sql}"
                self._trino.query(statement, database)
        return database

    def load_json(
        self, database: str, columns: list[dict[str, str]], files: Mapping[str, bytes]
    ) -> str:
        """Put files into a JSON table `t`, each as a day of its own; the database's name."""
        self._glue.create_database(DatabaseInput={"Name": database})
        location = f"s3://{BUCKET}/{database}/"
        days = [{"Name": "day", "Type": "string"}]
        self._table(database, "t", columns, days, location, _JSON)
        for day, data in files.items():
            self._put(f"{database}/{day}/file.json", data)
            self._add_partition(database, "t", [day], f"{location}{day}/", _JSON)
        return database

    def load_projected(self, database: str, documents: Mapping[str, bytes]) -> str:
        """Put documents into a bucket below the declared table `unified`; the database's name."""
        bucket = database.replace("_", "-")
        self._s3.create_bucket(
            Bucket=bucket, CreateBucketConfiguration={"LocationConstraint": REGION}
        )
        for key, data in documents.items():
            self._s3.put_object(Bucket=bucket, Key=key, Body=data)
        self._glue.create_database(DatabaseInput={"Name": database})
        self._table(
            database,
            UNIFIED,
            _glue_columns(UNIFIED_COLUMNS),
            _glue_columns(UNIFIED_PARTITION_COLUMNS),
            unified_location(bucket),
            _JSON,
            unified_properties(bucket),
        )
        return database

    def _put(self, key: str, data: bytes) -> None:
        self._s3.put_object(Bucket=BUCKET, Key=key, Body=data)

    def _create_table(self, database: str, table: Table) -> None:
        columns, keys = map(_glue_columns, (table.columns, PARTITION_COLUMNS))
        location = f"s3://{BUCKET}/{database}/{CURATED}/{table.name}/"
        self._table(database, table.name, columns, keys, location, _PARQUET)

    def _load_unified(self, database: str, case: Case) -> None:
        columns, keys = map(_glue_columns, (UNIFIED_COLUMNS, UNIFIED_PARTITION_COLUMNS))
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
        properties: Mapping[str, str] = {},
    ) -> None:
        self._glue.create_table(
            DatabaseName=database,
            TableInput={
                "Name": name,
                "TableType": "EXTERNAL_TABLE",
                "Parameters": {"EXTERNAL": "TRUE", **properties},
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
