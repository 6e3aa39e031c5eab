"""The data dictionary: what every curated column and every derived measure means, as Markdown."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cci_lite.contract.columns import PARTITION_COLUMNS, TABLES, Column, Table

_INTRODUCTION = """\
# Data dictionary

Rendered from the list of columns in `cci_lite/contract/columns.py` by
`python -m cci_lite.contract.schema docs`; change it there.

Types are spelled as in Athena's SQL. Timestamps are UTC, in milliseconds. A key names the columns
that identify a row. Every table has the partition columns `tenant_id` and `call_date`; they are
columns like all others in a query, and stand in a file's path instead of in the file.
"""

_CAUTION = """\
## Measures

Numbers that are computed from the columns above: by the scoring of a call, and by the views. Rates
are shares from 0 to 1, percentages are from 0 to 100. A rate or percentage is NULL, never 0, when
there is nothing to divide by. Never average them over days, agents or criteria: add up the
numerators and the denominators, then divide.
"""


@dataclass(frozen=True)
class Measure:
    """A derived number: what it is called, how it comes about, and what it does not say."""

    name: str
    definition: str
    remark: str


MEASURES: tuple[Measure, ...] = (
    Measure(
        "verdict",
        "Of one criterion on one call: `pass`, `fail`, `na` (the criterion does not apply to the "
        "call) or `unscored` (nobody has decided it).",
        "`passed` says the same as true, false, NULL, NULL.",
    ),
    Measure(
        "qa_total_score, qa_max_score",
        "Of one call: the weights of the criteria with the verdict `pass`; the weights of those "
        "with `pass` or `fail`.",
        "`na` and `unscored` are in neither: they leave the denominator.",
    ),
    Measure(
        "qa_percentage",
        "Of one call: 100 x `qa_total_score` / `qa_max_score`, rounded half up to two decimals.",
        "NULL when no criterion passed or failed. What the document itself claimed is kept beside "
        "it as `qa_reported_percentage`.",
    ),
    Measure(
        "outcome",
        "Of one call, the first that holds: `review` when a required criterion is `unscored`; "
        "`none` when no criterion passed or failed; `pass` when `qa_percentage` / 100 reaches the "
        "form's `pass_threshold` and, with the policy `fail_call`, no required criterion failed; "
        "`fail` otherwise.",
        "With the policy `flag_only` a failed required criterion is listed in "
        "`qa_failed_required` and does not decide.",
    ),
    Measure(
        "weighted QA percentage",
        "Of many calls (`weighted_percentage`): 100 x sum of `qa_total_score` / sum of "
        "`qa_max_score`.",
        "A call with many points counts more than one with few; `mean_percentage` in `qa_overview` "
        "gives each call the same weight.",
    ),
    Measure(
        "criteria pass rate",
        "Of many calls (`criteria_pass_rate`): passed / evaluated criteria.",
        "Ignores weights, so it differs from the weighted QA percentage where weights differ.",
    ),
    Measure(
        "fail rate",
        "Of one criterion of one version of a form, over many calls (`fail_rate`): failed / "
        "evaluated. `pass_rate` is passed / evaluated; the two add up to 1.",
        "Comes with a Wilson 95 % interval (`fail_rate_low`, `fail_rate_high`): few calls give a "
        "wide one. Versions of a form are never mixed.",
    ),
    Measure(
        "call pass rate, call fail rate",
        "Of many calls: calls with the outcome `pass` (or `fail`) / calls with either.",
        "Calls with the outcome `review` or `none` are not in the denominator; they are counted "
        "beside it.",
    ),
)

_DENOMINATORS = """\
### Three denominators

A criterion was asked on `calls` calls. Of these answers

| Count | Verdicts | In SQL over `qa_criteria` |
| --- | --- | --- |
| evaluated | `pass`, `fail` | `sum(is_evaluated)` |
| not applicable | `na` | `count_if(verdict = 'na')` |
| unscored | `unscored` | `count_if(verdict = 'unscored')` |

and the three add up to `calls`. Rates are computed over the evaluated ones alone. Many "not
applicable": the question rarely arises. Many "unscored": the rate covers only a part of the calls.
"""


def render_data_dictionary() -> str:
    """The data dictionary as Markdown."""
    parts = [_INTRODUCTION, _contents(), *map(_table, TABLES.values()), *_measures()]
    return "\n".join(parts)


def _contents() -> str:
    lines = (f"- [`{table.name}`](#{table.name}): {table.grain}" for table in TABLES.values())
    return "\n".join([*lines, "- [Measures](#measures): how derived numbers come about", ""])


def _table(table: Table) -> str:
    key = ", ".join(f"`{name}`" for name in (PARTITION_COLUMNS[0].name, *table.key))
    head = [
        f"## {table.name}",
        "",
        f"Grain: {table.grain}. Key: {key}.",
        "",
        "| Column | Type | NULL | Meaning |",
        "| --- | --- | --- | --- |",
    ]
    rows = (_column_row(column) for column in (*PARTITION_COLUMNS, *table.columns))
    return "\n".join([*head, *rows, ""])


def _column_row(column: Column) -> str:
    null = "yes" if column.nullable else "no"
    meaning = column.meaning.replace("|", r"\|")
    return f"| `{column.name}` | {column.type} | {null} | {meaning} |"


def _measures() -> Iterator[str]:
    yield _CAUTION
    yield "\n".join(
        [
            "| Measure | Definition | Note |",
            "| --- | --- | --- |",
            *(f"| {m.name} | {m.definition} | {m.remark} |" for m in MEASURES),
            "",
        ]
    )
    yield _DENOMINATORS
