-- failure_rate_v1: one row per criterion of one version of a form.
-- Key: tenant_id, template_id, template_version, criterion_id.
-- Reads: explode_criteria. fail_rate = failed / evaluated, 0 to 1, NULL when nothing was evaluated;
-- fail_rate_low and fail_rate_high are its Wilson 95 % interval. not_applicable and unscored count
-- neither as passed nor as failed. question is the wording on the latest call; wordings above 1 says
-- that the wording changed without a new version.
WITH criteria AS (
  SELECT
    tenant_id,
    template_id,
    template_version,
    criterion_id,
    call_id,
    call_date,
    position,
    question,
    verdict,
    is_passed,
    is_failed,
    is_evaluated,
    required
  FROM explode_criteria
),
counted AS (
  SELECT
    tenant_id,
    template_id,
    template_version,
    criterion_id,
    max_by(position, CAST(call_date AS varchar) || call_id) AS position,
    max_by(question, CAST(call_date AS varchar) || call_id)
      FILTER (WHERE question IS NOT NULL) AS question,
    count(DISTINCT question) AS wordings,
    bool_or(required) AS required,
    count(DISTINCT call_id) AS calls,
    sum(is_passed) AS passed,
    sum(is_failed) AS failed,
    sum(is_evaluated) AS evaluated,
    count_if(verdict = 'na') AS not_applicable,
    count_if(verdict = 'unscored') AS unscored,
    min(call_date) AS first_call_date,
    max(call_date) AS last_call_date
  FROM criteria
  GROUP BY tenant_id, template_id, template_version, criterion_id
),
rated AS (
  SELECT
    tenant_id,
    template_id,
    template_version,
    criterion_id,
    position,
    question,
    wordings,
    required,
    calls,
    passed,
    failed,
    evaluated,
    not_applicable,
    unscored,
    first_call_date,
    last_call_date,
    CASE WHEN evaluated > 0 THEN CAST(passed AS double) / CAST(evaluated AS double) END AS pass_rate,
    CASE WHEN evaluated > 0 THEN CAST(failed AS double) / CAST(evaluated AS double) END AS fail_rate,
    CASE WHEN evaluated > 0 THEN CAST(evaluated AS double) END AS n,
    1.959963984540054e0 AS z
  FROM counted
)
SELECT
  tenant_id,
  template_id,
  template_version,
  criterion_id,
  position,
  question,
  wordings,
  required,
  calls,
  passed,
  failed,
  evaluated,
  not_applicable,
  unscored,
  pass_rate,
  fail_rate,
  CASE
    WHEN fail_rate = 0e0 THEN 0e0
    ELSE (fail_rate + z * z / (2e0 * n) - z * sqrt(fail_rate * (1e0 - fail_rate) / n + z * z / (4e0 * n * n)))
      / (1e0 + z * z / n)
  END AS fail_rate_low,
  CASE
    WHEN fail_rate = 1e0 THEN 1e0
    ELSE (fail_rate + z * z / (2e0 * n) + z * sqrt(fail_rate * (1e0 - fail_rate) / n + z * z / (4e0 * n * n)))
      / (1e0 + z * z / n)
  END AS fail_rate_high,
  first_call_date,
  last_call_date
FROM rated
