"""The sample world: what is in it, that it is the same every time, and that its truth is true."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import msgspec
import pytest

from cci_lite.contract.conversation import Conversation
from cci_lite.contract.form import Criterion, Form, SaidBy
from cci_lite.contract.reading import decode_document
from cci_lite.contract.scored_evaluation import score_evaluation
from cci_lite.contract.scoring import Verdict, score_call
from cci_lite.errors import UsageError
from cci_lite.evaluation.by_rules import evaluate_rules
from cci_lite.flatten.rows import Flattener
from cci_lite.ports import SourceOutcome, StoredObject
from cci_lite.sample import Layout, SampleCall, World, build_world, read_questions
from cci_lite.tenancy import unified_key
from cci_lite.transcripts import read_transcript

LAST_DAY = dt.date(2026, 3, 31)
FIRST_DAY = LAST_DAY - dt.timedelta(days=89)
PACKAGE_ROOT = Path(__file__).resolve().parents[3]


@pytest.fixture(scope="module")
def world() -> World:
    return build_world(20, last_day=LAST_DAY)


@pytest.fixture(scope="module")
def final_calls(world: World) -> list[SampleCall]:
    """Each call as it is in the end."""
    last = {call.plan.call_id: call for call in delivered(world)}
    return list(last.values())


@pytest.fixture(scope="module")
def conversations(world: World) -> list[tuple[SampleCall, Conversation]]:
    """Every delivered transcript and what is heard on it."""
    return [(call, heard(call)) for call in delivered(world) if call.analysis is None]


def delivered(world: World) -> Iterator[SampleCall]:
    for delivery in world.deliveries:
        yield from delivery.calls


def heard(call: SampleCall) -> Conversation:
    """What is heard, in the language that the metadata names."""
    read = read_transcript(call.data, call.plan.company.tenant.audio)
    return msgspec.structs.replace(read, language_code=call.plan.metadata.language_code)


def forms_of(world: World) -> dict[str, list[Form]]:
    return {
        company.tenant.tenant_id: [each.form for each in company.forms]
        for company in world.companies
    }


def digest_of(world: World) -> str:
    """A digest of everything in the world."""
    digest = hashlib.sha256()
    for call in delivered(world):
        digest.update(call.data)
        digest.update(msgspec.json.encode(call.plan.metadata))
        digest.update(repr((call.job_name, call.plan.form.label, call.plan.call_date)).encode())
        digest.update(repr([(name, str(it)) for name, it in call.plan.verdicts.items()]).encode())
        digest.update(repr(call.analysis).encode())
    for delivery in world.deliveries:
        for document in delivery.corrupt:
            digest.update(document.data)
            digest.update(repr(document).encode())
    digest.update(repr((world.period, world.truth)).encode())
    return digest.hexdigest()


# --- the same every time -------------------------------------------------------------------------


def test_the_same_seed_gives_the_same_world_in_another_process_with_another_hash_seed() -> None:
    program = (
        "import datetime, sys; sys.path.insert(0, sys.argv[1]); import test_world;"
        "print(test_world.digest_of(test_world.build_world("
        "3, days=40, calls=300, last_day=datetime.date(2026, 3, 31))))"
    )
    elsewhere = [
        subprocess.run(
            [sys.executable, "-c", program, str(Path(__file__).parent)],
            env={
                **os.environ,
                "PYTHONHASHSEED": hash_seed,
                "TZ": zone,
                "PYTHONPATH": str(PACKAGE_ROOT),
            },
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for hash_seed, zone in (("1", "Asia/Tokyo"), ("2", "America/Lima"))
    ]

    here = digest_of(build_world(3, days=40, calls=300, last_day=LAST_DAY))

    assert elsewhere == [here, here]


def test_another_seed_gives_another_world() -> None:
    first, second = (build_world(seed, days=40, calls=300, last_day=LAST_DAY) for seed in (3, 4))

    assert digest_of(first) != digest_of(second)
    assert first.companies == second.companies


@pytest.mark.parametrize(("days", "calls"), [(27, 2100), (90, 299)], ids=["days", "calls"])
def test_a_world_too_small_for_its_stories_is_refused(days: int, calls: int) -> None:
    with pytest.raises(UsageError) as refusal:
        build_world(1, days=days, calls=calls, last_day=LAST_DAY)

    assert str(refusal.value) == (
        "the sample world: expected at least 28 days and 300 calls, "
        f"found {days} days and {calls} calls"
    )


# --- what is in it -------------------------------------------------------------------------------


def test_there_are_as_many_calls_as_asked_for_over_as_many_days(
    final_calls: list[SampleCall],
) -> None:
    days = {call.plan.call_date for call in final_calls}

    assert len(final_calls) == 2100
    assert (min(days), max(days)) == (FIRST_DAY, LAST_DAY)


def test_a_call_is_on_its_tenants_day_which_is_not_always_the_utc_day(
    final_calls: list[SampleCall],
) -> None:
    shifts: dict[str, set[int]] = {}
    for call in final_calls:
        started_at = call.plan.started_at
        assert started_at.tzinfo is dt.UTC
        local = started_at.astimezone(call.plan.company.tenant.zone)
        assert local.date() == call.plan.call_date
        days = (started_at.date() - call.plan.call_date).days
        shifts.setdefault(call.plan.tenant_id, set()).add(days)

    assert shifts == {
        "maple-outfitters": {0, 1},
        "lindental-energie": {0, -1},
        "sahyadri-broadband": {0, -1},
    }


def test_transcripts_are_as_large_as_real_ones(world: World) -> None:
    sizes = [len(call.data) for call in delivered(world) if call.analysis is None]

    assert 30_000 < median(sizes) < 60_000
    assert max(sizes) < 220_000


@pytest.mark.parametrize("layout", Layout)
def test_every_layout_has_the_shape_of_the_real_one(world: World, layout: Layout) -> None:
    transcripts = [
        json.loads(call.data)
        for call in list(delivered(world))[::4]
        if call.analysis is None and call.plan.layout is layout and b"[PII]" in call.data
    ]

    assert len(transcripts) > 20
    for transcript in transcripts:
        if layout is Layout.CALL_ANALYTICS:
            turns = transcript["Transcript"]
            items = [item for turn in turns for item in turn["Items"]]
            assert {turn["ParticipantRole"] for turn in turns} == {"AGENT", "CUSTOMER"}
            redacted = [item for item in items if item["Content"] == "[PII]"]
            assert all("Redaction" in item and "Confidence" not in item for item in redacted)
            continue
        results = transcript["results"]
        items = results["items"]
        redacted = [item for item in items if item["alternatives"][0]["content"] == "[PII]"]
        assert all(item["alternatives"][0].keys() == {"content", "redactions"} for item in redacted)
        if layout is Layout.SPEAKERS:
            assert {item["speaker_label"] for item in items} == {"spk_0", "spk_1"}
            assert [item["id"] for item in items] == list(range(len(items)))
            listed = [number for part in results["audio_segments"] for number in part["items"]]
            assert listed == list(range(len(items)))
        else:
            channels = results["channel_labels"]["channels"]
            assert [channel["channel_label"] for channel in channels] == ["ch_0", "ch_1"]
            assert sum(len(channel["items"]) for channel in channels) == len(items)
            says_channel = layout is Layout.CHANNELS
            assert {"channel_label" in item for item in items} == {says_channel}


def test_words_follow_each_other_in_time(
    conversations: list[tuple[SampleCall, Conversation]],
) -> None:
    for _, conversation in conversations:
        words = [word for turn in conversation.turns for word in turn.words]
        assert all(word.start_seconds < word.end_seconds for word in words)
        assert all(one.end_seconds <= next_.start_seconds for one, next_ in pairwise(words))


def test_some_recordings_are_empty_have_no_agent_or_do_not_tell_who_the_agent_is(
    conversations: list[tuple[SampleCall, Conversation]],
) -> None:
    kinds: Counter[tuple[str, str]] = Counter()
    for call, conversation in conversations:
        roles = {turn.role.value for turn in conversation.turns}
        kinds[call.plan.tenant_id, "+".join(sorted(roles))] += 1

    for tenant_id, _ in list(kinds):
        assert kinds[tenant_id, ""] > 0
        assert kinds[tenant_id, "customer"] > 0
    assert {tenant_id for tenant_id, roles in kinds if "unknown" in roles} == {"lindental-energie"}


def test_a_few_agents_have_too_few_calls_and_some_calls_no_agent(world: World) -> None:
    calls = {
        tenant_id: {agent_id: passed + failed for (agent_id,), (passed, failed, *_) in of.items()}
        for tenant_id, of in numbers_of(world, "outcomes by agent").items()
    }
    for by_agent in calls.values():
        assert 10 <= len(by_agent) - 1 <= 15
        assert by_agent["unknown"] > 0
        assert sum(count < 10 for count in by_agent.values()) >= 2
        assert sum(count >= 10 for count in by_agent.values()) >= 5


def test_two_agents_are_level_in_every_week_and_criterion(world: World) -> None:
    for question, place in (
        ("outcomes by agent", 0),
        ("verdicts by agent and criterion", 0),
        ("outcomes by agent and week", 3),
    ):
        level: dict[str, dict[Key, tuple[Any, ...]]] = {"mho-1006": {}, "mho-1007": {}}
        for key, found in world.truth["maple-outfitters"][question].items():
            if key[place] in level:
                level[key[place]][(*key[:place], *key[place + 1 :])] = found
        assert level["mho-1006"] == level["mho-1007"] != {}
    [(passed, failed, *_)] = [
        found
        for (agent_id,), found in world.truth["maple-outfitters"]["outcomes by agent"].items()
        if agent_id == "mho-1006"
    ]
    assert min(passed, failed) > 0


@pytest.mark.parametrize(
    ("criterion_id", "factor"),
    [("recorded_02", 0.6), ("else_07", 0.75), ("withdraw_05", 0.6), ("identify_02", 0.75)],
)
def test_an_improvement_shows_after_its_day(
    world: World, final_calls: list[SampleCall], criterion_id: str, factor: float
) -> None:
    company, story = next(
        (company, story)
        for company in world.companies
        for story in company.profile.stories
        if story.criterion == criterion_id
    )
    day = world.period.monday_at(story.since)
    found: dict[bool, Counter[Verdict]] = {False: Counter(), True: Counter()}
    for call in final_calls:
        if call.plan.company is company and criterion_id in call.plan.verdicts:
            found[call.plan.call_date >= day][call.plan.verdicts[criterion_id]] += 1

    before, after = (
        counts[Verdict.FAIL] / (counts[Verdict.FAIL] + counts[Verdict.PASS])
        for counts in found.values()
    )

    assert after < before * factor


def test_one_queue_of_each_tenant_is_clearly_worse_than_the_others(
    final_calls: list[SampleCall],
) -> None:
    failed: dict[str, dict[str, list[bool]]] = {}
    for call in final_calls:
        outcome = call.plan.score.outcome
        if outcome in ("pass", "fail") and call.analysis is None:
            queues = failed.setdefault(call.plan.tenant_id, {})
            queues.setdefault(call.plan.topic.queue, []).append(outcome == "fail")
    worst = {}
    for tenant_id, queues in failed.items():
        rates = sorted((sum(calls) / len(calls), queue) for queue, calls in queues.items())
        assert rates[-1][0] > 1.3 * rates[-2][0]
        worst[tenant_id] = rates[-1][1]

    assert worst == {
        "maple-outfitters": "returns",
        "lindental-energie": "win-back",
        "sahyadri-broadband": "installation",
    }


# --- deliveries ----------------------------------------------------------------------------------


def test_the_second_delivery_brings_late_calls_second_uploads_and_repeats(world: World) -> None:
    first = {call.plan.call_id: call for call in world.deliveries[0].calls}
    assert len(first) == len(world.deliveries[0].calls)
    seen: dict[str, Counter[str]] = {tenant_id: Counter() for tenant_id in world.truth}
    for call in world.deliveries[1].calls:
        plan = call.plan
        before = first.get(plan.call_id)
        if before is None:
            assert plan.call_date <= LAST_DAY - dt.timedelta(days=3)
            seen[plan.tenant_id]["late"] += 1
        elif call.revision == 2:
            assert call.data != before.data
            assert plan.metadata == before.plan.metadata
            verdicts = before.plan.verdicts
            changed = [name for name, it in plan.verdicts.items() if verdicts[name] != it]
            assert len(changed) == 1
            seen[plan.tenant_id]["again"] += 1
        else:
            assert call == before
            seen[plan.tenant_id]["repeated"] += 1

    assert all(counts.keys() == {"late", "again", "repeated"} for counts in seen.values())
    assert all(min(counts.values()) >= 3 for counts in seen.values())


def test_every_call_is_judged_by_the_form_of_its_day(
    world: World, final_calls: list[SampleCall]
) -> None:
    judged: dict[tuple[str, str], list[dt.date]] = {}
    for call in final_calls:
        form = (call.plan.tenant_id, call.plan.form.label)
        judged.setdefault(form, []).append(call.plan.call_date)
    starts = {
        (company.tenant.tenant_id, each.form.label): world.period.monday_at(each.use.since)
        for company in world.companies
        for each in company.forms
    }

    assert judged.keys() == starts.keys()
    assert all(min(days) >= starts[form] for form, days in judged.items())
    assert max(judged["maple-outfitters", "support v1"]) < starts["maple-outfitters", "support v2"]


def test_german_calls_are_judged_by_the_german_form(final_calls: list[SampleCall]) -> None:
    languages = {(call.plan.form.name, call.plan.metadata.language_code) for call in final_calls}

    assert {form for form, language in languages if language == "de-DE"} == {"kundenservice"}
    assert ("kundenservice", "de-DE") in languages


def test_every_corrupt_document_is_refused_at_its_planted_path(world: World) -> None:
    forms = forms_of(world)
    corrupt = [document for delivery in world.deliveries for document in delivery.corrupt]
    now = dt.datetime(2026, 4, 1, tzinfo=dt.UTC)
    found = []
    for document in corrupt:
        own = {(form.name, form.version): form for form in forms[document.tenant_id]}
        flattener = Flattener(document.tenant_id, document.call_date, own, "run", now)
        key = unified_key(document.tenant_id, document.call_date, document.stem)
        source = StoredObject(key, "etag", len(document.data), now)
        flattened = flattener.flatten([(source, lambda data=document.data: data)])  # type: ignore[misc]
        [record] = flattened.records
        assert record.outcome is SourceOutcome.QUARANTINED, document.damage
        [row] = flattened.tables["quarantined_documents"].to_pylist()
        found.append((document.damage.name, row["json_path"] or ""))

    assert found == [(document.damage.name, document.damage.at) for document in corrupt]
    assert len(corrupt) == len({document.stem for document in corrupt}) == 16
    assert all(delivery.corrupt for delivery in world.deliveries)


def test_no_corrupt_document_belongs_to_a_call_of_the_world(
    world: World, final_calls: list[SampleCall]
) -> None:
    stems = {document.stem for delivery in world.deliveries for document in delivery.corrupt}

    assert not stems & {call.plan.call_id for call in final_calls}


# --- the truth -----------------------------------------------------------------------------------

Key = tuple[Any, ...]


def numbers_of(world: World, question: str) -> dict[str, dict[Key, tuple[Any, ...]]]:
    """The planted numbers of a question by tenant."""
    return {tenant_id: dict(truth[question]) for tenant_id, truth in world.truth.items()}


def test_every_question_has_planted_numbers_for_every_tenant(world: World) -> None:
    for truth in world.truth.values():
        assert truth.keys() == read_questions().keys()
        assert [question for question, numbers in truth.items() if not numbers] == []


def test_the_counts_of_the_truth_add_up(world: World, final_calls: list[SampleCall]) -> None:
    counted = Counter(call.plan.tenant_id for call in final_calls)
    broken = Counter(it.tenant_id for delivery in world.deliveries for it in delivery.corrupt)
    for tenant_id, truth in world.truth.items():
        [(calls, quarantined, first, last)] = truth[
            "calls, corrupt documents, first and last day"
        ].values()
        assert (calls, quarantined) == (counted[tenant_id], broken[tenant_id])
        assert first < last
        for question in (
            "calls",
            "calls by language",
            "outcomes by form version",
            "outcomes by agent",
            "outcomes by agent and week",
        ):
            assert sum(map(sum, truth[question].values())) == calls, question
        by_form = {form: sum(counts) for form, counts in truth["outcomes by form version"].items()}
        for key, verdicts in truth["verdicts by criterion"].items():
            assert sum(verdicts) == by_form[key[:2]]
            by_agent = [
                counts
                for agent, counts in truth["verdicts by agent and criterion"].items()
                if agent[1:] == key
            ]
            assert tuple(map(sum, zip(*by_agent, strict=True))) == verdicts


def test_the_truth_counts_each_call_once_as_its_last_revision_is_planned(
    world: World, final_calls: list[SampleCall]
) -> None:
    verdicts: dict[Key, Counter[str]] = {}
    weeks: dict[Key, Counter[str]] = {}
    for call in final_calls:
        plan = call.plan
        form = (plan.form.name, plan.form.version)
        agent_id = plan.metadata.agent_id or "unknown"
        for criterion_id, verdict in plan.verdicts.items():
            key = (plan.tenant_id, agent_id, *form, criterion_id)
            verdicts.setdefault(key, Counter())[verdict] += 1
        year, week, _ = plan.call_date.isocalendar()
        monday = dt.date.fromisocalendar(year, week, 1)
        agent_week = (plan.tenant_id, monday, *form, agent_id)
        weeks.setdefault(agent_week, Counter())[plan.score.outcome] += 1

    for question, counted, columns in (
        ("verdicts by agent and criterion", verdicts, ("pass", "fail", "na", "unscored")),
        ("outcomes by agent and week", weeks, ("pass", "fail", "review", "none")),
    ):
        planted = {
            (tenant_id, *key): counts
            for tenant_id, numbers in numbers_of(world, question).items()
            for key, counts in numbers.items()
        }
        assert planted == {
            key: tuple(found[it] for it in columns) for key, found in counted.items()
        }


def test_every_verdict_that_a_criterion_can_get_is_planted(world: World) -> None:
    for company in world.companies:
        planted = world.truth[company.tenant.tenant_id]["verdicts by criterion"]
        for form in (each.form for each in company.forms):
            for criterion in form.criteria:
                passed, failed, na, unscored = planted[form.name, form.version, criterion.id]
                if criterion.id == "clarity_08":
                    assert passed == failed == na == 0 < unscored
                elif criterion.rule is None:
                    assert min(passed, failed, unscored) > 0
                else:
                    assert min(passed, failed, na) > 0
                    assert unscored == 0


def test_planted_scores_are_what_the_scoring_makes_of_the_planted_verdicts(world: World) -> None:
    for call in delivered(world):
        form, planted = call.plan.form, call.plan.score
        score = score_call(form.criteria, list(call.plan.verdicts.values()), form.scoring)
        assert score.outcome == planted.outcome
        assert (score.total * 10_000, score.max * 10_000) == (planted.total, planted.maximum)
        found = None if score.percentage is None else score.percentage * 100
        assert found == planted.hundredths


def test_documents_that_were_made_elsewhere_say_what_was_planted(world: World) -> None:
    documents = [call for call in delivered(world) if call.analysis is not None]
    for call in documents:
        decoded = decode_document(call.data)
        document, plan = decoded.document, call.plan
        assert decoded.unknown_fields == 0
        assert document.qa_evaluation is not None
        assert {it.id: it.verdict for it in document.qa_evaluation.criteria} == plan.verdicts
        scored = score_evaluation(document.qa_evaluation, plan.form)
        assert scored.score.outcome == plan.score.outcome
        assert bool(scored.reported_differs) == (
            call.analysis is not None and call.analysis.claims is not None
        )
    assert len(documents) > 150


def test_the_rules_find_the_planted_verdict_of_every_criterion_of_every_call(
    conversations: list[tuple[SampleCall, Conversation]],
) -> None:
    differences = [
        (call.plan.form.label, call.plan.layout.value, result.id, result.verdict)
        for call, conversation in conversations
        for result in evaluate_rules(call.plan.form, conversation)
        if result.verdict != call.plan.verdicts[result.id]
    ]

    assert differences == []


def _loosened(criterion: Criterion) -> Criterion:
    """The criterion with a rule that does not mind who says it and when."""
    if criterion.rule is None:
        return criterion
    rule = msgspec.structs.replace(criterion.rule, said_by=SaidBy.ANYONE, within=None)
    return msgspec.structs.replace(criterion, rule=rule)


def test_nearly_every_criterion_has_calls_where_who_says_it_or_when_decides(
    world: World, conversations: list[tuple[SampleCall, Conversation]]
) -> None:
    decided_by_speaker_or_place = set()
    for call, conversation in conversations[::2]:
        form, verdicts = call.plan.form, call.plan.verdicts
        loose = replace(form, criteria=tuple(map(_loosened, form.criteria)))
        decided_by_speaker_or_place |= {
            (form.label, result.id)
            for result in evaluate_rules(loose, conversation)
            if {result.verdict, verdicts[result.id]} == {Verdict.PASS, Verdict.FAIL}
        }
    with_rule = {
        (form.label, criterion.id)
        for forms in forms_of(world).values()
        for form in forms
        for criterion in form.criteria
        if criterion.rule is not None
    }

    # Everybody may say what lead_07 asks for, anywhere in the call.
    assert with_rule - decided_by_speaker_or_place == {("sales v1", "lead_07")}
