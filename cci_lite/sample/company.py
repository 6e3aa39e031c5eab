"""A company of the sample world, as its folder describes it: `companies/README.md` says how."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from cci_lite.contract.definitions import naming, parse_definition, read_described
from cci_lite.contract.document import Redaction, Share
from cci_lite.contract.form import Form
from cci_lite.contract.form_reading import parse_draft
from cci_lite.contract.parsing import in_words
from cci_lite.contract.tenant import Audio, Tenant, parse_tenant
from cci_lite.errors import TenantError, show_value
from cci_lite.sample.script import NOTHING, read_script

COMPANIES = Path(__file__).with_name("companies")

_Times = Annotated[float, msgspec.Meta(ge=0, le=100)]
_Hour = Annotated[int, msgspec.Meta(ge=0, le=24)]
_Sentiment = Literal["POSITIVE", "NEGATIVE", "NEUTRAL", "MIXED"]
_Names = tuple[str, ...]
_AtLeastOne = msgspec.Meta(min_length=1)


class Layout(StrEnum):
    """How a transcript is laid out."""

    CHANNELS = "channels"
    CHANNELS_UNLABELLED = "channels_unlabelled"
    SPEAKERS = "speakers"
    CALL_ANALYTICS = "call_analytics"


class Moment(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A step of a call: what is said depends on the verdict of its criterion."""

    criterion: str | None = None
    version: int | None = None
    fails: Share = 0.0
    always: str = NOTHING
    passed: str = NOTHING
    failed: str = NOTHING
    not_applicable: str = NOTHING


