"""Reading a form: from a file that a person wrote, or from an item that a store keeps.

A form arrives as YAML or JSON, in our own shape (`name`, `version`, `criteria`, `scoring`) or as
the guide prints it (`pk`, `sk`). `parse_draft` reads both; a draft becomes a `Form` when it is
given its version. `item_of` and `form_of_item` are the stored form, alike in every store; the
guide's own items (`QA_TEMPLATE#v1`, `QA_TEMPLATE#sales`) are read as they stand.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any

import msgspec

from cci_lite.contract.form import (
    DEFAULT_FORM,
    Form,
    FormDraft,
    FormFile,
    is_form_name,
    parse_sort_key,
    parse_version,
    plain_values,
    whole_numbers,
)
from cci_lite.contract.form_checks import content_problems, wording_problems
from cci_lite.contract.parsing import convert, convert_all
from cci_lite.errors import FormError, show_value

_PLACEHOLDER = "TENANT#{tenant_id}"
_STORED_FIELDS = ("sk", "name", "version", "criteria", "scoring")


def parse_draft(value: object, *, tenant_id: str | None = None) -> FormDraft:
    """A form from parsed YAML or JSON; raises FormError with the path of what is wrong.

    `tenant_id` is checked against the file's `pk` when both are given; the literal placeholder
    `TENANT#{tenant_id}` stands for any tenant. A value without a name is the form `default`, as the
    guide's items are; `file_problems` insists on a name in a file.
    """
    if problems := _problems(value, tenant_id):
        raise problems[0]
    return _draft_of(convert(value, FormFile, FormError))


def file_problems(value: object, *, tenant_id: str | None = None) -> list[FormError]:
    """Everything that is wrong with a form in a file, in the order of its criteria."""
    problems = _problems(value, tenant_id)
    if isinstance(value, Mapping) and not {"name", "sk"} & value.keys():
        expected = f"the field name ({DEFAULT_FORM} is the form of all queues without another)"
        problems.insert(0, FormError("", expected, "none"))
    return problems


def _problems(value: object, tenant_id: str | None) -> list[FormError]:
    if not isinstance(value, Mapping):
        return [FormError("", "an object with criteria and scoring", show_value(value))]
    # All mistakes are wanted at once but msgspec stops at the first: each wrong part is replaced by
    # a valid one, and the rest is read again. Problems caused only by that are dropped below.
    file, problems = convert_all(value, FormFile, FormError, _stand_in)
    if file is not None:
        known = {problem.path for problem in problems}
        found = (*_head_problems(file, tenant_id), *content_problems(file), *wording_problems(file))
        problems += [problem for problem in found if not _follows(problem, known)]
    return sorted(problems, key=_place_in_file)


def _follows(problem: FormError, known: set[str]) -> bool:
    """Whether a problem exists only because a wrong value below it was left out."""
    return any(path == problem.path or path.startswith(f"{problem.path}.") for path in known)


def _place_in_file(problem: FormError) -> tuple[bool, int]:
    position = re.match(r"criteria\[(\d+)\]", problem.path)
    return problem.path.startswith("scoring"), int(position[1]) if position else -1


def _stand_in(path: str) -> object:
    """A valid value for a missing or wrong part of a form, so that checking can go on behind it."""
    name = re.sub(r"\[\d+\]$", "[]", path.rpartition(".")[2])
    position = re.match(r"criteria\[(\d+)\]", path)
    criterion = {
        "id": f"stand_in_{position[1] if position else 0}",
        "text": "stand-in",
        "weight": 1,
    }
    return {
        **criterion,
        "criteria": [criterion],
        "criteria[]": criterion,
        "phrases[]": "stand-in",
    }.get(name)


def _head_problems(file: FormFile, tenant_id: str | None) -> Iterator[FormError]:
    if file.pk and tenant_id and file.pk not in (f"TENANT#{tenant_id}", _PLACEHOLDER):
        yield FormError("pk", f"TENANT#{tenant_id}", "another tenant's key")
    try:
        _name_and_version(file)
    except FormError as problem:
        yield problem


def _draft_of(file: FormFile) -> FormDraft:
    name, version = _name_and_version(file)
    return FormDraft(name, version, file.criteria, file.scoring)


def item_of(form: Form) -> dict[str, Any]:
    """One version as it is stored, without its partition key."""
    return {
        "name": form.name,
        "version": form.version,
        "content_hash": form.content_hash,
        "criteria": plain_values(form.criteria),
        "scoring": plain_values(form.scoring),
    }


def file_of(form: Form) -> dict[str, Any]:
    """The form as a file has it, without a version: `forms put` assigns one."""
    criteria = [_shortest(msgspec.to_builtins(each)) for each in form.criteria]
    scoring = _shortest(msgspec.to_builtins(form.scoring))
    for criterion, written in zip(form.criteria, criteria, strict=True):
        written["weight"] = _plain_number(criterion.weight)
    scoring["pass_threshold"] = _plain_number(form.scoring.pass_threshold)
    return {"name": form.name, "criteria": criteria, "scoring": scoring}


def _plain_number(number: Decimal) -> int | float:
    return int(number) if number == number.to_integral_value() else float(number)


def _shortest(value: Any) -> Any:
    """Without what is empty or absent: the fields that a person would write."""
    if isinstance(value, dict):
        short = {key: _shortest(item) for key, item in value.items()}
        return {key: item for key, item in short.items() if item not in (None, "", [], ())}
    return value


def form_of_item(item: Mapping[str, Any]) -> Form:
    """A stored version, ours or the guide's own; raises FormError.

    Ours carry the hash of their content; an item that was changed since is refused. The guide's
    items have neither hash nor name: their name is in `sk`. Fields that are not part of a form are
    ignored. `wording_problems` is not asked, so that versions which were stored before that check
    existed stay readable.
    """
    fields = {key: whole_numbers(item[key]) for key in _STORED_FIELDS if key in item}
    file = convert(fields, FormFile, FormError)
    for problem in content_problems(file):
        raise problem
    draft = _draft_of(file)
    if draft.version is None:
        raise FormError("version", "the version, or a key that says it", "neither")
    if item.get("content_hash") not in (None, draft.content_hash):
        raise FormError("content_hash", "the hash of the stored content", "another hash")
    return draft.as_version(draft.version)


def _name_and_version(file: FormFile) -> tuple[str, int | None]:
    name, version = file.name, parse_version(file.version)
    if file.sk is not None:
        key_name, key_version = parse_sort_key(file.sk, version)
        if name not in (None, key_name) or version not in (None, key_version):
            raise FormError("sk", "the same name and version as in the file", "others")
        name, version = key_name, key_version
    name = name or DEFAULT_FORM
    if not is_form_name(name):
        raise FormError("name", "lower-case letters, digits, '_' and '-'", show_value(name))
    return name, version
