"""What there is to do: listings against the catalogue, day by day."""

from __future__ import annotations

import datetime as dt
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from cci_lite.flatten.plan import DayPlan
from cci_lite.local.folder import FolderStore
from cci_lite.nightly.planning import UNDATED, RunOptions, plan_tenant, things_of_no_tenant
from tests.small_lake import DAY, NEXT_DAY, TENANT, SmallLake
from tests.unit.nightly.values import key_of, refuse_folder

UNLISTED = (
    "a folder of documents cannot be listed: Permission denied; give this program the right to "
    "read it, or remove it"
)


def plans(small_lake: SmallLake, **options: Any) -> dict[dt.date, DayPlan]:
    found = list(plan_tenant(small_lake.lake, TENANT, RunOptions(**options)))
    assert len({plan.call_date for plan in found}) == len(found)
    return {plan.call_date: plan for plan in found}


def to_read(small_lake: SmallLake, **options: Any) -> dict[dt.date, list[str]]:
    """The names of the documents that would be read, by day."""
    return {
        day: [source.key.rpartition("/")[2] for source in plan.to_read]
        for day, plan in plans(small_lake, **options).items()
    }


def test_new_and_changed_documents_are_read_and_unchanged_ones_are_counted(
    small_lake: SmallLake,
) -> None:
    small_lake.put("same")
    small_lake.put("other")
    small_lake.run()
    small_lake.put("other", revision=2)
    small_lake.put("new")
    plan = plans(small_lake)[DAY]
    assert [source.key for source in plan.new] == [key_of("new")]
    assert [source.key for source in plan.changed] == [key_of("other")]
    assert (plan.unchanged, plan.gone, plan.removed) == (1, 0, frozenset())


