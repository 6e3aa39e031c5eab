"""What a night costs at 10⁴, 10⁶ and 10⁸ calls a day: measured in small here, modelled for AWS.

    python benchmarks/scaling.py                     about a minute
    python benchmarks/scaling.py --documents 1000 --records 10000

`measured` is CPU and memory of this machine per document; `assumed` is what only AWS could tell;
`nights` follows from both, with the prices of `contract/services.toml`. docs/scaling.md explains
it. Prints one JSON document; progress goes to stderr.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import math
import pickle
import statistics
import sys
import time
import tracemalloc
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import click

CHECKOUT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(CHECKOUT))  # run as a script, only this file's folder is on the path

from benchmarks.documents import FORMS, LARGE, TENANT_ID, Corpus, write_documents  # noqa: E402
from benchmarks.machine import machine_facts  # noqa: E402
from benchmarks.program import json_option, print_result, say, work_folder  # noqa: E402
from cci_lite.contract.columns import TABLES  # noqa: E402
from cci_lite.contract.form_reading import parse_draft  # noqa: E402
from cci_lite.contract.services import service_facts  # noqa: E402
from cci_lite.flatten.plan import (  # noqa: E402
    MAX_BYTES_PER_ITEM,
    MAX_DOCUMENTS_PER_ITEM,
    listing_digest,
    plan_day,
)
from cci_lite.local.folder import FolderStore  # noqa: E402
from cci_lite.nightly.run_report import Balance  # noqa: E402
from cci_lite.nightly.staging import StagedDay  # noqa: E402
from cci_lite.nightly.work import ItemResult, WorkItem, flatten_item  # noqa: E402
from cci_lite.ports import (  # noqa: E402
    DayChange,
    PublishedDay,
    SourceOutcome,
    SourceRecord,
    StoredObject,
    read_manifest,
    write_manifest,
)
from cci_lite.tenancy import manifest_key, unified_key  # noqa: E402

DAY = dt.date(2025, 1, 1)
NOW = dt.datetime(2025, 1, 2, tzinfo=dt.UTC)
ROW_TABLES = len(TABLES) - 2  # a document that is fine has no row in two: quarantine and runs
DATABASES = 2  # the installation's, and the tenant's


@dataclass(frozen=True)
class Measured:
    """What this machine took, per document unless it says otherwise."""

    document_bytes: float
    flatten_cpu_us: float
    copy_cpu_us: float
    curated_bytes: float
    listed_cpu_us: float
    driver_cpu_us: float
    manifest_cpu_us: float
    manifest_bytes: float
    sent_bytes: float
    driver_bytes: float


@dataclass(frozen=True)
class Assumed:
    """What a laptop cannot tell. Each is a round figure to be replaced by one from an account."""

    get_cpu_us: float = 69  # obstore, measured once against an S3 look-alike on one machine
    get_seconds: float = 0.03
    gets_ahead: int = 16  # per task
    list_page_seconds: float = 0.1
    keys_per_page: int = 1_000
    task_seconds: float = 0.15  # Spark's own part of a task; 0.1 to 0.2 s measured on one machine
    day_seconds: float = 0.5  # of the driver: manifest, sheet, one transaction, round trips
    start_seconds: float = 90
    slots_per_worker: int = 4  # G.1X: 4 vCPU, 16 GB, 1 DPU
    driver_python_bytes: float = 5e9  # of the driver's 16 GB; Java takes most of the rest
    wanted_seconds: float = 30 * 60
    most_workers: int = 99


@dataclass(frozen=True)
class Scenario:
    """An installation. Late documents belong to earlier days, `late_days` of them a night.

    `jobs` share the tenants: one driver lists and publishes what is its own.
    """

    calls: int
    tenants: int
    days_listed: int
    late_share: float = 0.01
    late_days: int = 2
    jobs: int = 1


SCENARIOS = (
    Scenario(10_000, 10, 90),
    Scenario(1_000_000, 200, 7),
    Scenario(100_000_000, 200, 3),
    Scenario(100_000_000, 200, 3, jobs=20),
)


def simulate(scenario: Scenario, measured: Measured, assumed: Assumed) -> dict[str, Any]:
    """A night, of all jobs together; times are those of one job, which has its share."""
    per_item = min(MAX_DOCUMENTS_PER_ITEM, MAX_BYTES_PER_ITEM / measured.document_bytes)
    per_day = scenario.calls / scenario.tenants
    items_of_day = math.ceil(per_day / per_item)
    late = scenario.calls * scenario.late_share
    late_days = scenario.tenants * min(scenario.late_days, math.ceil(late / scenario.tenants))
    # A late document's day is switched as a whole: its old files are read, checked and copied.
    copied_items = late_days * items_of_day
    items = scenario.tenants * items_of_day + late_days + copied_items
    days = scenario.tenants + late_days
    documents = scenario.calls + late

    listed = scenario.days_listed * scenario.calls
    pages = max(scenario.tenants, math.ceil(listed / assumed.keys_per_page))
    requests = {
        "s3_list": pages,
        "s3_get": documents + copied_items * 2 * ROW_TABLES + 3 * late_days,
        "s3_put": items * ROW_TABLES + 3 * days,
        # A day: staged, three actions in a transaction (they count twice), its mark cleared.
        "dynamodb_write_units": days * (1 + 2 * 3 + 1) + scenario.tenants * 4,
        "dynamodb_read_units": scenario.tenants * (2 + 365 / 8) + days * 2,
        "glue_catalogue": scenario.tenants
        * DATABASES
        * (1 + len(TABLES) * (1 + math.ceil((1 + late_days / scenario.tenants) / 50))),
    }
    cpu = (
        documents * (measured.flatten_cpu_us + assumed.get_cpu_us)
        + copied_items * per_item * measured.copy_cpu_us
    ) / 1e6
    # Of a task, whichever is longer: its processor's work, or waiting for its documents.
    waiting = documents * assumed.get_seconds / assumed.gets_ahead
    slot_seconds = (max(cpu, waiting) + items * assumed.task_seconds) / scenario.jobs
    driver = {
        "listing": (pages * assumed.list_page_seconds + listed * measured.listed_cpu_us / 1e6),
        # With a late document comes what is known of all others of its day.
        "records": (documents + late_days * per_day)
        * (measured.driver_cpu_us + measured.manifest_cpu_us)
        / 1e6,
        "publishing": days * assumed.day_seconds,
    }
    driver = {name: seconds / scenario.jobs for name, seconds in driver.items()}
    slots_wanted = slot_seconds / assumed.wanted_seconds
    workers = math.ceil(slots_wanted / assumed.slots_per_worker)
    workers = min(max(1, workers), assumed.most_workers)
    seconds = assumed.start_seconds + max(
        sum(driver.values()), slot_seconds / (workers * assumed.slots_per_worker)
    )
    dpu_hours = scenario.jobs * (workers + 1) * seconds / 3600
    prices = {each.item: each.usd / each.per for each in service_facts().lake_prices}
    dollars = {
        "s3": (requests["s3_list"] + requests["s3_put"]) * prices["s3 write"]
        + requests["s3_get"] * prices["s3 read"],
        "dynamodb": requests["dynamodb_write_units"] * prices["dynamodb write"]
        + requests["dynamodb_read_units"] * prices["dynamodb read"],
        "glue_catalogue": requests["glue_catalogue"] * prices["glue catalogue"],
        "glue_flex": dpu_hours * prices["glue flex"],
    }
    return {
        "scenario": asdict(scenario),
        "items": items,
        "requests": {name: round(count) for name, count in requests.items()},
        "workers_per_job": workers,
        "driver_seconds_per_job": {name: round(each, 1) for name, each in driver.items()},
        "work_seconds_per_job": round(slot_seconds / (workers * assumed.slots_per_worker), 1),
        "minutes": round(seconds / 60, 1),
        "bound_by": "driver" if sum(driver.values()) > slot_seconds / (workers * 4) else "workers",
        "dollars": {name: round(each, 4) for name, each in dollars.items()},
        "dollars_total": round(sum(dollars.values()), 3),
        "dollars_standard_instead_of_flex": round(
            sum(dollars.values()) + dpu_hours * (prices["glue"] - prices["glue flex"]), 3
        ),
        "dollars_kms_without_bucket_keys": round(
            (requests["s3_get"] + requests["s3_put"]) * prices["kms"], 3
        ),
        "driver_gb_for_the_largest_day": round(per_day * measured.driver_bytes / 1e9, 3),
        "curated_gb_a_day": round(scenario.calls * measured.curated_bytes / 1e9, 3),
        "athena_dollars_to_scan_a_day": round(
            scenario.calls * measured.curated_bytes / 1e12 * prices["athena"], 4
        ),
    }


def limits(measured: Measured, assumed: Assumed) -> dict[str, Any]:
    """Where the design ends, in calls and days."""
    listed_seconds = (
        assumed.list_page_seconds / assumed.keys_per_page + measured.listed_cpu_us / 1e6
    )
    return {
        "calls_on_a_tenants_day_by_driver_memory": round(
            assumed.driver_python_bytes / measured.driver_bytes
        ),
        "calls_on_a_tenants_day_listed_in_an_hour": round(3600 / listed_seconds),
        "calls_a_night_taken_in_by_one_driver_in_an_hour": round(
            3600 * 1e6 / (measured.driver_cpu_us + measured.manifest_cpu_us)
        ),
        "days_a_night_published_by_one_driver_in_an_hour": round(3600 / assumed.day_seconds),
    }


class _Memory:
    """As much of a store as manifests need."""

    def __init__(self) -> None:
        self.objects: dict[str, bytes] = {}

    def write(self, key: str, data: bytes | memoryview) -> None:
        self.objects[key] = bytes(data)

    def read(self, key: str) -> bytes:
        return self.objects[key]


def measure(folder: Path, documents: int, records: int, repeat: int) -> Measured:
    """What one document costs in each step; the median of some rounds."""
    corpus = Corpus(documents, 1, LARGE)
    document_bytes = write_documents(folder, corpus, workers=2) / documents
    store: Any = FolderStore(folder)
    first_day = sorted({path.parent for path in folder.rglob("*.json")})[0]
    prefix = f"{first_day.relative_to(folder).as_posix()}/"
    sources = tuple(store.listing(prefix))[:700]
    item = WorkItem(
        *(TENANT_ID, DAY, "g-1", 0, sources, {}, frozenset()),
        forms=tuple(parse_draft(form).as_version(form.get("version", 1)) for form in FORMS),
        etl_run_id="r-1",
        now=NOW,
    )
    result = flatten_item(store, item)
    if result.failure or any(each.outcome is not SourceOutcome.CALL for each in result.records):
        raise click.ClickException(f"documents were not flattened: {result.failure}")
    again = replace(
        item,
        generation="g-2",
        sources=(),
        carry={name: (part.key,) for name, part in result.parts.items()},
        as_is=True,
    )
    day = _Day.of(records)
    memory: Any = _Memory()
    sent = pickle.dumps((flatten_item, (store, item)))
    taken_in = pickle.dumps((result, None))
    measured = Measured(
        document_bytes=document_bytes,
        flatten_cpu_us=_cpu(lambda: flatten_item(store, item), len(sources), repeat),
        copy_cpu_us=_cpu(lambda: flatten_item(store, again), len(sources), repeat),
        curated_bytes=sum(part.bytes for part in result.parts.values()) / len(sources),
        listed_cpu_us=_cpu(lambda: listing_digest(day.listed), records, repeat),
        driver_cpu_us=_cpu(day.plan_and_check, records, repeat)
        + _cpu(lambda: pickle.loads(taken_in), len(sources), repeat)
        + _cpu(lambda: pickle.dumps((flatten_item, (store, item))), len(sources), repeat),
        manifest_cpu_us=_cpu(lambda: write_manifest(memory, TENANT_ID, day.change), records, repeat)
        + _cpu(lambda: read_manifest(memory, TENANT_ID, DAY, "g-1"), records, repeat),
        manifest_bytes=len(memory.read(manifest_key(TENANT_ID, DAY, "g-1"))) / records,
        sent_bytes=(len(sent) + len(taken_in)) / len(sources),
        driver_bytes=_memory_of(records),
    )
    return Measured(**{name: round(value, 2) for name, value in asdict(measured).items()})


def _cpu(work: Callable[[], object], documents: int, repeat: int) -> float:
    """Microseconds of CPU per document."""
    found = []
    for _ in range(repeat):
        begun = time.process_time()
        work()
        found.append(time.process_time() - begun)
    return statistics.median(found) / documents * 1e6


@dataclass(frozen=True)
class _Day:
    """A day as the driver holds it: its listing, and what became of each document."""

    listed: Sequence[StoredObject]
    results: tuple[ItemResult, ...]

    @classmethod
    def of(cls, documents: int) -> _Day:
        listed = list(_listed(documents))
        results = tuple(
            ItemResult(records=tuple(map(_record, listed[begin : begin + 700])))
            for begin in range(0, documents, 700)
        )
        return cls(listed, results)

    @property
    def staged(self) -> StagedDay:
        plan = plan_day(TENANT_ID, DAY, self.listed, {})
        return StagedDay(plan, "g-1", None, {}, self.results)

    @property
    def change(self) -> DayChange:
        records = [record for result in self.results for record in result.records]
        return DayChange(PublishedDay(DAY, "g-1", "", "r-1", NOW), None, {}, records)

    def plan_and_check(self) -> object:
        """What the run does with a day besides handing out its pieces."""
        staged = self.staged
        return staged.calls_read, Balance.of(staged.records.values()), staged.listing_digest


def _listed(documents: int) -> Iterator[StoredObject]:
    for number in range(documents):
        # Names and etags as hard to compress as real ones.
        name = hashlib.sha256(str(number).encode()).hexdigest()
        modified_at = NOW + dt.timedelta(seconds=number % 86_400)
        yield StoredObject(
            unified_key(TENANT_ID, DAY, name[:24]), f'"{name[32:]}"', 22_000, modified_at
        )


def _record(source: StoredObject) -> SourceRecord:
    call_id = source.key.rpartition("/")[2].removesuffix(".json")
    # As it comes from a worker: with texts of its own.
    record: SourceRecord = pickle.loads(
        pickle.dumps(
            SourceRecord(source.key, source.etag, source.modified_at, SourceOutcome.CALL, call_id)
        )
    )
    return record


def _memory_of(documents: int) -> float:
    """Bytes per document that the driver holds at most: when a day is checked and written."""
    tracemalloc.start()
    try:
        day = _Day.of(documents)
        kept: list[object] = [day, day.plan_and_check(), day.staged.records]
        write_manifest(_Memory(), TENANT_ID, day.change)  # type: ignore[arg-type]
        _, peak = tracemalloc.get_traced_memory()
        del kept
    finally:
        tracemalloc.stop()
    return peak / documents


@click.command(help=__doc__.partition("\n")[0])
@click.option("--documents", type=click.IntRange(100), default=2_000, show_default=True)
@click.option("--records", type=click.IntRange(1_000), default=100_000, show_default=True)
@click.option("--repeat", type=click.IntRange(1), default=5, show_default=True)
@json_option
def main(documents: int, records: int, repeat: int, json_file: Path | None) -> None:
    machine = machine_facts()
    with work_folder() as folder:
        say(f"measuring {documents:,} documents and {records:,} records")
        measured = measure(folder, documents, records, repeat)
    assumed = Assumed()
    print_result(
        {
            "machine": machine,
            "prices_as_of": service_facts().as_of.isoformat(),
            "measured": asdict(measured),
            "assumed": asdict(assumed),
            "nights": [simulate(each, measured, assumed) for each in SCENARIOS],
            "limits": limits(measured, assumed),
        },
        json_file,
    )


if __name__ == "__main__":
    main()
