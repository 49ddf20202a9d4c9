"""One statement from text to outcome: which kind it is, and who runs it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlglot import exp
from sqlglot.tokens import Token, TokenType

from infra.local.athena.catalog import CATALOG, Catalog, columns_of, keys_of, refuse_iceberg, view_record
from infra.local.athena.engine import Session
from infra.local.athena.errors import NotSupported, QueryError
from infra.local.athena.hive.ddl import DdlRunner, table_record
from infra.local.athena.hive.show import ShowRunner
from infra.local.athena.objects import ObjectStore
from infra.local.athena.parquet_columns import SchemaReader
from infra.local.athena.results import ResultColumn, ResultSet, lines, rendered
from infra.local.athena.scan import TableScanner
from infra.local.athena.sql import dialect
from infra.local.athena.sql.plan import Compiled, TableColumn
from infra.local.athena.sql.queries import QueryCompiler
from infra.local.athena.sql.types import BIGINT, UNKNOWN, common
from infra.local.athena.writes import FORMATS, TableWriter, Target, Written, codec, register_partitions


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
class StatementRunner:
    """Runs one statement of one query execution.

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
    bytes_scanned: int = field(default=0)

    def run(self, sql: str) -> Outcome:
        """Runs the statement.

        Raises:
            QueryError: It fails in Athena, or this server refuses it.
            QueryStopped: It was cancelled.
        """
        outcome = self._dispatch(sql)
        outcome.bytes_scanned = self.bytes_scanned
        return outcome

    def _dispatch(self, sql: str) -> Outcome:
        kind, tokens = statement_kind(sql)
        if kind in ("SHOW", "DESCRIBE", "DESC"):
            shown = ShowRunner(self.catalog, self.database).run(sql)
            if shown is not None:
                return Outcome("UTILITY", kind, shown)
        if kind == "EXPLAIN":
            return self._explain(sql)
        if kind == "UNLOAD":
            return self._unload(sql, tokens)
        if kind in ("ALTER", "MSCK", "DROP") or kind == "CREATE" and not _has_query(tokens):
            ran = DdlRunner(self.catalog, self.store, self.database).run(sql)
            if ran is not None:
                return Outcome("DDL", f"{kind}_{tokens[1].text.upper()}" if len(tokens) > 1 else kind, ran)
        if kind in (
            "PREPARE",
            "EXECUTE",
            "DEALLOCATE",
            "OPTIMIZE",
            "VACUUM",
            "CALL",
            "GRANT",
            "SET",
            "USE",
            "ANALYZE",
        ):
            raise NotSupported(f"{kind} statements")
        return self._tree(dialect.parse(sql), sql)

    def _tree(self, tree: exp.Expression, sql: str) -> Outcome:
        if isinstance(tree, exp.Create):
            kind = str(tree.args.get("kind")).upper()
            if kind == "VIEW":
                return self._create_view(tree, sql)
            if kind == "TABLE" and tree.expression is not None:
                return self._create_table_as(tree)
        if isinstance(tree, exp.Insert):
            return self._insert(tree)
        if isinstance(tree, (exp.Delete, exp.Update, exp.Merge)):
            raise NotSupported(
                f"{type(tree).__name__.upper()} needs an Iceberg table: this server has Hive tables only"
            )
        if isinstance(tree, (exp.Query, exp.Values)):
            return self._select(tree)
        raise QueryError("SYNTAX_ERROR", f"line 1:1: mismatched input '{sql.split()[0]}'")

    # --- SELECT

    def _compile(self, tree: exp.Expr) -> tuple[QueryCompiler, Compiled]:
        compiler = QueryCompiler(self.catalog.resolve, self.database)
        return compiler, compiler.compile(tree)

    def _bound(self, tree: exp.Expr) -> tuple[str, Compiled]:
        """Compiles a query and puts relations in place of its scans."""
        compiler, compiled = self._compile(tree)
        sql = compiled.sql
        scanner = TableScanner(self.catalog, self.store, self.schemas, self.session, self.cutoff)
        for scan in compiler.scans:
            scan.path_used = '"$path"' in sql
            sql = sql.replace(scan.token, scanner.relation(scan))
            self.session.check_stopped()
        self.bytes_scanned = scanner.bytes_scanned
        return sql, compiled

    def _select(self, tree: exp.Expr) -> Outcome:
        sql, compiled = self._bound(tree)
        columns = output_columns(compiled)
        return Outcome("DML", "SELECT", rendered(self.session.arrow(sql), columns))

    def _explain(self, sql: str) -> Outcome:
        match = re.match(r"\s*EXPLAIN\s*(\((?:\s*\w+\s+\w+\s*,?)*\)|ANALYZE\b)?", _uncommented(sql), re.I)
        assert match is not None  # its first token is EXPLAIN
        if (match[1] or "").upper() == "ANALYZE":
            raise NotSupported("EXPLAIN ANALYZE")
        query = _uncommented(sql)[match.end() :]
        compiler, compiled = self._compile(dialect.parse(query))
        plan = ["Query Plan", f"- Output[columnNames = {[c.name for c in output_columns(compiled)]}]"]
        for scan in compiler.scans:
            plan.append(f"    - TableScan[table = {CATALOG}:{scan.database}:{scan.table}]")
            plan += [f"          partition predicate: {f}" for f in scan.filters]
        return Outcome("UTILITY", "EXPLAIN", lines("Query Plan", plan))

    # --- writing

    def _create_view(self, tree: exp.Create, sql: str) -> Outcome:
        target = tree.this.this if isinstance(tree.this, exp.Schema) else tree.this
        if isinstance(tree.this, exp.Schema):
            raise QueryError(
                "SYNTAX_ERROR", "line 1:1: mismatched input '(': a view's columns are named in its query"
            )
        database, name = (target.db or self.database).lower(), target.name.lower()
        _, compiled = self._compile(tree.expression)
        columns = [TableColumn(c.name, c.type) for c in output_columns(compiled)]
        self._refuse_unnamed(compiled)
        existing = self.catalog.find(database, name)
        if existing is not None and (
            existing.get("TableType") != "VIRTUAL_VIEW" or not tree.args.get("replace")
        ):
            raise QueryError(
                "TABLE_ALREADY_EXISTS", f"line 1:1: '{CATALOG}.{database}.{name}' already exists"
            )
        text = sql[_query_start(dialect.tokens_of(sql)) :].strip().rstrip(";")
        self.catalog.put_table(
            database, view_record(name, text, self.database, columns), replace=existing is not None
        )
        return Outcome("DDL", "CREATE_VIEW", lines("result", []))

    @staticmethod
    def _refuse_unnamed(compiled: Compiled) -> None:
        names = [c.name for c in compiled.columns]
        for i, name in enumerate(names, 1):
            if not name:
                raise QueryError(
                    "MISSING_COLUMN_NAME", f"line 1:1: Column name not specified at position {i}"
                )
            if names.count(name) > 1:
                raise QueryError(
                    "DUPLICATE_COLUMN_NAME", f"line 1:1: Column name '{name}' specified more than once"
                )
            if compiled.columns[i - 1].type == UNKNOWN:
                raise QueryError("COLUMN_TYPE_UNKNOWN", f"line 1:1: Column type is unknown: {name}")

    def _create_table_as(self, tree: exp.Create) -> Outcome:
        target = tree.this
        database, name = (target.db or self.database).lower(), target.name.lower()
        properties = with_properties(tree.args.get("properties"))
        empty = bool(properties.pop("no_data", ""))
        if str(properties.pop("table_type", "HIVE")).upper() != "HIVE":
            raise NotSupported(
                "CREATE TABLE AS with table_type='ICEBERG': this server makes Hive tables only"
            )
        if self.catalog.find(database, name) is not None:
            if tree.args.get("exists"):
                return Outcome("DDL", "CREATE_TABLE_AS_SELECT", lines("result", []))
            raise QueryError(
                "TABLE_ALREADY_EXISTS",
                f"line 1:1: Destination table '{CATALOG}.{database}.{name}' already exists",
            )
        if not self.catalog.has_database(database):
            raise QueryError("SCHEMA_NOT_FOUND", f"line 1:1: Schema '{database}' does not exist")
        location = self._location(properties, f"{database}.{name}")
        keys_wanted = [str(k).lower() for k in _listed(properties.pop("partitioned_by", []))]
        made = self._format(properties)
        properties.pop("is_external", None)
        if properties:
            raise NotSupported(f"table property {sorted(properties)[0]} of CREATE TABLE AS")
        sql, compiled = self._bound(tree.expression)
        self._refuse_unnamed(compiled)
        columns = [TableColumn(c.name, c.type) for c in compiled.columns]
        if keys_wanted and [c.name for c in columns][-len(keys_wanted) :] != keys_wanted:
            raise QueryError(
                "HIVE_COLUMN_ORDER_MISMATCH",
                f"Partition keys must be the last columns in the table and in the same order as the table properties: {keys_wanted}",
            )
        split = len(columns) - len(keys_wanted)
        if split == 0:
            raise QueryError("CONSTRAINT_VIOLATION", "Table contains only partition columns")
        plan = Target(columns[:split], columns[split:], location, *made)
        glue = [{"Name": c.name, "Type": c.type.glue} for c in columns]
        writer = TableWriter(self.session, self.store, self.query_id)
        written = Written(0, [], []) if empty else writer.write(sql, plan)
        table = _with_format(table_record(name, glue[:split], glue[split:], location), plan)
        self.catalog.put_table(database, table)
        register_partitions(self.catalog, self.catalog.table(database, name), written)
        return Outcome("DDL", "CREATE_TABLE_AS_SELECT", lines("result", []), written)

    def _location(self, properties: dict[str, Any], name: str) -> str:
        given = properties.pop("external_location", None)
        if given is None:
            return self.tables_location
        if self.location_enforced:
            raise QueryError(
                "INVALID_TABLE_PROPERTY",
                "The work group enforces its output location: leave out external_location",
            )
        location = str(given).rstrip("/") + "/"
        if self.store.list(location):
            raise QueryError(
                "HIVE_PATH_ALREADY_EXISTS",
                f"Target directory for table '{name}' already exists: {location}. You may need to manually clean the data",
            )
        return location

    @staticmethod
    def _format(properties: dict[str, Any]) -> tuple[str, str, str]:
        wanted = str(properties.pop("format", "PARQUET")).upper()
        if wanted not in FORMATS:
            raise NotSupported(f"format {wanted}: PARQUET, JSON and TEXTFILE are written here")
        format_ = FORMATS[wanted]
        compression = ""
        for key in ("write_compression", "parquet_compression", "compression"):
            compression = str(properties.pop(key, compression))
        return format_, codec(compression, format_), str(properties.pop("field_delimiter", "\x01"))

    def _insert(self, tree: exp.Insert) -> Outcome:
        if tree.args.get("overwrite"):
            raise QueryError("SYNTAX_ERROR", "line 1:1: mismatched input 'OVERWRITE'. Expecting: 'INTO'")
        schema = tree.this
        table_node = schema.this if isinstance(schema, exp.Schema) else schema
        database, name = (table_node.db or self.database).lower(), table_node.name.lower()
        record = self.catalog.table(database, name)
        if record.get("TableType") == "VIRTUAL_VIEW":
            raise NotSupported("Inserting into views is not supported")
        refuse_iceberg(record)
        columns, keys = columns_of(record), keys_of(record)
        everything = [*columns, *keys]
        given = (
            [c.name.lower() for c in schema.expressions]
            if isinstance(schema, exp.Schema)
            else [c.name for c in everything]
        )
        unknown = [g for g in given if g not in {c.name for c in everything}]
        if unknown:
            raise QueryError(
                "COLUMN_NOT_FOUND",
                f"line 1:1: Insert column name does not exist in target table: {unknown[0]}",
            )
        sql, compiled = self._bound(tree.expression)
        kinds = {c.name: c.type for c in everything}
        _check_insert([kinds[g] for g in given], [c.type for c in compiled.columns])
        wide = self._widened(sql, compiled, given, everything)
        existing = {p.values: p.location for p in self.catalog.partitions(database, name)} if keys else {}
        location = record["StorageDescriptor"]["Location"].rstrip("/") + "/"
        target = Target(columns, keys, location, *_format_of(record), existing=existing)
        written = TableWriter(self.session, self.store, self.query_id).write(wide, target)
        new = Written(
            written.rows, written.files, [p for p in written.partitions if p.values not in existing]
        )
        register_partitions(self.catalog, record, new)
        count = ResultColumn("rows", BIGINT)
        import pyarrow as pa

        return Outcome("DML", "INSERT", ResultSet([count], pa.table({"rows": [str(written.rows)]})), written)

    @staticmethod
    def _widened(
        sql: str, compiled: Compiled, given: Sequence[str], everything: Sequence[TableColumn]
    ) -> str:
        items = []
        for column in everything:
            value = f"s{given.index(column.name)}" if column.name in given else "NULL"
            items.append(f"CAST({value} AS {column.type.duckdb})")
        sources = ", ".join(f"s{i}" for i in range(len(compiled.columns)))
        return f"SELECT {', '.join(items)} FROM ({sql}) AS source({sources})"

    def _unload(self, sql: str, tokens: Sequence[Token]) -> Outcome:
        opened = 0
        close = -1
        for i, token in enumerate(tokens[1:], 1):
            opened += (token.token_type == TokenType.L_PAREN) - (token.token_type == TokenType.R_PAREN)
            if opened == 0:
                close = i
                break
        rest = tokens[close + 1 :]
        if (
            close < 2
            or len(rest) < 2
            or rest[0].text.upper() != "TO"
            or rest[1].token_type != TokenType.STRING
        ):
            raise QueryError(
                "SYNTAX_ERROR",
                "line 1:1: write UNLOAD (SELECT …) TO 's3://bucket/prefix/' WITH (format = 'PARQUET')",
            )
        options = f"CREATE TABLE unloaded {sql[rest[2].start :] if len(rest) > 2 else ''} AS SELECT 1 AS one"
        parsed = dialect.parse(options)
        properties = with_properties(parsed.args.get("properties"))
        location = rest[1].text.rstrip("/") + "/"
        if self.store.list(location):
            raise QueryError(
                "HIVE_PATH_ALREADY_EXISTS", f"Target directory for UNLOAD already exists: {location}"
            )
        keys_wanted = [str(k).lower() for k in _listed(properties.pop("partitioned_by", []))]
        made = self._format(properties)
        bound, compiled = self._bound(dialect.parse(sql[tokens[1].end + 1 : tokens[close].start]))
        columns = [TableColumn(c.name, c.type) for c in output_columns(compiled)]
        split = len(columns) - len(keys_wanted)
        if [c.name for c in columns[split:]] != keys_wanted:
            raise QueryError(
                "HIVE_COLUMN_ORDER_MISMATCH",
                f"Partition keys must be the last columns of the query: {keys_wanted}",
            )
        written = TableWriter(self.session, self.store, self.query_id).write(
            bound, Target(columns[:split], columns[split:], location, *made)
        )
        return Outcome("DML", "UNLOAD", lines("rows", []), written)


