"""The product, as a user runs it: `cci-lite etl run` on a lake that was never flattened."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path

from benchmarks.builds import Build
from benchmarks.documents import FORMS, TENANT_ID


def prepare(build: Build, lake: Path, rows: Path, left_out: Collection[Path] = ()) -> None:
    """A new lake at `rows` with the tenant, its forms and the documents of `lake`. Not measured."""
    build.run(build.command("tenants", "add", TENANT_ID, "--lake", rows))
    file = rows / "form.json"
    for form in FORMS:
        file.write_text(json.dumps(form))
        build.run(build.command("forms", "put", file, "--tenant", TENANT_ID, "--lake", rows))
    file.unlink()
    for path in lake.rglob("*.json"):
        if path not in left_out:
            deliver(path, lake, rows)


def deliver(document: Path, lake: Path, rows: Path) -> None:
    """The same file under another name: a lake follows no symbolic links."""
    target = rows / document.relative_to(lake)
    target.parent.mkdir(parents=True, exist_ok=True)
    target.hardlink_to(document)


def command(build: Build, rows: Path, workers: int, *options: str) -> list[str]:
    """Everything that the command does: plan, flatten, check, publish."""
    return build.command(
        *("etl", "run", "--lake", rows, "--workers", str(workers), "--output", "json"), *options
    )


def rows_of(rows: Path) -> Path:
    """Where the tables are."""
    return rows / "curated" / TENANT_ID
