-- etl_runs: one row per run and day that it published: the balance sheet. Key: tenant_id, etl_run_id, generation.
-- Rendered from cci_lite/contract/columns.py by `make generate`; change it there.
CREATE EXTERNAL TABLE IF NOT EXISTS `cci_lite`.`etl_runs` (
  `etl_run_id` string COMMENT 'The run.',
  `generation` string COMMENT 'The generation that it published for the day.',
  `previous_generation` string COMMENT 'The generation that it replaced.',
  `started_at` timestamp COMMENT 'When the run started (UTC).',
  `published_at` timestamp COMMENT 'When the day was prepared for publication (UTC).',
  `sources` bigint COMMENT 'Documents accounted for.',
  `calls` bigint COMMENT 'Of these, documents that are a row of `calls`.',
  `superseded` bigint COMMENT 'Of these, replaced by a later revision of the same call.',
  `quarantined` bigint COMMENT 'Of these, documents that break the contract.',
  `discarded` bigint COMMENT 'Of these, taken out of quarantine for good; NULL in sheets that are older than this column.',
  `erased` bigint COMMENT 'Of these, erased.',
  `documents_read` bigint COMMENT 'Documents read for this generation.',
  `pipeline_version` string COMMENT 'The version of this program.',
  `tables_digest` string COMMENT 'Which columns the day was built with, as a digest; NULL in sheets that are older than this column.'
)
COMMENT 'one row per run and day that it published: the balance sheet'
PARTITIONED BY (
  `tenant_id` string COMMENT 'The company whose call it is.',
  `call_date` date COMMENT 'The day the call started, in the tenant\'s time zone.'
)
STORED AS PARQUET
LOCATION 's3://${CURATED_BUCKET}/curated/';
