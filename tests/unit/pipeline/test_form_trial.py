"""What a form that is not stored would change on the calls of a tenant."""

from __future__ import annotations

import datetime as dt
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from cci_lite.contract.form import Form, FormDraft
from cci_lite.contract.form_reading import parse_draft
from cci_lite.contract.metadata import CallMetadata
from cci_lite.contract.scoring import Outcome, Verdict
from cci_lite.contract.tenant import Audio, Tenant
from cci_lite.local.folder import FolderStore
from cci_lite.pipeline.documents import Transcript, analyze_transcripts
from cci_lite.pipeline.form_trial import FormTrial, try_form

TENANT = Tenant(tenant_id="demo-tenant", name="Demo", audio=Audio(agent_channel="ch_0"))
AT = dt.datetime(2025, 11, 5, 9, 30, tzinfo=dt.UTC)
GREET = {
    "id": "greet_01",
    "text": "Was there a greeting?",
    "weight": 1,
    "rule": {"phrases": ["hello"]},
}
CLOSE = {
    "id": "close_02",
    "text": "Was there a goodbye?",
    "weight": 1,
    "rule": {"phrases": ["bye"]},
}
FORM: dict[str, Any] = {"name": "service", "criteria": [GREET, CLOSE]}
PASS, FAIL, UNSCORED = Verdict.PASS, Verdict.FAIL, Verdict.UNSCORED


def draft(**changes: Any) -> FormDraft:
    return parse_draft({**FORM, **changes})


def transcript(job_name: str, words: str, agent_id: str | None = None) -> Transcript:
    items = [
        {
            "type": "pronunciation",
            "start_time": str(at),
            "end_time": str(at + 0.5),
            "alternatives": [{"content": word, "confidence": "0.9"}],
            "channel_label": "ch_0",
        }
        for at, word in enumerate(words.split())
    ]
    value = {
        "jobName": job_name,
        "status": "COMPLETED",
        "results": {
            "transcripts": [{"transcript": words}],
            "channel_labels": {
                "channels": [
                    {"channel_label": "ch_0", "items": items},
                    {"channel_label": "ch_1", "items": []},
                ],
                "number_of_channels": 2,
            },
            "items": items,
        },
    }
    metadata = CallMetadata(agent_id=agent_id or None)
    return Transcript(f"{job_name}.json", json.dumps(value).encode(), AT, metadata)


CALLS = [
    transcript("one", "hello there bye", "a-1"),
    transcript("two", "hello there", "a-1"),
    transcript("three", "what now", "a-2"),
]


def judged(store: FolderStore, form: Form, calls: list[Transcript] = CALLS) -> None:
    reports = analyze_transcripts(store, TENANT, form, calls, pipeline_version="1")
    assert [report.problem for report in reports] == [None] * len(calls)


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    made = FolderStore(tmp_path)
    judged(made, draft().as_version(1))
    return made


def tried(
    store: FolderStore, form: FormDraft, transcripts: list[Transcript] | None = None
) -> FormTrial:
    forms = {("service", 1): draft().as_version(1)}
    return try_form(store, TENANT, forms, form, transcripts or [])


def criterion(trial: FormTrial, name: str) -> tuple[dict[Any, int], dict[Any, int], int, int]:
    [found] = [each for each in trial.criteria if each.criterion_id == name]
    return dict(found.before), dict(found.after), found.changed, found.undecided


def test_the_same_form_changes_nothing(store: FolderStore) -> None:
    trial = tried(store, draft())
    assert (trial.calls, trial.changed, trial.with_transcript) == (3, 0, 0)
    assert all(each.before == each.after for each in trial.criteria)
    assert all(each.undecided == 0 for each in trial.criteria)


