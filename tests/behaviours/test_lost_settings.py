"""Settings of a tenant that are damaged, missing or unreadable: never replaced by defaults.

Two tenants have published calls. Then something happens to the settings of the first. Whatever it
is, nothing is judged, taken in or published for it with settings that it never had, and every
command reports it with what to do. The other tenant is not affected.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from cci_lite.contract.form import META_SORT_KEY
from cci_lite.deploy.tenants import broken_tenants, get_tenant
from cci_lite.errors import LakeError, TenantError
from cci_lite.local.catalog import SqliteCatalog
from cci_lite.local.settings_files import SettingsFiles
from tests.small_lake import SmallLake, document
from tests.unit.cli.programs import Done, cci, succeed

LOST, GOOD = "aaa", "bbb"
KEY = f"TENANT#{LOST}"
CALLS = "SELECT count(*) AS n FROM calls"
CURE = (
    "; put them back from a backup (cci-lite restore), or enter them again: cci-lite tenants "
    f"add {LOST} --time-zone … --agent-channel … …"
)


DENIED = "Permission denied (give this program the right to read and write there)"


@pytest.fixture(scope="module")
def _published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    small_lake = SmallLake(tmp_path_factory.mktemp("published") / "lake")
    for tenant_id in (LOST, GOOD):
        small_lake.register(tenant_id)
        small_lake.put("call-1", tenant_id=tenant_id)
    for tenant_id in (LOST, GOOD):
        about = ("--lake", small_lake.root, "--time-zone", "Europe/Berlin", "--residency", "us")
        succeed("tenants", "add", tenant_id, *about, "--status", "suspended")
    succeed("etl", "run", "--lake", small_lake.root)
    for tenant_id in (LOST, GOOD):
        small_lake.put("call-2", tenant_id=tenant_id)
    small_lake.catalog.close()
    return small_lake.root


@pytest.fixture
def lake(_published: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(_published, tmp_path / "lake"))


def settings(lake: Path, tenant_id: str = LOST) -> Path:
    return lake / "config" / tenant_id / "META#v1.json"


def content(text: str) -> Callable[[Path], None]:
    return lambda lake: void(settings(lake).write_text(text))


def replaced(make: Callable[[Path], object]) -> Callable[[Path], None]:
    def put(lake: Path) -> None:
        settings(lake).unlink()
        make(settings(lake))

    return put


def folder_replaced(make: Callable[[Path], object]) -> Callable[[Path], None]:
    def put(lake: Path) -> None:
        shutil.rmtree(settings(lake).parent)
        make(settings(lake).parent)

    return put


def void(_: object) -> None:
    """What a change gives back says nothing."""


DAMAGE: dict[str, tuple[Callable[[Path], None], str]] = {
    "emptied": (content(""), "an empty file"),
    "a list": (content("[1]"), "JSON that is no object"),
    "null": (content("null"), "JSON that is no object"),
    "text": (content('"Europe/Berlin"'), "JSON that is no object"),
    "no JSON": (content('{"pk": "TENANT#'), "text that is no JSON"),
    "no text": (lambda lake: void(settings(lake).write_bytes(b"\xff\xfe")), "text that is no JSON"),
    "an object without keys": (content("{}"), "an object without its key 'sk'"),
    "another object": (content('{"a": 1}'), "an object without its key 'sk'"),
    "keys alone": (content(json.dumps({"pk": KEY, "sk": META_SORT_KEY})), "none"),
    "deleted": (lambda lake: settings(lake).unlink(), "nothing, although the lake has data of it"),
    "a pipe": (replaced(os.mkfifo), "a named pipe stands in the place of a file"),
    "a folder": (replaced(Path.mkdir), "a folder stands in the place of a file"),
    "a link": (
        replaced(lambda place: place.symlink_to(settings(place.parents[2], GOOD))),
        "a symbolic link stands in the place of a file",
    ),
    "the folder deleted": (
        folder_replaced(lambda _: None),
        "nothing, although the lake has data of it",
    ),
    "the folder emptied": (
        folder_replaced(Path.mkdir),
        "nothing, although the lake has data of it",
    ),
    "the folder a link": (
        folder_replaced(lambda place: place.symlink_to(GOOD)),
        "a symbolic link stands in the place of a folder",
    ),
    "the folder a file": (
        folder_replaced(Path.touch),
        "a file stands in the place of a folder",
    ),
}
every_damage = pytest.mark.parametrize("how", DAMAGE)


def said(how: str) -> str:
    return f"settings of {LOST}: expected readable settings, found {DAMAGE[how][1]}{CURE}"


def asked(lake: Path, tenant_id: str) -> Done:
    return cci("query", CALLS, "--tenant", tenant_id, "--lake", lake, "--output", "json")


@every_damage
def test_the_nightly_run_fails_that_tenant_by_name_and_publishes_the_others(
    lake: Path, how: str
) -> None:
    DAMAGE[how][0](lake)
    for command in ("run", "plan"):
        done = cci("etl", command, "--lake", lake)
        assert done.code == 1
        assert f"{LOST} failed: {said(how)}" in done.err.splitlines()
    assert asked(lake, GOOD).json == [{"n": 2}]
    listed = cci("tenants", "list", "--lake", lake, "--output", "json")
    assert [(row["tenant_id"], row["status"]) for row in listed.json] == [
        (LOST, "broken"),
        (GOOD, "suspended"),
    ]
    assert f"tenant {LOST}: expected readable settings, found" in listed.err


@every_damage
def test_nothing_is_judged_taken_in_or_read_for_it(lake: Path, tmp_path: Path, how: str) -> None:
    DAMAGE[how][0](lake)
    before = sorted((lake / "unified").rglob("*.json"))
    file = tmp_path / "call-3.json"
    file.write_text(json.dumps(document("call-3", tenant_id=LOST)))
    scope = ("--tenant", LOST, "--lake", lake)
    for command in (
        ("calls", "analyze", file, "--form", "default", *scope),
        ("calls", "ingest", file, *scope),
        ("query", CALLS, *scope),
        ("report", "page", "--to", tmp_path / "page.html", *scope),
        ("etl", "run", *scope),
        ("quarantine", "replay", *scope),
    ):
        done = cci(*command)
        assert (done.code, done.error) == (1, said(how)), command
    assert sorted((lake / "unified").rglob("*.json")) == before


@every_damage
def test_the_settings_can_be_given_again(lake: Path, how: str) -> None:
    others = settings(lake, GOOD).read_bytes()
    DAMAGE[how][0](lake)
    about = ("--time-zone", "Europe/Berlin", "--residency", "us", "--lake", lake)
    done = cci("tenants", "add", LOST, *about)
    if how in ("a folder", "the folder a link", "the folder a file"):
        assert done.code == 1
        assert done.error.startswith("the lake's settings cannot be written: ")
    else:
        assert done.code == 0, done.err
        assert how == "keys alone" or "its previous settings could not be read: " in done.err
        assert asked(lake, LOST).json == [{"n": 1}]
        assert cci("etl", "run", "--lake", lake).code == 0
        # With the folder its form went too, and calls that name it wait in quarantine.
        assert asked(lake, LOST).json == [{"n": 1 if "folder" in how else 2}]
    assert settings(lake, GOOD).read_bytes() == others


def test_a_tenant_whose_data_is_gone_too_is_not_there(lake: Path) -> None:
    for root in ("config", "unified", "curated", "quarantine"):
        shutil.rmtree(lake / root / LOST, ignore_errors=True)
    (lake / "unified" / LOST / "2025/11/05").mkdir(parents=True)
    assert succeed("etl", "run", "--lake", lake).err == ""
    done = asked(lake, LOST)
    assert (done.code, done.error) == (2, f"no tenant '{LOST}'; add it with: cci-lite tenants add")


@pytest.mark.parametrize("kept", ["unified", "curated", "quarantine", "config"])
def test_any_part_of_a_tenants_data_makes_it_known(lake: Path, kept: str) -> None:
    (lake / "quarantine" / LOST).mkdir(parents=True)
    (lake / "quarantine" / LOST / "copy.json").write_text("{")
    settings(lake).unlink()
    for root in {"unified", "curated", "quarantine", "config"} - {kept}:
        shutil.rmtree(lake / root / LOST)
    with pytest.raises(TenantError, match="settings of aaa: expected readable settings"):
        get_tenant(SqliteCatalog(lake), LOST)


def refusing(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """Whoever opens this file or folder has no right to."""
    real = os.open

    def opened(path: object, *arguments: object, **options: object) -> int:
        if path == name:
            raise PermissionError(13, "Permission denied")
        return real(path, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(os, "open", opened)


@pytest.mark.parametrize("name", ["META#v1.json", LOST])
def test_what_may_not_be_read_is_broken_and_named(
    lake: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    files = SettingsFiles(lake)
    with monkeypatch.context() as patched:
        refusing(patched, name)
        assert KEY in files.partition_keys()
        assert f"found {DENIED}; put them back" in str(broken_tenants(files)[LOST])
        # They may be right: what is given now must not replace them.
        done = cci("tenants", "add", LOST, "--name", "New", "--lake", lake)
        assert (done.code, done.error) == (
            1, f"the lake's settings cannot be written: {DENIED}; nothing was changed",
        )  # fmt: skip
    assert get_tenant(files, LOST).data_residency == "us"


def test_when_no_settings_may_be_read_every_command_says_so(
    lake: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patched:
        refusing(patched, "config")
        for command in (("etl", "run"), ("etl", "plan"), ("tenants", "list")):
            done = cci(*command, "--lake", lake)
            assert (done.code, done.error) == (
                1,
                "config, the folder of all tenants' settings: Permission denied (give this "
                "program the right to read and write there); fix it, or put it back from a backup "
                "(cci-lite restore)",
            )
        assert f"found {DENIED}; put them back" in asked(lake, GOOD).error


def test_a_link_in_the_place_of_all_settings_is_not_followed(lake: Path, tmp_path: Path) -> None:
    (lake / "config").rename(tmp_path / "elsewhere")
    (lake / "config").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(LakeError, match="settings: a symbolic link stands in the place of a folde"):
        SettingsFiles(lake).partition_keys()


def test_a_damaged_form_stops_its_tenant_no_further_than_the_form(lake: Path) -> None:
    [form] = (lake / "config" / LOST).glob("QA_TEMPLATE*.json")
    form.write_bytes(b"")
    done = cci("forms", "list", "--tenant", LOST, "--lake", lake)
    assert "expected a form, found an empty file; put it back from a backup" in done.err
    assert asked(lake, LOST).json == [{"n": 1}]


def test_a_folder_that_is_no_tenants_is_no_tenant(lake: Path) -> None:
    (lake / "config" / ".DS_Store").touch()
    (lake / "config" / "ccc").mkdir()
    assert SettingsFiles(lake).partition_keys() == [KEY, f"TENANT#{GOOD}"]


@pytest.mark.parametrize("how", ["a pipe", "a link", "a folder", "the folder a link"])
def test_no_backup_is_made_without_the_settings_of_a_tenant(
    lake: Path, tmp_path: Path, how: str
) -> None:
    DAMAGE[how][0](lake)
    done = cci("backup", tmp_path / "lake.zip", "--lake", lake)
    assert done.code == 1
    assert done.error.startswith(f"config/{LOST}")
    assert done.error.endswith("the backup would be incomplete, so none was written")
    assert not (tmp_path / "lake.zip").exists()
