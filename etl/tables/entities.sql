-- entities: one row per call and detected entity. Key: tenant_id, call_id, segment, position.
-- Rendered from cci_lite/contract/columns.py by `make generate`; change it there.
CREATE EXTERNAL TABLE IF NOT EXISTS `cci_lite`.`entities` (
  `call_id` string COMMENT 'The call; unique within the tenant.',
  `segment` bigint COMMENT 'The analysed piece of the transcript, from 1.',
  `position` bigint COMMENT 'The entity\'s place in the segment, from 1.',
  `text` string COMMENT 'The entity as said (redacted).',
  `entity_type` string COMMENT 'Comprehend\'s type, such as `ORGANIZATION`.',
  `score` double COMMENT 'Comprehend\'s confidence, 0 to 1.',
  `source_key` string COMMENT 'The unified document that the row comes from.',
  `source_etag` string COMMENT 'The version of that document.',
  `etl_run_id` string COMMENT 'The run that wrote the row.'
)
COMMENT 'one row per call and detected entity'
PARTITIONED BY (
  `tenant_id` string COMMENT 'The company whose call it is.',
  `call_date` date COMMENT 'The day the call started, in the tenant\'s time zone.'
)
STORED AS PARQUET
LOCATION 's3://${CURATED_BUCKET}/curated/';
