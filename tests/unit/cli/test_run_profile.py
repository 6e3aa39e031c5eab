"""`etl run --profile`: every second of the program, its start and its workers included."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cci_lite import operations
from cci_lite.nightly.run_profile import PARTS
from tests.small_lake import TENANT, SmallLake
from tests.unit.cli.programs import succeed


@pytest.fixture
def lake(small_lake: SmallLake) -> Path:
    """A lake of two tenants with a document each that no run has seen."""
    for tenant_id in (TENANT, "other-tenant"):
        small_lake.register(tenant_id)
        small_lake.put("call-1", tenant_id=tenant_id)
    return small_lake.root


@pytest.mark.parametrize(
    "light_work", [0, operations.LIGHT_WORK_BYTES], ids=["workers", "in place"]
)
def test_the_parts_of_a_run_add_up_to_all_that_it_took(
    lake: Path, monkeypatch: pytest.MonkeyPatch, light_work: int
) -> None:
    monkeypatch.setattr(operations, "LIGHT_WORK_BYTES", light_work)
    done = succeed("etl", "run", "--profile", "--output", "json", "--lake", lake)
    *parts, total = json.loads(done.out)["profile"]
    assert [part["part"] for part in parts] == list(PARTS)
    assert total["part"] == "total"
    for name in ("cpu_seconds", "cpu_share"):
        assert sum(part[name] for part in parts) == pytest.approx(total[name], abs=0.01)
    by_name = {part["part"]: part for part in parts}
    assert by_name["flatten"]["documents"] == by_name["read"]["documents"] == 2
    assert (by_name["workers"]["cpu_seconds"] > 0.05) == (not light_work)
    assert (by_name["workers"]["wall_seconds"] > 0.05) == (not light_work)


def test_the_profile_is_a_table_for_people_and_absent_unless_it_is_asked_for(lake: Path) -> None:
    shown = succeed("etl", "run", "--profile", "--lake", lake).out
    lines = shown[shown.index("where the time went") :].splitlines()
    assert lines[1].split() == [
        *("part", "wall_seconds", "cpu_seconds", "cpu_share", "documents", "cpu_us_per_document"),
    ]
    assert [line.split()[0] for line in lines[3:]] == [*PARTS, "total"]
    assert "profile" not in json.loads(
        succeed("etl", "run", "--output", "json", "--lake", lake).out
    )
