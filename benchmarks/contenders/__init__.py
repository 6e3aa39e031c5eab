"""The contenders: each turns the same documents into the same rows in its own fastest way.

A module has one function, `flatten(lake, rows, workers)`: `lake` holds the documents, `rows`
receives a folder of Parquet files per table, `workers` is how many processors may be busy.
"""
