"""Each function has the rights and the environment that it uses, and no others."""

from __future__ import annotations

import datetime as dt
import itertools
import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from cci_lite.settings import NAMES
from cci_lite.tenancy import call_id_for, parse_unified_key, transcription_job_name
from cci_lite.testing.bedrock import BedrockDouble
from tests.aws.account import empty_account
from tests.aws.rights import Right, covers, granted, used_by_lambda
from tests.aws.sandbox import ACCOUNT, FUNCTIONS, INPUT, OUTPUT, REGION, Sandbox, descriptions
from tests.aws.test_end_to_end import META, SPOKEN, TEMPLATE, judged_by_truth, signed, transcript

# Read by everything that is made of the settings, or before a function runs.
ALWAYS = {"INPUT_BUCKET", "OUTPUT_BUCKET", "DDB_TABLE", "CALLS_TABLE", "LOG_LEVEL"}
# What is read for an adapter of which some functions use a part only: it counts for those that do
# what it is for, which is to pass the role on, to look for forms, and to write objects.
COUNTS_WITH = {
    "TRANSCRIBE_ROLE_ARN": ("iam:PassRole", "*"),
    "QA_TEMPLATE_KEY": ("dynamodb:Query", "*:table/cci-lite-config"),
    "KMS_KEY_ARN": ("s3:PutObject", "*"),
}


@dataclass
class Uses:
    """What the functions used over all runs."""

    rights: dict[str, set[Right]]
    names: dict[str, set[str]]
    values: dict[str, str]
    postponed: set[str]


@pytest.fixture(scope="module")
def uses() -> Iterator[Uses]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AWS_DEFAULT_REGION", REGION)
        patch.setattr("urllib.request.urlopen", lambda *_, **__: Posted())
        rights: dict[str, set[Right]] = defaultdict(set)
        names: dict[str, set[str]] = defaultdict(set)
        for analysis_queue in (False, True):
            with empty_account():
                sandbox = everything(analysis_queue=analysis_queue)
            for function in FUNCTIONS:
                rights[function] |= sandbox.ledger.used[function]
                names[function] |= {NAMES[field] for field in sandbox.ledger.read[function]}
        postponed = {queue for queue, _ in sandbox.postponed}
        yield Uses(rights, names, sandbox.values(), postponed)


class Posted:
    """The answer of a webhook that takes everything."""

    status = 200

    def __enter__(self) -> Posted:
        return self

    def __exit__(self, *_: object) -> None:
        pass


def everything(*, analysis_queue: bool) -> Sandbox:
    """All that the functions do: calls, metadata, failures, lost events, sweeps and balances."""
    unreadable: set[str] = set()
    content = itertools.count()

    def written(request: Any) -> bytes:
        name = request["TranscriptionJobName"]
        return b"{}" if name in unreadable else transcript(SPOKEN, name)

    sandbox = Sandbox(
        written,
        bedrock=BedrockDouble(answer=judged_by_truth),
        analysis_queue=analysis_queue,
        slack_webhook_secret="cci-lite/slack",
    )
    for item in (META, TEMPLATE):
        sandbox.dynamodb.put_item(TableName="cci-lite-config", Item=item)
    for name, value in (("slack", "https://hooks.example/x"), ("webhook/demo-tenant", "a secret")):
        sandbox.secrets.create_secret(Name=f"cci-lite/{name}", SecretString=value)

    def through(name: str) -> None:
        sandbox.upload(f"demo-tenant/calls/{name}", str(next(content)).encode())
        sandbox.pump()
        sandbox.finish_jobs()
        sandbox.pump()

    for _ in range(2):
        through("one.wav")
    move_twice(sandbox, through)
    fail(sandbox, unreadable, through)
    lose(sandbox)
    start_a_job_that_is_there(sandbox)
    throttle(sandbox, through)
    [*_, lost] = sandbox.documents()
    sandbox.s3.delete_object(Bucket=OUTPUT, Key=lost)
    day = sandbox.clock().date().isoformat()
    assert sandbox.sweep({"task": "balance", "day": day})["unbalanced"] == 1
    assert sandbox.notices()
    return sandbox


def move_twice(sandbox: Sandbox, through: Callable[[str], None]) -> None:
    """To another day by a webhook, which the reconciler writes up; by a sidecar and an upload."""
    day = dt.timedelta(days=1)
    earlier = sandbox.clock() - 2 * day
    told = {"recording_key": "one.wav", "started_at": earlier.isoformat()}
    assert sandbox.call(signed(sandbox, told))["statusCode"] == 202
    sandbox.sweep()
    assert days(sandbox) == {earlier.date()}
    sidecar = json.dumps({"started_at": (earlier - day).isoformat()}).encode()
    sandbox.upload("demo-tenant/calls/one.wav.meta.json", sidecar)
    through("one.wav")
    assert days(sandbox) == {earlier.date() - day}


