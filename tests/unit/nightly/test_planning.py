"""What there is to do: listings against the catalogue, day by day."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from cci_lite.flatten.plan import DayPlan
from cci_lite.local.folder import FolderStore
from cci_lite.nightly.planning import UNDATED, RunOptions, plan_tenant, things_of_no_tenant
from tests.unit.nightly.values import key_of, refuse_folder
from tests.worlds import DAY, NEXT_DAY, TENANT, World

UNLISTED = (
    "a folder of documents cannot be listed: Permission denied; give this program the right to "
    "read it, or take it away"
)


def plans(world: World, **options: Any) -> dict[dt.date, DayPlan]:
    found = list(plan_tenant(world.lake, TENANT, RunOptions(**options)))
    assert len({plan.call_date for plan in found}) == len(found)
    return {plan.call_date: plan for plan in found}


def to_read(world: World, **options: Any) -> dict[dt.date, list[str]]:
    """The names of the documents that would be read, by day."""
    return {
        day: [source.key.rpartition("/")[2] for source in plan.to_read]
        for day, plan in plans(world, **options).items()
    }


def test_new_and_changed_documents_are_read_and_unchanged_ones_are_counted(world: World) -> None:
    world.put("same")
    world.put("other")
    world.run()
    world.put("other", revision=2)
    world.put("new")
    plan = plans(world)[DAY]
    assert [source.key for source in plan.new] == [key_of("new")]
    assert [source.key for source in plan.changed] == [key_of("other")]
    assert (plan.unchanged, plan.gone, plan.removed) == (1, 0, frozenset())


def test_of_a_day_that_was_published_as_it_is_no_document_is_looked_at(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.put("call-1")
    world.run()

    def refuse(*_: object) -> object:
        raise AssertionError("the digest of the listing says all")

    monkeypatch.setattr(type(world.catalog), "sources", refuse)
    assert plans(world) == {}
    with pytest.raises(AssertionError):
        plans(world, again=frozenset({key_of("call-1")}))


def test_days_come_in_order_and_those_before_since_not_at_all(world: World) -> None:
    world.put("b", day=NEXT_DAY)
    world.put("a")
    assert list(plans(world)) == [DAY, NEXT_DAY]
    assert list(plans(world, since=NEXT_DAY)) == [NEXT_DAY]
    assert list(plans(world, since=DAY)) == [DAY, NEXT_DAY]


def test_a_replayed_document_is_read_again_although_it_is_unchanged(world: World) -> None:
    world.put("a")
    world.put("b")
    world.run()
    assert to_read(world, again=frozenset({key_of("a")})) == {DAY: ["a.json"]}


def test_a_removed_document_is_planned_on_a_day_that_has_no_document_left(world: World) -> None:
    key = world.put("a")
    world.run()
    world.store.delete(key)
    assert plans(world) == {}
    plan = plans(world, removed=frozenset({key}))[DAY]
    assert (plan.removed, plan.left, plan.to_read) == (frozenset({key}), frozenset(), [])


def test_what_is_not_laid_out_as_a_document_counts_to_a_day_of_its_own(world: World) -> None:
    world.put("a")
    for name in ("notes.txt", "2025/11/05/more/b.json", "2025/13/05/c.json"):
        world.store.write(f"unified/{TENANT}/{name}", b"{}")
    assert to_read(world) == {UNDATED: ["b.json", "c.json", "notes.txt"], DAY: ["a.json"]}
    assert list(plans(world, since=DAY)) == [DAY]


def test_a_quarantined_document_that_is_gone_at_its_source_leaves_quarantine(world: World) -> None:
    key = world.put_bytes("bad", b"{")
    world.put("good")
    world.run()
    world.store.delete(key)
    plan = plans(world)[DAY]
    assert (plan.left, plan.removed, plan.gone) == (frozenset({key}), frozenset({key}), 0)


def test_a_quarantined_document_whose_copy_a_person_changed_stays(world: World) -> None:
    key = world.put_bytes("bad", b"{")
    world.run()
    world.store.write(key.replace("unified", "quarantine"), b"{}")
    world.store.delete(key)
    assert plans(world) == {}


def test_a_quarantined_document_whose_copy_cannot_be_looked_at_stays(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = world.put_bytes("bad", b"{")
    world.run()
    world.store.delete(key)

    def refuse(*_: object) -> object:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(FolderStore, "head", refuse)
    assert plans(world) == {}
    monkeypatch.undo()
    assert plans(world)[DAY].left == frozenset({key})


def test_a_day_that_cannot_be_listed_is_told_and_the_others_are_planned(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.put_bytes("bad", b"{")
    world.put("a", day=NEXT_DAY)
    refuse_folder(monkeypatch, "05")
    found = plans(world)
    assert found[DAY].unlisted == UNLISTED
    assert not found[DAY].is_empty
    assert (found[NEXT_DAY].unlisted, len(found[NEXT_DAY].new)) == ("", 1)
    assert list(plans(world, since=NEXT_DAY)) == [NEXT_DAY]


def test_a_month_that_cannot_be_listed_hides_no_quarantined_document_and_is_told_for_any_day(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.put_bytes("bad", b"{")
    world.run()
    refuse_folder(monkeypatch, "11")
    found = plans(world)
    assert found.keys() == {UNDATED, DAY}
    assert found[UNDATED].unlisted == UNLISTED
    assert found[DAY].unlisted.startswith("unified/demo-tenant: Permission denied; ")
    assert list(plans(world, since=NEXT_DAY)) == [UNDATED]


def test_a_folder_that_cannot_be_listed_hides_only_what_is_below_it(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Not what is below a folder whose name begins with its name."""
    key = world.put_bytes("bad", b"{")
    world.put("good")
    world.run()
    world.store.delete(key)
    world.store.path(f"unified/{TENANT}/2025/1").mkdir()
    refuse_folder(monkeypatch, "1")
    found = plans(world)
    assert found.keys() == {UNDATED, DAY}
    assert found[DAY].left == frozenset({key})


def test_planning_one_tenant_sees_no_document_of_another(world: World) -> None:
    world.put("a", tenant_id="other-tenant")
    assert plans(world) == {}


def test_what_lies_beside_the_tenants_folders_and_can_be_no_tenants_is_counted(
    world: World,
) -> None:
    world.put("a")
    assert things_of_no_tenant(world.store) == 0
    world.store.write("unified/notes.txt", b"x")
    world.store.write("unified/No Tenant/a.json", b"x")
    world.store.write("unified/curated/a.json", b"x")
    assert things_of_no_tenant(world.store) == 3
