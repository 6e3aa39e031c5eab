"""How long a model's words may be, and cutting them there."""

from __future__ import annotations

from cci_lite.contract.limits import MAX_SUMMARY_RAW_BYTES

MAX_REASON = 300
MAX_SENTENCES = 1_000
MAX_ACTION_ITEM = 300
MAX_ACTION_ITEMS = 20
MAX_EVIDENCE = 3


def cut_text(text: str, limit: int) -> str:
    """`text` in single spaces and valid UTF-8, cut between words to at most `limit` characters."""
    # A JSON escape can make half of a surrogate pair, which no encoder takes.
    plain = " ".join(text.encode("utf-8", "replace").decode().split())
    if len(plain) <= limit:
        return plain
    head = plain[:limit]
    whole = head.rsplit(" ", 1)[0] if plain[limit] != " " else head
    return whole.rstrip()


def cut_raw(text: str) -> str:
    """An unusable answer as it is kept: at most MAX_SUMMARY_RAW_BYTES of UTF-8.

    The word at the cut is left out: half of a name or number could not be told from any other word
    when it is masked.
    """
    data = text.encode("utf-8", "replace")
    if len(data) <= MAX_SUMMARY_RAW_BYTES:
        return data.decode()
    head = data[:MAX_SUMMARY_RAW_BYTES].decode("utf-8", "ignore")
    return head[: max(head.rfind(" "), head.rfind("\n"), 0)].rstrip()
