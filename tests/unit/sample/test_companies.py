"""Editing the companies of the sample world: what is changed shows, and a mistake is told where it is."""

from __future__ import annotations

import datetime as dt
import shutil
from pathlib import Path

import pytest

from cci_lite.errors import UsageError
from cci_lite.sample.company import COMPANIES, Company, read_companies
from cci_lite.sample.dialogue import speak
from cci_lite.sample.dice import Dice
from cci_lite.sample.planning import Period, plan_calls

MAPLE = "maple-outfitters"
PERIOD = Period(dt.date(2026, 1, 1), dt.date(2026, 3, 31), 90)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Maple & Harbour alone, to be edited."""
    shutil.copytree(COMPANIES / MAPLE, tmp_path / MAPLE)
    return tmp_path


def edited(folder: Path, file: str, before: str, after: str) -> tuple[Path, int]:
    """Change the first place where a text stands; the file and the line of it."""
    path = folder / MAPLE / file
    text = path.read_text(encoding="utf-8")
    assert before in text
    path.write_text(text.replace(before, after, 1), encoding="utf-8")
    return path, text[: text.index(before)].count("\n") + 1


def only(folder: Path) -> Company:
    [company] = read_companies(folder)
    return company


def test_the_companies_come_with_the_largest_first() -> None:
    names = [company.tenant.tenant_id for company in read_companies()]

    assert names == ["maple-outfitters", "lindental-energie", "sahyadri-broadband"]


def test_a_changed_criterion_is_in_the_form(folder: Path) -> None:
    edited(folder, "support-v2.yaml", "Did the agent greet the customer", "Did they say hello")

    form = only(folder).forms[1].form

    assert (form.label, form.criteria[0].question) == (
        "support v2",
        "Did they say hello at the start?",
    )


def test_an_added_line_is_spoken(folder: Path) -> None:
    edited(
        folder,
        "support-dialogue.yaml",
        "      Agent: How can I help?\n",
        "      Agent: How can I help?\n      Customer: With a {color} kite, please.\n",
    )

    plans = plan_calls(only(folder), PERIOD, 60, seed=1)
    said = {turn.text for plan in plans for turn in speak(plan, Dice(plan.number))}

    assert any(text.startswith("With a green kite, please.") for text in said)


def test_a_new_agent_takes_calls(folder: Path) -> None:
    edited(
        folder,
        "company.yaml",
        "agents:\n",
        "agents:\n  - {id: mho-2000, name: Nell Winter, team: Maple, calls: 2}\n",
    )

    plans = plan_calls(only(folder), PERIOD, 60, seed=1)

    assert [plan.agent.name for plan in plans].count("Nell Winter") == 2


CHANNELS = "only the fields agent_channel, agent_speaker and max_speakers"


@pytest.mark.parametrize(
    ("file", "before", "after", "problem"),
    [
        (
            "company.yaml",
            "fails_at: {else_07",
            "fails_att: {else_07",
            "agents[1]: expected only the fields id, name, team, share, fails, fails_at, calls and "
            "same_as, found 'fails_att'",
        ),
        (
            "company.yaml",
            "agent_channel: ch_0",
            "agent_chanel: ch_0",
            f"audio: expected {CHANNELS}, found 'agent_chanel'",
        ),
        (
            "company.yaml",
            "weekend: 0.45",
            "weekend: often",
            "weekend: expected a number, found 'often'",
        ),
        (
            "company.yaml",
            "share: 0.46",
            "share: 46",
            "share: expected a number from 0 to 1, found 46",
        ),
        (
            "company.yaml",
            "time_zone: America/New_York",
            "time_zone: America/NewYork",
            "time_zone: expected an IANA time zone like Europe/Berlin, found 'America/NewYork'",
        ),
        (
            "company.yaml",
            "queues_fail: {returns: 1.7",
            "queues_fail: {retuns: 1.7",
            "queues_fail: expected complaints, orders, returns or stores, found 'retuns'",
        ),
        (
            "company.yaml",
            "same_as: mho-1006",
            "same_as: mho-1005",
            "agents[5].same_as: expected mho-1001, mho-1002, mho-1003, mho-1004, mho-1006, mho-1007, "
            "mho-1008, mho-1009, mho-1010, mho-1011 or mho-1012, found 'mho-1005'",
        ),
        (
            "company.yaml",
            "talk: [shipment, trip",
            "talk: [shipmnt, trip",
            "topics[0].talk: expected changed, color, damage, drop_off, label, photos, reserved, "
            "returned, shipment, slow_system, traced or trip, found 'shipmnt'",
        ),
        (
            "company.yaml",
            "queues: [complaints]",
            "queues: [complaint]",
            "forms[2].queues: expected complaints, orders, returns or stores, found 'complaint'",
        ),
        (
            "support-dialogue.yaml",
            "criterion: verify_03",
            "criterion: verfy_03",
            "middle[1].criterion: expected close_08, else_07, empathy_04, greet_01, promise_06, "
            "recorded_02, refund_05 or verify_03, found 'verfy_03'",
        ),
        (
            "on-aws.yaml",
            "sentiment: [NEGATIVE, NEUTRAL, POSITIVE, POSITIVE]",
            "sentiment: [NEGATIVE, HAPPY]",
            "courses[0].sentiment[1]: expected MIXED, NEGATIVE, NEUTRAL or POSITIVE, found 'HAPPY'",
        ),
        (
            "support-v1.yaml",
            "weight: 1.5",
            "wieght: 1.5",
            "criteria[1]: expected only the fields id, text, weight, required and rule, found "
            "'wieght'",
        ),
    ],
)
def test_a_mistake_is_told_with_file_and_line_expected_and_found(
    folder: Path, file: str, before: str, after: str, problem: str
) -> None:
    path, line = edited(folder, file, before, after)

    with pytest.raises(UsageError) as caught:
        read_companies(folder)

    place, _, told = str(caught.value).partition(": ")
    assert told == problem
    named, _, where = place.partition(", line ")
    assert named == str(path)
    # The line of the value, or of what holds it.
    assert line - 2 <= int(where) <= line


@pytest.mark.parametrize(
    ("file", "before", "after", "problem"),
    [
        (
            "company.yaml",
            "      Customer: My {item} never arrived.",
            "      Custmer: My {item} never arrived.",
            "topics[0].begins: expected 'Agent: …', 'Agent (after 60 s): …', 'Customer: …', (nothing) "
            "or (late in the call), found 'Custmer: My {item} never arrived. It says delivered on "
            "{week'",
        ),
        (
            "support-dialogue.yaml",
            "It's {digits}.",
            "It's {digts}.",
            "middle[1].passed: expected amount, city, color, digits, item or weekday, found 'digts'",
        ),
    ],
    ids=["line", "word"],
)
def test_a_mistake_in_what_is_said_is_told_with_its_words_and_where_the_script_begins(
    folder: Path, file: str, before: str, after: str, problem: str
) -> None:
    path, line = edited(folder, file, before, after)

    with pytest.raises(UsageError) as caught:
        read_companies(folder)

    text = path.read_text(encoding="utf-8").splitlines()
    begins = max(number for number in range(1, line) if text[number - 1].endswith(": |"))
    assert str(caught.value) == f"{path}, line {begins}: {problem}"


def test_a_criterion_that_nothing_is_said_about_is_told(folder: Path) -> None:
    path, _ = edited(folder, "support-dialogue.yaml", "criterion: greet_01", "criterion: close_08")

    with pytest.raises(UsageError) as caught:
        read_companies(folder)

    assert str(caught.value) == (
        f"{path}, line 4: expected one moment for greet_01 of support v1, found 0"
    )


def test_a_form_that_is_not_there_is_told(folder: Path) -> None:
    edited(folder, "company.yaml", "version: 2", "version: 3")

    with pytest.raises(UsageError) as caught:
        read_companies(folder)

    missing = folder / MAPLE / "support-v3.yaml"
    assert str(caught.value) == f"{missing}: expected this file, found none"


def test_what_is_no_yaml_is_told_with_its_column(folder: Path) -> None:
    path, line = edited(folder, "company.yaml", "weekend: 0.45", "weekend: [0.45")

    with pytest.raises(UsageError) as caught:
        read_companies(folder)

    assert str(caught.value).startswith(f"{path}, line {line + 1}, column ")
