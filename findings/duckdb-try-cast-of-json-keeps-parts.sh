#!/usr/bin/env bash
# TRY_CAST is CAST with NULL in place of an error: for a number or a date it is. For JSON and a nested
# type it is not. Where CAST refuses a document, because a key is missing, unknown or there twice or
# a value is of another type, TRY_CAST gives a value all the same: parts that do not fit are NULL, an
# unknown key is dropped, of a repeated key the first value stays. So `WHERE TRY_CAST(…) IS NULL`
# finds no broken document. TRY(CAST(…)) gives the NULL.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cd "$work"
python3 -m venv venv
venv/bin/pip install --quiet --disable-pip-version-check duckdb==2.0.0
venv/bin/python - <<'PYTHON'
import sys

import duckdb

WAYS = ("CAST(v::JSON AS {0})", "TRY_CAST(v::JSON AS {0})", "TRY(CAST(v::JSON AS {0}))")
CASES = {
    "fits": ('{"a":1}', "STRUCT(a INT)"),
    "no number": ('"x"', "INT"),
    "key missing": ('{"a":1}', "STRUCT(a INT, z INT)"),
    "key unknown": ('{"a":1,"y":2}', "STRUCT(a INT)"),
    "key twice": ('{"a":1,"a":2}', "STRUCT(a INT)"),
    "another type": ('{"a":"x"}', "STRUCT(a INT)"),
    "another type in a list": ('[1,"x"]', "INT[]"),
}


def outcome(way, document, type_):
    try:
        return duckdb.execute(f"SELECT {way.format(type_)} FROM (SELECT ? AS v)", [document]).fetchone()[0]
    except duckdb.ConversionException:
        return "refused"


print("duckdb", duckdb.__version__)
seen = {what: [outcome(way, *case) for way in WAYS] for what, case in CASES.items()}
for what, found in seen.items():
    print(f"{what}: CAST {found[0]}, TRY_CAST {found[1]}, TRY(CAST) {found[2]}")
expected = {
    "fits": [{"a": 1}, {"a": 1}, {"a": 1}],
    "no number": ["refused", None, None],
    "key missing": ["refused", {"a": 1, "z": None}, None],
    "key unknown": ["refused", {"a": 1}, None],
    "key twice": ["refused", {"a": 1}, None],
    "another type": ["refused", {"a": None}, None],
    "another type in a list": ["refused", [1, None], None],
}
sys.exit(seen != expected)
PYTHON