def statement_kind(sql: str) -> tuple[str, list[Token]]:
    """The first word of a statement, and its tokens where Trino's grammar can read them."""
    if re.match(r"EXPLAIN\b", _uncommented(sql), re.I):  # sqlglot would take the rest as one string
        return "EXPLAIN", []
    try:
        tokens = dialect.tokens_of(sql)
    except QueryError:
        # Hive's DDL has strings and marks that are not Trino's.
        words = sql.split()
        if not words or words[0].upper() not in (
            "CREATE",
            "ALTER",
            "DROP",
            "MSCK",
            "SHOW",
            "DESCRIBE",
            "DESC",
        ):
            raise
        return words[0].upper(), []
    if not tokens:
        raise QueryError("SYNTAX_ERROR", "line 1:1: the query is empty")
    return tokens[0].text.upper().split()[0], tokens


def _uncommented(sql: str) -> str:
    """The statement without the comments before it."""
    return re.sub(r"\A(?:\s+|--[^\n]*(?:\n|\Z)|/\*.*?\*/)*", "", sql, flags=re.S)


def _has_query(tokens: Sequence[Token]) -> bool:
    """CREATE … AS SELECT and CREATE VIEW go to Trino's engine, other DDL to Hive's."""
    return any(
        t.token_type in (TokenType.SELECT, TokenType.VALUES, TokenType.WITH) and t.text.upper() != "WITH"
        for t in tokens
    ) or any(t.token_type == TokenType.VIEW for t in tokens[:4])


