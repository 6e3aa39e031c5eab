"""What `cci-lite forms` prints: rows and lines for lists, differences and trials."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import msgspec

from cci_lite.contract.form import plain_values
from cci_lite.contract.scoring import Outcome, Verdict
from cci_lite.reports.numbers import counted

if TYPE_CHECKING:
    from cci_lite.contract.configuration import TenantForms
    from cci_lite.deploy.forms_diff import FieldChange, FormDiff
    from cci_lite.pipeline.form_trial import FormTrial

Table = tuple[tuple[str, ...], list[tuple[Any, ...]]]


def forms_table(forms: TenantForms) -> Table:
    """A tenant's versions of forms with the queues that they are active for; broken ones last."""
    queues: dict[str, list[str]] = {}
    for activation in forms.activations:
        queues.setdefault(activation.label, []).append(activation.queue)
    rows: list[tuple[Any, ...]] = [
        (
            form.name,
            form.version,
            len(form.criteria),
            sum(criterion.rule is not None for criterion in form.criteria),
            float(sum(criterion.weight for criterion in form.criteria)),
            float(form.scoring.pass_threshold),
            form.content_hash,
            ", ".join(queues.get(form.label, [])),
        )
        for form in forms.versions
    ]
    rows += [
        (item.name, item.version, None, None, None, None, "broken", None)
        for item in forms.broken
        if item.queue is None
    ]
    columns = (
        *("form", "version", "criteria", "by_rule", "points", "pass_threshold", "content_hash"),
        "active_for",
    )
    return columns, rows


def diff_lines(diff: FormDiff) -> Iterator[str]:
    """The differences between two forms, one per line."""
    yield from (f"- {criterion.id}: {criterion.question}" for criterion in diff.removed)
    yield from (f"+ {criterion.id}: {criterion.question}" for criterion in diff.added)
    for criterion in diff.changed:
        yield f"~ {criterion.id}"
        yield from map(_change_line, criterion.changes)
    if diff.scoring:
        yield "~ scoring"
        yield from map(_change_line, diff.scoring)
    if diff.reordered:
        yield "~ the order of the criteria"


def diff_as_json(diff: FormDiff) -> dict[str, Any]:
    """The differences between two forms as one object."""
    return {
        "same": diff.is_empty,
        "added": [plain_values(criterion) for criterion in diff.added],
        "removed": [plain_values(criterion) for criterion in diff.removed],
        "changed": diff.changed,
        "scoring": diff.scoring,
        "reordered": diff.reordered,
    }


def verdicts_table(trial: FormTrial) -> Table:
    """By criterion, the verdicts before and after."""
    names = ("pass", "fail", "na", "unscored")
    rows = [
        (
            each.criterion_id,
            *_before_and_after(each.before, each.after, map(Verdict, names)),
            each.changed,
            each.undecided,
        )
        for each in trial.criteria
    ]
    return ("criterion", *names, "changed", "needs_transcript"), rows


def outcomes_table(trial: FormTrial) -> Table:
    """By agent, the outcomes before and after."""
    names = ("pass", "fail", "review", "none")
    rows = [
        (
            each.agent_id,
            each.calls,
            *_before_and_after(each.before, each.after, map(Outcome, names)),
            each.changed,
        )
        for each in trial.agents
    ]
    return ("agent_id", "calls", *names, "changed"), rows


def trial_summary(trial: FormTrial) -> str:
    """How many calls were compared, and how many would have another outcome."""
    unknown = f" ({trial.undecided:,} need a transcript to tell)" if trial.undecided else ""
    return (
        f"{counted(trial.calls, 'call')}, {trial.with_transcript:,} with a transcript: "
        f"{trial.changed:,} would have another outcome{unknown}; nothing was stored"
    )


def left_out_lines(trial: FormTrial) -> Iterator[str]:
    """What was not compared, and why."""
    for count, noun, why in (
        (trial.others, "call", "judged by a form of another name"),
        (trial.unevaluated, "call", "without an evaluation"),
        (trial.unreadable, "document", "that cannot be read (cci-lite quarantine list)"),
        (trial.unread_transcripts, "transcript", "that cannot be read"),
        (
            trial.unredacted_transcripts,
            "transcript",
            "not redacted, and refused by calls analyze, too",
        ),
    ):
        if count:
            yield f"left out: {counted(count, noun)} {why}"
    if trial.masked_transcripts:
        yield f"masked, because not redacted: {counted(trial.masked_transcripts, 'transcript')}"


def _before_and_after(
    before: Mapping[Any, int], after: Mapping[Any, int], names: Iterator[Any]
) -> Sequence[str]:
    return [f"{before[name]:,} → {after[name]:,}" for name in names]


def _change_line(change: FieldChange) -> str:
    return f"    {change.field}: {_as_json(change.before)} → {_as_json(change.after)}"


def _as_json(value: object) -> str:
    return "none" if value is None else msgspec.json.encode(value).decode()
