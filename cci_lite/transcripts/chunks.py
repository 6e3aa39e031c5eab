"""Splits a conversation into texts that Comprehend accepts, cut between turns or sentences."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from cci_lite.contract.conversation import Conversation

# Of one text of Comprehend's batch operations (guidelines and quotas), in UTF-8.
MAX_TEXT_BYTES = 5000

_PLACEHOLDER = re.compile(r"\[[A-Z]+(?:[_-][A-Z]+)*\]")
# Western marks end a sentence before a blank, Chinese and Japanese ones by themselves.
_SENTENCE_END = re.compile(r"[.!?\u2026][\"'\u201d\u2019)]*(?=\s)|[\u3002\uff01\uff1f]")


def texts_of(conversation: Conversation) -> list[str]:
    """What was said, one turn per line, in texts of at most MAX_TEXT_BYTES.

    Placeholders of redaction are left out: they would be found as key phrases.
    """
    return pack_texts(_lines(conversation))


def pack_texts(lines: Iterable[str]) -> list[str]:
    """The lines, one below the other, in texts of at most MAX_TEXT_BYTES; longer ones are cut."""
    texts: list[str] = []
    size = MAX_TEXT_BYTES
    for line in lines:
        for piece in _cut_to_size(line):
            length = len(piece.encode())
            if size + 1 + length <= MAX_TEXT_BYTES:
                texts[-1] += "\n" + piece
                size += 1 + length
            else:
                texts.append(piece)
                size = length
    return texts


def _lines(conversation: Conversation) -> Iterator[str]:
    for turn in conversation.turns:
        spoken = " ".join(_PLACEHOLDER.sub(" ", turn.text).split())
        if any(map(str.isalnum, spoken)):
            yield spoken


def _cut_to_size(line: str) -> Iterator[str]:
    while len(data := line.encode()) > MAX_TEXT_BYTES:
        # What is left of a character that the limit cuts in two is ignored: it goes to the next.
        end = _last_border(line, len(data[:MAX_TEXT_BYTES].decode(errors="ignore")))
        yield line[:end].rstrip()
        line = line[end:].lstrip()
    yield line


def _last_border(line: str, limit: int) -> int:
    """Where to cut within the first `limit` characters: after a sentence, a word, or right there.

    One character more is looked at: a border may lie exactly at the limit.
    """
    sentences = [match.end() for match in _SENTENCE_END.finditer(line, 0, limit + 1)]
    within = [end for end in sentences if end <= limit]
    return within[-1] if within else max(line.rfind(" ", 0, limit + 1), 0) or limit
