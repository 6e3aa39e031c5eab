"""From spoken turns to the bytes that Amazon Transcribe would have written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from cci_lite.sample.company import Layout
from cci_lite.sample.dialogue import AGENT, CUSTOMER, SpokenTurn, Word

_ACCOUNT_ID = "111122223333"
_REDACTION_CONFIDENCE = "0.9991"
_CHANNELS = ("ch_0", "ch_1")
_SPEAKERS = ("spk_0", "spk_1")

Json = dict[str, Any]


@dataclass(frozen=True)
class Recording:
    """What a transcript says about its recording; `agent_comes_first` in the order of labels."""

    job_name: str
    language_code: str
    layout: Layout
    agent_comes_first: bool


def write_transcript(turns: Sequence[SpokenTurn], recording: Recording) -> bytes:
    """The redacted transcript of a recording, as compact JSON."""
    match recording.layout:
        case Layout.CALL_ANALYTICS:
            value = _call_analytics(turns, recording)
        case Layout.SPEAKERS:
            value = _batch(turns, recording, _speaker_results(turns, recording))
        case _:
            value = _batch(turns, recording, _channel_results(turns, recording))
    return msgspec.json.encode(value)


def _batch(turns: Sequence[SpokenTurn], recording: Recording, results: Json) -> Json:
    text = " ".join(turn.text for turn in turns)
    return {
        "jobName": recording.job_name,
        "accountId": _ACCOUNT_ID,
        "isRedacted": True,
        "results": {"transcripts": [{"transcript": text}], **results},
        "status": "COMPLETED",
    }


def _labels(names: tuple[str, str], recording: Recording) -> dict[str, str]:
    agent, customer = names if recording.agent_comes_first else reversed(names)
    return {AGENT: agent, CUSTOMER: customer}


def _channel_results(turns: Sequence[SpokenTurn], recording: Recording) -> Json:
    labels = _labels(_CHANNELS, recording)
    by_channel: dict[str, list[Json]] = {channel: [] for channel in _CHANNELS}
    items: list[Json] = []
    for turn in turns:
        label = labels[turn.who]
        prefix = {"channel_label": label} if recording.layout is Layout.CHANNELS else {}
        said: list[Json] = []
        for word in turn.words:
            said.append(
                {
                    **prefix,
                    "start_time": f"{word.start_ms / 1000:.2f}",
                    "end_time": f"{word.end_ms / 1000:.2f}",
                    "alternatives": [_alternative(word)],
                    "type": "pronunciation",
                }
            )
            if word.mark:
                said.append({**prefix, "alternatives": [_mark(word)], "type": "punctuation"})
        by_channel[label] += said
        items += said
    channels = [{"channel_label": label, "items": said} for label, said in by_channel.items()]
    return {
        "channel_labels": {"channels": channels, "number_of_channels": len(channels)},
        "items": items,
    }


def _speaker_results(turns: Sequence[SpokenTurn], recording: Recording) -> Json:
    labels = _labels(_SPEAKERS, recording)
    items: list[Json] = []
    segments: list[Json] = []
    audio_segments: list[Json] = []
    for number, turn in enumerate(turns):
        label = labels[turn.who]
        first_id = len(items)
        spans = []
        for word in turn.words:
            span = {
                "start_time": f"{word.start_ms / 1000:.3f}",
                "end_time": f"{word.end_ms / 1000:.3f}",
                "speaker_label": label,
            }
            spans.append(span)
            items.append(
                {
                    "id": len(items),
                    "type": "pronunciation",
                    "alternatives": [_alternative(word)],
                    **span,
                }
            )
            if word.mark:
                items.append(
                    {
                        "id": len(items),
                        "type": "punctuation",
                        "alternatives": [_mark(word)],
                        "speaker_label": label,
                    }
                )
        whole = {
            "start_time": spans[0]["start_time"],
            "end_time": spans[-1]["end_time"],
            "speaker_label": label,
        }
        segments.append({**whole, "items": spans})
        audio_segments.append(
            {
                "id": number,
                "transcript": turn.text,
                **whole,
                "items": list(range(first_id, len(items))),
            }
        )
    speakers = len({turn.who for turn in turns})
    return {
        "speaker_labels": {"segments": segments, "channel_label": "ch_0", "speakers": speakers},
        "items": items,
        "audio_segments": audio_segments,
    }


def _alternative(word: Word) -> Json:
    if word.confidence is None:
        return {"content": word.text, "redactions": [{"confidence": _REDACTION_CONFIDENCE}]}
    return {"confidence": f"{word.confidence:.4f}", "content": word.text}


def _mark(word: Word) -> Json:
    return {"confidence": "0.0", "content": word.mark}


def _call_analytics(turns: Sequence[SpokenTurn], recording: Recording) -> Json:
    transcript = [
        _analytics_turn(turn, f"{recording.job_name}-{number:04}")
        for number, turn in enumerate(turns)
    ]
    end = max((turn.words[-1].end_ms for turn in turns), default=0)
    return {
        "JobStatus": "COMPLETED",
        "LanguageCode": recording.language_code,
        "Transcript": transcript,
        "AccountId": _ACCOUNT_ID,
        "Categories": {"MatchedDetails": {}, "MatchedCategories": []},
        "Channel": "VOICE",
        "JobName": recording.job_name,
        "Participants": [{"ParticipantRole": AGENT}, {"ParticipantRole": CUSTOMER}],
        "ConversationCharacteristics": {"TotalConversationDurationMillis": end},
        "ContentMetadata": {"Output": "Redacted", "RedactionTypes": ["PII"]},
    }


def _analytics_turn(turn: SpokenTurn, turn_id: str) -> Json:
    items: list[Json] = []
    for word in turn.words:
        item: Json = {"Type": "pronunciation", "Content": word.text}
        if word.confidence is None:
            item["Redaction"] = [{"Confidence": float(_REDACTION_CONFIDENCE)}]
        else:
            item["Confidence"] = round(word.confidence, 4)
        items.append(item | {"BeginOffsetMillis": word.start_ms, "EndOffsetMillis": word.end_ms})
        if word.mark:
            items.append({"Type": "punctuation", "Confidence": 0.0, "Content": word.mark})
    return {
        "Content": turn.text,
        "Items": items,
        "Id": turn_id,
        "BeginOffsetMillis": turn.words[0].start_ms,
        "EndOffsetMillis": turn.words[-1].end_ms,
        "Sentiment": "NEUTRAL",
        "ParticipantRole": turn.who,
    }
