"""Builds small lakes of a few tenants and calls."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from cci_lite.contract.form import Form
from cci_lite.contract.form_reading import parse_draft
from cci_lite.contract.tenant import Tenant
from cci_lite.deploy.tenants import put_form, put_tenant
from cci_lite.local.catalog import SqliteCatalog
from cci_lite.local.folder import FolderStore
from cci_lite.local.processes import Inline
from cci_lite.nightly.lake import NightlyLake
from cci_lite.nightly.planning import RunOptions
from cci_lite.nightly.run import run_etl
from cci_lite.nightly.run_report import RunReport
from cci_lite.nightly.work import read_part
from cci_lite.ports import WorkerPool

DAY = dt.date(2025, 11, 5)
NEXT_DAY = dt.date(2025, 11, 6)
TENANT = "demo-tenant"

FORM: dict[str, Any] = {
    "criteria": [
        {"id": "greet_01", "text": "Did the agent greet?", "weight": 1, "required": True},
        {"id": "confirm_02", "text": "Did the agent confirm?", "weight": 0.5},
        {"id": "close_03", "text": "Did the agent say goodbye?", "weight": 1},
    ]
}

# For tests, or whole modules, whose runs shall work in this process and in several: only those draw
# work ahead, so that a day is staged before the one in front of it is published.
# PySpark leaves the closing of its sockets to the garbage collector.
SPARK = pytest.param(
    "spark",
    marks=[
        pytest.mark.spark,
        pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning"),
    ],
)
EVERY_POOL = pytest.mark.parametrize("small_lake", ["inline", "processes", SPARK], indirect=True)


def form() -> Form:
    """The form that the documents of `document` are judged against."""
    return parse_draft(FORM).as_version(1)


def document(
    call_id: str, *, tenant_id: str = TENANT, day: dt.date = DAY, **fields: Any
) -> dict[str, Any]:
    """A valid 1.2 document; `passed` per criterion can be given as `verdicts`."""
    verdicts = fields.pop("verdicts", (True, False, None))
    criteria = [
        {"id": criterion["id"], "passed": passed, "reason": "seen"}
        for criterion, passed in zip(FORM["criteria"], verdicts, strict=True)
    ]
    return {
        "tenant_id": tenant_id,
        "call_id": call_id,
        "call_date": day.isoformat(),
        "sentiment": {"ResultList": [{"Sentiment": "NEUTRAL"}]},
        "key_phrases": {"ResultList": [{"KeyPhrases": [{"Text": "order"}, {"Text": "bill"}]}]},
        "entities": {"ResultList": [{"Entities": [{"Text": "Acme", "Type": "ORGANIZATION"}]}]},
        "ai_summary": {"issue": "Bill", "action_items": ["Send bill"], "tone_score": 70},
        "qa_evaluation": {"criteria": criteria},
        "source": {"pii_redacted": True},
        **fields,
    }


@dataclass
class SmallLake:
    """A lake in a folder, and a clock that only moves when it is told to."""

    root: Path
    now: dt.datetime = dt.datetime(2025, 11, 7, 2, tzinfo=dt.UTC)
    runs: int = 0
    pool: WorkerPool = field(default_factory=Inline)
    forms: list[Form] = field(default_factory=lambda: [form()])

    def __post_init__(self) -> None:
        self.root.mkdir(parents=True, exist_ok=True)
        self.store = FolderStore(self.root)
        self.catalog = SqliteCatalog(self.root)

    @property
    def lake(self) -> NightlyLake:
        return NightlyLake(self.store, self.catalog, lambda: self.now)

    def register(self, tenant_id: str = TENANT) -> None:
        """Make the tenant known to commands that look it up."""
        put_tenant(self.catalog, Tenant(tenant_id=tenant_id, name=tenant_id))
        put_form(self.catalog, tenant_id, parse_draft({**FORM, "version": 1}))

    def put(
        self, call_id: str, *, tenant_id: str = TENANT, day: dt.date = DAY, **fields: Any
    ) -> str:
        """Write a valid document where it belongs; its key."""
        data = json.dumps(document(call_id, tenant_id=tenant_id, day=day, **fields)).encode()
        return self.put_bytes(call_id, data, tenant_id=tenant_id, day=day)

    def put_bytes(
        self, name: str, data: bytes, *, tenant_id: str = TENANT, day: dt.date = DAY
    ) -> str:
        """Write any bytes as the document of that name; its key."""
        key = f"unified/{tenant_id}/{day:%Y/%m/%d}/{name}.json"
        self.store.write(key, data)
        return key

    def run(self, *tenants: str, **options: Any) -> RunReport:
        """Run the night for these tenants."""
        self.runs += 1
        return run_etl(
            self.lake,
            dict.fromkeys(tenants or (TENANT,), self.forms),
            f"run-{self.runs}",
            pool=self.pool,
            options=RunOptions(**options),
        )

    def rows(self, table_name: str, *, tenant_id: str = TENANT) -> list[dict[str, Any]]:
        """What readers see of a table."""
        parts = self.catalog.parts(tenant_id).get(table_name, [])
        if not parts:
            return []
        tables = [read_part(self.store, part.key, table_name) for part in parts]
        rows: list[dict[str, Any]] = pa.concat_tables(tables).to_pylist()
        return rows

    def call_ids(self, *, tenant_id: str = TENANT) -> list[str]:
        """The calls that readers see, ordered."""
        return sorted(row["call_id"] for row in self.rows("calls", tenant_id=tenant_id))

    def files(self, *roots: str) -> dict[str, tuple[int, int]]:
        """Every file below these folders with its size and modification time."""
        return {
            path.relative_to(self.root).as_posix(): (path.stat().st_size, path.stat().st_mtime_ns)
            for path in self._all_files(roots)
        }

    def _all_files(self, roots: Iterable[str]) -> Iterable[Path]:
        for root in roots:
            yield from (path for path in (self.root / root).rglob("*") if path.is_file())
