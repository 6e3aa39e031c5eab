"""The function that drives on what has come to a halt, and balances the days."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from cci_lite.errors import PipelineError
from cci_lite.functions.adapters import (
    dispatcher_of,
    files_of,
    notifier_of,
    recordings_of,
    registry_of,
    tenants_of,
    transcriber_of,
)
from cci_lite.functions.guard import guarded
from cci_lite.functions.wiring import Installation
from cci_lite.pipeline.balance import balance_day
from cci_lite.pipeline.reconcile import Reconciling, reconcile_all
from cci_lite.pipeline.rewrite import Rewriting, rewrite_document

# What was uploaded just before midnight UTC has been registered by then.
BALANCED_FROM = dt.time(0, 15)


def reconciler(here: Installation, event: Any, context: Any) -> dict[str, int]:  # noqa: ARG001
    """Sweep over all tenants, and balance the day before until it is settled.

    `{"task": "balance", "day": "2025-11-05"}` balances that day, again if need be, and sweeps
    nothing. Returns what was counted; raises PipelineError `day_invalid`.
    """
    reconciling = here.once(_reconciling)
    if isinstance(event, Mapping) and event.get("task") == "balance":
        return _balance(here, reconciling, reconciling.tenants.tenant_ids(), _day_of(event))
    swept = reconcile_all(reconciling)
    now = here.clock().astimezone(dt.UTC)
    if now.time() < BALANCED_FROM:
        return {"swept": len(swept)}
    yesterday = now.date() - dt.timedelta(days=1)
    due = [
        tenant_id
        for tenant_id in reconciling.tenants.tenant_ids()
        if not reconciling.registry.is_noted(_note_of(tenant_id, yesterday))
    ]
    return {"swept": len(swept), **_balance(here, reconciling, due, yesterday)}


def _day_of(event: Mapping[str, Any]) -> dt.date:
    try:
        return dt.date.fromisoformat(event["day"])
    except (KeyError, TypeError, ValueError):
        raise PipelineError("day_invalid") from None


def _balance(
    here: Installation, reconciling: Reconciling, tenant_ids: Iterable[str], day: dt.date
) -> dict[str, int]:
    """Balance a day of these tenants; one that is in trouble does not stop the others."""
    counts = {"balanced": 0, "unbalanced": 0, "failed": 0}
    for tenant_id in tenant_ids:
        with here.telemetry.about(tenant_id=tenant_id, day=day.isoformat()):
            try:
                balanced = guarded(
                    here.telemetry, partial(_balance_of_one, reconciling, tenant_id, day)
                )
            except PipelineError:
                counts["failed"] += 1
            else:
                counts["balanced" if balanced else "unbalanced"] += 1
    return counts


def _balance_of_one(reconciling: Reconciling, tenant_id: str, day: dt.date) -> bool:
    """Balance a tenant's day; it is settled when none of its calls is on its way any more."""
    balance = balance_day(reconciling, tenant_id, day)
    if not balance.open:
        reconciling.registry.note(_note_of(tenant_id, day), reconciling.clock())
    return balance.balanced


def _note_of(tenant_id: str, day: dt.date) -> str:
    return f"balanced#{tenant_id}#{day.isoformat()}"


def _reconciling(here: Installation) -> Reconciling:
    registry, files, tenants = registry_of(here), files_of(here), tenants_of(here)
    rewriting = Rewriting(registry, files, tenants, here.telemetry, here.clock)
    return Reconciling(
        input_bucket=here.settings.input_bucket,
        registry=registry,
        recordings=recordings_of(here),
        files=files,
        transcriber=transcriber_of(here),
        tenants=tenants,
        dispatcher=dispatcher_of(here),
        notifier=notifier_of(here),
        telemetry=here.telemetry,
        clock=here.clock,
        rewrite=partial(rewrite_document, rewriting),
    )
