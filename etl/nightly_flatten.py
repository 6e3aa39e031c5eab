"""The nightly job on AWS Glue: `cci-lite etl run`, with the job's parameters as its options."""

from __future__ import annotations

import sys

from cci_lite.cli.glue_job import run_job

if __name__ == "__main__":
    run_job(("etl", "run"), sys.argv[1:])
