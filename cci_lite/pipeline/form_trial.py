"""What another form would say of the calls that are judged already; nothing is written."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from cci_lite.contract.columns import UNKNOWN_AGENT
from cci_lite.contract.conversation import Conversation
from cci_lite.contract.document import UnifiedDocument, verdict_of
from cci_lite.contract.form import Form, FormDraft
from cci_lite.contract.reading import decode_document
from cci_lite.contract.scored_evaluation import Forms, ScoredEvaluation, score_document
from cci_lite.contract.scoring import Outcome, Verdict, score_call
from cci_lite.contract.tenant import Tenant
from cci_lite.errors import ContractError, UnredactedError
from cci_lite.evaluation.by_rules import evaluate_rules
from cci_lite.pipeline.document_writing import writing_order
from cci_lite.pipeline.documents import RULES_ONLY, read_call
from cci_lite.ports import Store, Transcript, UnreadableFile
from cci_lite.tenancy import call_id_for, unified_prefix


@dataclass
class CriterionTrial:
    """One criterion over all calls: verdicts before and after, and how many calls differ.

    `undecided` counts the calls on which only the transcript, which was not given, could tell.
    """

    criterion_id: str
    before: Counter[Verdict] = field(default_factory=Counter)
    after: Counter[Verdict] = field(default_factory=Counter)
    changed: int = 0
    undecided: int = 0


@dataclass
class AgentTrial:
    """One agent's calls: outcomes before and after, and how many calls differ."""

    agent_id: str
    before: Counter[Outcome] = field(default_factory=Counter)
    after: Counter[Outcome] = field(default_factory=Counter)
    changed: int = 0

    @property
    def calls(self) -> int:
        """How many calls there are."""
        return self.before.total()


@dataclass(frozen=True)
class FormTrial:
    """What a form would change on a tenant's calls, by criterion and by agent.

    `unreadable` documents and `unevaluated` calls are left out, as are `others`: calls that a form
    of another name has judged. The outcome of `undecided` calls hangs on criteria that only their
    transcripts, which were not given, could decide; they are not counted as `changed`. Of the
    transcripts, `unread` are none, `unredacted` are refused as `calls analyze` does, and `masked`
    were not redacted and are masked here.
    """

    criteria: tuple[CriterionTrial, ...]
    agents: tuple[AgentTrial, ...]
    calls: int
    with_transcript: int
    changed: int
    undecided: int = 0
    others: int = 0
    unevaluated: int = 0
    unreadable: int = 0
    unread_transcripts: int = 0
    unredacted_transcripts: int = 0
    masked_transcripts: int = 0


@dataclass(frozen=True)
class _Judged:
    """A call under the form that judged it and under the one that is tried."""

    order: tuple[int, int]
    agent_id: str
    before: Mapping[str, Verdict]
    after: Mapping[str, Verdict]
    undecided: frozenset[str]
    outcome_before: Outcome
    outcome_after: Outcome
    has_transcript: bool

    @property
    def has_changed(self) -> bool:
        """Whether the outcome is another, as far as that is known."""
        return not self.undecided and self.outcome_before is not self.outcome_after


def try_form(
    store: Store,
    tenant: Tenant,
    forms: Forms,
    draft: FormDraft,
    transcripts: Iterable[Transcript | UnreadableFile] = (),
) -> FormTrial:
    """Judge a tenant's calls by a form that is not stored, and compare; writes nothing.

    Calls that were judged by a form of the same name count, or all calls when there is no such form
    yet. A criterion is decided by its rule where the call's transcript is given; without one, and
    for what a model or a person has decided, the verdict stands as long as question and rule are
    the same, and is undecided otherwise.
    """
    left: Counter[str] = Counter()
    spoken = _conversations(tenant, transcripts, left)
    known_name = any(name == draft.name for name, _ in forms)
    form = draft.as_version(draft.version or 1)
    judged: dict[str, _Judged] = {}
    for found in store.listing(unified_prefix(tenant.tenant_id)):
        try:
            document = decode_document(store.read(found.key)).document
            scored = score_document(document, forms)
        except (ContractError, OSError):
            left["unreadable"] += 1
            continue
        if scored is None:
            left["unevaluated"] += 1
        elif known_name and scored.form.name != draft.name:
            left["others"] += 1
        else:
            call = _judged(document, scored, form, spoken.get(document.call_id))
            present = judged.get(document.call_id)
            if present is None or present.order <= call.order:
                judged[document.call_id] = call
    return _compared(form, list(judged.values()), left)


