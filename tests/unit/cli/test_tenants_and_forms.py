"""Tenants and forms from the command line, in a lake and in DynamoDB alike."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from cci_lite.aws.items import to_item
from tests.unit.cli.aws_account import OUTPUT_BUCKET, REGION, TABLE, cloud
from tests.unit.cli.programs import CHECKOUT, GUIDE_FORM, STAR_FORM, Done, cci, succeed

FORMS = CHECKOUT / "examples" / "forms"
NAMES = ("AWS_REGION", "DDB_TABLE", "CCI_LITE_LAKE")
WITHOUT_EITHER = (
    "expected --lake DIR (or CCI_LITE_LAKE) for a lake in a folder, or DDB_TABLE and AWS_REGION "
    "for a table in DynamoDB"
)


@pytest.fixture(params=["lake", "dynamodb"])
def scope(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[list[str]]:
    """The options that name where a tenant `demo-tenant` is."""
    if request.param == "lake":
        options = ["--lake", str(tmp_path / "lake")]
        succeed("tenants", "add", "demo-tenant", *options)
        yield options
    else:
        with cloud(monkeypatch):
            succeed("tenants", "add", "demo-tenant")
            yield []


@pytest.fixture
def place(scope: list[str]) -> str:
    return scope[1] if scope else f"table {TABLE} in {REGION}"


@pytest.fixture
def hold(scope: list[str]) -> Callable[[str], None]:
    """Puts an object at a key of the store."""

    def in_lake(key: str) -> None:
        path = Path(scope[1]) / key
        path.parent.mkdir(parents=True)
        path.write_bytes(b"{}")

    def in_bucket(key: str) -> None:
        s3 = boto3.client("s3", region_name=REGION)
        s3.put_object(Bucket=OUTPUT_BUCKET, Key=key, Body=b"{}")

    return in_lake if scope else in_bucket


def shown(scope: list[str], tenant_id: str = "demo-tenant") -> Any:
    return succeed("tenants", "show", tenant_id, *scope, "--output", "json").json


def put(scope: list[str], file: Path) -> Done:
    return succeed("forms", "put", file, "--tenant", "demo-tenant", *scope)


# --- tenants ------------------------------------------------------------------------------------


def test_a_tenant_is_added_changed_and_left_alone(scope: list[str], place: str) -> None:
    assert succeed("tenants", "add", "other", *scope, "--agent-channel", "ch_0").err == (
        f"tenant other added in {place}\n"
    )
    changed = succeed(
        "tenants", "add", "other", *scope, "--model", "sonnet", "--residency", "us",
        "--status", "suspended", "--agent-speaker", "spk_1",
    )  # fmt: skip
    assert changed.err == f"tenant other changed in {place}\n"
    again = succeed("tenants", "add", "other", *scope, "--status", "suspended")
    assert again.err == f"tenant other is there already in {place}\n"
    assert shown(scope, "other")["settings"] == {
        "tenant_id": "other",
        "name": "other",
        "time_zone": "UTC",
        "language_code": "en-US",
        "audio": {"agent_channel": "ch_0", "agent_speaker": "spk_1"},
        "status": "suspended",
        "data_residency": "us",
        "model": "sonnet",
        "unredacted": "refuse",
        "nlp": "comprehend",
        "evaluator": "bedrock",
        "max_open_calls": 100,
    }


def test_all_settings_can_come_from_a_file(scope: list[str], tmp_path: Path) -> None:
    file = tmp_path / "tenant.yaml"
    file.write_text(
        "{nlp: none, evaluator: rules, max_open_calls: 5, unredacted: refuse, language_code: en-GB,"
        " audio: {max_speakers: 4}}"
    )
    added = succeed("tenants", "add", "demo-tenant", *scope, "--file", file)
    assert "Transcribe does not redact en-GB: calls are refused" in added.err
    settings = shown(scope)["settings"]
    assert settings["audio"] == {"max_speakers": 4}
    assert (settings["nlp"], settings["evaluator"], settings["max_open_calls"]) == (
        "none", "rules", 5
    )  # fmt: skip


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (["--model", "gpt"], "model: expected one of nova-lite, sonnet, haiku, found 'gpt'"),
        (["--language", "xx"], "language_code: expected a language of batch transcription, like "
         "en-US or de-DE, found 'xx'"),
    ],
    ids=["model", "language"],
)  # fmt: skip
def test_settings_that_no_service_has_are_wrong_usage(
    scope: list[str], options: list[str], text: str
) -> None:
    done = cci("tenants", "add", "demo-tenant", *scope, *options)
    assert (done.code, done.error) == (2, text)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "{modle: sonnet}",
            "expected only the fields tenant_id, name, time_zone, language_code, audio, status, "
            "data_residency, model, unredacted, nlp, evaluator and max_open_calls, found 'modle'",
        ),
        ("{name: ''}", "name: expected text, found empty text"),
        ("{name: ' '}", "name: expected text, found empty text"),
    ],
    ids=["unknown field", "empty name", "blank name"],
)
def test_a_file_with_what_is_no_setting_changes_nothing(
    scope: list[str], tmp_path: Path, text: str, problem: str
) -> None:
    before = shown(scope)
    file = tmp_path / "tenant.yaml"
    file.write_text(text)
    done = cci("tenants", "add", "demo-tenant", *scope, "--file", file)
    assert (done.code, done.error) == (2, f"{file}: {problem}")
    assert shown(scope) == before


@pytest.mark.parametrize(
    "option",
    ["--name", "--time-zone", "--language", "--agent-channel", "--agent-speaker", "--model"],
)
@pytest.mark.parametrize("value", ["", " "], ids=["empty", "blank"])
def test_an_option_of_a_tenant_with_empty_text_is_wrong_usage(
    scope: list[str], option: str, value: str
) -> None:
    done = cci("tenants", "add", "demo-tenant", *scope, option, value)
    assert (done.code, done.error) == (
        2,
        f"Invalid value for '{option}': expected text, found empty text. "
        "See: cci-lite tenants add --help",
    )


def test_a_tenant_is_shown_with_its_forms_and_who_is_judged_by_which(scope: list[str]) -> None:
    for form in (GUIDE_FORM, FORMS / "sales.yaml"):
        put(scope, form)
    about = ("--tenant", "demo-tenant", *scope)
    succeed("forms", "activate", "sales@1", "--queue", "sales-de", *about)
    found = shown(scope)
    assert found["forms"] == ["default v1", "sales v1"]
    rows = [(row["queue"], row["form"]) for row in found["judged_by"]]
    assert rows == [("sales-de", "sales v1"), ("*", "default v1")]
    assert found["warnings"] == []
    text = succeed("tenants", "show", "demo-tenant", *scope).out
    for word in ("time_zone", "UTC", "sales v1", "sales-de"):
        assert word in text


def test_a_tenant_without_an_active_form_is_told_so(scope: list[str]) -> None:
    put(scope, FORMS / "sales.yaml")
    warning = "calls of other queues are not judged: no form is active for them"
    assert shown(scope)["warnings"] == [warning]
    assert warning in succeed("tenants", "show", "demo-tenant", *scope).err
    succeed("forms", "activate", "sales", "--tenant", "demo-tenant", *scope)
    assert shown(scope)["warnings"] == []


def test_a_tenant_is_removed_after_a_plan(scope: list[str], place: str) -> None:
    put(scope, GUIDE_FORM)
    plan = cci("tenants", "remove", "demo-tenant", *scope)
    lines = ["  - QA_TEMPLATE#default#v000001", "  - META#v1"]
    assert plan.code == 1
    assert plan.err.splitlines() == [
        *lines, "2 items of demo-tenant would be deleted; to do it, add --yes"
    ]  # fmt: skip
    assert shown(scope)["forms"] == ["default v1"]
    done = succeed("tenants", "remove", "demo-tenant", "--yes", *scope)
    assert done.err.splitlines() == [*lines, f"tenant demo-tenant removed from {place}"]
    gone = cci("tenants", "remove", "demo-tenant", "--yes", *scope)
    assert gone.code == 2
    assert gone.error.startswith("no tenant 'demo-tenant'; ")


def test_a_tenant_with_data_is_not_removed(scope: list[str], hold: Callable[[str], None]) -> None:
    hold("unified/demo-tenant-2/2025/11/05/call-1.json")
    assert "would be deleted" in cci("tenants", "remove", "demo-tenant", *scope).err
    hold("unified/demo-tenant/2025/11/05/call-1.json")
    done = cci("tenants", "remove", "demo-tenant", "--yes", *scope)
    assert done.code == 2
    assert done.error == (
        "tenant demo-tenant still has data below unified/demo-tenant/; to take no more calls in: "
        "cci-lite tenants add demo-tenant --status suspended"
    )
    assert shown(scope)["settings"]["tenant_id"] == "demo-tenant"


# --- forms --------------------------------------------------------------------------------------


def test_a_form_is_activated_once(scope: list[str]) -> None:
    about = ("--tenant", "demo-tenant", *scope)
    put(scope, FORMS / "sales.yaml")
    put(scope, GUIDE_FORM)
    say = [
        succeed("forms", "activate", *words, *about).err
        for words in (["sales"], ["sales"], ["default@1"], ["sales", "--queue", "sales-de"])
    ]
    assert say == [
        "demo-tenant, all other queues: no activation → sales v1\n",
        "demo-tenant, all other queues: sales v1 is active already\n",
        "demo-tenant, all other queues: sales v1 → default v1\n",
        "demo-tenant, queue sales-de: no activation → sales v1\n",
    ]
    rows = succeed("forms", "list", *about, "--output", "json").json
    assert [(row["form"], row["active_for"]) for row in rows] == [
        ("default", "*"), ("sales", "sales-de")
    ]  # fmt: skip


def test_a_form_that_is_not_there_is_not_activated(scope: list[str]) -> None:
    put(scope, GUIDE_FORM)
    done = cci("forms", "activate", "default@2", "--tenant", "demo-tenant", *scope)
    assert done.code == 2
    assert done.error.startswith("tenant demo-tenant has no form 'default v2' (it has: default v1)")
    assert cci("forms", "activate", "default@x", "--tenant", "demo-tenant", *scope).error == (
        "default@x: version: expected a version like 3 or v3, found 'x'"
    )
    assert cci("forms", "activate", "default@", "--tenant", "demo-tenant", *scope).error == (
        "default@: version: expected a version like 3 or v3, found empty text"
    )


@pytest.mark.parametrize(
    ("queue", "problem"),
    [
        ("", "expected text, found empty text."),
        (" ", "expected text, found empty text."),
        ("sales\nde", "expected one line of printable characters."),
        ("sales-de\n", "expected one line of printable characters."),
    ],
    ids=["empty", "blank", "two lines", "line end"],
)
def test_what_is_no_queue_activates_nothing(scope: list[str], queue: str, problem: str) -> None:
    put(scope, GUIDE_FORM)
    about = ("--tenant", "demo-tenant", *scope)
    done = cci("forms", "activate", "default", "--queue", queue, *about)
    assert (done.code, done.error) == (
        2, f"Invalid value for '--queue': {problem} See: cci-lite forms activate --help"
    )  # fmt: skip
    [row] = succeed("forms", "list", *about, "--output", "json").json
    assert row["active_for"] == ""


def changed_form(tmp_path: Path) -> Path:
    form = {
        "name": "default",
        "criteria": [
            {"id": "greet_01", "text": "Was a greeting said?", "weight": 2},
            {"id": "new_06", "text": "Is this new?", "weight": 1},
        ],
        "scoring": {"pass_threshold": 0.8},
    }
    file = tmp_path / "changed.json"
    file.write_text(json.dumps(form))
    return file


def test_two_versions_of_a_form_are_compared(scope: list[str], tmp_path: Path) -> None:
    put(scope, GUIDE_FORM)
    put(scope, changed_form(tmp_path))
    about = ("--tenant", "demo-tenant", *scope)
    done = cci("forms", "diff", "default@1", "default", *about)
    assert done.code == 1
    lines = done.out.splitlines()
    assert lines[4:] == [
        "+ new_06: Is this new?",
        "~ greet_01",
        '    text: "Did the agent greet the customer politely at the start?" → "Was a greeting said?"',
        '    weight: "1" → "2"',
        "    required: true → false",
        "~ scoring",
        '    pass_threshold: "0.7" → "0.8"',
        '    notes: "Weights sum may differ from required items." → ""',
    ]
    assert [line[:2] for line in lines[:4]] == ["- "] * 4
    machine = cci("forms", "diff", "default@1", "default", *about, "--output", "json")
    assert machine.code == 1
    assert machine.json["same"] is False
    assert [criterion["id"] for criterion in machine.json["added"]] == ["new_06"]
    assert machine.json["changed"][0]["changes"][1] == {
        "field": "weight", "before": "1", "after": "2"
    }  # fmt: skip


def test_the_same_form_in_a_file_and_in_the_store_does_not_differ(scope: list[str]) -> None:
    put(scope, GUIDE_FORM)
    about = ("--tenant", "demo-tenant", *scope)
    assert succeed("forms", "diff", GUIDE_FORM, "default@1", *about).out == ""
    found = succeed("forms", "diff", "default@1", "default", *about, "--output", "json").json
    assert found["same"] is True


def test_two_files_need_no_store(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    assert succeed("forms", "diff", GUIDE_FORM, GUIDE_FORM).out == ""
    assert cci("forms", "diff", GUIDE_FORM, FORMS / "sales.yaml").code == 1
    done = cci("forms", "diff", GUIDE_FORM, "default")
    assert (done.code, done.error) == (
        2, "default: expected --tenant for a stored form, or the path of a file"
    )  # fmt: skip


# --- what is broken -----------------------------------------------------------------------------


@pytest.fixture
def table(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Puts raw items into the table, as the console does."""
    with cloud(monkeypatch):
        client = boto3.client("dynamodb", region_name=REGION)
        yield lambda **item: client.put_item(TableName=TABLE, Item=to_item(item))


