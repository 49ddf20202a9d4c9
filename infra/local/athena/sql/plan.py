"""A compiled query: DuckDB SQL, its output, and the scans that stand in it as placeholders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from infra.local.athena.sql.scope import Column
from infra.local.athena.sql.types import Type

NOTHING = "false"  # the filter of a scan of which no row can matter


@dataclass(frozen=True, slots=True)
class TableColumn:
    """A column of a Glue table, with its Trino type."""

    name: str
    type: Type


@dataclass(slots=True)
class Scan:
    """One reading of a table.

    Attributes:
        number: Its number in the statement.
        database: Glue database.
        table: Glue table.
        token: Placeholder in the SQL, replaced by the relation that `scan.py` builds.
        record: The table's Glue record.
        filters: DuckDB predicates over the partition keys: a file may be skipped when one of
            them is not true for its partition.
        path_used: Whether `"$path"` is asked for.
    """

    number: int
    database: str
    table: str
    token: str
    record: dict[str, Any]
    filters: list[str] = field(default_factory=list)
    path_used: bool = False


@dataclass(frozen=True, slots=True)
class Compiled:
    """A compiled SELECT, VALUES or set operation.

    Attributes:
        sql: DuckDB's.
        columns: Its output: `name` is what Trino calls it, `sql` the quoted name DuckDB gives it.
    """

    sql: str
    columns: Sequence[Column]
