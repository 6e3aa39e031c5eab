"""Records the IAM permissions that the functions use and the settings that they read.

What a request needs is from the service authorization reference and, for S3, from its API reference.
"""

from __future__ import annotations

import dataclasses
import fnmatch
import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import boto3
from botocore import xform_name

from cci_lite.settings import Settings
from cci_lite.testing.shapes import service_error, service_model

# An action of IAM, and the ARN that it is done to or granted on; `*` where it knows no resource.
Right = tuple[str, str]


@dataclasses.dataclass
class Ledger:
    """What each function has used. `throttled` are functions whose next request is refused."""

    account: str
    region: str
    used: defaultdict[str, set[Right]] = dataclasses.field(default_factory=lambda: defaultdict(set))
    read: defaultdict[str, set[str]] = dataclasses.field(default_factory=lambda: defaultdict(set))
    throttled: set[str] = dataclasses.field(default_factory=set)

    def client(self, service: str, function: str) -> Any:
        """A client of moto's service for a function."""
        client = boto3.client(service, region_name=self.region)

        def note(params: Mapping[str, Any], model: Any, **_: Any) -> None:
            self._note(function, service, model.name, params, self.region)

        client.meta.events.register("provide-client-params", note)
        return client

    def double(self, double: Any, service: str, function: str, region: str | None = None) -> Any:
        """A double of a service for a function."""
        return _Noted(
            double,
            service,
            lambda operation, params: self._note(
                function, service, operation, params, region or self.region
            ),
        )

    def settings(self, settings: Settings, function: str) -> Any:
        """The settings for a function."""
        return _Read(settings, self.read[function])

    def _note(
        self, function: str, service: str, operation: str, params: Mapping[str, Any], region: str
    ) -> None:
        if function in self.throttled:
            self.throttled.remove(function)
            raise service_error(operation, "ThrottlingException", "Rate exceeded")
        place = f"{region}:{self.account}"
        self.used[function] |= set(_NEEDED[service](operation, params, place))


class _Noted:
    def __init__(
        self, double: Any, service: str, note: Callable[[str, Mapping[str, Any]], None]
    ) -> None:
        self._double = double
        self._operations = {
            xform_name(name): name for name in service_model(service).operation_names
        }
        self._note = note

    def __getattr__(self, name: str) -> Any:
        operation, method = self._operations[name], getattr(self._double, name)

        def call(**params: Any) -> Any:
            self._note(operation, params)
            return method(**params)

        return call


class _Read:
    def __init__(self, settings: Settings, read: set[str]) -> None:
        self._settings = settings
        self._read = read

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._settings, name)
        self._read.add(name)
        return value


def granted(description: Mapping[str, Any], values: Mapping[str, str]) -> Iterator[Right]:
    """Every action that a function's description grants, with every resource."""
    for statement in description["permissions"]:
        for action in statement["actions"]:
            for resource in statement["resources"]:
                yield action, re.sub(r"\$\{(\w+)\}", lambda found: values[found[1]], resource)


def covers(right: Right, needed: Right) -> bool:
    """Whether a right that was granted is one that is needed."""
    return right[0] == needed[0] and fnmatch.fnmatchcase(needed[1], right[1])


def used_by_lambda(description: Mapping[str, Any], place: str, key: str) -> set[Right]:
    """What no run shows: what Lambda does in a function's name, and services with the key.

    Queues, tables, the topic and the secrets can be encrypted with the key as well; the services
    then use it with the rights of whoever asks them.
    """
    log = f"arn:aws:logs:{place}:log-group:/aws/lambda/{description['name']}:log-stream"
    return {
        *(("logs:" + action, log) for action in ("CreateLogStream", "PutLogEvents")),
        *(("kms:" + action, key) for action in ("Decrypt", "GenerateDataKey")),
        *(
            ("sqs:" + action, f"arn:aws:sqs:{place}:{queue['name']}")
            for queue in description["queues"]
            for action in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes")
        ),
    }


