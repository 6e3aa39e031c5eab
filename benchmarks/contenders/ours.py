"""The product, as a user runs it: `cci-lite etl run` on a lake that was never flattened."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from benchmarks.documents import TENANT_ID, form_draft


def prepare(lake: Path, rows: Path) -> None:
    """A new lake at `rows` with the tenant, its form and the documents of `lake`. Not measured."""
    from cci_lite.contract.tenant import parse_tenant
    from cci_lite.deploy.tenants import put_form, put_tenant
    from cci_lite.laptop import create_lake

    created = create_lake(rows)
    put_tenant(created.catalog, parse_tenant({"tenant_id": TENANT_ID}))
    put_form(created.catalog, TENANT_ID, form_draft())
    created.catalog.close()
    # The same files under another name: a lake follows no links.
    shutil.copytree(lake / "unified", rows / "unified", copy_function=os.link)


def flatten(lake: Path, rows: Path, workers: int) -> None:  # noqa: ARG001 (rows holds it)
    """Everything that the command does: plan, flatten, check, publish."""
    from cci_lite.cli import main

    main(["etl", "run", "--lake", str(rows), "--workers", str(workers), "--output", "json"])


def rows_of(rows: Path) -> Path:
    """Where the tables are."""
    return rows / "curated" / TENANT_ID
