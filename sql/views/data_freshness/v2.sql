-- data_freshness_v2: one row per tenant. Key: tenant_id.
-- Reads: calls, etl_runs, quarantined_documents. The balance (sources = published_calls + superseded +
-- quarantined + discarded + erased) adds up the latest published generation of each day. is_balanced
-- says that it adds up and that calls and quarantined_documents hold as many rows as it claims.
-- data_as_of is UTC.
WITH published AS (
  SELECT
    tenant_id,
    call_date,
    etl_run_id,
    published_at,
    sources,
    calls,
    superseded,
    quarantined,
    COALESCE(discarded, 0) AS discarded,
    erased,
    row_number() OVER (
      PARTITION BY tenant_id, call_date
      ORDER BY published_at DESC NULLS LAST, generation DESC
    ) AS place_in_day,
    row_number() OVER (
      PARTITION BY tenant_id
      ORDER BY published_at DESC NULLS LAST, call_date DESC, generation DESC
    ) AS place
  FROM etl_runs
),
balances AS (
  SELECT
    tenant_id,
    max(published_at) AS data_as_of,
    max(CASE WHEN place = 1 THEN etl_run_id END) AS last_run_id,
    sum(sources) AS sources,
    sum(calls) AS published_calls,
    sum(superseded) AS superseded,
    sum(quarantined) AS quarantined,
    sum(discarded) AS discarded,
    sum(erased) AS erased
  FROM published
  WHERE place_in_day = 1
  GROUP BY tenant_id
),
call_counts AS (
  SELECT
    tenant_id,
    count(DISTINCT call_id) AS calls,
    min(call_date) AS first_call_date,
    max(call_date) AS last_call_date
  FROM calls
  GROUP BY tenant_id
),
quarantine_counts AS (
  SELECT
    tenant_id,
    count(*) AS quarantined_documents
  FROM quarantined_documents
  GROUP BY tenant_id
),
tenants AS (
  SELECT tenant_id FROM balances
  UNION
  SELECT tenant_id FROM call_counts
  UNION
  SELECT tenant_id FROM quarantine_counts
),
joined AS (
  SELECT
    tenants.tenant_id,
    balances.data_as_of,
    balances.last_run_id,
    call_counts.first_call_date,
    call_counts.last_call_date,
    COALESCE(call_counts.calls, 0) AS calls,
    COALESCE(quarantine_counts.quarantined_documents, 0) AS quarantined_documents,
    COALESCE(balances.sources, 0) AS sources,
    COALESCE(balances.published_calls, 0) AS published_calls,
    COALESCE(balances.superseded, 0) AS superseded,
    COALESCE(balances.quarantined, 0) AS quarantined,
    COALESCE(balances.discarded, 0) AS discarded,
    COALESCE(balances.erased, 0) AS erased
  FROM tenants
  LEFT JOIN balances ON tenants.tenant_id = balances.tenant_id
  LEFT JOIN call_counts ON tenants.tenant_id = call_counts.tenant_id
  LEFT JOIN quarantine_counts ON tenants.tenant_id = quarantine_counts.tenant_id
)
SELECT
  tenant_id,
  data_as_of,
  last_run_id,
  first_call_date,
  last_call_date,
  calls,
  quarantined_documents,
  sources,
  published_calls,
  superseded,
  quarantined,
  discarded,
  erased,
  sources = published_calls + superseded + quarantined + discarded + erased
    AND calls = published_calls
    AND quarantined_documents = quarantined AS is_balanced
FROM joined
