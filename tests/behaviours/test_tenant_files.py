"""The behaviour that every TenantFiles (results bucket) must have, on each implementation."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from cci_lite.aws.files import S3Files
from cci_lite.errors import TenantIdError, UsageError
from cci_lite.ports import TenantFiles
from cci_lite.tenancy import call_id_for, unified_key
from cci_lite.testing.memory import ManualClock, MemoryFiles
from tests.aws.account import empty_account

KEY = unified_key("acme", dt.date(2025, 11, 5), call_id_for("acme", "acme/calls/one.wav"))


@pytest.fixture(params=["memory", "s3", "s3 without versions"])
def files(request: pytest.FixtureRequest) -> Iterator[Any]:
    if request.param == "memory":
        yield MemoryFiles(ManualClock())
        return
    with empty_account():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket="results")
        if request.param == "s3":
            client.put_bucket_versioning(
                Bucket="results", VersioningConfiguration={"Status": "Enabled"}
            )
        yield S3Files(client, "results", None)


def test_what_is_not_there_is_none(files: TenantFiles) -> None:
    assert files.read("acme", KEY) is None


def test_what_is_written_reads_back(files: TenantFiles) -> None:
    assert files.write_new("acme", KEY, b'{"call_id":"\xc3\xbc"}\n')
    found = files.read("acme", KEY)
    assert found is not None
    assert found.data == b'{"call_id":"\xc3\xbc"}\n'


def test_what_is_there_is_not_written_over(files: TenantFiles) -> None:
    files.write_new("acme", KEY, b"first")
    assert not files.write_new("acme", KEY, b"second")
    found = files.read("acme", KEY)
    assert found is not None
    assert found.data == b"first"


def test_of_several_at_once_one_writes(files: TenantFiles) -> None:
    barrier = threading.Barrier(4)
    written: list[bool] = []

    def write(number: int) -> None:
        barrier.wait()
        written.append(files.write_new("acme", KEY, b"%d" % number))

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(written) == [False, False, False, True]


def test_the_object_that_was_read_is_replaced(files: TenantFiles) -> None:
    files.write_new("acme", KEY, b"first")
    found = files.read("acme", KEY)
    assert found is not None
    assert files.replace("acme", KEY, b"second", found.etag)
    again = files.read("acme", KEY)
    assert again is not None
    assert again.data == b"second"


def test_an_object_that_changed_since_is_left_alone(files: TenantFiles) -> None:
    files.write_new("acme", KEY, b"first")
    found = files.read("acme", KEY)
    assert found is not None
    files.replace("acme", KEY, b"second", found.etag)
    assert not files.replace("acme", KEY, b"third", found.etag)
    again = files.read("acme", KEY)
    assert again is not None
    assert again.data == b"second"


def test_an_object_that_is_gone_is_not_replaced(files: TenantFiles) -> None:
    files.write_new("acme", KEY, b"first")
    found = files.read("acme", KEY)
    assert found is not None
    files.delete("acme", KEY)
    assert not files.replace("acme", KEY, b"second", found.etag)
    assert files.read("acme", KEY) is None


def test_what_was_deleted_can_be_written_again(files: TenantFiles) -> None:
    files.write_new("acme", KEY, b"first")
    files.delete("acme", KEY)
    assert files.read("acme", KEY) is None
    assert files.write_new("acme", KEY, b"second")


def test_deleting_what_is_not_there_does_nothing(files: TenantFiles) -> None:
    files.write_new("acme", f"{KEY}.other", b"stays")
    files.delete("acme", KEY)
    assert files.read("acme", f"{KEY}.other") is not None


def test_deleting_leaves_what_only_begins_alike(files: TenantFiles) -> None:
    files.write_new("acme", "work/acme/media/r1.wav", b"one")
    files.write_new("acme", "work/acme/media/r1.wav.json", b"two")
    files.delete("acme", "work/acme/media/r1.wav")
    assert [found.key for found in files.listing("acme", "work/acme/")] == [
        "work/acme/media/r1.wav.json"
    ]


def test_deleting_below_leaves_nothing_there_and_everything_else(files: TenantFiles) -> None:
    for name in ("r1/nlp.json", "r1/evaluation.json", "r10/nlp.json", "r1.json"):
        files.write_new("acme", f"work/acme/checkpoints/{name}", b"{}")
    files.delete_below("acme", "work/acme/checkpoints/r1/")
    left = [
        found.key.rpartition("checkpoints/")[2] for found in files.listing("acme", "work/acme/")
    ]
    assert left == ["r1.json", "r10/nlp.json"]
    files.delete_below("acme", "work/acme/checkpoints/r1/")


def test_a_listing_is_ordered_and_agrees_with_reading(files: TenantFiles) -> None:
    names = ["b.json", "a/c.json", "a.json", "ü.json"]
    for name in names:
        files.write_new("acme", f"unified/acme/{name}", name.encode())
    files.write_new("acme", "work/acme/x.json", b"elsewhere")
    files.write_new("acme2", "unified/acme2/y.json", b"theirs")
    listed = list(files.listing("acme", "unified/acme/"))
    assert [found.key for found in listed] == [
        "unified/acme/a.json",
        "unified/acme/a/c.json",
        "unified/acme/b.json",
        "unified/acme/ü.json",
    ]
    for found in listed:
        content = files.read("acme", found.key)
        assert content is not None
        assert (found.etag, found.size) == (content.etag, len(content.data))
        assert found.modified_at.tzinfo is not None


def test_an_empty_prefix_lists_nothing(files: TenantFiles) -> None:
    assert list(files.listing("acme", "unified/acme/2025/")) == []


OTHERS = [
    pytest.param("unified/acme2/x.json", id="another tenant's"),
    pytest.param("unified/acme", id="the folder without its end"),
    pytest.param("unified/acme-2/x.json", id="a tenant that begins alike"),
    pytest.param("curated/acme/calls/x.parquet", id="another root"),
    pytest.param("acme/calls/one.wav", id="a recording"),
    pytest.param("/unified/acme/x.json", id="a leading slash"),
    pytest.param("", id="nothing"),
]


@pytest.mark.parametrize("key", OTHERS)
def test_a_key_of_anybody_else_is_refused_without_naming_it(files: TenantFiles, key: str) -> None:
    refused = "^a key outside of the tenant's prefixes$"
    with pytest.raises(UsageError, match=refused):
        files.read("acme", key)
    with pytest.raises(UsageError, match=refused):
        files.write_new("acme", key, b"")
    with pytest.raises(UsageError, match=refused):
        files.replace("acme", key, b"", "etag")
    with pytest.raises(UsageError, match=refused):
        files.delete("acme", key)
    with pytest.raises(UsageError):
        files.delete_below("acme", key)
    with pytest.raises(UsageError, match=refused):
        list(files.listing("acme", key))


@pytest.mark.parametrize("tenant_id", ["", "..", "ACME", "acme/x", "work"])
def test_what_is_no_tenant_has_no_files(files: TenantFiles, tenant_id: str) -> None:
    with pytest.raises(TenantIdError):
        files.read(tenant_id, f"work/{tenant_id}/x.json")
