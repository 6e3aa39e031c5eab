"""Metadata by webhook and by sidecar: before the recording, after it, never, conflicting."""

from __future__ import annotations

import dataclasses
import datetime as dt
import hashlib
import hmac
import json
from collections.abc import Mapping
from typing import Any

import pytest

from cci_lite.contract.metadata import CallMetadata
from cci_lite.contract.registry import CallRecord, CallState, MetadataSource, moved
from cci_lite.errors import RetryLaterError
from cci_lite.pipeline.call_metadata import (
    MetadataIntake,
    SidecarOutcome,
    WebhookAnswer,
    take_sidecar,
    take_webhook,
)
from cci_lite.ports import Metric
from cci_lite.tenancy import call_id_for, recording_key
from tests.calls_in_memory import (
    BUCKET,
    KEY,
    TENANT,
    Installation,
    event_of,
    everything_said,
    interrupted,
    minutes,
)
from tests.interrupter import Crash

OTHER_KEY = b"next secret"
CALL_ID = call_id_for(TENANT, recording_key(TENANT, "a.wav"))
UNAUTHORIZED = WebhookAnswer(401, {"error": "unauthorized"})


@pytest.fixture
def installation() -> Installation:
    return Installation()


def signed(
    installation: Installation, body: bytes, *keys: bytes, seconds: int = 0
) -> dict[str, str]:
    """Headers as a sender makes them, by its own clock that is `seconds` ahead of ours."""
    timestamp = int(installation.clock().timestamp()) + seconds
    signatures = [
        hmac.new(key, b"%d." % timestamp + body, hashlib.sha256).hexdigest()
        for key in keys or (KEY,)
    ]
    parts = [f"t={timestamp}", *(f"v1={signature}" for signature in signatures)]
    return {"X-CCI-Signature": ",".join(parts), "Content-Type": "application/json"}


def send(
    installation: Installation, value: Any, *keys: bytes, seconds: int = 0, tenant_id: str = TENANT
) -> WebhookAnswer:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    headers = signed(installation, body, *keys, seconds=seconds)
    return take_webhook(
        installation.metadata_intake, tenant_id=tenant_id, headers=headers, body=body
    )


def told(installation: Installation, name: str = "a.wav") -> CallMetadata:
    key = recording_key(TENANT, name)
    return installation.registry.metadata(TENANT, call_id_for(TENANT, key)).merged


def nothing_is_told(installation: Installation) -> bool:
    return installation.registry.metadata(TENANT, CALL_ID).version == 0


# --- Webhooks -------------------------------------------------------------------------------------


def test_a_webhook_before_the_recording_is_kept_for_it(installation: Installation) -> None:
    answer = send(
        installation,
        {
            "recording_key": "a.wav",
            "agent_id": "a-17",
            "queue": "billing",
            "started_at": "2025-11-05T10:00:00+01:00",
            "crm_case": 4711,
        },
    )

    assert answer == WebhookAnswer(202, {"accepted": 1, "changed": 1, "unknown_fields": 1})
    assert told(installation) == CallMetadata(
        agent_id="a-17",
        queue="billing",
        started_at=dt.datetime(2025, 11, 5, 9, 0, tzinfo=dt.UTC),
    )


def test_a_list_holds_metadata_of_several_recordings(installation: Installation) -> None:
    entries = [
        {"recording_key": "a.wav", "agent_id": "a-1"},
        {"recording_key": f"{TENANT}/calls/2025/b.wav", "agent_id": "a-2", "x": 1, "y": 2},
    ]

    assert send(installation, entries).body == {"accepted": 2, "changed": 2, "unknown_fields": 2}
    assert told(installation, "2025/b.wav").agent_id == "a-2"


def test_an_empty_list_changes_nothing(installation: Installation) -> None:
    assert send(installation, []) == WebhookAnswer(
        202, {"accepted": 0, "changed": 0, "unknown_fields": 0}
    )


