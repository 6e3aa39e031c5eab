"""Maple & Harbour Outfitters: a shop for outdoor clothing, New York, agents on channel 0.

Its form changes in the middle of the period: the recording notice gets another wording and more
weight.
"""

from __future__ import annotations

from typing import Any

from cci_lite.contract.form import Form
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
    tenant_id="maple-outfitters",
    name="Maple & Harbour Outfitters",
    time_zone="America/New_York",
    audio=Audio(agent_channel="ch_0"),
)

_NOTICE_V1 = {
    "id": "recorded_02",
    "text": "Did the agent say within the first 30 seconds that the call is recorded?",
    "weight": 1.5,
    "required": True,
    "rule": {
        "phrases": ["this call is recorded", "this call may be recorded"],
        "within": {"first_seconds": 30},
    },
}
_NOTICE_V2 = {
    "id": "recorded_02",
    "text": (
        "Did the agent read the full notice (recorded, for quality and training) "
        "within the first 30 seconds?"
    ),
    "weight": 2,
    "required": True,
    "rule": {
        "phrases": [
            "this call is recorded for quality and training",
            "this call may be recorded for quality and training",
        ],
        "within": {"first_seconds": 30},
    },
}


def _form(notice: dict[str, Any]) -> dict[str, Any]:
    return {
        "name": "support",
        "criteria": [
            {
                "id": "greet_01",
                "text": "Did the agent greet the customer at the start?",
                "weight": 1,
                "required": False,
                "rule": {
                    "phrases": [
                        "hello",
                        "hi",
                        "good morning",
                        "good afternoon",
                        "good evening",
                        "welcome to",
                    ],
                    "within": {"first_turns": 1},
                },
            },
            notice,
            {
                "id": "verify_03",
                "text": "Did the agent ask for the order number or the e-mail address?",
                "weight": 1,
                "required": False,
                "rule": {
                    "pattern": r"\b(order|confirmation) number\b|\be-?mail address\b",
                },
            },
            {
                "id": "empathy_04",
                "text": "Did the agent acknowledge the trouble when the customer complained?",
                "weight": 1,
                "required": False,
                "rule": {
                    "phrases": [
                        "sorry to hear",
                        "i apologize",
                        "i understand how",
                        "that must be",
                        "i'm sorry about",
                    ],
                    "applies_when": {
                        "phrases": [
                            "never arrived",
                            "damaged",
                            "broken",
                            "disappointed",
                            "frustrated",
                        ],
                        "said_by": "customer",
                    },
                },
            },
            {
                "id": "refund_05",
                "text": "When a refund was promised, did the agent say how long it takes?",
                "weight": 1,
                "required": True,
                "rule": {
                    "pattern": r"\b(\d+|three|five|seven|ten)( to (\d+|five|seven|ten))? "
                    r"(business|working) days\b",
                    "applies_when": {"phrases": ["refund"], "said_by": "agent"},
                },
            },
            {
                "id": "promise_06",
                "text": "Did the agent avoid guarantees that we cannot keep?",
                "weight": 1,
                "required": True,
                "rule": {
                    "phrases": ["i guarantee", "i promise", "a hundred percent sure"],
                    "must": "not_say",
                },
            },
            {
                "id": "else_07",
                "text": "Did the agent ask whether there was anything else to help with?",
                "weight": 0.5,
                "required": False,
                "rule": {
                    "phrases": [
                        "anything else i can",
                        "anything else you need",
                        "something else i can",
                    ],
                    "within": {"after_turns": 1},
                },
            },
            {
                "id": "close_08",
                "text": "Did the agent thank the customer or wish them well at the end?",
                "weight": 0.5,
                "required": False,
                "rule": {
                    "phrases": [
                        "thank you for calling",
                        "thanks for calling",
                        "have a great day",
                        "have a nice day",
                        "have a good one",
                    ],
                    "within": {"last_turns": 1},
                },
            },
        ],
        "scoring": {
            "pass_threshold": 0.7,
            "required_policy": "fail_call",
            "notes": "Criteria that do not apply are left out of the maximum.",
        },
    }


def _template(notice: dict[str, Any], version: int) -> Form:
    return parse_draft(_form(notice), tenant_id=_TENANT.tenant_id).as_version(version)


