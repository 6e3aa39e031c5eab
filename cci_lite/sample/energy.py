"""Lindental Energie: electricity and gas contracts sold by telephone, Berlin, agents on channel 1.

Calls that come through the branch line are mixed down to one channel: who of the two speakers is
the agent cannot be known there. One criterion has no rule and stays unscored without a model.
"""

from __future__ import annotations

from typing import Any

from cci_lite.contract.form_reading import parse_draft
from cci_lite.contract.tenant import Audio, Tenant
from cci_lite.sample.company import (
    Company,
    Layout,
    Moment,
    SampleAgent,
    SampleForm,
    Topic,
    TurningPoint,
)

_TENANT = Tenant(
    tenant_id="lindental-energie",
    name="Lindental Energie",
    time_zone="Europe/Berlin",
    language_code="en-GB",
    audio=Audio(agent_channel="ch_1"),
)

_FORM: dict[str, Any] = {
    "name": "sales",
    "criteria": [
        {
            "id": "company_01",
            "text": "Did the agent name the company in the first sentence?",
            "weight": 1,
            "required": False,
            "rule": {"phrases": ["Lindental Energie"], "within": {"first_turns": 1}},
        },
        {
            "id": "consent_02",
            "text": "Did the agent ask for consent before making an offer?",
            "weight": 1.5,
            "required": True,
            "rule": {
                "phrases": [
                    "is it all right if I",
                    "may I tell you",
                    "would you like to hear",
                    "do you have two minutes",
                ],
                "within": {"first_turns": 3},
            },
        },
        {
            "id": "needs_03",
            "text": "Did the agent ask about the household before making an offer?",
            "weight": 1,
            "required": False,
            "rule": {
                "pattern": r"\bhow many (people|rooms)\b|\bkilowatt hours do you\b"
                r"|\bhow much (power|electricity|gas) do you use\b",
            },
        },
        {
            "id": "price_04",
            "text": "When a price was named, did the agent say that tax is included?",
            "weight": 1,
            "required": True,
            "rule": {
                "phrases": ["including tax", "tax included", "tax is included"],
                "applies_when": {
                    "pattern": r"\b(cents|euros) (per|a) (kilowatt hour|month)\b",
                    "said_by": "agent",
                },
            },
        },
        {
            "id": "withdraw_05",
            "text": "When a contract was agreed, was the right of withdrawal explained?",
            "weight": 2,
            "required": True,
            "rule": {
                "pattern": r"\b(fourteen|14) days\b",
                "applies_when": {
                    "phrases": [
                        "I\u2019ll take it",
                        "let\u2019s do it",
                        "sign me up",
                        "I would like to go ahead",
                    ],
                    "said_by": "customer",
                },
            },
        },
        {
            "id": "pressure_06",
            "text": "Did the agent avoid putting pressure on the customer?",
            "weight": 1,
            "required": True,
            "rule": {
                "phrases": ["only today", "last chance", "you have to decide now"],
                "must": "not_say",
            },
        },
        {
            "id": "lead_07",
            "text": "When a complaint was mentioned, was a team lead or supervisor offered?",
            "weight": 0.5,
            "required": False,
            "rule": {
                "phrases": ["team lead", "supervisor"],
                "said_by": "anyone",
                "applies_when": {"phrases": ["complaint", "complain"], "said_by": "anyone"},
            },
        },
        {
            "id": "clarity_08",
            "text": "Was the explanation of the offer easy to follow?",
            "weight": 1,
            "required": False,
        },
        {
            "id": "close_09",
            "text": "Did the agent say goodbye at the end?",
            "weight": 0.5,
            "required": False,
            "rule": {
                "phrases": ["goodbye", "bye", "have a pleasant day", "have a nice evening"],
                "within": {"last_seconds": 25},
            },
        },
    ],
    "scoring": {
        "pass_threshold": 0.75,
        "required_policy": "fail_call",
        "notes": "How clear an explanation was is left to people and to the language model.",
    },
}

