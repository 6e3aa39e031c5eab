"""A form that fits most service calls, for a first look at one's own transcripts."""

from __future__ import annotations

from typing import Any

STARTER_FORM: dict[str, Any] = {
    "name": "starter",
    "criteria": [
        {
            "id": "greet_01",
            "text": "Did the agent greet the customer at the start?",
            "weight": 1,
            "required": True,
            "rule": {
                "phrases": [
                    "hello", "hi", "hey", "good morning", "good afternoon", "good evening",
                    "welcome", "thank you for calling", "thanks for calling",
                ],
                "within": {"first_turns": 2},
            },
        },
        {
            "id": "help_02",
            "text": "Did the agent offer help?",
            "weight": 1,
            "required": False,
            "rule": {
                "pattern": r"\b(how )?(can|may) i (help|assist)\b|what can i do for you\b"
            },
        },
        {
            "id": "else_03",
            "text": "Did the agent ask whether there was anything else?",
            "weight": 1,
            "required": False,
            "rule": {
                "phrases": ["anything else", "something else", "any other questions"],
                "within": {"after_turns": 1},
            },
        },
        {
            "id": "close_04",
            "text": "Did the agent close with thanks or a goodbye?",
            "weight": 1,
            "required": False,
            "rule": {
                "phrases": [
                    "goodbye", "good bye", "bye", "thank you", "thanks", "have a great day",
                    "have a good day", "have a nice day", "take care",
                ],
                "within": {"last_turns": 2},
            },
        },
    ],
    "scoring": {"pass_threshold": 0.7},
}  # fmt: skip
