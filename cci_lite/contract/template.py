"""The QA template: a tenant's own form, in immutable versions.

A template arrives as YAML or JSON, in our own shape (`name`, `version`, `criteria`, `scoring`) or
as the guide prints it (`pk`, `sk`). `parse_draft` reads both; a draft becomes a `QaTemplate` when
it is given its version. `item_of` and `template_of_item` are the stored form, alike in every store;
the guide's own items (`QA_TEMPLATE#v1`, `QA_TEMPLATE#sales`) are read as they stand.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal

import msgspec

from cci_lite.contract.parsing import convert, convert_all
from cci_lite.contract.template_checks import content_problems, wording_problems
from cci_lite.errors import TemplateError, show_value

META_SORT_KEY = "META#v1"
TEMPLATE_SORT_PREFIX = "QA_TEMPLATE#"
DEFAULT_TEMPLATE = "default"
GUIDE_TEMPLATE_KEY = f"{TEMPLATE_SORT_PREFIX}v1"

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}", re.ASCII)
_VERSION = re.compile(r"v?(\d{1,6})", re.ASCII)
_PLACEHOLDER = "TENANT#{tenant_id}"
_STORED_FIELDS = ("sk", "name", "version", "criteria", "scoring")


class SaidBy(StrEnum):
    """Whose turns a rule looks at."""

    AGENT = "agent"
    CUSTOMER = "customer"
    ANYONE = "anyone"


class RequiredPolicy(StrEnum):
    """What a failed required criterion does to the call."""

    FAIL_CALL = "fail_call"
    FLAG_ONLY = "flag_only"


# Python's `$` matches before a final line end too, which `(?!\n)` keeps out.
_CriterionId = Annotated[
    str,
    msgspec.Meta(
        pattern=r"^[a-z][a-z0-9_]{1,63}(?!\n)$",
        description="2 to 64 lower-case letters, digits and '_', starting with a letter",
    ),
]
_Question = Annotated[str, msgspec.Meta(min_length=5, max_length=500)]
_Phrase = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
_Phrases = Annotated[tuple[_Phrase, ...], msgspec.Meta(max_length=100)]
_Pattern = Annotated[str, msgspec.Meta(min_length=1, max_length=1000)]
_Count = Annotated[int, msgspec.Meta(ge=1, le=10_000)]
_Seconds = Annotated[float, msgspec.Meta(gt=0, le=86_400)]


class Condition(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Something that is said in a call: any of `phrases`, or text that `pattern` (RE2) matches."""

    phrases: _Phrases = ()
    pattern: _Pattern | None = None
    said_by: SaidBy = SaidBy.AGENT


