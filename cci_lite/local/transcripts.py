"""Transcripts in files, each with the metadata that a row or a sidecar tells of its call."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path

from cci_lite.contract.metadata import CallMetadata, ParsedMetadata, past
from cci_lite.local.inputs import SIDECAR_ENDING, find_inputs, job_name_of, read_inputs
from cci_lite.local.metadata import MetadataFile, read_metadata, read_sidecar
from cci_lite.ports import Transcript, UnreadableFile


@dataclass
class MetadataReport:
    """What was used of a delivery's metadata, and what was left out; whole after the last one.

    `unmatched` counts the tenant's rows that no transcript has, `put_aside` are values that cannot
    be meant, `unknown` the names in sidecars that are no fields.
    """

    file: MetadataFile | None
    transcripts: int = 0
    with_row: int = 0
    met: set[str] = field(default_factory=set)
    put_aside: dict[str, None] = field(default_factory=dict)
    unknown: dict[str, None] = field(default_factory=dict)

    @property
    def unmatched(self) -> int:
        """How many of the tenant's rows belong to no transcript here."""
        if self.file is None:
            return 0
        return len(self.file.by_job) + len(self.file.nameless) - len(self.met)

    def unmatched_rows(self) -> Iterator[str]:
        """Where those rows are."""
        if self.file is not None:
            rows = self.file.by_job.items()
            named = (row.where for job_name, row in rows if job_name not in self.met)
            yield from chain(named, self.file.nameless)


class TranscriptFiles:
    """The transcripts in files and folders. Iterate over it once; `metadata` tells of all so far.

    Raises NotFoundError and UsageError at once for paths that are not there and a file of metadata
    that cannot be read.
    """

    def __init__(
        self,
        tenant_id: str,
        zone: dt.tzinfo,
        paths: Iterable[Path],
        *,
        now: dt.datetime,
        metadata: Path | None = None,
    ) -> None:
        self.metadata = MetadataReport(
            read_metadata(tenant_id, metadata, zone) if metadata else None
        )
        self._found = find_inputs(paths)
        self._zone = zone
        self._now = now

    def __iter__(self) -> Iterator[Transcript | UnreadableFile]:
        for file in read_inputs(self._found):
            if isinstance(file, UnreadableFile):
                yield file
            else:
                known = self._metadata_of(file.name, job_name_of(file.data) or "")
                yield Transcript(file.name, file.data, file.modified_at, known)

    def _metadata_of(self, name: str, job_name: str) -> CallMetadata:
        """What the file's row of a job tells, or else what lies beside its transcript."""
        report = self.metadata
        report.transcripts += 1
        row = report.file.by_job.get(job_name) if report.file else None
        if report.file is not None and row is not None:
            report.with_row += 1
            report.met.add(job_name)
            return self._possible(f"{report.file.path}, {row.where}", row.told)
        told = read_sidecar(Path(name), self._zone) or ParsedMetadata()
        report.unknown |= dict.fromkeys(told.unknown)
        return self._possible(f"{name}{SIDECAR_ENDING}", told)

    def _possible(self, where: str, told: ParsedMetadata) -> CallMetadata:
        """What can be meant of it; the rest is put aside, with where it is."""
        told = past(told, self._now)
        self.metadata.put_aside |= dict.fromkeys(
            f"{where}: {'' if problem.path else 'not understood: '}{problem}"
            for problem in told.problems
        )
        return told.metadata
