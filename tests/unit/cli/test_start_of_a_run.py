"""What `etl run` loads for a night with one new document: half of such a night is its start."""

from __future__ import annotations

import json
import os
import subprocess
import sys

from tests.small_lake import SmallLake

PROGRAM = """
import atexit, json, sys
atexit.register(lambda: print(json.dumps(sorted(sys.modules)), file=sys.stderr))
from cci_lite.cli import main
main()
"""
UNNEEDED = {
    *("pandas", "duckdb", "sqlglot", "jinja2", "boto3", "email", "http", "asyncio"),
    *("rich.progress", "rich.console", "multiprocessing", "concurrent.futures"),
    *("cci_lite.views", "cci_lite.evaluation", "cci_lite.pipeline", "cci_lite.local.duckdb_engine"),
}


def test_a_night_with_one_new_document_loads_what_it_needs_and_starts_no_process(
    small_lake: SmallLake,
) -> None:
    small_lake.register()
    small_lake.put("call-1")
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, "etl", "run", "--lake", str(small_lake.root)],
        capture_output=True,
        check=True,
        env={**os.environ, "PYTHONWARNINGS": ""},
    )
    loaded = set(json.loads(done.stderr.splitlines()[-1]))
    assert loaded & UNNEEDED == set()
    assert "cci_lite.nightly.work" in loaded
    assert small_lake.call_ids() == ["call-1"]
