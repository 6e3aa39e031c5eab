"""Adapters of the laptop: the folder, SQLite, DuckDB, processes and the files that people give."""