_GREETING = Moment(
    "greet_01",
    passed=(
        "A: Hello, thank you for calling Maple and Harbour, my name is [PII].",
        "A: Good morning, Maple and Harbour, you are speaking with [PII].",
        "A: Good afternoon, this is [PII] at Maple and Harbour.",
        "A: Hi there, [PII] from Maple and Harbour here.",
        "A: Welcome to Maple and Harbour Outfitters, I'm [PII].",
        "C: Hello? | A: Good evening, sorry for the wait, this is Maple and Harbour.",
    ),
    failed=(
        "A: This is [PII] with Maple and Harbour.",
        "A: Maple and Harbour, customer care.",
        "A: Maple and Harbour, which department?",
        "C: Hello? | A: Yes, Maple and Harbour, [PII] speaking.",
        "C: Hi, good morning! | A: Maple and Harbour, go ahead.",
        "A: Maple and Harbour, one moment. | C: Sure. | A: Hello, my screen is back now.",
    ),
)
_FULL_NOTICES = (
    "A: This call is recorded for quality and training.",
    "A: Just so you know, this call may be recorded for quality and training.",
    "A: Please note that this call is recorded, for quality and training purposes.",
)
_SHORT_NOTICES = (
    "A: This call is recorded.",
    "A: Please note that this call may be recorded.",
)
_NO_NOTICE = (
    "",
    "",
    "A: We do keep a note of every conversation.",
    "|| C: Are you still there? | A(45): Yes. I should have told you, this call is recorded for"
    " quality"
    " and training. | C: Oh. All right.",
    "C: The machine said this call is recorded for quality and training. | A: Right.",
)
_HELP = Moment(
    None,
    passed=(
        "A: How can I help?",
        "A: What can I do for you today?",
        "A: How may I help you today?",
        "A: What brings you to us?",
    ),
)
_VERIFY = Moment(
    "verify_03",
    passed=(
        "A: Could you read me your order number, please? | C: It's {digits}. | A: Got it.",
        "A: May I have the email address on the account? | C: Yes, it is [PII]. | A: Thank you,"
        " found it.",
        "A: Do you have the confirmation number at hand? | C: One second. {digits}. | A: Perfect.",
        "A: What's the e-mail address you ordered with? | C: That would be [PII]. | A: There you"
        " are.",
    ),
    failed=(
        "",
        "A: Let me see what I can find. | C: Okay.",
        "C: Do you need my order number? | A: No, I can see your phone here.",
        "A: Which order | C: Yes? | A: was it, the one from {weekday}? | C: That one, yes.",
        "A: And your name? | C: [PII]. | A: Okay, I have you here.",
    ),
)
_EMPATHY = Moment(
    "empathy_04",
    passed=(
        "A: I'm so sorry to hear that. | C: Well, it happens.",
        "A: I apologize for the trouble, that is not how it should be. | C: Thank you.",
        "A: I understand how annoying this is right before a trip. | C: It really is.",
        "A: Oh no, that must be really annoying. | C: Yes, we leave on {weekday}.",
        "A: I\u2019m sorry about that, let's put it right. | C: Please do.",
    ),
    failed=(
        "A: Okay. | C: So what happens now?",
        "A: All right, that happens with this carrier. | C: I see.",
        "C: Others would be sorry to hear that. | A: I can only see the shipment here.",
        "A: Noted. | C: Is that all?",
    ),
    na=("", "A: Sure, let me look. | C: Thanks."),
)
_REFUND = Moment(
    "refund_05",
    passed=(
        "A: I have started your refund, it takes 5 to 7 business days. | C: That's fine.",
        "A: The refund goes back to your card within five business days. | C: Good to know.",
        "A: You will see the refund in three to five working days. | C: Okay, I'll watch for it.",
        "A: We send the refund as soon as the parcel is scanned, and then it takes 10 business"
        " days."
        " | C: All right.",
    ),
    failed=(
        "A: I have started your refund, you will get an email. | C: Okay.",
        "A: The refund goes back to the card you used. | C: And when? | A: As soon as the bank"
        " is done.",
        "A: Your refund is on the way. | C: So in about 5 business days? | A: Something like that.",
        "A: The refund should be there in a couple of days. | C: Hopefully.",
    ),
)
_PROMISE = Moment(
    "promise_06",
    passed=(
        "",
        "",
        "",
        "C: Can you promise me that? | A: I can only tell you what the system shows.",
        "A: I can't guarantee the exact day, but it looks good. | C: Fair enough.",
        "C: I promise I won't be mad, just tell me when. | A: It says {weekday}, maybe later.",
    ),
    failed=(
        "C: Are you sure about the date? | A: I guarantee it will be there on {weekday}. | C:"
        " Great.",
        "A: It will not happen again, I promise. | C: I hope so.",
        "C: Really? | A: Yes, I am a hundred percent sure it arrives this week. | C: Okay.",
    ),
)
_ELSE = Moment(
    "else_07",
    passed=(
        "A: Is there anything else I can help you with? | C: No, that's everything.",
        "A: Anything else you need today? | C: No, thank you.",
        "A: Is there something else I can do for you? | C: That was all.",
        "A: Was there anything else I can look up while you are here? | C: Nope, all good.",
    ),
    failed=(
        "",
        "",
        "C: I don't think there is anything else you need from me. | A: No.",
        "A: Okay, was there anything | C: Sorry, you broke up. | A: else I can see here? No,"
        " looks fine."
        " | C: Okay.",
        "A: So we have everything. | C: Yes.",
    ),
)
_CLOSING = Moment(
    "close_08",
    passed=(
        "A: Thank you for calling Maple and Harbour. | C: Thanks, bye.",
        "A: Thanks for calling, and enjoy the trip. | C: Thank you!",
        "A: Have a great day! | C: You too.",
        "A: Have a good one. | C: Bye-bye.",
        "A: All set then. Have a nice day. | C: Thanks, you as well.",
    ),
    failed=(
        "A: Okay, bye. | C: Bye.",
        "C: Thank you, have a great day. | A: You too, bye.",
        "A: Alright then. | C: Okay, thanks.",
        "A: Thanks for calling | C: Oh, and tell [PII] I said so. | A: I will. Goodbye.",
    ),
)

