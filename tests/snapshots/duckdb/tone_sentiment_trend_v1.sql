WITH daily AS (
  SELECT
    "calls"."tenant_id" AS "tenant_id",
    "calls"."call_date" AS "call_date",
    COUNT(DISTINCT "calls"."call_id") AS "calls",
    COUNT("calls"."tone_score") AS "tone_calls",
    CAST(CAST(SUM(CAST("calls"."tone_score" AS DECIMAL(18, 6))) AS DECIMAL(38, 6)) AS DOUBLE) AS "tone_scores",
    COUNT("calls"."sentiment_score") AS "sentiment_score_calls",
    CAST(CAST(SUM(CAST("calls"."sentiment_score" AS DECIMAL(18, 9))) AS DECIMAL(38, 9)) AS DOUBLE) AS "sentiment_scores",
    COUNT("calls"."sentiment") AS "sentiment_calls",
    COUNT(CASE WHEN "calls"."sentiment" = 'POSITIVE' THEN 1 END) AS "positive_calls",
    COUNT(CASE WHEN "calls"."sentiment" = 'NEUTRAL' THEN 1 END) AS "neutral_calls",
    COUNT(CASE WHEN "calls"."sentiment" = 'MIXED' THEN 1 END) AS "mixed_calls",
    COUNT(CASE WHEN "calls"."sentiment" = 'NEGATIVE' THEN 1 END) AS "negative_calls"
  FROM calls
  GROUP BY
    "calls"."tenant_id",
    "calls"."call_date"
)
SELECT
  "daily"."tenant_id" AS "tenant_id",
  "daily"."call_date" AS "call_date",
  "daily"."calls" AS "calls",
  "daily"."tone_calls" AS "tone_calls",
  CASE
    WHEN "daily"."tone_calls" > 0
    THEN "daily"."tone_scores" / CAST("daily"."tone_calls" AS DOUBLE)
  END AS "mean_tone_score",
  "daily"."sentiment_score_calls" AS "sentiment_score_calls",
  CASE
    WHEN "daily"."sentiment_score_calls" > 0
    THEN "daily"."sentiment_scores" / CAST("daily"."sentiment_score_calls" AS DOUBLE)
  END AS "mean_sentiment_score",
  "daily"."sentiment_calls" AS "sentiment_calls",
  "daily"."positive_calls" AS "positive_calls",
  "daily"."neutral_calls" AS "neutral_calls",
  "daily"."mixed_calls" AS "mixed_calls",
  "daily"."negative_calls" AS "negative_calls",
  CASE
    WHEN "daily"."sentiment_calls" > 0
    THEN CAST("daily"."positive_calls" AS DOUBLE) / CAST("daily"."sentiment_calls" AS DOUBLE)
  END AS "positive_share",
  CASE
    WHEN "daily"."sentiment_calls" > 0
    THEN CAST("daily"."neutral_calls" AS DOUBLE) / CAST("daily"."sentiment_calls" AS DOUBLE)
  END AS "neutral_share",
  CASE
    WHEN "daily"."sentiment_calls" > 0
    THEN CAST("daily"."mixed_calls" AS DOUBLE) / CAST("daily"."sentiment_calls" AS DOUBLE)
  END AS "mixed_share",
  CASE
    WHEN "daily"."sentiment_calls" > 0
    THEN CAST("daily"."negative_calls" AS DOUBLE) / CAST("daily"."sentiment_calls" AS DOUBLE)
  END AS "negative_share"
FROM daily
