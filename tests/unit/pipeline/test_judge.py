"""From a completed job to the document: what is written, and what becomes of everything else."""

from __future__ import annotations

import datetime as dt
import json
from collections.abc import Sequence
from typing import Any

import msgspec
import pytest

from cci_lite.contract.configuration import partition_key
from cci_lite.contract.conversation import Conversation
from cci_lite.contract.document import (
    AiSummary,
    CriterionResult,
    Entities,
    Entity,
    EntityResult,
    Evaluator,
    Redaction,
)
from cci_lite.contract.form import Criterion, sort_key
from cci_lite.contract.metadata import CallMetadata
from cci_lite.contract.registry import CallState, MetadataSource, StoredMetadata, leased, moved
from cci_lite.contract.scoring import Verdict
from cci_lite.contract.service_answers import Judgement, NlpAnswer
from cci_lite.contract.tenant import NlpChoice, Tenant
from cci_lite.errors import RetryLaterError, ServiceError
from cci_lite.pipeline.intake import take_in
from cci_lite.pipeline.judge import JudgedOutcome, judge_call
from cci_lite.ports import JobStatus, Metric, TranscriptionJob, TranscriptionOrder
from cci_lite.tenancy import checkpoint_key
from cci_lite.testing.memory import MemoryFiles, ScriptedEvaluator, ScriptedNlp
from tests.interrupter import Crash
from tests.judging_setup import DRAFT, JudgingSetup, judgement


def test_a_completed_call_becomes_a_scored_document_with_its_provenance() -> None:
    setup = JudgingSetup()
    assert setup.finish_and_judge() is JudgedOutcome.DOCUMENTED
    document = setup.document()
    assert (document.schema_version, document.tenant_id, document.revision) == ("1.3", "acme", 1)
    evaluation, source, usage = document.qa_evaluation, document.source, document.usage
    assert evaluation is not None
    assert source is not None
    assert usage is not None
    assert [(each.id, each.verdict, each.evaluator) for each in evaluation.criteria] == [
        ("greet_01", Verdict.PASS, Evaluator.RULE),
        ("resolve_03", Verdict.PASS, Evaluator.MODEL),
    ]
    assert (evaluation.percentage, evaluation.outcome) == (100.0, "pass")
    assert (source.pii_redacted, source.transcribe_job) == (Redaction.TRANSCRIBE, setup.job_name)
    assert (source.model_id, source.prompt_version) == ("eu.amazon.nova-2-lite-v1:0", "1")
    assert source.pipeline_version == "1.2.3"
    assert (usage.model_calls, usage.input_tokens, usage.audio_seconds) == (1, 1000, 1.0)
    record = setup.record()
    assert (record.state, record.form) == (CallState.DONE, ("default", 1))
    assert record.document_key in setup.files.objects


def test_only_criteria_without_a_rule_are_asked() -> None:
    setup = JudgingSetup()
    setup.finish_and_judge()
    assert setup.asked == [["resolve_03"]]


def test_metrics_say_what_was_done_and_what_it_cost() -> None:
    setup = JudgingSetup()
    setup.finish_and_judge()
    counted = setup.telemetry.metrics
    assert (counted[Metric.TRANSCRIBED], counted[Metric.DOCUMENTED]) == (1, 1)
    assert (counted[Metric.INPUT_TOKENS], counted[Metric.OUTPUT_TOKENS]) == (1000, 100)
    assert counted[Metric.MODEL_LATENCY] == 1.5
    # 1 s of audio with redaction, one text in search of names, 1,000 and 100 tokens.
    expected = 0.0001 + 0.00004 + 3 * 0.0001 + 1000 * 0.429e-6 + 100 * 3.597e-6
    assert counted[Metric.COST] == pytest.approx(expected)


def test_doubt_sends_the_call_to_review_with_its_reasons() -> None:
    setup = JudgingSetup()
    setup.judgement = judgement(
        Verdict.UNSCORED, review_reasons=["answer_unusable"], summary_raw="not json"
    )
    assert setup.finish_and_judge() is JudgedOutcome.REVIEW
    document = setup.document()
    assert document.review is not None
    assert document.review.reasons == ["answer_unusable", "unscored_required:resolve_03"]
    assert document.summary_raw == "not json"
    assert document.qa_evaluation is not None
    assert document.qa_evaluation.outcome == "review"
    assert setup.record().state is CallState.REVIEW
    assert setup.telemetry.metrics[Metric.REVIEW] == 1


