"""Queries read exactly the files that the catalogue names, whatever else lies in the folder."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from cci_lite.errors import LakeError
from cci_lite.laptop import Lake, open_lake, open_to_repair
from cci_lite.local.catalog import CATALOG_FILE
from cci_lite.local.folder import FolderStore
from tests.depth import mostly_slow
from tests.small_lake import DAY, NEXT_DAY, TENANT, SmallLake

CALLS = "SELECT tenant_id, call_id, call_date, queue FROM calls ORDER BY call_id"
RAW = "SELECT tenant_id, day, call_id, count(*) AS n FROM raw_explode_criteria GROUP BY 1, 2, 3"

FOLDERS = [
    "queue=billing",
    "call_date=2020-01-01",
    "call_id=1",
    "tenant_id=other",
    "day=2020%2F01%2F01",
    "month=01",
    "month=10/call_date=x",
    "call_date=__HIVE_DEFAULT_PARTITION__",
    "a*b",
    "a?b",
    "[ab]",
    "{a,b}",
    "it's",
    'say "a"',
    "a, b",
    "a b%20c",
    "a\\b",
    "a=b=c",
    "curated/other-tenant/calls/call_date=2020-01-01/g",
    "file.parquet",
    "-- comment ; x",
    "größe",
]
# What a folder may be taken for, one within the other; the slow suite has each alone.
TOGETHER = ["/".join(FOLDERS[:7]), "/".join(FOLDERS[7:])]


def filled(root: Path) -> SmallLake:
    small_lake = SmallLake(root)
    small_lake.register()
    small_lake.put("call-1", queue="sales")
    small_lake.put("call-2", day=NEXT_DAY)
    assert small_lake.run().succeeded
    return small_lake


def answer(lake: Lake, sql: str) -> list[dict[str, object]]:
    rows: list[dict[str, object]] = lake.sql(sql, tenant_id=TENANT, as_="arrow").to_pylist()
    return rows


@pytest.fixture(scope="module")
def filled_lake(tmp_path_factory: pytest.TempPathFactory) -> Path:
    small_lake = filled(tmp_path_factory.mktemp("filled") / "lake")
    small_lake.catalog.close()
    return small_lake.root


@pytest.fixture
def small_lake(filled_lake: Path, tmp_path: Path) -> SmallLake:
    """A lake with two published calls on two days."""
    return SmallLake(Path(shutil.copytree(filled_lake, tmp_path / "lake")))


@pytest.mark.parametrize("folder", mostly_slow([*FOLDERS, *TOGETHER], TOGETHER))
def test_where_a_lake_lies_changes_no_answer(
    filled_lake: Path, tmp_path: Path, folder: str
) -> None:
    with open_lake(Path(shutil.copytree(filled_lake, tmp_path / folder / "lake"))) as lake:
        assert answer(lake, CALLS) == [
            {"tenant_id": TENANT, "call_id": "call-1", "call_date": DAY, "queue": "sales"},
            {"tenant_id": TENANT, "call_id": "call-2", "call_date": NEXT_DAY, "queue": None},
        ]
        assert sorted(map(repr, answer(lake, RAW))) == sorted(
            repr({"tenant_id": TENANT, "day": day, "call_id": call_id, "n": 3})
            for day, call_id in (("2025/11/05", "call-1"), ("2025/11/06", "call-2"))
        )
        assert answer(
            lake, "SELECT count(*) AS n FROM calls WHERE call_date = DATE '2025-11-06'"
        ) == [{"n": 1}]


def part(small_lake: SmallLake, table: str = "calls") -> Path:
    [found] = small_lake.catalog.parts(TENANT, DAY)[table]
    return small_lake.store.path(found.key)


def _deleted(file: Path) -> None:
    file.unlink()


def _cut_off(file: Path) -> None:
    file.write_bytes(file.read_bytes()[:-20])


def _emptied(file: Path) -> None:
    file.write_bytes(b"")


def _garbage(file: Path) -> None:
    file.write_bytes(b"x" * file.stat().st_size)


def _a_bit_of_a_page_turned(file: Path) -> None:
    data = bytearray(file.read_bytes())
    column = pq.ParquetFile(file).metadata.row_group(0).column(0)
    start = column.dictionary_page_offset or column.data_page_offset
    data[start + column.total_compressed_size - 1] ^= 0x10
    file.write_bytes(data)


def _the_footer_turned(file: Path) -> None:
    data = bytearray(file.read_bytes())
    length = int.from_bytes(data[-8:-4], "little")
    middle = len(data) - 8 - length // 2
    data[middle : middle + 100] = b"\xff" * 100
    file.write_bytes(data)


def _longer(file: Path) -> None:
    rows = pq.read_table(file)
    pq.write_table(rows, file, compression="none")


def _a_folder(file: Path) -> None:
    file.unlink()
    file.mkdir()


def _a_link(file: Path) -> None:
    other = file.with_name("elsewhere.parquet")
    file.rename(other)
    file.symlink_to(other)


def _a_pipe(file: Path) -> None:
    file.unlink()
    os.mkfifo(file)


DAMAGES = [
    _deleted, _cut_off, _emptied, _garbage, _a_bit_of_a_page_turned, _the_footer_turned, _longer,
    _a_folder, _a_link, _a_pipe,
]  # fmt: skip


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__.strip("_"))
def test_a_damaged_day_fails_the_queries_that_need_it_and_no_other(
    small_lake: SmallLake, damage: Callable[[Path], None]
) -> None:
    damage(part(small_lake))
    with open_lake(small_lake.root) as lake:
        for sql in (
            "SELECT call_id FROM calls",
            "SELECT call_id FROM calls WHERE call_date = DATE '2025-11-05'",
            "SELECT count(call_id) AS n FROM calls WHERE call_date <= DATE '2025-11-06'",
            "SELECT max(revision) AS r, max(call_id) AS c FROM calls WHERE call_id <> 'x'",
        ):
            with pytest.raises(LakeError) as caught:
                answer(lake, sql)
            assert str(caught.value) == (
                "tenant demo-tenant, table calls, 2025-11-05: a file is gone or damaged, so the result "
                "would be wrong; rebuild the day with cci-lite etl rebuild, or put the file back "
                "from a copy of the lake and check it with cci-lite etl verify, or ask for other days "
                "with WHERE call_date"
            )
        other = "SELECT call_id FROM calls WHERE call_date <> DATE '2025-11-05'"
        assert answer(lake, other) == [{"call_id": "call-2"}]
        assert answer(lake, "SELECT count(*) AS n FROM qa_criteria") == [{"n": 6}]
        days = "SELECT call_date FROM explode_criteria WHERE call_date = DATE '2025-11-06'"
        assert len(answer(lake, days)) == 3


MAY_NOT = (
    "tenant demo-tenant, table calls, 2025-11-05: a file may not be read, so the result would be wrong; "
    "give this program the right to read it and the folders that it is in, or ask for other days "
    "with WHERE call_date"
)


def _no_file(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    real = os.access
    monkeypatch.setattr(os, "access", lambda path, mode: path != file and real(path, mode))


def _no_folder(monkeypatch: pytest.MonkeyPatch, file: Path) -> None:
    real = Path.lstat

    def lstat(path: Path) -> os.stat_result:
        if path == file:
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(Path, "lstat", lstat)


@pytest.mark.parametrize("refuse", [_no_file, _no_folder])
def test_a_day_that_may_not_be_read_is_not_said_to_be_damaged(
    small_lake: SmallLake,
    monkeypatch: pytest.MonkeyPatch,
    refuse: Callable[[pytest.MonkeyPatch, Path], None],
) -> None:
    """As the root user that tests run as, nothing is refused: the system's answer is put in."""
    refuse(monkeypatch, part(small_lake))
    with open_lake(small_lake.root) as lake:
        with pytest.raises(LakeError) as caught:
            answer(lake, "SELECT call_id FROM calls")
        assert str(caught.value) == MAY_NOT
        other = "SELECT call_id FROM calls WHERE call_date <> DATE '2025-11-05'"
        assert answer(lake, other) == [{"call_id": "call-2"}]


