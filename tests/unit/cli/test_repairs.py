"""A damaged lake at the command line: what verify names, and what rebuild and repair say."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

import pytest

from tests.unit.cli.programs import cci, succeed

SCOPE = ("--tenant", "demo-tenant")
DOCUMENT = "unified/demo-tenant/2025/11/05/guide-example.json"


def part(lake: Path, table: str = "calls") -> Path:
    return next((lake / f"curated/demo-tenant/{table}").rglob("*.parquet"))


def document(lake: Path) -> Path:
    [found] = (lake / "unified/demo-tenant").rglob("*.json")
    return found


def named_commands(lake: Path) -> list[str]:
    """The commands that verify names, each once."""
    done = cci("etl", "verify", "--lake", lake, "--output", "json")
    assert done.code == (1 if done.json else 0)
    return list(dict.fromkeys(finding["run"] for finding in done.json))


def run(command: str, lake: Path) -> str:
    program, *arguments = shlex.split(command)
    assert program == "cci-lite"
    return succeed(*arguments, "--lake", lake).err


def test_the_command_that_verify_names_mends_a_damaged_file(lake: Path) -> None:
    part(lake).write_bytes(b"x")
    [command] = named_commands(lake)
    assert command == "cci-lite etl rebuild --tenant demo-tenant --day 2025-11-05"
    run(command, lake)
    assert named_commands(lake) == []
    assert run(command, lake) == "nothing to rebuild: every file is as it was published\n"


def test_the_command_that_verify_names_mends_a_lost_manifest(lake: Path) -> None:
    next((lake / "curated/demo-tenant/manifests").rglob("*.gz")).unlink()
    [command] = named_commands(lake)
    assert command == "cci-lite etl repair --tenant demo-tenant"
    assert run(command, lake) == (
        "demo-tenant 2025-11-05 manifest: the manifest was written anew: it was missing\n"
        f"the catalogue of {lake} is complete; verify it with: cci-lite etl verify\n"
    )
    assert named_commands(lake) == []


def test_orphaned_files_are_counted_when_they_are_removed_and_when_they_are_kept(
    lake: Path,
) -> None:
    other = part(lake).with_name("part-0005.parquet")
    other.write_bytes(b"x")
    assert named_commands(lake) == ["cci-lite etl repair --tenant demo-tenant --grace-hours 0"]
    assert succeed("etl", "repair", "--lake", lake).err.splitlines()[0] == (
        "demo-tenant: 1 file of no generation kept: younger than the grace period (--grace-hours), or of a day that is not published"
    )
    done = run("cci-lite etl repair --tenant demo-tenant --grace-hours 0", lake)
    assert done.splitlines()[0] == "demo-tenant: 1 file of no generation removed"
    assert not other.exists()


def test_rows_that_nothing_brings_back_are_counted_and_given_up_only_when_asked(
    lake: Path,
) -> None:
    document(lake).unlink()
    part(lake).unlink()
    done = cci("etl", "rebuild", *SCOPE, "--lake", lake)
    assert done.code == 1
    assert done.err == (
        "demo-tenant 2025-11-05 failed: documents that have expired, and whose rows no file has any "
        "more that can be read: 1; put the day's curated files back from a copy of the lake, or "
        "publish the day without them: cci-lite etl rebuild --allow-loss\n"
    )
    done = succeed("etl", "rebuild", *SCOPE, "--allow-loss", "--lake", lake)
    assert done.err == (
        "demo-tenant 2025-11-05: published without the rows of 1 document that expired\n"
    )
    assert named_commands(lake) == []


@pytest.mark.parametrize(
    "options",
    [
        ("--day", "2025-11-05", "--since", "2025-11-05"),
        ("--day", "2025-11-05", "--until", "2025-11-05"),
    ],
)
def test_a_day_and_a_range_of_days_exclude_each_other(lake: Path, options: tuple[str, ...]) -> None:
    done = cci("etl", "rebuild", *SCOPE, *options, "--lake", lake)
    assert done.code == 2
    assert "--day: expected no --since and no --until beside it." in done.err


def test_a_day_that_is_not_asked_for_stays_as_it_is(lake: Path) -> None:
    damaged = part(lake)
    damaged.write_bytes(b"x")
    for options in (("--day", "2025-11-06"), ("--since", "2025-11-06"), ("--until", "2025-11-04")):
        done = succeed("etl", "rebuild", *SCOPE, *options, "--lake", lake)
        assert done.err == "nothing to rebuild: every file is as it was published\n"
    assert damaged.read_bytes() == b"x"


def test_a_rebuild_says_what_it_did_as_json(lake: Path) -> None:
    os.truncate(part(lake, "qa_criteria"), 20)
    done = succeed("etl", "rebuild", *SCOPE, "--lake", lake, "--output", "json")
    assert [(day["call_date"], day["status"]) for day in done.json["days"]] == [
        ("2025-11-05", "published")
    ]
    done = succeed("etl", "rebuild", *SCOPE, "--lake", lake, "--output", "json")
    assert done.json == {"days": [], "succeeded": True}