GUIDE_META = {"pk": "TENANT#demo-tenant", "sk": "META#v1", "name": "Demo Tenant"}


def test_the_guides_items_are_read_as_they_are(table: Callable[..., None]) -> None:
    from tests.unit.contract.test_form import GUIDE_TEMPLATE

    table(**GUIDE_META, bedrockModel="anthropic.claude-3-haiku-20240307")
    table(**GUIDE_TEMPLATE)
    found = shown([])
    assert (found["settings"]["name"], found["forms"]) == ("Demo Tenant", ["default v1"])
    assert [(row["queue"], row["form"]) for row in found["judged_by"]] == [("*", "default v1")]
    assert succeed("forms", "diff", GUIDE_FORM, "default", "--tenant", "demo-tenant").out == ""
    assert "was there already" in put([], GUIDE_FORM).err


def test_what_a_stored_item_says_beyond_the_settings_stays(
    table: Callable[..., None], tmp_path: Path
) -> None:
    table(**GUIDE_META, owner="quality")
    file = tmp_path / "tenant.yaml"
    file.write_text("model: sonnet")
    succeed("tenants", "add", "demo-tenant", "--file", file)
    key = {"pk": {"S": "TENANT#demo-tenant"}, "sk": {"S": "META#v1"}}
    client = boto3.client("dynamodb", region_name=REGION)
    item = client.get_item(TableName=TABLE, Key=key)["Item"]
    assert (item["owner"], item["model"]) == ({"S": "quality"}, {"S": "sonnet"})


