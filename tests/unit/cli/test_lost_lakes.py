"""A lake that lost its catalogue, at the command line: message, repair, backup, restore."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.unit.cli.programs import cci, succeed

CALLS = "SELECT call_id FROM calls"


def asked(lake: Path) -> str:
    scope = ("--tenant", "demo-tenant", "--lake", lake)
    return succeed("query", CALLS, *scope, "--output", "csv").out


@pytest.mark.parametrize(
    "command",
    [
        ("tenants", "add", "demo-tenant"),
        ("tenants", "list"),
        ("forms", "list", "--tenant", "demo-tenant"),
        ("etl", "run"),
        ("etl", "plan"),
        ("etl", "verify"),
        ("query", CALLS, "--tenant", "demo-tenant"),
        ("quarantine", "list"),
    ],
    ids=" ".join,
)
def test_every_command_names_the_one_that_repairs(lake: Path, command: tuple[str, ...]) -> None:
    (lake / "catalog.db").unlink()
    done = cci(*command, "--lake", lake)
    assert done.code == 1
    assert done.error == (
        f"the lake at {lake} has data and no catalogue (catalog.db): bring it back with: "
        f"cci-lite etl repair --lake {lake} (or, from a backup, cci-lite restore)"
    )
    assert not (lake / "catalog.db").exists()


def test_a_repaired_lake_answers_as_before(lake: Path) -> None:
    before = asked(lake)
    (lake / "catalog.db").unlink()
    done = succeed("etl", "repair", "--lake", lake)
    assert "restored" in done.out
    assert done.err == (
        f"the catalogue of {lake} is complete; verify it with: cci-lite etl verify\n"
    )
    assert succeed("etl", "verify", "--lake", lake).err == (
        "demo-tenant: 1 day, 1 call: all claims hold\n"
    )
    assert asked(lake) == before
    again = succeed("etl", "repair", "--lake", lake, "--output", "json").json
    assert again == {
        "days": [], "partitions": 0, "removed": 0, "kept": 0, "without_settings": [], "busy": [],
        "failed": {}, "succeeded": True,
    }  # fmt: skip


def test_what_cannot_be_rebuilt_is_a_failure_with_advice(lake: Path) -> None:
    (lake / "catalog.db").unlink()
    shutil.rmtree(lake / "config")
    for part in (lake / "curated/demo-tenant/qa_criteria").rglob("*.parquet"):
        part.write_bytes(b"")
    done = cci("etl", "repair", "--lake", lake)
    assert done.code == 1
    day, settings = done.err.splitlines()
    assert day == (
        "demo-tenant 2025-11-05 damaged: files of the tables are gone or of another size; run: "
        "cci-lite etl rebuild --tenant demo-tenant --day 2025-11-05"
    )
    assert settings == (
        "demo-tenant: its settings are missing or cannot be read: put them back from a backup "
        "(cci-lite restore), or enter them again: cci-lite tenants add demo-tenant, cci-lite "
        "forms put"
    )


def test_documents_whose_discarding_is_forgotten_are_counted_and_can_be_discarded_again(
    lake: Path,
) -> None:
    scope = ("--tenant", "demo-tenant", "--lake", lake)
    for name in ("one.txt", "two.txt"):
        (lake / "unified/demo-tenant" / name).write_text("no call")
    (lake / "unified/demo-tenant/2025/11/05/call-3.json").write_text("{")
    succeed("etl", "run", "--lake", lake)
    succeed("quarantine", "discard", "--all", "--yes", *scope)
    (lake / "catalog.db").unlink()
    shutil.rmtree(lake / "curated/demo-tenant/manifests")
    done = cci("etl", "repair", "--lake", lake)
    assert done.code == 1
    assert done.err.splitlines()[-1] == (
        "demo-tenant: the next run puts 3 discarded documents back into quarantine; then discard "
        "again: cci-lite quarantine list --tenant demo-tenant, cci-lite quarantine discard"
    )
    assert cci("etl", "repair", "--lake", lake).code == 0
    succeed("etl", "run", "--lake", lake)
    assert succeed("quarantine", "discard", "--all", "--yes", *scope).err.endswith("3 discarded\n")
    assert "all claims hold\n" in succeed("etl", "verify", "--strict", "--lake", lake).err


def test_nothing_published_is_not_all_claims_hold(lake: Path) -> None:
    (lake / "catalog.db").unlink()
    shutil.rmtree(lake / "curated")
    succeed("etl", "repair", "--lake", lake)
    assert succeed("etl", "verify", "--lake", lake).err == (
        "demo-tenant: 0 days, 0 calls: nothing is published, so nothing was verified; "
        "1 document not read yet\n"
    )


def test_an_empty_catalogue_over_tables_does_not_hold(lake: Path) -> None:
    (lake / "catalog.db").unlink()
    kept = lake / "curated"
    hidden = kept.rename(lake / "hidden")
    succeed("etl", "repair", "--lake", lake)
    hidden.rename(kept)
    done = cci("etl", "verify", "--lake", lake)
    assert done.code == 1
    assert "all claims hold" not in done.err
    run = cci("etl", "run", "--lake", lake)
    assert run.code == 1
    assert "cci-lite etl repair" in run.err
    succeed("etl", "repair", "--lake", lake)
    succeed("etl", "verify", "--lake", lake)


def test_a_backup_is_put_back(lake: Path, tmp_path: Path) -> None:
    before = asked(lake)
    backup = tmp_path / "lake.zip"
    said = succeed("backup", backup, "--lake", lake).err
    assert said == f"the catalogue and 2 settings and forms of {lake} are in {backup}\n"
    assert cci("backup", backup, "--lake", lake).code == 2
    refused = cci("restore", backup, "--lake", lake)
    assert refused.code == 2
    assert "add --overwrite" in refused.error
    (lake / "catalog.db").unlink()
    shutil.rmtree(lake / "config")
    succeed("restore", backup, "--lake", lake)
    assert asked(lake) == before
    missing = cci("restore", tmp_path / "no.zip", "--lake", lake)
    assert (missing.code, missing.error) == (2, f"no file {tmp_path / 'no.zip'}")
