"""`quarantine` list, replay and discard, and the exit code of `etl run --strict`."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest

from cci_lite.cli.app import run_program
from cci_lite.cli.output import as_text
from tests.unit.cli.programs import Done, cci, succeed
from tests.unit.cli.test_exit_codes import DAY, SCOPE, put, spoil

IN_QUARANTINE = (
    "demo-tenant: 1 document in quarantine; see: cci-lite quarantine list, then correct and "
    "replay, or discard"
)


def listed(lake: Path) -> list[dict[str, str]]:
    rows: list[dict[str, str]] = succeed(
        "quarantine", "list", "--lake", lake, "--output", "json"
    ).json
    return rows


def discard(lake: Path, *arguments: str) -> Done:
    return cci("quarantine", "discard", *arguments, *SCOPE, "--lake", lake)


def sheets(lake: Path) -> list[dict[str, object]]:
    done = succeed("query", "SELECT * FROM data_freshness", *SCOPE, "--lake", lake,
                   "--output", "json")  # fmt: skip
    found: list[dict[str, object]] = done.json
    return found


@pytest.mark.parametrize("output", ["table", "json"])
def test_strict_makes_quarantine_a_failure_on_whatever_day_it_is(lake: Path, output: str) -> None:
    key = spoil(lake, "call-1")
    succeed("etl", "run", "--lake", lake)
    put(lake, "call-2")
    for _ in range(2):  # with and without something to do
        done = cci("etl", "run", "--strict", "--lake", lake, "--output", output)
        assert done.code == 1
        assert done.err.splitlines()[-1] == IN_QUARANTINE
    assert succeed("etl", "run", "--lake", lake, "--output", "json").json["quarantined"] == {
        "demo-tenant": 1
    }
    done = cci("etl", "verify", "--strict", "--lake", lake, "--output", output)
    assert (done.code, done.err.splitlines()) == (
        1,
        [
            "demo-tenant: 2 days, 2 calls: all claims hold; 1 document in quarantine",
            IN_QUARANTINE,
        ],
    )
    assert succeed("etl", "verify", "--lake", lake)
    assert discard(lake, key, "--yes").code == 0
    succeed("etl", "run", "--strict", "--lake", lake)
    succeed("etl", "verify", "--strict", "--lake", lake)


def test_strict_looks_at_the_tenants_that_are_run(lake: Path) -> None:
    succeed("tenants", "add", "other-tenant", "--lake", lake)
    spoil(lake, "call-1")
    succeed("etl", "run", "--lake", lake)
    succeed("etl", "run", "--strict", "--tenant", "other-tenant", "--lake", lake)


def test_what_is_discarded_is_counted_and_stays_out(lake: Path) -> None:
    key = spoil(lake, "call-1")
    spoil(lake, "call-2")
    succeed("etl", "run", "--lake", lake)
    done = discard(lake, key, "--yes")
    assert (done.code, done.err.splitlines()[-1]) == (0, "1 discarded")
    assert [row["source_key"] for row in listed(lake)] == [f"{DAY}/call-2.json"]
    assert (lake / key).read_bytes() == b"{"
    assert not (lake / "quarantine/demo-tenant/2025/11/06/call-1.json").exists()
    assert "nothing to do" in succeed("etl", "run", "--lake", lake).err
    [sheet] = sheets(lake)
    assert (sheet["sources"], sheet["published_calls"], sheet["quarantined"]) == (3, 1, 1)
    assert (sheet["discarded"], sheet["is_balanced"]) == (1, True)
    succeed("etl", "verify", "--lake", lake)


def test_discarding_asks_first(lake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spoil(lake, "call-1")
    succeed("etl", "run", "--lake", lake)
    for answer, left in (("n\n", 1), ("\n", 1), ("", 1), ("y\n", 0)):
        read, write = os.pipe()
        os.write(write, answer.encode())
        os.close(write)
        with os.fdopen(read) as stdin:
            monkeypatch.setattr("sys.stdin", stdin)
            done = discard(lake, "--all")
        assert "discard 1 document of demo-tenant and delete the copies?" in done.err
        assert len(listed(lake)) == left
        assert done.code == (0 if not left else 130)


def test_discarding_an_empty_quarantine_does_nothing(lake: Path) -> None:
    assert (discard(lake, "--all").err, discard(lake, "--all").code) == (
        "nothing is in quarantine\n",
        0,
    )


@pytest.mark.parametrize("arguments", [[], ["--all", "unified/x.json"]], ids=["none", "both"])
def test_what_is_to_be_discarded_must_be_said(lake: Path, arguments: list[str]) -> None:
    done = discard(lake, *arguments, "--yes")
    assert (done.code, done.error) == (
        2,
        "expected the paths of quarantined documents, or --all",
    )


@pytest.mark.parametrize("command", ["replay", "discard"])
def test_a_path_that_is_not_in_quarantine_is_named(lake: Path, command: str) -> None:
    key = spoil(lake, "call-1")
    succeed("etl", "run", "--lake", lake)
    wrong = f"{DAY}/call-2.json"
    done = cci("quarantine", command, key, wrong, *SCOPE, "--lake", lake)
    assert (done.code, done.error) == (
        2,
        f"tenant demo-tenant: {wrong} is not in quarantine; see: cci-lite quarantine list",
    )
    assert len(listed(lake)) == 1


NAMES = {
    "plain": b"call-1",
    "line end": b"call\n1",
    "right to left": "call\u202e1".encode(),
    "no text": b"call\xff1",
    "long": b"c" * 240,
    "blanks": b" call 1 ",
    "dash": b"-call",
    "pattern": b"call[1]*",
    "steers": b"call\x1b[2J",
    "backslash": b"call\\x0a1",
}


@pytest.mark.parametrize("column", ["source_key", "copy"])
@pytest.mark.parametrize("name", NAMES)
def test_replay_and_discard_take_the_path_that_list_prints(
    lake: Path, name: str, column: str, capsys: pytest.CaptureFixture[str]
) -> None:
    spoil(lake, "other")
    folder = os.fsencode(lake / DAY)
    with open(folder + b"/" + NAMES[name] + b".json", "wb") as file:  # noqa: PTH123
        file.write(b"{")
    succeed("etl", "run", "--lake", lake)
    capsys.readouterr()
    # To a pipe, whatever is listed is whole: one line for each document.
    assert run_program(["quarantine", "list", "--lake", str(lake)]) == 0
    [line] = [
        line
        for line in capsys.readouterr().out.splitlines()
        if "demo-tenant/" in line and "other.json" not in line
    ]
    root = {"source_key": "unified", "copy": "quarantine"}[column]
    [printed] = re.findall(rf"{root}/demo-tenant/2025/11/06/.*?\.json", line)
    again = cci("quarantine", "replay", printed, *SCOPE, "--lake", lake)
    assert "0 corrected, 1 still in quarantine" in again.err
    assert again.code == 1
    assert discard(lake, printed, "--yes").code == 0
    assert [row["source_key"] for row in listed(lake)] == [f"{DAY}/other.json"]


def test_a_path_with_the_lake_before_it_is_taken_too(lake: Path) -> None:
    key = spoil(lake, "call-1")
    succeed("etl", "run", "--lake", lake)
    put(lake, "call-1")
    done = cci("quarantine", "replay", str(lake / key), *SCOPE, "--lake", lake)
    assert "1 corrected, 0 still in quarantine" in done.err


def test_a_path_that_is_printed_for_two_documents_is_refused(lake: Path) -> None:
    folder = lake / DAY
    folder.mkdir(parents=True)
    printed = as_text("a\nb.json")
    for name in ("a\nb.json", printed):
        (folder / name).write_bytes(b"{")
    succeed("etl", "run", "--lake", lake)
    done = discard(lake, f"{DAY}/{printed}", "--yes")
    assert done.code == 2
    assert done.error == (
        f"tenant demo-tenant: {DAY}/{printed} stands for 2 documents; rename one of them"
    )


def test_what_left_quarantine_by_itself_is_counted(lake: Path) -> None:
    key = spoil(lake, "call-1")
    put(lake, "call-2")
    succeed("etl", "run", "--lake", lake)
    (lake / key).unlink()
    [row] = succeed("etl", "plan", "--lake", lake, "--output", "json").json
    assert (row["new"], row["changed"], row["expired"], row["left"]) == (0, 0, 0, 1)
    done = succeed("etl", "run", "--lake", lake)
    assert "1 document left quarantine: deleted at the source\n" in done.err
    assert listed(lake) == []


def test_the_reason_of_a_document_is_listed_although_another_days_file_is_damaged(
    lake: Path,
) -> None:
    spoil(lake, "call-1")
    other = lake / "unified/demo-tenant/2025/11/07/x.json"
    other.parent.mkdir(parents=True)
    other.write_bytes(b"[]")
    succeed("etl", "run", "--lake", lake)
    [part] = (lake / "curated/demo-tenant/quarantined_documents/call_date=2025-11-06").rglob(
        "*.parquet"
    )
    part.write_bytes(b"PAR1")
    first, second = listed(lake)
    assert first["source_key"] == f"{DAY}/call-1.json"
    assert "put it back from a copy of the lake" in first["found"]
    assert second["found"] == "a list of 0"


def test_a_plan_of_a_tenant_that_cannot_be_listed_is_said_beside_the_others(lake: Path) -> None:
    succeed("tenants", "add", "other-tenant", "--lake", lake)
    put(lake, "call-1")
    (lake / "unified" / "other-tenant").symlink_to("demo-tenant")
    done = cci("etl", "plan", "--lake", lake, "--output", "json")
    assert done.code == 1
    assert [row["tenant_id"] for row in json.loads(done.data)] == ["demo-tenant"]
    assert done.err == (
        "other-tenant failed: unified/other-tenant: expected folders, found a symbolic link; "
        "remove it, or put a folder there\n"
    )


def test_things_that_are_no_tenants_are_counted_and_not_named(lake: Path) -> None:
    (lake / "unified" / "Jane Doe").mkdir()
    (lake / "unified" / "stranger").symlink_to("demo-tenant")
    (lake / "unified" / "x.json").write_text("{}")
    done = succeed("etl", "run", "--lake", lake)
    assert (
        "unified/: 3 files, links or folders of no tenant; they are not read: move them away\n"
    ) in done.err
    assert "Jane" not in done.err


def test_an_unexpected_error_of_the_system_names_no_file(
    lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied", "/lake/unified/Jane Doe.json")

    monkeypatch.setattr("cci_lite.laptop.Lake.run_etl", fail)
    done = cci("etl", "run", "--lake", lake)
    assert (done.code, done.error) == (
        1,
        "unexpected PermissionError: Permission denied (cci-lite --debug … shows where)",
    )
