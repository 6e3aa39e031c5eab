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
from dataclasses import astuple, replace
from itertools import pairwise
from pathlib import Path
from statistics import median

import msgspec
import pytest

from cci_lite.contract.conversation import Conversation
from cci_lite.contract.form import Criterion, SaidBy
from cci_lite.contract.scoring import Verdict, score_call
from cci_lite.contract.tenant import Tenant
from cci_lite.errors import UsageError
from cci_lite.evaluation.by_rules import evaluate_rules
from cci_lite.flatten.rows import Flattener
from cci_lite.ports import SourceOutcome, StoredObject
from cci_lite.sample import Layout, SampleCall, World, build_world
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
    last = {call.call_id: call for delivery in world.deliveries for call in delivery.calls}
    return list(last.values())


@pytest.fixture(scope="module")
def conversations(world: World) -> list[tuple[SampleCall, Conversation]]:
    """Every delivered call and what is heard on it."""
    tenants = {tenant.tenant_id: tenant for tenant in world.tenants}
    return [
        (call, read_transcript(call.transcript, tenants[call.tenant_id].audio))
        for call in delivered(world)
    ]


def delivered(world: World) -> Iterator[SampleCall]:
    for delivery in world.deliveries:
        yield from delivery.calls


def tenants_of(world: World) -> dict[str, Tenant]:
    return {tenant.tenant_id: tenant for tenant in world.tenants}


def digest_of(world: World) -> str:
    """A digest of everything in the world."""
    digest = hashlib.sha256()
    for call in delivered(world):
        digest.update(call.transcript)
        digest.update(msgspec.json.encode(call.metadata))
        digest.update(repr((call.recording_key, call.form, call.call_date)).encode())
        digest.update(repr([(name, str(it)) for name, it in call.verdicts.items()]).encode())
    for delivery in world.deliveries:
        for document in delivery.corrupt:
            digest.update(document.data)
            digest.update(repr(document).encode())
    digest.update(repr((world.tenants, world.forms, world.stories, world.truth)).encode())
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
    assert first.forms == second.forms


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
    days = {call.call_date for call in final_calls}

    assert len(final_calls) == 2100
    assert (min(days), max(days)) == (FIRST_DAY, LAST_DAY)


def test_a_call_is_on_its_tenants_day_which_is_not_always_the_utc_day(
    world: World, final_calls: list[SampleCall]
) -> None:
    tenants = tenants_of(world)
    shifts: dict[str, set[int]] = {tenant_id: set() for tenant_id in tenants}
    for call in final_calls:
        started_at = call.metadata.started_at
        assert started_at is not None
        assert started_at.tzinfo is dt.UTC
        local = started_at.astimezone(tenants[call.tenant_id].zone)
        assert local.date() == call.call_date
        shifts[call.tenant_id].add((started_at.date() - call.call_date).days)

    assert shifts == {
        "maple-outfitters": {0, 1},
        "lindental-energie": {0, -1},
        "sahyadri-broadband": {0, -1},
    }


def test_transcripts_are_as_large_as_real_ones(world: World) -> None:
    sizes = [len(call.transcript) for call in delivered(world)]

    assert 30_000 < median(sizes) < 60_000
    assert max(sizes) < 220_000


