"""A backup is consistent while the lake changes; a restore overwrites nothing unless told to."""

from __future__ import annotations

import datetime as dt
import os
import random
import shutil
import stat
import warnings
import zipfile
from pathlib import Path

import pytest

from cci_lite.errors import LakeError, LeaseHeldError, UsageError
from cci_lite.laptop import open_lake
from cci_lite.local.backup import Saved, back_up, restore
from cci_lite.nightly.verify import verify_tenant
from tests.small_lake import DAY, NEXT_DAY, TENANT, SmallLake
from tests.unit.cli.programs import cci
from tests.unit.local.test_folder import STRAYS

NOW = dt.datetime(2025, 11, 9, 8, tzinfo=dt.UTC)


@pytest.fixture
def saved(small_lake: SmallLake, tmp_path: Path) -> Path:
    """The backup of a lake with one call."""
    small_lake.register()
    small_lake.put("call-1")
    assert small_lake.run().succeeded
    target = tmp_path / "backup.zip"
    assert back_up(small_lake.root, target) == Saved(2, ())
    return target


def test_what_was_lost_comes_back_as_it_was(small_lake: SmallLake, saved: Path) -> None:
    small_lake.catalog.close()
    (small_lake.root / "catalog.db").unlink()
    shutil.rmtree(small_lake.root / "config")
    assert restore(saved, small_lake.root, overwrite=False, now=NOW) == []
    with open_lake(small_lake.root) as lake:
        assert [form.name for form in lake.tenants()[TENANT]] == ["default"]
        assert verify_tenant(lake.nightly(), TENANT).findings == ()
        assert list(lake.catalog.days(TENANT)) == [DAY]
    assert not list(small_lake.root.glob(".restore-*"))


def test_a_backup_during_a_publication_holds_the_state_before_it(
    small_lake: SmallLake, saved: Path, tmp_path: Path
) -> None:
    small_lake.put("call-2", day=NEXT_DAY)
    target = tmp_path / "meanwhile.zip"
    with small_lake.catalog._transaction():
        small_lake.catalog._execute("DELETE FROM days")
        back_up(small_lake.root, target)
    other = tmp_path / "other"
    restore(target, other, overwrite=False, now=NOW)
    with open_lake(other) as lake:
        assert list(lake.catalog.days(TENANT)) == [DAY]


def test_nothing_is_overwritten_unasked_and_what_was_there_is_kept(
    small_lake: SmallLake, saved: Path
) -> None:
    small_lake.put("call-2", day=NEXT_DAY)
    assert small_lake.run().succeeded
    small_lake.catalog.close()
    before = (small_lake.root / "catalog.db").read_bytes()
    with pytest.raises(UsageError, match="has a catalog.db and a config already"):
        restore(saved, small_lake.root, overwrite=False, now=NOW)
    assert (small_lake.root / "catalog.db").read_bytes() == before
    kept = restore(saved, small_lake.root, overwrite=True, now=NOW)
    assert kept == ["catalog.db.before-20251109T080000", "config.before-20251109T080000"]
    assert (small_lake.root / kept[0]).read_bytes() == before
    with open_lake(small_lake.root) as lake:
        assert list(lake.catalog.days(TENANT)) == [DAY]
        assert lake.repair().succeeded
        assert list(lake.catalog.days(TENANT)) == [DAY, NEXT_DAY]


def test_after_a_restore_repair_brings_back_all_that_later_runs_knew(
    small_lake: SmallLake, saved: Path
) -> None:
    """The backup holds no manifests: they lie beside the data, and tell what it does not know."""
    small_lake.put_bytes("notes", b"no call")
    small_lake.now += dt.timedelta(hours=1)
    assert small_lake.run().succeeded
    small_lake.now += dt.timedelta(hours=1)
    small_lake.run(discard=frozenset())
    days, sources = small_lake.catalog.days(TENANT), small_lake.catalog.sources(TENANT, DAY)
    small_lake.catalog.close()
    restore(saved, small_lake.root, overwrite=True, now=NOW)
    with open_lake(small_lake.root) as lake:
        assert lake.catalog.days(TENANT) != days
        assert lake.repair().succeeded
        assert (lake.catalog.days(TENANT), lake.catalog.sources(TENANT, DAY)) == (days, sources)
        assert lake.repair().days == []
        assert verify_tenant(lake.nightly(), TENANT).findings == ()


