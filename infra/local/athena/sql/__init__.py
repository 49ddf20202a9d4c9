"""Trino's SQL compiled to DuckDB's: names resolved, types known, Trino's answers kept."""
