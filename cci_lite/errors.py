"""Every error this package raises on purpose.

CciLiteError
├── UsageError              a command or a call was given something it cannot use
│   └── NotFoundError       a tenant, form, lake, view or file that is not there
├── ContractError           a document, form or tenant that breaks the contract (has the JSON path)
│   ├── TenantIdError       not a tenant id
│   ├── TenantError         not valid settings of a tenant
│   ├── FormError           not a valid form
│   ├── TranscriptError     not a transcript that Amazon Transcribe writes
│   └── UnredactedError     what was said is not redacted, and is not masked here either
├── LakeError               the lake is not in a state in which the step may run
│   ├── LeaseHeldError      another run is working on this tenant
│   ├── LeaseLostError      another run has taken this tenant over
│   ├── PublishConflictError    somebody else published this day in between
│   ├── DamagedManifestError    what a generation was built from cannot be read any more
│   └── BalanceError        rows and sources do not add up; nothing was published
├── PipelineError           a step from recording to document could not be done
│   ├── RetryLaterError     temporary: the same event will succeed later
│   ├── ServiceError        permanent: a service refused a request, and would again
│   └── SignatureError      a request without a valid signature, or with an expired one
├── NoRoomError             a disk is full; nothing was written
├── SqlError                SQL that is refused, with line and column
└── ImmutableVersionError   a released version would be changed
"""

from __future__ import annotations


class CciLiteError(Exception):
    """Base of all errors that are meant for the person who reads them."""


class UsageError(CciLiteError):
    """A command or a call was given something it cannot use."""


class NotFoundError(UsageError):
    """Something named by the caller is not there."""


class ContractError(CciLiteError):
    """A value breaks the contract.

    `path` is a JSON path without the leading `$.` (empty for the whole value); `expected` and
    `found` are phrases. `found` never repeats free text, see `describe_value`.
    """

    def __init__(self, path: str, expected: str, found: str) -> None:
        self.path = path
        self.expected = expected
        self.found = found
        where = f"{path}: " if path else ""
        super().__init__(f"{where}expected {expected}, found {found}")

    def __reduce__(self) -> tuple[type[ContractError], tuple[str, str, str]]:
        # Worker processes send exceptions by pickle, which would call the constructor with the
        # message alone.
        return type(self), (self.path, self.expected, self.found)


class TenantIdError(ContractError):
    """Not a tenant id."""


class TenantError(ContractError):
    """Not valid settings of a tenant."""


class FormError(ContractError):
    """Not a valid form."""


class TranscriptError(ContractError):
    """Not a transcript that Amazon Transcribe writes."""


class UnredactedError(ContractError):
    """What was said is not redacted, and is not masked here either."""


class LakeError(CciLiteError):
    """The lake is not in a state in which the step may run."""


class LeaseHeldError(LakeError):
    """Another run is working on this tenant."""


class LeaseLostError(LakeError):
    """Another run took this tenant over, because this one was taken for dead."""


class PublishConflictError(LakeError):
    """Somebody else published this day since it was planned."""


class DamagedManifestError(LakeError):
    """The manifest of a generation is not as it was written."""


class BalanceError(LakeError):
    """Rows and sources do not add up; nothing was published."""


class PipelineError(CciLiteError):
    """A step from recording to document could not be done.

    `code` is one word of a fixed vocabulary (`transcript_missing`); neither it nor the message says
    anything about a person, a file name or what was spoken.
    """

    def __init__(self, code: str, message: str = "") -> None:
        self.code = code
        super().__init__(f"{code}: {message}" if message else code)


class RetryLaterError(PipelineError):
    """A temporary failure (throttling, a lease held, an outage): redeliver the same event later."""


class ServiceError(PipelineError):
    """A service refused a request, and would refuse it again."""


class SignatureError(PipelineError):
    """A request without a valid signature, or with an expired one."""


class NoRoomError(CciLiteError):
    """A disk is full; nothing was written, and what was there before is unchanged."""


class SqlError(CciLiteError):
    """SQL that is refused; the message starts with line and column where they are known."""

    def __init__(self, message: str, *, line: int | None = None, column: int | None = None) -> None:
        self.line = line
        self.column = column
        where = f"line {line}, column {column}: " if line is not None else ""
        super().__init__(f"{where}{message}")


class ImmutableVersionError(CciLiteError):
    """A released version would be changed."""


_TOKEN_LENGTH = 24
# Python refuses to spell out whole numbers of more than 4,300 digits.
_LONGEST_WHOLE_NUMBER_BITS = 1024
_JOINERS = str.maketrans("", "", "_/.#:-")


# Words that people write by mistake where another value is expected; they identify nobody.
_HARMLESS = frozenset(
    {"false", "fail", "failed", "fine", "in_progress", "inf", "infinity", "maybe", "n/a", "na"}
    | {"nan", "no", "none", "null", "ok", "other", "pass", "passed", "review", "skip", "true"}
    | {"unknown", "yes"}
)


def describe_value(value: object) -> str:
    """A phrase for an unexpected value of a document that cannot carry personal data.

    Numbers of up to six digits, booleans, usual mistakes ('n/a') and ids (a short word with a
    number: 'greet_01') are shown; all else is described by kind and size.
    """
    if isinstance(value, str) and value.lower() not in _HARMLESS and not _is_id(value):
        return f"text of {len(value)} characters" if value else "empty text"
    return show_value(value)


def show_value(value: object) -> str:
    """A phrase for an unexpected value that a person typed: of a form, a setting, an option.

    Like `describe_value`, but short words are shown.
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return _describe_number(value)
    if isinstance(value, str):
        if not value:
            return "empty text"
        return f"'{value}'" if _is_word(value) else f"text of {len(value)} characters"
    if isinstance(value, (list, tuple)):
        return f"a list of {len(value)}"
    if isinstance(value, dict):
        return f"an object with {len(value)} field{'' if len(value) == 1 else 's'}"
    return f"a value of type {type(value).__name__}"


def _describe_number(value: float) -> str:
    if isinstance(value, int) and value.bit_length() > _LONGEST_WHOLE_NUMBER_BITS:
        return "a huge number"
    text = f"{value:g}" if isinstance(value, float) else str(value)
    return text if len(text) <= 6 else f"a number of {len(text)} characters"


def _is_word(text: str) -> bool:
    plain = text.translate(_JOINERS)
    digits = sum(character.isdigit() for character in plain)
    return len(text) <= _TOKEN_LENGTH and plain.isascii() and plain.isalnum() and digits <= 4


def _is_id(text: str) -> bool:
    return _is_word(text) and text == text.lower() and any(map(str.isdigit, text))
