"""Metadata as spreadsheets and exports write it."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import pytest

from cci_lite.contract.metadata import CallMetadata
from cci_lite.errors import NotFoundError, UsageError
from cci_lite.local.metadata import MetadataFile, read_metadata

BOM = b"\xef\xbb\xbf"


def read(tmp_path: Path, data: bytes | str, name: str = "calls.csv") -> MetadataFile:
    path = tmp_path / name
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return read_metadata("demo-tenant", path, dt.UTC)


def told(file: MetadataFile, job_name: str = "first-call") -> CallMetadata:
    row = file.by_job[job_name].told
    assert row.problems == ()
    return row.metadata


def refusal(tmp_path: Path, data: bytes | str, name: str = "calls.csv") -> str:
    with pytest.raises(UsageError) as caught:
        read(tmp_path, data, name)
    return str(caught.value).removeprefix(str(tmp_path / name))


KIM = CallMetadata(agent_id="a1", agent_name="Kim, Lee")

TABLES = {
    "plain": "job_name,agent_id,agent_name\nfirst-call,a1,'Kim, Lee'\n".replace("'", '"'),
    "blanks": ' job_name , agent_id,\tagent_name\n first-call\u00a0, a1 , "Kim, Lee"\n',
    "other spellings": 'Job Name,AGENT-ID,Agent_Name\nfirst-call,a1,"Kim, Lee"\n',
    "a mark in front": '\ufeffjob_name,agent_id,agent_name\nfirst-call,a1,"Kim, Lee"\n',
    "line ends of Windows": 'job_name,agent_id,agent_name\r\nfirst-call,a1,"Kim, Lee"\r\n',
    "line ends of old Macs": 'job_name,agent_id,agent_name\rfirst-call,a1,"Kim, Lee"\r',
    "no end of the last line": 'job_name,agent_id,agent_name\nfirst-call,a1,"Kim, Lee"',
    "empty rows": '\n,,\njob_name,agent_id,agent_name\n\n,,\nfirst-call,a1,"Kim, Lee"\n,,\n  , ,\n',
    "empty columns": 'job_name,agent_id,agent_name,,\nfirst-call,a1,"Kim, Lee",,\n',
    "too few cells": 'job_name,agent_id,agent_name,queue,channel\nfirst-call,a1,"Kim, Lee"\n',
    "a separator line": 'sep=,\njob_name,agent_id,agent_name\nfirst-call,a1,"Kim, Lee"\n',
    "ids as formulas": 'job_name,agent_id,agent_name\n"=""first-call""",="a1","Kim, Lee"\n',
    "the same row twice": 'job_name,agent_id,agent_name\n' + 'first-call,a1,"Kim, Lee"\n' * 2,
    "a tenant": 'job_name,agent_id,agent_name,tenant_id\nfirst-call,a1,"Kim, Lee",demo-tenant\n',
}  # fmt: skip


@pytest.mark.parametrize("name", TABLES)
def test_a_table_is_read_however_it_was_saved(tmp_path: Path, name: str) -> None:
    file = read(tmp_path, TABLES[name])
    assert told(file) == KIM
    assert (len(file.by_job), file.nameless, file.others, file.unknown) == (1, [], 0, [])
    assert {*file.columns} >= {"job_name", "agent_id", "agent_name"}


@pytest.mark.parametrize("name", ["CALLS.CSV", "calls.txt", "export"])
def test_what_is_no_json_is_a_table_whatever_its_name(tmp_path: Path, name: str) -> None:
    assert told(read(tmp_path, TABLES["plain"], name)) == KIM


