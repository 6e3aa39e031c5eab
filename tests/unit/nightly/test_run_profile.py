"""Where the time of a run goes: every second counts to one part."""

from __future__ import annotations

import time

import pytest

from cci_lite.nightly.run_profile import PARTS, RunProfile, Spent
from tests.small_lake import NEXT_DAY, TENANT, SmallLake


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """What both clocks show, the CPU's at a tenth of the speed."""
    now = [100.0]
    monkeypatch.setattr(time, "perf_counter", lambda: now[0])
    monkeypatch.setattr(time, "process_time", lambda: now[0] / 10)
    return now


def spent(profile: RunProfile) -> dict[str, tuple[float, float, int]]:
    return {
        name: (part.wall_seconds, pytest.approx(part.cpu_seconds), part.documents)
        for name, part in profile.parts.items()
    }


def test_a_part_within_another_counts_by_itself(clock: list[float]) -> None:
    profile = RunProfile()
    with profile.part("plan", 3):
        clock[0] += 1
        with profile.part("list"):
            clock[0] += 2
            with profile.part("read"):
                clock[0] += 4
        clock[0] += 8
    with profile.part("list"):
        clock[0] += 16
    assert spent(profile) == {"plan": (9, 0.9, 3), "list": (18, 1.8, 0), "read": (4, 0.4, 0)}


def test_what_is_done_between_two_values_is_no_part_of_finding_them(clock: list[float]) -> None:
    profile = RunProfile()

    def values() -> list[int]:
        clock[0] += 1
        return [1, 2]

    for _ in profile.each("list", (each for each in values())):
        clock[0] += 5
    assert spent(profile) == {"list": (0, 0, 0)}


def test_each_call_of_a_measured_function_is_a_document(clock: list[float]) -> None:
    profile = RunProfile()

    def fail(seconds: float) -> None:
        clock[0] += seconds
        raise FileNotFoundError

    for seconds in (1, 2):
        with pytest.raises(FileNotFoundError):
            profile.measured("read", fail)(seconds)
    assert spent(profile) == {"read": (3, 0.3, 2)}


def test_what_other_processes_did_is_known_apart() -> None:
    profile = RunProfile({"read": Spent(1, 1, 1)})
    profile.take_in(RunProfile({"read": Spent(2, 1, 5)}))
    profile.take_in(RunProfile({"write": Spent(4, 3, 5)}, process=1))
    assert spent(profile) == {"read": (3, 2, 6), "write": (4, 3, 5)}
    assert profile.elsewhere == Spent(4, 3, 0)


@pytest.mark.parametrize("small_lake", ["inline", "processes"], indirect=True)
def test_a_run_says_what_its_parts_took_of_all_tenants(small_lake: SmallLake) -> None:
    small_lake.put("call-1")
    small_lake.put("call-2", day=NEXT_DAY)
    small_lake.put("call-3", tenant_id="other-tenant")
    report = small_lake.run(TENANT, "other-tenant", profiled=True)
    parts = report.profile.parts
    assert parts.keys() == set(PARTS) - {"start", "workers", "other"}
    assert {name: part.documents for name, part in parts.items()} == {
        **dict.fromkeys(parts, 3), "clean": 0,
    }  # fmt: skip
    assert all(part.cpu_seconds >= 0 for part in parts.values())
    is_elsewhere = report.profile.elsewhere.cpu_seconds > 0
    assert is_elsewhere == (small_lake.pool.width > 1)
    # Reading is measured document by document, so only when it is asked for.
    small_lake.put("call-4")
    assert "read" not in small_lake.run().profile.parts