def test_a_part_that_may_not_be_read_is_no_loss_to_a_repair_or_a_proof(
    small_lake: SmallLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_lake.register("other-tenant")
    small_lake.put("call-1", tenant_id="other-tenant")
    assert small_lake.run("other-tenant").succeeded
    refused = part(small_lake)
    shutil.rmtree(small_lake.root / f"curated/{TENANT}/manifests")  # a day of an earlier version
    small_lake.catalog.close()
    (small_lake.root / CATALOG_FILE).unlink()
    real = FolderStore.read

    def read(store: FolderStore, key: str) -> bytes:
        if store.path(key) == refused:
            raise PermissionError(13, "Permission denied")
        return real(store, key)

    monkeypatch.setattr(FolderStore, "read", read)
    with open_to_repair(small_lake.root) as lake:
        report = lake.repair()
        assert not report.succeeded
        assert {day.tenant_id for day in report.days} == {"other-tenant"}
        assert report.failed == {
            TENANT: f"{refused.relative_to(small_lake.root)}: it may not be read; give this program the "
            "right to read it and the folders that it is in"
        }
        monkeypatch.undo()
        assert lake.repair().succeeded


def _file(path: Path) -> None:
    path.write_text("{")


def _link_to_another_tenant(path: Path) -> None:
    path.symlink_to(path.parents[4] / "other-tenant/2025/11/05/secret.json")


def _link_to_itself(path: Path) -> None:
    path.symlink_to(path)


def _link_to_nothing(path: Path) -> None:
    path.symlink_to(path.with_name("nothing"))


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        here = Path.cwd()
        os.chdir(path.parent)  # the name of a socket is short
        try:
            listener.bind(path.name)
        finally:
            os.chdir(here)


STRAYS: dict[str, tuple[str, Callable[[Path], None]]] = {
    "another name": ("2025/11/05/notes.txt", _file),
    "no day": ("notes.json", _file),
    "a day that is none": ("2025/13/05/call-9.json", _file),
    "deeper": ("2025/11/05/more/call-9.json", _file),
    "hidden from Athena": ("2025/11/05/_call-9.json", _file),
    "a name that is no id": ("2025/11/05/a b.json", _file),
    "a folder": ("2025/11/05/folder.json", Path.mkdir),
    "a pipe": ("2025/11/05/pipe.json", os.mkfifo),
    "a socket": ("2025/11/05/socket.json", _socket),
    "a link to another tenant": ("2025/11/05/link.json", _link_to_another_tenant),
    "a link to itself": ("2025/11/05/loop.json", _link_to_itself),
    "a link to nothing": ("2025/11/05/dangling.json", _link_to_nothing),
}


@pytest.mark.parametrize("name", STRAYS)
def test_a_stray_stops_no_raw_query_and_is_not_read(small_lake: SmallLake, name: str) -> None:
    small_lake.put("secret", tenant_id="other-tenant")
    key, make = STRAYS[name]
    path = small_lake.root / "unified" / TENANT / key
    path.parent.mkdir(parents=True, exist_ok=True)
    make(path)
    with open_lake(small_lake.root) as lake:
        found = answer(lake, "SELECT call_id FROM unified ORDER BY call_id")
        assert found == [{"call_id": "call-1"}, {"call_id": "call-2"}]


def test_a_document_that_may_not_be_read_fails_the_queries_of_its_day(
    small_lake: SmallLake, monkeypatch: pytest.MonkeyPatch
) -> None:
    (small_lake.root / f"unified/{TENANT}/2025/11/05/call-1.json").chmod(0)
    opened = os.open

    def refuse(path: Any, *options: Any, **more: Any) -> int:
        if path == "call-1.json":
            raise PermissionError(13, "Permission denied", path)
        return opened(path, *options, **more)

    # Root may read everything: the system's answer is put in.
    if os.geteuid() == 0:
        monkeypatch.setattr("cci_lite.local.regular.os.open", refuse)
    _check_unreadable(small_lake)


def _check_unreadable(small_lake: SmallLake) -> None:
    with open_lake(small_lake.root) as lake:
        with pytest.raises(LakeError) as caught:
            answer(lake, "SELECT count(*) AS n FROM unified")
        assert str(caught.value) == (
            "tenant demo-tenant, table unified, 2025-11-05: a document may not be read, so the "
            "result would be wrong; correct its permissions, or ask for other days with WHERE day"
        )
        other = "SELECT call_id FROM unified WHERE day = '2025/11/06'"
        assert answer(lake, other) == [{"call_id": "call-2"}]
        assert len(answer(lake, CALLS)) == 2
