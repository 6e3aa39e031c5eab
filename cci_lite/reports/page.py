"""The report page of a tenant: what was found, how sure that is, and the SQL behind it."""

from __future__ import annotations

import datetime as dt

from cci_lite.reports.heatmap import MINIMUM_EVALUATED
from cci_lite.reports.html import render_template
from cci_lite.reports.page_data import read_page
from cci_lite.reports.statements import Query

_MOST_AGENTS = 50


def report_page(
    query: Query, tenant_id: str, *, tenant_name: str, generated_at: dt.datetime
) -> str:
    """The page of a tenant as one HTML file: no script, no request, every number linked to its SQL.

    `generated_at` is in UTC. The same data and moment give the same bytes.
    """
    return render_template(
        "page.html",
        page=read_page(query, tenant_id, tenant_name=tenant_name, generated_at=generated_at),
        title=f"Call quality of {tenant_name}",
        tenant_id=tenant_id,
        minimum_evaluated=MINIMUM_EVALUATED,
        most_agents=_MOST_AGENTS,
    )
