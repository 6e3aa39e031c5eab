"""Lakes to report on, made of calls whose numbers can be counted by hand."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cci_lite.contract.form_reading import parse_draft
from cci_lite.contract.tenant import Tenant
from cci_lite.deploy.tenants import put_form, put_tenant
from cci_lite.laptop import Lake, create_lake
from cci_lite.reports.statements import Query

TENANT = "demo-tenant"
MONDAY = dt.date(2025, 11, 3)
GENERATED_AT = dt.datetime(2025, 11, 23, 2, 10)

CRITERIA = (
    {"id": "greet", "text": "Did the agent greet the customer?", "weight": 1, "required": True},
    {"id": "verify", "text": "Did the agent verify who is calling?", "weight": 2},
    {"id": "close", "text": "Did the agent say goodbye?", "weight": 0.5},
)
PASS, FAIL, NA, UNSCORED = "pass", "fail", "na", "unscored"


@dataclass(frozen=True)
class Call:
    """One judged call. `verdicts` are in the form's order, None without an evaluation."""

    day: dt.date
    agent_id: str | None
    verdicts: Sequence[str] | None
    version: int = 1
    name: str | None = None
    team: str | None = None
    form: str = "support"
    claimed: Mapping[str, float] | None = None


def calls_of(
    agent_id: str | None, passed: int, failed: int, day: dt.date = MONDAY, **fields: Any
) -> list[Call]:
    """Calls of one agent of which so many pass and so many fail (the greeting)."""
    verdicts = [(PASS, PASS, PASS)] * passed + [(FAIL, PASS, PASS)] * failed
    return [Call(day, agent_id, each, **fields) for each in verdicts]


def document(number: int, call: Call, criteria: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The unified document of a call."""
    value: dict[str, Any] = {
        "schema_version": "1.3",
        "tenant_id": TENANT,
        "call_id": f"call-{number:05d}",
        "call_date": call.day.isoformat(),
        "source": {"pii_redacted": True},
    }
    if call.agent_id is not None:
        value["agent"] = {"agent_id": call.agent_id, "name": call.name, "team": call.team}
    if call.verdicts is not None:
        value["qa_evaluation"] = {
            "template_id": call.form,
            "template_version": call.version,
            "criteria": [
                {"id": criterion["id"], "verdict": verdict}
                for criterion, verdict in zip(criteria, call.verdicts, strict=True)
            ],
            **({"reported": dict(call.claimed)} if call.claimed else {}),
        }
    return value


def make_lake(
    folder: Path,
    calls: Sequence[Call],
    *,
    criteria: Sequence[Mapping[str, Any]] = CRITERIA,
    broken: Mapping[str, bytes] | None = None,
) -> Lake:
    """A lake of one tenant with these calls; `broken` are the bytes of other documents by name."""
    lake = create_lake(folder)
    put_tenant(lake.catalog, Tenant(tenant_id=TENANT, name="Demo"))
    for name, version in sorted({(call.form, call.version) for call in calls}):
        draft = parse_draft({"name": name, "version": version, "criteria": list(criteria)})
        put_form(lake.catalog, TENANT, draft)
    for number, call in enumerate(calls):
        data = json.dumps(document(number, call, criteria)).encode()
        lake.store.write(f"unified/{TENANT}/{call.day:%Y/%m/%d}/call-{number:05d}.json", data)
    for name, data in (broken or {}).items():
        lake.store.write(f"unified/{TENANT}/{MONDAY:%Y/%m/%d}/{name}.json", data)
    if calls or broken:
        assert lake.run_etl(workers=1).succeeded
    return lake


@contextmanager
def lake_of(folder: Path, calls: Sequence[Call], **options: Any) -> Iterator[Query]:
    """Runs SQL over a lake with these calls, in the scope of its tenant."""
    with make_lake(folder, calls, **options).reader(TENANT) as query:
        yield query
