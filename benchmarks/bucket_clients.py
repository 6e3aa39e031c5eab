"""One client of a bucket in a process of its own: `python -m benchmarks.bucket_clients JOB NAME …`.

Prints the CPU and wall seconds of the job alone, without starting up: clients that took longer to
start than to read would look alike otherwise.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

BUCKET = "results"
REGION = "eu-central-1"
THREADS = 16
PREFIX = "unified/"


def ours(endpoint: str) -> tuple[Callable[[], int], Callable[[], int]]:
    """The store of a lake on S3: its listing, and what a worker reads with."""
    from cci_lite.aws.lake.store import S3Store

    store = S3Store(BUCKET, "curated", REGION, endpoint=endpoint)
    listed = list(store.listing(PREFIX))

    def read_all() -> int:
        with store.reading(listed) as read:
            return sum(len(read(found.key)) > 0 for found in listed)

    return read_all, lambda: sum(1 for _ in store.listing(PREFIX))


def boto3(endpoint: str) -> tuple[Callable[[], int], Callable[[], int]]:
    """boto3 with a pool of threads, and its paginator."""
    import boto3
    from botocore.config import Config

    client: Any = boto3.client(
        "s3",
        endpoint_url=endpoint,
        region_name=REGION,
        config=Config(max_pool_connections=THREADS, s3={"addressing_style": "path"}),
    )

    def keys() -> list[str]:
        pages = client.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=PREFIX)
        return [found["Key"] for page in pages for found in page.get("Contents", ())]

    def read(key: str) -> bool:
        return len(client.get_object(Bucket=BUCKET, Key=key)["Body"].read()) > 0

    listed = keys()

    def read_all() -> int:
        with ThreadPoolExecutor(THREADS) as pool:
            return sum(pool.map(read, listed))

    return read_all, lambda: len(keys())


def awswrangler(endpoint: str) -> tuple[Callable[[], int], Callable[[], int]]:
    """Awswrangler's `read_json` of all documents with threads, and its `list_objects`."""
    import awswrangler as wr

    wr.config.s3_endpoint_url = endpoint
    listed = wr.s3.list_objects(f"s3://{BUCKET}/{PREFIX}")

    def read_all() -> int:
        frame = wr.s3.read_json(listed, lines=True, use_threads=THREADS)
        return len(frame)

    return read_all, lambda: len(wr.s3.list_objects(f"s3://{BUCKET}/{PREFIX}"))


CLIENTS = {"ours": ours, "boto3": boto3, "awswrangler": awswrangler}
JOBS = ("get", "list")


def main() -> None:
    job, name, endpoint = sys.argv[1:]
    run = CLIENTS[name](endpoint)[JOBS.index(job)]
    wall, cpu = time.perf_counter(), time.process_time()
    done = run()
    took = {"cpu_seconds": time.process_time() - cpu, "wall_seconds": time.perf_counter() - wall}
    print(json.dumps({"objects": done, **took}))


if __name__ == "__main__":
    main()
