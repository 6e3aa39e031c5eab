-- agent_criterion_v1: one row per agent and criterion of one version of a form.
-- Key: tenant_id, agent_id, template_id, template_version, criterion_id.
-- Reads: explode_criteria. Rates and interval as in failure_rate. Calls without a named agent are
-- together under agent_id 'unknown'. agent_name and agent_team are those of the agent's latest call
-- that names them.
WITH criteria AS (
  SELECT
    tenant_id,
    agent_id,
    agent_name,
    agent_team,
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
    is_evaluated
  FROM explode_criteria
),
counted AS (
  SELECT
    tenant_id,
    agent_id,
    template_id,
    template_version,
    criterion_id,
    max_by(agent_name, CAST(call_date AS varchar) || call_id)
      FILTER (WHERE agent_name IS NOT NULL) AS agent_name,
    max_by(agent_team, CAST(call_date AS varchar) || call_id)
      FILTER (WHERE agent_team IS NOT NULL) AS agent_team,
    max_by(position, CAST(call_date AS varchar) || call_id) AS position,
    max_by(question, CAST(call_date AS varchar) || call_id)
      FILTER (WHERE question IS NOT NULL) AS question,
    count(DISTINCT call_id) AS calls,
    sum(is_passed) AS passed,
    sum(is_failed) AS failed,
    sum(is_evaluated) AS evaluated,
    count_if(verdict = 'na') AS not_applicable,
    count_if(verdict = 'unscored') AS unscored
  FROM criteria
  GROUP BY tenant_id, agent_id, template_id, template_version, criterion_id
),
rated AS (
  SELECT
    tenant_id,
    agent_id,
    agent_name,
    agent_team,
    template_id,
    template_version,
    criterion_id,
    position,
    question,
    calls,
    passed,
    failed,
    evaluated,
    not_applicable,
    unscored,
    CASE WHEN evaluated > 0 THEN CAST(passed AS double) / CAST(evaluated AS double) END AS pass_rate,
    CASE WHEN evaluated > 0 THEN CAST(failed AS double) / CAST(evaluated AS double) END AS fail_rate,
    CASE WHEN evaluated > 0 THEN CAST(evaluated AS double) END AS n,
    1.959963984540054e0 AS z
  FROM counted
)
SELECT
  tenant_id,
  agent_id,
  agent_name,
  agent_team,
  template_id,
  template_version,
  criterion_id,
  position,
  question,
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
  END AS fail_rate_high
FROM rated
