"""DuckDB by `read_text` and `from_json`."""

from benchmarks.contenders.duckdb import flatten_by_text as flatten

__all__ = ["flatten"]
