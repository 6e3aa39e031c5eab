"""From transcripts and others' documents to unified documents in a folder."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cci_lite.contract.conversation import Conversation, UnknownAgent
from cci_lite.contract.document import (
    Agent,
    CallDateSource,
    Evaluator,
    Redaction,
    UnifiedDocument,
    encode_document,
)
from cci_lite.contract.form import Criterion, Form
from cci_lite.contract.form_reading import parse_draft
from cci_lite.contract.metadata import CallMetadata
from cci_lite.contract.reading import decode_document
from cci_lite.contract.scoring import Verdict
from cci_lite.contract.service_answers import Judgement, ModelUsage
from cci_lite.contract.tenant import Audio, Tenant, TenantStatus, UnredactedPolicy, parse_tenant
from cci_lite.errors import UsageError
from cci_lite.evaluation.results import decided
from cci_lite.local.folder import FolderStore
from cci_lite.pipeline.document_writing import Written
from cci_lite.pipeline.documents import (
    Hearing,
    InputReport,
    analyze_transcripts,
    ingest_documents,
)
from cci_lite.pipeline.judged_document import Services
from cci_lite.ports import InputFile, Transcript
from cci_lite.tenancy import call_id_for, parse_unified_key
from cci_lite.testing.memory import ScriptedEvaluator, ScriptedNlp

GUIDE_EXAMPLE = (
    Path(__file__).resolve().parents[3] / "examples" / "documents" / "guide-example.json"
)
TENANT = Tenant(
    tenant_id="demo-tenant",
    name="Demo",
    time_zone="Europe/Berlin",
    language_code="de-DE",
    audio=Audio(agent_channel="ch_0"),
)
FORM = parse_draft(
    {
        "name": "service",
        "criteria": [
            {
                "id": "greet_01",
                "text": "Was there a greeting?",
                "weight": 1,
                "required": True,
                "rule": {"phrases": ["hello"]},
            },
            {"id": "solved_02", "text": "Was it solved?", "weight": 2},
        ],
    }
).as_version(3)
GUIDE_FORM = parse_draft(
    {
        "criteria": [
            {"id": "greet_01", "text": "Question?", "weight": 1, "required": True},
            {"id": "empathy_02", "text": "Question?", "weight": 1, "required": True},
            {"id": "resolve_03", "text": "Question?", "weight": 1, "required": True},
            {"id": "confirm_04", "text": "Question?", "weight": 0.5},
            {"id": "compliance_05", "text": "Question?", "weight": 1, "required": True},
        ]
    }
).as_version(1)
TEMPLATES: Mapping[tuple[str, int], Form] = {
    ("service", 3): FORM,
    ("default", 1): GUIDE_FORM,
}
UPLOADED = dt.datetime(2025, 11, 5, 9, 30, tzinfo=dt.UTC)


def spoken(text: str, job_name: str = "call-1", **fields: Any) -> bytes:
    """A transcript of an agent who says `text`, one word a second."""
    items = [
        {
            "type": "pronunciation",
            "start_time": str(second),
            "end_time": str(second + 0.9),
            "alternatives": [{"content": word, "confidence": "1.0"}],
        }
        for second, word in enumerate(text.split())
    ]
    channels = [{"channel_label": "ch_0", "items": items}, {"channel_label": "ch_1", "items": []}]
    results = {
        "items": items,
        "channel_labels": {"channels": channels, "number_of_channels": 2},
        **fields,
    }
    value = {"jobName": job_name, "isRedacted": True, "status": "COMPLETED", "results": results}
    return json.dumps(value).encode()


def transcript(data: bytes, name: str = "a.json", **metadata: Any) -> Transcript:
    return Transcript(name, data, UPLOADED, CallMetadata(**metadata))


@pytest.fixture
def store(tmp_path: Path) -> FolderStore:
    return FolderStore(tmp_path)


def analyze(
    store: FolderStore, *transcripts: Transcript, tenant: Tenant = TENANT
) -> list[InputReport]:
    return [*analyze_transcripts(store, tenant, FORM, transcripts, pipeline_version="1.2.3")]


def ingest(store: FolderStore, *documents: bytes, tenant: Tenant = TENANT) -> list[InputReport]:
    given: Iterable[InputFile] = (
        InputFile(f"{number}.json", data, UPLOADED) for number, data in enumerate(documents)
    )
    return [*ingest_documents(store, tenant, TEMPLATES, given)]


def written(reports: list[InputReport]) -> list[Written]:
    return [report.written for report in reports]


def keys(store: FolderStore) -> list[str]:
    return [found.key for found in store.listing("unified/")]


def only(store: FolderStore) -> UnifiedDocument:
    [key] = keys(store)
    return decode_document(store.read(key)).document


def problem(reports: list[InputReport]) -> str:
    [report] = reports
    assert report.written is Written.REFUSED
    return str(report.problem)


def made_elsewhere(**fields: Any) -> bytes:
    value = {
        "tenant_id": "demo-tenant",
        "call_id": "c1",
        "call_date": "2025-11-05",
        "qa_evaluation": {
            "template_id": "service",
            "template_version": 3,
            "criteria": [{"id": "greet_01", "passed": True}, {"id": "solved_02", "passed": False}],
        },
    }
    return json.dumps({**value, **fields}).encode()


# --- transcripts --------------------------------------------------------------------------------


def test_a_transcript_becomes_a_document_in_its_place(store: FolderStore) -> None:
    [report] = analyze(store, transcript(spoken("Hello and welcome")))
    heard = Hearing(unknown_agent=None, labels=(), verdicts=2, unheard=0, untimed_words=0)
    assert report == InputReport("a.json", Written.NEW, heard=heard)
    document = only(store)
    call_id = call_id_for("demo-tenant", "demo-tenant/calls/call-1")
    assert keys(store) == [f"unified/demo-tenant/2025/11/05/{call_id}.json"]
    assert (document.schema_version, document.revision) == ("1.3", 1)
    assert document.call_id == call_id
    assert document.language_code == "de-DE"
    assert document.duration_seconds == pytest.approx(2.9)
    assert document.source is not None
    assert document.source.pipeline_version == "1.2.3"
    assert document.source.pii_redacted is Redaction.TRANSCRIBE


def test_a_document_is_judged_by_the_form_and_by_nothing_else(store: FolderStore) -> None:
    analyze(store, transcript(spoken("Hello and welcome")))
    document = only(store)
    evaluation = document.qa_evaluation
    assert evaluation is not None
    assert (evaluation.template_id, evaluation.template_version) == ("service", 3)
    assert evaluation.template_hash == FORM.content_hash
    assert [result.verdict for result in evaluation.criteria] == [Verdict.PASS, Verdict.UNSCORED]
    assert (evaluation.total_score, evaluation.max_score, evaluation.percentage) == (1, 1, 100)
    assert (evaluation.outcome, evaluation.reported) == ("pass", None)
    # What only a model can tell is left empty.
    assert document.sentiment is None
    assert document.ai_summary is None


def test_the_same_transcript_again_writes_nothing(store: FolderStore) -> None:
    given = transcript(spoken("Hello"))
    analyze(store, given)
    [before] = store.listing("unified/")
    assert written(analyze(store, given)) == [Written.UNCHANGED]
    assert written(analyze(store, given, given)) == [Written.UNCHANGED, Written.UNCHANGED]
    assert [*store.listing("unified/")] == [before]


def test_another_transcript_of_the_same_recording_is_its_next_revision(store: FolderStore) -> None:
    revisions = []
    for text in ("Hello", "Good day", "Hello again"):
        reports = analyze(store, transcript(spoken(text)))
        revisions.append((written(reports), only(store).revision))
    assert revisions == [([Written.NEW], 1), ([Written.CHANGED], 2), ([Written.CHANGED], 3)]


def test_metadata_that_comes_later_changes_the_document_and_not_its_revision(
    store: FolderStore,
) -> None:
    data = spoken("Hello")
    analyze(store, transcript(data))
    assert written(analyze(store, transcript(data, agent_id="a-1"))) == [Written.CHANGED]
    document = only(store)
    assert document.agent is not None
    assert (document.revision, document.agent.agent_id) == (1, "a-1")


def test_what_was_told_of_a_call_stays_when_nothing_is_told_now(store: FolderStore) -> None:
    start = dt.datetime(2025, 11, 3, 9, tzinfo=dt.UTC)
    told = {"agent_id": "a-1", "agent_name": "Kim", "queue": "sales", "direction": "inbound"}
    analyze(store, transcript(spoken("Hello"), started_at=start, **told))
    before = only(store)
    assert written(analyze(store, transcript(spoken("Hello")))) == [Written.UNCHANGED]
    assert only(store) == before
    analyze(store, transcript(spoken("Hello"), agent_id="a-2"))
    corrected = only(store)
    assert corrected.agent == Agent(agent_id="a-2")
    assert (corrected.queue, corrected.call_started_at) == ("sales", start)
    analyze(store, transcript(spoken("Hello again")))
    assert (only(store).revision, only(store).agent) == (2, Agent(agent_id="a-2"))


def test_of_two_different_transcripts_of_a_recording_in_one_delivery_the_second_is_refused(
    store: FolderStore,
) -> None:
    reports = analyze(store, transcript(spoken("Hello"), "a"), transcript(spoken("Bye"), "b"))
    assert written(reports) == [Written.NEW, Written.REFUSED]
    assert str(reports[1].problem) == (
        "expected one transcript of a recording, found two different ones in this delivery"
    )
    assert only(store).revision == 1


def test_a_transcript_that_cannot_be_read_does_not_stop_the_others(store: FolderStore) -> None:
    reports = analyze(
        store,
        transcript(b"{", "broken"),
        transcript(spoken("Hello", "call-1"), "good"),
        transcript(b"", "empty"),
        transcript(spoken("Hello", "call-2"), "good too"),
    )
    assert [(report.name, report.written) for report in reports] == [
        ("broken", Written.REFUSED),
        ("good", Written.NEW),
        ("empty", Written.REFUSED),
        ("good too", Written.NEW),
    ]
    assert len(keys(store)) == 2


def test_when_the_agent_is_not_known_nobody_is_judged_and_it_is_said(store: FolderStore) -> None:
    tenant = Tenant(tenant_id="demo-tenant", name="Demo")
    [report] = analyze(store, transcript(spoken("Hello")), tenant=tenant)
    assert report.heard == Hearing(
        unknown_agent=UnknownAgent.CHANNEL,
        labels=("ch_0",),
        verdicts=2,
        unheard=1,
        untimed_words=0,
    )
    evaluation = only(store).qa_evaluation
    assert evaluation is not None
    assert evaluation.criteria[0].verdict is Verdict.NA


def _with_a_copy_of_the_channel(data: bytes) -> bytes:
    value = json.loads(data)
    results = value["results"]
    results["channel_labels"]["channels"][1]["items"] = list(results["items"])
    results["items"] *= 2
    return json.dumps(value).encode()


def _with_a_time_that_cannot_be(data: bytes) -> bytes:
    value = json.loads(data)
    value["results"]["channel_labels"]["channels"][0]["items"][1]["start_time"] = "-1"
    return json.dumps(value).encode()


@pytest.mark.parametrize(
    ("data", "reason", "verdict"),
    [
        (_with_a_copy_of_the_channel(spoken("Hello and welcome")), "channels_alike", Verdict.NA),
        (_with_a_time_that_cannot_be(spoken("Hello and welcome")), "word_times", Verdict.PASS),
    ],
    ids=["both channels alike", "a word without a time"],
)
def test_what_a_transcript_does_not_tell_sends_the_call_to_review(
    store: FolderStore, data: bytes, reason: str, verdict: Verdict
) -> None:
    [report] = analyze(store, transcript(data))
    assert report.written is Written.NEW
    document = only(store)
    assert document.review is not None
    assert document.review.needed
    assert document.review.reasons == [reason]
    assert document.qa_evaluation is not None
    assert document.qa_evaluation.criteria[0].verdict is verdict


# --- what is not redacted -----------------------------------------------------------------------

MASKING = msgspec.structs.replace(TENANT, unredacted=UnredactedPolicy.MASK)


def unredacted(text: str, language_code: str | None = None) -> Transcript:
    value = json.loads(spoken(text, language_code=language_code))
    del value["isRedacted"]
    return transcript(json.dumps(value).encode())


def quotes(document: UnifiedDocument) -> list[str]:
    results = document.qa_evaluation.criteria if document.qa_evaluation else []
    return [each.quote for result in results for each in result.evidence]


def test_what_is_not_redacted_is_masked_where_the_tenant_says_so(store: FolderStore) -> None:
    given = unredacted("Hello my name is Jane Canary call 0170 5550123")
    [report] = analyze(store, given, tenant=MASKING)
    assert (report.written, report.masked) == (Written.NEW, True)
    document = only(store)
    assert document.source is not None
    assert document.source.pii_redacted is Redaction.MASKED
    assert quotes(document) == ["Hello my name is [NAME] call [NUMBER]"]
    assert written(analyze(store, given, tenant=MASKING)) == [Written.UNCHANGED]


@pytest.mark.parametrize(
    ("settings", "language_code", "why"),
    [
        ({}, "en-US", "the tenant's setting is unredacted: refuse"),
        ({"unredacted": "mask"}, "nl-NL", "names to be masked cannot be found"),
        ({"unredacted": "mask"}, "xx", "its language is none that Transcribe knows"),
        (
            {"unredacted": "mask", "nlp": "none"},
            "en-US",
            "names to be masked cannot be found",
        ),
    ],
    ids=["as it is set", "language", "unknown language", "no service"],
)
def test_what_is_not_redacted_is_refused_otherwise_and_stops_no_other(
    store: FolderStore, settings: dict[str, str], language_code: str, why: str
) -> None:
    tenant = parse_tenant({"tenant_id": "demo-tenant", **settings})
    good = transcript(spoken("Hello", "call-2"))
    refused, other = analyze(store, unredacted("Hello", language_code), good, tenant=tenant)
    assert (refused.written, other.written) == (Written.REFUSED, Written.NEW)
    assert str(refused.problem) == (
        f"expected a redacted transcript, found one that is not, and {why}"
    )


def test_quotes_of_redacted_transcripts_are_masked_too(store: FolderStore) -> None:
    [report] = analyze(store, transcript(spoken("Hello mail jane@example.org"), agent_name="Kim"))
    assert not report.masked
    assert quotes(only(store)) == ["Hello mail [EMAIL]"]


def test_the_agents_name_is_masked_in_quotes_also_when_only_earlier_metadata_told_it(
    store: FolderStore,
) -> None:
    data = spoken("Hello says Kimberly")
    analyze(store, transcript(data, agent_name="Kimberly Canary"))
    assert written(analyze(store, transcript(data))) == [Written.UNCHANGED]
    assert quotes(only(store)) == ["Hello says [NAME]"]


def test_verdicts_that_a_call_keeps_are_masked_when_they_were_not(store: FolderStore) -> None:
    data = spoken("Hello mail jane@example.org")
    analyze(store, transcript(data))
    [key] = keys(store)
    stored = store.read(key).replace(b"[EMAIL]", b"jane@example.org")
    store.write(key, stored.replace(b'"template_version":3', b'"template_version":2'))
    [report] = analyze(store, transcript(data))
    assert report.kept_form == "service v2"
    assert quotes(only(store)) == ["Hello mail [EMAIL]"]


def test_an_evaluator_that_is_given_decides_what_has_no_rule_and_its_words_are_masked(
    store: FolderStore,
) -> None:
    def answer(tenant: Tenant, criteria: Sequence[Criterion], said: Conversation) -> Judgement:
        assert [criterion.id for criterion in criteria] == ["solved_02"]
        return Judgement(
            results=[
                decided(
                    criteria[0],
                    Verdict.PASS,
                    evaluator=Evaluator.MODEL,
                    reason="Jane Canary got it",
                    evidence=[],
                    confidence=None,
                )
            ],
            usage=ModelUsage(calls=1, input_tokens=10),
            model_id="m",
        )

    services = Services(ScriptedEvaluator(answer), ScriptedNlp(names=["Jane Canary"]))
    given = [transcript(spoken("Hello"))]
    [report] = analyze_transcripts(
        store, TENANT, FORM, given, pipeline_version="1", services=services
    )
    assert report.written is Written.NEW
    document = only(store)
    assert document.qa_evaluation is not None
    assert document.qa_evaluation.criteria[1].reason == "[NAME] got it"
    assert document.usage is not None
    assert (document.usage.model_calls, document.usage.audio_seconds) == (1, None)


# --- metadata -----------------------------------------------------------------------------------


def test_metadata_gives_agent_queue_and_the_rest(store: FolderStore) -> None:
    given: dict[str, Any] = {
        "agent_id": "a-1",
        "agent_name": "Kim",
        "agent_team": "north",
        "queue": "billing",
        "direction": "inbound",
        "channel": "voice",
        "language_code": "fr-FR",
        "started_at": dt.datetime(2025, 11, 3, 8, tzinfo=dt.UTC),
    }
    analyze(store, transcript(spoken("Hello"), **given))
    document = only(store)
    assert document.agent == Agent(agent_id="a-1", name="Kim", team="north")
    assert (document.queue, document.direction, document.channel) == ("billing", "inbound", "voice")
    assert document.language_code == "fr-FR"
    assert document.call_started_at == given["started_at"]
    assert document.call_date == dt.date(2025, 11, 3)
    assert document.call_date_source is CallDateSource.METADATA


def test_without_a_start_the_upload_stands_in_for_the_day_and_not_for_the_time(
    store: FolderStore,
) -> None:
    analyze(store, transcript(spoken("Hello")))
    document = only(store)
    assert document.call_date == dt.date(2025, 11, 5)
    assert document.call_date_source is CallDateSource.UPLOAD
    assert document.call_started_at is None


@pytest.mark.parametrize(
    ("time_zone", "started_at", "day"),
    [
        ("Europe/Berlin", "2025-11-04T22:59:59Z", "2025-11-04"),
        ("Europe/Berlin", "2025-11-04T23:00:00Z", "2025-11-05"),
        ("Europe/Berlin", "2025-07-04T21:59:59Z", "2025-07-04"),
        ("Europe/Berlin", "2025-07-04T22:00:00Z", "2025-07-05"),
        # Clocks go back on 26 October: the day begins at 22:00 and ends at 23:00 UTC.
        ("Europe/Berlin", "2025-10-25T22:00:00Z", "2025-10-26"),
        ("Europe/Berlin", "2025-10-26T22:59:59Z", "2025-10-26"),
        ("Europe/Berlin", "2025-10-26T23:00:00Z", "2025-10-27"),
        # Clocks go forward on 30 March: the day begins at 23:00 and ends at 22:00 UTC.
        ("Europe/Berlin", "2025-03-29T23:00:00Z", "2025-03-30"),
        ("Europe/Berlin", "2025-03-30T21:59:59Z", "2025-03-30"),
        ("Europe/Berlin", "2025-03-30T22:00:00Z", "2025-03-31"),
        ("America/New_York", "2025-11-05T04:59:59Z", "2025-11-04"),
        ("America/New_York", "2025-11-05T05:00:00Z", "2025-11-05"),
        ("Pacific/Kiritimati", "2025-11-05T10:00:00Z", "2025-11-06"),
        ("Asia/Kathmandu", "2025-11-05T18:14:59Z", "2025-11-05"),
        ("Asia/Kathmandu", "2025-11-05T18:15:00Z", "2025-11-06"),
        ("UTC", "2025-12-31T23:59:59Z", "2025-12-31"),
    ],
)
def test_the_day_of_a_call_is_the_tenants(
    store: FolderStore, time_zone: str, started_at: str, day: str
) -> None:
    tenant = Tenant(tenant_id="demo-tenant", name="Demo", time_zone=time_zone)
    moment = dt.datetime.fromisoformat(started_at)
    analyze(store, transcript(spoken("Hello"), started_at=moment), tenant=tenant)
    [key] = keys(store)
    assert only(store).call_date == parse_unified_key(key).call_date == dt.date.fromisoformat(day)


def test_a_recording_is_known_by_the_key_that_metadata_gives(store: FolderStore) -> None:
    key = "demo-tenant/calls/2025/Kim Smith +49 170 1234567.wav"
    analyze(store, transcript(spoken("Hello"), recording_key=key))
    [written_key] = keys(store)
    assert only(store).call_id == call_id_for("demo-tenant", key)
    assert b"Smith" not in store.read(written_key)


@pytest.mark.parametrize(
    "key", ["other/calls/x.wav", "demo-tenant/x.wav", "../demo-tenant/calls/x.wav", "x.wav"]
)
def test_a_recording_of_another_place_is_refused(store: FolderStore, key: str) -> None:
    reports = analyze(store, transcript(spoken("Hello"), recording_key=key))
    assert problem(reports) == (
        "recording_key: expected demo-tenant/calls/…, found a key outside of it"
    )
    assert keys(store) == []


@pytest.mark.parametrize(
    "job_name", ["../../../etc/passwd", "a/b", "", ".", "größe", "x" * 5000, "a\nb", "a\0b"]
)
def test_a_hostile_job_name_cannot_lead_out_of_its_place(store: FolderStore, job_name: str) -> None:
    analyze(store, transcript(spoken("Hello", job_name)))
    found = [path for path in store.root.rglob("*") if path.is_file()]
    folder = store.root / "unified" / "demo-tenant" / "2025" / "11" / "05"
    assert [path.parent for path in found] == [folder] * len(keys(store))


def test_a_broken_document_in_the_way_is_replaced(store: FolderStore) -> None:
    analyze(store, transcript(spoken("Hello")))
    [key] = keys(store)
    good = store.read(key)
    store.write(key, b"{")
    assert written(analyze(store, transcript(spoken("Hello")))) == [Written.NEW]
    assert store.read(key) == good


# --- documents made elsewhere -------------------------------------------------------------------


def test_the_guides_example_comes_in_as_version_1_3_and_its_claim_is_named(
    store: FolderStore,
) -> None:
    [report] = ingest(store, GUIDE_EXAMPLE.read_bytes())
    assert report == InputReport(
        "0.json",
        Written.NEW,
        claim="the document claimed 71, the form gives 55.56",
        masked=True,
    )
    assert keys(store) == ["unified/demo-tenant/2025/11/05/cci_demo-tenant_test_wav.json"]
    document = only(store)
    assert document.schema_version == "1.3"
    assert document.qa_evaluation is not None
    assert document.qa_evaluation.percentage == 55.56
    assert document.qa_evaluation.outcome == "fail"
    assert document.qa_evaluation.reported is not None
    assert document.qa_evaluation.reported.percentage == 71
    # It names a person among its entities.
    assert "Alice" not in repr(document)


def test_the_same_document_again_writes_nothing(store: FolderStore) -> None:
    ingest(store, GUIDE_EXAMPLE.read_bytes())
    [before] = store.listing("unified/")
    assert written(ingest(store, GUIDE_EXAMPLE.read_bytes())) == [Written.UNCHANGED]
    # Nor does what was written, when it comes back.
    assert written(ingest(store, store.read(before.key))) == [Written.UNCHANGED]
    assert [*store.listing("unified/")] == [before]


def test_what_was_analysed_may_come_in_again_with_the_same_score(
    store: FolderStore, tmp_path: Path
) -> None:
    analyze(store, transcript(spoken("Hello")))
    [key] = keys(store)
    other = FolderStore(tmp_path / "other")
    [report] = ingest(other, store.read(key))
    assert (report.written, report.claim) == (Written.NEW, None)
    first, second = only(store).qa_evaluation, only(other).qa_evaluation
    assert first is not None
    assert second is not None
    assert second.criteria == first.criteria
    assert second.percentage == first.percentage


@pytest.mark.parametrize(
    ("revisions", "outcomes", "kept"),
    [
        ((1, 2), [Written.NEW, Written.CHANGED], 2),
        ((2, 1), [Written.NEW, Written.OLDER], 2),
        ((2, 2), [Written.NEW, Written.UNCHANGED], 2),
        ((3, 1, 2), [Written.NEW, Written.OLDER, Written.OLDER], 3),
    ],
    ids=["newer", "older", "same", "two older"],
)
def test_an_older_revision_is_left_out(
    store: FolderStore, revisions: tuple[int, ...], outcomes: list[Written], kept: int
) -> None:
    reports = ingest(store, *(made_elsewhere(revision=revision) for revision in revisions))
    assert written(reports) == outcomes
    assert only(store).revision == kept


def test_a_corrected_document_of_the_same_revision_takes_its_place(store: FolderStore) -> None:
    reports = ingest(store, made_elsewhere(queue="a"), made_elsewhere(queue="b"))
    assert written(reports) == [Written.NEW, Written.CHANGED]
    assert only(store).queue == "b"


def test_a_document_of_another_tenant_is_refused(store: FolderStore) -> None:
    assert problem(ingest(store, made_elsewhere(tenant_id="other"))) == (
        "tenant_id: expected 'demo-tenant', found another tenant"
    )
    assert keys(store) == []


@pytest.mark.parametrize(
    "call_id", ["../x", "../../../../x", "a/b", "..", ".x", "", "a\nb", "a\0", "x" * 201, "ä"]
)
def test_a_hostile_call_id_is_refused(store: FolderStore, call_id: str) -> None:
    reports = ingest(store, made_elsewhere(call_id=call_id))
    assert problem(reports).startswith(
        "call_id: expected 1 to 200 letters, digits, '.', '_' and '-', not starting with '.', "
    )
    assert [path for path in store.root.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        (
            {"qa_evaluation": {"template_id": "sales", "template_version": 1, "criteria": []}},
            "qa_evaluation.template_id: expected a form of this tenant "
            "(add it with: cci-lite forms put), found 'sales' v1",
        ),
        (
            {"qa_evaluation": {"template_id": "service", "template_version": 3,
                               "template_hash": "0" * 32, "criteria": []}},
            "qa_evaluation.template_hash: expected the hash of service v3, found another hash",
        ),
        (
            {"qa_evaluation": {"template_id": "service", "template_version": 3,
                               "criteria": [{"id": "other"}]}},
            "qa_evaluation.criteria[0].id: expected a criterion of service v3, found 'other'",
        ),
        ({"call_date": "5 November"}, "call_date: expected a date like 2025-11-05, "
         "found text of 10 characters"),
    ],
    ids=["form", "hash", "criterion", "date"],
)  # fmt: skip
def test_a_document_that_breaks_the_contract_does_not_stop_the_others(
    store: FolderStore, fields: dict[str, Any], text: str
) -> None:
    reports = ingest(store, made_elsewhere(**fields), made_elsewhere(call_id="good"))
    assert written(reports) == [Written.REFUSED, Written.NEW]
    assert str(reports[0].problem) == text


def test_a_document_without_evaluation_comes_in_without_one(store: FolderStore) -> None:
    [report] = ingest(store, made_elsewhere(qa_evaluation=None))
    assert (report.written, report.claim) == (Written.NEW, None)
    assert only(store).qa_evaluation is None


@pytest.mark.parametrize(
    ("claims", "claim"),
    [
        ({}, None),
        ({"percentage": 33.33}, None),
        ({"percentage": 33}, None),
        ({"percentage": 50}, "the document claimed 50, the form gives 33.33"),
        ({"max_score": 4}, "the document claimed no percentage, the form gives 33.33"),
        ({"percentage": 1e-300}, "the document claimed 1e-300, the form gives 33.33"),
    ],
    ids=str,
)
def test_a_claim_that_differs_is_reported(
    store: FolderStore, claims: dict[str, float], claim: str | None
) -> None:
    evaluation = json.loads(made_elsewhere())["qa_evaluation"] | claims
    [report] = ingest(store, made_elsewhere(qa_evaluation=evaluation))
    assert report.claim == claim


def test_words_of_documents_made_elsewhere_are_masked_and_it_is_said(store: FolderStore) -> None:
    evaluation = json.loads(made_elsewhere())["qa_evaluation"]
    evaluation["criteria"][0] |= {
        "reason": "Jane Canary said hello",
        "evidence": [{"quote": "It is jane@example.org"}],
    }
    person = {"Text": "Jane Canary", "Type": "PERSON"}
    given = made_elsewhere(
        qa_evaluation=evaluation, entities={"ResultList": [{"Entities": [person]}]}
    )
    clean, spoiled = ingest(store, made_elsewhere(call_id="c2"), given)
    assert (clean.masked, spoiled.masked) == (False, True)
    assert written(ingest(store, given)) == [Written.UNCHANGED]
    [key] = [key for key in keys(store) if key.endswith("/c1.json")]
    document = decode_document(store.read(key)).document
    assert quotes(document) == ["It is [EMAIL]"]
    assert document.qa_evaluation is not None
    assert document.qa_evaluation.criteria[0].reason == "[NAME] said hello"


@pytest.mark.parametrize("said", [False, "none"])
def test_a_document_that_says_it_was_not_redacted_is_masked_or_refused_as_a_transcript_is(
    store: FolderStore, said: object
) -> None:
    given = made_elsewhere(source={"pii_redacted": said})
    assert problem(ingest(store, given)) == (
        "expected a redacted transcript, found one that is not, and the tenant's setting is "
        "unredacted: refuse"
    )
    [report] = ingest(store, given, tenant=MASKING)
    assert (report.written, report.masked) == (Written.NEW, True)
    source = only(store).source
    assert source is not None
    assert source.pii_redacted is Redaction.MASKED


def test_unknown_fields_are_counted(store: FolderStore) -> None:
    [report] = ingest(store, made_elsewhere(mood="fine", weather="rain"))
    assert report.unknown_fields == 2
    assert b"weather" not in store.read(keys(store)[0])


def test_a_pretty_printed_document_is_written_as_one_line(store: FolderStore) -> None:
    pretty = json.dumps(json.loads(made_elsewhere()), indent=2).encode()
    ingest(store, b"\xef\xbb\xbf" + pretty)
    [key] = keys(store)
    data = store.read(key)
    assert data == encode_document(decode_document(data).document)
    assert data.count(b"\n") == 1


def test_a_transcript_that_was_replaced_is_not_the_next_revision_when_it_comes_again(
    store: FolderStore,
) -> None:
    first, second = transcript(spoken("one")), transcript(spoken("two"))
    analyze(store, first)
    analyze(store, second)
    before = {key: store.read(key) for key in keys(store)}

    assert written(analyze(store, first)) == [Written.OLDER]
    assert written(analyze(store, second)) == [Written.UNCHANGED]

    assert {key: store.read(key) for key in keys(store)} == before
    [document] = before.values()
    assert decode_document(document).document.revision == 2


def test_an_analysed_document_that_is_ingested_stays_as_it_is(store: FolderStore) -> None:
    analyze(store, transcript(spoken("one")))
    [key] = keys(store)
    before = store.read(key)
    assert written(ingest(store, before)) == [Written.UNCHANGED]
    assert store.read(key) == before


def test_a_copied_transcript_without_metadata_stays_on_its_day(store: FolderStore) -> None:
    data = spoken("one")
    analyze(store, Transcript("a.json", data, UPLOADED))
    [key] = keys(store)
    copied = Transcript("a.json", data, UPLOADED + dt.timedelta(days=30))
    assert written(analyze(store, copied)) == [Written.UNCHANGED]
    assert keys(store) == [key]


def test_a_call_whose_start_is_corrected_keeps_counting_its_revisions(store: FolderStore) -> None:
    start = dt.datetime(2025, 11, 5, 9, tzinfo=dt.UTC)
    analyze(store, transcript(spoken("one"), started_at=start))
    later = start + dt.timedelta(days=3)
    assert written(analyze(store, transcript(spoken("two"), started_at=later))) == [Written.CHANGED]
    [key] = keys(store)
    document = decode_document(store.read(key)).document
    assert (document.revision, document.call_date) == (2, dt.date(2025, 11, 8))


@pytest.mark.parametrize("days", [3, -3], ids=["later", "earlier"])
def test_a_call_whose_day_is_corrected_has_one_document_which_is_a_later_writing(
    store: FolderStore, days: int
) -> None:
    start = dt.datetime(2025, 11, 5, 9, tzinfo=dt.UTC)
    data = spoken("one")
    analyze(store, transcript(data, started_at=start))
    corrected = start + dt.timedelta(days=days)
    assert written(analyze(store, transcript(data, started_at=corrected))) == [Written.CHANGED]
    assert written(analyze(store, transcript(data, started_at=corrected))) == [Written.UNCHANGED]
    [key] = keys(store)
    document = decode_document(store.read(key)).document
    assert (document.revision, document.writing) == (1, 1)
    assert document.call_date == corrected.date()


def test_of_two_documents_that_are_left_of_a_call_the_later_writing_goes_on(
    store: FolderStore,
) -> None:
    start = dt.datetime(2025, 11, 5, 9, tzinfo=dt.UTC)
    data = spoken("one")
    analyze(store, transcript(data, started_at=start))
    [stale] = keys(store)
    left = store.read(stale)
    earlier = start - dt.timedelta(days=3)
    analyze(store, transcript(data, started_at=earlier))
    store.write(stale, left)
    assert written(analyze(store, transcript(data, started_at=earlier))) == [Written.UNCHANGED]
    [key] = keys(store)
    assert key != stale


def test_an_earlier_writing_that_is_given_replaces_no_later_one(store: FolderStore) -> None:
    start = dt.datetime(2025, 11, 5, 9, tzinfo=dt.UTC)
    data = spoken("one")
    analyze(store, transcript(data, started_at=start))
    [key] = keys(store)
    first = store.read(key)
    analyze(store, transcript(data, started_at=start - dt.timedelta(days=3)))
    before = keys(store)
    assert written(ingest(store, first)) == [Written.OLDER]
    assert keys(store) == before


def test_what_transcribe_charged_for_is_not_made_up(store: FolderStore) -> None:
    analyze(store, transcript(spoken("one")))
    [key] = keys(store)
    assert decode_document(store.read(key)).document.usage is None


def test_calls_of_a_suspended_tenant_are_not_taken_in(store: FolderStore) -> None:
    suspended = msgspec.structs.replace(TENANT, status=TenantStatus.SUSPENDED)
    with pytest.raises(UsageError, match="tenant demo-tenant is suspended: no calls are taken in"):
        analyze(store, transcript(spoken("one")), tenant=suspended)
    assert keys(store) == []


def test_a_call_keeps_the_verdicts_of_the_version_that_judged_it_first(store: FolderStore) -> None:
    harder = parse_draft(
        {
            "name": "service",
            "criteria": [
                {
                    "id": "greet_01",
                    "text": "Was there a greeting?",
                    "weight": 1,
                    "rule": {"phrases": ["never said"]},
                }
            ],
        }
    ).as_version(4)

    def judged_by_it(**options: Any) -> InputReport:
        given = [transcript(spoken("hello"), queue="sales")]
        [report] = analyze_transcripts(
            store, TENANT, harder, given, pipeline_version="1.2.3", **options
        )
        return report

    analyze(store, transcript(spoken("hello")))
    first = only(store)
    kept = judged_by_it()
    assert (kept.written, kept.kept_form) == (Written.CHANGED, "service v3")
    assert (only(store).qa_evaluation, only(store).review) == (first.qa_evaluation, first.review)
    assert only(store).queue == "sales"
    anew = judged_by_it(overwrite=True)
    assert (anew.written, anew.kept_form) == (Written.CHANGED, None)
    evaluation = only(store).qa_evaluation
    assert evaluation is not None
    assert (evaluation.template_version, evaluation.criteria[0].verdict) == (4, Verdict.FAIL)
