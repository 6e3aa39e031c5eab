"""Where the metadata of transcripts comes from, and what there is to say of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterable
from itertools import chain, islice
from pathlib import Path

from cci_lite.cli.output import as_text, say, say_some
from cci_lite.contract.metadata import CallMetadata, ParsedMetadata, past
from cci_lite.local.inputs import SIDECAR_ENDING
from cci_lite.local.metadata import KNOWN_NAMES, MetadataFile, not_understood, read_sidecar

_SHOWN_ROWS, _SHOWN_VALUES = 5, 20


class MetadataUse:
    """Gives transcripts their metadata, from a file's row or a sidecar, and keeps count of it."""

    def __init__(self, file: MetadataFile | None, zone: dt.tzinfo, now: dt.datetime) -> None:
        self._file = file
        self._zone = zone
        self._now = now
        self._transcripts = 0
        self._with_row = 0
        self._met: set[str] = set()
        self._put_aside: dict[str, None] = {}
        self._unknown: dict[str, None] = {}

    def metadata_of(self, name: str, job_name: str) -> CallMetadata:
        """What is known of a transcript's call; what could not be read is told by `report`."""
        self._transcripts += 1
        row = self._file.by_job.get(job_name) if self._file else None
        if self._file is not None and row is not None:
            self._with_row += 1
            self._met.add(job_name)
            return self._taken(f"{self._file.path}, {row.where}", row.told)
        told = read_sidecar(Path(name), self._zone) or ParsedMetadata()
        self._unknown |= dict.fromkeys(told.unknown)
        return self._taken(f"{name}{SIDECAR_ENDING}", told)

    def report(self) -> int:
        """Say what was understood and what was not; how many values were put aside."""
        if self._file is not None:
            self._say_file(self._file)
        if self._unknown:
            say(f"fields of sidecars that were not understood: {_listed(self._unknown, ())}")
        if self._put_aside:
            say(f"{len(self._put_aside):,} values of metadata were left out:")
            say_some([*islice(self._put_aside, _SHOWN_VALUES)], "values", len(self._put_aside))
        return len(self._put_aside)

    def _taken(self, where: str, told: ParsedMetadata) -> CallMetadata:
        told = past(told, self._now)
        self._put_aside |= dict.fromkeys(
            f"{where}: {'' if problem.path else 'not understood: '}{problem}"
            for problem in told.problems
        )
        return told.metadata

    def _say_file(self, file: MetadataFile) -> None:
        rows = len(file.by_job) + len(file.nameless) + file.others
        say(
            f"{file.path}: {rows:,} rows; {self._with_row:,} of {self._transcripts:,} transcripts "
            f"have one; understood: {', '.join(file.columns)}"
        )
        if file.unknown:
            say(f"  not understood: {_listed(file.unknown, file.columns)}")
        if file.others:
            say(f"  {file.others:,} rows are of other tenants")
        if left := rows - file.others - len(self._met):
            self._say_unmatched(file, left)

    def _say_unmatched(self, file: MetadataFile, left: int) -> None:
        wheres = (row.where for job, row in file.by_job.items() if job not in self._met)
        shown = [*islice(chain(wheres, file.nameless), _SHOWN_ROWS)]
        lines = ", ".join(shown) + (", …" if left > len(shown) else "")
        why = (
            "calls of other days or tenants may stand there"
            if self._met
            else "job_name must be the transcript's own jobName"
        )
        say(f"  {left:,} rows match no transcript here ({lines}): {why}")


def _listed(names: Iterable[str], understood: Iterable[str]) -> str:
    absent = set(KNOWN_NAMES) - set(understood)
    return "; ".join(as_text(not_understood(name, absent)) for name in names)