def test_a_lake_that_a_run_works_on_is_not_restored(small_lake: SmallLake, saved: Path) -> None:
    with (
        small_lake.catalog.lease(TENANT, "run 1"),
        pytest.raises(LeaseHeldError, match="run 1 is in progress"),
    ):
        restore(saved, small_lake.root, overwrite=True, now=NOW)
    assert (small_lake.root / "catalog.db").exists()


def test_a_backup_that_is_there_is_not_replaced(small_lake: SmallLake, saved: Path) -> None:
    before = saved.read_bytes()
    with pytest.raises(UsageError, match="is there already; give the backup another name"):
        back_up(small_lake.root, saved)
    assert saved.read_bytes() == before


def make(path: Path, **contents: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in contents.items():
            archive.writestr(name.replace("__", "/").replace("_DB", ".db"), data)
    return path


@pytest.mark.parametrize("kind", ["no zip", "another zip", "outside", "no catalogue", "cut off"])
def test_what_is_no_backup_changes_nothing(
    small_lake: SmallLake, saved: Path, tmp_path: Path, kind: str
) -> None:
    file = tmp_path / "file"
    if kind == "no zip":
        file.write_bytes(b"hello")
    elif kind == "another zip":
        make(file, readme=b"x")
    elif kind == "outside":
        make(file, catalog_DB=b"", **{"config__..__x.json": b"{}"})
    elif kind == "no catalogue":
        make(file, catalog_DB=b"no database" * 1000)
    else:
        file.write_bytes(saved.read_bytes()[:-200])
    target = tmp_path / "new"
    with pytest.raises(UsageError, match="is no backup"):
        restore(file, target, overwrite=True, now=NOW)
    assert not target.exists()


# --- Archives that others have made ----------------------------------------------------------------

ITEM = "config/acme/TENANT.json"


def entry(name: str, kind: int = stat.S_IFREG, **more: int) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.external_attr = (kind | 0o644) << 16
    info.compress_type = more.get("method", zipfile.ZIP_DEFLATED)
    return info


def remade(saved: Path, file: Path, info: zipfile.ZipInfo, data: bytes) -> Path:
    """The backup with one more file in it."""
    shutil.copy(saved, file)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a name that is there twice
        with zipfile.ZipFile(file, "a") as archive:
            archive.writestr(info, data)
    return file


MEGABYTE = 1024 * 1024
HOSTILE = {
    "a huge setting": (entry(ITEM), b"0" * 5 * MEGABYTE),
    "a path that is absolute": (entry("/config/acme/x.json"), b"{}"),
    "a folder above": (entry("../config/acme/x.json"), b"{}"),
    "a tenant above": (entry("config/../x.json"), b"{}"),
    "a folder deeper": (entry("config/acme/x/y.json"), b"{}"),
    "a backslash": (entry("config/acme\\x/y.json"), b"{}"),
    "data": (entry("unified/acme/2025/11/05/x.json"), b"{}"),
    "a link": (entry(ITEM, stat.S_IFLNK), b"/etc/passwd"),
    "a device": (entry(ITEM, stat.S_IFCHR), b""),
    "a pipe": (entry(ITEM, stat.S_IFIFO), b""),
    "a folder": (entry("config/acme/"), b""),
    "a second catalogue": (entry("catalog.db"), b"{}"),
    "another packing": (entry(ITEM, method=zipfile.ZIP_LZMA), b"{}"),
}


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("name", HOSTILE)
def test_an_archive_with_anything_else_in_it_leaves_a_lake_as_it_was(
    small_lake: SmallLake, saved: Path, tmp_path: Path, name: str
) -> None:
    file = remade(saved, tmp_path / "hostile.zip", *HOSTILE[name])
    small_lake.catalog.close()
    before = everything(tmp_path)
    with pytest.raises(UsageError, match="is no backup of a lake: expected"):
        restore(file, small_lake.root, overwrite=True, now=NOW)
    with pytest.raises(UsageError, match="is no backup of a lake: expected"):
        restore(file, tmp_path / "new" / "lake", overwrite=False, now=NOW)
    assert everything(tmp_path) == before


def everything(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else b""
        for path in folder.rglob("*")
        if "leases" not in path.parts
    }


def test_a_small_archive_that_unpacks_to_a_thousand_times_that_is_refused(
    tmp_path: Path,
) -> None:
    file = tmp_path / "small.zip"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("catalog.db", b"\0" * 64 * MEGABYTE)
    assert file.stat().st_size < 100_000
    with pytest.raises(UsageError) as caught:
        restore(file, tmp_path / "lake", overwrite=False, now=NOW)
    assert str(caught.value) == (
        f"{file} is no backup of a lake: expected at most 16,777,216 bytes when unpacked, found more"
    )
    assert not (tmp_path / "lake").exists()


def test_settings_that_are_small_each_have_a_limit_together(tmp_path: Path) -> None:
    file = tmp_path / "small.zip"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("catalog.db", b"")
        for number in range(20):
            archive.writestr(f"config/acme/{number}.json", b" " * MEGABYTE)
    with pytest.raises(UsageError, match="expected at most 16,777,216 bytes when unpacked"):
        restore(file, tmp_path / "lake", overwrite=False, now=NOW)


@pytest.mark.parametrize("said", [10, 64 * MEGABYTE - 1])
def test_an_archive_that_tells_another_size_than_it_has_is_refused(
    tmp_path: Path, said: int
) -> None:
    file = tmp_path / "lying.zip"
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("catalog.db", b"\0" * 64 * MEGABYTE)
    data = file.read_bytes()
    true = (64 * MEGABYTE).to_bytes(4, "little")
    assert data.count(true) >= 1
    file.write_bytes(data.replace(true, said.to_bytes(4, "little")))
    with pytest.raises(UsageError, match="is no backup"):
        restore(file, tmp_path / "lake", overwrite=False, now=NOW)
    assert not (tmp_path / "lake").exists()


@pytest.mark.parametrize("seed", range(60))
def test_a_damaged_archive_is_refused_or_restored_whole(
    saved: Path, tmp_path: Path, seed: int
) -> None:
    data = bytearray(saved.read_bytes())
    chance = random.Random(seed)
    # The list of files at the end is where a damaged byte means most.
    for _ in range(3):
        data[chance.randrange(len(data) - 400, len(data))] = chance.randrange(256)
    saved.write_bytes(data)
    try:
        restore(saved, tmp_path / "new", overwrite=False, now=NOW)
    except UsageError:
        assert not (tmp_path / "new").exists()
    else:
        assert (tmp_path / "new" / "catalog.db").stat().st_size > 0


@pytest.mark.parametrize("failing", [0, 1, 2, 3])
def test_a_restore_that_breaks_off_leaves_the_lake_as_it_was(
    small_lake: SmallLake,
    saved: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    failing: int,
) -> None:
    small_lake.catalog.close()
    before = everything(tmp_path)
    moves = iter(range(100))
    really = Path.rename

    def rename(path: Path, target: Path) -> Path:
        if next(moves) == failing:
            raise PermissionError(1, "Operation not permitted")
        return really(path, target)

    monkeypatch.setattr(Path, "rename", rename)
    with pytest.raises(UsageError, match="the lake cannot be changed: Operation not permitted"):
        restore(saved, small_lake.root, overwrite=True, now=NOW)
    assert everything(tmp_path) == before


def test_what_a_killed_restore_left_is_swept_by_a_later_one(
    small_lake: SmallLake, saved: Path
) -> None:
    old, new = small_lake.root / ".restore-old", small_lake.root / ".restore-new"
    for folder, days in ((old, 2), (new, 0)):
        folder.mkdir()
        (folder / "catalog.db").touch()
        moment = (NOW - dt.timedelta(days)).timestamp()
        os.utime(folder, (moment, moment))
    restore(saved, small_lake.root, overwrite=True, now=NOW)
    assert (old.exists(), new.exists()) == (False, True)


# --- What else is in the folder of settings -------------------------------------------------------


@pytest.mark.parametrize("name", STRAYS)
def test_a_stray_among_the_settings_is_told_and_neither_opened_nor_saved(
    small_lake: SmallLake, tmp_path: Path, name: str
) -> None:
    small_lake.register()
    put, what = STRAYS[name]
    put(small_lake.root / "config" / TENANT / "x.json")
    (tmp_path / "outside").mkdir(exist_ok=True)
    (tmp_path / "outside" / "x.json").write_bytes(b"SECRET")
    target = tmp_path / "backup.zip"
    assert back_up(small_lake.root, target) == Saved(2, (f"config/{TENANT}/x.json: {what}",))
    with zipfile.ZipFile(target) as archive:
        assert len(archive.namelist()) == 3
        assert not any(b"SECRET" in archive.read(each) for each in archive.namelist())


def test_a_tenants_folder_that_is_a_link_is_told_and_not_entered(
    small_lake: SmallLake, tmp_path: Path
) -> None:
    small_lake.register()
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "x.json").write_bytes(b"SECRET")
    (small_lake.root / "config" / "other").symlink_to(tmp_path / "outside")
    (small_lake.root / "config" / "loose.json").write_bytes(b"{}")
    (small_lake.root / "config" / TENANT / "notes.txt").write_bytes(b"")
    saved = back_up(small_lake.root, tmp_path / "backup.zip")
    assert saved == Saved(
        2,
        (
            f"config/{TENANT}/notes.txt: no settings",
            "config/loose.json: no settings",
            "config/other: a symbolic link",
        ),
    )


