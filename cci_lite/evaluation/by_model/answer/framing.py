"""Recognises the polite words around an evaluation that do not change its meaning.

Whoever writes "on second thought" or "nur ein Beispiel" beside an evaluation may take it back, in
any language and in words that no list foresees. So the list is of what is harmless: known
politeness is ignored, and everything else makes the answer doubtful.
"""

from __future__ import annotations

import re

# Fences of code with the usual names, and tags that name an answer; `<draft>` does not.
_MARKUP = re.compile(
    r"(?:`{3,}|~{3,})(?:json[c5]?|javascript|js|python|text|txt)?(?![\w])"
    r"|</?(?:json|answer|result|output|evaluation|record_evaluation|thinking|tool_call|tool_use)>",
    re.IGNORECASE,
)
# Punctuation is listed like words. These patterns leave out on purpose what strikes out (~~ ~~),
# comments out (<!-- -->, --, /* */), negates (!, -) or asks (?).
_HEADING = re.compile(r"(?<=\n) {0,3}#{1,6} +(?=[^\n\w]*\w[^\n]*\n)")
_RULE = re.compile(r"(?<=\n) {0,3}(?:-{3,}|\*{3,}) *(?=\n)")
_EMPHASIS = re.compile(r"(\*\*?)(?=\w)([^*\n]+)\1")
_DASH = re.compile(r"(?<=\w) ?[\u2013\u2014-] ?(?=\w)")
_PAUSE = re.compile(r"(?<=\w),|(?<=\w)\((?=\s*$)", re.MULTILINE)
_SENTENCE_END = re.compile(r"(?<=\w)[.!:;]+|\n+")
# Surplus closing brackets are no words; neither is a stop that follows them.
_BRACKETS = re.compile(r"[\s{}\[\]()`]*")
_STOP = re.compile(r"\A[\s}\])`]*[.,;](?![.,;])")
_SPACES = re.compile(r"\s+")
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
# "I'll now review the transcript and record the evaluation": nothing but what was asked for.
_ENGLISH_OBJECT = (
    r"(?:(?:the|this|your|my|each|all|provided|given|recorded|full|call|quality|qa) ){0,4}"
    r"(?:call|transcript|conversation|evaluation|assessment|criteria|criterion|form|question|"
    r"questions|verdicts|results?|summary)"
)
_ENGLISH_ACTION = (
    r"(?:(?:evaluate|assess|analy[sz]e|review|examine|judge|score|read(?: through)?|go through"
    rf"|look at|record|submit|provide|complete) {_ENGLISH_OBJECT}"
    rf"(?: (?:against|based on|using|with|of|for|and) {_ENGLISH_OBJECT}){{0,3}}"
    r"(?: (?:now|carefully|as requested|(?:by (?:calling|using)|with|using) (?:the )?"
    r"record_evaluation(?: (?:tool|function))?))?"
    r"|(?:call|use) (?:the )?record_evaluation(?: (?:tool|function))?)"
)
_ENGLISH_INTENT = (
    r"(?:(?:first|now|next) )?(?:i'll|i will|i'm going to|i am going to|let me)"
    rf"(?: (?:first|now|carefully)){{0,2}} {_ENGLISH_ACTION}"
    rf"(?: (?:and|to|and then|and i'll|and i will) {_ENGLISH_ACTION})?"
    rf"|i(?:'ve| have) (?:evaluated|assessed|analy[sz]ed|reviewed|examined) {_ENGLISH_OBJECT}"
)
_GERMAN_OBJECT = (
    r"(?:(?:den|das|die|diesen|dieses|jede|alle|des|der|dem) )?(?:(?:gesamten|gesamte|ganze) )?"
    r"(?:anruf|anrufs|gespräch|gesprächs|telefonat|transkript|bewertung|auswertung|ergebnis"
    r"|kriterien|fragen)"
)
_GERMAN_INTENT = (
    rf"ich (?:werde|bewerte|prüfe|analysiere|beurteile)(?: (?:nun|jetzt|zuerst))? {_GERMAN_OBJECT}"
    rf"(?: (?:anhand|nach|für) {_GERMAN_OBJECT}| {_GERMAN_OBJECT})?"
    r"(?: (?:bewerten|prüfen|analysieren|beurteilen|festhalten))?"
)
_INTENT = rf"(?:{_COURTESY} )?(?:{_ENGLISH_INTENT}|{_GERMAN_INTENT})"
_LEAD_IN = re.compile(rf"{_COURTESY}|(?:{_COURTESY} )?(?:{_ANNOUNCED})|{_INTENT}|record_evaluation")
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
    """Whether words before an evaluation, or before a call of the tool, only announce it."""
    return _is_each(_LEAD_IN, f"\n{text}")


def is_closing(text: str) -> bool:
    """Whether words after an evaluation only end the message."""
    return _is_each(_CLOSING, _STOP.sub("\n", f"{text}\n"))


def _is_each(pattern: re.Pattern[str], text: str) -> bool:
    plain = _MARKUP.sub("\n", text.translate(_APOSTROPHES)).lower()
    for sign, meant in (
        (_HEADING, ""),
        (_RULE, ""),
        (_EMPHASIS, r"\2"),
        (_DASH, " "),
        (_PAUSE, " "),
    ):
        plain = sign.sub(meant, plain)
    return all(
        _BRACKETS.fullmatch(each) or pattern.fullmatch(_SPACES.sub(" ", each).strip())
        for each in _SENTENCE_END.split(plain)
    )
