"""The store on S3: what only a bucket has. What every store promises is in tests/behaviours."""

from __future__ import annotations

import base64
import datetime as dt
import json
import pickle
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cci_lite.aws.lake import clients, listing, read_ahead, s3_failures
from cci_lite.aws.lake.clients import profile_of
from cci_lite.aws.lake.listing import ODD_KEY
from cci_lite.aws.lake.store import S3Store
from cci_lite.errors import CciLiteError, LakeError, UsageError
from cci_lite.ports import StoredObject
from tests.aws.lake_account import LakeAccount, lake_account
from tests.aws.scripted_s3 import Answer, Between, between
from tests.small_lake import SmallLake

KEY = "unified/demo/2025/11/05/x.json"
COPY = "quarantine/demo/2025/11/05/x.json"
PART = "curated/demo/calls/call_date=2025-11-05/g/part-0000.parquet"
KMS_KEY = "arn:aws:kms:eu-central-1:111122223333:key/1234"
UNDER_DEMO = "unified/demo/"


@pytest.fixture
def account() -> Iterator[LakeAccount]:
    with lake_account() as made:
        yield made


@pytest.fixture
def store(account: LakeAccount) -> S3Store:
    return account.store()


@pytest.fixture
def network(account: LakeAccount, monkeypatch: pytest.MonkeyPatch) -> Iterator[Between]:
    """What stands between a store and its buckets; repetitions follow at once."""
    quick = {
        "max_retries": 2,
        "retry_timeout": dt.timedelta(seconds=20),
        "backoff": {
            "init_backoff": dt.timedelta(milliseconds=1),
            "max_backoff": dt.timedelta(milliseconds=2),
            "base": 2,
        },
    }
    monkeypatch.setattr(clients, "RETRIES", quick)
    monkeypatch.setattr(s3_failures, "PAUSES", (0.0, 0.0))
    with between(account.endpoint) as made:
        yield made


@pytest.fixture
def watched(account: LakeAccount, network: Between) -> S3Store:
    """A store whose requests are noted."""
    return account.store(endpoint=network.endpoint)


def put(account: LakeAccount, key: str, data: bytes = b"{}") -> None:
    """Put an object as people do: with any key."""
    account.client("s3").put_object(Bucket=account.results_bucket, Key=key, Body=data)


def seen(store: S3Store, prefix: str = UNDER_DEMO, start: str = "") -> list[tuple[str, str]]:
    return [(found.key, found.stray) for found in store.survey(prefix, start=start)]


# --- What is written ------------------------------------------------------------------------------


def test_each_object_lies_in_the_bucket_of_its_root_with_its_tenant_and_its_type(
    account: LakeAccount, store: S3Store
) -> None:
    manifest = "curated/demo/manifests/call_date=2025-11-05/g/manifest.json.gz"
    for key in (KEY, PART, manifest):
        store.write(key, b"1")
    store.copy(KEY, COPY)
    s3 = account.client("s3")
    for key, bucket, content_type in (
        (KEY, account.results_bucket, "application/json"),
        (COPY, account.results_bucket, "application/json"),
        (PART, account.curated_bucket, "application/vnd.apache.parquet"),
        (manifest, account.curated_bucket, "application/gzip"),
    ):
        assert s3.head_object(Bucket=bucket, Key=key)["ContentType"] == content_type
        tags = s3.get_object_tagging(Bucket=bucket, Key=key)["TagSet"]
        assert tags == [{"Key": "tenant_id", "Value": "demo"}]