_OPENING = (
    Moment(
        "company_01",
        passed=(
            "A: Good morning, Lindental Energie, my name is [PII].",
            "A: Hello, this is [PII] from Lindental Energie.",
            "A: Lindental Energie, you are speaking with [PII], good day.",
            "C: Yes, hello? | A: Good afternoon, Lindental Energie, [PII] speaking.",
        ),
        failed=(
            "A: Hello, this is [PII].",
            "C: Hello, is that Lindental Energie? | A: Yes, speaking, my name is [PII].",
            "A: Good day, here is the energy service.",
            "A: Lindental, good morning, [PII] here.",
            "A: Good morning, can you hear me? | C: Yes. | A: Lindental Energie here, [PII].",
        ),
    ),
    Moment(
        "consent_02",
        passed=(
            "A: Is it all right if I tell you about our new tariffs at the end? | C: Yes, go on.",
            "A: May I tell you about an offer that fits your street? | C: If it is short.",
            "A: Do you have two minutes for your energy contract? | C: Two, yes.",
            "A: Would you like to hear what has changed in our tariffs? | C: Why not.",
        ),
        failed=(
            "",
            "A: I am calling you about your energy contract. | C: Okay.",
            "C: Is it all right if I put you on speaker? | A: Of course.",
            "A: We have something new for you. | C: I see.",
            "|| C: Was that all? | A(40): Almost, would you like to hear about our heat pumps too?"
            " | C: Not now.",
        ),
    ),
)
_MIDDLE = (
    Moment(
        "needs_03",
        passed=(
            "A: How many people live in your household? | C: {people} of us.",
            "A: Roughly how much electricity do you use in a year? | C: About {usage} I think.",
            "A: How many rooms do you heat with gas? | C: Four, and the cellar.",
            "A: And how many kilowatt hours do you have on the last bill? | C: It says {usage}.",
        ),
        failed=(
            "",
            "C: We are {people} in the house. | A: Right.",
            "A: I take the usual household as a basis. | C: Hm, okay.",
            "C: The other company asked how many people live here. | A: We can see that later.",
        ),
    ),
    Moment(
        "price_04",
        passed=(
            "A: It would be {price} cents per kilowatt hour, tax included. | C: That is less"
            " than now.",
            "A: The base fee is {fee} euros a month, including tax. | C: And the rest by use?",
            "A: We are at {price} cents a kilowatt hour, and tax is included in that. | C: I see.",
        ),
        failed=(
            "A: It would be {price} cents per kilowatt hour. | C: Sounds good.",
            "A: The base fee is {fee} euros a month. | C: Is tax included? | A: That is on the"
            " sheet.",
            "A: You pay {price} cents a kilowatt hour, before tax. | C: And after that?",
        ),
    ),
    Moment(
        "withdraw_05",
        passed=(
            "C: Good, {deal}. | A: Very nice. You can withdraw from the contract within fourteen"
            " days"
            " without giving a reason. | C: Good to know.",
            "C: You know what, {deal}. | A: Wonderful. From the day the letter arrives you have"
            " 14 days to"
            " change your mind. | C: All right.",
            "C: Okay, {deal}. | A: Thank you. The letter also explains your right to cancel"
            " within fourteen"
            " days. | C: Fine.",
        ),
        failed=(
            "C: Good, {deal}. | A: Very nice, the contract comes by post. | C: Fine.",
            "C: Okay, {deal}. | A: Great, welcome aboard. | C: I have fourteen days to cancel,"
            " right? |"
            " A: It is all in the letter.",
            "C: You know what, {deal}. | A: Perfect, you can cancel for a while if you like. |"
            " C: Okay.",
        ),
        na=(
            "C: I will think about it. | A: Of course, take your time.",
            "C: Could you send me that in writing? | A: With pleasure.",
        ),
    ),
    Moment(
        "pressure_06",
        passed=(
            "",
            "",
            "",
            "C: Is this one of those offers that is only today? | A: No, it is open until the"
            " end of"
            " the month.",
            "A: There is no hurry at all. | C: Good.",
        ),
        failed=(
            "A: I can only give you this price if you are quick, it is only today. | C: Hm.",
            "A: This is really the last chance to get in at that price. | C: I don't like to be"
            " rushed.",
            "A: I am afraid you have to decide now. | C: Well.",
        ),
    ),
    Moment(
        "lead_07",
        passed=(
            "A: If you like, my team lead will call you back about that. | C: Yes, please.",
            "C: Can I talk to a supervisor? | A: Certainly, I will arrange a call for you.",
        ),
        failed=(
            "A: I will pass that on. | C: To whom?",
            "A: I am sorry that it took so long. | C: It is what it is.",
        ),
    ),
)
_CLOSING = (
    Moment(
        "close_09",
        passed=(
            "A: Then I thank you for your time. Goodbye. | C: Goodbye.",
            "A: Have a pleasant day. | C: Thanks, the same to you.",
            "A: Have a nice evening! | C: You too.",
            "A: Many thanks, and bye for now. | C: Bye.",
        ),
        failed=(
            "A: Okay. | C: Goodbye.",
            "C: Right, bye. | A: Yes, thanks.",
            "A: That was it from my side. | C: All right, bye-bye.",
            "A: Okay then. | C: Okay. || C: Somebody is at the door. | A: Do we say goodbye, or"
            " shall I"
            " wait? | C(30): I am back. | A: Good.",
        ),
    ),
)