class CourtOfOneTrack(JudgingSetup):
    """The call was recorded on one track, which was written to both channels."""

    def transcript(self, order: TranscriptionOrder) -> bytes:
        value = json.loads(super().transcript(order))
        results = value["results"]
        one, other = results["channel_labels"]["channels"]
        other["items"] = [{**item, "channel_label": "ch_1"} for item in one["items"]]
        results["items"] += other["items"]
        return json.dumps(value).encode()


def test_a_call_with_the_same_speech_on_both_channels_is_reviewed_and_nobody_is_judged() -> None:
    setup = CourtOfOneTrack()
    assert setup.finish_and_judge() is JudgedOutcome.REVIEW
    document = setup.document()
    assert document.review is not None
    assert document.review.reasons == ["channels_alike"]
    assert document.qa_evaluation is not None
    assert document.qa_evaluation.criteria[0].verdict is Verdict.NA


def test_a_tenant_without_a_form_gets_a_document_for_review() -> None:
    setup = JudgingSetup()
    setup.config.delete(partition_key("acme"), sort_key("default", 1))
    assert setup.finish_and_judge() is JudgedOutcome.REVIEW
    document = setup.document()
    assert document.qa_evaluation is None
    assert document.review is not None
    assert document.review.reasons == ["no_form"]
    assert document.ai_summary == AiSummary(issue="invoice")


def test_an_answer_about_other_criteria_than_asked_counts_for_nothing() -> None:
    setup = JudgingSetup()
    greeting = CriterionResult(id="greet_01", verdict=Verdict.FAIL, passed=False)
    setup.judgement = judgement(results=[greeting, CriterionResult(id="made_up_09")])
    setup.finish_and_judge()
    evaluation = setup.document().qa_evaluation
    assert evaluation is not None
    assert [(each.id, each.verdict) for each in evaluation.criteria] == [
        ("greet_01", Verdict.PASS),
        ("resolve_03", Verdict.UNSCORED),
    ]


@pytest.mark.parametrize(
    "job_name", ["somebody-elses-job", "cci_acme_aaaaaaaaaaaaaaaaaaaa_r1"], ids=["other", "unknown"]
)
def test_jobs_that_are_not_ours_are_ignored(job_name: str) -> None:
    setup = JudgingSetup()
    judged = judge_call(setup.judging, job_name, holder="one")
    assert (judged.outcome, judged.record) == (JudgedOutcome.IGNORED, None)


def test_a_second_event_of_a_documented_call_is_a_duplicate() -> None:
    setup = JudgingSetup()
    setup.finish_and_judge()
    assert setup.judge() is JudgedOutcome.DUPLICATE
    assert setup.evaluator.paid == 1
    assert setup.telemetry.metrics[Metric.DUPLICATES] == 1


def test_while_another_attempt_is_at_work_the_event_comes_again() -> None:
    setup = JudgingSetup()
    setup.transcriber.finish(setup.job_name)
    setup.judgement = ServiceError("model_AccessDeniedException")
    with pytest.raises(ServiceError):
        judge_call(setup.judging, setup.job_name, holder="one")
    # An attempt that ended in an error has given its lease back; one that died has not.
    dead = leased(setup.record(), "dead", setup.clock(), dt.timedelta(minutes=5))
    assert dead is not None
    assert setup.registry.replace(dead)
    with pytest.raises(RetryLaterError, match="in_progress"):
        judge_call(setup.judging, setup.job_name, holder="two")
    setup.judgement = judgement()
    setup.clock.wait(301)
    assert setup.judge() is JudgedOutcome.DOCUMENTED


def test_a_job_that_is_not_completed_has_the_event_come_again() -> None:
    setup = JudgingSetup()
    with pytest.raises(RetryLaterError, match="not_completed"):
        setup.judge()
    assert setup.record().lease_until is None


