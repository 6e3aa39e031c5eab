"""The Wilson intervals of the views against the textbook's formula, in exact arithmetic."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal, localcontext
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cci_lite.assets import asset_folder
from cci_lite.local.duckdb_engine import open_engine
from cci_lite.views import duckdb_views, read_views
from tests.depth import one_in
from tests.views.case_folders import Case, filled_rows, write_lake

SELECTS = duckdb_views(read_views(asset_folder("sql") / "views"))
Z = Decimal("1.959963984540054")
DAY = dt.date(2025, 11, 10)


def wilson(failed: int, evaluated: int) -> tuple[float, float]:
    with localcontext() as context:
        context.prec = 50
        n, p = Decimal(evaluated), Decimal(failed) / evaluated
        centre = p + Z * Z / (2 * n)
        spread = Z * (p * (1 - p) / n + Z * Z / (4 * n * n)).sqrt()
        scale = 1 + Z * Z / n
        return float((centre - spread) / scale), float((centre + spread) / scale)


@one_in(8)
@given(counts=st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), min_size=1, max_size=8))
def test_every_interval_is_wilsons(
    counts: list[tuple[int, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    criteria, calls = [], []
    for number, (failed, passed) in enumerate(counts):
        shared = {
            "tenant_id": "acme",
            "call_date": DAY,
            "agent_id": f"a{number}",
            "template_id": "sales",
            "template_version": 1,
        }
        verdicts = ["fail"] * failed + ["pass"] * passed + ["na"]
        for place, verdict in enumerate(verdicts):
            call_id = f"c{number}-{place}"
            criterion = {"call_id": call_id, "criterion_id": f"k{number}", "verdict": verdict}
            criteria.append(shared | criterion)
            outcome = "none" if verdict == "na" else verdict
            calls.append(shared | {"call_id": call_id, "qa_outcome": outcome})
    tables = {
        "qa_criteria": filled_rows("qa_criteria", criteria),
        "calls": filled_rows("calls", calls),
    }
    folder: Path = tmp_path_factory.mktemp("lake")
    snapshot = write_lake(Case("", "", tables, [], []), folder)["acme"]
    with open_engine(snapshot, SELECTS) as engine:
        by_view = {
            "failure_rate": ("criterion_id", "k", "fail_rate"),
            "agent_criterion": ("agent_id", "a", "fail_rate"),
            "failure_leaderboard": ("agent_id", "a", "call_fail_rate"),
        }
        for view, (key, prefix, rate) in by_view.items():
            rows = {row[key]: row for row in engine.query(f"SELECT * FROM {view}").to_pylist()}
            for number, (failed, passed) in enumerate(counts):
                row = rows[f"{prefix}{number}"]
                if failed + passed == 0:
                    assert row[rate] is row[f"{rate}_low"] is row[f"{rate}_high"] is None
                    continue
                low, high = wilson(failed, failed + passed)
                assert row[rate] == failed / (failed + passed)
                assert row[f"{rate}_low"] == pytest.approx(low, abs=1e-12)
                assert row[f"{rate}_high"] == pytest.approx(high, abs=1e-12)
                assert 0 <= row[f"{rate}_low"] <= row[rate] <= row[f"{rate}_high"] <= 1
