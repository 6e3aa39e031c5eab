"""Transcripts in every layout, own and real ones, through the deployed functions, with a scripted
model.
"""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from cci_lite.aws.config import DynamoConfigStore
from cci_lite.contract.document import Redaction
from cci_lite.contract.form import sort_key
from cci_lite.contract.form_reading import item_of, parse_draft
from cci_lite.contract.reading import decode_document
from cci_lite.contract.tenant import Audio, Tenant, UnredactedPolicy, item_of_tenant
from cci_lite.testing.bedrock import BedrockDouble, perfect
from cci_lite.transcripts import read_transcript
from tests.aws.sandbox import Sandbox
from tests.conftest import StarCall
from tests.depth import mostly_slow
from tests.own_calls.layouts import LAYOUTS, OF_ANOTHER_PRODUCT

FORM = parse_draft(
    {
        "criteria": [
            {"id": "greet_01", "text": "Did the agent greet?", "weight": 1, "required": True},
            {"id": "close_07", "text": "Did the agent say goodbye?", "weight": 0.5,
             "rule": {"phrases": ["goodbye", "bye"]}},
        ]
    }
).as_version(1)  # fmt: skip
FILES = (
    "batch-01-plain.json.gz",
    "batch-02-channel-identification.json.gz",
    "batch-03-speaker-identification.json.gz",
    "batch-05-automatic-content-redaction-with-undredacted-redacted.json.gz",
    "batch-07-vocabulary-filter-mask.json.gz",
    "batch-09-channel-identification-alternative-results.json.gz",
    "batch-12-channel-identification-vocabulary-filter-remove.json.gz",
    "batch-14-speaker-identification-vocabulary-filter-remove.json.gz",
    "call-analytics-redacted.json.gz",
    "documented-redacted.json",
)


class Studio:
    """A sandbox whose jobs write the transcripts that they are given."""

    def __init__(self, tenant: Tenant) -> None:
        self.by_key: dict[str, bytes] = {}
        self.sandbox = Sandbox(self._transcript, bedrock=BedrockDouble(answer=perfect(verdict)))
        config = DynamoConfigStore(self.sandbox.dynamodb, "cci-lite-config")
        config.put(f"TENANT#{tenant.tenant_id}", "META#v1", item_of_tenant(tenant))
        config.put(f"TENANT#{tenant.tenant_id}", sort_key("default", 1), item_of(FORM))
        self._tenant_id = tenant.tenant_id
        self._content: dict[bytes, bytes] = {}

    def record(self, name: str, transcript: bytes) -> None:
        """Upload a recording of which this is the transcript."""
        audio = f"audio of {name}".encode()
        self._content[audio] = transcript
        self.sandbox.upload(f"{self._tenant_id}/calls/{name}.wav", audio)

    def run(self) -> list[dict[str, Any]]:
        """Everything until nothing is left to do; the registry's records."""
        self.sandbox.pump(rounds=1_000)
        self.sandbox.finish_jobs()
        self.sandbox.pump(rounds=1_000)
        return self.sandbox.records()

    def _transcript(self, request: Mapping[str, Any]) -> bytes:
        bucket, _, key = request["Media"]["MediaFileUri"].removeprefix("s3://").partition("/")
        audio = self.sandbox.s3.get_object(Bucket=bucket, Key=key)["Body"].read()
        return self._content[audio]


def verdict(criterion_id: str, turns: list[dict[str, Any]]) -> str:
    return "pass"


REAL_FILES = [pytest.param(name, marks=pytest.mark.real_data) for name in FILES]


@pytest.fixture(params=[*LAYOUTS, *REAL_FILES])
def transcript(request: pytest.FixtureRequest) -> bytes:
    """What the service writes: in each layout our own, and real files."""
    name = request.param
    if name in LAYOUTS:
        return LAYOUTS[name]
    folder: Path = request.getfixturevalue("shared")
    data = (folder / "data" / "transcribe" / name).read_bytes()
    return gzip.decompress(data) if name.endswith(".gz") else data


def test_every_layout_of_transcribe_becomes_a_masked_document_where_the_tenant_says_so(
    cloud: None, transcript: bytes
) -> None:
    studio = Studio(
        Tenant(
            tenant_id="acme",
            name="Acme",
            language_code="en-GB",
            unredacted=UnredactedPolicy.MASK,
            audio=Audio(agent_channel="ch_0", agent_speaker="spk_0"),
        )
    )
    studio.record("one", transcript)
    [record] = studio.run()
    assert record["state"] in ("DONE", "REVIEW")
    [document] = studio.sandbox.documents().values()
    was_redacted = read_transcript(transcript, Audio()).redaction is Redaction.TRANSCRIBE
    assert document["source"]["pii_redacted"] == ("transcribe" if was_redacted else "masked")
    assert document["qa_evaluation"]["criteria"]
    assert studio.sandbox.parked() == 0


@pytest.mark.parametrize(
    "transcript",
    [
        *mostly_slow(LAYOUTS, {"channels", "plain, redacted", "call analytics, redacted"}),
        *REAL_FILES,
    ],
    indirect=True,
)
def test_only_what_is_redacted_is_judged_where_redaction_is_due(
    cloud: None, transcript: bytes
) -> None:
    studio = Studio(Tenant(tenant_id="acme", name="Acme", audio=Audio(agent_channel="ch_0")))
    studio.record("one", transcript)
    [record] = studio.run()
    redacted = b'"isRedacted":true' in transcript.replace(b" ", b"") or b'"Redacted"' in transcript
    if redacted:
        assert record["state"] in ("DONE", "REVIEW")
    else:
        assert (record["state"], record["reason"]) == ("FAILED", "redaction_missing")
        assert studio.sandbox.documents() == {}


def test_what_another_product_made_of_a_transcript_fails_by_name(cloud: None) -> None:
    studio = Studio(Tenant(tenant_id="acme", name="Acme"))
    studio.record("one", OF_ANOTHER_PRODUCT)
    [record] = studio.run()
    assert (record["state"], record["reason"]) == ("FAILED", "transcript_unreadable")


# A call takes a third of a second here, all of it moto's.
MOST = 5
BATCHES = range(0, 1_000, 20)


def test_some_conversations_go_through_the_functions(calls: list[StarCall], cloud: None) -> None:
    run_calls(calls[:: -(-len(calls) // MOST)])


@pytest.mark.slow
@pytest.mark.parametrize("first", BATCHES)
def test_all_real_conversations_go_through_the_functions(
    star_calls: list[StarCall], cloud: None, first: int
) -> None:
    run_calls(star_calls[first : first + BATCHES.step])


def run_calls(calls: list[StarCall]) -> None:
    """Every call ends in a document with one verdict per criterion, or says why not."""
    studio = Studio(Tenant(tenant_id="acme", name="Acme", audio=Audio(agent_channel="ch_0")))
    for number, call in enumerate(calls):
        studio.record(str(number), call.transcript)
    records = studio.run()
    assert Counter(record["state"] in ("DONE", "REVIEW") for record in records) == {
        True: len(calls)
    }
    documents = studio.sandbox.documents()
    assert len(documents) == len(calls)
    for document in documents.values():
        criteria = document["qa_evaluation"]["criteria"]
        assert [each["id"] for each in criteria] == ["greet_01", "close_07"]
        needed = document["review"].get("needed", False)
        assert needed == bool(document["review"].get("reasons"))
        decode_document(json.dumps(document).encode())
    assert studio.sandbox.parked() == 0
