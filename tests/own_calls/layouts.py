"""Transcripts of what was said, in the layouts that Transcribe writes, with our own words."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

# A word or what is redacted, with the mark that follows it.
_TOKEN = re.compile(r"(\{[^}]*\}|[^\s{}]*[^\s{}.,?!])([.,?!]?)")
_WORD_SECONDS, _PAUSE_SECONDS = 0.4, 1.0


@dataclass(frozen=True)
class Said:
    """One turn; what stands in braces is redacted."""

    role: str
    label: str
    text: str
    start: float

    @property
    def end(self) -> float:
        return round(self.start + len(_TOKEN.findall(self.text)) * _WORD_SECONDS, 2)


def in_time(turns: Iterable[tuple[str, str, str]]) -> list[Said]:
    """Turns (role, label, text) one after the other."""
    said: list[Said] = []
    for role, label, text in turns:
        start = said[-1].end + _PAUSE_SECONDS if said else 0.5
        said.append(Said(role, label, text, round(start, 2)))
    return said


def _items(turn: Said, **labels: str) -> Iterator[dict[str, Any]]:
    for number, (content, mark) in enumerate(_TOKEN.findall(turn.text)):
        start = turn.start + number * _WORD_SECONDS
        spoken: dict[str, Any] = {"confidence": "0.98", "content": content}
        if content.startswith("{"):
            spoken = {"content": "[PII]", "redactions": [{"confidence": "0.9"}]}
        yield {
            "type": "pronunciation",
            "alternatives": [spoken],
            "start_time": f"{start:.2f}",
            "end_time": f"{start + _WORD_SECONDS:.2f}",
            **labels,
        }
        if mark:
            alternatives = [{"confidence": "0.0", "content": mark}]
            yield {"type": "punctuation", "alternatives": alternatives, **labels}


def redacted_text(text: str) -> str:
    """The text of a turn as it is transcribed."""
    return re.sub(r"\{[^}]*\}", "[PII]", text)


def _output(job: str, turns: list[Said], results: dict[str, Any]) -> bytes:
    text = " ".join(redacted_text(turn.text) for turn in turns)
    redacted = {"isRedacted": True} if _is_redacted(turns) else {}
    whole = {"transcripts": [{"transcript": text}], **results}
    output = {"jobName": job, "accountId": "111122223333", **redacted, "results": whole}
    return json.dumps({**output, "status": "COMPLETED"}).encode()


def _is_redacted(turns: list[Said]) -> bool:
    return any("{" in turn.text for turn in turns)


def plain(job: str, turns: list[Said]) -> bytes:
    """Nobody is told apart."""
    return _output(job, turns, {"items": [item for turn in turns for item in _items(turn)]})


def by_channel(job: str, turns: list[Said]) -> bytes:
    """One channel for each side."""
    channels = [
        {
            "channel_label": label,
            "items": [item for turn in turns if turn.label == label for item in _items(turn)],
        }
        for label in ("ch_0", "ch_1")
    ]
    items = [item for turn in turns for item in _items(turn)]
    labels = {"channels": channels, "number_of_channels": 2}
    return _output(job, turns, {"channel_labels": labels, "items": items})


def by_channel_with_alternatives(job: str, turns: list[Said]) -> bytes:
    """The same, with what else may have been said."""
    output = json.loads(by_channel(job, turns))
    output["results"]["segments"] = [
        {
            "start_time": f"{turn.start:.2f}",
            "end_time": f"{turn.end:.2f}",
            "alternatives": [
                {"transcript": text, "items": [{"content": text, "type": "pronunciation"}]}
                for text in (redacted_text(turn.text), "something that sounds alike")
            ],
        }
        for turn in turns
    ]
    return json.dumps(output).encode()


def by_speaker(job: str, turns: list[Said]) -> bytes:
    """Speakers are told apart by their voices."""
    items = [item for turn in turns for item in _items(turn, speaker_label=turn.label)]
    segments = [
        {"start_time": f"{turn.start:.2f}", "end_time": f"{turn.end:.2f}",
         "speaker_label": turn.label, "items": []}
        for turn in turns
    ]  # fmt: skip
    labels = {"speakers": len({turn.label for turn in turns}), "segments": segments}
    return _output(job, turns, {"speaker_labels": labels, "items": items})


def call_analytics(job: str, turns: list[Said]) -> bytes:
    """Call Analytics, which tells roles, times in milliseconds and the whole length itself."""

    def item(each: dict[str, Any]) -> dict[str, Any]:
        spoken = {"Type": each["type"], "Content": each["alternatives"][0]["content"]}
        if each["type"] == "punctuation":
            return spoken
        times = {"BeginOffsetMillis": "start_time", "EndOffsetMillis": "end_time"}
        millis = {name: round(float(each[key]) * 1000) for name, key in times.items()}
        return {**spoken, "Confidence": 0.98, **millis}

    transcript = [
        {
            "ParticipantRole": turn.role,
            "Content": redacted_text(turn.text),
            "BeginOffsetMillis": round(turn.start * 1000),
            "EndOffsetMillis": round(turn.end * 1000),
            "Items": [item(each) for each in _items(turn)],
            "Sentiment": "NEUTRAL",
        }
        for turn in turns
    ]
    length = round((turns[-1].end + 1) * 1000)
    redacted = {"ContentMetadata": {"Output": "Redacted", "RedactionTypes": ["PII"]}}
    output = {
        "JobName": job,
        "JobStatus": "COMPLETED",
        "LanguageCode": "en-US",
        "Channel": "VOICE",
        "Transcript": transcript,
        "ConversationCharacteristics": {"TotalConversationDurationMillis": length},
        **(redacted if _is_redacted(turns) else {}),
    }
    return json.dumps(output).encode()


_BY_CHANNEL = [
    ("AGENT", "ch_1", "Harbour Library, good morning."),
    ("CUSTOMER", "ch_0", "Hello, I have lost my card."),
    ("AGENT", "ch_1", "What is the name on it?"),
    ("CUSTOMER", "ch_0", "Theodora Vance."),
    ("AGENT", "ch_1", "A new one waits at the desk, goodbye."),
]


def _changed(change: Callable[[str], str], labels: dict[str, str] | None = None) -> list[Said]:
    return in_time(
        (role, (labels or {}).get(label, label), change(text)) for role, label, text in _BY_CHANNEL
    )


def _as_it_is(text: str) -> str:
    return text


def _redacted(text: str) -> str:
    return text.replace("Theodora Vance", "{Theodora Vance}")


_SPEAKERS = {"ch_0": "spk_1", "ch_1": "spk_0"}
# One call in every layout: who is the agent is ch_1, or spk_0.
TURNS = {
    "plain": _changed(_as_it_is),
    "channels": _changed(_as_it_is),
    "speakers": _changed(_as_it_is, _SPEAKERS),
    "plain, redacted": _changed(_redacted),
    "plain, words masked": _changed(lambda text: text.replace("card", "***")),
    "channels with alternatives": _changed(_as_it_is),
    "channels, words removed": _changed(lambda text: text.replace("lost ", "")),
    "speakers, words removed": _changed(lambda text: text.replace("lost ", ""), _SPEAKERS),
    "call analytics, redacted": _changed(_redacted),
}
_WRITTEN: dict[str, Callable[[str, list[Said]], bytes]] = {
    "plain": plain,
    "channels with": by_channel_with_alternatives,
    "channels": by_channel,
    "speakers": by_speaker,
    "call": call_analytics,
}
LAYOUTS = {
    name: next(write for start, write in _WRITTEN.items() if name.startswith(start))(
        f"job {name}", turns
    )
    for name, turns in TURNS.items()
}
# What Post Call Analytics makes of a transcript.
OF_ANOTHER_PRODUCT = json.dumps(
    {
        "ConversationAnalytics": {"LanguageCode": "en-US", "Duration": "4.0"},
        "SpeechSegments": [
            {"SegmentStartTime": 0.5, "SegmentEndTime": 2.5, "SegmentSpeaker": "spk_0",
             "OriginalText": "Harbour Library, good morning."}
        ],
    }
).encode()  # fmt: skip
