"""Amazon Transcribe's output as turns: who said what, and when."""

from cci_lite.transcripts.reading import read_transcript

__all__ = ["read_transcript"]