@pytest.mark.parametrize("layout", Layout)
def test_every_layout_has_the_shape_of_the_real_one(world: World, layout: Layout) -> None:
    transcripts = [
        json.loads(call.transcript)
        for call in list(delivered(world))[::4]
        if call.layout is layout and b"[PII]" in call.transcript
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
        kinds[call.tenant_id, "+".join(sorted(roles))] += 1

    for tenant_id, _ in list(kinds):
        assert kinds[tenant_id, ""] > 0
        assert kinds[tenant_id, "customer"] > 0
    assert {tenant_id for tenant_id, roles in kinds if "unknown" in roles} == {"lindental-energie"}


def test_a_few_agents_have_too_few_calls_and_some_calls_no_agent(world: World) -> None:
    calls: dict[str, dict[str, int]] = {}
    for (tenant_id, agent_id), counts in world.truth.agents.items():
        calls.setdefault(tenant_id, {})[agent_id] = counts.passed + counts.failed
    for by_agent in calls.values():
        assert 10 <= len(by_agent) - 1 <= 15
        assert by_agent["unknown"] > 0
        assert sum(count < 10 for count in by_agent.values()) >= 2
        assert sum(count >= 10 for count in by_agent.values()) >= 5


def test_two_agents_are_level_in_every_week_and_criterion(world: World) -> None:
    first, second = "mho-1006", "mho-1007"

    def without_name(counts: object, agent_id: str) -> list[tuple[object, object]]:
        assert isinstance(counts, dict)
        return [
            (key._replace(agent_id=""), found)
            for key, found in counts.items()
            if key.agent_id == agent_id
        ]

    for counts in (world.truth.agents, world.truth.agent_criteria, world.truth.agent_weeks):
        level = dict(without_name(counts, first))
        assert level
        assert level == dict(without_name(counts, second))
    failed = [
        found.failed / (found.passed + found.failed)
        for key, found in world.truth.agents.items()
        if key.agent_id in (first, second)
    ]
    assert failed[0] == failed[1] > 0


@pytest.mark.parametrize(
    ("criterion_id", "factor"),
    [("recorded_02", 0.6), ("else_07", 0.75), ("withdraw_05", 0.6), ("identify_02", 0.75)],
)
def test_an_improvement_shows_after_its_day(
    world: World, final_calls: list[SampleCall], criterion_id: str, factor: float
) -> None:
    story = next(story for story in world.stories if story.criterion_id == criterion_id)
    found: dict[bool, Counter[Verdict]] = {False: Counter(), True: Counter()}
    for call in final_calls:
        if call.tenant_id == story.tenant_id:
            found[call.call_date >= story.day][call.verdicts[criterion_id]] += 1

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
        assert call.metadata.queue is not None
        if call.outcome in ("pass", "fail"):
            queues = failed.setdefault(call.tenant_id, {})
            queues.setdefault(call.metadata.queue, []).append(call.outcome == "fail")
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
    first = {call.call_id: call for call in world.deliveries[0].calls}
    assert len(first) == len(world.deliveries[0].calls)
    seen: dict[str, Counter[str]] = {tenant.tenant_id: Counter() for tenant in world.tenants}
    for call in world.deliveries[1].calls:
        before = first.get(call.call_id)
        if before is None:
            assert call.call_date <= LAST_DAY - dt.timedelta(days=3)
            seen[call.tenant_id]["late"] += 1
        elif call.revision == 2:
            assert call.transcript != before.transcript
            assert call.metadata == before.metadata
            changed = [name for name, it in call.verdicts.items() if before.verdicts[name] != it]
            assert len(changed) == 1
            seen[call.tenant_id]["again"] += 1
        else:
            assert call == before
            seen[call.tenant_id]["repeated"] += 1

    assert all(counts.keys() == {"late", "again", "repeated"} for counts in seen.values())
    assert all(min(counts.values()) >= 3 for counts in seen.values())


def test_every_call_is_judged_by_the_form_of_its_day(
    world: World, final_calls: list[SampleCall]
) -> None:
    judged: dict[tuple[str, str], list[dt.date]] = {}
    for call in final_calls:
        judged.setdefault((call.tenant_id, call.form), []).append(call.call_date)
    starts = {(form.tenant_id, form.template.label): form.active_from for form in world.forms}

    assert judged.keys() == starts.keys()
    assert all(min(days) >= starts[form] for form, days in judged.items())
    assert max(judged["maple-outfitters", "support v1"]) < starts["maple-outfitters", "support v2"]


def test_every_corrupt_document_is_refused_at_its_planted_path(world: World) -> None:
    templates = {
        (form.tenant_id, form.template.name, form.template.version): form.template
        for form in world.forms
    }
    corrupt = [document for delivery in world.deliveries for document in delivery.corrupt]
    now = dt.datetime(2026, 4, 1, tzinfo=dt.UTC)
    found = []
    for document in corrupt:
        own = {
            (name, version): template
            for (tenant_id, name, version), template in templates.items()
            if tenant_id == document.tenant_id
        }
        flattener = Flattener(document.tenant_id, document.call_date, own, "run", now)
        key = unified_key(document.tenant_id, document.call_date, document.stem)
        source = StoredObject(key, "etag", len(document.data), now)
        record = flattener.add(source, lambda data=document.data: data)  # type: ignore[misc]
        assert record.outcome is SourceOutcome.QUARANTINED, document.reason
        row = flattener.tables()["quarantined_documents"].to_pylist()[0]
        found.append((document.reason, row["json_path"] or ""))

    assert found == [(document.reason, document.json_path) for document in corrupt]
    assert len(corrupt) == len({document.stem for document in corrupt}) == 16
    assert all(delivery.corrupt for delivery in world.deliveries)


def test_no_corrupt_document_belongs_to_a_call_of_the_world(
    world: World, final_calls: list[SampleCall]
) -> None:
    stems = {document.stem for delivery in world.deliveries for document in delivery.corrupt}

    assert not stems & {call.call_id for call in final_calls}


# --- the truth -----------------------------------------------------------------------------------


def test_the_counts_of_the_truth_add_up(world: World, final_calls: list[SampleCall]) -> None:
    truth = world.truth

    assert truth.calls == Counter(call.tenant_id for call in final_calls)
    assert truth.quarantined == Counter(
        document.tenant_id for delivery in world.deliveries for document in delivery.corrupt
    )
    for tenant_id, calls in truth.calls.items():
        for counts in (truth.outcomes, truth.agents, truth.agent_weeks):
            found = [it for key, it in counts.items() if key.tenant_id == tenant_id]
            assert sum(it.passed + it.failed + it.review + it.none for it in found) == calls
    for key, counted in truth.criteria.items():
        outcomes = truth.outcomes[key[:3]]  # type: ignore[index]
        calls = outcomes.passed + outcomes.failed + outcomes.review + outcomes.none
        assert counted.passed + counted.failed + counted.na + counted.unscored == calls
        by_agent = [
            it
            for agent, it in truth.agent_criteria.items()
            if (agent.tenant_id, *agent[2:]) == tuple(key)
        ]
        assert sum(it.passed for it in by_agent) == counted.passed
        assert sum(it.failed for it in by_agent) == counted.failed
        assert sum(it.na for it in by_agent) == counted.na
        assert sum(it.unscored for it in by_agent) == counted.unscored


def test_the_truth_counts_each_call_once_as_its_last_revision_is_planned(
    world: World, final_calls: list[SampleCall]
) -> None:
    verdicts: dict[tuple[object, ...], Counter[str]] = {}
    weeks: dict[tuple[object, ...], Counter[str]] = {}
    for call in final_calls:
        form = (call.template.name, call.template.version)
        for criterion_id, verdict in call.verdicts.items():
            key = (call.tenant_id, call.agent_id, *form, criterion_id)
            verdicts.setdefault(key, Counter())[verdict] += 1
        year, week, _ = call.call_date.isocalendar()
        monday = dt.date.fromisocalendar(year, week, 1)
        agent_week = (call.tenant_id, monday, *form, call.agent_id)
        weeks.setdefault(agent_week, Counter())[call.outcome] += 1

    assert {tuple(key): astuple(it) for key, it in world.truth.agent_criteria.items()} == {
        key: tuple(found[it] for it in ("pass", "fail", "na", "unscored"))
        for key, found in verdicts.items()
    }
    assert {tuple(key): astuple(it) for key, it in world.truth.agent_weeks.items()} == {
        key: tuple(found[it] for it in ("pass", "fail", "review", "none"))
        for key, found in weeks.items()
    }


def test_every_kind_of_verdict_is_planted_for_every_criterion(world: World) -> None:
    for key, counts in world.truth.criteria.items():
        if key.criterion_id == "clarity_08":
            assert counts.unscored == world.truth.calls[key.tenant_id]
        else:
            assert min(counts.passed, counts.failed, counts.na) > 0
            assert counts.unscored == 0


def test_planted_outcomes_are_what_the_scoring_makes_of_the_planted_verdicts(
    world: World,
) -> None:
    for call in delivered(world):
        verdicts = list(call.verdicts.values())
        score = score_call(call.template.criteria, verdicts, call.template.scoring)
        assert score.outcome == call.outcome


def test_the_rules_find_the_planted_verdict_of_every_criterion_of_every_call(
    conversations: list[tuple[SampleCall, Conversation]],
) -> None:
    differences = [
        (call.form, call.layout.value, result.id, call.verdicts[result.id], result.verdict)
        for call, conversation in conversations
        for result in evaluate_rules(call.template, conversation)
        if result.verdict != call.verdicts[result.id]
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
        loose = replace(call.template, criteria=tuple(map(_loosened, call.template.criteria)))
        decided_by_speaker_or_place |= {
            (call.form, result.id)
            for result in evaluate_rules(loose, conversation)
            if {result.verdict, call.verdicts[result.id]} == {Verdict.PASS, Verdict.FAIL}
        }
    with_rule = {
        (form.template.label, criterion.id)
        for form in world.forms
        for criterion in form.template.criteria
        if criterion.rule is not None
    }

    # Everybody may say what lead_07 asks for, anywhere in the call.
    assert with_rule - decided_by_speaker_or_place == {("sales v1", "lead_07")}