_MIDDLE = (_EMPATHY, _VERIFY, _REFUND, _PROMISE)
_CLOSE = (_ELSE, _CLOSING)

_FORMS = (
    SampleForm(
        _template(_NOTICE_V1, 1),
        (_GREETING, Moment("recorded_02", _SHORT_NOTICES + _FULL_NOTICES, _NO_NOTICE), _HELP),
        _MIDDLE,
        _CLOSE,
    ),
    SampleForm(
        _template(_NOTICE_V2, 2),
        (_GREETING, Moment("recorded_02", _FULL_NOTICES, _NO_NOTICE + _SHORT_NOTICES), _HELP),
        _MIDDLE,
        _CLOSE,
        begins_at=0.5,
    ),
)

_SHIPPING_BODY = (
    "A: When did you place it? | C: On {weekday}, with express shipping, so I paid {amount} extra."
    " | A: I see the express label here.",
    "A: The last scan is from the depot in {city}. | C: That is what the page says too, and it"
    " has not"
    " moved since. | A: Right, it is waiting for the next truck.",
    "C: We are going camping and I need the {item} by the weekend. | A: Then let me check what the"
    " carrier can do for you.",
    "A: Could it be with a neighbor? | C: I asked on both sides of the street, and nobody has"
    " seen a"
    " parcel. | A: Okay, then I will open a trace.",
    "C: Can you send it to my office instead? | A: Yes, once it is back at the depot I can"
    " change the"
    " address. | C: That would be easier for me.",
    "A: The system is a bit slow today, bear with me. | C: Take your time. | A(6): Here we go.",
)
_PRODUCT_BODY = (
    "A: Which color did you get? | C: The {color} one, in medium. | A: That one is popular this"
    " season.",
    "C: I only wore it once, on a short walk near {city}. | A: Was it raining? | C: A little, yes.",
    "A: Could you tell me what it looks like now? | C: The zipper is stuck and there is a mark"
    " on the"
    " left side. | A: I will add that to the notes.",
    "A: You can drop it off at any parcel shop with the label I send you. | C: Do I need the box? |"
    " A: A bag is fine as long as it is closed.",
    "C: The photos on the page look different. | A: The light makes the {color} a little"
    " brighter there.",
    "A: Let me ask my colleague in the warehouse. | C: Sure. | A(14): They have four left on the"
    " shelf.",
)
_TOPICS = (
    Topic(
        "orders",
        0.26,
        (
            "C: My {item} never arrived. It says delivered on {weekday}, but nobody was here.",
            "C: I'm calling about a {item} that should have come on {weekday}. I'm quite"
            " frustrated.",
            "C: I ordered a {item} two weeks ago and it never arrived.",
        ),
        _SHIPPING_BODY,
        (
            "A: I have asked the carrier to trace it and you get a text as soon as they know"
            " more. |"
            " C: Okay, that works for me.",
            "A: I am sending a new {item} today, from the store in {city}. | C: Oh, great.",
        ),
        frozenset({"refund_05"}),
    ),
    Topic(
        "orders",
        0.22,
        (
            "C: I'd like to know whether the {item} also comes in {color}.",
            "C: I want to change the delivery address of my {item}, we are moving on {weekday}.",
            "C: A quick question about the {item}. Can I still add a second one to the parcel?",
        ),
        _SHIPPING_BODY[2:] + _PRODUCT_BODY[:1],
        (
            "A: I have changed that for you, and the new note is already in the mail. | C:"
            " Perfect.",
            "A: It is back in stock on {weekday}, and I put one aside for you. | C: Wonderful.",
        ),
        frozenset({"empathy_04", "refund_05"}),
    ),
    Topic(
        "returns",
        0.2,
        (
            "C: The {item} came damaged. There is a tear right next to the seam.",
            "C: I opened the parcel and the {item} is broken. I am really disappointed.",
            "C: I got my {item} on {weekday} and one of the straps is broken already.",
        ),
        _PRODUCT_BODY,
        (
            "A: You will have the label in your inbox in a minute. | C: I see it, thank you.",
            "A: Please keep the {item} until the carrier has picked it up. | C: Will do.",
        ),
    ),
    Topic(
        "returns",
        0.14,
        (
            "C: I sent back a {item} last {weekday} and I am waiting for my {amount}.",
            "C: The {item} does not fit, so I'd like to return it and get my money back.",
        ),
        _PRODUCT_BODY[:1] + _PRODUCT_BODY[3:],
        (
            "A: The parcel was scanned in {city} this morning. | C: That was quick.",
            "A: I have noted the return for you. | C: Thanks for sorting that out.",
        ),
        frozenset({"empathy_04"}),
    ),
    Topic(
        "stores",
        0.18,
        (
            "C: Is your store in {city} open on {weekday}? I want to try on a {item}.",
            "C: I left my {item} for repair in your {city} store. Is it ready?",
        ),
        _PRODUCT_BODY[4:] + _SHIPPING_BODY[5:],
        (
            "A: They are open until eight, and the {item} is at the counter. | C: Great, I'll"
            " drop by.",
            "A: I called them and they will keep it for you until {weekday}. | C: Very kind.",
        ),
        frozenset({"empathy_04", "refund_05"}),
    ),
)

