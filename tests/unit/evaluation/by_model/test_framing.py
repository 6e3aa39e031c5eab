"""Text around an evaluation: known phrases of courtesy are ignored, any other text is not."""

from __future__ import annotations

import pytest

from cci_lite.evaluation.by_model.answer.framing import is_closing, is_lead_in


@pytest.mark.parametrize(
    "text",
    [
        "",
        " \n\t",
        "```json\n",
        "~~~json\n",
        "<answer>",
        "Here is the JSON:",
        "Here's the evaluation of the call:",
        "Sure! Here is the requested evaluation in JSON format:\n\n```json\n",
        "Certainly, here\u2019s my assessment:",
        "## Evaluation\n",
        "**JSON output:**",
        "record_evaluation(",
        "**Evaluation**\n\n---\n",
        "I'll evaluate the call.",
        "I'll now analyze the call transcript against the provided criteria:",
        "Let me review this conversation and record the evaluation.",
        "I'll use the record_evaluation tool to record the assessment of the call.",
        "I've reviewed the transcript. Here is the evaluation:",
        "Ich werde das Gespräch anhand der Kriterien bewerten.",
        "Hier ist die Bewertung:",
        "Gerne! Hier ist die vollständige Auswertung des Gesprächs:",
        "Anbei das Ergebnis als JSON:",
        "[",
    ],
)
def test_what_only_announces_an_evaluation_is_a_lead_in(text: str) -> None:
    assert is_lead_in(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n```\n",
        "}}",
        "])",
        "}.",
        "`",
        "\n\n---\nThank you!",
        "</answer>",
        "I hope this helps.",
        "Let me know if you need more.",
        "```\n\nLet me know if you have any further questions!",
        "Ich hoffe, das hilft Ihnen weiter.",
        "Bei Fragen stehe ich gerne zur Verfügung. Vielen Dank!",
    ],
)
def test_what_only_ends_a_message_is_a_closing(text: str) -> None:
    assert is_closing(text)


TAKEN_BACK = [
    "On second thought, greet_01 fails.",
    "Wait.",
    "No.",
    "Scratch that.",
    "Example only:",
    "This is an example of the evaluation:",
    "Here is the evaluation of another call:",
    "Here is not the evaluation:",
    "Here is the old evaluation:",
    "The agent did not greet.",
    "Note: I am not sure about the second one.",
    "```example\n",
    "<draft>",
    "<del>",
    "~~",
    "\N{CROSS MARK}",
    "\N{NO ENTRY SIGN}",
    "Korrektur: nicht bestanden.",
    "Nur ein Beispiel:",
    "Bitte ignorieren.",
    "Doch nicht.",
    "En fait, non.",
    "Exemple :",
    "Corrección: no aprobado.",
    "Ripensandoci, no.",
    "訂正します。",
    "这只是一个例子",
    "정정합니다",
    "تصحيح",
    "Исправление",
    "I'll evaluate the call again.",
    "I'll evaluate another call.",
    "I won't evaluate the call.",
    "I'll not record the evaluation.",
    "I will record the evaluation later.",
    "I'll record an example of the evaluation.",
    "Let me show the evaluation",
    "I haven't reviewed the transcript.",
    "Ich werde das Gespräch nicht bewerten.",
    "?",
    "(?)",
    "!",
    "-",
    "--",
    "*",
    "**",
    "# ",
    "// ",
    "; ;",
    ":",
    ":(",
    "...",
    "<!--",
    "<!-- -->",
    "<",
    ">",
    "-->",
    "<s>",
    "<thinking>It is a draft.</thinking>",
    "||",
    "_",
    "''",
    '"',
    "\u00bf",
    "\uff1f",
    '"greet_01": "fail"',
    "false",
]


@pytest.mark.parametrize("text", TAKEN_BACK)
def test_anything_else_is_neither(text: str) -> None:
    for around in (text, f"Here is the JSON:\n{text}", f"{text}\nI hope this helps."):
        assert not is_lead_in(around)
        assert not is_closing(around)


@pytest.mark.parametrize("sign", [".", ",", ";", "},", ");\n"])
def test_a_stop_comes_after_an_evaluation_not_before_it(sign: str) -> None:
    assert not is_lead_in(sign)
    assert is_closing(sign)


def test_announcing_something_that_does_not_come_is_no_closing() -> None:
    assert not is_closing("Here is the corrected evaluation:")
    assert not is_closing("Here is the evaluation:")
    assert not is_lead_in("I hope this helps.")


@pytest.mark.parametrize(
    "text",
    [
        "# " + "a" * 200_000,
        "\n# a" * 50_000,
        "*a" * 100_000,
        "a(" * 100_000,
        "a -" * 100_000,
        "`" * 200_001 + "a",
        "I'll evaluate the call" + " and the call" * 50_000,
        "Let me " + "now " * 50_000,
    ],
    ids=lambda text: text[:12],
)
def test_a_flood_of_signs_and_words_is_seen_through(text: str) -> None:
    assert not is_lead_in(text)
    assert not is_closing(text)