def test_the_same_request_again_changes_nothing(installation: Installation) -> None:
    send(installation, {"recording_key": "a.wav", "agent_id": "a-1"})
    before = installation.registry.metadata(TENANT, CALL_ID)

    answer = send(installation, {"recording_key": "a.wav", "agent_id": "a-1"})

    assert answer.body["changed"] == 0
    assert installation.registry.metadata(TENANT, CALL_ID) == before


def test_what_was_signed_later_counts_whatever_comes_first(installation: Installation) -> None:
    send(installation, {"recording_key": "a.wav", "agent_id": "late"}, seconds=20)
    answer = send(installation, {"recording_key": "a.wav", "agent_id": "early"}, seconds=10)

    assert (answer.status, answer.body["changed"]) == (202, 0)
    assert told(installation).agent_id == "late"


@pytest.mark.parametrize("seconds", [-300, 300])
def test_clocks_may_differ_by_five_minutes(installation: Installation, seconds: int) -> None:
    assert send(installation, {"recording_key": "a.wav"}, seconds=seconds).status == 202


@pytest.mark.parametrize("seconds", [-301, 301])
def test_a_request_outside_of_the_replay_window_is_refused(
    installation: Installation, seconds: int
) -> None:
    assert send(installation, {"recording_key": "a.wav"}, seconds=seconds) == UNAUTHORIZED
    assert nothing_is_told(installation)


def test_either_key_signs_while_the_secret_is_replaced(installation: Installation) -> None:
    installation.keys.by_tenant[TENANT] = (KEY, OTHER_KEY)

    assert send(installation, {"recording_key": "a.wav"}, OTHER_KEY).status == 202
    assert send(installation, {"recording_key": "b.wav"}, KEY).status == 202
    installation.keys.by_tenant[TENANT] = (OTHER_KEY,)
    assert send(installation, {"recording_key": "c.wav"}, KEY, OTHER_KEY).status == 202
    assert send(installation, {"recording_key": "d.wav"}, KEY) == UNAUTHORIZED


BODY = b'{"recording_key": "a.wav"}'


def _headers(installation: Installation, change: str) -> dict[str, str]:
    given = signed(installation, BODY)["X-CCI-Signature"]
    timestamp, signature = given.split(",")
    return {
        "none": {},
        "empty": {"x-cci-signature": ""},
        "no time": {"x-cci-signature": signature},
        "no signature": {"x-cci-signature": timestamp},
        "two times": {"x-cci-signature": f"{timestamp},{timestamp},{signature}"},
        "another time": {"x-cci-signature": f"{timestamp}0,{signature}"},
        "a negative time": {"x-cci-signature": f"t=-1,{signature}"},
        "other digits": {"x-cci-signature": f"t=١٢٣,{signature}"},
        "a shorter signature": {"x-cci-signature": given[:-1]},
        "a flipped digit": {
            "x-cci-signature": given[:-1] + ("0" if given[-1] != "0" else "1"),
        },
        "another scheme": {"x-cci-signature": given.replace("v1=", "v0=")},
        "not ascii": {"x-cci-signature": f"{timestamp},v1=ä"},
    }[change]


@pytest.mark.parametrize(
    "change",
    [
        "none",
        "empty",
        "no time",
        "no signature",
        "two times",
        "another time",
        "a negative time",
        "other digits",
        "a shorter signature",
        "a flipped digit",
        "another scheme",
        "not ascii",
    ],
)
def test_what_is_not_signed_properly_is_refused(installation: Installation, change: str) -> None:
    answer = take_webhook(
        installation.metadata_intake,
        tenant_id=TENANT,
        headers=_headers(installation, change),
        body=BODY,
    )

    assert answer == UNAUTHORIZED
    assert nothing_is_told(installation)


def test_another_body_than_the_signed_one_is_refused(installation: Installation) -> None:
    answer = take_webhook(
        installation.metadata_intake,
        tenant_id=TENANT,
        headers=signed(installation, BODY),
        body=BODY.replace(b"a.wav", b"b.wav"),
    )

    assert answer == UNAUTHORIZED