REFUSED = {
    "semicolons": (
        "job_name;agent_id;agent_name\nfirst-call;a1;Kim\n",
        ", line 1: separated by ;, expected commas: save as CSV UTF-8 (comma delimited)",
    ),
    "semicolons told": (
        "sep=;\njob_name;agent_id\nfirst-call;a1\n",
        ", line 1: separated by ;, expected commas: save as CSV UTF-8 (comma delimited)",
    ),
    "tabs": (
        "agent_id\tJob Name\na1\tfirst-call\n",
        ", line 1: separated by tabs, expected commas: save as CSV UTF-8 (comma delimited)",
    ),
    "semicolons and a column twice": (
        "job_name;job_name\nfirst-call;a1\n",
        ", line 1: separated by ;, expected commas: save as CSV UTF-8 (comma delimited)",
    ),
    "semicolons and commas": (
        'job_name;agent_name\nfirst-call;"Kim, Lee"\n',
        ", line 1: separated by ;, expected commas: save as CSV UTF-8 (comma delimited)",
    ),
    "cp1252": (
        "job_name,agent_name\nfirst-call,Müller\n".encode("cp1252"),
        ", line 2: not UTF-8; save as CSV UTF-8",
    ),
    "utf-16": (
        "job_name,agent_name\nfirst-call,Kim\n".encode("utf-16"),
        ", line 1: not UTF-8; save as CSV UTF-8",
    ),
    "utf-16 without a mark": (
        "job_name,agent_name\nfirst-call,Kim\n".encode("utf-16-le"),
        ": not UTF-8; save as CSV UTF-8",
    ),
    "a NUL character": (
        "job_name,agent_name\nfirst-call,K\0im\n",
        ", line 2: expected text, found a NUL character; remove it, or export the file again",
    ),
    "NUL characters at the end": (
        "job_name,agent_name\nfirst-call,Kim\n" + "\0" * 3,
        ", line 3: expected text, found a NUL character; remove it, or export the file again",
    ),
    "a cell that is larger than any may be": (
        "job_name,agent_name\nfirst-call," + "x" * 200_000 + "\n",
        ", line 2: expected cells of at most 131,072 characters, found a longer one",
    ),
    "a workbook": (
        b"PK\x03\x04\x14\x00",
        ": expected CSV or JSON Lines, found a workbook; save the sheet as CSV UTF-8",
    ),
    "packed": (
        b"\x1f\x8b\x08",
        ": expected CSV or JSON Lines, found a packed file; unpack it first",
    ),
    "nothing": ("", ", line 1: expected a column job_name"),
    "another name": (
        "jobname,agent_id\nfirst-call,a1\n",
        ", line 1: expected a column job_name (jobname: did you mean job_name?)",
    ),
    "a column twice": (
        "job_name,agent_id,Agent-ID \nfirst-call,a1,a2\n",
        ", line 1: expected each column once, found agent_id twice",
    ),
    "job_name twice": (
        "job_name,JOB_NAME\na,b\n",
        ", line 1: expected each column once, found job_name twice",
    ),
    "more cells than columns": (
        'job_name,agent_id\nfirst-call,"a\n1"\nsecond-call,Lee, Kim\n',
        ", line 4: expected as many columns as in the header, found more",
    ),
    "a quote that does not end": (
        'job_name,agent_id\nfirst-call,a1\nsecond-call,"a2\nthird-call,a3\n',
        ', line 3: expected a second " around the text that begins with one, found the end of the '
        'file; put it there, and write a " within such text twice',
    ),
    "a quote that ends too early": (
        'job_name,agent_id\nfirst-call,"a"1\n',
        ', line 2: expected a comma after the second ", found text; write a " within text twice',
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_no_table_is_refused_with_the_line_and_the_cure(tmp_path: Path, name: str) -> None:
    data, text = REFUSED[name]
    assert refusal(tmp_path, data) == text


def test_a_missing_file_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(NotFoundError):
        read_metadata("demo-tenant", tmp_path / "no.csv", dt.UTC)


def test_a_table_of_a_header_alone_has_no_rows(tmp_path: Path) -> None:
    file = read(tmp_path, "job_name,agent_id\n")
    assert (file.by_job, file.columns) == ({}, ["job_name", "agent_id"])


def test_columns_that_are_no_fields_are_told_as_they_stand_there(tmp_path: Path) -> None:
    file = read(tmp_path, "job_name,start,Notes,Notes\nfirst-call,2025-11-05T09:30:00Z,x,y\n")
    assert told(file) == CallMetadata()
    assert file.unknown == ["start", "Notes", "Notes"]


def test_rows_that_name_no_job_are_told_by_their_line(tmp_path: Path) -> None:
    file = read(tmp_path, "job_name,agent_id\nfirst-call,a1\n,a2\n\n ,a3\n")
    assert (list(file.by_job), file.nameless) == (["first-call"], ["line 3", "line 5"])


def test_of_a_job_with_two_rows_that_differ_nothing_is_taken(tmp_path: Path) -> None:
    file = read(tmp_path, "job_name,agent_id\nfirst-call,a1\nsecond-call,a2\n first-call,a3\n")
    assert told(file, "second-call") == CallMetadata(agent_id="a2")
    row = file.by_job["first-call"].told
    assert row.is_refused
    assert [str(problem) for problem in row.problems] == [
        "job_name: expected each once, found it again on line 4 with other values"
    ]


def test_rows_of_other_tenants_are_not_looked_at(tmp_path: Path) -> None:
    file = read(
        tmp_path,
        "job_name,tenant_id,agent_id\nfirst-call,globex,theirs\nfirst-call, demo-tenant,a1\n"
        "second-call,,a2\n",
    )
    assert told(file) == CallMetadata(agent_id="a1")
    assert told(file, "second-call") == CallMetadata(agent_id="a2")
    assert file.others == 1


OBJECT = '{"job_name": "first-call", "agent_id": "a1", "agent_name": "Kim, Lee"}'

JSON = {
    "lines": ("calls.jsonl", f"\n{OBJECT}\n\n"),
    "lines of another name": ("calls.NDJSON", OBJECT),
    "lines without an ending": ("calls", OBJECT),
    "lines that are called JSON": ("calls.json", OBJECT + "\n" + OBJECT.replace("first", "second")),
    "a list": ("calls.json", f"[\n{OBJECT}\n]"),
    "an object": ("calls.json", OBJECT.replace(", ", ",\n", 1)),
    "a mark in front": ("calls.JSONL", "\ufeff" + OBJECT),
    "other spellings": ("calls.jsonl", OBJECT.replace("job_name", " Job-Name ")),
}


@pytest.mark.parametrize("name", JSON)
def test_json_is_read_by_lines_or_as_a_whole(tmp_path: Path, name: str) -> None:
    assert told(read(tmp_path, JSON[name][1], JSON[name][0])) == KIM


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("calls.jsonl", "[]\n", ", line 1: expected a JSON object, found something else"),
        ("calls.jsonl", OBJECT + "\n{", ", line 2: expected a JSON object, found something else"),
        ("calls.json", "[1]", ", entry 1: expected a JSON object, found something else"),
        ("calls.jsonl", '{"agent_id": "a1"}', ": expected a column job_name"),
        (
            "calls.jsonl",
            '{"jobName": "first-call"}',
            ": expected a column job_name (jobName: did you mean job_name?)",
        ),
        (
            "calls.jsonl",
            '{"job_name": "a", "queue": "b", "queue": "c"}',
            ", line 1: queue: expected each field once, found the same field twice",
        ),
        (
            "calls.jsonl",
            '{"job_name": "a", "Queue": "b", "queue": "c"}',
            ", line 1: queue: expected each field once, found the same field twice",
        ),
        (
            "calls.json",
            '[{"job_name": "a", "queue": "b", "queue": "c"}]',
            ": [0].queue: expected each field once, found the same field twice",
        ),
        (
            "calls.jsonl",
            '{"job_name": "a", "queue ": "b", "queue": "c"}',
            ", line 1: queue: expected each field once, found the same field twice",
        ),
    ],
)
def test_json_that_is_no_metadata_is_refused_with_its_place(
    tmp_path: Path, name: str, text: str, message: str
) -> None:
    assert refusal(tmp_path, text, name) == message


def test_json_that_is_not_utf_8_is_refused(tmp_path: Path) -> None:
    data = OBJECT.replace("Kim", "Müller").encode("cp1252")
    assert refusal(tmp_path, data, "calls.jsonl") == ", line 1: not UTF-8; save as UTF-8"


def test_a_job_name_that_is_a_number_is_one(tmp_path: Path) -> None:
    file = read(tmp_path, '{"job_name": 17, "agent_id": 4711.0}\n{"job_name": true}', "calls.jsonl")
    assert told(file, "17") == CallMetadata(agent_id="4711")
    assert file.nameless == ["line 2"]