@pytest.mark.parametrize("action", ["write", "copy"])
def test_objects_are_encrypted_with_their_tenant_as_context_and_all_of_it_is_signed(
    watched: S3Store, network: Between, action: str
) -> None:
    encrypting = replace(watched, kms_key_arn=KMS_KEY)
    watched.write(KEY, b"1")
    network.requests.clear()
    if action == "write":
        encrypting.write(PART, b"1")
    else:
        encrypting.copy(KEY, COPY)
    [asked] = network.asked("PUT")
    context = asked.headers["x-amz-server-side-encryption-context"]
    assert json.loads(base64.b64decode(context)) == {"tenant_id": "demo"}
    assert asked.headers["x-amz-server-side-encryption"] == "aws:kms"
    assert asked.headers["x-amz-server-side-encryption-aws-kms-key-id"] == KMS_KEY
    assert asked.headers["x-amz-tagging"] == "tenant_id=demo"
    # S3 refuses what is not signed. moto does not look.
    signed = asked.headers["authorization"].partition("SignedHeaders=")[2].partition(",")[0]
    amz = {name for name in asked.headers if name.startswith("x-amz-")}
    assert amz <= set(signed.split(";"))


def test_without_a_key_the_bucket_decides_how_it_encrypts(
    watched: S3Store, network: Between
) -> None:
    watched.write(KEY, b"1")
    [asked] = network.asked("PUT")
    assert not [name for name in asked.headers if "encryption" in name]


def test_requests_that_do_not_write_say_nothing_of_encryption(
    watched: S3Store, network: Between
) -> None:
    """S3 answers them with 400."""
    store = replace(watched, kms_key_arn=KMS_KEY)
    store.write(KEY, b"1")
    network.requests.clear()
    store.read(KEY)
    store.head(KEY)
    store.is_copy_of(KEY, "1")
    list(store.survey(UNDER_DEMO))
    store.delete(KEY)
    assert len(network.requests) == 5
    for request in network.requests:
        assert not [name for name in request.headers if "encryption" in name]


def test_a_large_file_goes_in_one_request(watched: S3Store, network: Between) -> None:
    watched.write(PART, bytes(12_000_000))
    assert [request.method for request in network.requests] == ["PUT"]


def test_a_copy_is_made_by_s3_of_the_version_that_was_looked_at(
    watched: S3Store, network: Between
) -> None:
    watched.write(KEY, b"1")
    found = watched.head(KEY)
    assert found is not None
    network.requests.clear()
    watched.copy(KEY, COPY)
    assert [request.method for request in network.requests] == ["HEAD", "PUT"]
    [asked] = network.asked("PUT")
    assert asked.headers["x-amz-copy-source-if-match"] == f'"{found.etag}"'
    assert asked.headers["x-amz-metadata-directive"] == "REPLACE"
    assert asked.headers["x-amz-meta-source-etag"] == found.etag


def test_a_copy_of_what_changes_meanwhile_is_tried_again(
    watched: S3Store, network: Between
) -> None:
    watched.write(KEY, b"1")
    network.fail(Answer(412, "PreconditionFailed"), method="PUT")
    watched.copy(KEY, COPY)
    assert watched.read(COPY) == b"1"
    network.fail(then=Answer(412, "PreconditionFailed"), method="PUT")
    with pytest.raises(LakeError, match="^unified/demo: an object there is written to again"):
        watched.copy(KEY, COPY)


@pytest.mark.parametrize(
    "key",
    ["unified/x.json", "unified/demo", "unified/UPPER/x.json", "curated/tmp/x", "config/demo/x"],
)
def test_nothing_is_written_or_deleted_outside_of_a_tenants_prefix(
    store: S3Store, key: str
) -> None:
    store.write(KEY, b"1")
    for action in (
        lambda: store.write(key, b""),
        lambda: store.copy(KEY, key),
        lambda: store.delete(key),
        lambda: store.delete_below("unified/"),
    ):
        with pytest.raises(UsageError, match="within the lake was expected"):
            action()
    assert store.read(KEY) == b"1"


def test_a_copy_stays_in_its_bucket(store: S3Store) -> None:
    store.write(KEY, b"1")
    with pytest.raises(UsageError, match="within one bucket"):
        store.copy(KEY, PART)


def test_a_versioned_bucket_shows_the_last_version_and_nothing_that_was_deleted() -> None:
    with lake_account(versioned=True) as account:
        store = account.store()
        store.write(KEY, b"1")
        store.write(KEY, b"22")
        assert [found.size for found in store.listing(UNDER_DEMO)] == [2]
        store.delete(KEY)
        store.write(COPY, b"1")
        store.delete_below("quarantine/demo/")
        assert [*store.survey(UNDER_DEMO), *store.survey("quarantine/demo/")] == []
        assert store.head(KEY) is None
        with pytest.raises(FileNotFoundError):
            store.read(KEY)