def test_tenants_that_are_unknown_suspended_or_others_are_not_told_apart(
    installation: Installation,
) -> None:
    installation.add_tenant("suspended")
    installation.suspend("suspended")
    installation.keys.by_tenant |= {
        "suspended": (KEY,),
        "removed": (KEY,),
        "other": (OTHER_KEY,),
        "": (KEY,),
        "UPPER": (KEY,),
    }

    answers = [
        send(installation, {"recording_key": "a.wav"}, tenant_id=tenant_id)
        for tenant_id in ("suspended", "removed", "other", "unknown", "", "UPPER", "../x")
    ]

    assert answers == [UNAUTHORIZED] * 7


class NoSecrets:
    """Nobody may be asked for a secret here."""

    def keys(self, tenant_id: str) -> Any:
        raise AssertionError("a secret was asked for")


@pytest.mark.parametrize("tenant_id", ["work", "shared", "a", "UPPER", "../x", "x" * 49, ""])
def test_no_secret_is_read_for_an_invalid_tenant_id(
    installation: Installation, tenant_id: str
) -> None:
    intake = dataclasses.replace(installation.metadata_intake, keys=NoSecrets())

    answer = take_webhook(
        intake, tenant_id=tenant_id, headers=signed(installation, BODY), body=BODY
    )

    assert answer == UNAUTHORIZED


@pytest.mark.parametrize("change", ["none", "no time", "no signature", "another time", "late"])
def test_no_secret_is_read_for_a_request_with_an_old_signature(
    installation: Installation, change: str
) -> None:
    intake = dataclasses.replace(installation.metadata_intake, keys=NoSecrets())
    late = signed(installation, BODY, seconds=-301)
    headers = late if change == "late" else _headers(installation, change)

    answer = take_webhook(intake, tenant_id=TENANT, headers=headers, body=BODY)

    assert answer == UNAUTHORIZED


def test_metadata_is_logged_by_call(installation: Installation) -> None:
    keys = [recording_key(TENANT, name) for name in ("a.wav", "b.wav")]
    send(installation, {"recording_key": keys[0], "agent_id": "a-1"})
    installation.telemetry.events.clear()

    send(installation, [{"recording_key": key, "agent_id": "a-1"} for key in keys])

    assert installation.telemetry.events == [
        (
            "metadata_told",
            {"tenant_id": TENANT, "call_id": call_id_for(TENANT, key), "count": count},
        )
        for key, count in zip(keys, (0, 1), strict=True)
    ]


def test_an_empty_secret_signs_nothing(installation: Installation) -> None:
    installation.keys.by_tenant[TENANT] = (b"",)

    assert send(installation, {"recording_key": "a.wav"}, b"") == UNAUTHORIZED


def test_a_body_of_64_kilobytes_is_taken_and_no_more(installation: Installation) -> None:
    def padded(size: int) -> bytes:
        start, end = b'{"recording_key": "a.wav", "notes": "', b'"}'
        return start + b"q" * (size - len(start) - len(end)) + end

    assert send(installation, padded(64 * 1024)).status == 202
    assert send(installation, padded(64 * 1024 + 1)) == WebhookAnswer(
        413, {"error": "too_large", "limit_bytes": 65536}
    )


@pytest.mark.parametrize(
    ("value", "details"),
    [
        (b"", {"expected": "JSON in UTF-8"}),
        (b'{"recording_key": "a.wav"', {"expected": "JSON in UTF-8"}),
        (b'{"recording_key": "\xff"}', {"expected": "JSON in UTF-8"}),
        (b"[" * 60_000, {"expected": "JSON in UTF-8"}),
        ("text", {"expected": "an object or a list of at most 100 objects"}),
        (
            [{"recording_key": "a.wav"}] * 101,
            {"expected": "an object or a list of at most 100 objects"},
        ),
        ([{"recording_key": "a.wav"}, 7], {"index": 1, "path": "", "expected": "an object"}),
        ({"agent_id": "a-1"}, {"index": 0, "path": "", "expected": "the field recording_key"}),
        (
            {"recording_key": "a.wav", "direction": "sideways"},
            {"index": 0, "path": "direction", "expected": "inbound or outbound"},
        ),
        (
            {"recording_key": "a.wav", "started_at": 20251105},
            {"index": 0, "path": "started_at", "expected": "a time like 2025-11-05T09:30:00Z"},
        ),
        (
            [{"recording_key": "a.wav"}, {"recording_key": f"{TENANT}/calls/a.wav"}],
            {"index": 1, "path": "recording_key", "expected": "each recording once"},
        ),
        (
            {"recording_key": "é" * 600},
            {"index": 0, "path": "recording_key", "expected": "at most 1024 bytes"},
        ),
    ],
    ids=[
        "empty",
        "cut off",
        "not UTF-8",
        "deep",
        "text",
        "too many",
        "a number",
        "no key",
        "direction",
        "time",
        "twice",
        "long key",
    ],
)
def test_what_is_wrong_is_told_by_index_and_path(
    installation: Installation, value: Any, details: Mapping[str, Any]
) -> None:
    assert send(installation, value) == WebhookAnswer(400, {"error": "invalid", **details})