def _s3(operation: str, params: Mapping[str, Any], place: str) -> Iterator[Right]:
    bucket = f"arn:aws:s3:::{params['Bucket']}"
    target = f"{bucket}/{params.get('Key')}"
    if operation in ("HeadObject", "GetObject"):
        yield from _s3_read(params)
    elif operation in ("PutObject", "CopyObject"):
        yield "s3:PutObject", target
        if "Tagging" in params:
            yield "s3:PutObjectTagging", target
        if "IfMatch" in params:
            yield "s3:GetObject", target
        if operation == "CopyObject":
            yield from _s3_read(params["CopySource"])
    elif operation == "ListObjectsV2":
        yield "s3:ListBucket", bucket
    elif operation == "ListObjectVersions":
        yield "s3:ListBucketVersions", bucket
    elif operation == "DeleteObjects":
        for each in params["Delete"]["Objects"]:
            yield "s3:DeleteObject", f"{bucket}/{each['Key']}"
            if "VersionId" in each:
                yield "s3:DeleteObjectVersion", f"{bucket}/{each['Key']}"
    else:
        raise KeyError(operation)


def _s3_read(source: Mapping[str, Any]) -> Iterator[Right]:
    bucket = f"arn:aws:s3:::{source['Bucket']}"
    action = "s3:GetObjectVersion" if "VersionId" in source else "s3:GetObject"
    yield action, f"{bucket}/{source['Key']}"
    # Without it an object that is gone answers 403 instead of 404.
    yield "s3:ListBucket", bucket


def _dynamodb(operation: str, params: Mapping[str, Any], place: str) -> Iterator[Right]:
    if operation == "TransactWriteItems":
        # A transaction takes the rights of what is in it.
        for each in params["TransactItems"]:
            [(action, item)] = each.items()
            yield from _dynamodb(f"{action}Item", item, place)
        return
    index = f"/index/{params['IndexName']}" if "IndexName" in params else ""
    yield f"dynamodb:{operation}", f"arn:aws:dynamodb:{place}:table/{params['TableName']}{index}"


def _sqs(operation: str, params: Mapping[str, Any], place: str) -> Iterator[Right]:
    yield f"sqs:{operation}", f"arn:aws:sqs:{place}:{params['QueueUrl'].rpartition('/')[2]}"


def _sns(operation: str, params: Mapping[str, Any], place: str) -> Iterator[Right]:
    yield f"sns:{operation}", params["TopicArn"]


def _secretsmanager(operation: str, params: Mapping[str, Any], place: str) -> Iterator[Right]:
    # Six characters of the service's own end the ARN.
    yield (
        f"secretsmanager:{operation}",
        f"arn:aws:secretsmanager:{place}:secret:{params['SecretId']}-AbCdEf",
    )


def _transcribe(operation: str, params: Mapping[str, Any], place: str) -> Iterator[Right]:
    job = f"arn:aws:transcribe:{place}:transcription-job/{params['TranscriptionJobName']}"
    if operation != "StartTranscriptionJob":
        yield f"transcribe:{operation}", job
        return
    yield "transcribe:StartTranscriptionJob", "*"
    if "Tags" in params:
        yield "transcribe:TagResource", job
    if "JobExecutionSettings" in params:
        yield "iam:PassRole", params["JobExecutionSettings"]["DataAccessRoleArn"]
    # A job without a role of its own reads and writes with the rights of whoever starts it.
    yield "s3:GetObject", params["Media"]["MediaFileUri"].replace("s3://", "arn:aws:s3:::")
    yield "s3:PutObject", f"arn:aws:s3:::{params['OutputBucketName']}/{params['OutputKey']}"


def _comprehend(operation: str, params: Mapping[str, Any], place: str) -> Iterator[Right]:
    yield f"comprehend:{operation}", "*"


def _bedrock(operation: str, params: Mapping[str, Any], place: str) -> Iterator[Right]:
    if operation != "Converse":
        raise KeyError(operation)
    region, _, account = place.partition(":")
    profile = params["modelId"]
    model = profile.partition(".")[2]
    # To call by an inference profile takes the right to it, and to the model that it calls.
    yield "bedrock:InvokeModel", f"arn:aws:bedrock:{region}:{account}:inference-profile/{profile}"
    yield "bedrock:InvokeModel", f"arn:aws:bedrock:{region}::foundation-model/{model}"


_NEEDED: Mapping[str, Callable[[str, Mapping[str, Any], str], Iterator[Right]]] = {
    "s3": _s3,
    "dynamodb": _dynamodb,
    "sqs": _sqs,
    "sns": _sns,
    "secretsmanager": _secretsmanager,
    "transcribe": _transcribe,
    "comprehend": _comprehend,
    "bedrock-runtime": _bedrock,
}