_LEVEL_TWIN = SampleAgent("mho-1007", "Grace Okafor", "Harbor")
_AGENTS = (
    SampleAgent("mho-1001", "Dana Whitfield", "Maple", 0.17, 0.45),
    SampleAgent("mho-1002", "Luis Ferrante", "Maple", 0.165, 1.0, {"else_07": 2.2}),
    SampleAgent("mho-1003", "Tessa Quill", "Harbor", 0.08, 0.8, {"empathy_04": 2.6}),
    SampleAgent("mho-1004", "Omar Haddix", "Harbor", 0.16, 1.7, {"greet_01": 0.4}),
    SampleAgent("mho-1006", "Noah Pell", "Harbor", 0.155, 0.9, twin=_LEVEL_TWIN),
    SampleAgent("mho-1008", "Ivy Marchetti", "Maple", 0.03, 1.1, {"promise_06": 3.0}),
    SampleAgent("mho-1009", "Ben Sorrel", "Harbor", 0.03, 0.7),
    SampleAgent("mho-1010", "June Abernathy", "Maple", 0.025, 1.3, {"recorded_02": 1.8}),
    SampleAgent("mho-1011", "Felix Grady", "Maple", calls=6),
    SampleAgent("mho-1012", "Mina Castellan", "Harbor", calls=3),
)

OUTFITTERS = Company(
    tenant=_TENANT,
    share=0.46,
    forms=_FORMS,
    topics=_TOPICS,
    agents=_AGENTS,
    layouts={Layout.CHANNELS: 0.66, Layout.CHANNELS_UNLABELLED: 0.22, Layout.CALL_ANALYTICS: 0.12},
    fail_chance={
        "greet_01": 0.12,
        "recorded_02": 0.24,
        "verify_03": 0.1,
        "empathy_04": 0.22,
        "refund_05": 0.16,
        "promise_06": 0.05,
        "else_07": 0.28,
        "close_08": 0.15,
    },
    queue_factors={"returns": 1.7, "stores": 0.8},
    turning_points=(
        TurningPoint(0.5, "recorded_02", 0.35, "the new notice is on every screen"),
        TurningPoint(0.7, "else_07", 0.5, "the closing question was part of a training"),
    ),
    open_minutes=(8 * 60, 22 * 60),
    weekend=0.45,
    words={
        "item": (
            "rain jacket",
            "backpack",
            "tent",
            "fleece",
            "sleeping bag",
            "camp stove",
            "parka",
        ),
        "weekday": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"),
        "city": ("Portland", "Albany", "Burlington", "Providence", "Ithaca"),
        "color": ("green", "navy", "orange", "gray", "black"),
        "amount": ("12 dollars", "48 dollars", "90 dollars", "15 dollars"),
        "digits": ("4 4 7 1 0 2", "5 8 0 3 3 9", "6 1 2 7 7 4", "3 9 5 1 8 0"),
    },
)
