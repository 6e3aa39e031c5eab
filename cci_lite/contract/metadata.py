"""What a telephony platform or CRM knows about a call: a row, a sidecar, headers, a webhook.

All of them are read here. Names and values are read leniently where they can mean one thing only. A
value that cannot be right is left out and reported; the others are used.
"""

from __future__ import annotations

import dataclasses
import datetime as dt
import difflib
import re
import unicodedata
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import msgspec

from cci_lite.contract.document import IdText, UtcTime
from cci_lite.contract.parsing import check_time, convert
from cci_lite.contract.services import known_language
from cci_lite.errors import ContractError, describe_value

T = TypeVar("T")
Direction = Literal["inbound", "outbound"]

# Long enough for names and queues; a longer text is a note, and notes may hold personal data.
MAX_TEXT = 200
# Clocks differ, and a recorder that streams begins its upload before the call is answered.
CLOCK_TOLERANCE = dt.timedelta(minutes=15)
# Archives are uploaded late; what claims to be older is a wrong year or a clock that was reset.
LONGEST_BEFORE_UPLOAD = dt.timedelta(days=366)


class CallMetadata(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Everything optional; fields that are not listed here are left alone."""

    recording_key: str | None = None
    started_at: UtcTime | None = None
    agent_id: IdText | None = None
    agent_name: str | None = None
    agent_team: str | None = None
    queue: str | None = None
    direction: Direction | None = None
    channel: str | None = None
    language_code: str | None = None


NO_METADATA = CallMetadata()
METADATA_FIELDS = CallMetadata.__struct_fields__


@dataclass(frozen=True)
class ParsedMetadata:
    """What was read, what was wrong with values that were left out, and names of no known field."""

    metadata: CallMetadata = NO_METADATA
    problems: tuple[ContractError, ...] = ()
    unknown: tuple[str, ...] = ()

    @property
    def is_refused(self) -> bool:
        """True when something was wrong and nothing is left."""
        return bool(self.problems) and self.metadata == NO_METADATA


def parse_metadata(value: Mapping[str, Any], zone: dt.tzinfo | None = None) -> ParsedMetadata:
    """Metadata from a row or an object; empty text counts as absent.

    A time without an offset is taken to be in `zone`; without a zone it is left out. Raises
    ContractError when a field is given twice.
    """
    fields, unknown = understood(value.items(), METADATA_FIELDS)
    read: dict[str, Any] = {}
    problems: list[ContractError] = []
    for field, raw in fields.items():
        try:
            read[field] = _field_value(field, raw, zone)
        except ContractError as problem:
            problems.append(problem)
    return ParsedMetadata(CallMetadata(**read), tuple(problems), tuple(unknown))


def understood(
    named: Iterable[tuple[str, T]], known: Collection[str]
) -> tuple[dict[str, T], list[str]]:
    """The items by known field, and the names that match none, as given.

    Blanks around a name, its case, and a hyphen or blank for `_` do not count. Raises ContractError
    when a field is given twice: nobody can tell which of the two is meant.
    """
    fields: dict[str, T] = {}
    unknown: list[str] = []
    for name, item in named:
        field = _field_name(name)
        if field not in known:
            unknown.append(name.strip(_BLANKS))
        elif field in fields:
            raise ContractError(field, "each field once", "the same field twice")
        else:
            fields[field] = item
    return fields, unknown


def read_text(field: str, raw: object) -> str | None:
    """The text of a field, or the whole number as it is written; None when there is none.

    Raises ContractError.
    """
    given = _given(raw)
    return None if given is None else _field_text(field, given)


def near_miss(name: str, absent: Collection[str]) -> str | None:
    """The absent field that a misspelt name probably means; None when it resembles none."""
    given, fields = _field_name(name), sorted(absent)
    close = difflib.get_close_matches(given, fields, n=1, cutoff=0.65)
    word = given.partition("_")[0]
    alike = [each for each in fields if each.startswith(word) or each.endswith(f"_{word}")]
    return next(iter([*close, *(alike if len(word) >= _WORD else ())]), None)


def possible(parsed: ParsedMetadata, uploaded_at: dt.datetime) -> ParsedMetadata:
    """The same metadata without a start time that is impossible for this upload."""
    problem = start_problem(parsed.metadata, uploaded_at)
    return _without_start(parsed, problem) if problem else parsed


def past(parsed: ParsedMetadata, now: dt.datetime) -> ParsedMetadata:
    """The same metadata without a start time in the future."""
    problem = _late_problem(parsed.metadata, now, "now")
    return _without_start(parsed, problem) if problem else parsed


def start_problem(metadata: CallMetadata, uploaded_at: dt.datetime) -> ContractError | None:
    """Why the call of an upload cannot have started when metadata says; None when it can."""
    started_at = metadata.started_at
    if started_at is not None and started_at < uploaded_at - LONGEST_BEFORE_UPLOAD:
        expected = f"a time at most {LONGEST_BEFORE_UPLOAD.days} days before the upload"
        return ContractError("started_at", expected, "an earlier one")
    return _late_problem(metadata, uploaded_at, "the upload")


def _late_problem(metadata: CallMetadata, at: dt.datetime, what: str) -> ContractError | None:
    if metadata.started_at is None or metadata.started_at <= at + CLOCK_TOLERANCE:
        return None
    minutes = CLOCK_TOLERANCE // dt.timedelta(minutes=1)
    expected = f"a time at most {minutes} minutes after {what}"
    return ContractError("started_at", expected, "a later one")


def _without_start(parsed: ParsedMetadata, problem: ContractError) -> ParsedMetadata:
    metadata = msgspec.structs.replace(parsed.metadata, started_at=None)
    return dataclasses.replace(parsed, metadata=metadata, problems=(*parsed.problems, problem))


# White space around names and values. `str.strip` leaves the last two: zero-width space, and the
# byte order mark with which spreadsheets begin a file.
_BLANKS = " \t\r\n\v\f\u00a0\u2007\u202f\u200b\ufeff"
# Shorter words are the beginning of too many field names to suggest one.
_WORD = 4
_BETWEEN_WORDS = re.compile(r"[\s_-]+")
# How databases write that there is nothing. `Null` is a name of people.
_NOTHING = frozenset({"", "NULL", "null", r"\N"})


def _field_name(name: str) -> str:
    return _BETWEEN_WORDS.sub("_", name.strip(_BLANKS)).casefold()


def _given(raw: object) -> object:
    """A value without the blanks around it; None when that is nothing."""
    given = raw.strip(_BLANKS) if isinstance(raw, str) else raw
    return None if isinstance(given, str) and given in _NOTHING else given


def _field_value(field: str, raw: object, zone: dt.tzinfo | None) -> Any:
    """The value of a field; None when there is none. Raises ContractError."""
    if field == "started_at":
        given = _given(raw)
        return None if given is None else _moment(given, zone)
    text = read_text(field, raw)
    if text is None:
        return None
    match field:
        case "direction":
            return _direction(text)
        case "language_code":
            return _known_code(text)
        case "agent_id":
            return _id(text)
    return text


# --- Text and ids ---------------------------------------------------------------------------------

# Beyond 2^53 a float no longer holds every whole number, so digits may be lost; an int loses none.
_MOST_EXACT = 2**53
# Python refuses to spell out numbers that are many times longer than any text may be.
_LONGEST_BITS = 1024
_SPREADSHEET_ERROR = re.compile(r"#(N/A|REF!|NAME\?|VALUE!|DIV/0!|NULL!|NUM!)")
_ROUNDED = re.compile(r"\d([.,]\d+)?[Ee]\+?\d+", re.ASCII)
_WHOLE = re.compile(r"([1-9]\d*)\.0", re.ASCII)


def _field_text(field: str, raw: object) -> str:
    """Text, or a whole number as it is written; raises ContractError."""
    if isinstance(raw, (int, float)):
        raw = _number_text(raw)
    if not isinstance(raw, str):
        raise ContractError(field, "text or a whole number", describe_value(raw))
    if _SPREADSHEET_ERROR.fullmatch(raw):
        raise ContractError(field, "text", "an error of a spreadsheet")
    if any(unicodedata.category(character) == "Cc" for character in raw):
        raise ContractError(field, "text without control characters", describe_value(raw))
    if field != "recording_key" and len(raw) > MAX_TEXT:
        expected = f"text of at most {MAX_TEXT} characters"
        raise ContractError(field, expected, describe_value(raw))
    return raw


def _number_text(number: float) -> str | float:
    """A whole number as it is written; any other, and one that may have lost digits, as it is."""
    if isinstance(number, int):
        is_exact = not isinstance(number, bool) and number.bit_length() <= _LONGEST_BITS
    else:
        is_exact = abs(number) <= _MOST_EXACT and number == int(number)
    return str(int(number)) if is_exact else number


def _id(text: str) -> str:
    """An id as its platform writes it; raises ContractError for one that has lost its digits.

    A column of numbers with gaps is written with fractions: 4711 becomes 4711.0.
    """
    if _ROUNDED.fullmatch(text):
        raise ContractError(
            "agent_id", "an id as its platform writes it", "a number that was rounded"
        )
    whole = _WHOLE.fullmatch(text)
    return whole[1] if whole else text


# --- Words ----------------------------------------------------------------------------------------

# Amazon Connect's InitiationMethod among them (administrator guide, contact initiation methods):
# some of its words say how a contact came about, and not who called whom.
_DIRECTIONS: dict[str, Direction | None] = {
    **dict.fromkeys(("inbound", "in", "incoming", "webrtc_api"), "inbound"),
    **dict.fromkeys(("outbound", "out", "outgoing", "external_outbound", "callback"), "outbound"),
    **dict.fromkeys(("transfer", "queue_transfer", "api", "disconnect"), None),
    **dict.fromkeys(("monitor", "agent_reply", "flow"), None),
}


def _direction(text: str) -> Direction | None:
    word = _field_name(text)
    if word not in _DIRECTIONS:
        raise ContractError("direction", "inbound or outbound", describe_value(text))
    return _DIRECTIONS[word]


def _known_code(text: str) -> str:
    """A language as Transcribe spells it; with another one the call would be refused."""
    code = known_language(text)
    if code is None:
        raise ContractError(
            "language_code",
            "a language of batch transcription, like en-US or de-DE",
            describe_value(text),
        )
    return code


# --- Times ----------------------------------------------------------------------------------------

_TIME = re.compile(
    r"(?P<day>\d{4}-\d\d-\d\d)[Tt ](?P<minute>\d\d:\d\d)(?P<second>:\d\d(\.\d+)?)?"
    r" ?(?P<zone>[Zz]|UTC|(?P<hours>[+-]\d\d):?(?P<minutes>\d\d)?)?",
    re.ASCII,
)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


class _Start(msgspec.Struct):
    started_at: UtcTime


def _moment(raw: object, zone: dt.tzinfo | None) -> dt.datetime:
    """A moment in UTC; raises ContractError."""
    if isinstance(raw, str) and _DAY.fullmatch(raw):
        raise ContractError("started_at", "a time like 2025-11-05T09:30:00Z", "a day alone")
    text = _with_zone(raw, zone) if isinstance(raw, str) else raw
    moment = convert({"started_at": text}, _Start).started_at
    check_time(text, moment, "started_at")
    moment = moment.astimezone(dt.UTC)
    # In UTC the first and the last year may begin or end elsewhere, and documents are in UTC.
    check_time(text, moment, "started_at")
    return moment


def _with_zone(text: str, zone: dt.tzinfo | None) -> str:
    """A time as RFC 3339 writes it; text that is none comes back as it is."""
    match = _TIME.fullmatch(text)
    if match is None:
        return text
    plain = f"{match['day']}T{match['minute']}{match['second'] or ':00'}"
    if match["hours"]:
        return f"{plain}{match['hours']}:{match['minutes'] or '00'}"
    if match["zone"]:
        return f"{plain}Z"
    return plain if zone is None else plain + _offset(plain, zone)


def _offset(plain: str, zone: dt.tzinfo) -> str:
    """The offset that clocks of a zone had; raises ContractError when they showed a time twice."""
    try:
        local = dt.datetime.fromisoformat(plain).replace(tzinfo=zone)
    except ValueError:
        return ""
    # PEP 495: the two folds differ for a time that the clocks showed twice, and for one that they
    # skipped. Both need an explicit offset.
    if local.utcoffset() != local.replace(fold=1).utcoffset():
        raise ContractError(
            "started_at",
            "a time with its offset, like 2025-11-05T09:30:00+01:00",
            "one at which the clocks were changed",
        )
    return local.isoformat()[-6:]
