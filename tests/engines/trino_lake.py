"""The S3 and Glue that Trino reads, filled from rows or from a lake on disk."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import boto3
import pyarrow.parquet as pq

from cci_lite.assets import asset_folder
from cci_lite.contract.columns import TABLES, Table
from cci_lite.contract.rendering import glue_type
from cci_lite.contract.unified_table import UNIFIED_COLUMNS
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
    "InputFormat": "org.apache.hadoop.mapred.TextInputFormat",
    "OutputFormat": "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat",
    "SerdeInfo": {
        "SerializationLibrary": "org.openx.data.jsonserde.JsonSerDe",
        "Parameters": {"ignore.malformed.json": "true"},
    },
}


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
