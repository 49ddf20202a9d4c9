"""How the files of a table become rows: Parquet and JSON by DuckDB, delimited text by hand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from infra.local.athena.catalog import columns_of, keys_of
from infra.local.athena.errors import NotSupportedError, QueryError
from infra.local.athena.objects import StoredObject
from infra.local.athena.parquet_columns import SchemaReader, Signature, column_sql
from infra.local.athena.sql.plan import TableColumn
from infra.local.athena.sql.scope import quoted, text
from infra.local.athena.sql.types import VARCHAR, Type
from infra.local.athena.text_rows import TextFormat, read_rows

if TYPE_CHECKING:
    from infra.local.athena.engine import Session

DEFAULT_PARTITION = "__HIVE_DEFAULT_PARTITION__"


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A file to read.

    Attributes:
        source: The object it is a copy of.
        values: Its partition's values, as Glue has them.
        path: A link whose folders carry the values.
        cached: The cached copy, whose name stands for its content.
    """

    source: StoredObject
    values: tuple[str, ...]
    path: Path
    cached: Path


class FormatReader:
    """Builds relations over local files for one query.

    Args:
        session: DuckDB connection.
        schemas: Parquet footers already read.
    """

    def __init__(self, session: Session, schemas: SchemaReader) -> None:
        self._session = session
        self._schemas = schemas
        self._path_used = False

    def relation(self, record: dict[str, Any], files: Sequence[LocalFile], *, path_used: bool) -> str:
        """DuckDB SQL of a table's rows, in parentheses.

        Args:
            record: The table's Glue record.
            files: What to read, at least one.
            path_used: Whether `"$path"` is asked for.

        Raises:
            QueryError: A file is broken; the message names it.
            NotSupportedError: The table's SerDe is not read here.
        """
        self._path_used = path_used
        columns, keys = columns_of(record), keys_of(record)
        library = record["StorageDescriptor"].get("SerdeInfo", {}).get("SerializationLibrary", "")
        if "parquet" in library.lower():
            return self._parquet(columns, keys, files)
        if "json" in library.lower():
            return self._json(columns, keys, files)
        if "OpenCSVSerde" in library or "LazySimpleSerDe" in library:
            return self._text(columns, keys, files, TextFormat.of(record))
        raise NotSupportedError(
            f"SerDe {library} of table {record['Name']}: Parquet, JSON and delimited text are read here"
        )

    def _parquet(
        self, columns: Sequence[TableColumn], keys: Sequence[TableColumn], files: Sequence[LocalFile]
    ) -> str:
        groups: dict[Signature, list[LocalFile]] = {}
        for file in files:
            try:
                signature = self._schemas.read(file.cached)
            except (pa.ArrowInvalid, OSError) as error:
                raise QueryError(
                    "HIVE_BAD_DATA",
                    f"Error opening Hive split {file.source.uri} (offset=0, length={file.source.size}): "
                    f"Malformed Parquet file: {error}",
                ) from error
            groups.setdefault(signature, []).append(file)
        parts = []
        for signature, members in groups.items():
            example = members[0].source.uri
            items = [f"{column_sql(c, signature, example)} AS {quoted(c.name)}" for c in columns]
            reader = f"read_parquet({_paths(members)}, {_hive(keys)}{self._filename})"
            parts.append(self._select(items, keys, reader))
        return f"({' UNION ALL '.join(parts)})"

    def _json(
        self, columns: Sequence[TableColumn], keys: Sequence[TableColumn], files: Sequence[LocalFile]
    ) -> str:
        # The SerDe matches members without regard to case, DuckDB with it: ask how they are spelled.
        objects = f"read_json_objects({_paths(files)}, format='newline_delimited')"
        spelled: dict[str, list[str]] = {}
        for (key,) in self._session.rows(f"SELECT DISTINCT unnest(json_keys(json)) FROM {objects}"):
            spelled.setdefault(key.lower(), []).append(key)
        twice = [names for names in spelled.values() if len(names) > 1]
        if twice:
            raise NotSupportedError(
                f"JSON rows that spell a member in several ways: {', '.join(sorted(twice[0]))}"
            )
        members = [spelled.get(c.name, [c.name])[0] for c in columns]
        declared = ", ".join(
            f"{text(m)}: {text(c.type.duckdb)}" for m, c in zip(members, columns, strict=True)
        )
        reader = (
            f"read_json({_paths(files)}, format='newline_delimited', columns={{{declared}}}, "
            f"{_hive(keys)}{self._filename})"
        )
        items = [f"{quoted(m)} AS {quoted(c.name)}" for m, c in zip(members, columns, strict=True)]
        return f"({self._select(items, keys, reader)})"

    def _text(
        self,
        columns: Sequence[TableColumn],
        keys: Sequence[TableColumn],
        files: Sequence[LocalFile],
        layout: TextFormat,
    ) -> str:
        parts = [read_rows(file.path, len(columns), layout) for file in files]
        arrays = [[value for rows in parts for value in rows[i]] for i in range(len(columns))]
        owners = [(file, len(rows[0]) if rows else 0) for file, rows in zip(files, parts, strict=True)]
        data = {f"c{i}": pa.array(a, pa.string()) for i, a in enumerate(arrays)}
        for i in range(len(keys)):
            values = [
                None if f.values[i] == DEFAULT_PARTITION else f.values[i] for f, n in owners for _ in range(n)
            ]
            data[f"k{i}"] = pa.array(values, pa.string())
        data["$path"] = pa.array([f.source.uri for f, n in owners for _ in range(n)], pa.string())
        items = [
            f"{_text_value(f'c{i}', c, quoting=layout.quoting)} AS {quoted(c.name)}"
            for i, c in enumerate(columns)
        ]
        items += [f"CAST(k{i} AS {k.type.duckdb}) AS {quoted(k.name)}" for i, k in enumerate(keys)]
        table = self._session.register(pa.table(data))
        return f'(SELECT {", ".join(items)}, "$path" FROM {table})'

    @property
    def _filename(self) -> str:
        return ", filename='#file'" if self._path_used else ""

    def _select(self, items: Sequence[str], keys: Sequence[TableColumn], reader: str) -> str:
        listed = ", ".join([*items, *(quoted(k.name) for k in keys)])
        if not self._path_used:
            return f"SELECT {listed} FROM {reader}"
        sources = self._session.sources
        names = self._session.register(pa.table({"#link": list(sources), "$path": list(sources.values())}))
        return (
            f'SELECT {listed}, "$path" FROM {reader} JOIN {names} AS "#names" ON "#names"."#link" = "#file"'
        )


def _paths(files: Sequence[LocalFile]) -> str:
    return "[" + ", ".join(text(str(f.path)) for f in files) + "]"


def _hive(keys: Sequence[TableColumn]) -> str:
    if not keys:
        return "hive_partitioning=false"
    kinds = ", ".join(f"{text(k.name)}: {text(k.type.duckdb)}" for k in keys)
    return f"hive_partitioning=true, hive_types={{{kinds}}}"


def _text_value(sql: str, column: TableColumn, *, quoting: bool) -> str:
    """A field of delimited text as the type of its column."""
    kind: Type = column.type
    if kind == VARCHAR:
        return sql
    if kind.args or (quoting and kind.is_datetime):
        raise NotSupportedError(
            f"column {column.name} of type {kind} in delimited text: declare it string and parse it"
        )
    if quoting:  # OpenCSVSerde fails on what it cannot convert, LazySimpleSerDe gives NULL
        return f"CASE WHEN {sql} <> '' THEN CAST({sql} AS {kind.duckdb}) END"
    return f"TRY_CAST({sql} AS {kind.duckdb})"
