-- unified: one row per unified document, for questions about today. A query names one
-- tenant_id, and days (`day`, from 2020/01/01 on); it reads the documents themselves.
-- Rendered from cci_lite/contract/unified_table.py by `make generate`; change it there.
CREATE EXTERNAL TABLE IF NOT EXISTS `cci_lite`.`unified` (
  `schema_version` string COMMENT 'The version of this contract; a document without it is of version 1.2.',
  `call_id` string COMMENT 'The call; unique within the tenant, opaque, the name of the document\'s file.',
  `revision` bigint COMMENT 'How many times this recording had been uploaded; the highest one counts.',
  `call_started_at` string COMMENT 'When the call started, with its zone; written in UTC.',
  `language_code` string COMMENT 'The language of the call, such as en-US.',
  `duration_seconds` double COMMENT 'The length of the call.',
  `agent` struct<agent_id:string,name:string,team:string> COMMENT 'The employee on the phone.',
  `queue` string COMMENT 'The queue the call came through.',
  `direction` string COMMENT 'Who called whom.',
  `channel` string COMMENT 'The medium of the call, such as voice.',
  `ai_summary` struct<issue:string,resolution:string,outcome:string,action_items:array<string>,tone_score:double,sentiment_summary:string> COMMENT 'What the language model says about the call.',
  `qa_evaluation` struct<template_id:string,template_version:string,criteria:array<struct<id:string,question:string,passed:boolean,verdict:string,score:double,weight:double,required:boolean,reason:string,confidence:double,evaluator:string>>,total_score:double,max_score:double,percentage:double,outcome:string,failed_required:array<string>> COMMENT 'The verdicts on the call; absent when it was not judged.',
  `qa_template_version` string COMMENT 'The version of the form, where version 1.2 has it.',
  `review` struct<needed:boolean,reasons:array<string>> COMMENT 'Whether a person has to look at the call.'
)
COMMENT 'one row per unified document'
PARTITIONED BY (
  `tenant_id` string COMMENT 'The company whose call it is; every query has to name it.',
  `day` string COMMENT 'The day of the call, as in 2025/11/05.'
)
ROW FORMAT SERDE 'org.openx.data.jsonserde.JsonSerDe'
WITH SERDEPROPERTIES ('ignore.malformed.json' = 'true')
STORED AS INPUTFORMAT 'org.apache.hadoop.mapred.TextInputFormat'
OUTPUTFORMAT 'org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat'
LOCATION 's3://${OUTPUT_BUCKET}/unified/'
TBLPROPERTIES (
  'projection.enabled' = 'true',
  'projection.tenant_id.type' = 'injected',
  'projection.day.type' = 'date',
  'projection.day.format' = 'yyyy/MM/dd',
  'projection.day.range' = '2020/01/01,NOW+1DAY',
  'projection.day.interval' = '1',
  'projection.day.interval.unit' = 'DAYS',
  'storage.location.template' = 's3://${OUTPUT_BUCKET}/unified/${tenant_id}/${day}/'
);
