"""The benchmark's documents, its comparison, and the contenders that need no other library."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cci_lite.contract.columns import TABLES
from cci_lite.contract.document import encode_document
from cci_lite.contract.reading import decode_document

CHECKOUT = Path(__file__).resolve().parents[3]
DOCUMENTS = 20
COLUMNS = [52, 31, 8, 7, 9, 5]  # of each compared table that the bare loop writes


@pytest.fixture(scope="module", autouse=True)
def _importable() -> None:
    """The benchmarks are no part of the package: they are found in the checkout."""
    if str(CHECKOUT) not in sys.path:
        sys.path.append(str(CHECKOUT))


@pytest.fixture(scope="module")
def lake(_importable: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the documents."""
    from benchmarks.documents import Corpus, write_documents

    folder = tmp_path_factory.mktemp("documents")
    write_documents(folder, Corpus(DOCUMENTS))
    return folder


@pytest.fixture(scope="module")
def bare_rows(lake: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the bare loop makes of them, in one process."""
    from benchmarks.contenders import bare

    folder = tmp_path_factory.mktemp("bare")
    bare.flatten(lake, folder, 1)
    return folder


def test_a_seed_always_gives_the_same_documents(lake: Path, tmp_path: Path) -> None:
    from benchmarks.documents import Corpus, write_documents

    write_documents(tmp_path / "again", Corpus(DOCUMENTS))
    write_documents(tmp_path / "other", Corpus(DOCUMENTS, seed=2))
    assert _contents(tmp_path / "again") == _contents(lake)
    assert _contents(tmp_path / "other").keys() == _contents(lake).keys()
    assert _contents(tmp_path / "other") != _contents(lake)


def test_a_day_of_a_larger_corpus_begins_with_the_documents_of_a_smaller_one() -> None:
    from benchmarks.documents import FIRST_DAY, documents_of_day

    few, more = (list(documents_of_day(1, FIRST_DAY, count)) for count in (3, 5))
    assert more[:3] == few


def test_documents_hold_to_the_contract_and_have_the_size_that_is_claimed(lake: Path) -> None:
    contents = list(_contents(lake).values())
    decoded = [decode_document(content) for content in contents]
    assert len(decoded) == DOCUMENTS
    assert {each.unknown_fields for each in decoded} == {0}
    assert 20_000 < sum(map(len, contents)) / DOCUMENTS < 24_000
    for document in (each.document for each in decoded):
        assert document.qa_evaluation is not None
        assert len(document.qa_evaluation.criteria) == 10
        assert document.key_phrases is not None
        assert document.entities is not None
        phrases = sum(len(of.key_phrases) for of in document.key_phrases.result_list)
        entities = sum(len(of.entities) for of in document.entities.result_list)
        assert 20 <= phrases <= 40
        assert 20 <= entities <= 40


def test_small_documents_hold_to_the_contract_and_have_the_size_that_is_claimed() -> None:
    from benchmarks.documents import FIRST_DAY, SMALL, documents_of_day

    contents = [encode_document(each) for each in documents_of_day(1, FIRST_DAY, 100, SMALL)]
    assert 2_200 < sum(map(len, contents)) / len(contents) < 2_500
    for document in (decode_document(content).document for content in contents):
        assert document.qa_evaluation is not None
        assert document.qa_evaluation.template_id == "short"
        assert len(document.qa_evaluation.criteria) == 2


def test_days_are_full_but_the_last() -> None:
    from benchmarks.documents import DOCUMENTS_PER_DAY, Corpus

    counts = [count for _, count in Corpus(2 * DOCUMENTS_PER_DAY + 7).days]
    assert counts == [DOCUMENTS_PER_DAY, DOCUMENTS_PER_DAY, 7]
    assert [count for _, count in Corpus(5, per_day=2).days] == [2, 2, 1]


def test_the_product_and_the_bare_loop_write_the_same_rows(
    lake: Path, bare_rows: Path, tmp_path: Path
) -> None:
    from benchmarks.builds import OURS, Build
    from benchmarks.contenders import ours
    from benchmarks.flatten import CONTENDERS, run_contender
    from benchmarks.rows import RUN_COLUMNS, compare_rows

    build = Build(OURS, CHECKOUT)
    usage = run_contender(CONTENDERS["ours-1"], build, lake, tmp_path / "lake", 1)
    assert usage.processes == 1
    compared = compare_rows(ours.rows_of(tmp_path / "lake"), bare_rows, left_out=RUN_COLUMNS)
    assert [table.difference for table in compared] == [""] * 6
    assert compared[0].rows == DOCUMENTS
    # All that the tables had when the yardstick was cut.
    assert [table.columns for table in compared] == COLUMNS
    assert all(table.equal and table.rows for table in compared)


@pytest.mark.parametrize("name", ["arrow", "duckdb", "duckdb_text", "pandas"])
def test_another_tool_writes_the_same_rows(
    lake: Path, bare_rows: Path, tmp_path: Path, name: str
) -> None:
    from benchmarks.rows import compare_rows

    importlib.import_module(f"benchmarks.contenders.{name}").flatten(lake, tmp_path, 1)
    assert [table.difference for table in compare_rows(bare_rows, tmp_path)] == [""] * 6


@pytest.mark.parametrize("table_name", ["calls", "qa_criteria", "entities", "action_items"])
def test_one_value_that_differs_is_found_and_named(
    bare_rows: Path, tmp_path: Path, table_name: str
) -> None:
    from benchmarks.rows import columns_of, compare_rows, read_rows

    _copy(bare_rows, tmp_path)
    rows = read_rows(bare_rows, table_name, columns_of(bare_rows, table_name))
    last = rows.column_names.index("source_key")
    keys = rows["source_key"].to_pylist()
    changed = rows.set_column(last, "source_key", pa.array([*keys[:-1], "another"]))
    pq.write_table(changed, next((tmp_path / table_name).iterdir()))
    found = {table.table: table for table in compare_rows(bare_rows, tmp_path)}
    assert [name for name, table in found.items() if not table.equal] == [table_name]
    key = [rows[name][-1].as_py() for name in TABLES[table_name].key]
    assert found[table_name].difference == (
        f"source_key of {key}: expected {keys[-1]!r}, found 'another'"
    )


def test_a_value_where_null_was_expected_is_a_difference(bare_rows: Path, tmp_path: Path) -> None:
    from benchmarks.rows import columns_of, compare_rows, read_rows

    _copy(bare_rows, tmp_path)
    rows = read_rows(bare_rows, "calls", columns_of(bare_rows, "calls"))
    place = rows.column_names.index("qa_failed_required")
    filled = rows.set_column(place, "qa_failed_required", rows["qa_failed_required"].fill_null(""))
    assert rows["qa_failed_required"].null_count
    pq.write_table(filled, next((tmp_path / "calls").iterdir()))
    calls = compare_rows(bare_rows, tmp_path)[0]
    assert not calls.equal
    assert calls.difference.endswith("expected None, found ''")


def test_a_missing_row_is_a_difference(bare_rows: Path, tmp_path: Path) -> None:
    from benchmarks.rows import columns_of, compare_rows, read_rows

    _copy(bare_rows, tmp_path)
    rows = read_rows(bare_rows, "key_phrases", columns_of(bare_rows, "key_phrases"))
    pq.write_table(rows.slice(1), next((tmp_path / "key_phrases").iterdir()))
    found = {table.table: table for table in compare_rows(bare_rows, tmp_path)}
    expected = f"expected {rows.num_rows} rows, found {rows.num_rows - 1}"
    assert found["key_phrases"].difference == expected


def test_processes_that_outlive_the_command_are_waited_for_and_counted(tmp_path: Path) -> None:
    from benchmarks.measure import measure

    burn = "import time\nwhile time.process_time() < 0.4: pass"
    start = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {burn!r}])"
    usage = measure(
        [sys.executable, "-W", "ignore", "-c", start], cwd=tmp_path, log=tmp_path / "log"
    )
    assert usage.cpu_seconds >= 0.35


def test_a_command_that_fails_is_an_error_with_what_it_said(tmp_path: Path) -> None:
    from benchmarks.measure import CommandError, measure

    command = [sys.executable, "-c", "raise SystemExit('no such luck')"]
    with pytest.raises(CommandError, match="exit code 1: no such luck"):
        measure(command, cwd=tmp_path, log=tmp_path / "log")


def test_the_command_prints_one_json_document_and_says_who_was_skipped() -> None:
    command = [sys.executable, "benchmarks/flatten.py", "--documents", str(DOCUMENTS)]
    done = subprocess.run(
        [*command, "--repeat", "1", "--workers", "1", "--contenders", "bare,duckdb-text,spark"],
        cwd=CHECKOUT,
        capture_output=True,
        check=False,
        env={"PATH": "", "PYTHONPATH": str(CHECKOUT)},
    )
    assert done.returncode == 0, done.stderr.decode()
    result = json.loads(done.stdout)
    bare, duckdb, spark = result["contenders"]
    assert bare["rows_equal"]
    assert duckdb["rows_equal"]
    assert duckdb["tables"][0] == {
        "table": "calls",
        "rows": DOCUMENTS,
        "columns": 49,
        "equal": True,
        "difference": "",
    }
    assert duckdb["documents_per_second"] > 0
    assert "not installed" in spark["skipped"] or "no java" in spark["skipped"]


def _contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.rglob("*.json"))}


def _copy(rows: Path, target: Path) -> None:
    for path in rows.rglob("*.parquet"):
        copied = target / path.relative_to(rows)
        copied.parent.mkdir(parents=True, exist_ok=True)
        copied.write_bytes(path.read_bytes())
