"""From spoken turns to the bytes that Amazon Transcribe would have written."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from cci_lite.sample.company import Layout
from cci_lite.sample.dialogue import SpokenTurn, TimedWord
from cci_lite.sample.documents import Json
from cci_lite.sample.planning import CallPlan
from cci_lite.sample.script import AGENT, CUSTOMER

_ACCOUNT_ID = "111122223333"
_REDACTION_CONFIDENCE = "0.9991"
_CHANNELS = ("ch_0", "ch_1")
_SPEAKERS = ("spk_0", "spk_1")
_SPAN = ("start_time", "end_time", "speaker_label")


def write_transcript(turns: Sequence[SpokenTurn], plan: CallPlan, job_name: str) -> bytes:
    """The redacted transcript of a call, as compact JSON."""
    if plan.layout is Layout.CALL_ANALYTICS:
        return msgspec.json.encode(_call_analytics(turns, plan, job_name))
    labelled = _speaker_results if plan.layout is Layout.SPEAKERS else _channel_results
    text = " ".join(turn.text for turn in turns)
    return msgspec.json.encode(
        {
            "jobName": job_name,
            "accountId": _ACCOUNT_ID,
            "isRedacted": True,
            "results": {"transcripts": [{"transcript": text}], **labelled(turns, plan)},
            "status": "COMPLETED",
        }
    )


def _labels(names: tuple[str, str], agent: str | None) -> dict[str, str]:
    others = [name for name in names if name != agent]
    return {AGENT: agent or names[1], CUSTOMER: others[0]}


def _channel_results(turns: Sequence[SpokenTurn], plan: CallPlan) -> Json:
    labels = _labels(_CHANNELS, plan.company.tenant.audio.agent_channel)
    by_channel: dict[str, list[Json]] = {channel: [] for channel in _CHANNELS}
    items: list[Json] = []
    for turn in turns:
        label = labels[turn.who]
        said = {"channel_label": label} if plan.layout is Layout.CHANNELS else {}
        of_turn = list(_items(turn, said))
        by_channel[label] += of_turn
        items += of_turn
    channels = [{"channel_label": label, "items": said} for label, said in by_channel.items()]
    return {
        "channel_labels": {"channels": channels, "number_of_channels": len(channels)},
        "items": items,
    }


def _speaker_results(turns: Sequence[SpokenTurn], plan: CallPlan) -> Json:
    # Left to itself, Transcribe numbers the speakers as they begin to speak.
    first = turns[0].who if turns else AGENT
    agent = plan.company.tenant.audio.agent_speaker or _SPEAKERS[first != AGENT]
    labels = _labels(_SPEAKERS, agent)
    items: list[Json] = []
    segments: list[Json] = []
    audio_segments: list[Json] = []
    for number, turn in enumerate(turns):
        said = list(_items(turn, {"speaker_label": labels[turn.who]}))
        ids = list(range(len(items), len(items) + len(said)))
        items += [{"id": id_, **item} for id_, item in zip(ids, said, strict=True)]
        spans = [{name: item[name] for name in _SPAN} for item in said if "start_time" in item]
        whole = spans[0] | {"end_time": spans[-1]["end_time"]}
        segments.append({**whole, "items": spans})
        audio_segments.append({"id": number, "transcript": turn.text, **whole, "items": ids})
    speakers = len({turn.who for turn in turns})
    return {
        "speaker_labels": {"segments": segments, "channel_label": "ch_0", "speakers": speakers},
        "items": items,
        "audio_segments": audio_segments,
    }


def _items(turn: SpokenTurn, label: Json) -> Iterator[Json]:
    for word in turn.words:
        yield {
            **label,
            "start_time": f"{word.start_ms / 1000:.3f}",
            "end_time": f"{word.end_ms / 1000:.3f}",
            "alternatives": [_alternative(word)],
            "type": "pronunciation",
        }
        if word.mark:
            mark = {"confidence": "0.0", "content": word.mark}
            yield {**label, "alternatives": [mark], "type": "punctuation"}


def _alternative(word: TimedWord) -> Json:
    if word.confidence is None:
        return {"content": word.text, "redactions": [{"confidence": _REDACTION_CONFIDENCE}]}
    return {"confidence": f"{word.confidence:.4f}", "content": word.text}


def _call_analytics(turns: Sequence[SpokenTurn], plan: CallPlan, job_name: str) -> Json:
    end = max((turn.words[-1].end_ms for turn in turns), default=0)
    return {
        "JobStatus": "COMPLETED",
        "LanguageCode": plan.metadata.language_code,
        "Transcript": [
            _analytics_turn(turn, f"{job_name}-{number:04}") for number, turn in enumerate(turns)
        ],
        "AccountId": _ACCOUNT_ID,
        "Categories": {"MatchedDetails": {}, "MatchedCategories": []},
        "Channel": "VOICE",
        "JobName": job_name,
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
