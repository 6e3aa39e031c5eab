"""The closing messages about what transcripts do not show."""

from __future__ import annotations

import pytest

from cci_lite.cli.hearing import untold_lines
from cci_lite.contract.conversation import UnknownAgent
from cci_lite.pipeline.delivery import Untold
from cci_lite.pipeline.documents import Hearing

ADD = "cci-lite tenants add acme --lake lake"


def heard(
    why: UnknownAgent | None = None, *labels: str, unheard: int = 0, untimed: int = 0
) -> Hearing:
    return Hearing(why, labels, verdicts=9, unheard=unheard, untimed_words=untimed)


@pytest.mark.parametrize(
    ("calls", "lines"),
    [
        ([], []),
        ([heard(), heard()], []),
        (
            [heard(UnknownAgent.CHANNEL, "ch_0", "ch_1", unheard=5)],
            [
                "1 call without a known agent (agent criteria do not apply): set the agent's "
                f"channel (here ch_0 or ch_1): {ADD} --agent-channel ch_N",
                "5 of 9 verdicts na, because it is not known who speaks; once it is set, "
                "analyze again",
            ],
        ),
        (
            [
                *[heard(UnknownAgent.SPEAKER, "spk_0", "spk_1", unheard=9)] * 1000,
                heard(UnknownAgent.NO_LABELS, "ch_0", unheard=9),
                heard(UnknownAgent.NO_LABELS, unheard=9),
                heard(),
            ],
            [
                "1,000 calls without a known agent (agent criteria do not apply): set the agent's "
                f"label (here spk_0 or spk_1): {ADD} --agent-speaker spk_N",
                "2 calls without a known agent (agent criteria do not apply): set the "
                "transcription job to identify channels or speakers, because these transcripts "
                "tell nobody apart",
                "9,018 of 9,027 verdicts na, because it is not known who speaks; once it is set, "
                "analyze again",
            ],
        ),
        (
            [heard(UnknownAgent.SPEAKER)],
            [
                "1 call without a known agent (agent criteria do not apply): set the agent's "
                f"label: {ADD} --agent-speaker spk_N",
            ],
        ),
        (
            [heard(None, "spk_0", unheard=2), heard(untimed=3), heard(untimed=1)],
            [
                "2 of 27 verdicts na, because it is not known who speaks",
                "4 words in 2 transcripts without a possible time: kept, but for review",
            ],
        ),
    ],
    ids=[
        "nothing",
        "all is told",
        "channels",
        "speakers and nobody told apart",
        "odd labels",
        "times",
    ],
)
def test_what_is_not_told_is_said_with_its_cure(calls: list[Hearing], lines: list[str]) -> None:
    untold = Untold()
    for call in calls:
        untold.add(call)
    assert list(untold_lines(untold, ADD)) == lines
