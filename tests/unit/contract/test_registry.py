"""Records of uploads: identity, state transitions and leases."""

from __future__ import annotations

import datetime as dt
import itertools
import json
import re
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cci_lite.contract.document import Redaction
from cci_lite.contract.metadata import CallMetadata
from cci_lite.contract.registry import (
    OPEN_STATES,
    CallRecord,
    CallState,
    MetadataSource,
    Placement,
    Reason,
    StoredMetadata,
    Upload,
    failed,
    item_of_record,
    leased,
    moved,
    place_upload,
    record_of_item,
)
from cci_lite.errors import ContractError
from cci_lite.pipeline.events import failure_word

AT = dt.datetime(2025, 11, 5, 9, 0, tzinfo=dt.UTC)
LIFE = dt.timedelta(minutes=12)
MINUTE = dt.timedelta(minutes=1)
DAY = dt.timedelta(days=1)


def _upload(etag: str = "e1", **changes: Any) -> Upload:
    given: dict[str, Any] = {"tenant_id": "acme", "key": "acme/calls/a.wav", "size": 4}
    return Upload(**{**given, "etag": etag, "uploaded_at": AT, **changes})


def _record(upload: Upload | None = None, revision: int = 1, **changes: Any) -> CallRecord:
    given: dict[str, Any] = {"state": CallState.RECEIVED, "received_at": AT, "updated_at": AT}
    upload = upload or _upload()
    return CallRecord(
        call_id="cci_acme_x", revision=revision, upload=upload, **{**given, **changes}
    )


# --- which upload it is ----------------------------------------------------------------------------


def test_the_first_upload_of_a_key_is_revision_one() -> None:
    assert place_upload(_upload(), []) == Placement(None, 1)


SAME = {
    "version-id": (_upload("e1", version_id="v1"), _upload("e1", version_id="v1")),
    "version-id, in two shapes": (
        _upload("e1", version_id="v1", sequencer="0A"),
        _upload("e1", version_id="v1"),
    ),
    "ETag and sequencer": (_upload("e1", sequencer="0A"), _upload("e1", sequencer="0A")),
    "the newest bytes again": (_upload("e1", sequencer="0A"), _upload("e1", sequencer="0B")),
    "the newest bytes in a new version": (_upload(version_id="v1"), _upload(version_id="v2")),
    "seen by a listing": (_upload("e1", version_id="v1", sequencer="0A"), _upload("e1")),
}


@pytest.mark.parametrize(("first", "again"), SAME.values(), ids=SAME.keys())
def test_a_repeated_event_finds_the_record_of_its_upload(first: Upload, again: Upload) -> None:
    record = _record(first)
    assert place_upload(again, [record]) == Placement(record, 1)


NEXT = {
    "other version": (_upload("e1", version_id="v1"), _upload("e2", version_id="v2")),
    "other bytes": (_upload("e1", sequencer="0A"), _upload("e2", sequencer="0B")),
    "sequencers of different length": (_upload(sequencer="0A"), _upload("e2", sequencer="0A1")),
    "sequencers in different case": (_upload(sequencer="0a"), _upload("e2", sequencer="0B")),
    "sequencers that end in zeros": (_upload(sequencer="0A0"), _upload("e2", sequencer="0A")),
    "seen by a listing": (
        _upload("e1", sequencer="0A"),
        _upload("e2", uploaded_at=AT + MINUTE),
    ),
    "seen by a listing within the same second": (
        _upload("e1", sequencer="0A", uploaded_at=AT + dt.timedelta(milliseconds=900)),
        _upload("e2"),
    ),
}


@pytest.mark.parametrize(("first", "then"), NEXT.values(), ids=NEXT.keys())
def test_other_bytes_at_the_key_are_its_next_revision(first: Upload, then: Upload) -> None:
    assert place_upload(then, [_record(first)]) == Placement(None, 2)


EARLIER = {
    "by sequencer": (_upload("e2", sequencer="0B"), _upload("e1", sequencer="0A")),
    "by a shorter sequencer": (_upload("e2", sequencer="0A1"), _upload("e1", sequencer="0A")),
    "by time": (_upload("e2", uploaded_at=AT + MINUTE), _upload("e1")),
}


@pytest.mark.parametrize(("newest", "late"), EARLIER.values(), ids=EARLIER.keys())
def test_an_upload_whose_event_comes_after_its_successors_is_superseded(
    newest: Upload, late: Upload
) -> None:
    assert place_upload(late, [_record(newest)]) == Placement(None, 2, superseded=True)


def test_the_sequencer_and_not_the_clock_orders_uploads() -> None:
    newest = _upload("e1", sequencer="0A", uploaded_at=AT + MINUTE)
    assert place_upload(_upload("e2", sequencer="0B"), [_record(newest)]) == Placement(None, 2)


def test_an_old_upload_that_is_told_again_is_its_own_record() -> None:
    old, new = _record(_upload("e1", sequencer="0A")), _record(_upload("e2", sequencer="0B"), 2)
    assert place_upload(_upload("e1", sequencer="0A"), [old, new]) == Placement(old, 1)


