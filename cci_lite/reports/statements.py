"""The SQL behind every number of the reports (Athena's dialect), and the reading of its rows.

Each statement is run as it is here and shown as it was run. Each returns `tenant_id`, so that rows
of another tenant than the one in the title are noticed before they are shown.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import msgspec
import pyarrow as pa

from cci_lite.errors import UsageError

Query = Callable[[str], pa.Table]
"""Runs one SELECT, written for Athena, over the data of one tenant."""

Row = TypeVar("Row")


@dataclass(frozen=True)
class Statement:
    """One SELECT. `name` is its anchor on a page, `section` that of its numbers."""

    name: str
    section: str
    title: str
    sql: str


# Points are summed as decimals: a sum of doubles depends on the order of the rows, and engines
# add in different orders. `0e0` is a double; Athena would read `0.0` as a decimal.
_COUNTS = """\
    count(DISTINCT call_id) AS calls,
    count_if(qa_outcome IN ('pass', 'fail')) AS evaluated_calls,
    count_if(qa_outcome = 'pass') AS passed_calls,
    count_if(qa_outcome = 'fail') AS failed_calls,
    count_if(qa_outcome = 'review') AS review_calls,
    count_if(qa_outcome = 'none') AS unevaluated_calls,
    count_if(qa_max_score > 0e0) AS scored_calls,
    CAST(
      sum(CASE WHEN qa_max_score > 0e0 THEN CAST(qa_total_score AS decimal(18, 6)) END) AS double
    ) AS total_score,
    CAST(
      sum(CASE WHEN qa_max_score > 0e0 THEN CAST(qa_max_score AS decimal(18, 6)) END) AS double
    ) AS max_score,
    sum(qa_criteria_passed) AS passed,
    sum(qa_criteria_failed) AS failed,
    sum(qa_criteria_na) AS not_applicable,
    sum(qa_criteria_unscored) AS unscored,"""

_RATES = """\
  calls,
  evaluated_calls,
  passed_calls,
  failed_calls,
  review_calls,
  unevaluated_calls,
  CASE
    WHEN evaluated_calls > 0 THEN CAST(passed_calls AS double) / CAST(evaluated_calls AS double)
  END AS call_pass_rate,
  CASE
    WHEN evaluated_calls > 0 THEN CAST(failed_calls AS double) / CAST(evaluated_calls AS double)
  END AS call_fail_rate,
  scored_calls,
  total_score,
  max_score,
  CASE WHEN max_score > 0e0 THEN 100e0 * total_score / max_score END AS weighted_percentage,
  passed,
  failed,
  passed + failed AS evaluated,
  not_applicable,
  unscored,
  CASE
    WHEN passed + failed > 0 THEN CAST(passed AS double) / CAST(passed + failed AS double)
  END AS criteria_pass_rate,"""

FRESHNESS = Statement(
    "balance",
    "top",
    "What is in the lake: documents, calls, period and age",
    """\
SELECT
  tenant_id,
  data_as_of,
  first_call_date,
  last_call_date,
  calls,
  sources,
  published_calls,
  superseded,
  quarantined,
  discarded,
  erased,
  is_balanced
FROM data_freshness""",
)

TOTALS = Statement(
    "totals",
    "overview",
    "Overall quality and outcomes of all calls",
    f"""\
WITH counted AS (
  SELECT
    tenant_id,
{_COUNTS}
    count(qa_reported_percentage) AS reported_calls,
    count_if(qa_reported_differs) AS differing_calls
  FROM calls
  GROUP BY tenant_id
)
SELECT
  tenant_id,
{_RATES}
  reported_calls,
  differing_calls
FROM counted""",
)

FORMS = Statement(
    "forms",
    "overview",
    "Quality and outcomes by version of the form",
    f"""\
WITH counted AS (
  SELECT
    tenant_id,
    COALESCE(template_id, 'unknown') AS template_id,
    COALESCE(template_version, 0) AS template_version,
{_COUNTS}
    min(call_date) AS first_call_date,
    max(call_date) AS last_call_date
  FROM calls
  GROUP BY tenant_id, COALESCE(template_id, 'unknown'), COALESCE(template_version, 0)
)
SELECT
  tenant_id,
  template_id,
  template_version,
{_RATES}
  first_call_date,
  last_call_date
FROM counted
ORDER BY template_id, template_version DESC""",
)

CLAIMS = Statement(
    "claims",
    "overview",
    "Documents that claimed another score than their form gives",
    """\
SELECT
  tenant_id,
  call_id,
  call_date,
  template_id,
  template_version,
  qa_reported_total_score,
  qa_reported_max_score,
  qa_reported_percentage,
  qa_total_score,
  qa_max_score,
  qa_percentage
