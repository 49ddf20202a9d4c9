"""SHOW and DESCRIBE."""

from __future__ import annotations

import fnmatch
from typing import Any

from infra.local.athena.catalog import Catalog
from infra.local.athena.errors import QueryError
from infra.local.athena.hive.reader import HiveReader
from infra.local.athena.results import ResultSet, lines


class ShowRunner:
    """The SHOW and DESCRIBE statements of one query.

    Args:
        catalog: Glue.
        database: The one that unqualified names belong to.
    """

    def __init__(self, catalog: Catalog, database: str) -> None:
        self._catalog = catalog
        self._database = database

    def run(self, sql: str) -> ResultSet | None:
        """Runs a statement; None when it is neither."""
        reader = HiveReader(sql)
        if reader.accept("SHOW"):
            return self._show(reader)
        if reader.accept("DESCRIBE") or reader.accept("DESC"):
            if not reader.accept("FORMATTED"):
                reader.accept("EXTENDED")
            return self._describe(self._table(reader))
        return None

    def _table(self, reader: HiveReader) -> dict[str, Any]:
        database, name = reader.qualified(self._database)
        if reader.accept("IN") or reader.accept("FROM"):
            database = reader.name()
        reader.end()
        return self._catalog.table(database, name)

    def _show(self, reader: HiveReader) -> ResultSet:  # noqa: PLR0911 - one return a statement
        if reader.accept("DATABASES") or reader.accept("SCHEMAS"):
            return lines("database_name", _matching(self._catalog.databases(), reader))
        if reader.accept("TABLES"):
            return lines("tab_name", self._names(reader, views=None))
        if reader.accept("VIEWS"):
            return lines("views", self._names(reader, views=True))
        if reader.accept("PARTITIONS"):
            table = self._table(reader)
            keys = [k["Name"] for k in table.get("PartitionKeys") or []]
            if not keys:
                raise QueryError("FAILED", f"SemanticException: table {table['Name']} is not partitioned")
            found = self._catalog.partitions(table["DatabaseName"], table["Name"])
            return lines(
                "partition",
                sorted("/".join(f"{k}={v}" for k, v in zip(keys, p.values, strict=True)) for p in found),
            )
        if reader.accept("COLUMNS"):
            if not (reader.accept("FROM") or reader.accept("IN")):
                raise reader.fail("FROM or IN")
            return lines("field", [c["Name"] for c in _columns(self._table(reader))])
        if reader.accept("CREATE", "TABLE"):
            return lines("createtab_stmt", create_table(self._table(reader)))
        if reader.accept("CREATE", "VIEW"):
            table = self._table(reader)
            view = self._catalog.resolve("", table["DatabaseName"], table["Name"])
            if not hasattr(view, "query"):
                raise QueryError("FAILED", f"{table['Name']} is not a view")
            return lines(
                "create view",
                [f"CREATE VIEW {table['DatabaseName']}.{table['Name']} AS", view.query.sql("trino")],
            )
        if reader.accept("TBLPROPERTIES"):
            table = self._table(reader)
            return lines(
                "prpt_name", [f"{k}\t{v}" for k, v in table.get("Parameters", {}).items()], "prpt_value"
            )
        raise reader.fail(
            "DATABASES, TABLES, VIEWS, PARTITIONS, COLUMNS, CREATE TABLE, CREATE VIEW or TBLPROPERTIES"
        )

    def _names(self, reader: HiveReader, views: bool | None) -> list[str]:
        database = reader.name() if reader.accept("IN") or reader.accept("FROM") else self._database
        tables = self._catalog.tables(database)
        names = [
            t["Name"] for t in tables if views is None or (t.get("TableType") == "VIRTUAL_VIEW") == views
        ]
        return _matching(names, reader)

    @staticmethod
    def _describe(table: dict[str, Any]) -> ResultSet:
        def line(column: dict[str, Any]) -> str:
            return f"{column['Name']:<20}\t{column['Type']:<20}\t{column.get('Comment', ''):<20}"

        keys = table.get("PartitionKeys") or []
        rows = [line(c) for c in _columns(table)]
        if keys:
            head = f"{'# col_name':<20}\t{'data_type':<20}\t{'comment':<20}"
            blank = "\t \t "
            rows += [blank, f"{'# Partition Information':<20}\t \t ", head, blank, *(line(k) for k in keys)]
        return lines("col_name", rows, "data_type", "comment")


def _columns(table: dict[str, Any]) -> list[dict[str, Any]]:
    return [*table["StorageDescriptor"]["Columns"], *(table.get("PartitionKeys") or [])]


def _matching(names: list[str], reader: HiveReader) -> list[str]:
    reader.accept("LIKE")
    if reader.done:
        return sorted(names)
    pattern = reader.string()
    reader.end()
    alternatives = pattern.split("|")
    return sorted(n for n in names if any(fnmatch.fnmatchcase(n, a) for a in alternatives))


def create_table(table: dict[str, Any]) -> list[str]:
    """The lines of the CREATE EXTERNAL TABLE that would make a table again."""

    def listed(columns: list[dict[str, Any]]) -> list[str]:
        rows = []
        for i, c in enumerate(columns):
            comment = f" COMMENT '{c['Comment']}'" if c.get("Comment") else ""
            rows.append(f"  `{c['Name']}` {c['Type']}{comment}{',' if i < len(columns) - 1 else ')'}")
        return rows

    descriptor = table["StorageDescriptor"]
    out = [
        f"CREATE EXTERNAL TABLE `{table['Name']}`(",
        *listed(descriptor["Columns"]),
    ]
    if table.get("PartitionKeys"):
        out += ["PARTITIONED BY ( ", *listed(table["PartitionKeys"])]
    out += ["ROW FORMAT SERDE ", f"  '{descriptor['SerdeInfo'].get('SerializationLibrary', '')}' "]
    out += ["STORED AS INPUTFORMAT ", f"  '{descriptor.get('InputFormat', '')}' "]
    out += ["OUTPUTFORMAT ", f"  '{descriptor.get('OutputFormat', '')}'"]
    out += ["LOCATION", f"  '{descriptor.get('Location', '')}'"]
    properties = [f"  '{k}'='{v}'" for k, v in table.get("Parameters", {}).items() if k != "EXTERNAL"]
    return (
        [
            *out,
            "TBLPROPERTIES (",
            *(p + ("," if i < len(properties) - 1 else ")") for i, p in enumerate(properties)),
        ]
        if properties
        else out
    )
