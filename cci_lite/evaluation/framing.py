"""Words that stand around an evaluation and say nothing about it.

Whoever writes "on second thought" or "nur ein Beispiel" beside an evaluation may take it back, in
any language and in words that no list foresees. So it is the other way round: known politeness is
passed over, and everything else makes the answer doubtful.
"""

from __future__ import annotations

import re

# Fences of code with the usual names, and tags that name an answer; `<draft>` does not.
_MARKUP = re.compile(
    r"(?:`{3,}|~{3,})(?:json[c5]?|javascript|js|python|text|txt)?(?![\w])"
    r"|</?(?:json|answer|result|output|evaluation|record_evaluation|tool_call|tool_use)>",
    re.IGNORECASE,
)
# What strikes out (~~ ~~) or crosses out (an emoji) is no punctuation.
_STRANGE = re.compile(r"[^\w\s.,:;!?*#\"'`()\[\]{}<>|\u2013\u2014-]")
_SENTENCE_END = re.compile(r"[.!?:;\n]+")
_NOT_A_WORD = re.compile(r"[^\w']+")
_APOSTROPHES = str.maketrans("’‘", "''")  # noqa: RUF001

_ENGLISH_NAME = (
    r"(?:(?:the|my|your) )?(?:(?:requested|complete|completed|full|final|structured|filled) )?"
    r"(?:(?:call|quality|qa|json) ){0,2}"
    r"(?:json|evaluation|assessment|results?|answer|output|response|object)"
    r"(?: (?:of|for) (?:the|this|your) call)?(?: in json(?: format)?| as json| as requested"
    r"| you (?:asked for|requested))?"
)
_GERMAN_NAME = (
    r"(?:(?:die|das|meine|ihre|deine) )?(?:(?:vollständige|gewünschte|angeforderte|fertige) )?"
    r"(?:json )?(?:json|bewertung|auswertung|beurteilung|ergebnis|antwort|ausgabe|objekt)"
    r"(?: (?:des|zum|für den|für das) (?:anrufs?|gesprächs?|telefonats?))?"
    r"(?: im json format| als json)?"
)
_COURTESY = r"(?:sure|certainly|of course|okay|ok|gerne|natürlich|selbstverständlich)(?: thing)?"
_ANNOUNCED = (
    rf"(?:(?:here is|here's|here are|below is|this is) )?{_ENGLISH_NAME}"
    rf"|(?:(?:hier ist|hier sind|hier kommt|anbei|nachfolgend) )?{_GERMAN_NAME}"
)
_LEAD_IN = re.compile(rf"{_COURTESY}|(?:{_COURTESY} )?(?:{_ANNOUNCED})|record_evaluation")
_CLOSING = re.compile(
    r"(?:i )?hope (?:this|that) (?:helps|is helpful)"
    r"|(?:please )?(?:let me know|feel free to ask) if (?:you|there) (?:need|have|is|want)"
    r" (?:more|anything else|anything more|(?:any )?(?:more |further |other )?"
    r"(?:questions|details|information|help|assistance|clarification))"
    r"|thank you|thanks|end of (?:the )?(?:evaluation|json|output)"
    r"|ich hoffe das hilft(?: ihnen)?(?: weiter)?"
    r"|lassen sie (?:es )?mich wissen (?:wenn|falls) sie (?:noch )?(?:weitere )?"
    r"(?:fragen haben|(?:informationen|details|hilfe|etwas) (?:brauchen|benötigen))"
    r"|bei (?:weiteren )?fragen stehe ich (?:ihnen )?(?:gerne )?zur verfügung"
    r"|vielen dank|danke"
)


def is_lead_in(text: str) -> bool:
    """Whether words before an evaluation only announce it."""
    return _is_each(_LEAD_IN, text)


def is_closing(text: str) -> bool:
    """Whether words after an evaluation only end the message."""
    return _is_each(_CLOSING, text)


def _is_each(pattern: re.Pattern[str], text: str) -> bool:
    plain = _MARKUP.sub("\n", text.translate(_APOSTROPHES)).lower()
    if _STRANGE.search(plain):
        return False
    sentences = (_NOT_A_WORD.sub(" ", each).strip() for each in _SENTENCE_END.split(plain))
    return all(pattern.fullmatch(each) for each in sentences if each)
