WITH published AS (
  SELECT
    "etl_runs"."tenant_id" AS "tenant_id",
    "etl_runs"."call_date" AS "call_date",
    "etl_runs"."etl_run_id" AS "etl_run_id",
    "etl_runs"."published_at" AS "published_at",
    "etl_runs"."sources" AS "sources",
    "etl_runs"."calls" AS "calls",
    "etl_runs"."superseded" AS "superseded",
    "etl_runs"."quarantined" AS "quarantined",
    COALESCE("etl_runs"."discarded", 0) AS "discarded",
    "etl_runs"."erased" AS "erased",
    ROW_NUMBER() OVER (
      PARTITION BY "etl_runs"."tenant_id", "etl_runs"."call_date"
      ORDER BY "etl_runs"."published_at" DESC, "etl_runs"."generation" DESC
    ) AS "place_in_day",
    ROW_NUMBER() OVER (
      PARTITION BY "etl_runs"."tenant_id"
      ORDER BY "etl_runs"."published_at" DESC, "etl_runs"."call_date" DESC, "etl_runs"."generation" DESC
    ) AS "place"
  FROM etl_runs
), balances AS (
  SELECT
    "published"."tenant_id" AS "tenant_id",
    MAX("published"."published_at") AS "data_as_of",
    MAX(CASE WHEN "published"."place" = 1 THEN "published"."etl_run_id" END) AS "last_run_id",
    CAST(SUM("published"."sources") AS BIGINT) AS "sources",
    CAST(SUM("published"."calls") AS BIGINT) AS "published_calls",
    CAST(SUM("published"."superseded") AS BIGINT) AS "superseded",
    CAST(SUM("published"."quarantined") AS BIGINT) AS "quarantined",
    CAST(SUM("published"."discarded") AS BIGINT) AS "discarded",
    CAST(SUM("published"."erased") AS BIGINT) AS "erased"
  FROM published
  WHERE
    "published"."place_in_day" = 1
  GROUP BY
    "published"."tenant_id"
), call_counts AS (
  SELECT
    "calls"."tenant_id" AS "tenant_id",
    COUNT(DISTINCT "calls"."call_id") AS "calls",
    MIN("calls"."call_date") AS "first_call_date",
    MAX("calls"."call_date") AS "last_call_date"
  FROM calls
  GROUP BY
    "calls"."tenant_id"
), quarantine_counts AS (
  SELECT
    "quarantined_documents"."tenant_id" AS "tenant_id",
    COUNT(*) AS "quarantined_documents"
  FROM quarantined_documents
  GROUP BY
    "quarantined_documents"."tenant_id"
), tenants AS (
  SELECT
    "balances"."tenant_id" AS "tenant_id"
  FROM balances
  UNION
  SELECT
    "call_counts"."tenant_id" AS "tenant_id"
  FROM call_counts
  UNION
  SELECT
    "quarantine_counts"."tenant_id" AS "tenant_id"
  FROM quarantine_counts
), joined AS (
  SELECT
    "tenants"."tenant_id" AS "tenant_id",
    "balances"."data_as_of" AS "data_as_of",
    "balances"."last_run_id" AS "last_run_id",
    "call_counts"."first_call_date" AS "first_call_date",
    "call_counts"."last_call_date" AS "last_call_date",
    COALESCE("call_counts"."calls", 0) AS "calls",
    COALESCE("quarantine_counts"."quarantined_documents", 0) AS "quarantined_documents",
    COALESCE("balances"."sources", 0) AS "sources",
    COALESCE("balances"."published_calls", 0) AS "published_calls",
    COALESCE("balances"."superseded", 0) AS "superseded",
    COALESCE("balances"."quarantined", 0) AS "quarantined",
    COALESCE("balances"."discarded", 0) AS "discarded",
    COALESCE("balances"."erased", 0) AS "erased"
  FROM tenants
  LEFT JOIN balances
    ON "tenants"."tenant_id" = "balances"."tenant_id"
  LEFT JOIN call_counts
    ON "tenants"."tenant_id" = "call_counts"."tenant_id"
  LEFT JOIN quarantine_counts
    ON "tenants"."tenant_id" = "quarantine_counts"."tenant_id"
)
SELECT
  "joined"."tenant_id" AS "tenant_id",
  "joined"."data_as_of" AS "data_as_of",
  "joined"."last_run_id" AS "last_run_id",
  "joined"."first_call_date" AS "first_call_date",
  "joined"."last_call_date" AS "last_call_date",
  "joined"."calls" AS "calls",
  "joined"."quarantined_documents" AS "quarantined_documents",
  "joined"."sources" AS "sources",
  "joined"."published_calls" AS "published_calls",
  "joined"."superseded" AS "superseded",
  "joined"."quarantined" AS "quarantined",
  "joined"."discarded" AS "discarded",
  "joined"."erased" AS "erased",
  "joined"."sources" = "joined"."published_calls" + "joined"."superseded" + "joined"."quarantined" + "joined"."discarded" + "joined"."erased"
  AND "joined"."calls" = "joined"."published_calls"
  AND "joined"."quarantined_documents" = "joined"."quarantined" AS "is_balanced"
FROM joined