def test_of_a_day_that_was_published_as_it_is_no_document_is_looked_at(
    small_lake: SmallLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_lake.put("call-1")
    small_lake.run()

    def refuse(*_: object) -> object:
        raise AssertionError("the digest of the listing says all")

    monkeypatch.setattr(type(small_lake.catalog), "sources", refuse)
    assert plans(small_lake) == {}
    with pytest.raises(AssertionError):
        plans(small_lake, again=frozenset({key_of("call-1")}))


def test_days_come_in_order_and_those_before_since_not_at_all(small_lake: SmallLake) -> None:
    small_lake.put("b", day=NEXT_DAY)
    small_lake.put("a")
    assert list(plans(small_lake)) == [DAY, NEXT_DAY]
    assert list(plans(small_lake, since=NEXT_DAY)) == [NEXT_DAY]
    assert list(plans(small_lake, since=DAY)) == [DAY, NEXT_DAY]


def test_a_replayed_document_is_read_again_although_it_is_unchanged(small_lake: SmallLake) -> None:
    small_lake.put("a")
    small_lake.put("b")
    small_lake.run()
    assert to_read(small_lake, again=frozenset({key_of("a")})) == {DAY: ["a.json"]}


def test_a_removed_document_is_planned_on_a_day_that_has_no_document_left(
    small_lake: SmallLake,
) -> None:
    key = small_lake.put("a")
    small_lake.run()
    small_lake.store.delete(key)
    assert plans(small_lake) == {}
    plan = plans(small_lake, removed=frozenset({key}))[DAY]
    assert (plan.removed, plan.left, plan.to_read) == (frozenset({key}), frozenset(), [])


def test_what_is_not_laid_out_as_a_document_counts_to_a_day_of_its_own(
    small_lake: SmallLake,
) -> None:
    small_lake.put("a")
    for name in ("notes.txt", "2025/11/05/more/b.json", "2025/13/05/c.json"):
        small_lake.store.write(f"unified/{TENANT}/{name}", b"{}")
    assert to_read(small_lake) == {UNDATED: ["b.json", "c.json", "notes.txt"], DAY: ["a.json"]}
    assert list(plans(small_lake, since=DAY)) == [DAY]


def test_a_quarantined_document_that_is_gone_at_its_source_leaves_quarantine(
    small_lake: SmallLake,
) -> None:
    key = small_lake.put_bytes("bad", b"{")
    small_lake.put("good")
    small_lake.run()
    small_lake.store.delete(key)
    plan = plans(small_lake)[DAY]
    assert (plan.left, plan.removed, plan.gone) == (frozenset({key}), frozenset({key}), 0)


def test_a_quarantined_document_whose_copy_a_person_changed_stays(small_lake: SmallLake) -> None:
    key = small_lake.put_bytes("bad", b"{")
    small_lake.run()
    small_lake.store.write(key.replace("unified", "quarantine"), b"{}")
    small_lake.store.delete(key)
    assert plans(small_lake) == {}


def test_a_quarantined_document_whose_copy_cannot_be_looked_at_stays(
    small_lake: SmallLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = small_lake.put_bytes("bad", b"{")
    small_lake.run()
    small_lake.store.delete(key)

    def refuse(*_: object) -> object:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(FolderStore, "head", refuse)
    assert plans(small_lake) == {}
    monkeypatch.undo()
    assert plans(small_lake)[DAY].left == frozenset({key})


def test_a_day_that_cannot_be_listed_is_told_and_the_others_are_planned(
    small_lake: SmallLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_lake.put_bytes("bad", b"{")
    small_lake.put("a", day=NEXT_DAY)
    refuse_folder(monkeypatch, "05")
    found = plans(small_lake)
    assert found[DAY].unlisted == UNLISTED
    assert not found[DAY].is_empty
    assert (found[NEXT_DAY].unlisted, len(found[NEXT_DAY].new)) == ("", 1)
    assert list(plans(small_lake, since=NEXT_DAY)) == [NEXT_DAY]


def test_a_month_that_cannot_be_listed_hides_no_quarantined_document_and_is_told_for_any_day(
    small_lake: SmallLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_lake.put_bytes("bad", b"{")
    small_lake.run()
    refuse_folder(monkeypatch, "11")
    found = plans(small_lake)
    assert found.keys() == {UNDATED, DAY}
    assert found[UNDATED].unlisted == UNLISTED
    assert found[DAY].unlisted.startswith("unified/demo-tenant: Permission denied; ")
    assert list(plans(small_lake, since=NEXT_DAY)) == [UNDATED]


def test_a_folder_that_cannot_be_listed_hides_only_what_is_below_it(
    small_lake: SmallLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not what is below a folder whose name begins with its name."""
    key = small_lake.put_bytes("bad", b"{")
    small_lake.put("good")
    small_lake.run()
    small_lake.store.delete(key)
    small_lake.store.path(f"unified/{TENANT}/2025/1").mkdir()
    refuse_folder(monkeypatch, "1")
    found = plans(small_lake)
    assert found.keys() == {UNDATED, DAY}
    assert found[DAY].left == frozenset({key})


def test_planning_one_tenant_sees_no_document_of_another(small_lake: SmallLake) -> None:
    small_lake.put("a", tenant_id="other-tenant")
    assert plans(small_lake) == {}


def test_what_lies_beside_the_tenants_folders_and_can_be_no_tenants_is_counted(
    small_lake: SmallLake,
) -> None:
    small_lake.put("a")
    assert things_of_no_tenant(small_lake.store) == 0
    small_lake.store.write("unified/notes.txt", b"x")
    small_lake.store.write("unified/No Tenant/a.json", b"x")
    small_lake.store.write("unified/curated/a.json", b"x")
    assert things_of_no_tenant(small_lake.store) == 3


def test_a_tenant_with_quiet_days_is_listed_once(
    small_lake: SmallLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    days = [dt.date(2024, 12, 24) + dt.timedelta(number) for number in range(20)]
    for day in days:
        small_lake.put("a", day=day)
    small_lake.run()
    small_lake.put("b", day=days[-1])
    opened = folders_listed(small_lake, monkeypatch)
    statements = statements_run(small_lake, monkeypatch)
    assert to_read(small_lake) == {days[-1]: ["b.json"]}
    # The tenant's own folder, those of two years and two months, and each day's.
    assert opened.total() == 1 + 2 + 2 + 20
    assert max(opened.values()) == 1
    # The published days, what is set aside (of two kinds), and the sources of the day that changed.
    assert len(statements) == 4


def test_only_the_days_asked_for_are_listed(
    small_lake: SmallLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    for day in (dt.date(2024, 12, 31), dt.date(2025, 10, 31), DAY, NEXT_DAY, dt.date(2026, 1, 1)):
        small_lake.put("a", day=day)
    opened = folders_listed(small_lake, monkeypatch)
    assert list(to_read(small_lake, since=NEXT_DAY)) == [NEXT_DAY, dt.date(2026, 1, 1)]
    root = small_lake.store.path(f"unified/{TENANT}")
    assert {path.relative_to(root).as_posix() for path in opened} == {
        *(".", "2025", "2025/11", "2025/11/06"), *("2026", "2026/01", "2026/01/01"),
    }  # fmt: skip


def test_what_is_set_aside_on_a_day_without_documents_is_planned_in_the_order_of_days(
    small_lake: SmallLake,
) -> None:
    keys = [
        small_lake.put_bytes("bad", b"{", day=DAY + dt.timedelta(number)) for number in range(4)
    ]
    small_lake.put("good", day=DAY + dt.timedelta(2))
    small_lake.run()
    for key in keys:
        small_lake.store.delete(key)
    assert list(plans(small_lake)) == [DAY + dt.timedelta(number) for number in range(4)]
    assert list(plans(small_lake, since=DAY + dt.timedelta(3))) == [DAY + dt.timedelta(3)]


def test_a_call_of_the_day_that_stands_for_no_day_counts_once(small_lake: SmallLake) -> None:
    small_lake.put("a", day=UNDATED)
    small_lake.store.write(f"unified/{TENANT}/notes.txt", b"{}")
    assert to_read(small_lake) == {UNDATED: ["a.json", "notes.txt"]}
    small_lake.run()
    assert plans(small_lake) == {}


def folders_listed(small_lake: SmallLake, monkeypatch: pytest.MonkeyPatch) -> Counter[Path]:
    """Which folders of the lake are listed from now on, and how often."""
    folders = {path.stat().st_ino: path for path in small_lake.root.rglob("*") if path.is_dir()}
    opened = Counter[Path]()
    scandir = os.scandir

    def counting(folder: int) -> Any:
        opened[folders[os.fstat(folder).st_ino]] += 1
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", counting)
    return opened


def statements_run(small_lake: SmallLake, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The statements that the catalogue is asked from now on."""
    statements: list[str] = []
    execute = small_lake.catalog._execute

    def noting(sql: str, *values: Any) -> list[tuple[Any, ...]]:
        statements.append(sql)
        return execute(sql, *values)

    monkeypatch.setattr(small_lake.catalog, "_execute", noting)
    return statements
