"""Parquet columns against the types that Glue declares: equal, widened, missing or wrong."""

from __future__ import annotations

import threading
from collections import OrderedDict
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from infra.local.athena.sql.plan import TableColumn
from infra.local.athena.sql.scope import quoted, text
from infra.local.athena.sql.types import Type

_REMEMBERED = 20_000

Signature = tuple[tuple[str, pa.DataType], ...]


class SchemaReader:
    """Reads footers, each file's once: a cached file never changes."""

    def __init__(self) -> None:
        self._known: OrderedDict[str, Signature] = OrderedDict()
        self._lock = threading.Lock()

    def read(self, path: Path) -> Signature:
        """Column names as in the file, and their Arrow types.

        Raises:
            pa.ArrowInvalid: The file is no Parquet, or was cut off.
        """
        with self._lock:
            found = self._known.get(path.name)
            if found is not None:
                self._known.move_to_end(path.name)
                return found
        schema = pq.read_schema(path)
        signature = tuple((f.name, _plain(f.type)) for f in schema)
        with self._lock:
            self._known[path.name] = signature
            while len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return signature


def column_sql(column: TableColumn, signature: Signature, example_uri: str) -> str:
    """DuckDB expression that reads a table's column from files of one schema.

    A column that the files lack is NULL; one whose type Athena cannot read fails with
    HIVE_BAD_DATA, but only when a query asks for it.
    """
    held = next(((n, t) for n, t in signature if n.lower() == column.name), None)
    if held is None or pa.types.is_null(held[1]):
        return f"CAST(NULL AS {column.type.duckdb})"
    name, kind = held
    sql = quoted(name)
    if not readable(kind, column.type):
        message = (
            f"HIVE_BAD_DATA: Error opening Hive split {example_uri}: Malformed Parquet file. Field"
            f" '{column.name}'s type {kind} in parquet file {example_uri} is incompatible with type"
            f" {column.type.glue} defined in table schema"
        )
        return (
            f"CAST(CASE WHEN {sql} IS NOT NULL THEN t_fail({text(message)}) END AS"
            f" VARCHAR)::{column.type.duckdb}"
        )
    if column.type.name == "timestamp" and pa.types.is_timestamp(kind):
        local = f"timezone('UTC', {sql})" if kind.tz else sql
        # Athena's timestamps have milliseconds, whatever the file holds.
        return (
            f"CAST({local} AS TIMESTAMP)"
            if kind.unit in ("s", "ms")
            else f"CAST(CAST({local} AS TIMESTAMP_MS) AS TIMESTAMP)"
        )
    if column.type.name == "varchar" and pa.types.is_binary(kind):
        return f"decode({sql})"
    if column.type.name == "varbinary" and pa.types.is_string(kind):
        return f"encode({sql})"
    return f"CAST({sql} AS {column.type.duckdb})"


def readable(kind: pa.DataType, want: Type) -> bool:  # noqa: PLR0911 - one return a family of types
    """Whether Athena reads a Parquet column of this type as the declared one.

    https://docs.aws.amazon.com/athena/latest/ug/handling-schema-updates-chapter.html
    """
    if pa.types.is_boolean(kind):
        return want.name == "boolean"
    if pa.types.is_integer(kind):
        return want.name in (
            ("bigint",) if kind.bit_width == 64 else ("tinyint", "smallint", "integer", "bigint")
        ) or (want.name == "decimal" and want.scale == 0)
    if pa.types.is_floating(kind):
        return want.name == "double" or (want.name == "real" and kind.bit_width == 32)
    if pa.types.is_decimal(kind):
        return (
            want.name == "decimal"
            and want.scale >= kind.scale
            and want.precision - want.scale >= kind.precision - kind.scale
        )
    if pa.types.is_string(kind) or pa.types.is_binary(kind):
        return want.name in ("varchar", "varbinary")
    if pa.types.is_date(kind):
        return want.name == "date"
    if pa.types.is_timestamp(kind):
        return want.name == "timestamp"
    if pa.types.is_list(kind):
        return want.name == "array" and readable(kind.value_type, want.args[0])
    if pa.types.is_map(kind):
        return (
            want.name == "map"
            and readable(kind.key_type, want.args[0])
            and readable(kind.item_type, want.args[1])
        )
    if pa.types.is_struct(kind):
        fields = {f.name.lower(): f.type for f in kind}
        return want.name == "row" and all(
            name not in fields or readable(fields[name], arg)
            for name, arg in zip(want.fields, want.args, strict=True)
        )
    return pa.types.is_null(kind)


def _plain(kind: pa.DataType) -> pa.DataType:
    """The type without Arrow's own encodings, which Parquet does not have."""
    if pa.types.is_dictionary(kind):
        return _plain(kind.value_type)
    if pa.types.is_large_string(kind) or pa.types.is_string_view(kind):
        return pa.string()
    if pa.types.is_large_binary(kind) or pa.types.is_fixed_size_binary(kind) or pa.types.is_binary_view(kind):
        return pa.binary()
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        return pa.list_(_plain(kind.value_type))
    return kind
