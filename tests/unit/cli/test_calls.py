"""`calls`: files that can be read are taken in, every other one is named."""

from __future__ import annotations

import gzip
import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.unit.cli.programs import Done, cci, succeed

FORM = """
name: care
criteria:
  - id: greet_01
    text: Did the agent greet?
    weight: 1
    required: true
    rule: {phrases: [hello], within: {first_turns: 1}}
"""
DAY = "unified/demo-tenant/2025/11/05"


def transcript(job: str, *said: str) -> dict[str, Any]:
    """A transcript of two channels, in which the agent (`ch_0`) says these words."""
    items = [
        {
            "channel_label": "ch_0",
            "start_time": f"{second}.0",
            "end_time": f"{second}.5",
            "type": "pronunciation",
            "alternatives": [{"confidence": "1.0", "content": word}],
        }
        for second, word in enumerate(" ".join(said or ("hello there",)).split())
    ]
    return {
        "jobName": job,
        "isRedacted": True,
        "accountId": "123456789012",
        "status": "COMPLETED",
        "results": {
            "transcripts": [{"transcript": " ".join(said)}],
            "channel_labels": {
                "number_of_channels": 2,
                "channels": [
                    {"channel_label": "ch_0", "items": items},
                    {"channel_label": "ch_1", "items": []},
                ],
            },
            "items": items,
        },
    }


def write(path: Path, value: object, *, prefix: bytes = b"") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(prefix + json.dumps(value).encode())
    return path


@pytest.fixture
def care(lake: Path, tmp_path: Path) -> Path:
    """The lake with a form that rules decide."""
    form = tmp_path / "care.yaml"
    form.write_text(FORM, encoding="utf-8")
    succeed("forms", "put", form, "--tenant", "demo-tenant", "--lake", lake)
    return lake


def analyze(lake: Path, *paths: Path, metadata: Path | None = None) -> Done:
    more: Sequence[str | Path] = ("--metadata", metadata) if metadata else ()
    return cci(
        "calls", "analyze", *paths, "--tenant", "demo-tenant", "--form", "care",
        "--lake", lake, *more,
    )  # fmt: skip


def written(lake: Path, form: str = "care") -> list[dict[str, Any]]:
    """The documents of analysed calls, ordered by start."""
    found = [json.loads(path.read_bytes()) for path in (lake / "unified").rglob("*.json")]
    analysed = [each for each in found if each["qa_evaluation"]["template_id"] == form]
    return sorted(analysed, key=lambda each: str(each.get("call_started_at")))


def test_a_phrase_is_heard_in_the_tenants_language_where_the_transcript_names_none(
    lake: Path, tmp_path: Path
) -> None:
    # Transcribe cuts Japanese into words; people write the phrase in one.
    settings = ("--name", "JA", "--language", "ja-JP", "--agent-channel", "ch_0")
    succeed("tenants", "add", "ja-tenant", *settings, "--lake", lake)
    form = tmp_path / "care.yaml"
    text = FORM.replace("hello", "この通話は録音されます")
    form.write_text(text, encoding="utf-8")
    succeed("forms", "put", form, "--tenant", "ja-tenant", "--lake", lake)
    words = "はい 。 この 通話 は 録音 さ れ ます 。 では"
    given = write(tmp_path / "ja.json", transcript("ja-1", words))
    succeed("calls", "analyze", given, "--tenant", "ja-tenant", "--form", "care", "--lake", lake)
    (document,) = written(lake)
    (result,) = document["qa_evaluation"]["criteria"]
    assert (result["verdict"], document["language_code"]) == ("pass", "ja-JP")
    (evidence,) = result["evidence"]
    assert evidence["quote"] == "この通話は録音されます。"
    assert (evidence["start_seconds"], evidence["end_seconds"]) == (2.0, 9.5)


