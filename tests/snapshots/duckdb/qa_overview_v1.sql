WITH dated AS (
  SELECT
    "calls"."tenant_id" AS "tenant_id",
    "periods"."period" AS "period",
    "periods"."period_start" AS "period_start",
    COALESCE("calls"."template_id", 'unknown') AS "template_id",
    COALESCE("calls"."template_version", 0) AS "template_version",
    "calls"."call_id" AS "call_id",
    "calls"."qa_outcome" AS "qa_outcome",
    CASE
      WHEN "calls"."qa_max_score" > 0e0
      THEN CAST("calls"."qa_total_score" AS DECIMAL(18, 6))
    END AS "total_score",
    CASE
      WHEN "calls"."qa_max_score" > 0e0
      THEN CAST("calls"."qa_max_score" AS DECIMAL(18, 6))
    END AS "max_score",
    CASE
      WHEN "calls"."qa_max_score" > 0e0
      THEN CAST("calls"."qa_percentage" AS DECIMAL(18, 6))
    END AS "percentage",
    "calls"."qa_criteria_passed" AS "qa_criteria_passed",
    "calls"."qa_criteria_failed" AS "qa_criteria_failed",
    "calls"."qa_criteria_na" AS "qa_criteria_na",
    "calls"."qa_criteria_unscored" AS "qa_criteria_unscored"
  FROM calls
  CROSS JOIN LATERAL (
    SELECT
      UNNEST(['day', 'week']),
      UNNEST(
        [
          "calls"."call_date",
          CAST(CAST(DATE_TRUNC('week', "calls"."call_date") AS DATE) AS DATE)
        ]
      )
  ) AS periods(period, period_start)
), counted AS (
  SELECT
    "dated"."tenant_id" AS "tenant_id",
    "dated"."period" AS "period",
    "dated"."period_start" AS "period_start",
    "dated"."template_id" AS "template_id",
    "dated"."template_version" AS "template_version",
    COUNT(DISTINCT "dated"."call_id") AS "calls",
    COUNT(CASE WHEN "dated"."qa_outcome" IN ('pass', 'fail') THEN 1 END) AS "evaluated_calls",
    COUNT(CASE WHEN "dated"."qa_outcome" = 'pass' THEN 1 END) AS "passed_calls",
    COUNT(CASE WHEN "dated"."qa_outcome" = 'fail' THEN 1 END) AS "failed_calls",
    COUNT(CASE WHEN "dated"."qa_outcome" = 'review' THEN 1 END) AS "review_calls",
    COUNT(CASE WHEN "dated"."qa_outcome" = 'none' THEN 1 END) AS "unevaluated_calls",
    COUNT("dated"."max_score") AS "scored_calls",
    CAST(CAST(SUM("dated"."total_score") AS DECIMAL(38, 6)) AS DOUBLE) AS "total_score",
    CAST(CAST(SUM("dated"."max_score") AS DECIMAL(38, 6)) AS DOUBLE) AS "max_score",
    CAST(CAST(SUM("dated"."percentage") AS DECIMAL(38, 6)) AS DOUBLE) AS "percentages",
    CAST(SUM("dated"."qa_criteria_passed") AS BIGINT) AS "passed",
    CAST(SUM("dated"."qa_criteria_failed") AS BIGINT) AS "failed",
    CAST(SUM("dated"."qa_criteria_passed") AS BIGINT) + CAST(SUM("dated"."qa_criteria_failed") AS BIGINT) AS "evaluated",
    CAST(SUM("dated"."qa_criteria_na") AS BIGINT) AS "not_applicable",
    CAST(SUM("dated"."qa_criteria_unscored") AS BIGINT) AS "unscored"
  FROM dated
  GROUP BY
    "dated"."tenant_id",
    "dated"."period",
    "dated"."period_start",
    "dated"."template_id",
    "dated"."template_version"
)
SELECT
  "counted"."tenant_id" AS "tenant_id",
  "counted"."period" AS "period",
  "counted"."period_start" AS "period_start",
  "counted"."template_id" AS "template_id",
  "counted"."template_version" AS "template_version",
  "counted"."calls" AS "calls",
  "counted"."evaluated_calls" AS "evaluated_calls",
  "counted"."passed_calls" AS "passed_calls",
  "counted"."failed_calls" AS "failed_calls",
  "counted"."review_calls" AS "review_calls",
  "counted"."unevaluated_calls" AS "unevaluated_calls",
  CASE
    WHEN "counted"."evaluated_calls" > 0
    THEN CAST("counted"."passed_calls" AS DOUBLE) / CAST("counted"."evaluated_calls" AS DOUBLE)
  END AS "call_pass_rate",
  "counted"."scored_calls" AS "scored_calls",
  CASE
    WHEN "counted"."max_score" > 0e0
    THEN 100e0 * "counted"."total_score" / "counted"."max_score"
  END AS "weighted_percentage",
  CASE
    WHEN "counted"."scored_calls" > 0
    THEN "counted"."percentages" / CAST("counted"."scored_calls" AS DOUBLE)
  END AS "mean_percentage",
  "counted"."passed" AS "passed",
  "counted"."failed" AS "failed",
  "counted"."evaluated" AS "evaluated",
  "counted"."not_applicable" AS "not_applicable",
  "counted"."unscored" AS "unscored",
  CASE
    WHEN "counted"."evaluated" > 0
    THEN CAST("counted"."passed" AS DOUBLE) / CAST("counted"."evaluated" AS DOUBLE)
  END AS "criteria_pass_rate"
FROM counted
