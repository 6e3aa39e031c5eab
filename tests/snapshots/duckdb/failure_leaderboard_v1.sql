WITH weekly AS (
  SELECT
    "calls"."tenant_id" AS "tenant_id",
    CAST(CAST(DATE_TRUNC('week', "calls"."call_date") AS DATE) AS DATE) AS "week_start",
    COALESCE("calls"."template_id", 'unknown') AS "template_id",
    COALESCE("calls"."template_version", 0) AS "template_version",
    "calls"."agent_id" AS "agent_id",
    "calls"."agent_name" AS "agent_name",
    "calls"."agent_team" AS "agent_team",
    "calls"."call_id" AS "call_id",
    "calls"."call_date" AS "call_date",
    "calls"."qa_outcome" AS "qa_outcome",
    CASE
      WHEN "calls"."qa_max_score" > 0e0
      THEN CAST("calls"."qa_total_score" AS DECIMAL(18, 6))
    END AS "total_score",
    CASE
      WHEN "calls"."qa_max_score" > 0e0
      THEN CAST("calls"."qa_max_score" AS DECIMAL(18, 6))
    END AS "max_score",
    "calls"."qa_criteria_passed" AS "qa_criteria_passed",
    "calls"."qa_criteria_failed" AS "qa_criteria_failed",
    "calls"."qa_criteria_na" AS "qa_criteria_na",
    "calls"."qa_criteria_unscored" AS "qa_criteria_unscored"
  FROM calls
), counted AS (
  SELECT
    "weekly"."tenant_id" AS "tenant_id",
    "weekly"."week_start" AS "week_start",
    "weekly"."template_id" AS "template_id",
    "weekly"."template_version" AS "template_version",
    "weekly"."agent_id" AS "agent_id",
    ARG_MAX_NULL("weekly"."agent_name", CAST("weekly"."call_date" AS TEXT) || "weekly"."call_id") FILTER(WHERE
      NOT "weekly"."agent_name" IS NULL) AS "agent_name",
    ARG_MAX_NULL("weekly"."agent_team", CAST("weekly"."call_date" AS TEXT) || "weekly"."call_id") FILTER(WHERE
      NOT "weekly"."agent_team" IS NULL) AS "agent_team",
    COUNT(DISTINCT "weekly"."call_id") AS "calls",
    COUNT(CASE WHEN "weekly"."qa_outcome" IN ('pass', 'fail') THEN 1 END) AS "evaluated_calls",
    COUNT(CASE WHEN "weekly"."qa_outcome" = 'pass' THEN 1 END) AS "passed_calls",
    COUNT(CASE WHEN "weekly"."qa_outcome" = 'fail' THEN 1 END) AS "failed_calls",
    COUNT(CASE WHEN "weekly"."qa_outcome" = 'review' THEN 1 END) AS "review_calls",
    COUNT(CASE WHEN "weekly"."qa_outcome" = 'none' THEN 1 END) AS "unevaluated_calls",
    CAST(CAST(SUM("weekly"."total_score") AS DECIMAL(38, 6)) AS DOUBLE) AS "total_score",
    CAST(CAST(SUM("weekly"."max_score") AS DECIMAL(38, 6)) AS DOUBLE) AS "max_score",
    CAST(SUM("weekly"."qa_criteria_passed") AS BIGINT) AS "passed",
    CAST(SUM("weekly"."qa_criteria_failed") AS BIGINT) AS "failed",
    CAST(SUM("weekly"."qa_criteria_passed") AS BIGINT) + CAST(SUM("weekly"."qa_criteria_failed") AS BIGINT) AS "evaluated",
    CAST(SUM("weekly"."qa_criteria_na") AS BIGINT) AS "not_applicable",
    CAST(SUM("weekly"."qa_criteria_unscored") AS BIGINT) AS "unscored",
    CAST(10 AS BIGINT) AS "minimum_calls"
  FROM weekly
  GROUP BY
    "weekly"."tenant_id",
    "weekly"."week_start",
    "weekly"."template_id",
    "weekly"."template_version",
    "weekly"."agent_id"
), rated AS (
  SELECT
    "counted"."tenant_id" AS "tenant_id",
    "counted"."week_start" AS "week_start",
    "counted"."template_id" AS "template_id",
    "counted"."template_version" AS "template_version",
    "counted"."agent_id" AS "agent_id",
    "counted"."agent_name" AS "agent_name",
    "counted"."agent_team" AS "agent_team",
    "counted"."calls" AS "calls",
    "counted"."evaluated_calls" AS "evaluated_calls",
    "counted"."passed_calls" AS "passed_calls",
    "counted"."failed_calls" AS "failed_calls",
    "counted"."review_calls" AS "review_calls",
    "counted"."unevaluated_calls" AS "unevaluated_calls",
    "counted"."passed" AS "passed",
    "counted"."failed" AS "failed",
    "counted"."evaluated" AS "evaluated",
    "counted"."not_applicable" AS "not_applicable",
    "counted"."unscored" AS "unscored",
    "counted"."minimum_calls" AS "minimum_calls",
    "counted"."evaluated_calls" >= "counted"."minimum_calls" AS "has_enough_calls",
    "counted"."evaluated_calls" >= "counted"."minimum_calls"
    AND "counted"."agent_id" <> 'unknown' AS "is_ranked",
    CASE
      WHEN "counted"."evaluated_calls" > 0
      THEN CAST("counted"."failed_calls" AS DOUBLE) / CAST("counted"."evaluated_calls" AS DOUBLE)
    END AS "call_fail_rate",
    CASE
      WHEN "counted"."evaluated" > 0
      THEN CAST("counted"."failed" AS DOUBLE) / CAST("counted"."evaluated" AS DOUBLE)
    END AS "criteria_fail_rate",
    CASE
      WHEN "counted"."max_score" > 0e0
      THEN 100e0 * "counted"."total_score" / "counted"."max_score"
    END AS "weighted_percentage",
    CASE
      WHEN "counted"."evaluated_calls" > 0
      THEN CAST("counted"."evaluated_calls" AS DOUBLE)
    END AS "n",
    1.959963984540054e0 AS "z"
  FROM counted
)
SELECT
  "rated"."tenant_id" AS "tenant_id",
  "rated"."week_start" AS "week_start",
  "rated"."template_id" AS "template_id",
  "rated"."template_version" AS "template_version",
  "rated"."agent_id" AS "agent_id",
  "rated"."agent_name" AS "agent_name",
  "rated"."agent_team" AS "agent_team",
  CASE
    WHEN "rated"."is_ranked"
    THEN RANK() OVER (
      PARTITION BY "rated"."tenant_id", "rated"."week_start", "rated"."template_id", "rated"."template_version", "rated"."is_ranked"
      ORDER BY "rated"."call_fail_rate" DESC
    )
  END AS "rank",
  "rated"."has_enough_calls" AS "has_enough_calls",
  "rated"."minimum_calls" AS "minimum_calls",
  "rated"."calls" AS "calls",
  "rated"."evaluated_calls" AS "evaluated_calls",
  "rated"."passed_calls" AS "passed_calls",
  "rated"."failed_calls" AS "failed_calls",
  "rated"."review_calls" AS "review_calls",
  "rated"."unevaluated_calls" AS "unevaluated_calls",
  "rated"."call_fail_rate" AS "call_fail_rate",
  CASE
    WHEN "rated"."call_fail_rate" = 0e0
    THEN 0e0
    ELSE (
      "rated"."call_fail_rate" + "rated"."z" * "rated"."z" / (
        2e0 * "rated"."n"
      ) - "rated"."z" * CASE
        WHEN "rated"."call_fail_rate" * (
          1e0 - "rated"."call_fail_rate"
        ) / "rated"."n" + "rated"."z" * "rated"."z" / (
          4e0 * "rated"."n" * "rated"."n"
        ) < 0
        THEN ERROR(
          'sqrt of a negative number is NaN, which compares with nothing; leave such rows out'
        )
        ELSE SQRT(
          "rated"."call_fail_rate" * (
            1e0 - "rated"."call_fail_rate"
          ) / "rated"."n" + "rated"."z" * "rated"."z" / (
            4e0 * "rated"."n" * "rated"."n"
          )
        )
      END
    ) / (
      1e0 + "rated"."z" * "rated"."z" / "rated"."n"
    )
  END AS "call_fail_rate_low",
  CASE
    WHEN "rated"."call_fail_rate" = 1e0
    THEN 1e0
    ELSE (
      "rated"."call_fail_rate" + "rated"."z" * "rated"."z" / (
        2e0 * "rated"."n"
      ) + "rated"."z" * CASE
        WHEN "rated"."call_fail_rate" * (
          1e0 - "rated"."call_fail_rate"
        ) / "rated"."n" + "rated"."z" * "rated"."z" / (
          4e0 * "rated"."n" * "rated"."n"
        ) < 0
        THEN ERROR(
          'sqrt of a negative number is NaN, which compares with nothing; leave such rows out'
        )
        ELSE SQRT(
          "rated"."call_fail_rate" * (
            1e0 - "rated"."call_fail_rate"
          ) / "rated"."n" + "rated"."z" * "rated"."z" / (
            4e0 * "rated"."n" * "rated"."n"
          )
        )
      END
    ) / (
      1e0 + "rated"."z" * "rated"."z" / "rated"."n"
    )
  END AS "call_fail_rate_high",
  "rated"."weighted_percentage" AS "weighted_percentage",
  "rated"."passed" AS "passed",
  "rated"."failed" AS "failed",
  "rated"."evaluated" AS "evaluated",
  "rated"."not_applicable" AS "not_applicable",
  "rated"."unscored" AS "unscored",
  "rated"."criteria_fail_rate" AS "criteria_fail_rate"
FROM rated
