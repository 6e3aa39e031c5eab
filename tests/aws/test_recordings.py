"""The input bucket: exactly the accepted version is copied, without personal metadata."""

from __future__ import annotations

import base64
import datetime as dt
import json
from typing import Any

import pytest

from cci_lite.aws.recordings import S3Recordings
from cci_lite.contract.registry import Upload
from cci_lite.errors import ServiceError, UsageError
from cci_lite.testing.shapes import service_error

from .conftest import INPUT_BUCKET, OUTPUT_BUCKET

KEY = "acme/calls/Jane Döe+49%20151.wav"
TARGET = "work/acme/media/cci_acme_abc_r1.wav"


@pytest.fixture
def recordings(s3: Any, kms_key_arn: str) -> S3Recordings:
    return S3Recordings(s3, INPUT_BUCKET, OUTPUT_BUCKET, kms_key_arn)


def uploaded(
    s3: Any, data: bytes, *, versioned: bool = True, key: str = KEY, **more: Any
) -> Upload:
    """Put an object, and what its event tells of it."""
    answer = s3.put_object(Bucket=INPUT_BUCKET, Key=key, Body=data, **more)
    head = s3.head_object(Bucket=INPUT_BUCKET, Key=key)
    return Upload(
        tenant_id="acme",
        key=key,
        size=len(data),
        etag=answer["ETag"].strip('"'),
        uploaded_at=head["LastModified"],
        version_id=answer["VersionId"] if versioned else None,
    )


versions = pytest.mark.parametrize("versioned", [True, False], ids=["version", "etag"])


@versions
def test_an_upload_is_seen_with_its_size_and_its_headers(
    s3: Any, recordings: S3Recordings, versioned: bool
) -> None:
    upload = uploaded(s3, b"RIFF", versioned=versioned, Metadata={"agent-id": "a7"})
    media = recordings.look(upload)
    assert media is not None
    assert media.upload == upload
    assert media.metadata == {"agent-id": "a7"}


def test_a_size_that_the_event_got_wrong_is_put_right(s3: Any, recordings: S3Recordings) -> None:
    upload = uploaded(s3, b"RIFF")
    told = Upload(**{**{f: getattr(upload, f) for f in upload.__struct_fields__}, "size": 0})
    media = recordings.look(told)
    assert media is not None
    assert media.upload.size == 4


@versions
def test_an_upload_that_is_gone_is_not_seen(
    s3: Any, recordings: S3Recordings, versioned: bool
) -> None:
    upload = uploaded(s3, b"RIFF", versioned=versioned)
    version = s3.head_object(Bucket=INPUT_BUCKET, Key=KEY)["VersionId"]
    s3.delete_object(Bucket=INPUT_BUCKET, Key=KEY, VersionId=version)
    assert recordings.look(upload) is None
    assert not recordings.accept(upload, TARGET)


def test_of_an_overwritten_upload_its_own_version_is_taken(
    s3: Any, recordings: S3Recordings
) -> None:
    first = uploaded(s3, b"first")
    uploaded(s3, b"second, which is longer")
    media = recordings.look(first)
    assert media is not None
    assert media.upload.size == 5
    assert recordings.accept(first, TARGET)
    assert s3.get_object(Bucket=OUTPUT_BUCKET, Key=TARGET)["Body"].read() == b"first"


def test_without_a_version_an_overwritten_upload_is_gone(s3: Any, recordings: S3Recordings) -> None:
    first = uploaded(s3, b"first", versioned=False)
    uploaded(s3, b"second")
    assert recordings.look(first) is None


def test_a_copy_is_of_the_uploads_own_content_or_not_made() -> None:
    # moto copies whatever the condition says: the condition is looked at, its answer is scripted.
    client = Overwritten()
    upload = Upload(
        tenant_id="acme",
        key=KEY,
        size=5,
        etag="8b04d5e3",
        uploaded_at=dt.datetime(2025, 11, 5, tzinfo=dt.UTC),
    )
    assert not S3Recordings(client, INPUT_BUCKET, OUTPUT_BUCKET, None).accept(upload, TARGET)
    assert client.asked["CopySourceIfMatch"] == '"8b04d5e3"'
    assert client.asked["CopySource"] == {"Bucket": INPUT_BUCKET, "Key": KEY}