def days(sandbox: Sandbox) -> set[dt.date]:
    return {parse_unified_key(key).call_date for key in sandbox.documents()}


def fail(sandbox: Sandbox, unreadable: set[str], through: Callable[[str], None]) -> None:
    """At Transcribe, with its event and without, and by an unreadable transcript."""
    unreadable.add(job_of("unreadable.wav"))
    through("unreadable.wav")
    assert sandbox.notices()
    for name in ("broken.wav", "broken too.wav"):
        sandbox.upload(f"demo-tenant/calls/{name}", b"RIFF")
    sandbox.pump()
    sandbox.announce(sandbox.transcribe.fail(job_of("broken.wav"), "internal"))
    sandbox.transcribe.fail(job_of("broken too.wav"), "internal")
    sandbox.pump()
    assert len(sandbox.notices()) == 1
    sandbox.clock.wait(7_200)
    sandbox.sweep()
    assert len(sandbox.notices()) == 1


def lose(sandbox: Sandbox) -> None:
    """The events of an upload, of its sidecar and of its job."""
    sandbox.upload("demo-tenant/calls/lost.wav", b"RIFF")
    sandbox.upload("demo-tenant/calls/lost.wav.meta.json", b'{"agent_id": "agent-7"}')
    for queue in ("uploads", "sidecars"):
        sandbox.sqs.purge_queue(QueueUrl=sandbox.urls[f"cci-lite-{queue}"])
    sandbox.clock.wait(7_200)
    sandbox.sweep()
    sandbox.pump()
    sandbox.transcribe.finish(job_of("lost.wav"))
    sandbox.clock.wait(7_200)
    sandbox.sweep()
    sandbox.pump()
    assert "agent-7" in json.dumps(sandbox.documents())


def start_a_job_that_is_there(sandbox: Sandbox) -> None:
    """As job_init finds it when it died after the start."""
    copy = "work/demo-tenant/media/somebody's.wav"
    sandbox.s3.put_object(Bucket=OUTPUT, Key=copy, Body=b"RIFF")
    sandbox.transcribe.start_transcription_job(
        **{
            **sandbox.transcribe.started[0],
            "TranscriptionJobName": job_of("started.wav"),
            "Media": {"MediaFileUri": f"s3://{OUTPUT}/{copy}"},
        }
    )
    sandbox.upload("demo-tenant/calls/started.wav", b"RIFF")
    sandbox.pump()


def throttle(sandbox: Sandbox, through: Callable[[str], None]) -> None:
    """Every function once, whatever it asks for first."""
    sandbox.ledger.throttled |= FUNCTIONS.keys() - {"reconciler"}
    sandbox.upload("demo-tenant/calls/throttled.wav.meta.json", b'{"agent_id": "agent-8"}')
    through("throttled.wav")
    sandbox.upload("demo-tenant/calls/broken three.wav", b"RIFF")
    sandbox.pump()
    sandbox.announce(sandbox.transcribe.fail(job_of("broken three.wav"), "internal"))
    sandbox.pump()


def job_of(name: str) -> str:
    return transcription_job_name(call_id_for("demo-tenant", f"demo-tenant/calls/{name}"), 1)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_has_the_rights_that_it_needs_and_none_that_it_could_do_without(
    uses: Uses, function: str
) -> None:
    description = descriptions()[function]
    place, key = f"{REGION}:{ACCOUNT}", uses.values["KMS_KEY_ARN"]
    needed = uses.rights[function] | used_by_lambda(description, place, key)
    rights = list(granted(description, uses.values))
    covered = {need: [right for right in rights if covers(right, need)] for need in needed}
    assert sorted(need for need, by in covered.items() if not by) == [], "refused"
    # Without any one of the rights something would be refused.
    assert [right for right in rights if [right] not in covered.values()] == [], "unused"


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_functions_environment_is_what_it_reads(uses: Uses, function: str) -> None:
    read = {
        name
        for name in uses.names[function]
        if name not in COUNTS_WITH
        or any(covers(COUNTS_WITH[name], right) for right in uses.rights[function])
    }
    # The runtime sets the region.
    assert set(descriptions()[function]["environment"]) == (read | ALWAYS) - {"AWS_REGION"}


def test_messages_can_be_delayed_on_every_queue_but_dead_letter_queues(uses: Uses) -> None:
    queues = {queue["name"] for each in descriptions().values() for queue in each["queues"]}
    assert uses.postponed == {name for name in queues if not name.endswith("-dlq")}


def test_the_runs_touch_both_buckets_and_no_other(uses: Uses) -> None:
    buckets = {
        resource.removeprefix("arn:aws:s3:::").partition("/")[0]
        for rights in uses.rights.values()
        for action, resource in rights
        if action.startswith("s3:")
    }
    assert buckets == {INPUT, OUTPUT}
