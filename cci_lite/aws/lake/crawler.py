"""The Glue crawler: starts it and waits, reads the tables that it made."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from cci_lite.aws.failures import translated
from cci_lite.contract.crawled_table import CrawledTable
from cci_lite.errors import LakeError

_BETWEEN_LOOKS = 10.0


def run_crawler(
    glue: Any,
    name: str,
    *,
    timeout: float,
    observe: Callable[[str, float], None] = lambda _state, _seconds: None,
    monotonic: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Start a crawler, or join the crawl that is under way, and wait for its end.

    `observe` is told its state and the seconds since the start. Raises LakeError when the crawl did
    not succeed or has not ended within `timeout` seconds, PipelineError when Glue refuses.
    """
    begun = monotonic()
    before = _crawler(glue, name)
    with translated("glue", "StartCrawler"):
        try:
            glue.start_crawler(Name=name)
            is_joined = False
        except glue.exceptions.CrawlerRunningException:
            is_joined = True
    while True:
        crawler, waited = _crawler(glue, name), monotonic() - begun
        state = crawler["State"]
        # The state may be shown late: READY counts when there is a crawl that was not there before.
        if state == "READY" and (is_joined or _crawl(crawler) != _crawl(before)):
            break
        observe(state, waited)
        if waited >= timeout:
            raise LakeError(
                f"crawler {name}: not ended after {waited:.0f} seconds; it goes on by itself, wait "
                "longer with --timeout"
            )
        sleep(_BETWEEN_LOOKS)
    status = crawler["LastCrawl"]["Status"]
    if status != "SUCCEEDED":
        # Glue's own message repeats names of objects.
        group, stream = (crawler["LastCrawl"].get(key) for key in ("LogGroup", "LogStream"))
        raise LakeError(f"crawler {name}: {status}; its log says why: {group}, {stream}")


def crawled_tables(glue: Any, database: str, prefix: str) -> list[CrawledTable]:
    """The tables whose names begin so, ordered by name; raises PipelineError when Glue refuses."""
    with translated("glue", "GetTables"):
        pages = glue.get_paginator("get_tables").paginate(
            DatabaseName=database, Expression=f"{prefix}*"
        )
        tables = [table for page in pages for table in page["TableList"]]
    found = [
        CrawledTable(
            table["Name"],
            _columns(table.get("StorageDescriptor", {}).get("Columns", [])),
            _columns(table.get("PartitionKeys", [])),
        )
        for table in tables
        if table["Name"].startswith(prefix)
    ]
    return sorted(found, key=lambda table: table.name)


def _columns(columns: list[dict[str, str]]) -> list[tuple[str, str]]:
    return [(column["Name"], column.get("Type", "")) for column in columns]


def _crawler(glue: Any, name: str) -> Any:
    with translated("glue", "GetCrawler"):
        return glue.get_crawler(Name=name)["Crawler"]


def _crawl(crawler: Any) -> Any:
    return crawler.get("LastCrawl", {}).get("StartTime")
