"""A form: a tenant's own criteria and how calls are scored, in immutable versions."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal

import msgspec

from cci_lite.errors import FormError, show_value

META_SORT_KEY = "META#v1"
FORM_SORT_PREFIX = "QA_TEMPLATE#"
DEFAULT_FORM = "default"
GUIDE_FORM_KEY = f"{FORM_SORT_PREFIX}v1"

_NAME = re.compile(r"[a-z][a-z0-9_-]{0,63}", re.ASCII)
_VERSION = re.compile(r"v?(\d{1,6})", re.ASCII)


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
    """One line of a form."""

    id: _CriterionId
    # Called `text` in files, as the guide writes it.
    question: _Question = msgspec.field(name="text")
    # Decimal, so that points add up exactly and a threshold is never missed by rounding.
    weight: Decimal
    required: bool = False
    rule: Rule | None = None


class Scoring(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How verdicts become an outcome."""

    pass_threshold: Decimal = Decimal("0.7")
    required_policy: RequiredPolicy = RequiredPolicy.FAIL_CALL
    notes: str = ""


class FormFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A form as people write it, in our own shape or as the guide prints it."""

    pk: str | None = None
    sk: str | None = None
    name: str | None = None
    version: int | str | None = None
    description: str = ""
    # Bounded, so that no form makes a prompt or an answer of any length.
    criteria: Annotated[tuple[Criterion, ...], msgspec.Meta(min_length=1, max_length=100)]
    scoring: Scoring = msgspec.field(default_factory=Scoring)


@dataclass(frozen=True)
class FormDraft:
    """A form as a file gives it: `version` is None when the store is to choose the next one."""

    name: str
    version: int | None
    criteria: tuple[Criterion, ...]
    scoring: Scoring

    @property
    def content_hash(self) -> str:
        """A hash of all that decides a verdict or a score: 32 hexadecimal digits."""
        # Name, version and description are left out: they do not change any verdict, and two names
        # of the same content must be recognisable.
        content = [plain_values(self.criteria), plain_values(self.scoring)]
        return hashlib.sha256(msgspec.json.encode(content, order="sorted")).hexdigest()[:32]

    def as_version(self, version: int) -> Form:
        """The form with its version."""
        return Form(self.name, version, self.criteria, self.scoring, self.content_hash)


@dataclass(frozen=True)
class Form:
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


def parse_version(value: int | str | None, path: str = "version") -> int | None:
    """A form's version from `3`, `"3"` or `"v3"`; raises FormError for anything else."""
    if value is None:
        return None
    match = _VERSION.fullmatch(str(value))
    if match is None or int(match[1]) < 1 or isinstance(value, bool):
        raise FormError(path, "a version like 3 or v3", show_value(value))
    return int(match[1])


def is_form_name(name: str) -> bool:
    """Whether a form can be called so."""
    return _NAME.fullmatch(name) is not None


def sort_key(name: str, version: int) -> str:
    """The stored key of one version; zero-padded so that versions sort."""
    return f"{FORM_SORT_PREFIX}{name}#v{version:06d}"


def parse_sort_key(sk: str, version: int | None = None) -> tuple[str, int]:
    """Name and version in a stored key; raises FormError.

    The guide writes the default form as `QA_TEMPLATE#v1` and others as `QA_TEMPLATE#sales`, which
    is version 1 unless the item says another `version`.
    """
    parts = sk.removeprefix(FORM_SORT_PREFIX).split("#")
    if sk.startswith(FORM_SORT_PREFIX) and len(parts) <= 2 and all(parts):
        if len(parts) == 1:
            is_version = _VERSION.fullmatch(parts[0])
            parts = [DEFAULT_FORM, *parts] if is_version else [*parts, f"v{version or 1}"]
        number = parse_version(parts[1], "sk")
        if number is not None and is_form_name(parts[0]):
            return parts[0], number
    raise FormError("sk", "QA_TEMPLATE#<name>#v<N> or QA_TEMPLATE#v<N>", show_value(sk))


def undecided_required(criteria: Sequence[Criterion]) -> list[str]:
    """The required criteria without a rule: only a language model or a person decides them."""
    return [each.id for each in criteria if each.required and each.rule is None]


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


def plain_values(value: object) -> Any:
    """JSON-like values with numbers as canonical text, so that 1, 1.0 and "1" hash alike."""
    return msgspec.to_builtins(_with_text_numbers(value))


def _with_text_numbers(value: object) -> Any:
    if isinstance(value, Decimal):
        # Zero has a sign, and -0 is read again as 0.
        return format(value.normalize(), "f") if value else "0"
    if isinstance(value, msgspec.Struct):
        pairs = zip(value.__struct_encode_fields__, value.__struct_fields__, strict=True)
        # Empty fields are dropped, so that spelling out a default does not make another version.
        plain = {encoded: _with_text_numbers(getattr(value, field)) for encoded, field in pairs}
        return {key: item for key, item in plain.items() if item not in (None, ())}
    if isinstance(value, tuple):
        return tuple(_with_text_numbers(item) for item in value)
    return value
