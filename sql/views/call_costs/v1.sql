-- call_costs_v1: one row per call: what its processing used and cost, in US dollars.
-- Key: tenant_id, call_id.
-- Reads: calls. A cost is NULL, never 0, when the usage is not recorded or the price is not known (a
-- language model without a price); total_usd is then NULL as well and is_priced false. Prices are list
-- prices of eu-central-1 (of its profile for a language model), equal to cci_lite/contract/prices.py,
-- which says where each comes from and which are not verified. A call that used no language model costs
-- 0 for it.
WITH prices(item, valid_from, valid_until, usd, per) AS (
  VALUES
    ('comprehend', DATE '2000-01-01', DATE '9999-12-31', 1e-4, 1e0),
    ('eu.amazon.nova-2-lite-v1:0 input', DATE '2000-01-01', DATE '9999-12-31', 4.29e-1, 1e6),
    ('eu.amazon.nova-2-lite-v1:0 output', DATE '2000-01-01', DATE '9999-12-31', 3.597e0, 1e6),
    ('eu.anthropic.claude-haiku-4-5-20251001-v1:0 input', DATE '2000-01-01', DATE '9999-12-31', 1.1e0, 1e6),
    ('eu.anthropic.claude-haiku-4-5-20251001-v1:0 output', DATE '2000-01-01', DATE '9999-12-31', 5.5e0, 1e6),
    ('eu.anthropic.claude-sonnet-4-6 input', DATE '2000-01-01', DATE '9999-12-31', 3.3e0, 1e6),
    ('eu.anthropic.claude-sonnet-4-6 output', DATE '2000-01-01', DATE '9999-12-31', 1.65e1, 1e6),
    ('transcribe', DATE '2000-01-01', DATE '9999-12-31', 6e-3, 6e1),
    ('transcribe redaction', DATE '2000-01-01', DATE '9999-12-31', 2.4e-3, 6e1),
    ('us.amazon.nova-2-lite-v1:0 input', DATE '2000-01-01', DATE '9999-12-31', 3.3e-1, 1e6),
    ('us.amazon.nova-2-lite-v1:0 output', DATE '2000-01-01', DATE '9999-12-31', 2.75e0, 1e6),
    ('us.anthropic.claude-haiku-4-5-20251001-v1:0 input', DATE '2000-01-01', DATE '9999-12-31', 1.1e0, 1e6),
    ('us.anthropic.claude-haiku-4-5-20251001-v1:0 output', DATE '2000-01-01', DATE '9999-12-31', 5.5e0, 1e6),
    ('us.anthropic.claude-sonnet-4-6 input', DATE '2000-01-01', DATE '9999-12-31', 3.3e0, 1e6),
    ('us.anthropic.claude-sonnet-4-6 output', DATE '2000-01-01', DATE '9999-12-31', 1.65e1, 1e6)
),
call_usage AS (
  SELECT
    tenant_id,
    call_id,
    call_date,
    model_id,
    pii_redacted,
    audio_seconds,
    comprehend_units,
    model_calls,
    input_tokens,
    output_tokens
  FROM calls
),
costed AS (
  SELECT
    call_usage.tenant_id,
    call_usage.call_id,
    call_usage.call_date,
    call_usage.model_id,
    call_usage.audio_seconds,
    call_usage.comprehend_units,
    call_usage.model_calls,
    call_usage.input_tokens,
    call_usage.output_tokens,
    call_usage.audio_seconds * transcribe.usd / transcribe.per AS transcribe_usd,
    CASE
      WHEN call_usage.pii_redacted = 'transcribe'
        THEN call_usage.audio_seconds * redaction.usd / redaction.per
      WHEN call_usage.audio_seconds IS NOT NULL THEN 0e0
    END AS redaction_usd,
    CAST(call_usage.comprehend_units AS double) * comprehend.usd / comprehend.per AS comprehend_usd,
    CASE
      WHEN call_usage.model_calls = 0 THEN 0e0
      ELSE CAST(call_usage.input_tokens AS double) * model_input.usd / model_input.per
        + CAST(call_usage.output_tokens AS double) * model_output.usd / model_output.per
    END AS model_usd
  FROM call_usage
  LEFT JOIN prices AS transcribe
    ON transcribe.item = 'transcribe'
    AND call_usage.call_date >= transcribe.valid_from
    AND call_usage.call_date < transcribe.valid_until
  LEFT JOIN prices AS redaction
    ON redaction.item = 'transcribe redaction'
    AND call_usage.call_date >= redaction.valid_from
    AND call_usage.call_date < redaction.valid_until
  LEFT JOIN prices AS comprehend
    ON comprehend.item = 'comprehend'
    AND call_usage.call_date >= comprehend.valid_from
    AND call_usage.call_date < comprehend.valid_until
  LEFT JOIN prices AS model_input
    ON model_input.item = call_usage.model_id || ' input'
    AND call_usage.call_date >= model_input.valid_from
    AND call_usage.call_date < model_input.valid_until
  LEFT JOIN prices AS model_output
    ON model_output.item = call_usage.model_id || ' output'
    AND call_usage.call_date >= model_output.valid_from
    AND call_usage.call_date < model_output.valid_until
)
SELECT
  tenant_id,
  call_id,
  call_date,
  model_id,
  audio_seconds,
  comprehend_units,
  model_calls,
  input_tokens,
  output_tokens,
  transcribe_usd,
  redaction_usd,
  comprehend_usd,
  model_usd,
  transcribe_usd + redaction_usd + comprehend_usd + model_usd AS total_usd,
  transcribe_usd + redaction_usd + comprehend_usd + model_usd IS NOT NULL AS is_priced
FROM costed
