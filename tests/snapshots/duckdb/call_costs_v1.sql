WITH prices(item, valid_from, valid_until, usd, per) AS (
  SELECT
    "_values"."_col0" AS "_col0",
    "_values"."_col1" AS "_col1",
    "_values"."_col2" AS "_col2",
    "_values"."_col3" AS "_col3",
    "_values"."_col4" AS "_col4"
  FROM (VALUES
    ('comprehend', CAST('2000-01-01' AS DATE), CAST('9999-12-31' AS DATE), 1e-4, 1e0),
    (
      'eu.amazon.nova-2-lite-v1:0 input',
      CAST('2000-01-01' AS DATE),
      CAST('9999-12-31' AS DATE),
      4.29e-1,
      1e6
    ),
    (
      'eu.amazon.nova-2-lite-v1:0 output',
      CAST('2000-01-01' AS DATE),
      CAST('9999-12-31' AS DATE),
      3.597e0,
      1e6
    ),
    (
      'eu.anthropic.claude-haiku-4-5-20251001-v1:0 input',
      CAST('2000-01-01' AS DATE),
      CAST('9999-12-31' AS DATE),
      1.1e0,
      1e6
    ),
    (
      'eu.anthropic.claude-haiku-4-5-20251001-v1:0 output',
      CAST('2000-01-01' AS DATE),
      CAST('9999-12-31' AS DATE),
      5.5e0,
      1e6
    ),
    (
      'eu.anthropic.claude-sonnet-4-6 input',
      CAST('2000-01-01' AS DATE),
      CAST('9999-12-31' AS DATE),
      3.3e0,
      1e6
    ),
    (
      'eu.anthropic.claude-sonnet-4-6 output',
      CAST('2000-01-01' AS DATE),
      CAST('9999-12-31' AS DATE),
      1.65e1,
      1e6
    ),
    ('transcribe', CAST('2000-01-01' AS DATE), CAST('9999-12-31' AS DATE), 6e-3, 6e1),
    (
      'transcribe redaction',
      CAST('2000-01-01' AS DATE),
      CAST('9999-12-31' AS DATE),
      2.4e-3,
      6e1
    ),
    (
      'us.amazon.nova-2-lite-v1:0 input',
      CAST('2000-01-01' AS DATE),
      CAST('9999-12-31' AS DATE),
      3.3e-1,
      1e6
    ),
    (
      'us.amazon.nova-2-lite-v1:0 output',
      CAST('2000-01-01' AS DATE),
      CAST('9999-12-31' AS DATE),
      2.75e0,
      1e6
    ),
    (
      'us.anthropic.claude-haiku-4-5-20251001-v1:0 input',
      CAST('2000-01-01' AS DATE),
      CAST('9999-12-31' AS DATE),
      1.1e0,
      1e6
    ),
    (
      'us.anthropic.claude-haiku-4-5-20251001-v1:0 output',
      CAST('2000-01-01' AS DATE),
      CAST('9999-12-31' AS DATE),
      5.5e0,
      1e6
    ),
    (
      'us.anthropic.claude-sonnet-4-6 input',
      CAST('2000-01-01' AS DATE),
      CAST('9999-12-31' AS DATE),
      3.3e0,
      1e6
    ),
    (
      'us.anthropic.claude-sonnet-4-6 output',
      CAST('2000-01-01' AS DATE),
      CAST('9999-12-31' AS DATE),
      1.65e1,
      1e6
    )) AS _values(_col0, _col1, _col2, _col3, _col4)
), call_usage AS (
  SELECT
    "calls"."tenant_id" AS "tenant_id",
    "calls"."call_id" AS "call_id",
    "calls"."call_date" AS "call_date",
    "calls"."model_id" AS "model_id",
    "calls"."pii_redacted" AS "pii_redacted",
    "calls"."audio_seconds" AS "audio_seconds",
    "calls"."comprehend_units" AS "comprehend_units",
    "calls"."model_calls" AS "model_calls",
    "calls"."input_tokens" AS "input_tokens",
    "calls"."output_tokens" AS "output_tokens"
  FROM calls
), costed AS (
  SELECT
    "call_usage"."tenant_id" AS "tenant_id",
    "call_usage"."call_id" AS "call_id",
    "call_usage"."call_date" AS "call_date",
    "call_usage"."model_id" AS "model_id",
    "call_usage"."audio_seconds" AS "audio_seconds",
    "call_usage"."comprehend_units" AS "comprehend_units",
    "call_usage"."model_calls" AS "model_calls",
    "call_usage"."input_tokens" AS "input_tokens",
    "call_usage"."output_tokens" AS "output_tokens",
    "call_usage"."audio_seconds" * "transcribe"."usd" / "transcribe"."per" AS "transcribe_usd",
    CASE
      WHEN "call_usage"."pii_redacted" = 'transcribe'
      THEN "call_usage"."audio_seconds" * "redaction"."usd" / "redaction"."per"
      WHEN NOT "call_usage"."audio_seconds" IS NULL
      THEN 0e0
    END AS "redaction_usd",
    CAST("call_usage"."comprehend_units" AS DOUBLE) * "comprehend"."usd" / "comprehend"."per" AS "comprehend_usd",
    CASE
      WHEN "call_usage"."model_calls" = 0
      THEN 0e0
      ELSE CAST("call_usage"."input_tokens" AS DOUBLE) * "model_input"."usd" / "model_input"."per" + CAST("call_usage"."output_tokens" AS DOUBLE) * "model_output"."usd" / "model_output"."per"
    END AS "model_usd"
  FROM call_usage
  LEFT JOIN prices AS transcribe
    ON "transcribe"."item" = 'transcribe'
    AND "call_usage"."call_date" >= "transcribe"."valid_from"
    AND "call_usage"."call_date" < "transcribe"."valid_until"
  LEFT JOIN prices AS redaction
    ON "redaction"."item" = 'transcribe redaction'
    AND "call_usage"."call_date" >= "redaction"."valid_from"
    AND "call_usage"."call_date" < "redaction"."valid_until"
  LEFT JOIN prices AS comprehend
    ON "comprehend"."item" = 'comprehend'
    AND "call_usage"."call_date" >= "comprehend"."valid_from"
    AND "call_usage"."call_date" < "comprehend"."valid_until"
  LEFT JOIN prices AS model_input
    ON "model_input"."item" = "call_usage"."model_id" || ' input'
    AND "call_usage"."call_date" >= "model_input"."valid_from"
    AND "call_usage"."call_date" < "model_input"."valid_until"
  LEFT JOIN prices AS model_output
    ON "model_output"."item" = "call_usage"."model_id" || ' output'
    AND "call_usage"."call_date" >= "model_output"."valid_from"
    AND "call_usage"."call_date" < "model_output"."valid_until"
)
SELECT
  "costed"."tenant_id" AS "tenant_id",
  "costed"."call_id" AS "call_id",
  "costed"."call_date" AS "call_date",
  "costed"."model_id" AS "model_id",
  "costed"."audio_seconds" AS "audio_seconds",
  "costed"."comprehend_units" AS "comprehend_units",
  "costed"."model_calls" AS "model_calls",
  "costed"."input_tokens" AS "input_tokens",
  "costed"."output_tokens" AS "output_tokens",
  "costed"."transcribe_usd" AS "transcribe_usd",
  "costed"."redaction_usd" AS "redaction_usd",
  "costed"."comprehend_usd" AS "comprehend_usd",
  "costed"."model_usd" AS "model_usd",
  "costed"."transcribe_usd" + "costed"."redaction_usd" + "costed"."comprehend_usd" + "costed"."model_usd" AS "total_usd",
  NOT "costed"."transcribe_usd" + "costed"."redaction_usd" + "costed"."comprehend_usd" + "costed"."model_usd" IS NULL AS "is_priced"
FROM costed