def test_another_threshold_changes_outcomes_and_no_verdicts(store: FolderStore) -> None:
    trial = tried(store, draft(scoring={"pass_threshold": 0.5}))
    assert trial.changed == 1
    [first, second] = trial.agents
    assert (first.agent_id, first.calls, first.changed) == ("a-1", 2, 1)
    assert first.before == Counter({Outcome.PASS: 1, Outcome.FAIL: 1})
    assert first.after == Counter({Outcome.PASS: 2})
    assert (second.agent_id, second.before, second.changed) == ("a-2", {Outcome.FAIL: 1}, 0)
    assert criterion(trial, "close_02") == ({PASS: 1, FAIL: 2}, {PASS: 1, FAIL: 2}, 0, 0)


def test_a_changed_rule_is_decided_by_the_transcripts_that_are_given(store: FolderStore) -> None:
    looser = {**CLOSE, "rule": {"phrases": ["bye", "now"]}}
    trial = tried(store, draft(criteria=[GREET, looser]), CALLS)
    assert trial.with_transcript == 3
    assert criterion(trial, "close_02") == ({PASS: 1, FAIL: 2}, {PASS: 2, FAIL: 1}, 1, 0)


def test_without_a_transcript_a_changed_rule_is_undecided(store: FolderStore) -> None:
    looser = {**CLOSE, "rule": {"phrases": ["bye", "now"]}}
    trial = tried(store, draft(criteria=[GREET, looser]), CALLS[:1])
    assert criterion(trial, "close_02") == (
        {PASS: 1, FAIL: 2}, {PASS: 1, UNSCORED: 2}, 0, 2,
    )  # fmt: skip
    assert criterion(trial, "greet_01")[2:] == (0, 0)


def test_criteria_that_come_and_go_stand_beside_each_other(store: FolderStore) -> None:
    new = {"id": "new_03", "text": "Is it new?", "weight": 1}
    trial = tried(store, draft(criteria=[GREET, new]))
    assert [each.criterion_id for each in trial.criteria] == ["greet_01", "new_03", "close_02"]
    assert criterion(trial, "close_02") == ({PASS: 1, FAIL: 2}, {}, 3, 0)
    assert criterion(trial, "new_03") == ({}, {UNSCORED: 3}, 0, 3)


def test_nothing_is_written(store: FolderStore, tmp_path: Path) -> None:
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    tried(store, draft(criteria=[GREET]), CALLS)
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before


def test_calls_of_other_forms_and_broken_documents_are_counted_and_left_out(
    store: FolderStore,
) -> None:
    other = parse_draft({**FORM, "name": "other"}).as_version(1)
    judged(store, other, [transcript("four", "hello")])
    store.write("unified/demo-tenant/2025/11/05/broken.json", b"{")
    forms = {("service", 1): draft().as_version(1), ("other", 1): other}
    trial = try_form(store, TENANT, forms, draft())
    assert (trial.calls, trial.others, trial.unreadable) == (3, 1, 1)
    unnamed = try_form(store, TENANT, forms, parse_draft({**FORM, "name": "new"}))
    assert (unnamed.calls, unnamed.others) == (4, 0)


def test_a_transcript_that_cannot_be_read_is_counted(store: FolderStore) -> None:
    trial = tried(store, draft(), [Transcript("x.json", b"{}", AT)])
    assert (trial.unread_transcripts, trial.with_transcript, trial.calls) == (1, 0, 3)


def test_of_two_documents_of_a_call_the_later_writing_is_compared(store: FolderStore) -> None:
    [key] = [
        found.key
        for found in store.listing("unified/")
        if '"a-2"' in store.read(found.key).decode()
    ]
    stale = json.loads(store.read(key))
    later = {**stale, "call_date": "2025-11-04", "writing": 7, "agent": {"agent_id": "a-9"}}
    store.write(key.replace("2025/11/05", "2025/11/04"), json.dumps(later).encode())
    assert [agent.agent_id for agent in tried(store, draft()).agents] == ["a-1", "a-9"]


def test_a_call_that_hangs_on_its_transcript_is_not_said_to_change(store: FolderStore) -> None:
    looser = {**CLOSE, "rule": {"phrases": ["bye", "now"]}}
    trial = tried(store, draft(criteria=[GREET, looser]), CALLS[:1])
    assert (trial.changed, trial.undecided) == (0, 2)
