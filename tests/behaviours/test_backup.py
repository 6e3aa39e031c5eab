"""A backup is whole, whatever goes on meanwhile, and a restore overwrites nothing unasked."""

from __future__ import annotations

import datetime as dt
import shutil
import zipfile
from pathlib import Path

import pytest

from cci_lite.errors import LeaseHeldError, UsageError
from cci_lite.laptop import open_lake
from cci_lite.local.backup import back_up, restore
from cci_lite.nightly.verify import verify_tenant
from tests.worlds import DAY, NEXT_DAY, TENANT, World

NOW = dt.datetime(2025, 11, 9, 8, tzinfo=dt.UTC)


@pytest.fixture
def saved(world: World, tmp_path: Path) -> Path:
    """The backup of a lake with one call."""
    world.register()
    world.put("call-1")
    assert world.run().succeeded
    target = tmp_path / "backup.zip"
    assert back_up(world.root, target) == 2
    return target


def test_what_was_lost_comes_back_as_it_was(world: World, saved: Path) -> None:
    world.catalog.close()
    (world.root / "catalog.db").unlink()
    shutil.rmtree(world.root / "config")
    assert restore(saved, world.root, overwrite=False, now=NOW) == []
    with open_lake(world.root) as lake:
        assert [form.name for form in lake.tenants()[TENANT]] == ["default"]
        assert verify_tenant(lake.nightly(), TENANT).findings == ()
        assert list(lake.catalog.days(TENANT)) == [DAY]
    assert not list(world.root.glob(".restore-*"))


def test_a_backup_during_a_publication_holds_the_state_before_it(
    world: World, saved: Path, tmp_path: Path
) -> None:
    world.put("call-2", day=NEXT_DAY)
    target = tmp_path / "meanwhile.zip"
    with world.catalog._transaction():
        world.catalog._execute("DELETE FROM days")
        back_up(world.root, target)
    other = tmp_path / "other"
    restore(target, other, overwrite=False, now=NOW)
    with open_lake(other) as lake:
        assert list(lake.catalog.days(TENANT)) == [DAY]


def test_nothing_is_overwritten_unasked_and_what_was_there_is_kept(
    world: World, saved: Path
) -> None:
    world.put("call-2", day=NEXT_DAY)
    assert world.run().succeeded
    world.catalog.close()
    before = (world.root / "catalog.db").read_bytes()
    with pytest.raises(UsageError, match="has a catalog.db and a config already"):
        restore(saved, world.root, overwrite=False, now=NOW)
    assert (world.root / "catalog.db").read_bytes() == before
    kept = restore(saved, world.root, overwrite=True, now=NOW)
    assert kept == ["catalog.db.before-20251109T080000", "config.before-20251109T080000"]
    assert (world.root / kept[0]).read_bytes() == before
    with open_lake(world.root) as lake:
        assert list(lake.catalog.days(TENANT)) == [DAY]
        assert lake.repair().succeeded
        assert list(lake.catalog.days(TENANT)) == [DAY, NEXT_DAY]


def test_a_lake_that_a_run_works_on_is_not_restored(world: World, saved: Path) -> None:
    with (
        world.catalog.lease(TENANT, "run 1"),
        pytest.raises(LeaseHeldError, match="run 1 is at work"),
    ):
        restore(saved, world.root, overwrite=True, now=NOW)
    assert (world.root / "catalog.db").exists()


def test_a_backup_that_is_there_is_not_replaced(world: World, saved: Path) -> None:
    before = saved.read_bytes()
    with pytest.raises(UsageError, match="is there already; give the backup another name"):
        back_up(world.root, saved)
    assert saved.read_bytes() == before


def make(path: Path, **contents: bytes) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in contents.items():
            archive.writestr(name.replace("__", "/").replace("_DB", ".db"), data)
    return path


@pytest.mark.parametrize("kind", ["no zip", "another zip", "outside", "no catalogue", "cut off"])
def test_what_is_no_backup_changes_nothing(
    world: World, saved: Path, tmp_path: Path, kind: str
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
    assert list(target.iterdir()) == []