_BODY = (
    "A: Are you with another supplier at the moment? | C: Yes, for about {years} years now. |"
    " A: Then you are probably still in the basic supply.",
    "C: Does the price change during the year? | A: It is fixed for twelve months. | C: And then? |"
    " A: Then we write to you six weeks before.",
    "A: Where is the meter, in the cellar? | C: In the hallway, next to the front door. | A:"
    " That makes"
    " reading it easy.",
    "C: We are thinking about solar panels on the roof. | A: That goes well together, many of our"
    " customers in {town} have done that.",
    "A: Could you read me the first digits of the meter? | C: Wait. {digits}. | A: Thank you, I"
    " have noted"
    " them.",
    "A: I just have to open your file. | C: Yes. | A(9): Here it is, thanks for waiting.",
    "C: Is the power really from wind and water? | A: Yes, most of it comes from the coast and"
    " from the"
    " plants near {town}.",
    "A: The last reading is from {month}, is that right? | C: I think so, the lady came in"
    " {month}.",
)
_ENDINGS = (
    "A: You will get everything in writing within the next few days. | C: By post, please.",
    "A: I have put your questions into the file, and my colleague will see them too. | C: Very"
    " good.",
    "A: The documents go to your address in {town}. | C: Yes, that is right.",
)
_NO_COMPLAINT = frozenset({"lead_07"})
_TOPICS = (
    Topic(
        "new-contracts",
        0.27,
        (
            "C: We are moving to {town} in {month} and need electricity from the first day.",
            "C: My neighbour told me about you. I would like to know your prices.",
        ),
        _BODY,
        _ENDINGS,
        _NO_COMPLAINT,
    ),
    Topic(
        "new-contracts",
        0.2,
        (
            "C: I only wanted to compare what you charge in {town}.",
            "C: I saw your poster at the station in {town}. What does it cost?",
        ),
        _BODY,
        _ENDINGS,
        _NO_COMPLAINT | {"withdraw_05"},
    ),
    Topic(
        "tariff-change",
        0.23,
        (
            "C: My contract ends in {month}. What can you offer me?",
            "C: I got your letter about the new price. Is there something cheaper?",
        ),
        _BODY[1:],
        _ENDINGS,
        _NO_COMPLAINT,
        direction="outbound",
    ),
    Topic(
        "tariff-change",
        0.1,
        (
            "C: I only have a question about my meter number.",
            "C: Can I pay at the start of the month instead of the middle?",
        ),
        _BODY[2:],
        _ENDINGS,
        _NO_COMPLAINT | {"price_04", "withdraw_05"},
    ),
    Topic(
        "win-back",
        0.2,
        (
            "C: I left because nobody answered my complaint about the bill in {month}.",
            "C: Before you start, I still have a complaint open with you.",
            "C: I had to complain three times about the wrong reading.",
        ),
        _BODY[2:],
        _ENDINGS,
        frozenset({"withdraw_05"}),
        direction="outbound",
    ),
)

_AGENTS = (
    SampleAgent("le-204", "Annika Brehme", "Berlin Mitte", 0.27, 0.55),
    SampleAgent("le-211", "Jonas Kettler", "Berlin Mitte", 0.26, 1.1, {"price_04": 2.4}),
    SampleAgent("le-215", "Samira Haidari", "Leipzig", 0.25, 0.8, {"withdraw_05": 0.3}),
    SampleAgent("le-223", "Matthias Orlow", "Leipzig", 0.05, 1.8, {"pressure_06": 3.5}),
    SampleAgent("le-224", "Clara Windisch", "Leipzig", 0.05, 0.7),
    SampleAgent("le-230", "Emre Tasdemir", "Berlin Mitte", 0.05, 1.0, {"needs_03": 0.4}),
    SampleAgent("le-231", "Lotte Sandvoss", "Berlin Mitte", 0.05, 1.2),
    SampleAgent("le-236", "Piotr Zalewski", "Leipzig", 0.04, 0.9, {"consent_02": 2.0}),
    SampleAgent("le-240", "Helene Marwitz", "Leipzig", 0.04, 0.6),
    SampleAgent("le-241", "Tobias Renk", "Berlin Mitte", calls=7),
    SampleAgent("le-242", "Yara Lindqvist", "Leipzig", calls=4),
)

ENERGY = Company(
    tenant=_TENANT,
    share=0.3,
    forms=(
        SampleForm(
            parse_draft(_FORM, tenant_id=_TENANT.tenant_id).as_version(1),
            _OPENING,
            _MIDDLE,
            _CLOSING,
        ),
    ),
    topics=_TOPICS,
    agents=_AGENTS,
    layouts={
        Layout.CHANNELS: 0.5,
        Layout.CHANNELS_UNLABELLED: 0.24,
        Layout.SPEAKERS: 0.14,
        Layout.CALL_ANALYTICS: 0.12,
    },
    fail_chance={
        "company_01": 0.1,
        "consent_02": 0.13,
        "needs_03": 0.25,
        "price_04": 0.14,
        "withdraw_05": 0.4,
        "pressure_06": 0.05,
        "lead_07": 0.35,
        "close_09": 0.12,
    },
    queue_factors={"win-back": 1.9, "new-contracts": 0.9},
    turning_points=(
        TurningPoint(
            0.6, "withdraw_05", 0.25, "all agents were trained on the right of withdrawal"
        ),
    ),
    open_minutes=(8 * 60, 20 * 60),
    weekend=0.15,
    words={
        "people": ("Two", "Three", "Four", "Five"),
        "usage": ("2400", "3100", "3800", "4500"),
        "price": ("29", "31", "33", "34"),
        "fee": ("9", "11", "12"),
        "deal": ("I'll take it", "let's do it", "sign me up", "I would like to go ahead"),
        "years": ("two", "three", "six"),
        "town": ("Potsdam", "Halle", "Cottbus", "Dessau"),
        "month": ("January", "March", "June", "September", "November"),
        "digits": ("4 0 7 1", "1 8 8 3", "2 9 5 6"),
    },
)
