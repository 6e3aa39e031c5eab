"""Ask a lake from Python. The cells (# %%) run one by one in an editor, or as a script:

    python examples/query_lake.py demo-lake maple-outfitters

`cci-lite demo` makes that lake.
"""

# %% Open the lake and choose whose data to see
import sys

import cci_lite

lake = cci_lite.open(sys.argv[1] if len(sys.argv) > 1 else "demo-lake")
tenant_id = sys.argv[2] if len(sys.argv) > 2 else "maple-outfitters"

# %% Which criteria fail most? Rates come with their interval and their form's version.
worst = lake.sql(
    """
    SELECT criterion_id, template_id, template_version, failed, evaluated,
           fail_rate, fail_rate_low, fail_rate_high
    FROM failure_rate
    WHERE evaluated > 0
    ORDER BY fail_rate DESC
    LIMIT 5
    """,
    tenant_id=tenant_id,
)
print(worst.to_string(index=False))

# %% The weighted percentage by week, as a pandas data frame
weekly = lake.sql(
    """
    SELECT period_start, template_version, evaluated_calls, weighted_percentage
    FROM qa_overview
    WHERE period = 'week'
    ORDER BY period_start, template_version
    """,
    tenant_id=tenant_id,
)
print(weekly.tail(6).to_string(index=False))

# %% Large results are better as Arrow
calls = lake.sql(
    "SELECT call_id, agent_id, qa_outcome FROM calls", tenant_id=tenant_id, as_="arrow"
)
print(f"{calls.num_rows} calls of {len(calls['agent_id'].unique())} agents")

# %% Where does a number come from? Every row names the document that it was made from.
example = lake.sql(
    "SELECT call_id, criterion_id, evidence, evidence_at_seconds, source_key "
    "FROM qa_criteria WHERE passed = false AND evidence IS NOT NULL ORDER BY call_id LIMIT 1",
    tenant_id=tenant_id,
)
print(example.to_dict(orient="records"))
