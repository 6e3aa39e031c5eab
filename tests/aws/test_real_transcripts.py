"""Real transcripts through the deployed functions, with a scripted model."""

from __future__ import annotations

import gzip
import json
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from cci_lite.contract.reading import decode_document
from cci_lite.contract.scoring import Outcome
from cci_lite.contract.template import item_of, parse_draft, sort_key
from cci_lite.contract.tenant import Audio, Tenant, UnredactedPolicy, item_of_tenant
from cci_lite.aws.config import DynamoConfigStore
from cci_lite.testing.bedrock import BedrockDouble, perfect
from tests.aws.sandbox import Sandbox
from tests.conftest import StarCall

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


def read(folder: Path, name: str) -> bytes:
    data = (folder / "data" / "transcribe" / name).read_bytes()
    return gzip.decompress(data) if name.endswith(".gz") else data


def test_time(star_calls, cloud):
    import time
    studio = Studio(Tenant(tenant_id="hotel", name="Hotel", audio=Audio(agent_channel="ch_1")))
    calls = [c for c in star_calls if c.truth["tenant_id"] == "hotel"][:20]
    for n, c in enumerate(calls):
        studio.record(str(n), c.transcript)
    t = time.time()
    recs = studio.run()
    print(time.time() - t, Counter(r["state"] for r in recs), len(recs))
    assert 0
