-- review_queue_v1: one row per call that a person has to look at. Key: tenant_id, call_id.
-- Reads: calls. review_reasons is a list separated by commas. The age of an entry is counted from
-- call_started_at (UTC) or, where a document has none, from call_date (the tenant's day).
SELECT
  tenant_id,
  call_id,
  call_date,
  call_started_at,
  agent_id,
  agent_name,
  agent_team,
  queue,
  language_code,
  COALESCE(template_id, 'unknown') AS template_id,
  COALESCE(template_version, 0) AS template_version,
  qa_outcome,
  review_reasons,
  qa_percentage,
  qa_criteria,
  qa_criteria_unscored,
  qa_failed_required,
  qa_reported_percentage,
  qa_reported_differs,
  source_key
FROM calls
WHERE needs_review OR qa_outcome = 'review'
