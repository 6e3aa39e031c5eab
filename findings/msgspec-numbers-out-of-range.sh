#!/usr/bin/env bash
# JSON sets no bounds to numbers. msgspec decodes 10**400 as a whole number, refuses the same value
# as a float, and refuses 1e999 even where any value is taken: with ValidationError ("Number out of
# range"), which is the error for values of a wrong type, not DecodeError. A value that is skipped,
# or kept as Raw, is not looked at. Who describes a ValidationError by decoding once more without a
# type meets it again.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check msgspec==0.22.0
venv/bin/python - <<'PYTHON'
import json
import sys

import msgspec


class Skips(msgspec.Struct):
    kept: msgspec.Raw = msgspec.Raw(b"null")


def outcome(data, type_):
    try:
        value = msgspec.json.decode(data, type=type_)
    except msgspec.MsgspecError as problem:
        return f"{type(problem).__name__}: {problem}"
    if isinstance(value, Skips):
        return bytes(value.kept).decode()
    return "10**400" if value == 10**400 else repr(value)


print("msgspec", msgspec.__version__)
huge = b"1" + b"0" * 400
seen = {
    "json.loads 1e999": repr(json.loads("1e999")),
    "any 1e999": outcome(b"1e999", object),
    "float 1e999": outcome(b"1e999", float),
    "any 10**400": outcome(huge, object),
    "float 10**400": outcome(huge, float),
    "skipped 1e999": outcome(b'{"other": 1e999}', Skips),
    "raw 1e999": outcome(b'{"kept": 1e999}', Skips),
}
for what, found in seen.items():
    print(f"{what}: {found}")
refused = "ValidationError: Number out of range"
expected = {
    "json.loads 1e999": "inf",
    "any 1e999": refused,
    "float 1e999": refused,
    "any 10**400": "10**400",
    "float 10**400": refused,
    "skipped 1e999": "null",
    "raw 1e999": "1e999",
}
sys.exit(seen != expected)
PYTHON
