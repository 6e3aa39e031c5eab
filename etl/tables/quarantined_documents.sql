-- quarantined_documents: one row per document that breaks the contract. Key: tenant_id, source_key.
-- Rendered from cci_lite/contract/columns.py by `make generate`; change it there.
CREATE EXTERNAL TABLE IF NOT EXISTS `cci_lite`.`quarantined_documents` (
  `source_key` string COMMENT 'The document.',
  `source_etag` string COMMENT 'The version of the document.',
  `source_bytes` bigint COMMENT 'Its size in bytes.',
  `source_modified_at` timestamp COMMENT 'When that version was written (UTC).',
  `json_path` string COMMENT 'Where in the document; empty for the whole.',
  `expected` string COMMENT 'What the contract expects there.',
  `found` string COMMENT 'What was there; free text is described, never repeated.',
  `quarantine_key` string COMMENT 'Where the copy is that can be corrected and replayed.',
  `quarantined_at` timestamp COMMENT 'When it was first refused in this version (UTC).',
  `etl_run_id` string COMMENT 'The run that refused it.'
)
COMMENT 'one row per document that breaks the contract'
PARTITIONED BY (
  `tenant_id` string COMMENT 'The company whose call it is.',
  `call_date` date COMMENT 'The day the call started, in the tenant\'s time zone.'
)
STORED AS PARQUET
LOCATION 's3://${CURATED_BUCKET}/curated/';
