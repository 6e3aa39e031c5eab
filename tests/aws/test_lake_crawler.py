"""The crawler is started once and waited for; the tables that it made are read."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
from moto.backends import get_backend

from cci_lite.aws.lake.crawler import crawled_tables, run_crawler
from cci_lite.contract.crawled_table import CrawledTable
from cci_lite.errors import LakeError, PipelineError
from tests.aws.account import empty_account

NAME = "cci-lite-results-crawler"
REGION = "eu-central-1"


class Clock:
    """Time that passes by sleeping only."""

    now = 0.0

    def monotonic(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def glue() -> Iterator[Any]:
    with empty_account():
        client = boto3.client("glue", region_name=REGION)
        client.create_database(DatabaseInput={"Name": "cci_lite"})
        client.create_crawler(
            Name=NAME, Role="r", DatabaseName="cci_lite", Targets={"S3Targets": []}
        )
        yield client


def crawler() -> Any:
    return get_backend("glue")["123456789012"][REGION].crawlers[NAME]


def run(glue: Any, timeout: float = 3600) -> list[tuple[str, float]]:
    clock, seen = Clock(), []
    run_crawler(
        glue,
        NAME,
        timeout=timeout,
        observe=lambda state, seconds: seen.append((state, seconds)),
        monotonic=clock.monotonic,
        sleep=clock.sleep,
    )
    return seen


def test_a_crawl_is_waited_for() -> None:
    scripted = Scripted(
        crawls=[None, ("RUNNING", None), ("STOPPING", None), ("READY", "SUCCEEDED")]
    )
    assert run(scripted) == [("RUNNING", 0.0), ("STOPPING", 10.0)]
    assert scripted.started == 1


def test_a_state_that_is_shown_late_is_not_taken_for_the_end() -> None:
    """READY without a new crawl: the crawler has not begun yet."""
    scripted = Scripted(crawls=[None, None, ("RUNNING", None), ("READY", "SUCCEEDED")])
    assert [state for state, _ in run(scripted)] == ["READY", "RUNNING"]


def test_a_crawl_that_is_under_way_is_joined(glue: Any) -> None:
    glue.start_crawler(Name=NAME)
    with pytest.raises(LakeError, match="not ended after 30 seconds"):
        run(glue, timeout=25)
    assert len(crawler().crawls) == 1


@pytest.mark.parametrize("status", ["FAILED", "CANCELLED"])
def test_a_crawl_that_does_not_succeed_is_an_error_that_names_its_log_only(status: str) -> None:
    scripted = Scripted(crawls=[None, ("READY", status)])
    with pytest.raises(LakeError) as caught:
        run(scripted)
    assert str(caught.value) == (
        f"crawler {NAME}: {status}; its log says why: /aws-glue/crawlers, {NAME}"
    )


def test_waiting_ends_and_the_crawl_goes_on(glue: Any) -> None:
    with pytest.raises(LakeError) as caught:
        run(glue, timeout=60)
    assert str(caught.value) == (
        f"crawler {NAME}: not ended after 60 seconds; it goes on by itself, wait longer with "
        "--timeout"
    )
    assert glue.get_crawler(Name=NAME)["Crawler"]["State"] == "RUNNING"


def test_an_unknown_crawler_is_an_error_of_ours(glue: Any) -> None:
    with pytest.raises(PipelineError) as caught:
        run_crawler(glue, "other", timeout=1)
    assert caught.value.code == "glue_EntityNotFoundException"


class Scripted:
    """Glue, whose crawler shows one state after the other."""

    class exceptions:  # noqa: N801 - as on a client
        class CrawlerRunningException(Exception):  # noqa: N818
            pass

    def __init__(self, crawls: list[tuple[str, str | None] | None]) -> None:
        self._crawls = iter(crawls)
        self.started = 0

    def start_crawler(self, Name: str) -> None:  # noqa: N803
        self.started += 1

    def get_crawler(self, Name: str) -> Any:  # noqa: N803
        crawl = next(self._crawls)
        if crawl is None:
            return {"Crawler": {"State": "READY"}}
        state, status = crawl
        ended = {
            "Status": status,
            "StartTime": dt.datetime(2025, 11, 7, tzinfo=dt.UTC),
            "ErrorMessage": "s3://bucket/unified/secret-name.json",
            "LogGroup": "/aws-glue/crawlers",
            "LogStream": NAME,
        }
        return {"Crawler": {"State": state, **({"LastCrawl": ended} if status else {})}}


def test_the_tables_with_the_crawlers_prefix_are_read_on_all_pages(glue: Any) -> None:
    for number in (*range(120), "unified"):
        name = f"crawled_{number}" if isinstance(number, str) else f"crawled_{number:03}"
        glue.create_table(
            DatabaseName="cci_lite",
            TableInput={
                "Name": name,
                "PartitionKeys": [{"Name": "partition_0", "Type": "string"}],
                "StorageDescriptor": {"Columns": [{"Name": "call_id", "Type": "string"}]},
            },
        )
    glue.create_table(DatabaseName="cci_lite", TableInput={"Name": "calls"})
    tables = crawled_tables(glue, "cci_lite", "crawled_")
    assert len(tables) == 121
    assert tables[-1] == CrawledTable(
        "crawled_unified", [("call_id", "string")], [("partition_0", "string")]
    )
