-- action_items: one row per call and agreed next step. Key: tenant_id, call_id, position.
-- Rendered from cci_lite/contract/columns.py by `make generate`; change it there.
CREATE EXTERNAL TABLE IF NOT EXISTS `cci_lite`.`action_items` (
  `call_id` string COMMENT 'The call; unique within the tenant.',
  `position` bigint COMMENT 'The item\'s place in the list, from 1.',
  `text` string COMMENT 'What is to be done, in the model\'s words.',
  `source_key` string COMMENT 'The unified document that the row comes from.',
  `source_etag` string COMMENT 'The version of that document.',
  `etl_run_id` string COMMENT 'The run that wrote the row.'
)
COMMENT 'one row per call and agreed next step'
PARTITIONED BY (
  `tenant_id` string COMMENT 'The company whose call it is.',
  `call_date` date COMMENT 'The day the call started, in the tenant\'s time zone.'
)
STORED AS PARQUET
LOCATION 's3://${CURATED_BUCKET}/curated/';
