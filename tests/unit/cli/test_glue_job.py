"""A job of Glue passes its parameters on as the options of a command."""

from __future__ import annotations

import os
import runpy
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from cci_lite.cli import glue_job
from cci_lite.cli.glue_job import SETTINGS, command_of, run_job
from tests.unit.cli.programs import CHECKOUT

ETL_RUN = ("etl", "run")
# As Glue passes them, with a word that belongs to none of them.
GLUES_OWN = (
    *("--job-bookmark-option", "job-bookmark-disable", "--JOB_ID", "j_1", "true"),
    *("--JOB_RUN_ID", "jr_1", "--JOB_NAME", "cci-lite-nightly-flatten"),
)
# The names that Glue's documentation of job parameters gives.
DOCUMENTED = [
    "additional-python-modules",
    "auto-scale-within-microbatch",
    "class",
    "conf",
    "continuous-log-conversionPattern",
    "continuous-log-logGroup",
    "continuous-log-logStreamPrefix",
    "customer-driver-env-vars",
    "customer-executor-env-vars",
    "datalake-formats",
    "debug",
    "disable-proxy-v2",
    "enable-auto-scaling",
    "enable-continuous-cloudwatch-log",
    "enable-continuous-log-filter",
    "enable-glue-datacatalog",
    "enable-job-insights",
    "enable-lakeformation-fine-grained-access",
    "enable-metrics",
    "enable-observability-metrics",
    "enable-rename-algorithm-v2",
    "enable-s3-parquet-optimized-committer",
    "enable-spark-ui",
    "encryption-type",
    "endpoint",
    "executor-cores",
    "extra-files",
    "extra-jars",
    "extra-py-files",
    "job-bookmark-from",
    "job-bookmark-option",
    "job-bookmark-to",
    "job-language",
    "JOB_ID",
    "JOB_NAME",
    "JOB_RUN_ID",
    "mode",
    "python-modules-installer-option",
    "RedshiftTempDir",
    "scriptLocation",
    "SECURITY_CONFIGURATION",
    "spark-event-logs-path",
    "TempDir",
    "use-postgres-driver",
    "user-jars-first",
    "version",
    "write-shuffle-files-to-s3",
    "write-shuffle-spills-to-s3",
]


@pytest.fixture
def passed_on(monkeypatch: pytest.MonkeyPatch) -> Callable[..., list[str]]:
    """Runs a job whose command is not run; its arguments."""
    arguments: list[str] = []

    def keep(words: list[str]) -> int:
        arguments.extend(words)
        return 0

    def run(*parameters: str, environment: dict[str, str] | None = None) -> list[str]:
        monkeypatch.setattr(glue_job, "run_program", keep)
        run_job(ETL_RUN, [*GLUES_OWN, *parameters], {} if environment is None else environment)
        return arguments

    return run


def test_options_are_passed_on_and_glues_own_parameters_are_not(
    passed_on: Callable[..., list[str]],
) -> None:
    found = passed_on(
        "--tenant", "demo-tenant", "--since", "2025-11-05", "--enable-metrics", "true"
    )
    assert sorted(found) == ["--since=2025-11-05", "--tenant=demo-tenant", "etl", "run"]
    assert found[:2] == ["etl", "run"]


@pytest.mark.parametrize("name", DOCUMENTED)
def test_a_parameter_of_glues_documentation_is_left_out(
    name: str, passed_on: Callable[..., list[str]]
) -> None:
    assert passed_on(f"--{name}", "value") == ["etl", "run"]


@pytest.mark.parametrize(
    ("parameters", "options"),
    [
        (["--strict", "true"], ["--strict"]),
        (["--strict", "True"], ["--strict"]),
        (["--strict", ""], ["--strict"]),
        (["--strict"], ["--strict"]),
        (["--strict", "false"], []),
        (["--strict=true", "--workers=2"], ["--strict", "--workers=2"]),
        (["--strict", "--workers", "2"], ["--strict", "--workers=2"]),
    ],
)
def test_a_flag_is_set_by_a_value_because_glue_knows_no_parameters_without_one(
    parameters: list[str], options: list[str], passed_on: Callable[..., list[str]]
) -> None:
    assert sorted(passed_on(*parameters)[2:]) == options