def test_a_folder_of_every_kind_of_file_goes_through(care: Path, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    write(folder / "a.json", transcript("job-a"))
    write(folder / "deep" / "b.json", transcript("job-b"), prefix=b"\xef\xbb\xbf")
    (folder / "c.json.gz").write_bytes(gzip.compress(json.dumps(transcript("job-c")).encode()))
    lines = [json.dumps(transcript(f"job-{name}")) for name in "de"]
    (folder / "d.jsonl").write_text("\n\n".join(lines) + "\n", encoding="utf-8")
    (folder / "f.jsonl.gz").write_bytes(gzip.compress(json.dumps(transcript("job-f")).encode()))
    (folder / "notes.txt").write_text("not looked at", encoding="utf-8")
    done = analyze(care, folder)
    assert done.code == 0, done.err
    assert done.err.startswith("6 transcripts: 6 new\n")
    assert len(written(care)) == 6


def test_files_that_cannot_be_read_are_named_and_stop_no_other(care: Path, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    write(folder / "a.json", transcript("job-a"))
    (folder / "b.json.gz").write_bytes(b"this is not gzip")
    (folder / "c.jsonl.gz").write_bytes(gzip.compress(b"x" * 10_000)[:-9])
    (folder / "d.json").write_bytes(b"{")
    (folder / "e.json").write_bytes(b"")
    (folder / "f.json").write_bytes(b"\xff\xfe\x00")
    write(folder / "g.json", transcript("job-g"))
    done = analyze(care, folder)
    assert done.code == 1
    lines = done.err.splitlines()
    assert lines[0] == "7 transcripts: 2 new, 5 refused"
    refused = {line.strip().partition(": ")[0]: line.partition(": ")[2] for line in lines[1:6]}
    assert refused.keys() == {str(folder / name) for name in
        ("b.json.gz", "c.jsonl.gz", "d.json", "e.json", "f.json")}  # fmt: skip
    assert refused[str(folder / "b.json.gz")] == (
        "expected a gzip file that is whole, found another file"
    )
    assert len(written(care)) == 2


def test_a_file_that_may_not_be_read_is_named_and_stops_no_other(
    care: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked = write(tmp_path / "in" / "a.json", transcript("job-a"))
    write(tmp_path / "in" / "b.json", transcript("job-b"))
    really_open = os.open

    def guarded(name: str, *arguments: int, **options: int) -> int:
        # Not chmod: the superuser may read everything.
        if name == locked.name:
            raise PermissionError(13, "Permission denied", str(locked))
        return really_open(name, *arguments, **options)

    monkeypatch.setattr("cci_lite.local.regular.os.open", guarded)
    done = analyze(care, tmp_path / "in")
    assert done.code == 1
    assert done.err.splitlines()[:2] == [
        "2 transcripts: 1 new, 1 refused",
        f"  {locked}: expected a file that can be read, found Permission denied",
    ]


def test_one_broken_line_of_many_is_named_with_its_number(care: Path, tmp_path: Path) -> None:
    lines = [json.dumps(transcript(f"job-{number}")) for number in range(5)]
    lines[2] = lines[2][:50]
    file = tmp_path / "calls.jsonl"
    file.write_bytes(b"\xef\xbb\xbf" + "\n".join(lines).encode())
    done = analyze(care, file)
    assert done.code == 1
    assert done.err.startswith("5 transcripts: 4 new, 1 refused\n")
    assert f"  {file}:3: " in done.err


def test_an_empty_folder_says_what_was_looked_for(care: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    done = analyze(care, tmp_path / "empty")
    assert (done.code, done.error) == (
        2,
        f"no .json, .json.gz, .jsonl, .jsonl.gz file in: {tmp_path / 'empty'}",
    )


def test_a_hundred_refused_files_do_not_flood_the_terminal(care: Path, tmp_path: Path) -> None:
    for number in range(100):
        write(tmp_path / "in" / f"{number:03}.json", {})
    done = analyze(care, tmp_path / "in")
    assert done.err.startswith("100 transcripts: 100 refused\n")
    assert len(done.err.splitlines()) == 22
    assert done.err.splitlines()[-1] == "  … and 80 more refused"


def test_metadata_in_a_csv_reaches_the_call(care: Path, tmp_path: Path) -> None:
    write(tmp_path / "in" / "a.json", transcript("job-a"))
    metadata = tmp_path / "calls.csv"
    metadata.write_bytes(
        b"\xef\xbb\xbfjob_name,started_at,agent_id,queue,ours\r\n"
        b'job-a,2025-11-05T23:30:00+01:00,a-7,"billing, late",x\r\n'
        b"job-z,,,,\r\n"
    )
    assert analyze(care, tmp_path / "in", metadata=metadata).code == 0
    [document] = written(care)
    assert document["agent"] == {"agent_id": "a-7"}
    assert document["queue"] == "billing, late"
    assert document["call_started_at"] == "2025-11-05T22:30:00Z"
    assert document["call_date_source"] == "metadata"


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("calls.csv", "job_name,queue\n\"job\n-a\",x\njob-b,x,y\n",
         ", line 4: expected as many columns as in the header, found more"),
        ("calls.csv", "started_at\n2025-11-05T09:30:00Z\n", ", line 1: expected a column job_name"),
        ("calls.csv", "job_name,agent_id,agent_id\njob-a,a-1,a-2\n",
         ", line 1: expected each column once, found agent_id twice"),
        ("calls.jsonl", '{"job_name": "job-a"}\n\n{"job_name": \n',
         ", line 3: expected a JSON object, found something else"),
        ("calls.jsonl", '[]\n', ", line 1: expected a JSON object, found something else"),
    ],
    ids=["columns", "no job_name", "a column twice", "cut off", "list"],
)  # fmt: skip
def test_a_file_that_is_no_table_of_metadata_is_refused_before_anything_is_judged(
    care: Path, tmp_path: Path, name: str, text: str, message: str
) -> None:
    write(tmp_path / "in" / "a.json", transcript("job-a"))
    metadata = tmp_path / name
    metadata.write_text(text, encoding="utf-8")
    done = analyze(care, tmp_path / "in", metadata=metadata)
    assert (done.code, done.error) == (2, f"{metadata}{message}")
    assert written(care) == []


def test_a_row_finds_its_transcript_behind_a_byte_order_mark(care: Path, tmp_path: Path) -> None:
    write(tmp_path / "in" / "a.json", transcript("job-a"), prefix=b"\xef\xbb\xbf")
    metadata = tmp_path / "calls.csv"
    metadata.write_text("job_name,agent_id\njob-a,a-1\n", encoding="utf-8")
    analyze(care, tmp_path / "in", metadata=metadata)
    assert written(care)[0]["agent"] == {"agent_id": "a-1"}


def test_what_was_understood_and_matched_is_said_in_the_end(care: Path, tmp_path: Path) -> None:
    for name in "abc":
        write(tmp_path / "in" / f"{name}.json", transcript(f"job-{name}"))
    metadata = tmp_path / "calls.csv"
    metadata.write_text(
        "job_name,start,agentid,queue,agent,shoe size\n"
        "job-a,2025-11-05T09:30:00Z,a1,billing,Kim,43\n"
        "job-b,2025-11-05T09:30:00Z,a1,billing,Kim,43\n"
        "job-z,2025-11-05T09:30:00Z,a1,billing,Kim,43\n"
        ",2025-11-05T09:30:00Z,a1,billing,Kim,43\n",
        encoding="utf-8",
    )
    done = analyze(care, tmp_path / "in", metadata=metadata)
    assert done.code == 0
    assert done.err.splitlines()[-3:] == [
        f"{metadata}: 4 rows, for 2 of 3 transcripts; understood: job_name, queue",
        "  not understood: start: did you mean started_at?; agentid: did you mean agent_id?; "
        "agent: did you mean agent_id?; shoe size",
        "  2 rows without a transcript here (line 4, line 5): calls of other days or tenants may "
        "stand there",
    ]


def test_a_file_for_several_tenants_is_no_failure(care: Path, tmp_path: Path) -> None:
    write(tmp_path / "in" / "a.json", transcript("job-a"))
    metadata = tmp_path / "calls.csv"
    metadata.write_text(
        "tenant_id,job_name,agent_id,direction\n"
        "globex,job-a,theirs,sideways\ndemo-tenant,job-a,ours,in\nglobex,job-c,a-1,sideways\n",
        encoding="utf-8",
    )
    done = analyze(care, tmp_path / "in", metadata=metadata)
    assert done.code == 0
    assert done.err.splitlines()[-2:] == [
        f"{metadata}: 3 rows, for 1 of 1 transcript; "
        "understood: tenant_id, job_name, agent_id, direction",
        "  2 rows of other tenants",
    ]
    assert written(care)[0]["agent"] == {"agent_id": "ours"}


def test_a_file_that_matches_no_transcript_says_what_is_matched(care: Path, tmp_path: Path) -> None:
    write(tmp_path / "in" / "a.json", transcript("job-a"))
    metadata = tmp_path / "calls.csv"
    metadata.write_text(
        "job_name,agent_id\n" + "".join(f"other-{number},a\n" for number in range(9)),
        encoding="utf-8",
    )
    done = analyze(care, tmp_path / "in", metadata=metadata)
    assert (done.code, done.err.splitlines()[-1]) == (
        0,
        "  9 rows without a transcript here (line 2, line 3, line 4, line 5, line 6, …): job_name "
        "must be the transcript's own jobName",
    )


def test_values_that_cannot_be_right_are_left_out_and_the_others_used(
    care: Path, tmp_path: Path
) -> None:
    for name in "abc":
        write(tmp_path / "in" / f"{name}.json", transcript(f"job-{name}"))
    metadata = tmp_path / "calls.csv"
    metadata.write_text(
        "job_name,started_at,agent_id,direction\n"
        "job-a,yesterday,a-1,sideways\n"
        "job-b,2099-01-01T00:00:00Z,a-2,in\n"
        "job-c,2025-11-05T09:30:00Z,a-3,out\n"
        "job-c,2025-11-05T09:30:00Z,a-4,out\n"
        "job-z,yesterday,a-1,sideways\n",
        encoding="utf-8",
    )
    done = analyze(care, tmp_path / "in", metadata=metadata)
    assert done.code == 1
    assert done.err.splitlines()[-5:] == [
        "left out: 4 values of metadata",
        f"  {metadata}, line 2: started_at: expected a time like 2025-11-05T09:30:00Z, found text "
        "of 9 characters",
        f"  {metadata}, line 2: direction: expected inbound or outbound, found text of 8 characters",
        f"  {metadata}, line 3: started_at: expected a time at most 15 minutes after now, found a "
        "later one",
        f"  {metadata}, line 4: job_name: expected each once, found it again on line 5 with other "
        "values",
    ]
    agents = {document["agent"].get("agent_id") for document in written(care)}
    assert agents == {"a-1", "a-2", None}
    assert {document.get("direction") for document in written(care)} == {None, "inbound"}


def test_times_without_an_offset_are_the_tenants(care: Path, tmp_path: Path) -> None:
    succeed("tenants", "add", "demo-tenant", "--time-zone", "Europe/Berlin", "--lake", care)
    write(tmp_path / "in" / "a.json", transcript("job-a"))
    metadata = tmp_path / "calls.csv"
    metadata.write_text("job_name,started_at\njob-a,2025-11-05 00:30\n", encoding="utf-8")
    assert analyze(care, tmp_path / "in", metadata=metadata).code == 0
    [document] = written(care)
    assert (document["call_date"], document["call_started_at"]) == (
        "2025-11-05",
        "2025-11-04T23:30:00Z",
    )


def test_metadata_in_json_lines_may_hold_any_character(care: Path, tmp_path: Path) -> None:
    write(tmp_path / "in" / "a.json", transcript("job-a"))
    metadata = tmp_path / "calls.jsonl"
    metadata.write_text('{"job_name": "job-a", "queue": "one\u2028two"}\n', encoding="utf-8")
    assert analyze(care, tmp_path / "in", metadata=metadata).code == 0
    assert written(care)[0]["queue"] == "one\u2028two"


def test_a_sidecar_is_the_metadata_of_its_transcript_and_no_transcript_itself(
    care: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    write(folder / "a.json", transcript("job-a"))
    sidecar = {"started_at": "2025-11-05T09:30:00Z", "agent_id": "a-7"}
    write(folder / "a.json.meta.json", sidecar, prefix=b"\xef\xbb\xbf")
    done = analyze(care, folder)
    assert done.err.startswith("1 transcript: 1 new\n")
    assert written(care)[0]["agent"] == {"agent_id": "a-7"}


@pytest.mark.parametrize(
    ("sidecar", "message"),
    [
        (b"{", "not understood: expected a JSON object, found something else"),
        (b'[{"agent_id": "a"}]', "not understood: expected a JSON object, found something else"),
        (b"", "not understood: expected a JSON object, found something else"),
        (b"\xff", "not understood: expected a JSON object, found something else"),
        (b" " * 70_000, "not understood: expected at most 65,536 bytes, found more"),
        (b'{"agent_id": "a", "agent_id": "b"}', "agent_id: expected each field once, found the "
         "same field twice"),
        (b'{"agent_id": "a", "Agent-ID": "b"}', "agent_id: expected each field once, found the "
         "same field twice"),
    ],
    ids=["cut off", "a list", "empty", "no text", "long", "twice", "twice in two spellings"],
)  # fmt: skip
def test_a_broken_sidecar_costs_no_call_and_is_told(
    care: Path, tmp_path: Path, sidecar: bytes, message: str
) -> None:
    folder = tmp_path / "in"
    write(folder / "a.json", transcript("job-a"))
    (folder / "a.json.meta.json").write_bytes(sidecar)
    write(folder / "b.json", transcript("job-b"))
    done = analyze(care, folder)
    assert done.code == 1
    assert done.err.splitlines()[0] == "2 transcripts: 2 new"
    assert done.err.splitlines()[-2:] == [
        "left out: 1 value of metadata",
        f"  {folder / 'a.json'}.meta.json: {message}",
    ]
    assert len(written(care)) == 2


def test_one_bad_value_of_a_sidecar_does_not_lose_the_others(care: Path, tmp_path: Path) -> None:
    folder = tmp_path / "in"
    write(folder / "a.json", transcript("job-a"))
    write(folder / "a.json.meta.json", {"started_at": 5, "agent_id": 4711, "agent": "Kim"})
    done = analyze(care, folder)
    assert done.code == 1
    assert done.err.splitlines()[-3:] == [
        "fields of sidecars that were not understood: agent: did you mean agent_id?",
        "left out: 1 value of metadata",
        f"  {folder / 'a.json'}.meta.json: started_at: expected a time like 2025-11-05T09:30:00Z, "
        "found 5",
    ]
    assert written(care)[0]["agent"] == {"agent_id": "4711"}


def test_analysing_again_changes_nothing_and_another_transcript_is_a_revision(
    care: Path, tmp_path: Path
) -> None:
    file = write(tmp_path / "a.json", transcript("job-a", "hello there"))
    metadata = tmp_path / "calls.csv"
    metadata.write_text("job_name,started_at\njob-a,2025-11-05T09:30:00Z\n", encoding="utf-8")
    analyze(care, file, metadata=metadata)
    [first] = written(care)
    assert analyze(care, file, metadata=metadata).err.startswith("1 transcript: 1 unchanged\n")
    assert written(care) == [first]
    write(file, transcript("job-a", "good day"))
    assert analyze(care, file, metadata=metadata).err.startswith("1 transcript: 1 changed\n")
    [second] = written(care)
    assert (first["revision"], second["revision"]) == (1, 2)
    assert second["qa_evaluation"]["outcome"] == "fail"


def test_a_pattern_that_would_never_end_elsewhere_ends_here(care: Path, tmp_path: Path) -> None:
    form = tmp_path / "slow.yaml"
    form.write_text(
        "name: slow\ncriteria:\n"
        "  - {id: slow_01, text: Is it said at all?, weight: 1, rule: {pattern: '(a+)+$'}}\n",
        encoding="utf-8",
    )
    succeed("forms", "put", form, "--tenant", "demo-tenant", "--lake", care)
    file = write(tmp_path / "a.json", transcript("job-a", "a" * 50_000 + "!"))
    done = cci(
        "calls", "analyze", file, "--tenant", "demo-tenant", "--form", "slow", "--lake", care
    )
    assert done.err.startswith("1 transcript: 1 new\n")


UNKNOWN = "without a known agent (agent criteria do not apply)"


def by_speaker(job: str, *said_by: str) -> dict[str, Any]:
    """A transcript in which each of these speakers says hello in turn."""
    items = [
        {
            "speaker_label": label,
            "start_time": f"{second}.0",
            "end_time": f"{second}.5",
            "type": "pronunciation",
            "alternatives": [{"confidence": "1.0", "content": "hello"}],
        }
        for second, label in enumerate(said_by)
    ]
    return {
        "jobName": job,
        "isRedacted": True,
        "status": "COMPLETED",
        "results": {"items": items},
    }


def test_a_call_whose_agent_is_unknown_is_reported(care: Path, tmp_path: Path) -> None:
    value = transcript("job-a")
    del value["results"]["channel_labels"]
    for item in value["results"]["items"]:
        del item["channel_label"]
    done = analyze(care, write(tmp_path / "a.json", value))
    assert done.code == 0
    assert done.err.splitlines()[1:3] == [
        f"1 call {UNKNOWN}: set the transcription job to identify channels or speakers, because these "
        "transcripts tell nobody apart",
        "1 of 1 verdict na, because it is not known who speaks",
    ]


def test_speakers_without_the_agents_label_are_said_with_the_command_that_cures_it(
    care: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    write(folder / "a.json", transcript("job-a"))
    write(folder / "b.json", by_speaker("job-b", "spk_0", "spk_1"))
    write(folder / "c.json", by_speaker("job-c", "spk_1", "spk_0"))
    done = analyze(care, folder)
    add = f"cci-lite tenants add demo-tenant --lake {care}"
    assert done.err.splitlines()[1:3] == [
        f"2 calls {UNKNOWN}: set the agent's label (here spk_0 or spk_1): {add} --agent-speaker spk_N",
        "2 of 3 verdicts na, because it is not known who speaks; once it is set, analyze again",
    ]
    succeed(*add.split()[1:], "--agent-speaker", "spk_1")
    done = analyze(care, folder)
    assert done.err.splitlines()[0] == "3 transcripts: 1 unchanged, 2 changed"
    assert UNKNOWN not in done.err
    assert " na" not in done.err


def test_with_three_speakers_the_agent_is_known_who_is_named(care: Path, tmp_path: Path) -> None:
    succeed("tenants", "add", "demo-tenant", "--lake", care, "--agent-speaker", "spk_1")
    file = write(tmp_path / "a.json", by_speaker("job-a", "spk_0", "spk_1", "spk_2"))
    done = analyze(care, file)
    assert done.err.startswith("1 transcript: 1 new\nnext: ")


def test_both_channels_alike_and_words_without_a_time_are_said(care: Path, tmp_path: Path) -> None:
    alike, untimed = transcript("job-a", "hello there"), transcript("job-b", "hello there")
    labels = alike["results"]["channel_labels"]["channels"]
    labels[1]["items"] = [{**item, "channel_label": "ch_1"} for item in labels[0]["items"]]
    alike["results"]["items"] = [item for each in labels for item in each["items"]]
    untimed["results"]["items"][1]["start_time"] = "-1"
    write(tmp_path / "in" / "a.json", alike)
    write(tmp_path / "in" / "b.json", untimed)
    done = analyze(care, tmp_path / "in")
    assert done.err.splitlines()[:4] == [
        "2 transcripts: 2 new",
        f"1 call {UNKNOWN}: both channels carry the same speech; they need review, and no setting "
        "helps: record agent and customer each on a channel",
        "1 of 2 verdicts na, because it is not known who speaks",
        "1 word in 1 transcript without a possible time: kept, but for review",
    ]
    reasons = sorted(document["review"]["reasons"] for document in written(care))
    assert reasons == [["channels_alike"], ["word_times"]]


def test_a_lone_mark_is_not_the_first_to_speak(care: Path, tmp_path: Path) -> None:
    form = tmp_path / "notice.yaml"
    form.write_text(
        "name: notice\ncriteria:\n"
        "  - {id: notice_01, text: Was the notice read?, weight: 1,\n"
        "     rule: {phrases: [is recorded], within: {first_seconds: 30}}}\n",
        encoding="utf-8",
    )
    succeed("forms", "put", form, "--tenant", "demo-tenant", "--lake", care)
    value = transcript("job-a", "this call is recorded")
    for second, item in enumerate(value["results"]["items"], start=40):
        item.update({"start_time": str(second), "end_time": str(second + 0.5)})
    mark = {"type": "punctuation", "alternatives": [{"confidence": "0.0", "content": "."}]}
    value["results"]["channel_labels"]["channels"][1]["items"] = [mark]
    value["results"]["items"] = [*value["results"]["items"], mark]
    file = write(tmp_path / "a.json", value)
    done = cci(
        "calls", "analyze", file, "--tenant", "demo-tenant", "--form", "notice", "--lake", care
    )
    assert done.err.startswith("1 transcript: 1 new\nnext: ")
    assert [each["qa_evaluation"]["outcome"] for each in written(care, "notice")] == ["pass"]


def test_metadata_finds_a_streamed_call_by_its_session_and_one_with_a_mark_ahead(
    care: Path, tmp_path: Path
) -> None:
    turn = {
        "ParticipantRole": "AGENT",
        "Content": "Hello.",
        "BeginOffsetMillis": 0,
        "EndOffsetMillis": 900,
    }
    value = {
        "JobStatus": "COMPLETED",
        "SessionId": "session-1",
        "ContentMetadata": {"Output": "Redacted"},
        "Transcript": [turn],
    }
    write(tmp_path / "in" / "a.json", value)
    write(tmp_path / "in" / "b.json", transcript("job-b"), prefix=b"\xef\xbb\xbf")
    metadata = tmp_path / "calls.csv"
    metadata.write_text("job_name,agent_id\nsession-1,a-1\njob-b,a-2\n", encoding="utf-8")
    done = analyze(care, tmp_path / "in", metadata=metadata)
    assert done.code == 0
    assert "belong to none" not in done.err
    assert {each["agent"]["agent_id"] for each in written(care)} == {"a-1", "a-2"}


def document(**fields: object) -> dict[str, Any]:
    return {
        "tenant_id": "demo-tenant", "call_id": "call-1", "call_date": "2025-11-05",
        "qa_evaluation": {"criteria": [{"id": "greet_01", "passed": True}]}, **fields,
    }  # fmt: skip


def ingest(lake: Path, *paths: Path) -> Done:
    return cci("calls", "ingest", *paths, "--tenant", "demo-tenant", "--lake", lake)


def test_documents_that_break_the_contract_are_named_and_stop_no_other(
    lake: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    write(folder / "a.json", document(call_id="call-a"))
    write(folder / "b.json", document(call_id="call-b", tenant_id="other-tenant"))
    write(folder / "c.json", document(call_id="../../escape"))
    write(folder / "d.json", document(call_id="call-d", call_date="2025-13-45"))
    write(folder / "e.json", document(call_id="call-e", qa_template_version="v9"))
    write(folder / "f.json", document(call_id="call-f", agent={"agent_id": "a-1"}, extra=1))
    done = ingest(lake, folder)
    assert done.code == 1
    lines = done.err.splitlines()
    assert lines[0] == "6 documents: 2 new, 4 refused"
    assert lines[1:5] == [
        f"  {folder / 'b.json'}: tenant_id: expected 'demo-tenant', found another tenant",
        f"  {folder / 'c.json'}: call_id: expected 1 to 200 letters, digits, '.', '_' and '-', not "
        "starting with '.', found text of 12 characters",
        f"  {folder / 'd.json'}: call_date: expected a date like 2025-11-05, found text of "
        "10 characters",
        f"  {folder / 'e.json'}: qa_evaluation.template_id: expected a form of this tenant (add it "
        "with: cci-lite forms put), found 'default' v9",
    ]
    assert "left out: 1 field unknown to the contract" in lines
    assert not list(tmp_path.rglob("escape*"))


def test_an_older_revision_of_a_document_is_left_out(lake: Path, tmp_path: Path) -> None:
    ingest(lake, write(tmp_path / "new.json", document(schema_version="1.3", revision=3,
        qa_template_version=1)))  # fmt: skip
    older = write(tmp_path / "old.json", document(revision=2))
    assert ingest(lake, older).err == "1 document: 1 older\n"


def test_documents_in_quarantine_are_listed_corrected_and_replayed(
    lake: Path, tmp_path: Path
) -> None:
    broken = lake / DAY / "call-9.json"
    broken.write_bytes(b'{"tenant_id": "demo-tenant"')
    ran = succeed("etl", "run", "--lake", lake)
    assert "1 document of these days in quarantine; see: cci-lite quarantine list" in ran.err
    scope = ("--tenant", "demo-tenant", "--lake", lake)
    [row] = succeed("quarantine", "list", *scope, "--output", "json").json
    assert row == {
        "tenant_id": "demo-tenant",
        "source_key": f"{DAY}/call-9.json",
        "json_path": "",
        "expected": "valid JSON",
        "found": "input data was truncated",
        "copy": "quarantine/demo-tenant/2025/11/05/call-9.json",
    }
    still = cci("quarantine", "replay", *scope)
    assert still.code == 1
    assert still.err.splitlines()[-1] == "0 corrected, 1 still in quarantine"
    write(lake / row["copy"], document(call_id="call-9"))
    assert "1 corrected, 0 still in quarantine" in succeed("quarantine", "replay", *scope).err
    count = succeed("query", "SELECT count(*) AS n FROM calls", *scope, "--output", "json").json
    assert count == [{"n": 2}]
    assert succeed("quarantine", "list", *scope).err == "nothing is in quarantine\n"


def test_documents_of_a_tenant_without_settings_fail_that_tenant(lake: Path) -> None:
    write(lake / "unified/stranger/2025/11/05/call-1.json", document(tenant_id="stranger"))
    done = cci("etl", "run", "--lake", lake)
    assert done.code == 1
    assert "stranger failed: settings of stranger: " in done.err
    assert "cci-lite tenants add stranger" in done.err
