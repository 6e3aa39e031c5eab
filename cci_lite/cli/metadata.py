"""What there is to say of the metadata of transcripts, after they were judged."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import islice

from cci_lite.cli.output import as_text, say, say_some
from cci_lite.local.metadata import KNOWN_NAMES, MetadataFile, not_understood
from cci_lite.local.transcripts import MetadataReport
from cci_lite.reports.numbers import counted

_SHOWN_ROWS, _SHOWN_VALUES = 5, 20


def say_metadata(report: MetadataReport) -> None:
    """Say what was understood and what was not."""
    if report.file is not None:
        _say_file(report, report.file)
    if report.unknown:
        say(f"fields of sidecars that were not understood: {_listed(report.unknown, ())}")
    if report.put_aside:
        say(f"left out: {counted(len(report.put_aside), 'value')} of metadata")
        say_some([*islice(report.put_aside, _SHOWN_VALUES)], "values", len(report.put_aside))


def _say_file(report: MetadataReport, file: MetadataFile) -> None:
    rows = len(file.by_job) + len(file.nameless) + file.others
    say(
        f"{file.path}: {counted(rows, 'row')}, for {report.with_row:,} of "
        f"{counted(report.transcripts, 'transcript')}; understood: {', '.join(file.columns)}"
    )
    if file.unknown:
        say(f"  not understood: {_listed(file.unknown, file.columns)}")
    if file.others:
        say(f"  {counted(file.others, 'row')} of other tenants")
    if report.unmatched:
        shown = [*islice(report.unmatched_rows(), _SHOWN_ROWS)]
        lines = ", ".join(shown) + (", …" if report.unmatched > len(shown) else "")
        why = (
            "calls of other days or tenants may stand there"
            if report.met
            else "job_name must be the transcript's own jobName"
        )
        say(f"  {counted(report.unmatched, 'row')} without a transcript here ({lines}): {why}")


def _listed(names: Iterable[str], understood: Iterable[str]) -> str:
    absent = set(KNOWN_NAMES) - set(understood)
    return "; ".join(as_text(not_understood(name, absent)) for name in names)
