-- qa_overview_v1: one row per day and one per week (Monday), for each version of a form.
-- Key: tenant_id, period, period_start, template_id, template_version.
-- Reads: calls. Choose ONE period ('day' or 'week') before adding rows up. call_pass_rate is over
-- evaluated_calls (outcome pass or fail). weighted_percentage = 100 x points scored / attainable over
-- scored_calls; mean_percentage gives each of these calls the same weight. criteria_pass_rate ignores
-- weights: passed / evaluated criteria. All are NULL when there is nothing to divide by. Calls that
-- name no form are under template_id 'unknown', template_version 0.
WITH dated AS (
  SELECT
    tenant_id,
    period,
    period_start,
    COALESCE(template_id, 'unknown') AS template_id,
    COALESCE(template_version, 0) AS template_version,
    call_id,
    qa_outcome,
    CASE WHEN qa_max_score > 0e0 THEN CAST(qa_total_score AS decimal(18, 6)) END AS total_score,
    CASE WHEN qa_max_score > 0e0 THEN CAST(qa_max_score AS decimal(18, 6)) END AS max_score,
    CASE WHEN qa_max_score > 0e0 THEN CAST(qa_percentage AS decimal(18, 6)) END AS percentage,
    qa_criteria_passed,
    qa_criteria_failed,
    qa_criteria_na,
    qa_criteria_unscored
  FROM calls
  CROSS JOIN UNNEST(
    ARRAY['day', 'week'],
    ARRAY[call_date, CAST(date_trunc('week', call_date) AS date)]
  ) AS periods(period, period_start)
),
counted AS (
  SELECT
    tenant_id,
    period,
    period_start,
    template_id,
    template_version,
    count(DISTINCT call_id) AS calls,
    count_if(qa_outcome IN ('pass', 'fail')) AS evaluated_calls,
    count_if(qa_outcome = 'pass') AS passed_calls,
    count_if(qa_outcome = 'fail') AS failed_calls,
    count_if(qa_outcome = 'review') AS review_calls,
    count_if(qa_outcome = 'none') AS unevaluated_calls,
    count(max_score) AS scored_calls,
    CAST(sum(total_score) AS double) AS total_score,
    CAST(sum(max_score) AS double) AS max_score,
    CAST(sum(percentage) AS double) AS percentages,
    sum(qa_criteria_passed) AS passed,
    sum(qa_criteria_failed) AS failed,
    sum(qa_criteria_passed) + sum(qa_criteria_failed) AS evaluated,
    sum(qa_criteria_na) AS not_applicable,
    sum(qa_criteria_unscored) AS unscored
  FROM dated
  GROUP BY tenant_id, period, period_start, template_id, template_version
)
SELECT
  tenant_id,
  period,
  period_start,
  template_id,
  template_version,
  calls,
  evaluated_calls,
  passed_calls,
  failed_calls,
  review_calls,
  unevaluated_calls,
  CASE
    WHEN evaluated_calls > 0 THEN CAST(passed_calls AS double) / CAST(evaluated_calls AS double)
  END AS call_pass_rate,
  scored_calls,
  CASE WHEN max_score > 0e0 THEN 100e0 * total_score / max_score END AS weighted_percentage,
  CASE WHEN scored_calls > 0 THEN percentages / CAST(scored_calls AS double) END AS mean_percentage,
  passed,
  failed,
  evaluated,
  not_applicable,
  unscored,
  CASE WHEN evaluated > 0 THEN CAST(passed AS double) / CAST(evaluated AS double) END AS criteria_pass_rate
FROM counted