class Within(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Where in the call a rule looks; exactly one is set.

    Turns are counted over the speaker that the rule listens to: `first_turns: 1` is that speaker's
    first turn, `after_turns: 1` is everything after it. Seconds are measured from the start and
    from the end of the speech.
    """

    first_turns: _Count | None = None
    last_turns: _Count | None = None
    after_turns: _Count | None = None
    first_seconds: _Seconds | None = None
    last_seconds: _Seconds | None = None


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Decides a criterion exactly: who must (not) say what, where in the call, when it applies."""

    phrases: _Phrases = ()
    pattern: _Pattern | None = None
    said_by: SaidBy = SaidBy.AGENT
    within: Within | None = None
    must: Literal["say", "not_say"] = "say"
    applies_when: Condition | None = None


class Criterion(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line of a QA template."""

    id: _CriterionId
    question: _Question = msgspec.field(name="text")
    weight: Decimal
    required: bool = False
    rule: Rule | None = None


class Scoring(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How verdicts become an outcome."""

    pass_threshold: Decimal = Decimal("0.7")
    required_policy: RequiredPolicy = RequiredPolicy.FAIL_CALL
    notes: str = ""


class TemplateFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A QA template as people write it, in our own shape or as the guide prints it."""

    pk: str | None = None
    sk: str | None = None
    name: str | None = None
    version: int | str | None = None
    description: str = ""
    criteria: Annotated[tuple[Criterion, ...], msgspec.Meta(min_length=1, max_length=100)]
    scoring: Scoring = msgspec.field(default_factory=Scoring)


@dataclass(frozen=True)
class TemplateDraft:
    """A template as a file gives it: `version` is None when the store is to choose the next one."""

    name: str
    version: int | None
    criteria: tuple[Criterion, ...]
    scoring: Scoring

    @property
    def content_hash(self) -> str:
        """A hash of all that decides a verdict or a score: 32 hexadecimal digits."""
        content = [plain_values(self.criteria), plain_values(self.scoring)]
        return hashlib.sha256(msgspec.json.encode(content, order="sorted")).hexdigest()[:32]

    def as_version(self, version: int) -> QaTemplate:
        """The template with its version."""
        return QaTemplate(self.name, version, self.criteria, self.scoring, self.content_hash)


@dataclass(frozen=True)
class QaTemplate:
    """One immutable version of a tenant's form."""

    name: str
    version: int
    criteria: tuple[Criterion, ...]
    scoring: Scoring
    content_hash: str

    @property
    def label(self) -> str:
        """How people write it: `default v1`."""
        return f"{self.name} v{self.version}"


def parse_draft(value: object, *, tenant_id: str | None = None) -> TemplateDraft:
    """A template from parsed YAML or JSON; raises TemplateError with the path of what is wrong.

    `tenant_id` is checked against the file's `pk` when both are given; the literal placeholder
    `TENANT#{tenant_id}` stands for any tenant. A value without a name is the form `default`, as the
    guide's items are; `file_problems` asks a file for its name.
    """
    if problems := _problems(value, tenant_id):
        raise problems[0]
    return _draft_of(convert(value, TemplateFile, TemplateError))


def file_problems(value: object, *, tenant_id: str | None = None) -> list[TemplateError]:
    """Everything that is wrong with a form in a file, in the order of its criteria."""
    problems = _problems(value, tenant_id)
    if isinstance(value, Mapping) and not {"name", "sk"} & value.keys():
        expected = f"the field name ({DEFAULT_TEMPLATE} is the form of all queues without another)"
        problems.insert(0, TemplateError("", expected, "none"))
    return problems


def _problems(value: object, tenant_id: str | None) -> list[TemplateError]:
    if not isinstance(value, Mapping):
        return [TemplateError("", "an object with criteria and scoring", show_value(value))]
    file, problems = convert_all(value, TemplateFile, TemplateError, _stand_in)
    if file is not None:
        known = {problem.path for problem in problems}
        found = (*_head_problems(file, tenant_id), *content_problems(file), *wording_problems(file))
        problems += [problem for problem in found if not _follows(problem, known)]
    return sorted(problems, key=_place_in_file)


def _follows(problem: TemplateError, known: set[str]) -> bool:
    """Whether a problem is only there because a value below it was left out."""
    return any(path == problem.path or path.startswith(f"{problem.path}.") for path in known)


def _place_in_file(problem: TemplateError) -> tuple[bool, int]:
    position = re.match(r"criteria\[(\d+)\]", problem.path)
    return problem.path.startswith("scoring"), int(position[1]) if position else -1


def _stand_in(path: str) -> object:
    """What may stand where a form has to have something and has nothing, or what is wrong."""
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


def _head_problems(file: TemplateFile, tenant_id: str | None) -> Iterator[TemplateError]:
    if file.pk and tenant_id and file.pk not in (f"TENANT#{tenant_id}", _PLACEHOLDER):
        yield TemplateError("pk", f"TENANT#{tenant_id}", "another tenant's key")
    try:
        _name_and_version(file)
    except TemplateError as problem:
        yield problem


def _draft_of(file: TemplateFile) -> TemplateDraft:
    name, version = _name_and_version(file)
    return TemplateDraft(name, version, file.criteria, file.scoring)


def parse_version(value: int | str | None, path: str = "version") -> int | None:
    """A template's version from `3`, `"3"` or `"v3"`; raises TemplateError for anything else."""
    if value is None:
        return None
    match = _VERSION.fullmatch(str(value))
    if match is None or int(match[1]) < 1 or isinstance(value, bool):
        raise TemplateError(path, "a version like 3 or v3", show_value(value))
    return int(match[1])


def is_template_name(name: str) -> bool:
    """Whether a form can be called so."""
    return _NAME.fullmatch(name) is not None


def sort_key(name: str, version: int) -> str:
    """The stored key of one version; zero-padded so that versions sort."""
    return f"{TEMPLATE_SORT_PREFIX}{name}#v{version:06d}"


def parse_sort_key(sk: str, version: int | None = None) -> tuple[str, int]:
    """Name and version that a stored key says; raises TemplateError.

    The guide writes the default form as `QA_TEMPLATE#v1` and others as `QA_TEMPLATE#sales`, which
    is version 1 unless the item says another `version`.
    """
    parts = sk.removeprefix(TEMPLATE_SORT_PREFIX).split("#")
    if sk.startswith(TEMPLATE_SORT_PREFIX) and len(parts) <= 2 and all(parts):
        if len(parts) == 1:
            is_version = _VERSION.fullmatch(parts[0])
            parts = [DEFAULT_TEMPLATE, *parts] if is_version else [*parts, f"v{version or 1}"]
        number = parse_version(parts[1], "sk")
        if number is not None and is_template_name(parts[0]):
            return parts[0], number
    raise TemplateError("sk", "QA_TEMPLATE#<name>#v<N> or QA_TEMPLATE#v<N>", show_value(sk))


def item_of(template: QaTemplate) -> dict[str, Any]:
    """The stored form of one version (without its partition key)."""
    return {
        "name": template.name,
        "version": template.version,
        "content_hash": template.content_hash,
        "criteria": plain_values(template.criteria),
        "scoring": plain_values(template.scoring),
    }


def file_of(template: QaTemplate) -> dict[str, Any]:
    """The template as a file says it, without a version: it gets one when it is put."""
    criteria = [_shortest(msgspec.to_builtins(each)) for each in template.criteria]
    scoring = _shortest(msgspec.to_builtins(template.scoring))
    for criterion, written in zip(template.criteria, criteria, strict=True):
        written["weight"] = _plain_number(criterion.weight)
    scoring["pass_threshold"] = _plain_number(template.scoring.pass_threshold)
    return {"name": template.name, "criteria": criteria, "scoring": scoring}


def _plain_number(number: Decimal) -> int | float:
    return int(number) if number == number.to_integral_value() else float(number)


def _shortest(value: Any) -> Any:
    """Without what is empty or absent: the fields that a person would write."""
    if isinstance(value, dict):
        short = {key: _shortest(item) for key, item in value.items()}
        return {key: item for key, item in short.items() if item not in (None, "", [], ())}
    return value


def undecided_required(criteria: Sequence[Criterion]) -> list[str]:
    """The required criteria that no rule decides: without a language model a person has to."""
    return [each.id for each in criteria if each.required and each.rule is None]


def template_of_item(item: Mapping[str, Any]) -> QaTemplate:
    """A stored version, ours or the guide's own; raises TemplateError.

    Ours carry the hash of their content, and what was changed since is refused. The guide's have
    neither hash nor name: theirs is in `sk`. What is no field of a template is left alone. A
    version that was stored is read by the rules of its day: what is asked of the wording of new
    ones is not asked of it.
    """
    fields = {key: whole_numbers(item[key]) for key in _STORED_FIELDS if key in item}
    file = convert(fields, TemplateFile, TemplateError)
    for problem in content_problems(file):
        raise problem
    draft = _draft_of(file)
    if draft.version is None:
        raise TemplateError("version", "the version, or a key that says it", "neither")
    if item.get("content_hash") not in (None, draft.content_hash):
        raise TemplateError("content_hash", "the hash of the stored content", "another hash")
    return draft.as_version(draft.version)


def whole_numbers(value: Any) -> Any:
    """The value with its whole decimals as integers: DynamoDB knows one kind of number."""
    if isinstance(value, Decimal):
        is_whole = value.is_finite() and value == value.to_integral_value()
        return int(value) if is_whole else value
    if isinstance(value, Mapping):
        return {key: whole_numbers(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [whole_numbers(each) for each in value]
    return value


def _name_and_version(file: TemplateFile) -> tuple[str, int | None]:
    name, version = file.name, parse_version(file.version)
    if file.sk is not None:
        key_name, key_version = parse_sort_key(file.sk, version)
        if name not in (None, key_name) or version not in (None, key_version):
            raise TemplateError("sk", "the same name and version as in the file", "others")
        name, version = key_name, key_version
    name = name or DEFAULT_TEMPLATE
    if not is_template_name(name):
        raise TemplateError("name", "lower-case letters, digits, '_' and '-'", show_value(name))
    return name, version


def plain_values(value: object) -> Any:
    """JSON-like values with numbers as canonical text, so that 1, 1.0 and "1" hash alike."""
    return msgspec.to_builtins(_with_text_numbers(value))


def _with_text_numbers(value: object) -> Any:
    if isinstance(value, Decimal):
        # Zero has a sign, and -0 is read again as 0.
        return format(value.normalize(), "f") if value else "0"
    if isinstance(value, msgspec.Struct):
        pairs = zip(value.__struct_encode_fields__, value.__struct_fields__, strict=True)
        plain = {encoded: _with_text_numbers(getattr(value, field)) for encoded, field in pairs}
        return {key: item for key, item in plain.items() if item not in (None, ())}
    if isinstance(value, tuple):
        return tuple(_with_text_numbers(item) for item in value)
    return value