def test_an_option_that_may_be_repeated_takes_several_values_at_once(
    monkeypatch: pytest.MonkeyPatch, passed_on: Callable[..., list[str]]
) -> None:
    command = click.Command("run", params=[click.Option(["--tenant"], multiple=True)])
    monkeypatch.setattr(glue_job, "command_of", lambda _: command)
    assert passed_on("--tenant", "one, two")[2:] == ["--tenant=one", "--tenant=two"]


@pytest.mark.parametrize("option", command_of(ETL_RUN).params, ids=lambda option: option.name)
def test_every_option_of_the_command_is_a_parameter_of_the_job(
    option: click.Option, passed_on: Callable[..., list[str]]
) -> None:
    [name] = [each for each in option.opts if each.startswith("--")]
    assert [each.partition("=")[0] for each in passed_on(name, "true")[2:]] == [name]


def test_settings_are_parameters_too_and_override_the_environment(
    passed_on: Callable[..., list[str]],
) -> None:
    environment = {"CURATED_BUCKET": "before", "PATH": "/bin"}
    given = {name: name.lower() for name in SETTINGS}
    words = [word for name, value in given.items() for word in (f"--{name}", value)]
    assert passed_on(*words, environment=environment) == ["etl", "run"]
    assert environment == {"PATH": "/bin", **given}


def test_a_setting_without_a_value_stays_as_it_is(passed_on: Callable[..., list[str]]) -> None:
    environment = {"AWS_REGION": "eu-central-1"}
    passed_on("--AWS_REGION", "", "--KMS_KEY_ARN", "", environment=environment)
    assert environment == {"AWS_REGION": "eu-central-1"}


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("tennant", "tenant"),
        ("Tenant", "tenant"),
        ("allow_shrink", "allow-shrink"),
        ("CURATED_BUCKETS", "CURATED_BUCKET"),
        ("curated-table", "CURATED_TABLE"),
    ],
)
def test_a_parameter_that_is_nearly_an_option_is_refused(name: str, meant: str) -> None:
    with pytest.raises(SystemExit) as ended:
        run_job(ETL_RUN, [*GLUES_OWN, f"--{name}", "x"], {})
    assert ended.value.code == (f"wrong parameters of the job: --{name}: did you mean --{meant}?")


def test_a_flag_is_refused_with_another_value() -> None:
    with pytest.raises(SystemExit) as ended:
        run_job(ETL_RUN, ["--strict", "demo-tenant"], {})
    assert ended.value.code == (
        "wrong parameters of the job: --strict: expected true or false, found another value"
    )


def test_a_run_that_fails_fails_the_job_and_its_reason_names_the_exit_code(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(glue_job, "run_program", lambda _: 4)
    with pytest.raises(SystemExit) as ended:
        run_job(ETL_RUN, GLUES_OWN, {})
    assert ended.value.code == "cci-lite etl run ended with exit code 4; the job's log says why"


# --- The script -----------------------------------------------------------------------------------

SCRIPT = CHECKOUT / "etl" / "nightly_flatten.py"


def job(*parameters: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """The script as Glue runs it: by itself, with the package installed."""
    environment = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    return subprocess.run(
        [sys.executable, SCRIPT, *GLUES_OWN, *parameters],
        cwd=cwd,
        env={**environment, "PYTHONPATH": str(CHECKOUT)},
        check=False,
        capture_output=True,
        text=True,
    )


def test_the_script_runs_the_night_and_its_log_has_the_balance_sheets(
    lake: Path, tmp_path: Path
) -> None:
    done = job("--lake", str(lake), "--rebuild", "true", "--output", "json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert '"calls": 1' in done.stdout
    assert done.stderr.startswith("cci-lite etl run --lake=")


def test_the_script_exits_otherwise_when_the_run_fails(tmp_path: Path) -> None:
    done = job("--lake", str(tmp_path / "nowhere"), cwd=tmp_path)
    assert done.returncode == 1
    assert done.stderr.splitlines()[-1] == (
        "cci-lite etl run ended with exit code 2; the job's log says why"
    )


def test_importing_the_script_runs_nothing() -> None:
    """Worker processes import it again."""
    runpy.run_path(str(SCRIPT), run_name="__mp_main__")