def _query_start(tokens: Sequence[Token]) -> int:
    """Where the query of CREATE VIEW begins: after its first AS."""
    for token in tokens:
        if token.token_type == TokenType.ALIAS:
            return token.end + 1
    raise QueryError("SYNTAX_ERROR", "line 1:1: CREATE VIEW needs AS")


def output_columns(compiled: Compiled) -> list[ResultColumn]:
    """The columns of a result, the nameless called `_col0`, `_col1` … by position."""
    return [ResultColumn(c.name or f"_col{i}", c.type) for i, c in enumerate(compiled.columns)]


def with_properties(node: exp.Expr | None) -> dict[str, Any]:
    """The properties of `WITH (…)`, as text, numbers or lists of text."""
    found: dict[str, Any] = {}
    for item in node.expressions if node is not None else []:
        if isinstance(item, exp.WithDataProperty):
            if item.args.get("no"):
                found["no_data"] = "yes"
        elif isinstance(item, exp.FileFormatProperty):
            found["format"] = item.this.name
        elif isinstance(item, exp.PartitionedByProperty):
            found["partitioned_by"] = [e.name for e in item.this.expressions]
        elif isinstance(item, exp.LocationProperty):
            found["location"] = item.this.name
        elif isinstance(item, exp.Property):
            value = item.args["value"]
            key = item.this.name if hasattr(item.this, "name") else str(item.this)
            found[key.lower()] = (
                [e.name for e in value.expressions]
                if isinstance(value, (exp.Array, exp.Tuple))
                else value.name
            )
        else:
            raise NotSupported(f"{item.sql('trino')} in CREATE TABLE AS")
    return found


