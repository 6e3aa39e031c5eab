"""What is different between two forms, or two versions of one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cci_lite.contract.form import Criterion, Form, FormDraft, plain_values


@dataclass(frozen=True)
class FieldChange:
    """A field before and after; None where it was not given."""

    field: str
    before: Any
    after: Any


@dataclass(frozen=True)
class CriterionChange:
    """What changed in a criterion that both forms have."""

    id: str
    changes: tuple[FieldChange, ...]


@dataclass(frozen=True)
class FormDiff:
    """The differences. `reordered`: the criteria that both have are in another order."""

    added: tuple[Criterion, ...] = ()
    removed: tuple[Criterion, ...] = ()
    changed: tuple[CriterionChange, ...] = ()
    scoring: tuple[FieldChange, ...] = ()
    reordered: bool = False

    @property
    def is_empty(self) -> bool:
        """True for two forms of the same content."""
        return self == FormDiff()


def diff_forms(before: Form | FormDraft, after: Form | FormDraft) -> FormDiff:
    """What a person would have to change in `before` to get `after`. Names are not compared."""
    old = {criterion.id: criterion for criterion in before.criteria}
    new = {criterion.id: criterion for criterion in after.criteria}
    changed = (
        CriterionChange(name, _changes(plain_values(old[name]), plain_values(new[name])))
        for name in old
        if name in new
    )
    return FormDiff(
        added=tuple(criterion for name, criterion in new.items() if name not in old),
        removed=tuple(criterion for name, criterion in old.items() if name not in new),
        changed=tuple(change for change in changed if change.changes),
        scoring=_changes(plain_values(before.scoring), plain_values(after.scoring)),
        reordered=[name for name in old if name in new] != [name for name in new if name in old],
    )


def _changes(before: Mapping[str, Any], after: Mapping[str, Any]) -> tuple[FieldChange, ...]:
    fields = [*before, *(field for field in after if field not in before)]
    return tuple(
        FieldChange(field, before.get(field), after.get(field))
        for field in fields
        if before.get(field) != after.get(field)
    )