class Dialogue(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The moments of calls that are judged by a form."""

    opening: tuple[Moment, ...] = ()
    middle: tuple[Moment, ...] = ()
    closing: tuple[Moment, ...] = ()

    @property
    def moments(self) -> tuple[Moment, ...]:
        """All of them."""
        return self.opening + self.middle + self.closing

    def of_version(self, version: int) -> Dialogue:
        """What is said in calls that are judged by this version of the form."""
        parts = (self.opening, self.middle, self.closing)
        return Dialogue(
            *(tuple(each for each in part if each.version in (None, version)) for part in parts)
        )


class FormUse(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A version of a form; without queues it is for all that have no form of their own."""

    form: str
    version: int
    since: Share = 0.0
    queues: _Names = ()
    language_code: str | None = None


class SampleAgent(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An agent: its share of the calls or their number, and how many times as often it fails."""

    id: str
    name: str
    team: str
    share: Share = 0.0
    fails: _Times = 1.0
    fails_at: dict[str, _Times] = {}
    calls: int | None = None
    same_as: str | None = None


class TurningPoint(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """From a share of the period on, a criterion is failed `fails` times as often."""

    since: Share
    criterion: str
    fails: _Times
    because: str


class Topic(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A reason to call: its queue, what is said, what does not apply, and where it is judged."""

    queue: str
    share: Share
    direction: Literal["inbound", "outbound"] = "inbound"
    judged: Literal["here", "on_aws"] = "here"
    not_applicable: _Names = ()
    begins: str = NOTHING
    talk: _Names = ()
    ends: _Names = ()


class Course(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How calls went that were judged on AWS: what Comprehend and the language model said."""

    share: Share
    sentiment: Annotated[tuple[_Sentiment, ...], _AtLeastOne]
    tone: Annotated[tuple[float, ...], _AtLeastOne]
    issue: str
    resolution: str
    outcome: str
    sentiment_summary: str
    action_items: _Names = ()
    key_phrases: _Names = ()
    entities: dict[str, _Names] = {}


class OnAws(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What the pipeline on AWS made of the calls that it judged: `on-aws.yaml`."""

    model_id: str
    prompt_version: str
    redaction: Redaction
    undecided: Share
    adds_up_wrong: Share
    review: dict[str, Share]
    courses: Annotated[tuple[Course, ...], _AtLeastOne]


class Profile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What `company.yaml` says."""

    name: str
    time_zone: str
    language_code: str
    audio: Audio
    share: Share
    opens: _Hour
    closes: _Hour
    weekend: Share
    layouts: dict[Layout, Share]
    forms: Annotated[tuple[FormUse, ...], _AtLeastOne]
    agents: Annotated[tuple[SampleAgent, ...], _AtLeastOne]
    topics: Annotated[tuple[Topic, ...], _AtLeastOne]
    nobody_answers: str
    queues_fail: dict[str, _Times] = {}
    stories: tuple[TurningPoint, ...] = ()
    exchanges: dict[str, str] = {}
    words: dict[str, _Names] = {}


@dataclass(frozen=True)
class CompanyForm:
    """A version of a company's form, where it is used, and what is said under it."""

    form: Form
    dialogue: Dialogue
    use: FormUse


@dataclass(frozen=True)
class Company:
    """A tenant of the sample world with everything that makes its calls."""

    tenant: Tenant
    profile: Profile
    forms: tuple[CompanyForm, ...]
    on_aws: OnAws

    def forms_of(self, queue: str | None) -> list[CompanyForm]:
        """The versions of the form by which calls of a queue are judged, the oldest first."""
        named = [form for form in self.forms if queue in form.use.queues]
        return named or [form for form in self.forms if not form.use.queues]

    def twin_of(self, agent: SampleAgent) -> SampleAgent | None:
        """The agent who is the same as this one."""
        return next((each for each in self.profile.agents if each.same_as == agent.id), None)


@cache
def read_companies(folder: Path = COMPANIES) -> tuple[Company, ...]:
    """The companies of a folder, the largest first; raises UsageError with file, line and path."""
    companies = [_read_company(each) for each in sorted(folder.iterdir()) if each.is_dir()]
    return tuple(sorted(companies, key=lambda company: -company.profile.share))


def _read_company(folder: Path) -> Company:
    file = folder / "company.yaml"
    profile = read_described(file, Profile)
    with naming(file):
        settings = ("name", "time_zone", "language_code", "audio")
        told = {name: getattr(profile, name) for name in settings}
        tenant = parse_tenant({"tenant_id": folder.name, **told})
    forms = tuple(_read_form(folder, use, profile) for use in profile.forms)
    company = Company(tenant, profile, forms, read_described(folder / "on-aws.yaml", OnAws))
    with naming(file):
        for place, names, known in _names_in(company):
            _expect(names, known, place)
        _check_script(profile.nobody_answers, profile, "nobody_answers")
        for name, script in profile.exchanges.items():
            _check_script(script, profile, f"exchanges.{name}")
        for index, topic in enumerate(profile.topics):
            _check_script(topic.begins, profile, f"topics[{index}].begins")
    return company


def _read_form(folder: Path, use: FormUse, profile: Profile) -> CompanyForm:
    file = folder / f"{use.form}-v{use.version}.yaml"
    with naming(file) as text:
        form = parse_draft(parse_definition(text, str(file))).as_version(use.version)
    criteria = [each.id for each in form.criteria]
    file = folder / f"{use.form}-dialogue.yaml"
    dialogue = read_described(file, Dialogue)
    with naming(file):
        for part in ("opening", "middle", "closing"):
            for index, moment in enumerate(getattr(dialogue, part)):
                place = f"{part}[{index}]"
                _expect([moment.criterion or criteria[0]], criteria, f"{place}.criterion")
                for said in ("always", "passed", "failed", "not_applicable"):
                    _check_script(getattr(moment, said), profile, f"{place}.{said}")
        dialogue = dialogue.of_version(form.version)
        spoken = [moment.criterion for moment in dialogue.moments]
        for each in form.criteria:
            if each.rule is not None and spoken.count(each.id) != 1:
                expected = f"one moment for {each.id} of {form.label}"
                raise TenantError("", expected, str(spoken.count(each.id)))
    return CompanyForm(form, dialogue, use)


def _names_in(company: Company) -> Iterator[tuple[str, Iterable[str], Collection[str]]]:
    """Where a profile names something, what it names there, and what there is to name."""
    profile = company.profile
    criteria = {each.id for form in company.forms for each in form.form.criteria}
    queues = {topic.queue for topic in profile.topics}
    yield "queues_fail", profile.queues_fail, queues
    for index, use in enumerate(profile.forms):
        yield f"forms[{index}].queues", use.queues, queues
    for index, story in enumerate(profile.stories):
        yield f"stories[{index}].criterion", [story.criterion], criteria
    for index, agent in enumerate(profile.agents):
        yield f"agents[{index}].fails_at", agent.fails_at, criteria
        others = [each.id for each in profile.agents]
        yield f"agents[{index}].same_as", filter(None, [agent.same_as]), others
    for index, topic in enumerate(profile.topics):
        yield f"topics[{index}].talk", topic.talk, profile.exchanges
        yield f"topics[{index}].ends", topic.ends, profile.exchanges
        yield f"topics[{index}].not_applicable", topic.not_applicable, criteria
        for form in company.forms_of(topic.queue) if topic.judged == "on_aws" else ():
            spoken = {moment.criterion or "" for moment in form.dialogue.moments}
            yield f"topics[{index}].judged", [each.id for each in form.form.criteria], spoken


def _check_script(text: str, profile: Profile, place: str) -> None:
    read_script(text, place)
    _expect(re.findall(r"\{(.*?)\}", text), profile.words, place)


def _expect(names: Iterable[str], known: Collection[str], place: str) -> None:
    for name in names:
        if name not in known:
            raise TenantError(place, in_words(sorted(known) or ["nothing"]), show_value(name))