@pytest.mark.parametrize(
    "key",
    [
        "other-tenant/calls/a.wav",
        f"{TENANT}/a.wav",
        f"{TENANT}/calls/",
        f"/{TENANT}/calls/a.wav",
        f"x/{TENANT}/calls/a.wav",
        "folder/a.wav",
        "a.wav.meta.json",
        f"{TENANT}/calls/x/",
    ],
)
def test_a_key_that_is_no_recording_of_the_tenant_is_refused(
    installation: Installation, key: str
) -> None:
    answer = send(installation, {"recording_key": key})

    assert answer.body == {
        "error": "invalid",
        "index": 0,
        "path": "recording_key",
        "expected": "a recording below demo-tenant/calls/",
    }


@pytest.mark.parametrize(
    ("body", "path"),
    [
        (b'{"recording_key": "a.wav", "agent_id": "a-1", "agent_id": "a-2"}', "agent_id"),
        (b'{"recording_key": "a.wav", "agent_id": "a-1", "Agent_ID": "a-2"}', "Agent_ID"),
        (b'[{"recording_key": "b.wav"}, {"recording_key": "a.wav", "x": 1, "X": 2}]', "[1].X"),
        (b'{"recording_key": "a.wav", "ours": {"id": 1, "id": 2}}', "ours.id"),
    ],
    ids=["the same", "another case", "in a list", "deep"],
)
def test_a_field_that_stands_twice_is_refused(
    installation: Installation, body: bytes, path: str
) -> None:
    details = {"error": "invalid", "path": path, "expected": "each field once"}
    assert send(installation, body) == WebhookAnswer(400, details)
    assert nothing_is_told(installation)


def test_a_field_that_stands_twice_in_two_spellings_is_refused(installation: Installation) -> None:
    value = {"recording_key": "a.wav", "agent_id": "a-1", " agent-id": "a-2"}
    assert send(installation, value).body == {
        "error": "invalid",
        "index": 0,
        "path": "agent_id",
        "expected": "each field once",
    }


def test_one_bad_value_does_not_lose_the_others(installation: Installation) -> None:
    entries = [
        {"recording_key": "b.wav", "agent_id": 4711},
        {"recording_key": " a.wav ", "direction": "sideways", "Queue ": " billing"},
    ]

    answer = send(installation, entries)

    assert answer.status == 202
    assert answer.body["put_aside"] == [
        {"index": 1, "path": "direction", "expected": "inbound or outbound"}
    ]
    assert told(installation, "b.wav").agent_id == "4711"
    assert told(installation) == CallMetadata(queue="billing")
    assert (
        "metadata_put_aside",
        {"tenant_id": TENANT, "call_id": CALL_ID, "reason": "direction"},
    ) in installation.telemetry.events


def test_a_field_that_is_meant_is_named_and_not_what_was_sent(installation: Installation) -> None:
    answer = send(installation, {"recording_key": "a.wav", "agent": "Kim", "start": "x", "y": 1})

    assert answer.body == {
        "accepted": 1,
        "changed": 1,
        "unknown_fields": 3,
        "did_you_mean": ["agent_id", "started_at"],
    }


