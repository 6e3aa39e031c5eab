-- tone_sentiment_trend_v1: one row per day with calls. Key: tenant_id, call_date.
-- Reads: calls. Means and shares are over the calls that carry the value (tone_calls,
-- sentiment_score_calls, sentiment_calls), which are fewer than calls; NULL on a day without any.
-- mean_sentiment_score is -1 to 1, mean_tone_score 0 to 100, shares are 0 to 1.
WITH daily AS (
  SELECT
    tenant_id,
    call_date,
    count(DISTINCT call_id) AS calls,
    count(tone_score) AS tone_calls,
    CAST(sum(CAST(tone_score AS decimal(18, 6))) AS double) AS tone_scores,
    count(sentiment_score) AS sentiment_score_calls,
    CAST(sum(CAST(sentiment_score AS decimal(18, 9))) AS double) AS sentiment_scores,
    count(sentiment) AS sentiment_calls,
    count_if(sentiment = 'POSITIVE') AS positive_calls,
    count_if(sentiment = 'NEUTRAL') AS neutral_calls,
    count_if(sentiment = 'MIXED') AS mixed_calls,
    count_if(sentiment = 'NEGATIVE') AS negative_calls
  FROM calls
  GROUP BY tenant_id, call_date
)
SELECT
  tenant_id,
  call_date,
  calls,
  tone_calls,
  CASE WHEN tone_calls > 0 THEN tone_scores / CAST(tone_calls AS double) END AS mean_tone_score,
  sentiment_score_calls,
  CASE
    WHEN sentiment_score_calls > 0 THEN sentiment_scores / CAST(sentiment_score_calls AS double)
  END AS mean_sentiment_score,
  sentiment_calls,
  positive_calls,
  neutral_calls,
  mixed_calls,
  negative_calls,
  CASE
    WHEN sentiment_calls > 0 THEN CAST(positive_calls AS double) / CAST(sentiment_calls AS double)
  END AS positive_share,
  CASE
    WHEN sentiment_calls > 0 THEN CAST(neutral_calls AS double) / CAST(sentiment_calls AS double)
  END AS neutral_share,
  CASE
    WHEN sentiment_calls > 0 THEN CAST(mixed_calls AS double) / CAST(sentiment_calls AS double)
  END AS mixed_share,
  CASE
    WHEN sentiment_calls > 0 THEN CAST(negative_calls AS double) / CAST(sentiment_calls AS double)
  END AS negative_share
FROM daily
