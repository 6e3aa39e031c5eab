"""Limits for compressed input files (zip bombs)."""

from __future__ import annotations

import datetime as dt
import gzip
import os
import threading
import tracemalloc
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from cci_lite.contract import limits
from cci_lite.errors import UsageError
from cci_lite.local import inputs
from cci_lite.local.inputs import (
    InputFile,
    UnreadableFile,
    find_inputs,
    read_definition,
    read_inputs,
)
from cci_lite.local.metadata import read_metadata

MEGABYTE = 1024 * 1024
TOO_LONG = "expected at most 1,000 bytes in a document, found more"
TOO_MUCH = "expected at most 5,000 bytes when unpacked, found more"


@pytest.fixture
def _small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(inputs, "MAX_TRANSCRIPT_BYTES", 1_000)
    monkeypatch.setattr(inputs, "MAX_UNPACKED_BYTES", 5_000)


def read(path: Path) -> list[str]:
    """What is read of a file: its documents' sizes, and what is said of the rest."""
    return [
        str(len(found.data)) if isinstance(found, InputFile) else str(found.problem)
        for found in read_inputs(find_inputs([path]))
    ]


def written(path: Path, data: bytes) -> Path:
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path


@pytest.mark.usefixtures("_small_limits")
@pytest.mark.parametrize("name", ["a.json", "a.json.gz", "a.jsonl", "a.jsonl.gz"])
def test_a_document_as_long_as_it_may_be_is_read(tmp_path: Path, name: str) -> None:
    assert read(written(tmp_path / name, b"x" * 1_000)) == ["1000"]


@pytest.mark.usefixtures("_small_limits")
@pytest.mark.parametrize("name", ["a.json", "a.json.gz", "a.jsonl", "a.jsonl.gz"])
def test_a_longer_document_is_refused_with_the_limit(tmp_path: Path, name: str) -> None:
    assert read(written(tmp_path / name, b"x" * 1_001)) == [TOO_LONG]


@pytest.mark.usefixtures("_small_limits")
@pytest.mark.parametrize("name", ["a.jsonl", "a.jsonl.gz"])
def test_a_line_that_is_too_long_stops_no_other(tmp_path: Path, name: str) -> None:
    path = written(tmp_path / name, b"ab\n" + b"x" * 3_000 + b"\n\nabc\n" + b"y" * 1_000 + b"\n")
    found = list(read_inputs(find_inputs([path])))
    assert [each.name.removeprefix(str(tmp_path)) for each in found] == [
        f"/{name}:{number}" for number in (1, 2, 4, 5)
    ]
    assert read(path) == ["2", TOO_LONG, "3", "1000"]


@pytest.mark.usefixtures("_small_limits")
@pytest.mark.parametrize(
    "data",
    [b"a\n" * 2_501, b"\n" * 5_001, (b"x" * 999 + b"\n") * 6, gzip.compress(b"") + b"a\n" * 2_501],
    ids=["short lines", "empty lines", "long lines", "not gzip within gzip"],
)
def test_a_file_that_unpacks_to_too_much_gives_none_of_its_lines(
    tmp_path: Path, data: bytes
) -> None:
    assert read(written(tmp_path / "a.jsonl.gz", data)) == [TOO_MUCH]