def test_a_failed_job_fails_the_call_and_people_are_told_once() -> None:
    setup = JudgingSetup()
    setup.transcriber.fail(setup.job_name, "media_format")
    assert setup.judge() is JudgedOutcome.FAILED
    assert setup.judge() is JudgedOutcome.DUPLICATE
    assert setup.telemetry.metrics[Metric.FAILED] == 1
    assert (setup.record().state, setup.record().reason) == (CallState.FAILED, "media_format")
    assert [notice.code for notice in setup.notifier.notices] == ["media_format"]


def test_a_transcript_that_is_late_is_waited_for_and_then_asked_for_again() -> None:
    setup = JudgingSetup()
    setup.transcriber.finish(setup.job_name)
    [key] = [key for key in setup.files.objects if "/transcripts/" in key]
    data, _ = setup.files.objects.pop(key)
    before = setup.clock()
    with pytest.raises(RetryLaterError, match="transcript_missing"):
        setup.judge()
    assert dt.timedelta(seconds=20) < setup.clock() - before < dt.timedelta(minutes=1)

    def arrives(seconds: float) -> None:
        setup.clock.wait(seconds)
        setup.files.put(key, data)

    assert setup.judge(wait=arrives) is JudgedOutcome.DOCUMENTED


@pytest.mark.parametrize("step", ["transcript", "job"])
def test_a_transcript_that_is_not_redacted_is_never_judged(step: str) -> None:
    setup = JudgingSetup()
    setup.redacted = step == "job"
    setup.transcriber.finish(setup.job_name)
    if step == "job":
        order = setup.transcriber.orders[setup.job_name]
        setup.transcriber.jobs[setup.job_name] = TranscriptionJob(
            setup.job_name,
            JobStatus.COMPLETED,
            order.media_key,
            transcript_key=f"work/acme/transcripts/{setup.job_name}.json",
        )
    assert setup.judge() is JudgedOutcome.FAILED
    assert setup.record().reason == "redaction_missing"
    assert not setup.has_document()
    assert setup.evaluator.paid == setup.nlp.calls == 0


def test_a_transcript_of_another_call_is_never_taken() -> None:
    setup = JudgingSetup()
    setup.transcriber.finish(setup.job_name)
    order = setup.transcriber.orders[setup.job_name]
    setup.transcriber.jobs[setup.job_name] = TranscriptionJob(
        setup.job_name,
        JobStatus.COMPLETED,
        order.media_key,
        redacted_transcript_key="work/acme/transcripts/redacted-another.json",
    )
    assert setup.judge() is JudgedOutcome.FAILED


def test_what_is_no_transcript_fails_the_call_without_a_word_of_it() -> None:
    setup = JudgingSetup()
    setup.transcriber.finish(setup.job_name)
    [key] = [key for key in setup.files.objects if "/transcripts/" in key]
    setup.files.put(key, b'{"Jane Canary": 1}')
    assert setup.judge() is JudgedOutcome.FAILED
    assert setup.record().reason == "transcript_unreadable"
    assert "Canary" not in repr(setup.notifier.notices) + repr(setup.telemetry.events)


def test_a_language_that_is_not_redacted_is_masked_where_the_tenant_says_so() -> None:
    spoken = [("ch_0", "Good morning, my name is Jane Canary, call 0170 1234567")]
    setup = JudgingSetup(spoken, language_code="en-GB", unredacted="mask")
    setup.redacted = False
    seen: list[Conversation] = []

    def answer(tenant: Tenant, criteria: Sequence[Criterion], said: Conversation) -> Judgement:
        seen.append(said)
        return judgement()

    setup.evaluator = ScriptedEvaluator(answer)
    assert setup.finish_and_judge() is JudgedOutcome.DOCUMENTED
    source = setup.document().source
    assert source is not None
    assert source.pii_redacted is Redaction.MASKED
    [conversation] = seen
    assert "Canary" not in repr(conversation)
    assert "1234567" not in repr(conversation)


