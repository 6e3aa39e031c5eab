"""What is handed to the use cases on a laptop: documents in files and buckets, and transcripts."""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass

from cci_lite.contract.metadata import NO_METADATA, CallMetadata
from cci_lite.errors import ContractError


@dataclass(frozen=True)
class InputFile:
    """One JSON document from a file; `name` tells the person which one it is."""

    name: str
    data: bytes
    modified_at: dt.datetime


@dataclass(frozen=True)
class UnreadableFile:
    """A file that gives no document, and why."""

    name: str
    problem: ContractError


@dataclass(frozen=True)
class Transcript:
    """A transcript to analyse. `name` tells the person at the terminal which one it is.

    `uploaded_at` stands in for the start of the call when the metadata does not give it.
    """

    name: str
    data: bytes
    uploaded_at: dt.datetime
    metadata: CallMetadata = NO_METADATA
