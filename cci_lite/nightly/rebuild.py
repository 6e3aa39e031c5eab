"""Data that is not as it was published: which days have to be put back, and what became of it."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from cci_lite.nightly.lake import NightlyLake
from cci_lite.nightly.planning import RunOptions
from cci_lite.nightly.repair import RepairReport, RepairStatus, unknown_days
from cci_lite.nightly.run_report import RunReport
from cci_lite.nightly.verify import data_findings

# What was replaced is kept, however long ago: it may hold what is to be put back.
KEEP_ALL = dt.timedelta(days=36_500)


@dataclass(frozen=True)
class RebuildReport:
    """What a rebuild did: to the catalogue first, then to the data; None where that is in order."""

    repair: RepairReport
    run: RunReport | None

    @property
    def succeeded(self) -> bool:
        """Whether everything is in order now."""
        repair = self.repair
        known = not any(day.discarded for day in repair.days)
        mended = self.run is None or self.run.succeeded
        return mended and known and not (repair.busy or repair.failed)

    @property
    def notes(self) -> list[str]:
        """What the repair could not bring back of days whose data was in order."""
        return [
            f"{day.tenant_id} {day.call_date}: {day.note}"
            for day in self.repair.days
            if day.note and day.status in (RepairStatus.RESTORED, RepairStatus.MANIFEST)
        ]


def plan_rebuild(
    lake: NightlyLake,
    tenant_id: str,
    *,
    since: dt.date | None = None,
    until: dt.date | None = None,
    allow_loss: bool = False,
) -> RunOptions | None:
    """How a run has to behave to put a tenant's data back; None when it is as it was published.

    Days that the catalogue does not know are among those that the run looks at, and refuses without
    `allow_loss`: nobody can say what they would lose.
    """
    chosen = RunOptions(since=since, until=until)
    damaged = {
        finding.call_date
        for finding in data_findings(lake, tenant_id, chosen.covers)
        if finding.call_date is not None
    }
    damaged |= {day for day in unknown_days(lake, tenant_id) if chosen.covers(day)}
    if not damaged:
        return None
    return RunOptions(
        since=min(damaged),
        until=max(damaged),
        mend=frozenset(damaged),
        grace=KEEP_ALL,
        allow_loss=allow_loss,
        allow_shrink=allow_loss,
    )
