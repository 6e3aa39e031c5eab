#!/usr/bin/env bash
# A response of Bedrock's Converse that is valid JSON and holds a whole number of more than 4,300
# digits. A good guess: the client reads it, or raises one of its own errors. What it does: it
# returns an empty response without any error, as if the service had said nothing. (Python refuses
# to make such a number of text, botocore takes that for a body that is no JSON.) A number of 4,000
# digits is read.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check boto3==1.44.5 botocore==1.44.5
cat > "$folder/ask.py" <<'PYTHON'
import sys

import boto3
import botocore
from botocore.awsrequest import AWSResponse


class Body:
    def __init__(self, data):
        self.data = data

    def stream(self, *_, **__):
        yield self.data


def asked(digits):
    number = "7" * digits
    call = '{"toolUse": {"toolUseId": "t", "name": "x", "input": {"n": %s}}}' % number
    message = '{"role": "assistant", "content": [%s]}' % call
    body = ('{"output": {"message": %s}, "stopReason": "tool_use"}' % message).encode()
    client = boto3.client(
        "bedrock-runtime",
        region_name="eu-central-1",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )
    client.meta.events.register(
        "before-send.bedrock-runtime.Converse",
        lambda request, **_: AWSResponse(
            request.url, 200, {"content-type": "application/json"}, Body(body)
        ),
    )
    question = [{"role": "user", "content": [{"text": "?"}]}]
    reply = client.converse(modelId="m", messages=question)
    return {name: value for name, value in reply.items() if name != "ResponseMetadata"}


print("python", sys.version.split()[0], "botocore", botocore.__version__)
short, long = asked(4_000), asked(5_000)
print("4,000 digits: members", sorted(short))
print("5,000 digits: members", sorted(long), "and no error")
sys.exit(not (sorted(short) == ["output", "stopReason"] and long == {}))
PYTHON
"$folder/venv/bin/python" "$folder/ask.py"
