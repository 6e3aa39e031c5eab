"""Properties of intake under duplicate delivery and crashes."""

from __future__ import annotations

import contextlib
import dataclasses
import re
from collections import Counter

from hypothesis import given
from hypothesis import strategies as st

from cci_lite.contract.registry import CallState
from cci_lite.errors import RetryLaterError
from cci_lite.pipeline.events import UploadEvent
from cci_lite.pipeline.intake import TakenOutcome, take_in
from cci_lite.tenancy import RESERVED_TENANT_IDS
from tests.depth import one_in
from tests.intake_setup import IntakeSetup
from tests.interrupter import Crash, Interrupter

# TranscriptionJobName in the service's API model, which botocore does not check.
JOB_NAME = re.compile(r"[0-9a-zA-Z._-]{1,200}")

tenant_ids = st.from_regex(r"[a-z0-9][a-z0-9-]{1,47}", fullmatch=True).filter(
    lambda name: name not in RESERVED_TENANT_IDS
)
keys = st.builds(
    "{}/calls/{}.wav".format, tenant_ids, st.text(st.characters(codec="utf-8"), min_size=1)
)
# What a rule that joins and cleans names takes for one another.
alike = st.sampled_from(
    ["acme/calls/eu/test.wav", "acme-eu/calls/test.wav", "acme/calls/eu_test.wav"]
) | st.sampled_from(
    ["acme/calls/test.wav.wav", "acme/calls/test_wav.wav", "acme/calls/test wav.wav"]
)


@given(st.sets(keys | alike, min_size=2, max_size=6))
def test_no_two_recordings_share_an_id_and_every_job_has_a_name_that_transcribe_takes(
    uploaded: set[str],
) -> None:
    setup = IntakeSetup()
    for key in uploaded:
        setup.configure(key.partition("/")[0])
        assert take_in(setup.intake, setup.upload(key)).outcome is TakenOutcome.STARTED
    records = setup.registry.all_records()
    assert len({record.call_id for record in records}) == len(uploaded)
    assert {record.upload.key for record in records} == uploaded
    assert all(JOB_NAME.fullmatch(name) for name in setup.transcriber.orders)


@dataclasses.dataclass
class History:
    """What was uploaded to a setup, and by which plan its events were delivered."""

    setup: IntakeSetup = dataclasses.field(default_factory=IntakeSetup)
    events: list[UploadEvent] = dataclasses.field(default_factory=list)

    def upload(self, key: str, *, repeats: bool) -> None:
        """Upload a recording: new bytes, or those that are there once more."""
        data = b"same" if repeats else f"bytes {len(self.events)}".encode()
        self.setup.clock.wait(1)
        self.events.append(self.setup.upload(key, data))

    def deliver(self, number: int, plan: Interrupter) -> None:
        """Deliver one of the events; what is uploaded later is not there yet."""
        if self.events:
            with contextlib.suppress(Crash, RetryLaterError):
                event = self.events[number % len(self.events)]
                take_in(self.setup.interrupted(plan), event)


plans = st.builds(
    Interrupter,
    crash_before=st.frozensets(st.integers(1, 12), max_size=1),
    crash_after=st.frozensets(st.integers(1, 12), max_size=1),
    throttle=st.frozensets(st.integers(1, 12), max_size=1),
)
steps = st.lists(
    st.tuples(st.sampled_from(["a", "b", "c"]), st.booleans())
    | st.tuples(st.integers(0, 20), plans),
    max_size=25,
)


@given(steps, st.data())
def test_whatever_is_delivered_every_accepted_upload_has_one_job_and_the_newest_is_accepted(
    history_steps: list[tuple[str, bool] | tuple[int, Interrupter]], data: st.DataObject
) -> None:
    history = History()
    setup = history.setup
    for first, second in history_steps:
        if isinstance(first, str):
            history.upload(f"acme/calls/{first}.wav", repeats=bool(second))
        elif isinstance(second, Interrupter):
            history.deliver(first, second)
    # At last every event comes through, in any order.
    for event in data.draw(st.permutations(history.events)):
        take_in(setup.intake, event)

    records = setup.registry.all_records()
    assert {record.state for record in records} <= {CallState.TRANSCRIBING, CallState.REFUSED}
    accepted = [record for record in records if record.state is CallState.TRANSCRIBING]
    assert sorted(setup.transcriber.orders) == sorted(record.job_name for record in accepted)
    for record in accepted:
        order = setup.transcriber.orders[record.job_name]
        assert (record.media_key, record.language_code) == (order.media_key, order.language_code)
        assert setup.files.objects[order.media_key][0]
    for key, (newest, content, _) in setup.recordings.uploads.items():
        of_key = [record for record in accepted if record.upload.key == key]
        assert of_key[-1].upload.etag == newest.etag
        assert setup.files.objects[str(of_key[-1].media_key)][0] == content


@one_in(5)
@given(st.permutations([*range(205)]))
def test_a_flood_of_one_tenant_lets_no_call_of_another_wait(order: list[int]) -> None:
    setup = IntakeSetup(max_open_calls=20)
    setup.configure("small", max_open_calls=20)
    names = [f"acme/calls/{n}.wav" if n < 200 else f"small/calls/{n}.wav" for n in range(205)]
    outcomes = Counter(
        (names[n].partition("/")[0], take_in(setup.intake, setup.upload(names[n])).outcome)
        for n in order
    )
    assert outcomes == {
        ("acme", TakenOutcome.STARTED): 20,
        ("acme", TakenOutcome.WAITING): 180,
        ("small", TakenOutcome.STARTED): 5,
    }
