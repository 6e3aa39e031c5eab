"""Generations that nobody reads any more."""

from __future__ import annotations

import datetime as dt

from cci_lite.contract.columns import TABLES
from cci_lite.nightly.curated import PROOFS
from cci_lite.nightly.lake import NightlyLake
from cci_lite.tenancy import generation_prefix


def leftover_generations(
    lake: NightlyLake, tenant_id: str, grace: dt.timedelta
) -> list[tuple[dt.date, str]]:
    """Generations of killed runs, and those replaced longer ago than the grace period.

    To be called under the tenant's lease only: another run's new generation looks abandoned.
    """
    return [
        *lake.catalog.abandoned(tenant_id),
        *lake.catalog.retired(tenant_id, lake.clock() - grace),
    ]


def delete_generation(
    lake: NightlyLake, tenant_id: str, call_date: dt.date, generation: str
) -> None:
    """Delete all files of a generation, and then forget it.

    In this order: a generation that is forgotten first and still has files is never deleted. What
    proves it complete goes first: half of a generation must not be taken for one. Raises
    LeaseLostError when another run may be working with them.
    """
    lake.catalog.check_lease(tenant_id)
    for table_name in dict.fromkeys((*PROOFS, *TABLES)):
        lake.store.delete_below(generation_prefix(tenant_id, table_name, call_date, generation))
    lake.catalog.forget(tenant_id, call_date, generation)
