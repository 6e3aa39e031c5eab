-- failure_leaderboard_v1: one row per week, version of a form and agent.
-- Key: tenant_id, week_start, template_id, template_version, agent_id.
-- Reads: calls. rank 1 is the highest call_fail_rate of that week and version; equal rates share a
-- rank. Only agents with minimum_calls evaluated calls or more are ranked, 'unknown' never: for all
-- others rank is NULL. call_fail_rate is over evaluated_calls (outcome pass or fail) and has a Wilson
-- 95 % interval; criteria_fail_rate is failed / evaluated criteria; weighted_percentage is 100 x points
-- scored / attainable. All are NULL when there is nothing to divide by. Weeks start on Monday.
WITH weekly AS (
  SELECT
    tenant_id,
    CAST(date_trunc('week', call_date) AS date) AS week_start,
    COALESCE(template_id, 'unknown') AS template_id,
    COALESCE(template_version, 0) AS template_version,
    agent_id,
    agent_name,
    agent_team,
    call_id,
    call_date,
    qa_outcome,
    CASE WHEN qa_max_score > 0e0 THEN CAST(qa_total_score AS decimal(18, 6)) END AS total_score,
    CASE WHEN qa_max_score > 0e0 THEN CAST(qa_max_score AS decimal(18, 6)) END AS max_score,
    qa_criteria_passed,
    qa_criteria_failed,
    qa_criteria_na,
    qa_criteria_unscored
  FROM calls
),
counted AS (
  SELECT
    tenant_id,
    week_start,
    template_id,
    template_version,
    agent_id,
    max_by(agent_name, CAST(call_date AS varchar) || call_id)
      FILTER (WHERE agent_name IS NOT NULL) AS agent_name,
    max_by(agent_team, CAST(call_date AS varchar) || call_id)
      FILTER (WHERE agent_team IS NOT NULL) AS agent_team,
    count(DISTINCT call_id) AS calls,
    count_if(qa_outcome IN ('pass', 'fail')) AS evaluated_calls,
    count_if(qa_outcome = 'pass') AS passed_calls,
    count_if(qa_outcome = 'fail') AS failed_calls,
    count_if(qa_outcome = 'review') AS review_calls,
    count_if(qa_outcome = 'none') AS unevaluated_calls,
    CAST(sum(total_score) AS double) AS total_score,
    CAST(sum(max_score) AS double) AS max_score,
    sum(qa_criteria_passed) AS passed,
    sum(qa_criteria_failed) AS failed,
    sum(qa_criteria_passed) + sum(qa_criteria_failed) AS evaluated,
    sum(qa_criteria_na) AS not_applicable,
    sum(qa_criteria_unscored) AS unscored,
    CAST(10 AS bigint) AS minimum_calls
  FROM weekly
  GROUP BY tenant_id, week_start, template_id, template_version, agent_id
),
rated AS (
  SELECT
    tenant_id,
    week_start,
    template_id,
    template_version,
    agent_id,
    agent_name,
    agent_team,
    calls,
    evaluated_calls,
    passed_calls,
    failed_calls,
    review_calls,
    unevaluated_calls,
    passed,
    failed,
    evaluated,
    not_applicable,
    unscored,
    minimum_calls,
    evaluated_calls >= minimum_calls AS has_enough_calls,
    evaluated_calls >= minimum_calls AND agent_id <> 'unknown' AS is_ranked,
    CASE
      WHEN evaluated_calls > 0 THEN CAST(failed_calls AS double) / CAST(evaluated_calls AS double)
    END AS call_fail_rate,
    CASE WHEN evaluated > 0 THEN CAST(failed AS double) / CAST(evaluated AS double) END AS criteria_fail_rate,
    CASE WHEN max_score > 0e0 THEN 100e0 * total_score / max_score END AS weighted_percentage,
    CASE WHEN evaluated_calls > 0 THEN CAST(evaluated_calls AS double) END AS n,
    1.959963984540054e0 AS z
  FROM counted
)
SELECT
  tenant_id,
  week_start,
  template_id,
  template_version,
  agent_id,
  agent_name,
  agent_team,
  CASE
    WHEN is_ranked THEN rank() OVER (
      PARTITION BY tenant_id, week_start, template_id, template_version, is_ranked
      ORDER BY call_fail_rate DESC
    )
  END AS rank,
  has_enough_calls,
  minimum_calls,
  calls,
  evaluated_calls,
  passed_calls,
  failed_calls,
  review_calls,
  unevaluated_calls,
  call_fail_rate,
  CASE
    WHEN call_fail_rate = 0e0 THEN 0e0
    ELSE (
      call_fail_rate + z * z / (2e0 * n)
      - z * sqrt(call_fail_rate * (1e0 - call_fail_rate) / n + z * z / (4e0 * n * n))
    ) / (1e0 + z * z / n)
  END AS call_fail_rate_low,
  CASE
    WHEN call_fail_rate = 1e0 THEN 1e0
    ELSE (
      call_fail_rate + z * z / (2e0 * n)
      + z * sqrt(call_fail_rate * (1e0 - call_fail_rate) / n + z * z / (4e0 * n * n))
    ) / (1e0 + z * z / n)
  END AS call_fail_rate_high,
  weighted_percentage,
  passed,
  failed,
  evaluated,
  not_applicable,
  unscored,
  criteria_fail_rate
FROM rated