def test_names_and_numbers_in_the_models_words_and_in_entities_do_not_reach_the_document() -> None:
    setup = JudgingSetup()
    setup.nlp = ScriptedNlp(
        NlpAnswer(
            entities=Entities(
                result_list=[
                    EntityResult(
                        entities=[
                            Entity(text="Jane Canary", type="PERSON"),
                            Entity(text="Berlin", type="LOCATION"),
                        ]
                    )
                ]
            )
        ),
        names=["Hugo Birdsong"],
    )
    setup.judgement = judgement(
        summary=AiSummary(
            issue="Jane Canary asked about 4111 1111 1111 1111",
            action_items=["Write to hugo@example.org", "Call Hugo Birdsong"],
        )
    )
    setup.finish_and_judge()
    text = repr(setup.document())
    for canary in ("Canary", "4111", "hugo@example.org", "Birdsong"):
        assert canary not in text
    assert "Berlin" in text


def test_metadata_gives_day_agent_queue_and_the_queues_form() -> None:
    setup = JudgingSetup(time_zone="America/New_York")
    setup.put_form({"name": "billing", **DRAFT})
    setup.config.put(
        partition_key("acme"),
        "QA_ACTIVE#billing",
        {
            "queue": "billing",
            "name": "billing",
            "version": 1,
            "activated_at": "2025-01-01T00:00:00Z",
        },
    )
    metadata = CallMetadata(
        started_at=dt.datetime(2025, 11, 5, 2, tzinfo=dt.UTC), agent_id="a-1", queue="billing"
    )
    tell(setup, metadata)
    setup.finish_and_judge()
    document = setup.document()
    assert document.call_date == dt.date(2025, 11, 4)
    assert document.agent is not None
    assert (document.agent.agent_id, document.queue) == ("a-1", "billing")
    assert document.qa_evaluation is not None
    assert document.qa_evaluation.template_id == "billing"


@pytest.mark.parametrize(
    "started_at",
    [dt.datetime(2099, 1, 1, tzinfo=dt.UTC), dt.datetime(1970, 1, 2, tzinfo=dt.UTC)],
    ids=["far ahead", "long ago"],
)
def test_a_start_that_was_told_before_the_upload_cannot_move_the_call_to_another_day(
    started_at: dt.datetime,
) -> None:
    setup = JudgingSetup()
    tell(setup, CallMetadata(started_at=started_at, agent_id="a-1"))
    setup.finish_and_judge()
    document = setup.document()
    uploaded_at = setup.record().upload.uploaded_at
    assert (document.call_date, document.call_started_at) == (uploaded_at.date(), None)
    assert document.agent is not None
    assert document.agent.agent_id == "a-1"


def test_metadata_that_comes_in_while_the_call_is_judged_marks_the_document() -> None:
    setup = JudgingSetup()

    def answer(tenant: Tenant, criteria: Sequence[Criterion], said: Conversation) -> Judgement:
        tell(setup, CallMetadata(agent_id="late"))
        return judgement()

    setup.evaluator = ScriptedEvaluator(answer)
    setup.finish_and_judge()
    assert setup.record().rewrite


def tell(setup: JudgingSetup, metadata: CallMetadata) -> None:
    call_id = setup.record().call_id
    told = StoredMetadata().with_told(MetadataSource.WEBHOOK, metadata, setup.clock())
    assert told is not None
    assert setup.registry.put_metadata("acme", call_id, told)


def test_a_second_attempt_judges_by_the_form_of_the_first() -> None:
    setup = JudgingSetup()
    setup.transcriber.finish(setup.job_name)
    setup.judgement = RetryLaterError("model_throttled")
    with pytest.raises(RetryLaterError):
        setup.judge()
    setup.config.put(
        partition_key("acme"),
        "QA_ACTIVE#*",
        {"queue": "*", "name": "default", "version": 2, "activated_at": "2025-01-01T00:00:00Z"},
    )
    setup.put_form(DRAFT, version=2)
    setup.judgement = judgement()
    assert setup.judge() is JudgedOutcome.DOCUMENTED
    evaluation = setup.document().qa_evaluation
    assert evaluation is not None
    assert evaluation.template_version == 1


def test_the_copy_of_the_recording_goes_when_the_document_is_there() -> None:
    setup = JudgingSetup()
    assert setup.record().media_key in setup.files.objects
    setup.finish_and_judge()
    assert setup.record().media_key not in setup.files.objects
    kept = [key for key in setup.files.objects if key.startswith("work/")]
    assert [key.rpartition("/")[0] for key in kept] == ["work/acme/transcripts"]