def test_a_broken_tenant_hides_no_other_and_is_fixed(table: Callable[..., None]) -> None:
    table(**GUIDE_META)
    table(pk="TENANT#broken", sk="META#v1", name="B", time_zone="Mars")
    done = succeed("tenants", "list", "--output", "json")
    assert [(row["tenant_id"], row["status"]) for row in done.json] == [
        ("broken", "broken"), ("demo-tenant", "active")
    ]  # fmt: skip
    assert done.err == (
        "tenant broken: time_zone: expected an IANA time zone like Europe/Berlin, found 'Mars'\n"
    )
    assert cci("tenants", "show", "broken").code == 1
    assert cci("tenants", "add", "broken", "--name", "still broken").code == 2
    succeed("tenants", "add", "broken", "--time-zone", "Europe/Berlin")
    assert shown([], "broken")["settings"]["name"] == "B"


def test_a_broken_form_is_listed_as_broken(table: Callable[..., None]) -> None:
    table(**GUIDE_META)
    put([], GUIDE_FORM)
    table(pk="TENANT#demo-tenant", sk="QA_TEMPLATE#sales", criteria=[])
    done = succeed("forms", "list", "--tenant", "demo-tenant", "--output", "json")
    assert [(row["form"], row["content_hash"] == "broken") for row in done.json] == [
        ("default", False), ("sales", True)
    ]  # fmt: skip
    problem = "criteria: expected at least 1 item, found a list of 0"
    assert done.err == f"sales v1 is broken: {problem}\n"
    assert shown([])["warnings"] == [f"form sales v1 is broken: {problem}"]
    assert cci("forms", "activate", "sales", "--tenant", "demo-tenant").error == problem


