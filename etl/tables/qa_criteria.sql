-- qa_criteria: one row per call and criterion of the form it was judged against. Key: tenant_id, call_id, criterion_id.
-- Rendered from cci_lite/contract/columns.py by `make generate`; change it there.
CREATE EXTERNAL TABLE IF NOT EXISTS `cci_lite`.`qa_criteria` (
  `call_id` string COMMENT 'The call; unique within the tenant.',
  `criterion_id` string COMMENT 'The criterion; unique within a version of a form.',
  `position` bigint COMMENT 'The criterion\'s place in the form, from 1.',
  `question` string COMMENT 'The wording of the criterion.',
  `verdict` string COMMENT '`pass`, `fail`, `na` (does not apply) or `unscored`.',
  `passed` boolean COMMENT 'The verdict as true (pass), false (fail) or NULL.',
  `is_passed` bigint COMMENT '1 when passed, otherwise 0.',
  `is_failed` bigint COMMENT '1 when failed, otherwise 0.',
  `is_evaluated` bigint COMMENT '1 when passed or failed, otherwise 0.',
  `score` double COMMENT 'Points scored; NULL without a pass or fail.',
  `weight` double COMMENT 'Points attainable.',
  `required` boolean COMMENT 'Whether failing the criterion fails the call.',
  `reason` string COMMENT 'Why, in the evaluator\'s words.',
  `evidence` string COMMENT 'What was said, quoted from the redacted transcript.',
  `evidence_at_seconds` double COMMENT 'When it was said, in seconds from the start of the recording.',
  `confidence` double COMMENT 'The evaluator\'s confidence, 0 to 1.',
  `evaluator` string COMMENT 'Who decided: `model`, `rule` or `human`.',
  `template_id` string COMMENT 'The form that the call was judged against.',
  `template_version` bigint COMMENT 'The version of that form.',
  `template_hash` string COMMENT 'The content hash of that version.',
  `qa_outcome` string COMMENT 'The outcome of the whole call.',
  `call_started_at` timestamp COMMENT 'When the call started (UTC).',
  `agent_id` string COMMENT 'The agent; `unknown` when the document names none.',
  `agent_name` string COMMENT 'The agent\'s name as the tenant gives it.',
  `agent_team` string COMMENT 'The agent\'s team.',
  `queue` string COMMENT 'The queue the call came through.',
  `direction` string COMMENT '`inbound` or `outbound`.',
  `channel` string COMMENT 'The medium of the call, such as `voice`.',
  `language_code` string COMMENT 'The language of the call, such as `en-US`.',
  `source_key` string COMMENT 'The unified document that the row comes from.',
  `source_etag` string COMMENT 'The version of that document.',
  `etl_run_id` string COMMENT 'The run that wrote the row.'
)
COMMENT 'one row per call and criterion of the form it was judged against'
PARTITIONED BY (
  `tenant_id` string COMMENT 'The company whose call it is.',
  `call_date` date COMMENT 'The day the call started, in the tenant\'s time zone.'
)
STORED AS PARQUET
LOCATION 's3://${CURATED_BUCKET}/curated/';
