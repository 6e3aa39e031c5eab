WITH criteria AS (
  SELECT
    "explode_criteria"."tenant_id" AS "tenant_id",
    "explode_criteria"."template_id" AS "template_id",
    "explode_criteria"."template_version" AS "template_version",
    "explode_criteria"."criterion_id" AS "criterion_id",
    "explode_criteria"."call_id" AS "call_id",
    "explode_criteria"."call_date" AS "call_date",
    "explode_criteria"."position" AS "position",
    "explode_criteria"."question" AS "question",
    "explode_criteria"."verdict" AS "verdict",
    "explode_criteria"."is_passed" AS "is_passed",
    "explode_criteria"."is_failed" AS "is_failed",
    "explode_criteria"."is_evaluated" AS "is_evaluated",
    "explode_criteria"."required" AS "required"
  FROM explode_criteria
), counted AS (
  SELECT
    "criteria"."tenant_id" AS "tenant_id",
    "criteria"."template_id" AS "template_id",
    "criteria"."template_version" AS "template_version",
    "criteria"."criterion_id" AS "criterion_id",
    ARG_MAX_NULL(
      "criteria"."position",
      CAST("criteria"."call_date" AS TEXT) || "criteria"."call_id"
    ) AS "position",
    ARG_MAX_NULL(
      "criteria"."question",
      CAST("criteria"."call_date" AS TEXT) || "criteria"."call_id"
    ) FILTER(WHERE
      NOT "criteria"."question" IS NULL) AS "question",
    COUNT(DISTINCT "criteria"."question") AS "wordings",
    BOOL_OR(CAST("criteria"."required" AS BOOLEAN)) AS "required",
    COUNT(DISTINCT "criteria"."call_id") AS "calls",
    CAST(SUM("criteria"."is_passed") AS BIGINT) AS "passed",
    CAST(SUM("criteria"."is_failed") AS BIGINT) AS "failed",
    CAST(SUM("criteria"."is_evaluated") AS BIGINT) AS "evaluated",
    COUNT(CASE WHEN "criteria"."verdict" = 'na' THEN 1 END) AS "not_applicable",
    COUNT(CASE WHEN "criteria"."verdict" = 'unscored' THEN 1 END) AS "unscored",
    MIN("criteria"."call_date") AS "first_call_date",
    MAX("criteria"."call_date") AS "last_call_date"
  FROM criteria
  GROUP BY
    "criteria"."tenant_id",
    "criteria"."template_id",
    "criteria"."template_version",
    "criteria"."criterion_id"
), rated AS (
  SELECT
    "counted"."tenant_id" AS "tenant_id",
    "counted"."template_id" AS "template_id",
    "counted"."template_version" AS "template_version",
    "counted"."criterion_id" AS "criterion_id",
    "counted"."position" AS "position",
    "counted"."question" AS "question",
    "counted"."wordings" AS "wordings",
    "counted"."required" AS "required",
    "counted"."calls" AS "calls",
    "counted"."passed" AS "passed",
    "counted"."failed" AS "failed",
    "counted"."evaluated" AS "evaluated",
    "counted"."not_applicable" AS "not_applicable",
    "counted"."unscored" AS "unscored",
    "counted"."first_call_date" AS "first_call_date",
    "counted"."last_call_date" AS "last_call_date",
    CASE
      WHEN "counted"."evaluated" > 0
      THEN CAST("counted"."passed" AS DOUBLE) / CAST("counted"."evaluated" AS DOUBLE)
    END AS "pass_rate",
    CASE
      WHEN "counted"."evaluated" > 0
      THEN CAST("counted"."failed" AS DOUBLE) / CAST("counted"."evaluated" AS DOUBLE)
    END AS "fail_rate",
    CASE WHEN "counted"."evaluated" > 0 THEN CAST("counted"."evaluated" AS DOUBLE) END AS "n",
    1.959963984540054e0 AS "z"
  FROM counted
)
SELECT
  "rated"."tenant_id" AS "tenant_id",
  "rated"."template_id" AS "template_id",
  "rated"."template_version" AS "template_version",
  "rated"."criterion_id" AS "criterion_id",
  "rated"."position" AS "position",
  "rated"."question" AS "question",
  "rated"."wordings" AS "wordings",
  "rated"."required" AS "required",
  "rated"."calls" AS "calls",
  "rated"."passed" AS "passed",
  "rated"."failed" AS "failed",
  "rated"."evaluated" AS "evaluated",
  "rated"."not_applicable" AS "not_applicable",
  "rated"."unscored" AS "unscored",
  "rated"."pass_rate" AS "pass_rate",
  "rated"."fail_rate" AS "fail_rate",
  CASE
    WHEN "rated"."fail_rate" = 0e0
    THEN 0e0
    ELSE (
      "rated"."fail_rate" + "rated"."z" * "rated"."z" / (
        2e0 * "rated"."n"
      ) - "rated"."z" * CASE
        WHEN "rated"."fail_rate" * (
          1e0 - "rated"."fail_rate"
        ) / "rated"."n" + "rated"."z" * "rated"."z" / (
          4e0 * "rated"."n" * "rated"."n"
        ) < 0
        THEN ERROR(
          'sqrt of a negative number is NaN, which compares with nothing; leave such rows out'
        )
        ELSE SQRT(
          "rated"."fail_rate" * (
            1e0 - "rated"."fail_rate"
          ) / "rated"."n" + "rated"."z" * "rated"."z" / (
            4e0 * "rated"."n" * "rated"."n"
          )
        )
      END
    ) / (
      1e0 + "rated"."z" * "rated"."z" / "rated"."n"
    )
  END AS "fail_rate_low",
  CASE
    WHEN "rated"."fail_rate" = 1e0
    THEN 1e0
    ELSE (
      "rated"."fail_rate" + "rated"."z" * "rated"."z" / (
        2e0 * "rated"."n"
      ) + "rated"."z" * CASE
        WHEN "rated"."fail_rate" * (
          1e0 - "rated"."fail_rate"
        ) / "rated"."n" + "rated"."z" * "rated"."z" / (
          4e0 * "rated"."n" * "rated"."n"
        ) < 0
        THEN ERROR(
          'sqrt of a negative number is NaN, which compares with nothing; leave such rows out'
        )
        ELSE SQRT(
          "rated"."fail_rate" * (
            1e0 - "rated"."fail_rate"
          ) / "rated"."n" + "rated"."z" * "rated"."z" / (
            4e0 * "rated"."n" * "rated"."n"
          )
        )
      END
    ) / (
      1e0 + "rated"."z" * "rated"."z" / "rated"."n"
    )
  END AS "fail_rate_high",
  "rated"."first_call_date" AS "first_call_date",
  "rated"."last_call_date" AS "last_call_date"
FROM rated