def test_a_time_without_an_offset_is_the_tenants(installation: Installation) -> None:
    installation.add_tenant(time_zone="Europe/Berlin")

    send(installation, {"recording_key": "a.wav", "started_at": "2025-11-05 09:30"})

    assert told(installation).started_at == dt.datetime(2025, 11, 5, 8, 30, tzinfo=dt.UTC)


# --- Starts that cannot be ------------------------------------------------------------------------

LATE = "a time at most 15 minutes after the upload"
EARLY = "a time at most 366 days before the upload"


@pytest.mark.parametrize(
    ("started_at", "expected"),
    [
        ("2025-11-05T09:15:01Z", LATE),
        ("2025-11-06T09:00:00Z", LATE),
        ("2999-01-01T00:00:00Z", LATE),
        ("2024-11-04T08:59:59Z", EARLY),
        ("1970-01-01T00:00:00Z", EARLY),
    ],
)
@pytest.mark.parametrize("is_uploaded", [True, False], ids=["uploaded", "not uploaded"])
def test_an_impossible_start_is_refused_with_the_reason(
    installation: Installation, started_at: str, expected: str, is_uploaded: bool
) -> None:
    if is_uploaded:
        installation.register(CallState.DONE)

    answer = send(installation, {"recording_key": "a.wav", "started_at": started_at})

    assert answer.status == 400
    assert answer.body == {
        "error": "invalid",
        "index": 0,
        "path": "started_at",
        "expected": expected,
    }
    assert nothing_is_told(installation)


def test_an_impossible_start_does_not_lose_the_other_values(
    installation: Installation,
) -> None:
    installation.register(CallState.DONE)
    entry = {"recording_key": "a.wav", "started_at": "2025-11-06T09:00:00Z", "agent_id": "a-1"}

    answer = send(installation, entry)

    assert answer.status == 202
    assert answer.body["put_aside"] == [{"index": 0, "path": "started_at", "expected": LATE}]
    assert told(installation) == CallMetadata(agent_id="a-1")


def test_a_start_is_checked_against_the_upload_and_not_against_the_request(
    installation: Installation,
) -> None:
    installation.register(CallState.DONE)
    installation.clock.wait(40 * 24 * 3600)

    after = {"recording_key": "a.wav", "started_at": "2025-11-20T09:00:00Z"}
    before = {"recording_key": "a.wav", "started_at": "2025-11-05T08:30:00Z"}

    assert (send(installation, after).status, send(installation, before).status) == (400, 202)


def test_an_impossible_start_in_a_sidecar_is_left_out_too(installation: Installation) -> None:
    outcome = upload_sidecar(
        installation, {"started_at": "2031-01-01T00:00:00Z", "agent_id": "a-1"}
    )

    assert outcome is SidecarOutcome.STORED
    assert told(installation) == CallMetadata(agent_id="a-1")
    assert installation.telemetry.events[0] == (
        "metadata_put_aside",
        {"tenant_id": TENANT, "call_id": CALL_ID, "reason": "started_at"},
    )


def test_a_list_with_one_mistake_changes_nothing(installation: Installation) -> None:
    good = {"recording_key": "a.wav", "agent_id": "a-1"}

    assert send(installation, [good, {"recording_key": "b.wav", "agent_id": ""}]).status == 202
    assert send(installation, [{**good, "agent_id": "a-2"}, {"queue": "x"}]).status == 400

    assert told(installation).agent_id == "a-1"


def test_no_value_of_a_request_is_answered_or_logged(installation: Installation) -> None:
    answers = [
        send(installation, {"recording_key": "canary/calls/x.wav"}),
        send(installation, {"recording_key": "canary.wav", "direction": "canary7"}),
        send(installation, {"recording_key": "canary.wav", "canary_field": 1}),
        send(installation, {"recording_key": "canary.wav", "agent_name": "canary"}),
        send(installation, {"recording_key": "canary.wav"}, tenant_id="canary"),
    ]

    assert [answer.status for answer in answers] == [400, 400, 202, 202, 401]
    assert "canary" not in repr(answers) + everything_said(installation)


# --- Sidecars -------------------------------------------------------------------------------------


