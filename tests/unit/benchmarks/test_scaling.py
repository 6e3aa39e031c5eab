"""The model of a night at scale follows from what was measured, what is assumed, and the prices."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[3]
if str(CHECKOUT) not in sys.path:
    sys.path.append(str(CHECKOUT))

from benchmarks.scaling import (  # noqa: E402
    SCENARIOS,
    Assumed,
    Measured,
    Scenario,
    limits,
    measure,
    simulate,
)

MEASURED = Measured(20_000, 300, 70, 3_400, 0.2, 5, 3, 50, 300, 1_000)
ASSUMED = Assumed()


def test_each_document_is_read_once_and_each_piece_writes_one_file_per_table() -> None:
    night = simulate(Scenario(8_000, 4, 1, late_share=0), MEASURED, ASSUMED)
    assert night["items"] == 4 * 3  # of at most 16 MiB
    assert night["requests"]["s3_get"] == 8_000
    assert night["requests"]["s3_put"] == 12 * 6 + 4 * 3
    assert night["requests"]["s3_list"] == 8


def test_a_late_document_costs_a_copy_of_its_day_s_files() -> None:
    without = simulate(Scenario(8_000, 4, 1, late_share=0), MEASURED, ASSUMED)
    late = simulate(Scenario(8_000, 4, 1, late_share=0.0005, late_days=1), MEASURED, ASSUMED)
    assert late["items"] - without["items"] == 4 * (1 + 3)


def test_the_drivers_of_several_jobs_share_the_listing() -> None:
    one, twenty = (simulate(each, MEASURED, ASSUMED) for each in SCENARIOS[-2:])
    assert one["bound_by"] == "driver"
    assert (
        twenty["driver_seconds_per_job"]["listing"] * 20 == one["driver_seconds_per_job"]["listing"]
    )
    assert twenty["dollars_total"] < one["dollars_total"]
    assert twenty["requests"] == one["requests"]


def test_limits_follow_from_what_the_driver_does_alone() -> None:
    slower = replace(ASSUMED, list_page_seconds=2 * ASSUMED.list_page_seconds)
    found, of_slower = limits(MEASURED, ASSUMED), limits(MEASURED, slower)
    listed = "calls_on_a_tenants_day_listed_in_an_hour"
    assert of_slower[listed] < 0.6 * found[listed]
    assert found["calls_on_a_tenants_day_by_driver_memory"] == 5_000_000


def test_every_step_of_a_document_is_measured(tmp_path: Path) -> None:
    measured = measure(tmp_path, documents=4, records=1_000, repeat=1)
    assert 10_000 < measured.document_bytes < 40_000
    assert measured.flatten_cpu_us > 0
    assert 0 < measured.curated_bytes < measured.document_bytes * 10
    assert 8 < measured.manifest_bytes < 200
    assert 100 < measured.driver_bytes < 5_000
