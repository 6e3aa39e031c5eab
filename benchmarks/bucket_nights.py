"""One night over a bucket in a process of its own: `python -m benchmarks.bucket_nights NAME …`.

Prints how many rows each table has.
"""

from __future__ import annotations

import json
import sys
from collections import Counter
from pathlib import Path

from benchmarks.bucket_clients import BUCKET, REGION
from benchmarks.documents import FORMS, TENANT_ID

TABLES = (
    *("calls", "qa_criteria", "entities", "key_phrases"),
    *("sentiment_segments", "action_items"),
)


def ours(endpoint: str, folder: Path, workers: int) -> Counter[str]:
    """The nightly run over the store on S3; the catalogue and the forms are in a folder."""
    from cci_lite.aws.lake.store import S3Store
    from cci_lite.local.catalog import SqliteCatalog
    from cci_lite.operations import Operations

    catalog = SqliteCatalog(folder)
    store = S3Store(BUCKET, "curated", REGION, endpoint=endpoint)
    report = Operations(str(folder), store, catalog, catalog).run_etl(workers=workers)
    assert report.succeeded, report
    rows: Counter[str] = Counter()
    for table_name, parts in catalog.parts(TENANT_ID).items():
        if table_name in TABLES:
            rows[table_name] = sum(part.rows for part in parts)
    return rows


def prepare(folder: Path) -> None:
    """A catalogue that knows the tenant and its forms. Not measured."""
    from cci_lite.contract.form_reading import parse_draft
    from cci_lite.contract.tenant import Tenant
    from cci_lite.deploy.tenants import put_form, put_tenant
    from cci_lite.local.catalog import SqliteCatalog

    folder.mkdir()
    catalog = SqliteCatalog(folder)
    put_tenant(catalog, Tenant(tenant_id=TENANT_ID, name=TENANT_ID))
    for form in FORMS:
        put_form(catalog, TENANT_ID, parse_draft(form))
    catalog.close()


def awswrangler(endpoint: str, _: Path, workers: int) -> Counter[str]:
    """`read_json` of each day, the same frames as pandas makes, `to_parquet` of each."""
    import awswrangler as wr

    from benchmarks.contenders.pandas import frames_of

    wr.config.s3_endpoint_url = endpoint
    rows: Counter[str] = Counter()
    prefix = f"s3://{BUCKET}/unified/{TENANT_ID}/"
    days: dict[str, list[str]] = {}
    for path in wr.s3.list_objects(prefix):
        days.setdefault(path.removeprefix(prefix)[:10], []).append(path)
    for day, paths in days.items():
        frame = wr.s3.read_json(
            paths, lines=True, dtype=False, convert_dates=False, use_threads=8 * workers
        )
        documents = frame.astype(object).where(frame.notna(), None).to_dict("records")
        for table_name, table in frames_of(documents).items():
            target = f"s3://curated/{table_name}/{day.replace('/', '-')}.parquet"
            wr.s3.to_parquet(table, target, compression="zstd", index=False)
            rows[table_name] += len(table)
    return rows


NIGHTS = {"ours": ours, "awswrangler": awswrangler}


def main() -> None:
    name, endpoint, folder, workers = sys.argv[1:]
    print(json.dumps(NIGHTS[name](endpoint, Path(folder), int(workers))))


if __name__ == "__main__":
    main()