COMMANDS = [
    ["tenants", "add", "demo-tenant"],
    ["tenants", "list"],
    ["tenants", "show", "demo-tenant"],
    ["tenants", "remove", "demo-tenant", "--yes"],
    ["forms", "put", str(GUIDE_FORM), "--tenant", "demo-tenant"],
    ["forms", "list", "--tenant", "demo-tenant"],
    ["forms", "activate", "default", "--tenant", "demo-tenant"],
    ["forms", "diff", "default@1", "default@2", "--tenant", "demo-tenant"],
]


@pytest.mark.parametrize("missing", ["DDB_TABLE", "AWS_REGION"])
@pytest.mark.parametrize("command", COMMANDS, ids=lambda words: " ".join(words[:2]))
def test_a_command_that_is_told_no_place_names_both(
    monkeypatch: pytest.MonkeyPatch, command: list[str], missing: str
) -> None:
    for name in NAMES:
        monkeypatch.setenv(name, "x")
    for name in ("CCI_LITE_LAKE", missing):
        monkeypatch.delenv(name)
    done = cci(*command)
    assert (done.code, done.error) == (2, WITHOUT_EITHER)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda words: " ".join(words[:2]))
def test_a_table_that_is_not_there_is_said_in_a_line(
    monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    with cloud(monkeypatch, table=False):
        done = cci(*command)
    assert (done.code, done.error) == (
        1, "dynamodb_ResourceNotFoundException: there is no table cci-lite-config in eu-central-1"
    )  # fmt: skip


def test_missing_credentials_are_said_in_a_line(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    names = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE", "CCI_LITE_LAKE")
    for name in names:
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE"):
        monkeypatch.setenv(name, str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_REGION", REGION)
    monkeypatch.setenv("DDB_TABLE", TABLE)
    done = cci("tenants", "list")
    assert (done.code, done.error) == (
        1,
        "dynamodb_NoCredentialsError: no AWS credentials were found; set AWS_PROFILE, or log in",
    )


def test_a_profile_that_is_not_there_is_said_in_a_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CCI_LITE_LAKE", raising=False)
    for name, value in (("AWS_REGION", REGION), ("DDB_TABLE", TABLE), ("AWS_PROFILE", "none")):
        monkeypatch.setenv(name, value)
    done = cci("tenants", "list")
    assert (done.code, done.error) == (2, "AWS cannot be used: ProfileNotFound")


def test_the_buckets_must_be_named_to_remove_a_tenant(monkeypatch: pytest.MonkeyPatch) -> None:
    with cloud(monkeypatch):
        succeed("tenants", "add", "demo-tenant")
        monkeypatch.delenv("OUTPUT_BUCKET")
        done = cci("tenants", "remove", "demo-tenant", "--yes")
    assert (done.code, done.error) == (
        2, "INPUT_BUCKET and OUTPUT_BUCKET must be set, to look for the tenant's data there"
    )  # fmt: skip


@pytest.mark.parametrize("name", ["INPUT_BUCKET", "OUTPUT_BUCKET"])
def test_a_bucket_that_is_not_there_is_named_and_the_tenant_stays(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    with cloud(monkeypatch):
        succeed("tenants", "add", "demo-tenant")
        monkeypatch.setenv(name, "no-such-bucket")
        done = cci("tenants", "remove", "demo-tenant", "--yes")
        assert shown([])["settings"]["tenant_id"] == "demo-tenant"
    assert (done.code, done.error) == (
        1, "s3_NoSuchBucket: there is no bucket no-such-bucket"
    )  # fmt: skip


# --- forms as people write them ------------------------------------------------------------------


def written(tmp_path: Path, text: str, name: str = "form.yaml") -> Path:
    file = tmp_path / name
    file.write_text(text, encoding="utf-8")
    return file


def test_every_mistake_in_a_form_is_said_at_once_with_its_line(tmp_path: Path) -> None:
    file = written(
        tmp_path,
        """\
name: service
criteria:
  - id: Greet
    text: Did the agent greet?
    weight: 0
  - id: greet_02
    text: ok?
    rule: {phrases: [hello, 7], must: maybe}
  - just text
  - id: greet_02
    text: Did the agent greet?
    weight: 1
    colour: red
    rule: {pattern: "(", said_by: agent}
scoring: {pass_threshold: 7}
""",
    )
    done = cci("forms", "check", file)
    assert done.code == 2
    assert [line.removeprefix(f"{file}, ") for line in done.err.splitlines()] == [
        "line 3: criteria[0].id: expected 2 to 64 lower-case letters, digits and '_', "
        "starting with a letter, found 'Greet'",
        "line 5: criteria[0].weight: expected a number above 0, at most 1000, with at most 4 "
        "decimals, found '0'",
        "line 6: criteria[1]: expected the field weight, found an object with 3 fields",
        "line 7: criteria[1].text: expected text of at least 5 characters, found text of 3 "
        "characters",
        "line 8: criteria[1].rule.must: expected not_say or say, found 'maybe'",
        "line 8: criteria[1].rule.phrases[1]: expected text, found 7",
        "line 9: criteria[2]: expected an object, found text of 9 characters",
        "line 10: criteria[3].id: expected an id used once in the form, found 'greet_02' again",
        "line 10: criteria[3]: expected only the fields id, text, weight, required and rule, "
        "found 'colour'",
        "line 14: criteria[3].rule.pattern: expected a regular expression that RE2 understands "
        "(no look-around, no back-references), found missing ): (",
        "line 15: scoring.pass_threshold: expected a number from 0 to 1, with at most 4 decimals, "
        "found '7'",
        f"error: {file}: 11 mistakes",
    ]


def test_a_file_that_names_no_form_is_refused(tmp_path: Path) -> None:
    text = "criteria:\n  - {id: greet_01, text: Did the agent greet?, weight: 1}\n"
    file = written(tmp_path, text)
    assert cci("forms", "check", file).error == (
        f"{file}, line 1: expected the field name "
        "(default is the form of all queues without another), found none"
    )
    assert cci("forms", "check", written(tmp_path, f"name: default\n{text}")).code == 0
    assert cci("forms", "check", written(tmp_path, f"sk: QA_TEMPLATE#v1\n{text}")).code == 0


CRITERION = """\
name: service
criteria:
  - id: order_01
    text: {text}
    weight: 1
    rule: {{{rule}}}
"""


@pytest.mark.parametrize(
    ("text", "rule", "path", "found"),
    [
        (
            "Did the agent ask?", r'pattern: "\b(order|booking)\b"', "criteria[0].rule.pattern",
            r"U+0008, which \b within double quotes stands for; write it in single quotes, or in none",
        ),
        (
            "Did the agent ask?", r'phrases: [hello, "good\tday"]', "criteria[0].rule.phrases[1]",
            r"U+0009, which \t within double quotes stands for; write it in single quotes, or in none",
        ),
        (
            "Did the agent ask?", r'phrases: [a], applies_when: {pattern: "a\fb"}',
            "criteria[0].rule.applies_when.pattern",
            r"U+000C, which \f within double quotes stands for; write it in single quotes, or in none",
        ),
        (r'"Did the \x7f agent ask?"', "phrases: [a]", "criteria[0].text", "U+007F; remove it"),
        (r'"Did the \u202e agent ask?"', "phrases: [a]", "criteria[0].text", "U+202E; remove it"),
    ],
    ids=["backspace", "tab", "form feed", "delete", "turned text"],
)  # fmt: skip
def test_a_sign_that_nobody_sees_is_refused_with_the_cure(
    tmp_path: Path, text: str, rule: str, path: str, found: str
) -> None:
    file = written(tmp_path, CRITERION.format(text=text, rule=rule))
    error = cci("forms", "check", file).error
    assert error.partition(": ")[2] == (
        f"{path}: expected text without control characters, found {found}"
    )


def test_a_pattern_with_backslashes_outside_double_quotes_is_taken(tmp_path: Path) -> None:
    rule = r"pattern: '\b(order|booking)\b'"
    file = written(tmp_path, CRITERION.format(text="Did the agent ask?", rule=rule))
    assert cci("forms", "check", file).code == 0


def test_a_stored_form_is_shown_as_a_file_that_is_no_new_version(
    scope: list[str], tmp_path: Path
) -> None:
    put(scope, STAR_FORM)
    about = ("--tenant", "demo-tenant", *scope)
    name = succeed("forms", "list", *about, "--output", "json").json[0]["form"]
    shown_form = succeed("forms", "show", name, *about)
    again = put(scope, written(tmp_path, shown_form.out))
    assert again.err.splitlines()[0] == f"form {name} v1 of demo-tenant was there already"
    as_json = succeed("forms", "show", f"{name}@1", *about, "--output", "json")
    assert put(scope, written(tmp_path, as_json.out, "form.json")).err == again.err
    assert cci("forms", "show", f"{name}@7", *about).code == 2


def test_content_that_an_earlier_version_has_is_that_version(
    scope: list[str], tmp_path: Path
) -> None:
    put(scope, GUIDE_FORM)
    first = written(
        tmp_path, "name: a\ncriteria:\n  - {id: x_1, text: Did it work?, weight: 1}\n", "1.yaml"
    )
    second = written(tmp_path, first.read_text().replace("weight: 1", "weight: 2"), "2.yaml")
    put(scope, first)
    put(scope, second)
    assert put(scope, first).err == (
        "form a v1 of demo-tenant was there already\n"
        "the latest version is 2; to judge calls by this one: cci-lite forms activate a@1\n"
    )


def test_a_form_that_sends_every_offline_call_to_review_says_so(
    scope: list[str], tmp_path: Path
) -> None:
    text = """\
name: b
criteria:
  - {id: x_1, text: Did it work?, weight: 1, required: true}
  - {id: x_2, text: Did it work?, weight: 1, required: true, rule: {phrases: [a]}}
  - {id: x_3, text: Did it work?, weight: 1}
"""
    said = (
        "1 required criterion has no rule (x_1): calls analyze asks no language model, so every "
        "call goes to review and no agent is ranked; add a rule, or do not require it"
    )
    file = written(tmp_path, text)
    assert put(scope, file).err.splitlines()[1:] == [said]
    assert cci("forms", "check", file).err.splitlines()[1:] == [said]


@pytest.mark.parametrize("threshold", ["-0.0", "0.0", "0", "-0", "1.0", "0.70", "7e-1"])
def test_every_form_that_is_stored_can_be_read(
    scope: list[str], tmp_path: Path, threshold: str
) -> None:
    text = "name: a\ncriteria:\n  - {id: x_1, text: Did it work?, weight: 1.50}\n"
    put(scope, written(tmp_path, f"{text}scoring: {{pass_threshold: {threshold}}}\n"))
    about = ("--tenant", "demo-tenant", *scope, "--output", "json")
    assert succeed("forms", "list", *about).json[0]["content_hash"] != "broken"
    assert succeed("forms", "show", "a", *about).json["scoring"]["pass_threshold"] == abs(
        float(threshold)
    )