@pytest.mark.usefixtures("_small_limits")
def test_the_parts_of_a_gzip_file_count_together(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl.gz"
    path.write_bytes(gzip.compress(b"a\n" * 1_300) * 2)
    assert read(path) == [TOO_MUCH]


@pytest.mark.usefixtures("_small_limits")
def test_a_file_that_unpacks_to_too_much_stops_no_other(tmp_path: Path) -> None:
    written(tmp_path / "a.jsonl.gz", b"a\n" * 9_000)
    written(tmp_path / "b.json.gz", b"x" * 9_000)
    written(tmp_path / "c.json.gz", b"{}")
    found = list(read_inputs(find_inputs([tmp_path])))
    assert [type(each) for each in found] == [UnreadableFile, UnreadableFile, InputFile]


@pytest.mark.parametrize("name", ["a.json.gz", "a.jsonl.gz"])
@pytest.mark.parametrize(
    "damage",
    [
        lambda whole: whole[:-9],
        lambda whole: whole + b"behind",
        lambda whole: whole[:30] + b"\xff\xff\xff" + whole[33:],
        lambda whole: whole[:-8] + b"\0" * 8,
        lambda _: b"{}",
    ],
    ids=["cut off", "something behind it", "damaged", "another checksum", "not gzip"],
)
def test_a_damaged_gzip_file_gives_none_of_its_lines(
    tmp_path: Path, name: str, damage: object
) -> None:
    path = tmp_path / name
    lines = b"".join(b'{"n": %d, "x": %d}\n' % (number, number**5) for number in range(900))
    path.write_bytes(damage(gzip.compress(lines)))  # type: ignore[operator]
    assert read(path) == ["expected a gzip file that is whole, found another file"]


def test_lines_end_as_they_do_everywhere(tmp_path: Path) -> None:
    path = written(tmp_path / "a.jsonl", b"a\r\nbb\rccc\n\n\ndddd")
    assert read(path) == ["1", "2", "3", "4"]


@contextmanager
def little_memory(limit: int) -> Iterator[None]:
    tracemalloc.start()
    try:
        yield
        assert tracemalloc.get_traced_memory()[1] < limit
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("name", "block"),
    [("a.json.gz", b"\0"), ("a.jsonl.gz", b"\0"), ("b.jsonl.gz", b"\n"), ("c.jsonl.gz", b"ab\n")],
)
def test_a_small_file_that_unpacks_to_a_hundred_times_that_takes_little_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, block: bytes
) -> None:
    monkeypatch.setattr(inputs, "MAX_TRANSCRIPT_BYTES", 8 * MEGABYTE)
    monkeypatch.setattr(inputs, "MAX_UNPACKED_BYTES", 64 * MEGABYTE)
    path = tmp_path / name
    chunk = gzip.compress(block * (16 * MEGABYTE // len(block)), compresslevel=1)
    path.write_bytes(chunk * 16)
    assert path.stat().st_size < 2 * MEGABYTE
    with little_memory(30 * MEGABYTE):
        assert "expected at most" in read(path)[0]


def test_the_limits_that_are_in_force_hold_any_transcript_and_its_document() -> None:
    assert limits.MAX_TRANSCRIPT_BYTES == 64 * MEGABYTE
    assert limits.MAX_UNPACKED_BYTES == 1024 * MEGABYTE
    assert limits.MAX_DOCUMENT_BYTES == 16 * MEGABYTE


READERS = {
    "form": (read_definition, limits.MAX_DEFINITION_BYTES),
    "metadata": (
        lambda path: read_metadata("acme", path, dt.UTC),
        limits.MAX_METADATA_FILE_BYTES,
    ),
}


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("kind", ["file", "link", "device"])
def test_a_file_that_a_person_names_has_a_limit(tmp_path: Path, reader: str, kind: str) -> None:
    read, limit = READERS[reader]
    path = tmp_path / "given"
    if kind == "device":
        path.symlink_to("/dev/zero")
    else:
        large = path if kind == "file" else tmp_path / "elsewhere"
        large.touch()
        os.truncate(large, limit + 1_000_000_000)
        if kind == "link":
            path.symlink_to(large)
    with little_memory(2 * limit + 8 * MEGABYTE), pytest.raises(UsageError) as caught:
        read(path)
    assert str(caught.value) == f"{path}: expected at most {limit:,} bytes, found more"


def test_a_form_that_comes_through_a_pipe_is_read(tmp_path: Path) -> None:
    pipe = tmp_path / "form.yaml"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(b"a: 1\n" + b"#" * 100_000,))
    writer.start()
    assert read_definition(pipe) == {"a": 1}
    writer.join()


def bomb(levels: int = 12) -> str:
    """A list of ten lists of ten lists …, which YAML writes in a few bytes by naming them."""
    lists = ["&a0 [word, word, word, word, word]"]
    for level in range(1, levels):
        lists.append(f"&a{level} [{', '.join([f'*a{level - 1}'] * 10)}]")
    return f"[{', '.join(lists)}]"


@pytest.mark.parametrize(
    "form",
    [
        "criteria: {bomb}",
        "name: {bomb}\ncriteria: []",
        "criteria: [{{id: a_01, text: Did they?, weight: {bomb}}}]",
        "criteria: [{{id: a_01, text: Did they?, weight: 1, rule: {bomb}}}]",
        "criteria: [{{id: a_01, text: Did they?, weight: 1, rule: {{phrases: {bomb}}}}}]",
        "criteria: [{{id: a_01, text: Did they?, weight: 1, more: {bomb}}}]",
        "criteria: [{{id: a_01, text: Did they?, weight: 1}}]\nscoring: {bomb}",
    ],
)
def test_a_form_that_names_lists_within_lists_is_refused_in_little_memory(
    tmp_path: Path, form: str
) -> None:
    from cci_lite.cli.form_files import read_form

    file = tmp_path / "form.yaml"
    file.write_text(form.format(bomb=bomb()), encoding="utf-8")
    with little_memory(30 * MEGABYTE), pytest.raises(UsageError):
        read_form(file)
