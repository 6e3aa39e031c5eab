"""What transcripts do not tell, what that costs, and how it is mended: said after `calls analyze`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from cci_lite.contract.conversation import UnknownAgent
from cci_lite.contract.parsing import in_words
from cci_lite.pipeline.documents import Hearing

_CURES = {
    UnknownAgent.CHANNEL: "set the agent's channel (here {labels}): {add} --agent-channel ch_N",
    UnknownAgent.SPEAKER: "set the agent's label (here {labels}): {add} --agent-speaker spk_N",
    UnknownAgent.NO_LABELS: "set the transcription job to identify channels or speakers, "
    "because these transcripts tell nobody apart",
    UnknownAgent.CHANNELS_ALIKE: "both channels carry the same speech; they need review, and no "
    "setting helps: record agent and customer each on a channel",
}
_BY_SETTING = (UnknownAgent.CHANNEL, UnknownAgent.SPEAKER)


def not_told(heard: Sequence[Hearing], add: str) -> Iterator[str]:
    """Lines about what could not be told; `add` is the command that changes the tenant."""
    settable = False
    for why, cure in _CURES.items():
        if calls := [each for each in heard if each.unknown_agent is why]:
            settable = settable or why in _BY_SETTING
            found = sorted({label for each in calls for label in each.labels})
            labels = in_words(found) if found else ""
            yield (
                f"{len(calls):,} without a known agent (their agent criteria do not apply): "
                f"{cure.format(add=add, labels=labels)}"
            )
    yield from _unheard(heard, settable=settable)
    if untimed := [each.untimed_words for each in heard if each.untimed_words]:
        yield (
            f"{sum(untimed):,} words in {len(untimed):,} transcripts without a time that can be: "
            "the words are kept, and these calls need review"
        )


def _unheard(heard: Iterable[Hearing], *, settable: bool) -> Iterator[str]:
    """How many verdicts it costs that nobody can tell who speaks."""
    unheard = verdicts = 0
    for each in heard:
        unheard += each.unheard
        verdicts += each.verdicts
    if unheard:
        then = "; once it is set, analyze again" if settable else ""
        yield f"{unheard:,} of {verdicts:,} verdicts are na, as it is not known who speaks{then}"
