"""The results bucket in S3, beyond what every adapter does: encryption, tags, versions."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from cci_lite.aws.files import S3Files
from cci_lite.errors import RetryLaterError, ServiceError
from cci_lite.testing.shapes import service_error

from .conftest import OUTPUT_BUCKET

KEY = "unified/acme/2025/11/05/cci_acme_abc.json"


@pytest.fixture
def files(s3: Any, kms_key_arn: str) -> S3Files:
    return S3Files(s3, OUTPUT_BUCKET, kms_key_arn)


def requests_of(client: Any, operation: str) -> list[dict[str, Any]]:
    """The arguments of every later call, as the client got them."""
    asked: list[dict[str, Any]] = []
    client.meta.events.register(
        f"provide-client-params.s3.{operation}", lambda params, **_: asked.append(dict(params))
    )
    return asked


def test_what_is_written_is_encrypted_and_tagged_for_its_tenant(
    s3: Any, files: S3Files, kms_key_arn: str
) -> None:
    asked = requests_of(s3, "PutObject")
    files.write_new("acme", KEY, b"{}\n")
    head = s3.head_object(Bucket=OUTPUT_BUCKET, Key=KEY)
    assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", kms_key_arn)
    assert head["ContentType"] == "application/json"
    tags = s3.get_object_tagging(Bucket=OUTPUT_BUCKET, Key=KEY)["TagSet"]
    assert tags == [{"Key": "tenant_id", "Value": "acme"}]
    context = json.loads(base64.b64decode(asked[0]["SSEKMSEncryptionContext"]))
    assert context == {"tenant_id": "acme"}


def test_replacing_encrypts_and_tags_again(s3: Any, files: S3Files, kms_key_arn: str) -> None:
    files.write_new("acme", KEY, b"one")
    found = files.read("acme", KEY)
    assert found is not None
    assert files.replace("acme", KEY, b"two", found.etag)
    head = s3.head_object(Bucket=OUTPUT_BUCKET, Key=KEY)
    assert head["SSEKMSKeyId"] == kms_key_arn
    tags = s3.get_object_tagging(Bucket=OUTPUT_BUCKET, Key=KEY)["TagSet"]
    assert tags == [{"Key": "tenant_id", "Value": "acme"}]


def test_the_content_travels_with_its_checksum(s3: Any, files: S3Files) -> None:
    files.write_new("acme", KEY, b"{}\n")
    head = s3.head_object(Bucket=OUTPUT_BUCKET, Key=KEY, ChecksumMode="ENABLED")
    assert head["ChecksumSHA256"]


def test_without_a_key_the_buckets_default_holds(s3: Any) -> None:
    asked = requests_of(s3, "PutObject")
    S3Files(s3, OUTPUT_BUCKET, None).write_new("acme", KEY, b"{}\n")
    assert not {"ServerSideEncryption", "SSEKMSEncryptionContext"} & asked[0].keys()
    assert asked[0]["Tagging"] == "tenant_id=acme"


def test_an_etag_has_no_quotes_and_still_matches(files: S3Files) -> None:
    files.write_new("acme", KEY, b"one")
    found = files.read("acme", KEY)
    assert found is not None
    assert '"' not in found.etag
    [listed] = files.listing("acme", "unified/acme/")
    assert listed.etag == found.etag


def test_nothing_of_a_deleted_object_is_left(s3: Any, files: S3Files) -> None:
    files.write_new("acme", KEY, b"one")
    s3.put_object(Bucket=OUTPUT_BUCKET, Key=KEY, Body=b"two")
    s3.delete_object(Bucket=OUTPUT_BUCKET, Key=KEY)
    s3.put_object(Bucket=OUTPUT_BUCKET, Key=KEY, Body=b"three")
    neighbour = f"{KEY}.bak"
    s3.put_object(Bucket=OUTPUT_BUCKET, Key=neighbour, Body=b"stays")
    files.delete("acme", KEY)
    left = s3.list_object_versions(Bucket=OUTPUT_BUCKET)
    assert [version["Key"] for version in left["Versions"]] == [neighbour]
    assert "DeleteMarkers" not in left


def test_a_listing_reads_every_page(
    s3: Any, files: S3Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MOTO_S3_DEFAULT_MAX_KEYS", "5")
    for number in range(12):
        s3.put_object(Bucket=OUTPUT_BUCKET, Key=f"unified/acme/{number:04d}.json", Body=b"")
    assert len(list(files.listing("acme", "unified/acme/"))) == 12


class Scripted:
    """A client whose puts fail as scripted, then work."""

    def __init__(self, *codes: str) -> None:
        self.codes = list(codes)
        self.puts = 0

    def put_object(self, **_: Any) -> None:
        self.puts += 1
        if self.codes:
            code = self.codes.pop(0)
            raise service_error("PutObject", code, f"about {KEY}", status=409)


def test_a_conflict_with_another_writer_is_tried_again() -> None:
    client = Scripted("ConditionalRequestConflict", "ConditionalRequestConflict")
    assert S3Files(client, "b", None).write_new("acme", KEY, b"")
    assert client.puts == 3


def test_a_conflict_may_turn_out_to_be_the_others_write() -> None:
    client = Scripted("ConditionalRequestConflict", "PreconditionFailed")
    assert not S3Files(client, "b", None).write_new("acme", KEY, b"")


def test_a_lasting_conflict_asks_for_a_retry() -> None:
    client = Scripted(*["ConditionalRequestConflict"] * 50)
    with pytest.raises(RetryLaterError, match="^s3_conflict: PutObject$"):
        S3Files(client, "b", None).write_new("acme", KEY, b"")
    assert client.puts < 10


def test_a_refusal_is_no_existing_object() -> None:
    with pytest.raises(ServiceError, match="^s3_AccessDenied: PutObject$"):
        S3Files(Scripted("AccessDenied"), "b", None).write_new("acme", KEY, b"")


def test_a_missing_bucket_is_an_error_not_a_missing_object(cloud: None, s3: Any) -> None:
    nowhere = S3Files(s3, "no-such-bucket", None)
    with pytest.raises(ServiceError, match="^s3_NoSuchBucket: GetObject$"):
        nowhere.read("acme", KEY)
    with pytest.raises(ServiceError, match="^s3_NoSuchBucket: ListObjectsV2$"):
        list(nowhere.listing("acme", "unified/acme/"))


def test_an_object_that_is_larger_than_any_transcript_is_refused_before_it_is_read(
    files: S3Files, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cci_lite.aws.files.MAX_TRANSCRIPT_BYTES", 10)
    files.write_new("acme", KEY, b"0123456789")
    found = files.read("acme", KEY)
    assert found is not None
    assert files.replace("acme", KEY, b"0123456789a", found.etag)
    with pytest.raises(ServiceError) as caught:
        files.read("acme", KEY)
    assert str(caught.value) == "s3_object_too_large: more than 10 bytes"