@pytest.mark.parametrize("kind", ["file", "folder", "config", "large"])
def test_a_backup_that_would_not_be_whole_is_refused_and_leaves_no_file(
    small_lake: SmallLake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    small_lake.register()
    item = small_lake.root / "config" / TENANT / "x.json"
    item.write_bytes(b"{}")
    place, why = f"config/{TENANT}/x.json", "Permission denied"
    if kind == "large":
        os.truncate(item, 4 * MEGABYTE + 1)
        why = "more than 4,194,304 bytes"
    else:
        locked = {"file": "x.json", "folder": TENANT, "config": "config"}[kind]
        place = {"file": place, "folder": f"config/{TENANT}", "config": "config"}[kind]
        really_open = os.open

        def guarded(path: str, *arguments: int, **options: int) -> int:
            if str(path) == locked:
                raise PermissionError(13, "Permission denied", path)
            return really_open(path, *arguments, **options)

        monkeypatch.setattr("cci_lite.local.regular.os.open", guarded)
    folder = tmp_path / "backups"
    folder.mkdir()
    with pytest.raises(LakeError) as caught:
        back_up(small_lake.root, folder / "backup.zip")
    assert str(caught.value) == (
        f"{place}: {why}; give this program the right to read it, or remove it; without it the "
        "backup would be incomplete, so none was written"
    )
    assert list(folder.iterdir()) == []


def test_a_backup_that_no_restore_would_take_is_not_made(
    small_lake: SmallLake, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_lake.register()
    monkeypatch.setattr("cci_lite.local.backup.MAX_BACKUP_BYTES", 1_000)
    with pytest.raises(LakeError, match="the lake is too large for a backup: expected at most"):
        back_up(small_lake.root, tmp_path / "backup.zip")
    assert not list(tmp_path.glob("*.zip")) + list(tmp_path.glob(".cci-lite-*"))


def test_the_command_lists_what_is_not_in_the_backup(small_lake: SmallLake, tmp_path: Path) -> None:
    small_lake.register()
    small_lake.catalog.close()
    os.mkfifo(small_lake.root / "config" / TENANT / "x.json")
    done = cci("backup", tmp_path / "backup.zip", "--lake", small_lake.root)
    assert done.code == 0
    assert done.err.splitlines()[-2:] == [
        "not in the backup, of the folder of settings: 1",
        f"  config/{TENANT}/x.json: a named pipe",
    ]
    (small_lake.root / "config" / TENANT / "y.json").touch()
    os.truncate(small_lake.root / "config" / TENANT / "y.json", 5 * MEGABYTE)
    done = cci("backup", tmp_path / "again.zip", "--lake", small_lake.root)
    assert done.code == 1
    assert f"config/{TENANT}/y.json: more than 4,194,304 bytes" in done.err
    assert not (tmp_path / "again.zip").exists()
