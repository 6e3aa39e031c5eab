"""Property: in whatever order documents arrive and runs happen, the tables end up the same."""

from __future__ import annotations

import datetime as dt
import tempfile
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cci_lite.nightly.verify import verify_tenant
from tests.depth import one_in
from tests.small_lake import DAY, TENANT, SmallLake

CALLS = ("a", "b", "c", "d")


def nights(days: st.SearchStrategy[int], *, at_least: int) -> st.SearchStrategy[Any]:
    """Nights with what is written before each: call, day, revision, kind and verdicts."""
    writes = st.tuples(
        st.sampled_from(CALLS),
        days,
        st.integers(1, 3),
        st.sampled_from(("good", "good", "good", "broken")),
        st.tuples(*[st.sampled_from((True, False, None))] * 3),
    )
    return st.lists(st.lists(writes, max_size=5), min_size=at_least, max_size=4)


def lineage_free(small_lake: SmallLake, table_name: str) -> list[dict[str, Any]]:
    """Rows without what says when and by which run they were written."""
    volatile = {"source_etag", "etl_run_id", "quarantined_at", "source_modified_at"}
    rows = [
        {name: value for name, value in row.items() if name not in volatile}
        for row in small_lake.rows(table_name)
    ]
    return sorted(rows, key=repr)


def write(small_lake: SmallLake, step: tuple[Any, ...]) -> None:
    call_id, day, revision, kind, verdicts = step
    date = DAY + dt.timedelta(days=day)
    if kind == "broken":
        small_lake.put_bytes(call_id, b"{", day=date)
    else:
        small_lake.put(call_id, day=date, revision=revision, verdicts=verdicts)


@one_in(3)
@given(nights(st.integers(0, 2), at_least=1))
def test_after_each_of_many_runs_every_check_holds_and_each_call_has_one_row(
    plan: list[list[tuple[Any, ...]]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        small_lake = SmallLake(Path(folder) / "lake")
        for night in plan:
            for step in night:
                write(small_lake, step)
            small_lake.run(allow_shrink=True)
            assert verify_tenant(small_lake.lake, TENANT).findings == ()
        assert small_lake.run().days == []
        calls = small_lake.call_ids()
        assert len(calls) == len(set(calls))
        small_lake.catalog.close()


@one_in(3)
@given(nights(st.just(0), at_least=2))
def test_many_runs_over_one_day_give_the_same_tables_as_one_run(
    plan: list[list[tuple[Any, ...]]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        nightly, once = SmallLake(Path(folder) / "nightly"), SmallLake(Path(folder) / "once")
        for night in plan:
            for step in night:
                write(nightly, step)
                write(once, step)
            nightly.run(allow_shrink=True)
        once.run()
        for table_name in (
            "calls",
            "qa_criteria",
            "entities",
            "key_phrases",
            "quarantined_documents",
        ):
            assert lineage_free(nightly, table_name) == lineage_free(once, table_name)
        nightly.catalog.close()
        once.catalog.close()
