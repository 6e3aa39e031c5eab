"""SQL views: read, lint, order and translate. Nothing here touches an engine.

`read_views(folder)` gives the views, `view_schema(views)` every relation that a query may read, and
`duckdb_views(views)` what the laptop's engine registers; an analyst's query goes through
`to_duckdb(sql, schema)`.
"""

from cci_lite.views.analysis import CheckedQuery, SqlFinding
from cci_lite.views.files import (
    View,
    current_views,
    describe_columns,
    duckdb_views,
    order_views,
    read_views,
    table_schema,
    view_schema,
)
from cci_lite.views.lint import lint_view
from cci_lite.views.relations import Schema
from cci_lite.views.translation import check_query, to_duckdb

__all__ = [
    "CheckedQuery",
    "Schema",
    "SqlFinding",
    "View",
    "check_query",
    "current_views",
    "describe_columns",
    "duckdb_views",
    "lint_view",
    "order_views",
    "read_views",
    "table_schema",
    "to_duckdb",
    "view_schema",
]
