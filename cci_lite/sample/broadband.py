"""Sahyadri Broadband: internet for homes, Pune, open day and night.

Most calls are recorded on one channel, where the platform names the agent `spk_0`; the others have
two channels.
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
    tenant_id="sahyadri-broadband",
    name="Sahyadri Broadband",
    time_zone="Asia/Kolkata",
    language_code="en-IN",
    audio=Audio(agent_channel="ch_0", agent_speaker="spk_0"),
)

_FORM: dict[str, Any] = {
    "name": "technical",
    "criteria": [
        {
            "id": "greet_01",
            "text": "Did the agent greet the customer in the first sentence?",
            "weight": 1,
            "required": False,
            "rule": {
                "pattern": r"\b(namaste|hello|good (morning|afternoon|evening))\b",
                "within": {"first_turns": 1},
            },
        },
        {
            "id": "identify_02",
            "text": "Did the agent check who is calling before opening the account?",
            "weight": 2,
            "required": True,
            "rule": {
                "phrases": ["registered mobile number", "customer ID", "name on the account"],
            },
        },
        {
            "id": "hold_03",
            "text": "When the customer was put on hold, did the agent thank them for waiting?",
            "weight": 0.5,
            "required": False,
            "rule": {
                "phrases": ["thank you for holding", "thanks for holding", "thank you for waiting"],
                "applies_when": {"pattern": r"\b(put|place|keep) (you|the call) on hold\b"},
            },
        },
        {
            "id": "steps_04",
            "text": "When the line was down, did the agent go through the basic steps?",
            "weight": 1.5,
            "required": False,
            "rule": {
                "phrases": [
                    "restart the router",
                    "unplug the router",
                    "check the lights",
                    "lights on the router",
                ],
                "applies_when": {
                    "phrases": ["not working", "no internet", "keeps dropping"],
                    "said_by": "customer",
                },
            },
        },
        {
            "id": "blame_05",
            "text": "Did the agent stay polite and put no blame on the customer?",
            "weight": 1,
            "required": True,
            "rule": {
                "pattern": r"\b(your (own )?fault|you should have|calm down)\b",
                "must": "not_say",
            },
        },
        {
            "id": "ticket_06",
            "text": "When a technician was sent, did the agent give a ticket number?",
            "weight": 1,
            "required": False,
            "rule": {
                "phrases": ["ticket number", "reference number"],
                "applies_when": {"phrases": ["technician", "engineer"]},
            },
        },
        {
            "id": "solved_07",
            "text": "When the agent asked, did the customer say that the line works?",
            "weight": 1,
            "required": False,
            "rule": {
                "pattern": r"\bit('| i)s working\b|\bworks now\b",
                "said_by": "customer",
                "applies_when": {"phrases": ["is it working now", "how is it now"]},
            },
        },
        {
            "id": "else_08",
            "text": "Did the agent ask towards the end whether more help was needed?",
            "weight": 0.5,
            "required": False,
            "rule": {
                "phrases": ["anything else", "any other query", "any other help"],
                "within": {"last_turns": 2},
            },
        },
    ],
    "scoring": {"pass_threshold": 0.7, "required_policy": "flag_only"},
}

_OPENING = (
    Moment(
        "greet_01",
        passed=(
            "A: Namaste, Sahyadri Broadband, this is [PII].",
            "A: Good morning, you have reached Sahyadri Broadband, [PII] speaking.",
            "A: Hello, welcome to Sahyadri Broadband, I am [PII].",
            "A: Good evening, Sahyadri Broadband support.",
        ),
        failed=(
            "A: Sahyadri Broadband, tell me.",
            "A: Yes, Sahyadri support, [PII] here.",
            "A: Sahyadri Broadband. | C: Hello, can you hear me? | A: Hello, yes, I can hear you.",
            "A: Support desk. | C: Namaste. | A: Yes, tell me.",
        ),
    ),
    Moment(
        None,
        passed=(
            "A: How may I assist you?",
            "A: What can I do for you?",
            "A: How can I help you today?",
        ),
    ),
)
_MIDDLE = (
    Moment(
        "identify_02",
        passed=(
            "A: May I have your registered mobile number, please? | C: It is [PII]. | A: Thank"
            " you.",
            "A: Can you tell me your customer ID? | C: {digits}. | A: Thank you, it matches.",
            "A: What is the name on the account? | C: [PII], it is my father. | A: Yes, I see it.",
        ),
        failed=(
            "",
            "A: I can see the line from your number. | C: Good.",
            "C: Do you want my customer ID? | A: No need, go ahead.",
            "A: Where are you calling from? | C: From {area}. | A: Okay.",
        ),
    ),
    Moment(
        "steps_04",
        passed=(
            "A: Please restart the router once and tell me what you see. | C: Okay, it is"
            " starting.",
            "A: Can you check the lights for me? | C: The second one is red. | A: Okay.",
            "A: Let us unplug the router for half a minute. | C: Done. | A: And plug it in again.",
            "A: Which of the lights on the router are on? | C: Power and one more, I think.",
        ),
        failed=(
            "C: Should I restart the router? | A: No, leave it like that.",
            "A: There is some issue in your area only. | C: Again?",
            "A: Please try after some time. | C: I have been trying since {weekday}.",
            "A: The router | C: Yes? | A: restart, did you do it? | C: Ten times.",
        ),
    ),
    Moment(
        "hold_03",
        passed=(
            "A: May I put you on hold for a minute? | C: Yes. | A(35): Thank you for holding.",
            "A: I will place you on hold while I check. | C: Fine. | A(50): Thanks for holding,"
            " I have it.",
            "A: Let me keep the call on hold for a moment. | C: Okay. | A(25): Thank you for"
            " waiting.",
        ),
        failed=(
            "A: I will put you on hold. | C: Okay. | A(55): So, I have checked it.",
            "A: May I place you on hold for a minute? | C: All right. | A(70): Yes, are you"
            " there? | C: I am.",
            "A: I put you on hold. | C: Fine. | A(40): Hm. | C: No thank you for holding?",
        ),
        na=(
            "",
            "",
            "A: One second, I am checking. | C: Yes. | A(8): Got it.",
        ),
    ),
    Moment(
        "blame_05",
        passed=(
            "",
            "",
            "",
            "C: Are you saying it is my fault? | A: Not at all, it is on our side.",
            "C: You should have told us about the cut. | A: You are right, and I am sorry.",
        ),
        failed=(
            "A: Sir, please calm down. | C: I am calm.",
            "A: You should have paid before the due date. | C: I did pay.",
            "A: If the cable is bent, that is your own fault. | C: Nobody touched it.",
        ),
    ),
    Moment(
        "ticket_06",
        passed=(
            "A: A technician will visit on {weekday}. Your ticket number is {digits}. | C: Noted.",
            "A: I am sending an engineer, and the reference number comes by message. | C: Okay.",
            "A: The engineer comes between ten and twelve, please note the ticket number"
            " {digits}. |"
            " C: One second, yes.",
        ),
        failed=(
            "A: A technician will visit on {weekday}. | C: At what time?",
            "A: I have booked the engineer. | C: Do I get a ticket number? | A: He will call you.",
            "A: Somebody, a technician, will come tomorrow. | C: I hope so.",
        ),
    ),
    Moment(
        "solved_07",
        passed=(
            "A: How is it now? | C: Yes, it's working. | A: Very good.",
            "A: Is it working now? | C: One moment. It is working, the page opens.",
            "A: And how is it now? | C: Oh, it works now.",
        ),
        failed=(
            "A: Is it working now? | C: No, still the same. | A: I see.",
            "A: How is it now? | C: A bit better, but the video stops. | A: It is working from"
            " our side.",
        ),
    ),
)
_CLOSING = (
    Moment(
        "else_08",
        passed=(
            "A: Is there anything else? | C: No, that is all.",
            "A: Do you have any other query? | C: No.",
            "A: Any other help you need from us? | C: Not today.",
        ),
        failed=(
            "",
            "",
            "C: Anything else from your side? | A: No, that is it.",
            "|| A: Anything else? | C: Wait, I am writing it down. | A: Yes, please. | C: Okay. |"
            " A: Good. | C: Done.",
        ),
    ),
    Moment(
        None,
        passed=(
            "A: Thank you for choosing Sahyadri Broadband. | C: Thank you.",
            "A: Have a good day. | C: Same to you, bye.",
            "A: Thanks for calling us. | C: Okay, bye.",
        ),
    ),
)

_BODY = (
    "C: I work from home and have a meeting at {hour}. | A: I understand, let us be quick then.",
    "A: Since when is it like this? | C: Since {weekday}, after the rain. | A: There was a cable"
    " cut near"
    " {area} that day.",
    "C: My neighbours in {area} have the same plan and never a problem. | A: They are on another"
    " box, that"
    " is why.",
    "A: Is it on the phone only or on the laptop too? | C: On both, and on the television. | A:"
    " Okay,"
    " then it is not the device.",
    "C: Will this be adjusted in the bill? | A: Yes, days without service are taken off at the"
    " end of the"
    " month.",
    "A: I can see {speed} on the line at this moment. | C: We pay for more than that. | A: Yes,"
    " your plan"
    " says so.",
    "A: Let me open the map of {area}. | C: Okay. | A(7): All boxes there are green now.",
)
_BILLING_BODY = (
    "C: Last month it was {amount} less. | A: The offer ended in between, so the full price"
    " applies.",
    "A: Did you get the message about the new plan? | C: I get so many messages. | A: I will"
    " send it once"
    " more.",
    "C: I paid through the app on {weekday}. | A: Then it takes one day until it shows here.",
    "A: You are on the {speed} plan at present. | C: Yes, since the summer.",
    "C: Can I get a paper bill in {area}? | A: Only by email for now, I am sorry.",
)
_ENDINGS = (
    "A: You will get a message as soon as it is done. | C: On this number, please.",
    "A: I have updated your account. | C: That was fast.",
    "A: I have written down everything for my colleagues. | C: Okay, thank you.",
)
_TOPICS = (
    Topic(
        "internet",
        0.2,
        (
            "C: My internet is not working since {weekday}.",
            "C: There is no internet in our flat in {area} again.",
        ),
        _BODY,
        _ENDINGS[:1],
        frozenset({"hold_03", "ticket_06"}),
    ),
    Topic(
        "internet",
        0.18,
        (
            "C: The connection keeps dropping every evening at {hour}.",
            "C: I restarted everything and still there is no internet.",
        ),
        _BODY,
        _ENDINGS[:1],
        frozenset({"solved_07"}),
    ),
    Topic(
        "billing",
        0.2,
        (
            "C: I was charged {amount} too much this month.",
            "C: Why is my bill higher than in the month before?",
        ),
        _BILLING_BODY,
        _ENDINGS[1:],
        frozenset({"steps_04", "ticket_06", "solved_07"}),
    ),
    Topic(
        "billing",
        0.14,
        (
            "C: I want to change to the {speed} plan from next month.",
            "C: How do I pay if the app does not open?",
        ),
        _BILLING_BODY,
        _ENDINGS[1:],
        frozenset({"steps_04", "ticket_06", "solved_07", "hold_03"}),
    ),
    Topic(
        "installation",
        0.28,
        (
            "C: I was told the new connection in {area} comes on {weekday}, and nobody showed up.",
            "C: We moved to {area} and are waiting for the line since {weekday}.",
            "C: The person who came for the fitting left the cable hanging outside.",
        ),
        _BODY[:1] + _BILLING_BODY[1:3] + _BODY[6:],
        _ENDINGS,
        frozenset({"steps_04", "solved_07"}),
    ),
)

_AGENTS = (
    SampleAgent("SB0311", "Aditi Kulkarne", "Day", 0.31, 0.6),
    SampleAgent("SB0318", "Rohan Deshpati", "Day", 0.3, 1.2, {"hold_03": 1.8}),
    SampleAgent("SB0325", "Meera Jathar", "Night", 0.1, 0.8, {"steps_04": 0.3}),
    SampleAgent("SB0332", "Imran Sheikhani", "Night", 0.09, 1.5, {"blame_05": 3.0}),
    SampleAgent("SB0339", "Lakshmi Varadan", "Day", 0.07, 0.9),
    SampleAgent("SB0346", "Joseph Dcunha", "Day", 0.06, 1.0, {"else_08": 2.0}),
    SampleAgent("SB0353", "Tanvi Gokhran", "Night", 0.06, 0.7),
    SampleAgent("SB0360", "Harpreet Sodhan", "Day", 0.05, 1.3, {"identify_02": 2.2}),
    SampleAgent("SB0367", "Nikhil Bapatla", "Night", 0.04, 1.1),
    SampleAgent("SB0374", "Farida Mistrywala", "Day", calls=8),
    SampleAgent("SB0381", "Sunil Waghare", "Night", calls=2),
)

BROADBAND = Company(
    tenant=_TENANT,
    share=0.24,
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
    layouts={Layout.SPEAKERS: 0.62, Layout.CHANNELS: 0.28, Layout.CHANNELS_UNLABELLED: 0.1},
    fail_chance={
        "greet_01": 0.14,
        "identify_02": 0.13,
        "hold_03": 0.3,
        "steps_04": 0.22,
        "blame_05": 0.04,
        "ticket_06": 0.25,
        "solved_07": 0.3,
        "else_08": 0.32,
    },
    queue_factors={"installation": 1.8},
    turning_points=(
        TurningPoint(0.35, "hold_03", 1.6, "a new telephone system lets calls wait in silence"),
        TurningPoint(0.75, "identify_02", 0.4, "accounts open only after the identity check"),
    ),
    open_minutes=(0, 24 * 60),
    weekend=0.8,
    words={
        "weekday": ("Monday", "Tuesday", "Thursday", "Friday", "Sunday"),
        "area": ("Kothrud", "Baner", "Hadapsar", "Wakad"),
        "hour": ("nine", "ten", "eleven", "seven"),
        "speed": ("100 megabit", "200 megabit", "300 megabit"),
        "amount": ("200 rupees", "350 rupees", "118 rupees"),
        "digits": ("8 2 0 4 1 6", "7 7 3 5 0 9", "6 4 1 9 2 8"),
    },
)
