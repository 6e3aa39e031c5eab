"""From the bytes of a transcript to a conversation."""

from __future__ import annotations

from cci_lite.contract.conversation import Conversation, Role, Turn
from cci_lite.contract.document import Redaction
from cci_lite.contract.tenant import Audio
from cci_lite.transcripts.documents import (
    AnalyticsTranscript,
    BatchTranscript,
    decode_transcript,
)
from cci_lite.transcripts.roles import channel_roles, speaker_roles
from cci_lite.transcripts.turns import consecutive_turns, overlapping_turns, segment_turns
from cci_lite.transcripts.words import analytics_segments, batch_words

_PARTICIPANTS = {"AGENT": Role.AGENT, "CUSTOMER": Role.CUSTOMER}


def read_transcript(data: bytes, audio: Audio) -> Conversation:
    """The conversation in a file that Amazon Transcribe wrote; raises TranscriptError for others.

    Who is the agent comes from `audio`, or from the transcript itself where Call Analytics wrote
    it; it is never guessed. Without any words the conversation has no turns.
    """
    document = decode_transcript(data)
    if isinstance(document, AnalyticsTranscript):
        return _analytics_conversation(document)
    return _batch_conversation(document, audio)


def _batch_conversation(document: BatchTranscript, audio: Audio) -> Conversation:
    results = document.results
    words = batch_words(results)
    if results.channel_labels is not None:
        channels = [channel.channel_label for channel in results.channel_labels.channels]
        turns = overlapping_turns(words, channel_roles(channels, audio.agent_channel))
    else:
        speakers = {word.label for word in words if word.label is not None}
        turns = consecutive_turns(words, speaker_roles(speakers, audio.agent_speaker))
    return Conversation(
        job_name=document.job_name,
        language_code=results.language_code,
        redaction=Redaction.TRANSCRIBE if document.is_redacted else Redaction.NONE,
        duration_seconds=_end_of(turns),
        turns=turns,
    )


def _analytics_conversation(document: AnalyticsTranscript) -> Conversation:
    # Call Analytics marks the turns itself, and joins what is cut in two when both speak at once.
    turns = segment_turns(analytics_segments(document), _PARTICIPANTS)
    total = document.conversation_characteristics.total_conversation_duration_millis
    redacted = document.content_metadata.output == "Redacted"
    return Conversation(
        job_name=document.job_name,
        language_code=document.language_code,
        redaction=Redaction.TRANSCRIBE if redacted else Redaction.NONE,
        duration_seconds=_end_of(turns) if total is None else total / 1000,
        turns=turns,
    )


def _end_of(turns: tuple[Turn, ...]) -> float:
    return max((turn.end_seconds for turn in turns), default=0.0)
