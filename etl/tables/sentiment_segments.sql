-- sentiment_segments: one row per call and analysed piece of its transcript. Key: tenant_id, call_id, segment.
-- Rendered from cci_lite/contract/columns.py by `make generate`; change it there.
CREATE EXTERNAL TABLE IF NOT EXISTS `cci_lite`.`sentiment_segments` (
  `call_id` string COMMENT 'The call; unique within the tenant.',
  `segment` bigint COMMENT 'The analysed piece of the transcript, from 1.',
  `sentiment` string COMMENT '`POSITIVE`, `NEGATIVE`, `NEUTRAL` or `MIXED`.',
  `positive` double COMMENT 'Comprehend\'s confidence that it is positive, 0 to 1.',
  `negative` double COMMENT 'Comprehend\'s confidence that it is negative, 0 to 1.',
  `neutral` double COMMENT 'Comprehend\'s confidence that it is neutral, 0 to 1.',
  `mixed` double COMMENT 'Comprehend\'s confidence that it is mixed, 0 to 1.',
  `source_key` string COMMENT 'The unified document that the row comes from.',
  `source_etag` string COMMENT 'The version of that document.',
  `etl_run_id` string COMMENT 'The run that wrote the row.'
)
COMMENT 'one row per call and analysed piece of its transcript'
PARTITIONED BY (
  `tenant_id` string COMMENT 'The company whose call it is.',
  `call_date` date COMMENT 'The day the call started, in the tenant\'s time zone.'
)
STORED AS PARQUET
LOCATION 's3://${CURATED_BUCKET}/curated/';
