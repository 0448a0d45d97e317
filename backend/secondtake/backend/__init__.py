"""Owns the DuckDB file and serves it."""
