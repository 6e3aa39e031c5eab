"""What the pool on Spark does where there is no Spark; with one: tests/engines/test_spark.py."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from cci_lite.errors import UsageError
from cci_lite.local.spark import SparkPool
from tests.behaviours.pool_functions import double
from tests.small_lake import SmallLake
from tests.unit.cli.programs import cci, succeed


@pytest.fixture
def no_pyspark(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyspark", None)


@pytest.mark.usefixtures("no_pyspark")
def test_work_needs_pyspark_and_says_how_to_get_it() -> None:
    with SparkPool(2) as pool:
        with pytest.raises(UsageError) as caught:
            list(pool.map(double, [(1,)]))
        assert pool.width == 2
    assert str(caught.value) == "Spark needs the package pyspark: pip install 'cci-lite[spark]'"


@pytest.mark.usefixtures("no_pyspark")
def test_a_night_without_work_does_not_start_spark_and_one_with_work_is_wrong_usage_without_it(
    tmp_path: Path,
) -> None:
    lake = SmallLake(tmp_path)
    lake.register()
    run = ("etl", "run", "--engine", "spark", "--lake", tmp_path)
    assert succeed(*run).code == 0
    lake.put("call-1")
    done = cci(*run)
    assert done.code == 2
    assert done.error == "Spark needs the package pyspark: pip install 'cci-lite[spark]'"
    assert succeed("etl", "run", "--lake", tmp_path).code == 0
    assert lake.call_ids() == ["call-1"]