def test_an_empty_recording_is_documented_as_one_in_which_nobody_spoke() -> None:
    setup = JudgingSetup(spoken=[])
    assert setup.finish_and_judge() in (JudgedOutcome.DOCUMENTED, JudgedOutcome.REVIEW)
    document = setup.document()
    assert document.duration_seconds == 0
    assert document.qa_evaluation is not None
    assert document.qa_evaluation.criteria[0].verdict is Verdict.NA


def test_a_call_that_was_given_up_is_judged_when_its_event_comes_after_all() -> None:
    setup = JudgingSetup()
    setup.transcriber.finish(setup.job_name)
    given_up = moved(setup.record(), CallState.FAILED, setup.clock(), reason="stuck_transcribing")
    assert setup.registry.replace(given_up)
    assert setup.judge() is JudgedOutcome.DOCUMENTED
    assert setup.record().reason is None


def test_people_are_told_of_a_failure_even_when_the_attempt_that_saw_it_died_before() -> None:
    setup = JudgingSetup()
    failed = moved(setup.record(), CallState.FAILED, setup.clock(), reason="media_format")
    assert setup.registry.replace(failed)
    assert setup.judge() is JudgedOutcome.DUPLICATE
    assert [notice.code for notice in setup.notifier.notices] == ["media_format"]


@pytest.mark.parametrize(("overwrite", "written"), [(False, "others"), (True, "1.2.3")])
def test_a_document_that_others_wrote_is_replaced_only_where_it_is_said_so(
    overwrite: bool, written: str
) -> None:
    other = JudgingSetup()
    other.finish_and_judge()
    [(key, data)] = [
        (key, data) for key, (data, _) in other.files.objects.items() if key.startswith("unified/")
    ]
    setup = JudgingSetup()
    setup.files.put(key, data.replace(b'"1.2.3"', b'"others"'))
    setup.transcriber.finish(setup.job_name)
    assert setup.judge(overwrite=overwrite) is JudgedOutcome.DOCUMENTED
    source = setup.document().source
    assert source is not None
    assert source.pipeline_version == written


def test_texts_that_could_not_be_looked_at_send_the_call_to_review() -> None:
    setup = JudgingSetup()
    setup.nlp = ScriptedNlp(NlpAnswer(unanswered=1))
    assert setup.finish_and_judge() is JudgedOutcome.REVIEW
    review = setup.document().review
    assert review is not None
    assert review.reasons == ["nlp_incomplete"]


def test_units_of_every_question_are_counted() -> None:
    spoken = [("ch_0", "Good morning"), ("ch_1", "hello there")]
    setup = JudgingSetup(spoken, language_code="en-GB", unredacted="mask")
    setup.redacted = False
    setup.nlp = ScriptedNlp(NlpAnswer(units=9))
    setup.finish_and_judge()
    usage = setup.document().usage
    assert usage is not None
    # 3 to mask the transcript, 9 to analyse it, 3 to mask what the model wrote.
    assert usage.comprehend_units == 15


def test_a_name_that_only_the_call_tells_is_masked_in_what_the_model_wrote() -> None:
    setup = JudgingSetup([("ch_0", "Good morning"), ("ch_1", "my name is Jane Canary")])
    setup.judgement = judgement(summary=AiSummary(issue="Jane Canary asked for an invoice"))
    setup.finish_and_judge()
    assert "Canary" not in repr(setup.document().ai_summary)


def test_the_agents_name_stays_where_it_belongs() -> None:
    setup = JudgingSetup()
    tell(setup, CallMetadata(agent_name="Hugo Birdsong"))
    setup.judgement = judgement(summary=AiSummary(resolution="Hugo Birdsong sent the invoice"))
    setup.finish_and_judge()
    document = setup.document()
    assert document.agent is not None
    assert document.agent.name == "Hugo Birdsong"
    assert "Birdsong" not in repr(document.ai_summary)


def test_services_that_look_for_entities_never_see_a_card_number() -> None:
    setup = JudgingSetup([("ch_0", "Good morning"), ("ch_1", "it is 4539 1488 0343 6467, thanks")])
    setup.finish_and_judge()
    assert "4539" not in repr(setup.nlp.seen)
    assert "thanks" in repr(setup.nlp.seen)


