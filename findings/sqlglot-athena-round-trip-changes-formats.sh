#!/usr/bin/env bash
# sqlglot 30.30.0, dialect athena, read and written again in the same dialect, without an error or a warning.
#
# A good guess: what is read as Athena and written as Athena means the same.
# Seen: date_format(d, '%A %B') becomes '%W %M'. In Athena %A and %B stand for the letters A and B, and %W and
# %M for "Sunday January", so the value changes. The reader puts Python's formats in the place of Athena's, in
# which %A and %B mean what %W and %M mean there, and the writer cannot tell them apart any more.
# The same for DuckDB: '%A' and '%W' both become '%A'.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/pip" install --quiet --disable-pip-version-check 'sqlglot==30.30.0'
"$work/venv/bin/python" - <<'PYTHON'
import sqlglot

print("sqlglot", sqlglot.__version__)
seen = {}
for text in ("%A %B", "%W %M"):
    tree = sqlglot.parse_one(
        f"SELECT date_format(d, '{text}')", read="athena", error_level=sqlglot.ErrorLevel.RAISE
    )
    seen[text] = tree.sql("athena"), tree.sql("duckdb")
    print(text, "->", *seen[text], sep="\n    ")
assert seen["%A %B"] == seen["%W %M"] == (
    "SELECT DATE_FORMAT(d, '%W %M')",
    "SELECT STRFTIME(d, '%A %B')",
), seen
PYTHON