def _listed(value: Any) -> list[str]:
    return list(value) if isinstance(value, list) else [value]


def _with_format(table: dict[str, Any], target: Target) -> dict[str, Any]:
    if target.format == "parquet":
        table["Parameters"] |= {"classification": "parquet", "parquet.compression": target.codec.upper()}
        return table
    descriptor = table["StorageDescriptor"]
    descriptor["InputFormat"] = "org.apache.hadoop.mapred.TextInputFormat"
    descriptor["OutputFormat"] = "org.apache.hadoop.hive.ql.io.HiveIgnoreKeyTextOutputFormat"
    if target.format == "json":
        descriptor["SerdeInfo"] = {
            "SerializationLibrary": "org.apache.hive.hcatalog.data.JsonSerDe",
            "Parameters": {},
        }
    else:
        descriptor["SerdeInfo"] = {
            "SerializationLibrary": "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe",
            "Parameters": {"field.delim": target.delimiter},
        }
    return table


def _format_of(record: dict[str, Any]) -> tuple[str, str, str]:
    serde = record["StorageDescriptor"].get("SerdeInfo", {})
    library = serde.get("SerializationLibrary", "")
    if "Symlink" in record["StorageDescriptor"].get("InputFormat", ""):
        raise NotSupported(f"INSERT INTO {record['Name']}: a symlink table is read only")
    if "parquet" in library.lower():
        parameters = record.get("Parameters", {})
        return (
            "parquet",
            codec(
                parameters.get("parquet.compression", parameters.get("write.compression", "SNAPPY")),
                "parquet",
            ),
            "",
        )
    if "json" in library.lower():
        return "json", "gzip", ""
    if "LazySimpleSerDe" in library:
        return "csv", "gzip", serde.get("Parameters", {}).get("field.delim", "\x01")
    raise NotSupported(f"INSERT INTO a table of SerDe {library}")


def _check_insert(wanted: Sequence[Any], given: Sequence[Any]) -> None:
    fits = len(wanted) == len(given) and all(common(w, g) == w for w, g in zip(wanted, given, strict=True))
    if not fits:
        raise QueryError(
            "TYPE_MISMATCH",
            f"line 1:1: Insert query has mismatched column types: Table: [{', '.join(map(str, wanted))}], Query: [{', '.join(map(str, given))}]",
        )
