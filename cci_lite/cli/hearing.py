"""What transcripts do not tell, what that costs, and how it is mended: said after `calls analyze`."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field

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


@dataclass
class Untold:
    """What the transcripts of one delivery do not tell, counted one after the other."""

    calls: Counter[UnknownAgent] = field(default_factory=Counter)
    labels: dict[UnknownAgent, set[str]] = field(default_factory=lambda: defaultdict(set))
    verdicts: int = 0
    unheard: int = 0
    untimed_calls: int = 0
    untimed_words: int = 0

    def add(self, heard: Hearing) -> None:
        """Count another transcript."""
        if heard.unknown_agent is not None:
            self.calls[heard.unknown_agent] += 1
            self.labels[heard.unknown_agent].update(heard.labels)
        self.verdicts += heard.verdicts
        self.unheard += heard.unheard
        self.untimed_calls += heard.untimed_words > 0
        self.untimed_words += heard.untimed_words

    def lines(self, add: str) -> Iterator[str]:
        """What to say of it; `add` is the command that changes the tenant."""
        for why in filter(self.calls.__getitem__, _CURES):
            labels = sorted(self.labels[why])
            cure = _CURES[why].format(add=add, labels=in_words(labels) if labels else "")
            yield (
                f"{self.calls[why]:,} without a known agent (their agent criteria do not apply): "
                f"{cure}"
            )
        if self.unheard:
            settable = any(self.calls[why] for why in _BY_SETTING)
            then = "; once it is set, analyze again" if settable else ""
            yield (
                f"{self.unheard:,} of {self.verdicts:,} verdicts are na, as it is not known who "
                f"speaks{then}"
            )
        if self.untimed_calls:
            yield (
                f"{self.untimed_words:,} words in {self.untimed_calls:,} transcripts without a "
                "time that can be: the words are kept, and these calls need review"
            )
