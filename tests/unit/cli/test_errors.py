"""Errors are one line that says what to do; --debug adds the traceback."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cci_lite.laptop import create_lake
from tests.unit.cli.programs import GUIDE_DOCUMENT, GUIDE_FORM, cci, succeed

TENANT_ID = "2 to 48 lower-case letters, digits and hyphens, not starting with a hyphen"


def query(lake: Path, sql: str, *, tenant_id: str = "demo-tenant") -> tuple[int, str]:
    done = cci("query", sql, "--tenant", tenant_id, "--lake", lake)
    return done.code, done.error


@pytest.mark.parametrize(
    ("tenant_id", "message"),
    [
        ("demo-tennant", "no tenant 'demo-tennant'; did you mean demo-tenant?"),
        ("quite-another", "no tenant 'quite-another'; add it with: cci-lite tenants add"),
        ("../x", f"tenant_id: expected {TENANT_ID}, found text of 4 characters"),
        ("a b", f"tenant_id: expected {TENANT_ID}, found text of 3 characters"),
        ("DROP TABLE calls", f"tenant_id: expected {TENANT_ID}, found text of 16 characters"),
        ("x'; DROP TABLE x; --", f"tenant_id: expected {TENANT_ID}, found text of 20 characters"),
        ("curated", "tenant_id: expected a name that is not reserved, found 'curated'"),
        ("", f"tenant_id: expected {TENANT_ID}, found empty text"),
    ],
)  # fmt: skip
def test_a_wrong_tenant_is_wrong_usage(lake: Path, tenant_id: str, message: str) -> None:
    assert query(lake, "SELECT 1", tenant_id=tenant_id) == (2, message)


@pytest.mark.parametrize("tenant_id", ["../x", "a b", "DROP TABLE", "A", "-x", "tmp", "x" * 49])
def test_no_lake_is_made_for_a_tenant_that_cannot_be(tmp_path: Path, tenant_id: str) -> None:
    done = cci("tenants", "add", "--lake", tmp_path / "lake", "--", tenant_id)
    assert done.code == 2
    assert done.error.startswith("tenant_id: expected ")
    assert not (tmp_path / "lake").exists()


@pytest.mark.parametrize(
    "command",
    [["etl", "run"], ["etl", "plan"], ["etl", "verify"], ["quarantine", "list"]],
    ids=" ".join,
)
def test_an_empty_tenant_does_not_stand_for_all_of_them(lake: Path, command: list[str]) -> None:
    done = cci(*command, "--tenant", "", "--lake", lake)
    assert (done.code, done.error) == (
        2,
        "Invalid value for '--tenant': expected text, found empty text. "
        f"See: cci-lite {' '.join(command)} --help",
    )


def test_an_empty_lake_is_not_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = cci("tenants", "add", "demo-tenant", "--lake", "")
    assert (done.code, done.error) == (
        2,
        "Invalid value for '--lake': expected a folder, found empty text. "
        "See: cci-lite tenants add --help",
    )
    assert not list(tmp_path.iterdir())


def test_a_missing_lake_says_how_to_make_one(tmp_path: Path) -> None:
    nowhere = tmp_path / "nowhere"
    assert query(nowhere, "SELECT 1") == (
        2,
        f"no lake at {nowhere}; make one with: cci-lite tenants add ID --lake {nowhere}",
    )
    assert not nowhere.exists()


def test_a_file_is_no_lake(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x", encoding="utf-8")
    code, message = query(tmp_path / "file", "SELECT 1")
    assert code == 2
    assert message == (
        f"Invalid value for '--lake': Directory '{tmp_path / 'file'}' is a file. "
        "See: cci-lite query --help"
    )
    done = cci("tenants", "add", "demo-tenant", "--lake", tmp_path / "file" / "lake")
    assert done.code == 2
    assert done.error == f"no lake can be made at {tmp_path / 'file' / 'lake'}: Not a directory"


def test_a_damaged_catalogue_is_named(lake: Path) -> None:
    (lake / "catalog.db").write_bytes(b"this is no database, whatever its name says" * 100)
    assert query(lake, "SELECT 1") == (
        1,
        f"{lake / 'catalog.db'} cannot be used as a lake's catalogue: file is not a database; move "
        "it away and bring it back with cci-lite etl repair, or from a backup with cci-lite restore",
    )


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("SELEC 1", "line 1, column 1: expected a SELECT, found SELEC"),
        ("", "line 1, column 1: expected a SELECT, found nothing"),
        ("SELECT 1; SELECT 2", "line 1, column 1: expected one SELECT, found 2 statements"),
        ("DROP TABLE calls", "line 1, column 1: expected a SELECT, found DROP"),
        ("DELETE FROM calls", "line 1, column 1: expected a SELECT, found DELETE"),
        ("CREATE TABLE x AS SELECT 1 AS a", "line 1, column 1: expected a SELECT, found CREATE"),
        ("INSTALL httpfs", "line 1, column 1: expected a SELECT"),
        ("COPY calls TO 'x'", "line 1, column 1: expected a SELECT"),
        ("ATTACH 'catalog.db'", "line 1, column 1: expected a SELECT"),
        ("SELECT call_idd FROM calls", "line 1, column 8: "),
        ("SELECT *\nFROM call", "line 2, column "),
        ("SELECT call_id\nFROM calls\nWHERE", "line 3, column "),
    ],
)
def test_sql_that_is_refused_says_where(lake: Path, sql: str, words: str) -> None:
    code, message = query(lake, sql)
    assert code == 1
    assert message.startswith(words)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM read_csv('/etc/passwd')",
        "SELECT * FROM read_text('/etc/passwd')",
        "SELECT * FROM '/etc/passwd'",
        "SELECT * FROM duckdb_settings()",
        "SELECT * FROM information_schema.tables",
        "SELECT getenv('HOME') AS home",
        "SELECT * FROM glob('*')",
    ],
)
def test_sql_reaches_nothing_but_the_tenants_tables(lake: Path, sql: str) -> None:
    code, message = query(lake, sql)
    assert code == 1
    assert "root:" not in message


def test_a_division_by_zero_is_said_in_one_line(lake: Path) -> None:
    code, message = query(lake, "SELECT 1 / (position - position) AS x FROM qa_criteria")
    assert code == 1
    assert "zero" in message.lower()


def test_a_wrong_form_says_which_there_are(lake: Path) -> None:
    done = cci(
        "calls", "analyze", GUIDE_DOCUMENT, "--form", "sales", "--tenant", "demo-tenant",
        "--lake", lake,
    )  # fmt: skip
    assert done.code == 2
    assert done.error == (
        "tenant demo-tenant has no form 'sales' (it has: default v1); add it with: "
        "cci-lite forms put"
    )


@pytest.mark.parametrize("form", ["default@x", "default@0", "default@1e3", "default@", "@1"])
def test_a_form_reference_that_names_no_version_is_wrong_usage(lake: Path, form: str) -> None:
    done = cci(
        "calls", "analyze", GUIDE_DOCUMENT, "--form", form, "--tenant", "demo-tenant",
        "--lake", lake,
    )  # fmt: skip
    assert done.code == 2
    assert done.error


@pytest.mark.parametrize("command", [["forms", "check"], ["forms", "put"], ["calls", "ingest"]])
def test_a_missing_file_is_named(lake: Path, command: list[str]) -> None:
    scope: list[str | Path] = ["--tenant", "demo-tenant", "--lake", lake]
    if command == ["forms", "check"]:
        scope = []
    done = cci(*command, "no/such.yaml", *scope)
    assert done.code == 2
    assert done.error.startswith("no such file")
    assert done.error.endswith("no/such.yaml")


def test_missing_metadata_is_named(lake: Path) -> None:
    done = cci(
        "calls", "analyze", GUIDE_DOCUMENT, "--metadata", "no.csv", "--form", "default",
        "--tenant", "demo-tenant", "--lake", lake,
    )  # fmt: skip
    assert (done.code, done.error) == (2, "no such file: no.csv")


@pytest.mark.parametrize("arguments", [["query", "SELECT 1 AS a", "--output", "csv"],
                                       ["report", "leaderboard", "--output", "md"]],
                         ids=["query", "report"])  # fmt: skip
def test_a_target_that_cannot_be_written_is_named(lake: Path, arguments: list[str]) -> None:
    target = lake / "nowhere" / "out"
    done = cci(*arguments, "--tenant", "demo-tenant", "--lake", lake, "--to", target)
    assert done.code == 2
    assert done.error == f"{target} cannot be written: No such file or directory"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("criteria: [", ", line 1, column 12: "),
        ("criteria:\n  - id: a_01\n   text: wrong indent\n", ", line 3, column "),
        ("name: a\nname: b\n", ", line 2, column 1: "),
        ("criteria: !!python/object/apply:os.system [ls]\n", ", line 1, column 11: "),
        ("name: a", ", line 1: expected the field criteria, found an object with 1 field"),
        ("[]", ", line 1: expected an object with criteria and scoring, found a list of 0"),
        ("", ", line 1: expected an object with criteria and scoring, found null"),
        ("name: a\ncriteria: []", ", line 2: criteria: expected at least 1 item, found a list of 0"),
        ("criteria: 2025-13-45", ": "),
        ("[" * 1_000, ": "),
        ("\x00", ": "),
    ],
    ids=[
        "open list", "indent", "key twice", "python tag", "empty object", "list", "empty",
        "no criteria", "no such date", "deep", "control character",
    ],
)  # fmt: skip
def test_a_broken_form_says_where(tmp_path: Path, text: str, words: str) -> None:
    form = tmp_path / "form.yaml"
    form.write_text(text, encoding="utf-8")
    done = cci("forms", "check", form)
    assert done.code == 2
    assert done.error.startswith(f"{form}{words}")
    assert "unexpected" not in done.error


def test_a_form_that_is_no_text_is_refused(tmp_path: Path) -> None:
    form = tmp_path / "form.yaml"
    form.write_bytes(b"\xff\xfe\x00")
    done = cci("forms", "check", form)
    assert (done.code, done.error) == (
        2,
        f"{form}: expected a text file (UnicodeDecodeError)",
    )
    assert cci("forms", "check", tmp_path).error == (
        f"{tmp_path}: expected a text file (IsADirectoryError)"
    )


def test_a_form_with_a_byte_order_mark_is_read(tmp_path: Path) -> None:
    form = tmp_path / "form.yaml"
    form.write_bytes(b"\xef\xbb\xbf" + GUIDE_FORM.read_bytes())
    assert "form default, 5 criteria" in succeed("forms", "check", form).err


def test_a_released_version_of_a_form_never_changes(lake: Path, tmp_path: Path) -> None:
    form = tmp_path / "form.yaml"
    text = GUIDE_FORM.read_text(encoding="utf-8").replace("weight: 0.5", "weight: 2")
    form.write_text(text + "version: 1\n", encoding="utf-8")
    done = cci("forms", "put", form, "--tenant", "demo-tenant", "--lake", lake)
    assert done.code == 1
    assert done.error == (
        "form default v1 of demo-tenant has other content, and a version never changes; put this "
        "one as version 2"
    )


@pytest.mark.parametrize(
    ("option", "value", "message"),
    [
        ("--time-zone", "Mars/Olympus",
         "time_zone: expected an IANA time zone like Europe/Berlin, found 'Mars/Olympus'"),
        ("--time-zone", "../../etc/passwd",
         "time_zone: expected an IANA time zone like Europe/Berlin, found '../../etc/passwd'"),
        ("--agent-channel", "left",
         "audio.agent_channel: expected a channel from ch_0 to ch_9, found 'left'"),
        ("--agent-speaker", "spk_0\n", "audio.agent_speaker: expected a speaker from spk_0 to "
         "spk_99, found text of 6 characters"),
    ],
    ids=["zone", "zone that leads out", "channel", "speaker"],
)  # fmt: skip
def test_a_wrong_setting_of_a_tenant_is_wrong_usage(
    lake: Path, option: str, value: str, message: str
) -> None:
    done = cci("tenants", "add", "demo-tenant", "--lake", lake, option, value)
    assert (done.code, done.error) == (2, message)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", ": expected an object with the tenant's settings"),
        ("audio: left", ": audio: expected an object"),
        ("tenant_id: other-tenant", ": expected the tenant demo-tenant, found another one"),
        ("time_zone: Mars", ": time_zone: expected an IANA time zone like Europe/Berlin, "
         "found 'Mars'"),
        ("time_zone: 5", ": time_zone: expected text, found 5"),
    ],
    ids=["list", "audio", "another tenant", "zone", "type"],
)  # fmt: skip
def test_a_tenants_file_that_is_wrong_is_named(
    lake: Path, tmp_path: Path, text: str, message: str
) -> None:
    file = tmp_path / "tenant.yaml"
    file.write_text(text, encoding="utf-8")
    done = cci("tenants", "add", "demo-tenant", "--lake", lake, "--file", file)
    assert (done.code, done.error) == (2, f"{file}{message}")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["qurey"], "No such command 'qurey'. Did you mean 'query'? See: cci-lite --help"),
        (["nothing-like-it"], "No such command 'nothing-like-it'. See: cci-lite --help"),
        (["query"], "Missing argument 'SQL'. See: cci-lite query --help"),
        (["query", "SELECT 1", "--output", "yaml"],
         "Invalid value for '--output': 'yaml' is not one of 'table', 'csv', 'json', 'parquet'. "
         "See: cci-lite query --help"),
        (["views", "lint", "nowhere"],
         "Invalid value for '[FOLDER]': Directory 'nowhere' does not exist. "
         "See: cci-lite views lint --help"),
        (["demo", "--form", "x.yaml"],
         "--form, --agent-channel and --agent-speaker go with --transcripts"),
    ],
    ids=["near command", "far command", "argument", "choice", "folder", "options together"],
)  # fmt: skip
def test_wrong_usage_is_said_in_one_line(arguments: list[str], message: str) -> None:
    done = cci(*arguments)
    assert (done.code, done.error) == (2, message)


def test_a_lake_without_tenants_says_how_to_add_one(tmp_path: Path) -> None:
    create_lake(tmp_path).catalog.close()
    done = cci("etl", "run", "--lake", tmp_path)
    assert (done.code, done.error) == (
        2,
        f"{tmp_path} has no tenant; add one with: cci-lite tenants add",
    )


def test_a_key_that_is_not_in_quarantine_is_refused(lake: Path) -> None:
    done = cci(
        "quarantine", "replay", "unified/demo-tenant/2025/11/05/x.json",
        "--tenant", "demo-tenant", "--lake", lake,
    )  # fmt: skip
    assert done.code == 2
    assert "see: cci-lite quarantine list" in done.error


def test_debug_shows_the_traceback_once_and_for_this_run_only(lake: Path) -> None:
    arguments = ("query", "SELEC", "--tenant", "demo-tenant", "--lake", lake)
    shown = cci("--debug", *arguments)
    assert shown.code == 1
    assert shown.err.count("Traceback (most recent call last)") == 1
    assert shown.err.splitlines()[-1].startswith("error: ")
    assert cci(*arguments).error
    assert "CCI_LITE_DEBUG" not in os.environ


def test_debug_can_be_set_by_the_environment(lake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CCI_LITE_DEBUG", "1")
    shown = cci("query", "SELEC", "--tenant", "demo-tenant", "--lake", lake)
    assert "Traceback" in shown.err


def test_an_unexpected_error_repeats_no_data(lake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("Jane Doe, 4111 1111 1111 1111")

    monkeypatch.setattr("cci_lite.laptop.Lake.stream", fail)
    done = cci("query", "SELECT 1 AS a", "--tenant", "demo-tenant", "--lake", lake)
    assert done.code == 1
    assert done.error == "unexpected RuntimeError (cci-lite --debug … shows where)"


def test_stopping_the_program_says_so(lake: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("cci_lite.laptop.Lake.stream", stop)
    done = cci("query", "SELECT 1 AS a", "--tenant", "demo-tenant", "--lake", lake)
    assert done.code == 130
    assert done.err.split() == ["stopped"]