class Overwritten:
    """A client of a bucket in which something else lies by now."""

    def copy_object(self, **request: Any) -> None:
        self.asked = request
        raise service_error("CopyObject", "PreconditionFailed", f"about {KEY}", status=412)


def test_an_accepted_recording_carries_only_its_tenant(
    s3: Any, recordings: S3Recordings, kms_key_arn: str
) -> None:
    asked: list[dict[str, Any]] = []
    s3.meta.events.register(
        "provide-client-params.s3.CopyObject", lambda params, **_: asked.append(dict(params))
    )
    upload = uploaded(
        s3,
        b"RIFF",
        Metadata={"customer": "Jane Doe"},
        ContentDisposition='attachment; filename="Jane Doe.wav"',
        Tagging="customer=Jane%20Doe",
    )
    assert recordings.accept(upload, TARGET)
    head = s3.head_object(Bucket=OUTPUT_BUCKET, Key=TARGET)
    assert head["Metadata"] == {}
    assert "Jane" not in str(head)
    assert (head["ServerSideEncryption"], head["SSEKMSKeyId"]) == ("aws:kms", kms_key_arn)
    tags = s3.get_object_tagging(Bucket=OUTPUT_BUCKET, Key=TARGET)["TagSet"]
    assert tags == [{"Key": "tenant_id", "Value": "acme"}]
    context = json.loads(base64.b64decode(asked[0]["SSEKMSEncryptionContext"]))
    assert context == {"tenant_id": "acme"}


def test_accepting_twice_gives_the_same_object(s3: Any, recordings: S3Recordings) -> None:
    upload = uploaded(s3, b"RIFF")
    assert recordings.accept(upload, TARGET)
    assert recordings.accept(upload, TARGET)
    assert s3.get_object(Bucket=OUTPUT_BUCKET, Key=TARGET)["Body"].read() == b"RIFF"


def test_a_listing_tells_of_a_tenants_calls_what_events_tell(
    s3: Any, recordings: S3Recordings
) -> None:
    upload = uploaded(s3, b"RIFF", versioned=False)
    uploaded(s3, b"{}", key="acme/calls/x.wav.meta.json")
    uploaded(s3, b"", key="acme/calls/folder/")
    for key in ("acme2/calls/x.wav", "acme/other/x.wav", "acme/calls"):
        s3.put_object(Bucket=INPUT_BUCKET, Key=key, Body=b"x")
    listed = list(recordings.listing("acme"))
    assert listed[0] == upload
    assert [one.key for one in listed] == [KEY, "acme/calls/folder/", "acme/calls/x.wav.meta.json"]


@pytest.mark.parametrize(
    ("limit", "found"), [(4, b"RIFF"), (3, None)], ids=["as large as allowed", "larger"]
)
def test_small_objects_are_read(
    s3: Any, recordings: S3Recordings, limit: int, found: bytes | None
) -> None:
    uploaded(s3, b"RIFF")
    assert recordings.read_small("acme", KEY, limit) == found


def test_a_small_object_that_is_not_there_is_none(recordings: S3Recordings) -> None:
    assert recordings.read_small("acme", KEY, 100) is None


def test_keys_and_targets_of_others_are_refused(s3: Any, recordings: S3Recordings) -> None:
    upload = uploaded(s3, b"RIFF")
    theirs = uploaded(s3, b"RIFF", key="acme2/calls/x.wav")
    with pytest.raises(UsageError, match="^a key outside of the tenant's calls$"):
        recordings.look(theirs)
    with pytest.raises(UsageError, match="^a key outside of the tenant's calls$"):
        recordings.accept(theirs, TARGET)
    with pytest.raises(UsageError, match="^a key outside of the tenant's calls$"):
        recordings.read_small("acme", "acme2/calls/x.wav", 100)
    with pytest.raises(UsageError, match="^a key outside of the tenant's prefixes$"):
        recordings.accept(upload, "work/acme2/media/x.wav")


def test_a_missing_bucket_is_an_error_that_names_no_recording(s3: Any) -> None:
    nowhere = S3Recordings(s3, INPUT_BUCKET, "no-such-bucket", None)
    upload = uploaded(s3, b"RIFF")
    with pytest.raises(ServiceError, match="^s3_NoSuchBucket: CopyObject$"):
        nowhere.accept(upload, TARGET)
