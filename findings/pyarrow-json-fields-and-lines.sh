#!/usr/bin/env bash
# Readers of JSON mostly keep one of two equal fields (json the last). pyarrow.json refuses
# the whole block, with "specified twice", also in a nested object; unless the field is not in the schema and unknown
# fields are ignored: then it is skipped both times. A line is not a row: two objects on one line are two rows,
# and an object may begin on one line and end on the next. A null and a field that is left out give the same.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check pyarrow==25.0.1
venv/bin/python - <<'PYTHON'
import io
import json
import sys

import pyarrow as pa
from pyarrow import json as arrow_json

SCHEMA = pa.schema([("a", pa.int64()), ("s", pa.struct([("b", pa.int64())]))])
CASES = {
    "once": '{"a":1}',
    "twice": '{"a":1,"a":2}',
    "twice, the same": '{"a":1,"a":1}',
    "twice in an object": '{"s":{"b":1,"b":2}}',
    "unknown twice": '{"a":1,"z":1,"z":2}',
    "two on a line": '{"a":1}{"a":2}',
    "over two lines": '{"a":1,\n"s":{"b":2}}',
    "null": '{"a":null}',
    "left out": "{}",
}


def outcome(text):
    options = arrow_json.ParseOptions(explicit_schema=SCHEMA, unexpected_field_behavior="ignore")
    try:
        table = arrow_json.read_json(io.BytesIO(text.encode()), parse_options=options)
    except pa.ArrowInvalid as problem:
        return "twice" if "specified twice" in str(problem) else "refused"
    return [[row["a"], row["s"] and row["s"]["b"]] for row in table.to_pylist()]


print("pyarrow", pa.__version__, "- json keeps", json.loads(CASES["twice"]))
seen = {what: outcome(text) for what, text in CASES.items()}
for what, found in seen.items():
    print(f"{what}: {found}")
expected = {
    "once": [[1, None]],
    "twice": "twice",
    "twice, the same": "twice",
    "twice in an object": "twice",
    "unknown twice": [[1, None]],
    "two on a line": [[1, None], [2, None]],
    "over two lines": [[1, 2]],
    "null": [[None, None]],
    "left out": [[None, None]],
}
sys.exit(seen != expected)
PYTHON