def _conversations(
    tenant: Tenant, transcripts: Iterable[Transcript | UnreadableFile], left: Counter[str]
) -> dict[str, Conversation]:
    """What was said by call, masked where `calls analyze` masks it; counts in `left` the others."""
    conversations = {}
    for transcript in transcripts:
        try:
            if isinstance(transcript, UnreadableFile):
                raise transcript.problem
            spoken, key = read_call(RULES_ONLY, tenant, transcript)
        except UnredactedError:
            left["unredacted_transcripts"] += 1
        except ContractError:
            left["unread_transcripts"] += 1
        else:
            left["masked_transcripts"] += spoken.is_masked
            conversations[call_id_for(tenant.tenant_id, key)] = spoken.conversation
    return conversations


def _judged(
    document: UnifiedDocument,
    scored: ScoredEvaluation,
    form: Form,
    conversation: Conversation | None,
) -> _Judged:
    before = {
        criterion.id: verdict
        for criterion, verdict in zip(scored.form.criteria, scored.verdicts, strict=True)
    }
    earlier = {criterion.id: criterion for criterion in scored.form.criteria}
    after = {} if conversation is None else _by_rules(form, conversation)
    undecided = set()
    for criterion in form.criteria:
        if criterion.id in after:
            continue
        old = earlier.get(criterion.id)
        if old is not None and (old.question, old.rule) == (criterion.question, criterion.rule):
            after[criterion.id] = before[criterion.id]
        else:
            after[criterion.id] = Verdict.UNSCORED
            undecided.add(criterion.id)
    verdicts = [after[criterion.id] for criterion in form.criteria]
    agent = document.agent.agent_id if document.agent else None
    return _Judged(
        order=writing_order(document),
        agent_id=agent or UNKNOWN_AGENT,
        before=before,
        after=after,
        undecided=frozenset(undecided),
        outcome_before=scored.score.outcome,
        outcome_after=score_call(form.criteria, verdicts, form.scoring).outcome,
        has_transcript=conversation is not None,
    )


def _by_rules(form: Form, conversation: Conversation) -> dict[str, Verdict]:
    """The verdicts of the criteria that have a rule."""
    ruled = {criterion.id for criterion in form.criteria if criterion.rule is not None}
    results = enumerate(evaluate_rules(form, conversation))
    return {result.id: verdict_of(result, at) for at, result in results if result.id in ruled}


def _compared(form: Form, calls: Sequence[_Judged], left: Counter[str]) -> FormTrial:
    names = dict.fromkeys(criterion.id for criterion in form.criteria)
    names |= dict.fromkeys(name for call in calls for name in call.before)
    criteria = {name: CriterionTrial(name) for name in names}
    agents: dict[str, AgentTrial] = {}
    changed = 0
    for call in calls:
        for name, trial in criteria.items():
            old, new = call.before.get(name), call.after.get(name)
            trial.before.update([old] if old is not None else [])
            trial.after.update([new] if new is not None else [])
            trial.changed += old != new and name not in call.undecided
            trial.undecided += name in call.undecided
        agent = agents.setdefault(call.agent_id, AgentTrial(call.agent_id))
        agent.before[call.outcome_before] += 1
        agent.after[call.outcome_after] += 1
        agent.changed += call.has_changed
        changed += call.has_changed
    return FormTrial(
        criteria=tuple(criteria.values()),
        agents=tuple(agents[name] for name in sorted(agents)),
        calls=len(calls),
        with_transcript=sum(call.has_transcript for call in calls),
        changed=changed,
        undecided=sum(bool(call.undecided) for call in calls),
        **left,
    )
