"""Documents taken in from a results bucket: the tenant's own part of it and nothing else."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cci_lite.aws.documents import AT_ONCE, DocumentsPlace, read_documents
from cci_lite.ports import InputFile
from tests.unit.cli.aws_account import OUTPUT_BUCKET, cloud
from tests.unit.cli.programs import GUIDE_FORM, Done, cci, succeed

DAY = "unified/demo-tenant/2025/11/05"
NEXT = "2025/11/05"
PLACE = DocumentsPlace(OUTPUT_BUCKET, f"{DAY}/")


@pytest.fixture
def lake(tmp_path: Path) -> Path:
    lake = tmp_path / "lake"
    succeed("tenants", "add", "demo-tenant", "--lake", lake, "--agent-channel", "ch_0")
    succeed("forms", "put", GUIDE_FORM, "--tenant", "demo-tenant", "--lake", lake)
    return lake


@pytest.fixture
def s3(lake: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    with cloud(monkeypatch) as client:
        yield client


def document(call_id: str, tenant_id: str = "demo-tenant", **fields: object) -> dict[str, Any]:
    return {
        "tenant_id": tenant_id, "call_id": call_id, "call_date": "2025-11-05",
        "qa_evaluation": {"criteria": [{"id": "greet_01", "passed": True}]}, **fields,
    }  # fmt: skip


def put(s3: Any, key: str, value: object) -> None:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    s3.put_object(Bucket=OUTPUT_BUCKET, Key=key, Body=body)


def ingest(lake: Path, path: str = "unified/") -> Done:
    url = f"s3://{OUTPUT_BUCKET}/{path}"
    return cci("calls", "ingest", url, "--tenant", "demo-tenant", "--lake", lake)


def taken_in(lake: Path) -> list[str]:
    return sorted(path.stem for path in (lake / "unified").rglob("*.json"))


def test_only_the_tenants_own_part_of_the_bucket_is_read(s3: Any, lake: Path) -> None:
    put(s3, f"{DAY}/call-1.json", document("call-1"))
    put(s3, "unified/demo-tenant-2/2025/11/05/call-2.json", document("call-2", "demo-tenant-2"))
    put(s3, "unified/demo/2025/11/05/call-3.json", document("call-3"))
    put(s3, "work/demo-tenant/transcripts/call-4.json", document("call-4"))
    put(s3, f"{DAY}/", b"")
    put(s3, f"{DAY}/notes.txt", b"x")
    done = ingest(lake)
    assert done.code == 0
    assert done.err.splitlines()[0] == "1 document: 1 new"
    assert taken_in(lake) == ["call-1"]
    assert ingest(lake).err == "1 document: 1 unchanged\n"


def test_what_was_taken_in_is_flattened_and_asked(s3: Any, lake: Path) -> None:
    put(s3, f"{DAY}/call-1.json", document("call-1"))
    ingest(lake, "unified")
    succeed("etl", "run", "--lake", lake)
    rows = succeed(
        "query", "SELECT call_id, is_passed FROM qa_criteria WHERE criterion_id = 'greet_01'",
        "--tenant", "demo-tenant", "--lake", lake, "--output", "json",
    ).json  # fmt: skip
    assert rows == [{"call_id": "call-1", "is_passed": 1}]


@pytest.mark.parametrize(
    "path",
    [
        "",
        "unified/demo-tenant-2/",
        "unified/demo",
        "unified/demo-tenant-2",
        "unified/../unified/demo-tenant/",
        "work/demo-tenant/",
        "demo-tenant/calls/",
        "quarantine/demo-tenant/",
        "Unified/",
    ],
)
def test_any_other_prefix_is_refused(s3: Any, lake: Path, path: str) -> None:
    done = ingest(lake, path)
    assert done.code == 2
    assert done.error == (
        f"s3://acme-results/{path}: expected s3://BUCKET/unified/ or a prefix below "
        "unified/demo-tenant/"
    )


@pytest.mark.parametrize(
    "bucket",
    ["B_A D", "", "ab", "Acme-results", "acme_results", "-acme", "acme-", "a" * 64, "acme\u0663"],
)
def test_what_is_no_bucket_is_told_what_one_is_called(s3: Any, lake: Path, bucket: str) -> None:
    url = f"s3://{bucket}/unified/"
    done = cci("calls", "ingest", url, "--tenant", "demo-tenant", "--lake", lake)
    assert (done.code, done.error) == (
        2,
        f"{url}: expected the name of a bucket after s3://, which is 3 to 63 lower-case letters, "
        "digits, dots and hyphens, with a letter or digit at both ends",
    )


def test_the_scheme_of_a_bucket_is_read_in_capitals_too(s3: Any, lake: Path) -> None:
    put(s3, f"{DAY}/call-1.json", document("call-1"))
    url = f"S3://{OUTPUT_BUCKET}/unified/"
    succeed("calls", "ingest", url, "--tenant", "demo-tenant", "--lake", lake)
    assert taken_in(lake) == ["call-1"]


@pytest.mark.parametrize(
    "path", ["unified/demo-tenant", f"{DAY}/", DAY, "unified/demo-tenant/2025"]
)
def test_a_prefix_within_the_tenants_part_is_read_to_its_slash(
    s3: Any, lake: Path, path: str
) -> None:
    put(s3, f"{DAY}/call-1.json", document("call-1"))
    put(s3, "unified/demo-tenant/20255/11/05/call-2.json", document("call-2"))
    put(s3, f"{DAY}0/call-3.json", document("call-3"))
    assert ingest(lake, path).code == 0
    expected = ["call-1", "call-2", "call-3"] if path == "unified/demo-tenant" else ["call-1"]
    if path == "unified/demo-tenant/2025":
        expected = ["call-1", "call-3"]
    assert taken_in(lake) == expected


def test_one_object_that_cannot_be_read_is_named_and_stops_no_other(
    s3: Any, lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import cci_lite.aws.documents

    monkeypatch.setattr(cci_lite.aws.documents, "MAX_DOCUMENT_BYTES", 1_000)
    put(s3, f"{DAY}/a.json", document("call-a"))
    put(s3, f"{DAY}/b.json", b"{")
    put(s3, f"{DAY}/c.json", document("call-c", note="x" * 2_000))
    put(s3, f"{DAY}/d.json", document("call-d", "demo-tenant-2"))
    # An archived object is listed and cannot be got.
    s3.put_object(Bucket=OUTPUT_BUCKET, Key=f"{DAY}/e.json", Body=b"{}", StorageClass="GLACIER")
    put(s3, f"{DAY}/f.json", document("call-f"))
    done = ingest(lake)
    assert done.code == 1
    lines = done.err.splitlines()
    assert lines[0] == "6 documents: 2 new, 4 refused"
    told = {line.strip().partition(": ")[0]: line.partition(": ")[2] for line in lines[1:5]}
    assert told[f"{NEXT}/b.json"].startswith("expected valid JSON")
    assert told[f"{NEXT}/c.json"].startswith("expected at most 1,000 bytes, found 2,")
    assert told[f"{NEXT}/d.json"] == "tenant_id: expected 'demo-tenant', found another tenant"
    assert told[f"{NEXT}/e.json"] == (
        "expected an object that can be read, found s3_InvalidObjectState"
    )
    assert taken_in(lake) == ["call-a", "call-f"]


def test_hundreds_of_documents_are_read_a_few_at_a_time_in_their_order(s3: Any) -> None:

    class Counting:
        """Counts what was got before it was asked for."""

        def __init__(self) -> None:
            self.got = 0

        def get_paginator(self, name: str) -> Any:
            return s3.get_paginator(name)

        def get_object(self, **request: str) -> Any:
            self.got += 1
            return s3.get_object(**request)

    for number in range(60):
        put(s3, f"{DAY}/call-{number:03}.json", b"%d" % number)
    client = Counting()
    names = []
    for position, found in enumerate(read_documents(client, PLACE)):
        assert client.got <= position + AT_ONCE
        assert isinstance(found, InputFile)
        assert found.data == b"%d" % position
        names.append(found.name)
    assert names == [f"call-{number:03}.json" for number in range(60)]


def test_a_reader_that_stops_early_reads_no_further(s3: Any) -> None:
    for number in range(40):
        put(s3, f"{DAY}/call-{number:03}.json", b"{}")
    documents = read_documents(s3, PLACE)
    assert next(documents).name == "call-000.json"
    documents.close()


def test_an_empty_part_and_a_missing_bucket_are_said_in_a_line(s3: Any, lake: Path) -> None:
    done = ingest(lake)
    assert (done.code, done.error) == (
        2, "no document below s3://acme-results/unified/demo-tenant/"
    )  # fmt: skip
    missing = cci(
        "calls", "ingest", "s3://no-such-bucket/unified/", "--tenant", "demo-tenant",
        "--lake", lake,
    )  # fmt: skip
    assert (missing.code, missing.error) == (
        1, "s3_NoSuchBucket: there is no bucket no-such-bucket"
    )  # fmt: skip


def test_folders_and_buckets_can_be_taken_in_together(s3: Any, lake: Path, tmp_path: Path) -> None:
    put(s3, f"{DAY}/call-1.json", document("call-1"))
    file = tmp_path / "call-2.json"
    file.write_text(json.dumps(document("call-2")))
    done = succeed(
        "calls", "ingest", f"s3://{OUTPUT_BUCKET}/unified/", file, "--tenant", "demo-tenant",
        "--lake", lake,
    )  # fmt: skip
    assert done.err.splitlines()[0] == "2 documents: 2 new"