# --- Keys that people make ------------------------------------------------------------------------

MARKERS = ["unified/", "unified/demo/", "unified/demo/2025/", "unified/demo/2025/11/05/"]
ODD = {
    "unified/demo//x.json": "unified/demo/%2F/x.json",
    "unified/demo/2025/11/05//x.json": "unified/demo/2025/11/05/%2F/x.json",
    "unified/demo/2025/11/05/a\tb.json": "unified/demo/2025/11/05/a%09b.json",
    "unified/demo/2025/./y.json": "unified/demo/2025/%2E/y.json",
    "unified/demo/2025/../y.json": "unified/demo/2025/%2E%2E/y.json",
    "unified/demo/folder.json/": "unified/demo/folder.json/%2F",
}


def test_markers_of_folders_are_neither_documents_nor_strays(
    account: LakeAccount, store: S3Store
) -> None:
    for marker in MARKERS:
        put(account, marker, b"")
    put(account, KEY)
    assert seen(store) == [(KEY, "")]
    assert seen(store, "unified/") == [(KEY, "")]
    assert seen(store, start="unified/demo/2025/11/05/") == [(KEY, "")]
    assert store.folders("unified/") == ["demo"]
    assert [store.loose(prefix) for prefix in ("unified/", "unified/demo/")] == [0, 0]


def test_keys_that_obstore_cannot_spell_are_strays_and_hide_nothing(
    account: LakeAccount, store: S3Store
) -> None:
    plain = [
        f"unified/demo/2025/11/{day}/{name}.json" for day in ("04", "05", "06") for name in "az"
    ]
    for key in (*plain, *MARKERS):
        put(account, key, b"" if key.endswith("/") else b"{}")
    for key in ODD:
        put(account, key, b"odd")
    found = seen(store)
    assert [key for key, stray in found if not stray] == plain
    assert {key for key, stray in found if stray == ODD_KEY} == set(ODD.values())
    assert len(found) == len(plain) + len(ODD)
    assert [found.key for found in store.listing(UNDER_DEMO)] == plain


def test_what_is_shown_of_a_stray_can_be_asked_for_and_is_not_there(
    account: LakeAccount, store: S3Store
) -> None:
    for key in ODD:
        put(account, key, b"odd")
    for key, stray in seen(store):
        assert stray
        assert store.head(key) is None
        with pytest.raises(FileNotFoundError):
            store.read(key)
        with pytest.raises(FileNotFoundError):
            store.copy(key, key.replace("unified/", "quarantine/", 1))
        store.delete(key)
    assert len(seen(store)) == len(ODD)


@pytest.mark.parametrize("number", range(11))
@pytest.mark.parametrize("odd", ["", "//"], ids=["marker", "empty segment"])
def test_an_odd_key_in_a_long_listing_costs_few_exact_pages(
    account: LakeAccount,
    watched: S3Store,
    network: Between,
    monkeypatch: pytest.MonkeyPatch,
    number: int,
    odd: str,
) -> None:
    plain = [f"unified/demo/{each:02}/x.json" for each in range(10)]
    for key in (*plain, f"unified/demo/{number:02}/{odd}"):
        put(account, key, b"" if key not in plain else b"{}")
    network.page = 3
    monkeypatch.setattr(listing, "_PAGE", 3)
    assert [found.key for found in watched.listing(UNDER_DEMO)] == plain
    exact = [each for each in network.requests if "boto" in each.headers["user-agent"].lower()]
    assert 1 <= len(exact) <= 2


