"""What became of the inputs of one delivery, added up as they are done."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field

from cci_lite.contract.conversation import UnknownAgent
from cci_lite.errors import UnredactedError
from cci_lite.pipeline.document_writing import Written
from cci_lite.pipeline.documents import Hearing, InputReport

SHOWN = 20


@dataclass
class CountedLines:
    """Lines of which the first are shown: a file may have millions that are refused."""

    count: int = 0
    first: list[str] = field(default_factory=list)

    def add(self, line: str) -> None:
        """Count a line, and keep it when it will be shown."""
        self.count += 1
        if self.count <= SHOWN:
            self.first.append(line)


@dataclass
class Untold:
    """What the transcripts of one delivery do not tell, counted one after the other."""

    calls: Counter[UnknownAgent] = field(default_factory=Counter)
    labels: dict[UnknownAgent, set[str]] = field(default_factory=lambda: defaultdict(set))
    verdicts: int = 0
    unheard: int = 0
    untimed_calls: int = 0
    untimed_words: int = 0

    def add(self, heard: Hearing) -> None:
        """Count another transcript."""
        if heard.unknown_agent is not None:
            self.calls[heard.unknown_agent] += 1
            self.labels[heard.unknown_agent].update(heard.labels)
        self.verdicts += heard.verdicts
        self.unheard += heard.unheard
        self.untimed_calls += heard.untimed_words > 0
        self.untimed_words += heard.untimed_words


@dataclass
class DeliveryReport:
    """What became of all inputs: how many, and of the first ones which.

    `counts` is without the refused ones, of which `unredacted` counts those that were not redacted;
    `masked` lists what is masked here. `claims` are documents that claimed another score, `kept`
    counts calls by the form whose verdicts they keep.
    """

    counts: Counter[Written] = field(default_factory=Counter)
    refused: CountedLines = field(default_factory=CountedLines)
    unredacted: int = 0
    masked: CountedLines = field(default_factory=CountedLines)
    claims: CountedLines = field(default_factory=CountedLines)
    kept: Counter[str] = field(default_factory=Counter)
    untold: Untold = field(default_factory=Untold)
    unknown_fields: int = 0

    def add(self, report: InputReport) -> None:
        """Count another input."""
        if report.problem is not None:
            self.refused.add(f"{report.name}: {report.problem}")
            self.unredacted += isinstance(report.problem, UnredactedError)
            return
        self.counts[report.written] += 1
        self.unknown_fields += report.unknown_fields
        if report.masked:
            self.masked.add(report.name)
        if report.claim is not None:
            self.claims.add(f"{report.name}: {report.claim}")
        if report.kept_form is not None:
            self.kept[report.kept_form] += 1
        if report.heard is not None:
            self.untold.add(report.heard)

    @property
    def inputs(self) -> int:
        """How many inputs there were."""
        return self.counts.total() + self.refused.count

    @property
    def has_written(self) -> bool:
        """Whether any document is new or another one."""
        return bool(self.counts[Written.NEW] or self.counts[Written.CHANGED])
