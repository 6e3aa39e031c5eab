"""The function `reconciler`: redrives stalled calls, and balances each day."""

from __future__ import annotations

import dataclasses
import datetime as dt
from collections.abc import Callable, Mapping
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
from cci_lite.pipeline.reconcile import Sweep, in_turn, is_time, reconcile_all
from cci_lite.pipeline.redrive import Reconciling
from cci_lite.pipeline.rewrite import Rewriting, rewrite_document

# By then, uploads from just before midnight UTC have been registered.
BALANCED_FROM = dt.time(0, 15)
# The share of the time that is reserved for the balance, however long a sweep would take.
BALANCE_SHARE = 0.2
# The seconds of an invocation without a limit.
WITHOUT_END = 86_400.0


def reconciler(here: Installation, event: Any, context: Any) -> dict[str, int]:
    """Sweep over all tenants, and balance the day before until it is settled.

    `{"task": "balance", "day": "2025-11-05"}` balances that day, even if it is settled, and sweeps
    nothing. Returns the counts; raises PipelineError `day_invalid`.
    """
    reconciling = dataclasses.replace(here.once(_reconciling), remaining=_remaining(context))
    if isinstance(event, Mapping) and event.get("task") == "balance":
        return _balance(here, reconciling, _day_of(event), again=True)
    now = here.clock().astimezone(dt.UTC)
    if now.time() < BALANCED_FROM:
        return _swept(reconcile_all(reconciling))
    # Without this a large backlog would use up every invocation, and no day would be balanced.
    kept = BALANCE_SHARE * reconciling.remaining()
    sweeping = dataclasses.replace(reconciling, remaining=lambda: reconciling.remaining() - kept)
    swept = _swept(reconcile_all(sweeping))
    yesterday = now.date() - dt.timedelta(days=1)
    return {**swept, **_balance(here, reconciling, yesterday, again=False)}


def _remaining(context: Any) -> Callable[[], float]:
    """The seconds that the function may still run."""
    milliseconds = getattr(context, "get_remaining_time_in_millis", None)
    return (lambda: milliseconds() / 1000) if milliseconds else lambda: WITHOUT_END


def _swept(sweep: Sweep) -> dict[str, int]:
    return {"swept": len(sweep.done), "left": sweep.left}


def _day_of(event: Mapping[str, Any]) -> dt.date:
    try:
        return dt.date.fromisoformat(event["day"])
    except (KeyError, TypeError, ValueError):
        raise PipelineError("day_invalid") from None


def _balance(
    here: Installation, reconciling: Reconciling, day: dt.date, *, again: bool
) -> dict[str, int]:
    """Balance a day of all tenants; a failure of one does not stop the others.

    Unless `again`, those whose day is settled are left out.
    """
    tenant_ids = in_turn(reconciling.tenants.tenant_ids(), here.clock())
    counts = {"balanced": 0, "unbalanced": 0, "failed": 0, "unbegun": 0}
    for tenant_id in tenant_ids:
        if not is_time(reconciling):
            counts["unbegun"] += 1
            continue
        with here.telemetry.about(tenant_id=tenant_id, day=day.isoformat()):
            try:
                balance = partial(_balance_of_one, reconciling, tenant_id, day, again=again)
                balanced = guarded(here.telemetry, balance)
            except PipelineError:
                counts["failed"] += 1
            else:
                if balanced is not None:
                    counts["balanced" if balanced else "unbalanced"] += 1
    if counts["unbegun"]:
        here.telemetry.log("balance_cut_short", day=day.isoformat(), count=counts["unbegun"])
    return counts


def _balance_of_one(
    reconciling: Reconciling, tenant_id: str, day: dt.date, *, again: bool
) -> bool | None:
    """Whether a tenant's day is balanced; None for one that is settled, unless `again`.

    It is settled when none of its calls is still open.
    """
    note = _note_of(tenant_id, day)
    if not again and reconciling.registry.is_noted(note):
        return None
    balance = balance_day(reconciling, tenant_id, day)
    if balance.is_settled:
        reconciling.registry.note(note, reconciling.clock())
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
