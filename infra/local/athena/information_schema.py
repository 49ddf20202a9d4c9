"""The tables of `information_schema`, made of what Glue knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from infra.local.athena.sql.plan import TableColumn
from infra.local.athena.sql.types import BIGINT, VARCHAR, parse_type

if TYPE_CHECKING:
    from infra.local.athena.catalog import Catalog

INFORMATION_SCHEMA = "information_schema"
CATALOG = "awsdatacatalog"
_COLUMNS = {
    "schemata": ("catalog_name", "schema_name"),
    "tables": ("table_catalog", "table_schema", "table_name", "table_type"),
    "columns": (
        "table_catalog", "table_schema", "table_name", "column_name", "ordinal_position",
        "column_default", "is_nullable", "data_type", "comment", "extra_info",
    ),
}  # fmt: skip


def information_schema_columns(name: str) -> list[TableColumn] | None:
    """The columns of one of its tables; None when there is no such table."""
    if name not in _COLUMNS:
        return None
    return [TableColumn(c, BIGINT if c == "ordinal_position" else VARCHAR) for c in _COLUMNS[name]]


def information_schema_table(catalog: Catalog, name: str) -> pa.Table:
    """The rows of one of its tables."""
    rows = [row for database in catalog.databases() for row in _rows(catalog, name, database)]
    arrays = {}
    for i, column in enumerate(_COLUMNS[name]):
        kind = pa.int64() if column == "ordinal_position" else pa.string()
        arrays[column] = pa.array([row[i] for row in rows], kind)
    return pa.table(arrays)


def _rows(catalog: Catalog, name: str, database: str) -> list[tuple[Any, ...]]:
    if name == "schemata":
        return [(CATALOG, database)]
    tables = catalog.tables(database)
    if name == "tables":
        return [
            (CATALOG, database, t["Name"], "VIEW" if t.get("TableType") == "VIRTUAL_VIEW" else "BASE TABLE")
            for t in tables
        ]
    rows: list[tuple[Any, ...]] = []
    for table in tables:
        keys = table.get("PartitionKeys") or []
        for i, column in enumerate([*table["StorageDescriptor"]["Columns"], *keys], 1):
            extra = "partition key" if column in keys else None
            kind = str(parse_type(column["Type"]))
            rows.append(
                (
                    CATALOG,
                    database,
                    table["Name"],
                    column["Name"],
                    i,
                    None,
                    "YES",
                    kind,
                    column.get("Comment"),
                    extra,
                )
            )
    return rows
