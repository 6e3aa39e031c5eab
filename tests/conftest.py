"""Locates the data sets that the tests use, next to the checkout."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from cci_lite.contract.tenant import Audio
from cci_lite.local.processes import Inline, Processes
from cci_lite.ports import WorkerPool
from tests.small_lake import SmallLake

# A loaded machine is no reason to fail: what a law says holds in any time.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")

_CHECKOUT = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def no_terminal_is_told_its_width(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers of parallel tests say COLUMNS, which makes a pipe as wide as a terminal."""
    monkeypatch.delenv("COLUMNS", raising=False)


@dataclass(frozen=True)
class StarCall:
    """One of the 1,000 conversations: its transcript, its truth and its tenant's audio."""

    transcript: bytes
    truth: dict[str, Any]
    audio: Audio


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of shared data; CCI_LITE_SHARED names it when it is not next to the checkout."""
    folder = Path(os.environ.get("CCI_LITE_SHARED", _CHECKOUT.parent / "shared"))
    if not (folder / "data").is_dir():
        pytest.skip(f"no shared data at {folder}: set CCI_LITE_SHARED")
    return folder


@pytest.fixture(scope="session")
def star_calls(shared: Path) -> list[StarCall]:
    """The 1,000 conversations with their truth."""
    calls = shared / "data" / "calls"
    tenants = json.loads((calls / "tenants.json").read_text(encoding="utf-8"))
    channels = {tenant["tenant_id"]: tenant["agent_channel"] for tenant in tenants}
    transcripts = gzip.decompress((calls / "dev_transcripts.jsonl.gz").read_bytes()).splitlines()
    truths = map(
        json.loads, gzip.decompress((calls / "dev_truth.jsonl.gz").read_bytes()).splitlines()
    )
    return [
        StarCall(transcript, truth, Audio(agent_channel=channels[truth["tenant_id"]]))
        for transcript, truth in zip(transcripts, truths, strict=True)
    ]


@pytest.fixture(scope="session")
def processes() -> Iterator[WorkerPool]:
    """Two worker processes. They start once for all tests: that is what they cost."""
    with Processes(2) as pool:
        yield pool


@pytest.fixture
def small_lake(request: pytest.FixtureRequest, tmp_path: Path) -> SmallLake:
    """An empty lake with one form, whose runs work in this process; see also EVERY_POOL."""
    pool = request.getfixturevalue(getattr(request, "param", "inline"))
    return SmallLake(tmp_path / "lake", pool=pool)


@pytest.fixture
def inline() -> WorkerPool:
    """No worker processes."""
    return Inline()