def test_an_old_version_that_is_told_again_is_its_own_record() -> None:
    old, new = _record(_upload("e1", version_id="v1")), _record(_upload("e2", version_id="v2"), 2)
    assert place_upload(_upload("e1", version_id="v1"), [old, new]) == Placement(old, 1)


def test_old_bytes_uploaded_once_more_are_a_new_revision() -> None:
    old, new = _record(_upload("e1", sequencer="0A")), _record(_upload("e2", sequencer="0B"), 2)
    assert place_upload(_upload("e1", sequencer="0C"), [old, new]) == Placement(None, 3)


def test_a_superseded_upload_is_never_the_newest() -> None:
    new = _record(_upload("e2", sequencer="0B"))
    late = _record(
        _upload("e1", sequencer="0A"), 2, state=CallState.REFUSED, reason=Reason.SUPERSEDED
    )
    assert place_upload(_upload("e1", sequencer="0C"), [new, late]) == Placement(None, 3)
    assert place_upload(_upload("e2"), [new, late]) == Placement(new, 1)


@given(st.permutations([_upload(f"e{n}", sequencer=f"{n:04X}") for n in range(6)]), st.data())
def test_in_whatever_order_events_arrive_the_newest_upload_is_taken_and_each_has_one_record(
    told: list[Upload], data: st.DataObject
) -> None:
    records: list[CallRecord] = []
    for upload in [*told, *data.draw(st.lists(st.sampled_from(told), max_size=6))]:
        placement = place_upload(upload, records)
        if placement.known is None:
            reason = Reason.SUPERSEDED if placement.superseded else None
            records.append(_record(upload, placement.revision, reason=reason))
    assert [record.revision for record in records] == [1, 2, 3, 4, 5, 6]
    taken = [record.upload.sequencer for record in records if record.reason is None]
    assert taken == sorted(filter(None, taken))
    assert taken[-1] == "0005"


# --- which states follow each other ---------------------------------------------------------------

FORBIDDEN = {
    (was, then)
    for was, then in itertools.product(CallState, CallState)
    if was is CallState.ERASED
    or (was is CallState.REFUSED and then not in (CallState.RECEIVED, CallState.ERASED))
    or (
        was in (CallState.DONE, CallState.REVIEW)
        and then not in (CallState.DONE, CallState.REVIEW, CallState.ERASED)
    )
    or (then is CallState.REFUSED and was is not CallState.RECEIVED)
}


@pytest.mark.parametrize(("was", "then"), sorted(itertools.product(CallState, CallState)))
def test_a_record_moves_one_version_on_or_not_at_all(was: CallState, then: CallState) -> None:
    record = _record(state=was, version=4)
    if (was, then) in FORBIDDEN:
        with pytest.raises(ContractError, match=f"a state that may follow {was}"):
            moved(record, then, AT + MINUTE)
    else:
        failed_at = AT + MINUTE if then is CallState.FAILED else None
        assert moved(record, then, AT + MINUTE, reason="waiting") == msgspec.structs.replace(
            record,
            state=then,
            version=5,
            updated_at=AT + MINUTE,
            reason="waiting",
            failed_at=failed_at,
        )


def test_a_failure_has_the_time_at_which_it_was_first_seen() -> None:
    failed = moved(_record(), CallState.FAILED, AT, reason="internal")
    touched = moved(failed, CallState.FAILED, AT + MINUTE, lease_holder=None)
    assert (failed.failed_at, touched.failed_at) == (AT, AT)
    other = moved(touched, CallState.FAILED, AT + MINUTE, reason="other")
    assert other.failed_at == AT + MINUTE


@pytest.mark.parametrize("state", CallState)
def test_whoever_holds_a_call_holds_it_whatever_others_do_to_its_record(state: CallState) -> None:
    held = leased(_record(), "one", AT, LIFE)
    assert held is not None
    after = moved(held, state, AT)
    assert (after.lease_holder, after.lease_until) == ("one", AT + LIFE)
    assert after.is_open == (state in OPEN_STATES)
    assert after.is_documented == (state in (CallState.DONE, CallState.REVIEW))


@pytest.mark.parametrize(
    ("document_key", "stale_keys", "is_marked"),
    [(None, (), False), ("unified/a", (), True), (None, ("unified/b",), True)],
    ids=["nothing was written", "a document was planned", "documents were to be deleted"],
)
def test_an_upload_that_failed_is_marked_when_it_may_have_left_a_document(
    document_key: str | None, stale_keys: tuple[str, ...], is_marked: bool
) -> None:
    record = moved(
        _record(), CallState.TRANSCRIBED, AT, document_key=document_key, stale_keys=stale_keys
    )
    after = failed(record, "stuck_transcribed", AT + MINUTE)
    assert (after.state, after.reason) == (CallState.FAILED, "stuck_transcribed")
    assert (after.rewrite, after.failed_at) == (is_marked, AT + MINUTE)


def test_a_record_knows_its_tenant_and_its_job() -> None:
    record = _record(revision=3)
    assert (record.tenant_id, record.job_name) == ("acme", "cci_acme_x_r3")


# --- who holds it ----------------------------------------------------------------------------------


