"""Turns a transcript file of Amazon Transcribe into a conversation: the way in to this room."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import chain

from cci_lite.contract.conversation import Conversation, Role, Turn
from cci_lite.contract.document import Redaction
from cci_lite.contract.tenant import Audio
from cci_lite.transcripts.duplicate_channels import channels_alike
from cci_lite.transcripts.languages import language_of_items, main_language
from cci_lite.transcripts.roles import channel_roles, speaker_roles
from cci_lite.transcripts.times import MAX_SECONDS, SpokenWord
from cci_lite.transcripts.transcribe_output import (
    AnalyticsTranscript,
    BatchTranscript,
    decode_transcript,
)
from cci_lite.transcripts.turns import consecutive_turns, overlapping_turns, segment_turns
from cci_lite.transcripts.words import Heard, analytics_segments, batch_words, is_speech

_PARTICIPANTS = {"AGENT": Role.AGENT, "CUSTOMER": Role.CUSTOMER}


def read_transcript(data: bytes, audio: Audio) -> Conversation:
    """The conversation in a file of Amazon Transcribe; raises TranscriptError for any other file.

    Who is the agent comes from `audio`, or from the transcript itself where Call Analytics wrote
    it; it is never guessed. Without any words the conversation has no turns.
    """
    document = decode_transcript(data)
    if isinstance(document, AnalyticsTranscript):
        return _analytics_conversation(document)
    return _batch_conversation(document, audio)


def _batch_conversation(document: BatchTranscript[float], audio: Audio) -> Conversation:
    results = document.results
    heard = batch_words(results)
    words = heard.words
    # Both channels with the same speech: whoever the tenant says is on which, it is not known.
    alike = results.channel_labels is not None and channels_alike(words)
    if results.channel_labels is not None:
        channels = [channel.channel_label for channel in results.channel_labels.channels]
        roles = {} if alike else channel_roles(channels, audio.agent_channel)
        turns = overlapping_turns(words, roles)
        turns_known = len(channels) > 1 and not alike and _each_has_times(words)
    else:
        roles = speaker_roles(_speakers(heard, audio), audio.agent_speaker)
        turns = consecutive_turns(words, roles)
        turns_known = any(turn.label is not None for turn in turns)
    return Conversation(
        job_name=document.job_name,
        language_code=(
            main_language(results.language_codes)
            or results.language_code
            or language_of_items(results)
        ),
        redaction=Redaction.TRANSCRIBE if document.is_redacted else Redaction.NONE,
        duration_seconds=_end_of(turns),
        turns=turns,
        turns_known=turns_known,
        wordless=_wordless(heard.labels, turns, roles),
        untimed_words=_untimed(words),
        channels_alike=alike,
    )


def _analytics_conversation(document: AnalyticsTranscript[float]) -> Conversation:
    # Call Analytics marks the turns itself, and joins what is cut in two when both speak at once.
    segments = analytics_segments(document)
    words = list(chain.from_iterable(segments))
    alike = channels_alike(words)
    roles = {} if alike else _PARTICIPANTS
    turns = segment_turns(segments, roles)
    labels = {segment.participant_role for segment in document.transcript}
    total = document.conversation_characteristics.total_conversation_duration_millis / 1000
    redacted = document.content_metadata.output == "Redacted"
    return Conversation(
        job_name=document.job_name or document.session_id or "",
        language_code=main_language(document.language_codes) or document.language_code,
        redaction=Redaction.TRANSCRIBE if redacted else Redaction.NONE,
        duration_seconds=total if 0 < total <= MAX_SECONDS else _end_of(turns),
        turns=turns,
        turns_known=not alike,
        wordless=_wordless(labels, turns, roles),
        untimed_words=_untimed(words),
        channels_alike=alike,
    )


def _speakers(heard: Heard, audio: Audio) -> set[str]:
    """The labels that get a role: everybody who speaks, and the agent even without a word."""
    return {
        label
        for label in heard.labels
        if label == audio.agent_speaker
        or any(word.label == label and is_speech(word.text) for word in heard.words)
    }


def _each_has_times(words: Iterable[SpokenWord]) -> bool:
    """Whether at least one word of every speaker has a time, so that turns can be told apart."""
    labels = {word.label for word in words}
    return labels == {word.label for word in words if word.timed}


def _wordless(
    labels: Iterable[str], turns: Iterable[Turn], roles: Mapping[str, Role]
) -> frozenset[Role]:
    """The roles of speakers of whom only punctuation was transcribed."""
    silent = set(labels) - {turn.label for turn in turns}
    return frozenset(roles[label] for label in silent if label in roles)


def _untimed(words: Iterable[SpokenWord]) -> int:
    return sum([not word.timed for word in words])


def _end_of(turns: tuple[Turn, ...]) -> float:
    return max((turn.end_seconds for turn in turns), default=0.0)
