"""Rules asked of rows without any service: their SQL, put into DuckDB's dialect."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache
from typing import Any

import duckdb
import pyarrow as pa
import pytest
import sqlglot

from expectations.rules import Expectations, gate_query

JUDGED_AT = datetime(2026, 2, 3, 15, 0, tzinfo=UTC)

Ask = Callable[[str, pa.Table], list[dict[str, Any]]]


@cache
def _in_duckdb(sql: str) -> str:
    (translated,) = sqlglot.transpile(sql, read="athena", write="duckdb")
    return translated


@pytest.fixture(scope="session")
def ask() -> Ask:
    """Runs Athena SQL over rows that it calls `rows`."""

    def run(sql: str, rows: pa.Table) -> list[dict[str, Any]]:
        with duckdb.connect() as connection:
            connection.register("rows", rows)
            return connection.sql(_in_duckdb(sql)).to_arrow_table().to_pylist()

    return run


@pytest.fixture
def count_by(ask: Ask) -> Callable[[Expectations, list[dict[str, Any]]], dict[str, dict[str, int]]]:
    """By school, how many of its rows break which rule."""

    def run(expectations: Expectations, rows: list[dict[str, Any]]) -> dict[str, dict[str, int]]:
        table = pa.Table.from_pylist(rows, expectations.table.landing_schema)
        found = ask(gate_query("rows", expectations, JUDGED_AT), table)
        names = [rule.name for rule in expectations.rules]
        return {row["school_id"]: {name: row[name] for name in names if row[name]} for row in found}

    return run


@pytest.fixture
def broken_by(count_by: Any) -> Callable[[Expectations, list[dict[str, Any]]], dict[str, set[str]]]:
    """By school, the rules that its rows break."""
    return lambda expectations, rows: {
        school: set(counts) for school, counts in count_by(expectations, rows).items()
    }
