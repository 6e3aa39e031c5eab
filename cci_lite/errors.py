"""Every error this package raises on purpose.

CciLiteError
├── UsageError              a command or a call was given something it cannot use
│   └── NotFoundError       a tenant, form, lake, view or file that is not there
├── ContractError           a document, form or tenant that breaks the contract (has the JSON path)
│   ├── TenantIdError       not a tenant id
│   ├── TemplateError       not a valid QA template
│   └── TranscriptError     not a transcript that Amazon Transcribe writes
├── LakeError               the lake is not in a state in which the step may run
│   ├── LeaseHeldError      another run is working on this tenant
│   ├── PublishConflictError    somebody else published this day in between
│   └── BalanceError        rows and sources do not add up; nothing was published
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


class TenantIdError(ContractError):
    """Not a tenant id."""


class TemplateError(ContractError):
    """Not a valid QA template."""


class TranscriptError(ContractError):
    """Not a transcript that Amazon Transcribe writes."""


class LakeError(CciLiteError):
    """The lake is not in a state in which the step may run."""


class LeaseHeldError(LakeError):
    """Another run is working on this tenant."""


class PublishConflictError(LakeError):
    """Somebody else published this day since it was planned."""


class BalanceError(LakeError):
    """Rows and sources do not add up; nothing was published."""


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


def describe_value(value: object) -> str:
    """A phrase for an unexpected value that cannot carry personal data.

    Numbers of up to six digits, booleans and short words are shown; longer text and containers are
    described by kind and size.
    """
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        if isinstance(value, int) and value.bit_length() > _LONGEST_WHOLE_NUMBER_BITS:
            return "a huge number"
        text = f"{value:g}" if isinstance(value, float) else str(value)
        return text if len(text) <= 6 else f"a number of {len(text)} characters"
    if isinstance(value, str):
        plain = value.translate(_JOINERS)
        if not value:
            return "empty text"
        is_word = plain.isascii() and plain.isalnum() and sum(c.isdigit() for c in plain) <= 4
        if is_word and len(value) <= _TOKEN_LENGTH:
            return f"'{value}'"
        return f"text of {len(value)} characters"
    if isinstance(value, (list, tuple)):
        return f"a list of {len(value)}"
    if isinstance(value, dict):
        return f"an object with {len(value)} fields"
    return f"a value of type {type(value).__name__}"