FROM calls
WHERE qa_reported_differs
ORDER BY abs(qa_reported_percentage - qa_percentage) DESC NULLS LAST, call_id
LIMIT 5""",
)

CRITERIA = Statement(
    "criteria",
    "criteria",
    "Failure rate of each criterion",
    """\
SELECT
  tenant_id,
  template_id,
  template_version,
  criterion_id,
  question,
  wordings,
  required,
  calls,
  passed,
  failed,
  evaluated,
  not_applicable,
  unscored,
  fail_rate,
  fail_rate_low,
  fail_rate_high
FROM failure_rate
ORDER BY template_id, template_version DESC, fail_rate DESC NULLS LAST, position, criterion_id""",
)

AGENTS = Statement(
    "agents",
    "agents",
    "Failure rate of each criterion by agent",
    """\
SELECT
  tenant_id,
  template_id,
  template_version,
  agent_id,
  agent_name,
  agent_team,
  criterion_id,
  question,
  position,
  calls,
  failed,
  evaluated,
  fail_rate
FROM agent_criterion
ORDER BY template_id, template_version DESC, agent_id, position, criterion_id""",
)

TREND = Statement(
    "trend",
    "trend",
    "Quality by week",
    """\
SELECT
  tenant_id,
  period_start,
  template_id,
  template_version,
  calls,
  evaluated_calls,
  failed_calls,
  scored_calls,
  weighted_percentage,
  criteria_pass_rate
FROM qa_overview
WHERE period = 'week'
ORDER BY template_id, period_start, template_version""",
)

WEEKS = Statement(
    "weeks",
    "leaderboard",
    "The weeks that have calls",
    """\
SELECT
  tenant_id,
  week_start,
  sum(calls) AS calls,
  sum(evaluated_calls) AS evaluated_calls
FROM failure_leaderboard
GROUP BY tenant_id, week_start
ORDER BY week_start""",
)

REVIEW = Statement(
    "review",
    "review",
    "Calls that a person has to look at",
    """\
SELECT
  tenant_id,
  count(DISTINCT call_id) AS calls,
  min(call_date) AS first_call_date,
  max(call_date) AS last_call_date
FROM review_queue
GROUP BY tenant_id""",
)

REVIEW_REASONS = Statement(
    "review-reasons",
    "review",
    "Why calls have to be looked at",
    """\
SELECT
  tenant_id,
  review_reasons,
  count(DISTINCT call_id) AS calls,
  min(call_date) AS first_call_date
FROM review_queue
GROUP BY tenant_id, review_reasons
ORDER BY calls DESC, review_reasons""",
)

QUARANTINE = Statement(
    "quarantine",
    "quarantine",
    "Documents that break the contract",
    """\
SELECT
  tenant_id,
  call_date,
  source_key,
  json_path,
  expected
FROM quarantined_documents
ORDER BY call_date DESC, source_key
LIMIT 50""",
)


WAITING = Statement(
    "waiting",
    "leaderboard",
    "The required criteria without a verdict, which send calls to review",
    """\
SELECT
  tenant_id,
  template_id,
  template_version,
  criterion_id,
  count(DISTINCT call_id) AS calls
FROM explode_criteria
WHERE required AND verdict = 'unscored'
GROUP BY tenant_id, template_id, template_version, criterion_id
ORDER BY template_id, template_version, criterion_id""",
)


def leaderboard_of(week_start: dt.date) -> Statement:
    """The failure leaderboard of one week."""
    return Statement(
        "leaderboard",
        "leaderboard",
        "The failure leaderboard of the week",
        f"""\
SELECT
  tenant_id,
  week_start,
  template_id,
  template_version,
  rank,
  has_enough_calls,
  minimum_calls,
  agent_id,
  agent_name,
  agent_team,
  calls,
  evaluated_calls,
  failed_calls,
  call_fail_rate,
  call_fail_rate_low,
  call_fail_rate_high,
  weighted_percentage,
  failed,
  evaluated,
  criteria_fail_rate
FROM failure_leaderboard
WHERE week_start = DATE '{week_start.isoformat()}'
ORDER BY template_id, template_version DESC, rank NULLS LAST, agent_id""",
    )


def read_rows(query: Query, statement: Statement, tenant_id: str, row_type: type[Row]) -> list[Row]:
    """The statement's rows as values; raises UsageError when one is another tenant's."""
    table = query(statement.sql)
    # The views are limited to one tenant already; this catches a query opened for another one.
    for found in table.column("tenant_id").unique().to_pylist():
        if found != tenant_id:
            raise UsageError(
                f"expected rows of tenant '{tenant_id}', found rows of tenant '{found}': "
                "open the query in the scope of the tenant whose report it is"
            )
    return msgspec.convert(table.to_pylist(), list[row_type])  # type: ignore[valid-type]