def upload_sidecar(
    installation: Installation, value: Any, name: str = "a.wav.meta.json"
) -> SidecarOutcome:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return take_sidecar(installation.metadata_intake, event_of(installation.upload(name, data)))


def test_a_sidecar_tells_of_the_recording_beside_it(installation: Installation) -> None:
    outcome = upload_sidecar(installation, {"agent_id": "a-1", "recording_key": "elsewhere.wav"})

    assert outcome is SidecarOutcome.STORED
    assert told(installation) == CallMetadata(agent_id="a-1")


@pytest.mark.parametrize(
    ("sidecar", "metadata"),
    [
        ({"agent_id": "a1", "direction": "INBOUND"}, {"agent_id": "a1", "direction": "inbound"}),
        ({"agent_id": 4711, "queue": "billing"}, {"agent_id": "4711", "queue": "billing"}),
        ({"agent_id": False, "queue": "billing"}, {"queue": "billing"}),
        ({"started_at": "today", "agent_id": " a1 "}, {"agent_id": "a1"}),
        ({"language_code": "xx-XX", "Agent-Team": "north"}, {"agent_team": "north"}),
    ],
)
def test_a_sidecar_is_not_lost_whole(
    installation: Installation, sidecar: dict[str, Any], metadata: dict[str, Any]
) -> None:
    assert upload_sidecar(installation, sidecar) is SidecarOutcome.STORED
    assert told(installation) == CallMetadata(**metadata)


def test_of_sidecar_and_webhook_the_sidecar_counts_field_by_field(
    installation: Installation,
) -> None:
    upload_sidecar(installation, {"agent_id": "sidecar"})
    installation.clock.wait(60)
    send(installation, {"recording_key": "a.wav", "agent_id": "webhook", "queue": "billing"})

    assert told(installation) == CallMetadata(agent_id="sidecar", queue="billing")


def test_the_same_sidecar_again_changes_nothing(installation: Installation) -> None:
    upload_sidecar(installation, {"agent_id": "a-1"})

    assert upload_sidecar(installation, {"agent_id": "a-1"}) is SidecarOutcome.UNCHANGED
    assert installation.registry.metadata(TENANT, CALL_ID).version == 1


def test_a_byte_order_mark_does_not_break_a_sidecar(installation: Installation) -> None:
    assert upload_sidecar(installation, b'\xef\xbb\xbf{"queue": "x"}') is SidecarOutcome.STORED


@pytest.mark.parametrize(
    ("value", "name", "outcome"),
    [
        (b"{canary", "a.wav.meta.json", SidecarOutcome.UNREADABLE),
        (b"\xff", "a.wav.meta.json", SidecarOutcome.UNREADABLE),
        (b"[" * 60_000, "a.wav.meta.json", SidecarOutcome.UNREADABLE),
        (["canary"], "a.wav.meta.json", SidecarOutcome.INVALID),
        ({"direction": "canary"}, "a.wav.meta.json", SidecarOutcome.INVALID),
        (b'{"queue": "a", "queue": "canary"}', "a.wav.meta.json", SidecarOutcome.UNREADABLE),
        (b'{"queue": "a", "Queue": "canary"}', "a.wav.meta.json", SidecarOutcome.UNREADABLE),
        ({"queue": "a", "queue ": "canary"}, "a.wav.meta.json", SidecarOutcome.INVALID),
        ({"queue": "q" * 65_536}, "a.wav.meta.json", SidecarOutcome.TOO_LARGE),
        ({}, "a.wav", SidecarOutcome.NOT_A_SIDECAR),
        ({}, ".meta.json", SidecarOutcome.NOT_A_SIDECAR),
        ({}, "folder/.meta.json", SidecarOutcome.NOT_A_SIDECAR),
    ],
    ids=[
        "broken",
        "not UTF-8",
        "deep",
        "list",
        "contract",
        "a field twice",
        "a field in two cases",
        "a field in two spellings",
        "large",
        "recording",
        "nameless",
        "nameless in a folder",
    ],
)
def test_a_sidecar_that_tells_nothing_is_counted_and_never_raised(
    installation: Installation, value: Any, name: str, outcome: SidecarOutcome
) -> None:
    assert upload_sidecar(installation, value, name) is outcome

    assert nothing_is_told(installation)
    assert installation.telemetry.metrics == {Metric.IGNORED: 1}
    assert installation.telemetry.events == [("sidecar_ignored", {"reason": outcome.value})]