@pytest.mark.parametrize("content", [b"<ListBucketResult><Contents><Key>a", b"none"])
def test_a_page_that_is_no_xml_is_listed_exactly(
    account: LakeAccount, watched: S3Store, network: Between, content: bytes
) -> None:
    put(account, KEY)
    network.script = lambda request: (
        Answer(200, content=content) if "object_store" in request.headers["user-agent"] else None
    )
    assert seen(watched) == [(KEY, "")]
    network.script = lambda _: Answer(200, content=content)
    with pytest.raises(LakeError, match="S3 failed after several attempts"):
        seen(watched)


def test_a_document_behind_a_key_with_a_slash_is_not_taken_for_gone(
    account: LakeAccount, store: S3Store
) -> None:
    put(account, f"{KEY}/", b"what somebody put here")
    listed = list(store.survey(UNDER_DEMO))
    with (
        store.reading(listed) as read,
        pytest.raises(OSError, match="stands for a folder") as caught,
    ):
        read(KEY)
    assert not isinstance(caught.value, FileNotFoundError)
    put(account, KEY, b"{}")
    assert seen(store) == [(KEY, ""), (f"{KEY}/%2F", ODD_KEY)]


def test_everything_below_a_prefix_is_deleted_whatever_it_is_called(
    account: LakeAccount, store: S3Store
) -> None:
    others = ["unified/demo-2/x.json", "unified/demo2/x.json"]
    for key in (KEY, *ODD, *MARKERS[1:], *others):
        put(account, key, b"")
    store.delete_below(UNDER_DEMO)
    left = account.client("s3").list_objects_v2(Bucket=account.results_bucket)["Contents"]
    assert [found["Key"] for found in left] == others


def test_what_lies_beside_the_tenants_is_counted_whatever_it_is_called(
    account: LakeAccount, store: S3Store
) -> None:
    for key in (KEY, "unified/readme.txt", "unified/./x", "unified//x", "unified/other/"):
        put(account, key, b"")
    assert store.folders("unified/") == ["", ".", "demo", "other"]
    assert store.loose("unified/") == 1


def test_names_with_blanks_accents_and_signs_are_plain(
    account: LakeAccount, store: S3Store
) -> None:
    names = ["a b", "ä", "a%20b", "a+b", "a#b", "a~b", "[x]", '"q"', "a&b", "😀", "a\\b"]
    wanted = sorted(f"unified/demo/{name}.json" for name in names)
    for key in wanted:
        store.write(key, key.encode())
    assert [found.key for found in store.listing(UNDER_DEMO)] == wanted
    for key in wanted:
        assert store.read(key) == key.encode()
        store.copy(key, key.replace("unified/", "quarantine/", 1))
    assert [found.key for found in store.listing("quarantine/demo/")] == [
        key.replace("unified/", "quarantine/", 1) for key in wanted
    ]


# --- What S3 refuses, and what fails --------------------------------------------------------------

ACTIONS: dict[str, tuple[str, Callable[[S3Store], Any]]] = {
    "read": ("GET", lambda store: store.read(KEY)),
    "head": ("HEAD", lambda store: store.head(KEY)),
    "write": ("PUT", lambda store: store.write(KEY, b"1")),
    "copy": ("PUT", lambda store: store.copy(KEY, COPY)),
    "delete": ("POST", lambda store: store.delete(KEY)),
    "survey": ("GET", lambda store: list(store.survey(UNDER_DEMO))),
    "folders": ("GET", lambda store: store.folders("unified/")),
}
each_action = pytest.mark.parametrize("action", ACTIONS)


@each_action
@pytest.mark.parametrize("status", [429, 500, 503])
def test_what_fails_for_a_while_is_repeated(
    watched: S3Store, network: Between, action: str, status: int
) -> None:
    watched.write(KEY, b"1")
    method, act = ACTIONS[action]
    network.fail(Answer(status, "SlowDown"), Answer(status, "SlowDown"), method=method)
    act(watched)


