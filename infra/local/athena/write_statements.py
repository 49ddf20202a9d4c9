"""CREATE TABLE AS, INSERT INTO and UNLOAD."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pyarrow as pa
from sqlglot import exp

from infra.local.athena.catalog import columns_of, keys_of, refuse_iceberg
from infra.local.athena.context import Outcome, StatementContext, output_columns
from infra.local.athena.errors import NotSupportedError, QueryError
from infra.local.athena.hive.ddl import table_record
from infra.local.athena.information_schema import CATALOG
from infra.local.athena.results import ResultColumn, ResultSet, lines
from infra.local.athena.sql import dialect
from infra.local.athena.sql.dialect import Token, TokenType
from infra.local.athena.sql.plan import Compiled, TableColumn
from infra.local.athena.sql.types import BIGINT, UNKNOWN, common
from infra.local.athena.writes import FORMATS, TableWriter, Target, Written, codec, register_partitions


class WriteStatements:
    """The statements that write tables.

    Args:
        context: Of the statement.
    """

    def __init__(self, context: StatementContext) -> None:
        self._context = context

    def create_table_as(self, tree: exp.Create) -> Outcome:
        """Runs CREATE TABLE … AS."""
        target = tree.this
        database, name = (target.db or self._context.database).lower(), target.name.lower()
        properties = with_properties(tree.args.get("properties"))
        empty = bool(properties.pop("no_data", ""))
        if str(properties.pop("table_type", "HIVE")).upper() != "HIVE":
            raise NotSupportedError(
                "CREATE TABLE AS with table_type='ICEBERG': this server makes Hive tables only"
            )
        if self._context.catalog.find(database, name) is not None:
            if tree.args.get("exists"):
                return Outcome("DDL", "CREATE_TABLE_AS_SELECT", lines("result", []))
            raise QueryError(
                "TABLE_ALREADY_EXISTS",
                f"line 1:1: Destination table '{CATALOG}.{database}.{name}' already exists",
            )
        if not self._context.catalog.has_database(database):
            raise QueryError("SCHEMA_NOT_FOUND", f"line 1:1: Schema '{database}' does not exist")
        location = self._location(properties, f"{database}.{name}")
        keys_wanted = [str(k).lower() for k in _listed(properties.pop("partitioned_by", []))]
        made = self._format(properties)
        properties.pop("is_external", None)
        if properties:
            raise NotSupportedError(f"table property {sorted(properties)[0]} of CREATE TABLE AS")
        sql, compiled = self._context.bound(tree.expression)
        refuse_unnamed(compiled)
        columns = [TableColumn(c.name, c.type) for c in compiled.columns]
        if keys_wanted and [c.name for c in columns][-len(keys_wanted) :] != keys_wanted:
            raise QueryError(
                "HIVE_COLUMN_ORDER_MISMATCH",
                "Partition keys must be the last columns in the table and in the same order as the table"
                f" properties: {keys_wanted}",
            )
        split = len(columns) - len(keys_wanted)
        if split == 0:
            raise QueryError("CONSTRAINT_VIOLATION", "Table contains only partition columns")
        plan = Target(columns[:split], columns[split:], location, *made)
        glue = [{"Name": c.name, "Type": c.type.glue} for c in columns]
        writer = TableWriter(self._context.session, self._context.store, self._context.query_id)
        written = Written(0, [], []) if empty else writer.write(sql, plan)
        table = _with_format(table_record(name, glue[:split], glue[split:], location), plan)
        self._context.catalog.put_table(database, table)
        register_partitions(self._context.catalog, self._context.catalog.table(database, name), written)
        return Outcome("DDL", "CREATE_TABLE_AS_SELECT", lines("result", []), written)

    def _location(self, properties: dict[str, Any], name: str) -> str:
        given = properties.pop("external_location", None)
        if given is None:
            return self._context.tables_location
        if self._context.location_enforced:
            raise QueryError(
                "INVALID_TABLE_PROPERTY",
                "The work group enforces its output location: leave out external_location",
            )
        location = str(given).rstrip("/") + "/"
        if self._context.store.data_files(location):
            raise QueryError(
                "HIVE_PATH_ALREADY_EXISTS",
                f"Target directory for table '{name}' already exists: {location}. You may need to manually"
                " clean the data",
            )
        return location

    @staticmethod
    def _format(properties: dict[str, Any]) -> tuple[str, str, str]:
        wanted = str(properties.pop("format", "PARQUET")).upper()
        if wanted not in FORMATS:
            raise NotSupportedError(f"format {wanted}: PARQUET, JSON and TEXTFILE are written here")
        format_ = FORMATS[wanted]
        compression = ""
        for key in ("write_compression", "parquet_compression", "compression"):
            compression = str(properties.pop(key, compression))
        return format_, codec(compression, format_), str(properties.pop("field_delimiter", "\x01"))

    def insert(self, tree: exp.Insert) -> Outcome:
        """Runs INSERT INTO."""
        if tree.args.get("overwrite"):
            raise QueryError("SYNTAX_ERROR", "line 1:1: mismatched input 'OVERWRITE'. Expecting: 'INTO'")
        schema = tree.this
        table_node = schema.this if isinstance(schema, exp.Schema) else schema
        database, name = (table_node.db or self._context.database).lower(), table_node.name.lower()
        record = self._context.catalog.table(database, name)
        if record.get("TableType") == "VIRTUAL_VIEW":
            raise NotSupportedError("Inserting into views is not supported")
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
        sql, compiled = self._context.bound(tree.expression)
        kinds = {c.name: c.type for c in everything}
        _check_insert([kinds[g] for g in given], [c.type for c in compiled.columns])
        wide = self._widened(sql, compiled, given, everything)
        existing = (
            {p.values: p.location for p in self._context.catalog.partitions(database, name)} if keys else {}
        )
        location = record["StorageDescriptor"]["Location"].rstrip("/") + "/"
        target = Target(columns, keys, location, *_format_of(record), existing=existing)
        written = TableWriter(self._context.session, self._context.store, self._context.query_id).write(
            wide, target
        )
        new = Written(
            written.rows, written.files, [p for p in written.partitions if p.values not in existing]
        )
        register_partitions(self._context.catalog, record, new)
        count = ResultColumn("rows", BIGINT)
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

    def unload(self, sql: str, tokens: Sequence[Token]) -> Outcome:
        """Runs UNLOAD (…) TO."""
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
        if self._context.store.data_files(location):
            raise QueryError(
                "HIVE_PATH_ALREADY_EXISTS", f"Target directory for UNLOAD already exists: {location}"
            )
        keys_wanted = [str(k).lower() for k in _listed(properties.pop("partitioned_by", []))]
        made = self._format(properties)
        bound, compiled = self._context.bound(dialect.parse(sql[tokens[1].end + 1 : tokens[close].start]))
        columns = [TableColumn(c.name, c.type) for c in output_columns(compiled)]
        split = len(columns) - len(keys_wanted)
        if [c.name for c in columns[split:]] != keys_wanted:
            raise QueryError(
                "HIVE_COLUMN_ORDER_MISMATCH",
                f"Partition keys must be the last columns of the query: {keys_wanted}",
            )
        written = TableWriter(self._context.session, self._context.store, self._context.query_id).write(
            bound, Target(columns[:split], columns[split:], location, *made)
        )
        return Outcome("DML", "UNLOAD", lines("rows", []), written)


def refuse_unnamed(compiled: Compiled) -> None:
    """Refuses a query whose columns cannot become those of a table or view.

    Raises:
        QueryError: One has no name, no type, or the name of another.
    """
    names = [c.name for c in compiled.columns]
    for i, name in enumerate(names, 1):
        if not name:
            raise QueryError("MISSING_COLUMN_NAME", f"line 1:1: Column name not specified at position {i}")
        if names.count(name) > 1:
            raise QueryError(
                "DUPLICATE_COLUMN_NAME", f"line 1:1: Column name '{name}' specified more than once"
            )
        if compiled.columns[i - 1].type == UNKNOWN:
            raise QueryError("COLUMN_TYPE_UNKNOWN", f"line 1:1: Column type is unknown: {name}")


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
            raise NotSupportedError(f"{item.sql('trino')} in CREATE TABLE AS")
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
        raise NotSupportedError(f"INSERT INTO {record['Name']}: a symlink table is read only")
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
    raise NotSupportedError(f"INSERT INTO a table of SerDe {library}")


def _check_insert(wanted: Sequence[Any], given: Sequence[Any]) -> None:
    fits = len(wanted) == len(given) and all(common(w, g) == w for w, g in zip(wanted, given, strict=True))
    if not fits:
        raise QueryError(
            "TYPE_MISMATCH",
            f"line 1:1: Insert query has mismatched column types: Table: [{', '.join(map(str, wanted))}],"
            f" Query: [{', '.join(map(str, given))}]",
        )