def test_the_lease_is_that_of_the_attempt() -> None:
    setup = JudgingSetup()
    setup.transcriber.finish(setup.job_name)
    seen: list[tuple[str | None, dt.datetime | None]] = []

    def answer(tenant: Tenant, criteria: Sequence[Criterion], said: Conversation) -> Judgement:
        record = setup.record()
        seen.append((record.lease_holder, record.lease_until))
        with pytest.raises(RetryLaterError, match="in_progress"):
            judge_call(setup.judging, setup.job_name, holder="two")
        return judgement()

    setup.evaluator = ScriptedEvaluator(answer)
    assert setup.judge() is JudgedOutcome.DOCUMENTED
    [(holder, until)] = seen
    assert holder == "one"
    assert until is not None
    assert until - setup.clock() > dt.timedelta(minutes=10)
    assert setup.record().lease_holder is None


class DiesAfterWriting:
    """Files whose process dies as soon as a document is written."""

    def __init__(self, files: MemoryFiles) -> None:
        self._files = files

    def __getattr__(self, name: str) -> Any:
        return getattr(self._files, name)

    def write_new(self, tenant_id: str, key: str, data: bytes) -> bool:
        written = self._files.write_new(tenant_id, key, data)
        if key.startswith("unified/"):
            raise Crash
        return written


def test_metadata_between_two_attempts_leaves_one_document_of_the_call() -> None:
    setup = JudgingSetup()
    setup.transcriber.finish(setup.job_name)
    dies = DiesAfterWriting(setup.files)
    with pytest.raises(Crash):
        setup.judge(files=dies)
    assert setup.has_document()
    tell(setup, CallMetadata(started_at=dt.datetime(2025, 10, 1, tzinfo=dt.UTC)))
    setup.clock.wait(3600)
    assert setup.judge() is JudgedOutcome.DOCUMENTED
    assert setup.document().call_date == dt.date(2025, 10, 1)


def test_a_later_upload_on_another_day_leaves_one_document_of_the_call() -> None:
    setup = JudgingSetup()
    setup.finish_and_judge()
    setup.clock.wait(3 * 86_400)
    take_in(setup.intake, setup.upload(data=b"another recording"))
    assert setup.record().revision == 2
    setup.finish_and_judge()
    assert setup.document().revision == 2


def test_a_second_attempt_has_no_form_when_the_first_had_none() -> None:
    setup = JudgingSetup()
    setup.config.delete(partition_key("acme"), sort_key("default", 1))
    setup.transcriber.finish(setup.job_name)
    setup.judgement = RetryLaterError("model_throttled")
    with pytest.raises(RetryLaterError):
        setup.judge()
    setup.put_form(DRAFT)
    setup.judgement = judgement(results=[])
    assert setup.judge() is JudgedOutcome.REVIEW
    assert setup.document().qa_evaluation is None
    assert setup.asked == [[], []]


def test_of_two_answers_the_one_that_was_kept_first_counts() -> None:
    setup = JudgingSetup()
    kept = judgement(Verdict.FAIL)

    def answer(tenant: Tenant, criteria: Sequence[Criterion], said: Conversation) -> Judgement:
        # An attempt whose lease had run out keeps its answer while this one asks.
        key = checkpoint_key("acme", setup.job_name, "evaluation")
        setup.files.write_new("acme", key, msgspec.json.encode(kept))
        return judgement(Verdict.PASS)

    setup.evaluator = ScriptedEvaluator(answer)
    setup.finish_and_judge()
    evaluation = setup.document().qa_evaluation
    assert evaluation is not None
    assert evaluation.criteria[1].verdict is Verdict.FAIL


def test_a_tenant_that_has_given_up_masking_meanwhile_gets_no_unmasked_document() -> None:
    setup = JudgingSetup([("ch_0", "Jane Canary here")], language_code="en-GB", unredacted="mask")
    setup.redacted = False
    setup.transcriber.finish(setup.job_name)
    setup.configure("acme", language_code="en-GB", unredacted="mask", nlp="none")
    assert setup.judge(nlp={NlpChoice.NONE: setup.nlp}) is JudgedOutcome.FAILED
    assert setup.record().reason == "language_unredacted"
    assert not setup.has_document()
