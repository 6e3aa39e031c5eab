"""Locates the data sets that the tests use, next to the checkout."""

from __future__ import annotations

import gc
import gzip
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings

from cci_lite.contract.tenant import Audio
from cci_lite.local.processes import Inline, Processes
from cci_lite.local.spark import SparkPool
from cci_lite.ports import WorkerPool
from tests.own_calls.calls import AGENT_CHANNELS, own_calls
from tests.small_lake import SmallLake

# A loaded machine is no reason to fail: what a law says holds in any time.
settings.register_profile("quick", deadline=None, max_examples=20)
settings.register_profile("deep", deadline=None, max_examples=500)
settings.load_profile("quick")

_CHECKOUT = Path(__file__).resolve().parents[1]


def pytest_collection_finish() -> None:
    """Keep the garbage collector from going through what was imported and collected: it stays."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


def pytest_sessionfinish() -> None:
    """Let everything go again, or extensions complain at the end of what is left."""
    gc.unfreeze()


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what reads the shared data: `make test` needs nothing that lies outside the checkout."""
    for item in items:
        if "shared" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.real_data)


@pytest.fixture(autouse=True)
def no_terminal_is_told_its_width(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers of parallel tests say COLUMNS, which makes a pipe as wide as a terminal."""
    monkeypatch.delenv("COLUMNS", raising=False)


@dataclass(frozen=True)
class StarCall:
    """A conversation: its transcript, its truth and its tenant's audio."""

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


@pytest.fixture(scope="session", params=["own", pytest.param("star", marks=pytest.mark.real_data)])
def calls(request: pytest.FixtureRequest) -> list[StarCall]:
    """Conversations with their truth: a few of our own, or the 1,000."""
    if request.param == "star":
        found: list[StarCall] = request.getfixturevalue("star_calls")
        return found
    return [
        StarCall(transcript, truth, Audio(agent_channel=AGENT_CHANNELS[truth["tenant_id"]]))
        for transcript, truth in own_calls()
    ]


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


def spark_is_here() -> None:
    """Skip the test, with the reason, where there is no Spark."""
    pytest.importorskip("pyspark", reason="no Spark: pip install -e '.[spark]'")
    if shutil.which("java") is None and "JAVA_HOME" not in os.environ:
        pytest.skip("no Spark: it needs Java 17 (JAVA_HOME, or java on the path)")


@pytest.fixture(scope="session")
def spark() -> Iterator[WorkerPool]:
    """Spark with two tasks at a time; skipped with the reason where it cannot be had."""
    spark_is_here()
    with SparkPool(2) as pool:
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
