"""Exit codes of the commands, for programs that start them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.unit.cli.programs import cci, succeed

DAY = "unified/demo-tenant/2025/11/06"
SCOPE = ("--tenant", "demo-tenant")


def put(lake: Path, name: str) -> Path:
    """Write a document of another day than the guide's; its path."""
    path = lake / DAY / f"{name}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(
        json.dumps({"tenant_id": "demo-tenant", "call_id": name, "call_date": "2025-11-06"})
    )
    return path


def spoil(lake: Path, name: str) -> str:
    """Write a document that breaks the contract; its key."""
    put(lake, name).write_bytes(b"{")
    return f"{DAY}/{name}.json"


def test_a_run_that_refuses_a_day_gives_1(lake: Path) -> None:
    for name in ("call-1", "call-2"):
        put(lake, name)
    succeed("etl", "run", "--lake", lake)
    for name in ("call-1", "call-2"):
        spoil(lake, name)
    done = cci("etl", "run", "--lake", lake)
    assert "demo-tenant 2025-11-06 refused: " in done.err
    assert done.code == 1
    succeed("etl", "run", "--lake", lake, "--allow-shrink")


@pytest.mark.parametrize("output", ["table", "json"])
def test_a_claim_that_does_not_hold_gives_1(lake: Path, output: str) -> None:
    succeed("etl", "verify", "--lake", lake)
    [part] = (lake / "curated" / "demo-tenant" / "calls").rglob("*.parquet")
    part.unlink()
    done = cci("etl", "verify", "--lake", lake, "--output", output)
    assert "demo-tenant: 1 day, " in done.err
    assert "not hold" in done.err
    assert done.code == 1


@pytest.mark.parametrize("output", ["table", "json"])
def test_a_view_with_a_finding_gives_1(tmp_path: Path, output: str) -> None:
    view = tmp_path / "mine" / "v1.sql"
    view.parent.mkdir()
    header = "-- mine_v1: one row per call. Key: tenant_id, call_id. Reads: calls. Note.\n"
    view.write_text(f"{header}SELECT tenant_id, call_id FROM calls\n")
    assert succeed("views", "lint", tmp_path).err == "1 view, 0 findings\n"
    view.write_text(f"{header}SELECT tenant_id, call_id, call_id FROM calls\n")
    done = cci("views", "lint", tmp_path, "--output", output)
    assert done.err == "1 view, 1 finding\n"
    assert "two columns are called 'call_id'" in " ".join(done.out.split())
    assert done.code == 1


@pytest.mark.parametrize(
    "corrected", [[], ["call-2"]], ids=["alone", "beside one that is corrected"]
)
def test_a_document_that_was_asked_for_and_is_still_broken_gives_1(
    lake: Path, corrected: list[str]
) -> None:
    key = spoil(lake, "call-1")
    others = [spoil(lake, name) for name in corrected]
    succeed("etl", "run", "--lake", lake)
    for name in corrected:
        put(lake, name)
    done = cci("quarantine", "replay", key, *others, *SCOPE, "--lake", lake)
    assert f"{len(corrected)} corrected, 1 still in quarantine" in done.err
    assert done.code == 1


def test_replaying_all_that_is_corrected_succeeds_whatever_else_is_broken(lake: Path) -> None:
    spoil(lake, "call-1")
    spoil(lake, "call-2")
    succeed("etl", "run", "--lake", lake)
    put(lake, "call-2")
    done = succeed("quarantine", "replay", *SCOPE, "--lake", lake)
    assert "1 corrected, 1 still in quarantine" in done.err