def test_a_sidecar_that_is_gone_is_missing(installation: Installation) -> None:
    event = event_of(installation.upload("a.wav.meta.json"))
    installation.recordings.uploads.clear()

    assert take_sidecar(installation.metadata_intake, event) is SidecarOutcome.MISSING


def test_sidecars_of_other_buckets_and_tenants_are_not_taken_in(
    installation: Installation,
) -> None:
    intake = installation.metadata_intake
    upload = installation.upload("a.wav.meta.json", b"{}")
    stranger = installation.upload("a.wav.meta.json", b"{}", tenant_id="stranger")

    assert take_sidecar(intake, event_of(upload, "another")) is SidecarOutcome.NOT_A_SIDECAR
    assert take_sidecar(intake, event_of(stranger)) is SidecarOutcome.NOT_TAKEN_IN
    installation.suspend()
    assert take_sidecar(intake, event_of(upload)) is SidecarOutcome.NOT_TAKEN_IN
    assert nothing_is_told(installation)


# --- Documents that are there already -------------------------------------------------------------


@pytest.mark.parametrize("state", [CallState.DONE, CallState.REVIEW])
def test_late_metadata_marks_the_document_for_rewriting(
    installation: Installation, state: CallState
) -> None:
    record = installation.register(state)

    send(installation, {"recording_key": "a.wav", "agent_id": "a-1"})

    assert installation.now(record).rewrite
    assert installation.now(record).state is state
    assert [each.call_id for each in installation.registry.to_rewrite(TENANT)] == [record.call_id]


@pytest.mark.parametrize(
    "state", [CallState.RECEIVED, CallState.TRANSCRIBING, CallState.TRANSCRIBED, CallState.FAILED]
)
def test_a_call_without_a_document_is_not_marked(
    installation: Installation, state: CallState
) -> None:
    record = installation.register(state)

    send(installation, {"recording_key": "a.wav", "agent_id": "a-1"})

    now = installation.now(record)
    assert (now.state, now.rewrite) == (state, False)


@pytest.mark.parametrize(
    "state", [CallState.RECEIVED, CallState.TRANSCRIBING, CallState.TRANSCRIBED, CallState.FAILED]
)
def test_a_process_at_work_on_an_upload_notices_new_metadata(
    installation: Installation, state: CallState
) -> None:
    record = installation.register(state)

    send(installation, {"recording_key": "a.wav", "agent_id": "a-1"})

    assert not installation.registry.replace(moved(record, record.state, installation.clock()))


def test_only_the_newest_document_is_marked(installation: Installation) -> None:
    first = installation.register(CallState.DONE)
    second = installation.register(
        CallState.REVIEW, upload=installation.upload(data=b"again"), revision=2
    )
    third = installation.register(
        CallState.FAILED, upload=installation.upload(data=b"once more"), revision=3
    )

    upload_sidecar(installation, {"agent_id": "a-1"})

    marks = [installation.now(record).rewrite for record in (first, second, third)]
    assert marks == [False, True, False]


def test_a_document_that_has_the_metadata_is_not_marked_by_a_repeat(
    installation: Installation,
) -> None:
    upload_sidecar(installation, {"agent_id": "a-1"})
    record = installation.register(CallState.DONE, metadata_version=1)

    upload_sidecar(installation, {"agent_id": "a-1"})

    assert installation.now(record) == record


def test_what_is_being_rewritten_with_older_metadata_is_marked_again(
    installation: Installation,
) -> None:
    record = installation.register(CallState.DONE)
    send(installation, {"recording_key": "a.wav", "agent_id": "a-1"})
    read_by_the_rewriter = installation.now(record)

    send(installation, {"recording_key": "a.wav", "agent_id": "a-2"}, seconds=1)

    assert installation.now(record).version > read_by_the_rewriter.version


