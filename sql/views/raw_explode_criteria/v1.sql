-- raw_explode_criteria_v1: one row per raw document and entry of its list of criteria.
-- Key: tenant_id, day, call_id, position.
-- Reads: unified. For same-day questions, before the nightly run: documents are neither checked nor
-- scored here, score and outcome are what each document claims, and an uploaded call may be there
-- twice. Filter on day ('YYYY/MM/DD', the document's folder) to read that day only.
WITH documents AS (
  SELECT
    tenant_id,
    day,
    call_id,
    call_started_at,
    language_code,
    queue,
    direction,
    channel,
    agent,
    qa_evaluation,
    qa_template_version
  FROM unified
  WHERE call_id IS NOT NULL
),
exploded AS (
  SELECT
    documents.tenant_id,
    documents.day,
    documents.call_id,
    documents.call_started_at,
    documents.language_code,
    documents.queue,
    documents.direction,
    documents.channel,
    documents.agent.agent_id AS agent_id,
    documents.agent.name AS agent_name,
    documents.agent.team AS agent_team,
    documents.qa_evaluation.template_id AS template_id,
    TRY_CAST(
      COALESCE(documents.qa_evaluation.template_version, documents.qa_template_version) AS bigint
    ) AS template_version,
    documents.qa_evaluation.outcome AS reported_outcome,
    criteria.criterion_id,
    criteria.position,
    criteria.question,
    criteria.passed,
    COALESCE(
      criteria.verdict,
      CASE WHEN criteria.passed THEN 'pass' WHEN NOT criteria.passed THEN 'fail' ELSE 'unscored' END
    ) AS verdict,
    criteria.score,
    criteria.weight,
    criteria.required,
    criteria.reason,
    criteria.evaluator
  FROM documents
  CROSS JOIN UNNEST(
    transform(documents.qa_evaluation.criteria, c -> c.id),
    transform(documents.qa_evaluation.criteria, c -> c.question),
    transform(documents.qa_evaluation.criteria, c -> c.verdict),
    transform(documents.qa_evaluation.criteria, c -> c.passed),
    transform(documents.qa_evaluation.criteria, c -> c.score),
    transform(documents.qa_evaluation.criteria, c -> c.weight),
    transform(documents.qa_evaluation.criteria, c -> c.required),
    transform(documents.qa_evaluation.criteria, c -> c.reason),
    transform(documents.qa_evaluation.criteria, c -> c.evaluator)
  ) WITH ORDINALITY AS criteria(
    criterion_id, question, verdict, passed, score, weight, required, reason, evaluator, position
  )
)
SELECT
  tenant_id,
  CAST(date_parse(day, '%Y/%m/%d') AS date) AS call_date,
  day,
  call_id,
  CAST(TRY(from_iso8601_timestamp(call_started_at)) AT TIME ZONE 'UTC' AS timestamp(3)) AS call_started_at,
  COALESCE(agent_id, 'unknown') AS agent_id,
  agent_name,
  agent_team,
  queue,
  direction,
  channel,
  language_code,
  COALESCE(template_id, 'unknown') AS template_id,
  COALESCE(template_version, 0) AS template_version,
  criterion_id,
  position,
  question,
  verdict,
  CASE WHEN verdict = 'pass' THEN true WHEN verdict = 'fail' THEN false END AS passed,
  CAST(CASE WHEN verdict = 'pass' THEN 1 ELSE 0 END AS bigint) AS is_passed,
  CAST(CASE WHEN verdict = 'fail' THEN 1 ELSE 0 END AS bigint) AS is_failed,
  CAST(CASE WHEN verdict IN ('pass', 'fail') THEN 1 ELSE 0 END AS bigint) AS is_evaluated,
  score,
  weight,
  required,
  reason,
  evaluator,
  reported_outcome
FROM exploded
