#!/usr/bin/env bash
# PySpark 3.5 lets Python workers live from task to task, and forgets before each task what is importable. Its own
# package comes from an archive, and each of its packages that was loaded from there has a finder that then reads the
# archive's directory anew: nine times a task, 0.1 s of CPU. PySpark 4.3 does not. Needs Java 17; downloads 317 MB.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check pyspark==3.5.9
venv/bin/python - 2>/dev/null <<'PYTHON'
import sys
import zipimport

import pyspark


def task(numbers):
    """How often the archive was read since the last task of this worker, and by how many finders."""
    list(numbers)  # or this worker would not be used again
    read = zipimport._read_directory
    seen = getattr(zipimport, "seen", None)
    if seen is None:
        seen = zipimport.seen = []
        zipimport._read_directory = lambda archive: seen.append(archive) or read(archive)
    found = sum(archive.endswith("pyspark.zip") for archive in seen)
    seen.clear()
    yield found


# From stdin, functions are sent by value.
conf = pyspark.SparkConf().setMaster("local[1]").set("spark.ui.enabled", "false")
context = pyspark.SparkContext(conf=conf)
context.pythonExec = sys.executable
context.setLogLevel("ERROR")
found = [context.parallelize([1], 1).mapPartitions(task).collect()[0] for _ in range(4)]
context.stop()
print("pyspark", pyspark.__version__, "- times that each task had read pyspark.zip:", found)
sys.exit(not all(count > 1 for count in found[1:]))
PYTHON