def test_metadata_of_an_erased_call_is_not_kept(installation: Installation) -> None:
    installation.register(CallState.ERASED)

    answer = send(installation, {"recording_key": "a.wav", "agent_name": "Alice"})

    assert answer.body["changed"] == 0
    assert nothing_is_told(installation)


@pytest.mark.parametrize("when", ["crash_before", "crash_after"])
@pytest.mark.parametrize("at", range(1, 4))
def test_a_crash_anywhere_leaves_metadata_and_mark_or_neither(
    installation: Installation, when: str, at: int
) -> None:
    record = installation.register(CallState.DONE)
    event = event_of(installation.upload("a.wav.meta.json", b'{"agent_id": "a-1"}'))
    interrupter = interrupted(when, at)

    with pytest.raises(Crash):
        take_sidecar(intake_with(installation, interrupter.wrap(installation.registry)), event)
    assert installation.now(record).rewrite == (not nothing_is_told(installation))
    take_sidecar(installation.metadata_intake, event)

    assert told(installation).agent_id == "a-1"
    assert installation.now(record).rewrite


def test_two_sources_at_once_lose_nothing(installation: Installation) -> None:
    event = event_of(installation.upload("a.wav.meta.json", b'{"agent_id": "a-1"}'))
    registry = Overtaken(installation, times=1)

    assert take_sidecar(intake_with(installation, registry), event) is SidecarOutcome.STORED

    stored = installation.registry.metadata(TENANT, CALL_ID)
    assert set(stored.told) == {MetadataSource.SIDECAR, MetadataSource.WEBHOOK}
    assert stored.merged == CallMetadata(agent_id="a-1", queue="0")


def test_contended_metadata_asks_for_a_retry(
    installation: Installation,
) -> None:
    event = event_of(installation.upload("a.wav.meta.json", b'{"agent_id": "a-1"}'))

    with pytest.raises(RetryLaterError, match=r"^metadata_contended$"):
        take_sidecar(intake_with(installation, Overtaken(installation, times=1_000)), event)


@pytest.mark.parametrize("state", [CallState.TRANSCRIBED, CallState.DONE, CallState.REVIEW])
def test_a_document_that_is_finished_or_touched_in_between_is_marked(
    installation: Installation, state: CallState
) -> None:
    record = installation.register(state)
    moves: list[CallRecord] = []

    class Moving(Passing):
        def put_metadata(self, *given: Any) -> bool:
            if not moves:
                moves.append(installation.move(record, CallState.DONE, document_key="x"))
            return installation.registry.put_metadata(*given)

    event = event_of(installation.upload("a.wav.meta.json", b'{"agent_id": "a-1"}'))
    assert take_sidecar(intake_with(installation, Moving(installation)), event) is (
        SidecarOutcome.STORED
    )

    assert moves
    assert installation.now(record).rewrite


class Passing:
    """The installation's registry."""

    def __init__(self, installation: Installation) -> None:
        self._installation = installation

    def __getattr__(self, name: str) -> Any:
        return getattr(self._installation.registry, name)


class Overtaken(Passing):
    """A registry in which a webhook is faster, several times."""

    def __init__(self, installation: Installation, *, times: int) -> None:
        super().__init__(installation)
        self._times, self._count = times, 0

    def put_metadata(self, *given: Any) -> bool:
        if self._count < self._times:
            body = {"recording_key": "a.wav", "queue": str(self._count)}
            send(self._installation, body, seconds=self._count)
            self._count += 1
        return self._installation.registry.put_metadata(*given)


def intake_with(installation: Installation, registry: Any) -> MetadataIntake:
    given = installation.metadata_intake
    return MetadataIntake(
        BUCKET,
        registry,
        given.recordings,
        given.tenants,
        given.keys,
        given.telemetry,
        given.clock,
    )


def test_a_tenant_that_is_active_again_receives_metadata_again(installation: Installation) -> None:
    installation.suspend()
    assert send(installation, {"recording_key": "a.wav"}) == UNAUTHORIZED
    installation.add_tenant()
    installation.clock.now += minutes(2)
    assert send(installation, {"recording_key": "a.wav"}).status == 202
