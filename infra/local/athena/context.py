"""What one statement works with, and what it leaves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sqlglot import exp

from infra.local.athena.catalog import Catalog
from infra.local.athena.engine import Session
from infra.local.athena.objects import ObjectStore
from infra.local.athena.parquet_columns import SchemaReader
from infra.local.athena.results import ResultColumn, ResultSet
from infra.local.athena.scan import TableScanner
from infra.local.athena.sql.plan import Compiled
from infra.local.athena.sql.queries import QueryCompiler
from infra.local.athena.writes import Written


@dataclass(slots=True)
class Outcome:
    """What a statement has done.

    Attributes:
        kind: `DML`, `DDL` or `UTILITY`, as `StatementType` says.
        subtype: `SELECT`, `CREATE_TABLE_AS_SELECT` …
        result: Its rows.
        written: Files and rows of a statement that writes.
        bytes_scanned: Bytes of the files that were read.
    """

    kind: str
    subtype: str
    result: ResultSet
    written: Written | None = None
    bytes_scanned: int = 0


@dataclass(slots=True)
class StatementContext:
    """The surroundings of one statement.

    Attributes:
        catalog: Glue.
        store: S3.
        schemas: Parquet footers.
        session: DuckDB.
        database: For unqualified names.
        query_id: Of the execution.
        tables_location: Prefix for tables made without a location: `<output>/tables/<query id>/`.
        location_enforced: Whether the work group forbids `external_location`.
        cutoff: Called with the bytes to be scanned; raises when they are too many.
        bytes_scanned: Bytes of the files that the statement has read.
    """

    catalog: Catalog
    store: ObjectStore
    schemas: SchemaReader
    session: Session
    database: str
    query_id: str
    tables_location: str
    location_enforced: bool
    cutoff: Callable[[int], None]
    bytes_scanned: int = 0

    def compile(self, tree: exp.Expr) -> tuple[QueryCompiler, Compiled]:
        """Compiles a query without reading anything."""
        compiler = QueryCompiler(self.catalog.resolve, self.database)
        return compiler, compiler.compile(tree)

    def bound(self, tree: exp.Expr) -> tuple[str, Compiled]:
        """Compiles a query and puts relations in place of its scans."""
        compiler, compiled = self.compile(tree)
        sql = compiled.sql
        scanner = TableScanner(self.catalog, self.store, self.schemas, self.session, self.cutoff)
        for scan in compiler.scans:
            scan.path_used = '"$path"' in sql
            sql = sql.replace(scan.token, scanner.relation(scan))
            self.session.check_stopped()
        self.bytes_scanned = scanner.bytes_scanned
        return sql, compiled


def output_columns(compiled: Compiled) -> list[ResultColumn]:
    """The columns of a result, the nameless called `_col0`, `_col1` … by position."""
    return [ResultColumn(c.name or f"_col{i}", c.type) for i, c in enumerate(compiled.columns)]
