"""What a run reports: its steps while it works, the balance sheets of its days at the end."""

from __future__ import annotations

import collections
import datetime as dt
from collections.abc import Collection
from dataclasses import dataclass, field
from enum import StrEnum

from cci_lite.errors import ContractError
from cci_lite.nightly.run_profile import RunProfile
from cci_lite.ports import SourceOutcome, SourceRecord


@dataclass(frozen=True)
class Progress:
    """One step of a run, for whoever observes it.

    The steps are `cleaned`, then for each day `planned`, `staged`, `written`, `checked`,
    `switched`.
    """

    step: str
    tenant_id: str
    call_date: dt.date | None = None
    documents: int = 0


class DayStatus(StrEnum):
    """How a day of a run ended."""

    PUBLISHED = "published"
    REFUSED = "refused"
    FAILED = "failed"


@dataclass(frozen=True)
class Balance:
    """The balance sheet of one tenant's day: every document has exactly one outcome."""

    sources: int
    calls: int
    superseded: int
    quarantined: int
    discarded: int
    erased: int

    @classmethod
    def of(cls, records: Collection[SourceRecord]) -> Balance:
        """Count the outcomes of a day's documents."""
        counts = collections.Counter(record.outcome for record in records)
        return cls(
            len(records),
            counts[SourceOutcome.CALL],
            counts[SourceOutcome.SUPERSEDED],
            counts[SourceOutcome.QUARANTINED],
            counts[SourceOutcome.DISCARDED],
            counts[SourceOutcome.ERASED],
        )


@dataclass(frozen=True)
class DayReport:
    """What a run did to one tenant's day.

    `left` counts documents that left quarantine because they were deleted at their source, `lost`
    those that expired and of which no row is left.
    """

    tenant_id: str
    call_date: dt.date
    status: DayStatus
    documents_read: int = 0
    balance: Balance | None = None
    reason: str = ""
    left: int = 0
    lost: int = 0


@dataclass(frozen=True)
class ReplayedDocument:
    """A quarantined document that was checked again; `problem` says why it stays there."""

    source_key: str
    problem: ContractError | None


@dataclass
class RunReport:
    """What a run did.

    `busy` are tenants that another run was working on, `failed` those that could not be worked on,
    with the reason. `quarantined` counts what is in quarantine after the run, of all days of each
    tenant that has something there. Beside the tenants' folders lie things `of_no_tenant`.
    """

    etl_run_id: str
    started_at: dt.datetime
    days: list[DayReport] = field(default_factory=list)
    busy: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    replayed: list[ReplayedDocument] = field(default_factory=list)
    quarantined: dict[str, int] = field(default_factory=dict)
    of_no_tenant: int = 0
    profile: RunProfile = field(default_factory=RunProfile)

    @property
    def succeeded(self) -> bool:
        """Whether everything that there was to do was done."""
        published = all(day.status is DayStatus.PUBLISHED for day in self.days)
        return published and not (self.busy or self.failed)