def test_a_record_is_held_by_one_at_a_time() -> None:
    held = leased(_record(), "one", AT, LIFE)
    assert held is not None
    assert (held.lease_holder, held.lease_until, held.version) == ("one", AT + LIFE, 2)
    assert leased(held, "two", AT + LIFE - MINUTE, LIFE) is None


def test_who_holds_a_record_may_hold_it_longer() -> None:
    held = leased(_record(), "one", AT, LIFE)
    assert held is not None
    longer = leased(held, "one", AT + MINUTE, LIFE)
    assert longer is not None
    assert (longer.lease_until, longer.version) == (AT + MINUTE + LIFE, 3)


def test_a_lease_that_has_run_out_can_be_taken_over() -> None:
    held = leased(_record(), "one", AT, LIFE)
    assert held is not None
    taken = leased(held, "two", AT + LIFE, LIFE)
    assert taken is not None
    assert taken.lease_holder == "two"


# --- what was told of a call -----------------------------------------------------------------------


def test_no_metadata_is_version_zero() -> None:
    assert (StoredMetadata().version, StoredMetadata().merged) == (0, CallMetadata())


def test_field_by_field_the_sidecar_counts_before_the_webhook_and_that_before_the_recording() -> (
    None
):
    said = {
        MetadataSource.OBJECT: CallMetadata(agent_id="o", queue="o", channel="o"),
        MetadataSource.WEBHOOK: CallMetadata(agent_id="w", queue="w"),
        MetadataSource.SIDECAR: CallMetadata(agent_id="s"),
    }
    for order in itertools.permutations(said):
        stored = StoredMetadata()
        for source in order:
            changed = stored.with_told(source, said[source], AT)
            assert changed is not None
            stored = changed
        assert stored.merged == CallMetadata(agent_id="s", queue="w", channel="o")
        assert stored.version == 3


def test_the_same_metadata_again_changes_nothing() -> None:
    told = StoredMetadata().with_told(MetadataSource.WEBHOOK, CallMetadata(queue="q"), AT)
    assert told is not None
    assert told.with_told(MetadataSource.WEBHOOK, CallMetadata(queue="q"), AT) is None


def test_a_start_that_the_upload_rules_out_gives_way_to_the_next_source() -> None:
    stored = StoredMetadata()
    said = {
        MetadataSource.SIDECAR: CallMetadata(agent_id="s", started_at=AT + 3 * DAY),
        MetadataSource.WEBHOOK: CallMetadata(agent_id="w", started_at=AT - MINUTE),
        MetadataSource.OBJECT: CallMetadata(queue="o", started_at=AT - 900 * DAY),
    }
    for source, metadata in said.items():
        stored = stored.with_told(source, metadata, AT) or stored
    assert stored.for_upload(AT).merged == CallMetadata(
        agent_id="s", queue="o", started_at=AT - MINUTE
    )
    assert stored.for_upload(AT).version == stored.version == 3
    assert [problem.path for problem in stored.start_problems(AT)] == ["started_at", "started_at"]


@given(st.permutations(range(4)))
def test_the_latest_metadata_of_a_source_counts_in_whatever_order_it_arrives(
    order: list[int],
) -> None:
    stored = StoredMetadata()
    for number in order:
        metadata = CallMetadata(queue=f"q{number}")
        stored = stored.with_told(MetadataSource.WEBHOOK, metadata, AT + number * MINUTE) or stored
    assert stored.merged == CallMetadata(queue="q3")


# --- its stored form -------------------------------------------------------------------------------


def test_a_record_survives_its_stored_form_which_is_plain_json() -> None:
    record = _record(
        _upload(version_id="v1", sequencer="0A"),
        redaction=Redaction.MASKED,
        form=("default", 3),
        lease_holder="one",
        lease_until=AT + LIFE,
        rewrite=True,
    )
    assert record_of_item(json.loads(json.dumps(item_of_record(record)))) == record


def test_a_stored_form_that_is_no_record_is_refused() -> None:
    item = item_of_record(_record()) | {"state": "LOST"}
    with pytest.raises(ContractError, match="state"):
        record_of_item(item)


# --- why it is where it is -------------------------------------------------------------------------


def test_a_reason_is_one_word_and_each_has_its_own() -> None:
    assert len(Reason.__members__) == len(set(Reason))
    assert all(re.fullmatch(r"[a-z]+(_[a-z]+)*", reason) for reason in Reason)


@pytest.mark.parametrize(
    "told",
    [
        "The audio is too long",
        "Invalid file size: file size too large",
        "Invalid number of channels: number of channels too large",
        "Invalid sample rate for audio file",
        "Unsupported media format.",
        "Access denied",
        "Internal failure",
        "The media file isn't valid",
        "no prose that is known",
    ],
)
def test_what_transcribe_tells_of_a_failure_has_its_reason(told: str) -> None:
    assert failure_word(told) in set(Reason)


@pytest.mark.parametrize("state", sorted(OPEN_STATES))
def test_each_state_in_which_a_call_can_get_stuck_has_its_reason(state: CallState) -> None:
    assert Reason(f"stuck_{state.lower()}") in set(Reason)
