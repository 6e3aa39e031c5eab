SELECT
  "calls"."tenant_id" AS "tenant_id",
  "calls"."call_id" AS "call_id",
  "calls"."call_date" AS "call_date",
  "calls"."call_started_at" AS "call_started_at",
  "calls"."agent_id" AS "agent_id",
  "calls"."agent_name" AS "agent_name",
  "calls"."agent_team" AS "agent_team",
  "calls"."queue" AS "queue",
  "calls"."language_code" AS "language_code",
  COALESCE("calls"."template_id", 'unknown') AS "template_id",
  COALESCE("calls"."template_version", 0) AS "template_version",
  "calls"."qa_outcome" AS "qa_outcome",
  "calls"."review_reasons" AS "review_reasons",
  "calls"."qa_percentage" AS "qa_percentage",
  "calls"."qa_criteria" AS "qa_criteria",
  "calls"."qa_criteria_unscored" AS "qa_criteria_unscored",
  "calls"."qa_failed_required" AS "qa_failed_required",
  "calls"."qa_reported_percentage" AS "qa_reported_percentage",
  "calls"."qa_reported_differs" AS "qa_reported_differs",
  "calls"."source_key" AS "source_key"
FROM calls
WHERE
  "calls"."needs_review" OR "calls"."qa_outcome" = 'review'
