"""What transcripts do not tell, what that costs, and how it is mended: said after `calls analyze`."""

from __future__ import annotations

from collections.abc import Iterator

from cci_lite.contract.conversation import UnknownAgent
from cci_lite.contract.parsing import in_words
from cci_lite.pipeline.delivery import Untold
from cci_lite.reports.numbers import counted

_CURES = {
    UnknownAgent.CHANNEL: "set the agent's channel{here}: {add} --agent-channel ch_N",
    UnknownAgent.SPEAKER: "set the agent's label{here}: {add} --agent-speaker spk_N",
    UnknownAgent.NO_LABELS: "set the transcription job to identify channels or speakers, "
    "because these transcripts tell nobody apart",
    UnknownAgent.CHANNELS_ALIKE: "both channels carry the same speech; they need review, and no "
    "setting helps: record agent and customer each on a channel",
}
_BY_SETTING = (UnknownAgent.CHANNEL, UnknownAgent.SPEAKER)


def untold_lines(untold: Untold, add: str) -> Iterator[str]:
    """What to say of it; `add` is the command that changes the tenant."""
    for why in filter(untold.calls.__getitem__, _CURES):
        labels = sorted(untold.labels[why])
        here = f" (here {in_words(labels)})" if labels else ""
        cure = _CURES[why].format(add=add, here=here)
        yield (
            f"{counted(untold.calls[why], 'call')} without a known agent (agent criteria do not "
            f"apply): {cure}"
        )
    if untold.unheard:
        settable = any(untold.calls[why] for why in _BY_SETTING)
        then = "; once it is set, analyze again" if settable else ""
        yield (
            f"{untold.unheard:,} of {counted(untold.verdicts, 'verdict')} na, because it is not "
            f"known who speaks{then}"
        )
    if untold.untimed_calls:
        yield (
            f"{counted(untold.untimed_words, 'word')} in "
            f"{counted(untold.untimed_calls, 'transcript')} without a possible time: kept, but "
            "for review"
        )