@each_action
def test_what_fails_for_long_says_which_bucket_and_what_to_do(
    account: LakeAccount, watched: S3Store, network: Between, action: str
) -> None:
    watched.write(KEY, b"1")
    method, act = ACTIONS[action]
    network.fail(then=Answer(503, "SlowDown"), method=method)
    with pytest.raises(LakeError) as caught:
        act(watched)
    said = "status 503" if method == "HEAD" else "SlowDown"
    assert str(caught.value) == (
        f"bucket {account.results_bucket}: S3 still throttles requests after several attempts "
        f"({said}); run again later, or with fewer workers"
    )
    network.fail(then=Answer(500, "InternalError"), method=method)
    with pytest.raises(
        LakeError, match=r"S3 failed after several attempts \(.*\); run again later"
    ):
        act(watched)


@pytest.mark.parametrize("code", ["RequestTimeout", "KMS.ThrottlingException"])
def test_a_throttle_that_looks_like_a_wrong_request_is_repeated(
    watched: S3Store, network: Between, code: str
) -> None:
    network.fail(Answer(400, code), Answer(400, code), method="PUT")
    watched.write(KEY, b"1")
    assert watched.read(KEY) == b"1"
    network.fail(then=Answer(400, code), method="PUT")
    with pytest.raises(LakeError, match="after several attempts"):
        watched.write(KEY, b"2")


REFUSALS = [
    (403, "AccessDenied", "", PermissionError, "Permission denied"),
    (403, "InvalidObjectState", "", OSError, "an archived object; restore it first"),
    (400, "ExpiredToken", "S3 refused the credentials (ExpiredToken); renew them and run again", LakeError, ""),
    (403, "InvalidAccessKeyId", "S3 refused the credentials (InvalidAccessKeyId); renew them and run again", LakeError, ""),
    (403, "RequestTimeTooSkewed", "S3 refused the credentials (RequestTimeTooSkewed); renew them and run again", LakeError, ""),
    (404, "NoSuchBucket", "there is no such bucket; check OUTPUT_BUCKET and CURATED_BUCKET", LakeError, ""),
    (400, "AuthorizationHeaderMalformed", "it is in another region; check AWS_REGION", LakeError, ""),
    (301, "PermanentRedirect", "it is in another region; check AWS_REGION", LakeError, ""),
    (400, "KMS.DisabledException", "S3 refused a request (KMS.DisabledException); check the settings of the bucket and its key, and run again", LakeError, ""),
]  # fmt: skip


@pytest.mark.parametrize(
    ("status", "code", "message", "kind", "reason"), REFUSALS, ids=[each[1] for each in REFUSALS]
)
def test_a_refusal_is_told_apart_by_what_can_be_done_about_it(
    account: LakeAccount,
    watched: S3Store,
    network: Between,
    status: int,
    code: str,
    message: str,
    kind: type[Exception],
    reason: str,
) -> None:
    watched.write(KEY, b"1")
    for action in ("read", "write"):
        method, act = ACTIONS[action]
        network.fail(then=Answer(status, code), method=method)
        with pytest.raises((OSError, CciLiteError)) as caught:
            act(watched)
        assert type(caught.value) is kind
        if isinstance(caught.value, OSError):
            assert caught.value.strerror == reason
        else:
            assert str(caught.value) == f"bucket {account.results_bucket}: {message}"


@pytest.mark.parametrize("action", ["survey", "folders"])
def test_whoever_may_not_list_does_not_know_what_is_there(
    watched: S3Store, network: Between, action: str
) -> None:
    network.fail(then=Answer(403, "AccessDenied"))
    with pytest.raises(LakeError) as caught:
        ACTIONS[action][1](watched)
    place = "unified/demo" if action == "survey" else "unified"
    assert str(caught.value) == (
        f"{place}: Permission denied; give this program the right to read and write there"
    )


@each_action
def test_no_message_repeats_a_key(watched: S3Store, network: Between, action: str) -> None:
    watched.write(KEY, b"1")
    for answer in (Answer(403, "AccessDenied"), Answer(503, "SlowDown"), Answer(400, "Odd")):
        network.fail(then=answer)
        with pytest.raises((OSError, CciLiteError)) as caught:
            ACTIONS[action][1](watched)
        for text in (str(caught.value), repr(caught.value)):
            assert "x.json" not in text
            assert "jane-doe" not in text
        assert caught.value.__suppress_context__


def test_a_server_that_is_not_there_is_said(account: LakeAccount, network: Between) -> None:
    store = account.store(endpoint="http://127.0.0.1:9")
    for action in ("read", "write", "survey"):
        with pytest.raises(LakeError) as caught:
            ACTIONS[action][1](store)
        assert str(caught.value) == (
            f"bucket {account.results_bucket}: S3 cannot be reached, or did not answer in time; "
            "check the network, the region and AWS_ENDPOINT_URL, and run again"
        )


def test_a_server_that_does_not_answer_is_not_waited_for_without_end(
    account: LakeAccount, watched: S3Store, network: Between, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(clients, "_STANDSTILL", {"read_timeout": dt.timedelta(milliseconds=50)})
    network.fail(then=Answer(200, after_seconds=0.3))
    with pytest.raises(LakeError, match="did not answer in time"):
        watched.read(KEY)
    network.fail(Answer(200, after_seconds=0.3))
    with pytest.raises(FileNotFoundError):
        watched.read(KEY)


def test_what_cannot_be_deleted_is_said(watched: S3Store, network: Between) -> None:
    network.fail(then=Answer(403, "AccessDenied"), method="POST")
    with pytest.raises(PermissionError, match="Permission denied"):
        watched.delete(KEY)


# --- Reading ahead --------------------------------------------------------------------------------


def documents(count: int, size: int) -> list[StoredObject]:
    now = dt.datetime(2025, 11, 5, tzinfo=dt.UTC)
    return [StoredObject(f"{number:03}", "e", size, now) for number in range(count)]


class Asked:
    """Reads everything at once but for what is to wait, and keeps what it was asked for."""

    def __init__(self, *, at_once: Callable[[str], bool] = lambda _: True) -> None:
        self.asked: list[str] = []
        self.go = threading.Event()
        self._at_once = at_once

    def __call__(self, key: str) -> bytes:
        self.asked.append(key)
        assert self._at_once(key) or self.go.wait(10)
        return key.encode()


def test_no_more_is_read_ahead_than_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(read_ahead, "BYTES_AHEAD", 100)
    asked = Asked()
    with read_ahead.reading_ahead(documents(40, 30), asked) as read:
        for taken, found in enumerate(documents(40, 30), start=1):
            assert read(found.key) == found.key.encode()
            assert len(asked.asked) <= taken + 3
    assert sorted(asked.asked) == [found.key for found in documents(40, 30)]


def test_what_is_larger_than_all_that_may_be_ahead_is_read_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(read_ahead, "BYTES_AHEAD", 100)
    asked = Asked()
    with read_ahead.reading_ahead(documents(5, 500), asked) as read:
        for taken, found in enumerate(documents(5, 500), start=1):
            read(found.key)
            assert len(asked.asked) <= taken + 1


def test_reading_ends_without_reading_what_nobody_asked_for(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(read_ahead, "THREADS", 2)
    asked = Asked(at_once=lambda key: key == "000")
    threading.Timer(0.05, asked.go.set).start()
    with read_ahead.reading_ahead(documents(100, 1), asked) as read:
        read("000")
    assert len(asked.asked) <= 3


def test_several_objects_are_under_way_at_once(watched: S3Store, network: Between) -> None:
    names = [f"unified/demo/{number:02}.json" for number in range(24)]
    for key in names:
        watched.write(key, b"{}")
    listed = list(watched.listing(UNDER_DEMO))
    network.fail(*[Answer(500, after_seconds=0.05)] * 24)
    with watched.reading(listed) as read:
        assert [read(key) for key in names] == [b"{}"] * 24
    assert network.most_at_once > 8


def test_strays_and_what_is_too_large_are_not_read_ahead() -> None:
    now = dt.datetime(2025, 11, 5, tzinfo=dt.UTC)
    asked = Asked()
    objects = [
        StoredObject("stray", "e", 1, now, stray="a stray"),
        StoredObject("huge", "e", 1 << 40, now),
        StoredObject("good", "e", 1, now),
    ]
    with read_ahead.reading_ahead(objects, asked) as read:
        assert read("good") == b"good"
    assert asked.asked == ["good"]


# --- Processes and credentials --------------------------------------------------------------------


def test_another_process_makes_its_own_clients_and_needs_no_boto3(store: S3Store) -> None:
    store.write(KEY, b"1")
    store.read(KEY)
    script = (
        "import pickle, sys\n"
        "store, key, part = pickle.loads(sys.stdin.buffer.read())\n"
        "with store.reading(list(store.listing('unified/demo/'))) as read:\n"
        "    store.write(part, read(key))\n"
        "assert not {'boto3', 'botocore'} & sys.modules.keys()\n"
    )
    subprocess.run(
        [sys.executable, "-c", script],
        input=pickle.dumps((store, KEY, PART)),
        check=True,
        cwd=Path(__file__).parents[2],
    )
    assert store.read(PART) == b"1"


@pytest.mark.parametrize(
    ("environment", "has_file", "profile"),
    [
        ({}, False, None),
        ({}, True, "default"),
        ({"AWS_PROFILE": "dev"}, False, "dev"),
        ({"AWS_PROFILE": "dev", "AWS_ACCESS_KEY_ID": "x"}, True, None),
        ({"AWS_WEB_IDENTITY_TOKEN_FILE": "x"}, True, None),
        ({"AWS_CONTAINER_CREDENTIALS_FULL_URI": "x"}, True, None),
    ],
)
def test_credentials_come_from_where_boto3_would_take_them(
    tmp_path: Path, environment: dict[str, str], has_file: bool, profile: str | None
) -> None:
    (tmp_path / ".aws").mkdir()
    if has_file:
        (tmp_path / ".aws" / "credentials").write_text("[default]\n")
    assert profile_of(environment, tmp_path) == profile


def test_the_keys_of_a_profile_sign_the_requests(
    watched: S3Store, network: Between, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shared = tmp_path / "credentials"
    shared.write_text("[dev]\naws_access_key_id = FROMPROFILE\naws_secret_access_key = secret\n")
    with shared.open("a") as file:
        file.write("region = us-west-2\n")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(shared))
    store = replace(watched, profile="dev")
    store.write(KEY, b"1")
    store.read(KEY)
    list(store.survey(UNDER_DEMO))
    for request in network.requests:
        assert "Credential=FROMPROFILE/" in request.headers["authorization"]
        assert "/eu-central-1/s3/" in request.headers["authorization"]


@pytest.mark.parametrize("pool_name", ["inline", "processes"])
def test_a_night_over_buckets_gives_the_rows_of_one_over_a_folder(
    request: pytest.FixtureRequest, tmp_path: Path, account: LakeAccount, pool_name: str
) -> None:
    pool = request.getfixturevalue(pool_name)
    in_folder, in_buckets = (SmallLake(tmp_path / name, pool=pool) for name in ("a", "b"))
    in_buckets.store = account.store()  # type: ignore[assignment]
    for lake in (in_folder, in_buckets):
        for number in range(5):
            lake.put(f"call-{number}")
        lake.put_bytes("broken", b"{")
        assert lake.run().succeeded
        lake.put("call-late")
        assert lake.run().succeeded
    put(account, "unified/demo-tenant/2025/11/05/", b"")
    assert in_buckets.run().days == []
    put(account, "unified/demo-tenant/2025/11/05//odd.json", b"{}")
    [undated] = in_buckets.run().days
    assert undated.balance is not None
    assert undated.balance.quarantined == 1
    differing = {"source_etag", "etl_run_id"}
    for table in ("calls", "qa_criteria", "entities"):
        in_order = [
            sorted(
                repr({name: row[name] for name in row if name not in differing})
                for row in lake.rows(table)
            )
            for lake in (in_folder, in_buckets)
        ]
        assert in_order[0]
        assert in_order[0] == in_order[1]
    copies = [found.key for found in in_buckets.store.listing("quarantine/demo-tenant/")]
    assert copies == ["quarantine/demo-tenant/2025/11/05/broken.json"]
