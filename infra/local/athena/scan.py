"""Turns a scan of a Glue table into a DuckDB relation over local copies of its files."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pyarrow as pa

from infra.local.athena.catalog import CATALOG, INFORMATION_SCHEMA, Catalog, Partition, columns_of, keys_of
from infra.local.athena.errors import NotSupported, QueryError
from infra.local.athena.objects import ObjectStore, StoredObject
from infra.local.athena.parquet_columns import SchemaReader, Signature, column_sql
from infra.local.athena.sql.plan import Scan, TableColumn
from infra.local.athena.sql.scope import quoted, text
from infra.local.athena.sql.types import VARCHAR, Type

if TYPE_CHECKING:
    from infra.local.athena.engine import Session

SYMLINK_INPUT = "org.apache.hadoop.hive.ql.io.SymlinkTextInputFormat"
DEFAULT_PARTITION = "__HIVE_DEFAULT_PARTITION__"


@dataclass(frozen=True, slots=True)
class _File:
    """A file to read: the object, its partition's values, and where it lies locally."""

    source: StoredObject
    values: tuple[str, ...]
    path: Path


class TableScanner:
    """Builds relations for one query.

    Args:
        catalog: Glue.
        store: Objects of S3.
        schemas: Parquet footers already read.
        session: DuckDB connection; prunes partitions and keeps the links alive.
        cutoff: Called with the bytes to be read so far, before they are fetched.
    """

    def __init__(
        self,
        catalog: Catalog,
        store: ObjectStore,
        schemas: SchemaReader,
        session: Session,
        cutoff: Callable[[int], None],
    ) -> None:
        self._catalog = catalog
        self._store = store
        self._schemas = schemas
        self._session = session
        self._cutoff = cutoff
        self.bytes_scanned = 0
        self._records: dict[tuple[str, str], dict[str, Any]] = {}
        self._path_used = False

    @property
    def _filename(self) -> str:
        return ", filename='#file'" if self._path_used else ""

    def relation(self, scan: Scan) -> str:
        """DuckDB SQL of what the scan reads, in parentheses.

        Raises:
            QueryError: A file is missing or broken; the message names it.
            NotSupported: The table's format is not read here.
        """
        self._path_used = scan.path_used
        if scan.database == "information_schema":
            return self._information(scan.table)
        key = (scan.database, scan.table)
        if key not in self._records:
            self._records[key] = self._catalog.table(*key)
        record = self._records[key]
        columns, keys = columns_of(record), keys_of(record)
        descriptor = record["StorageDescriptor"]
        if keys:
            sources = self._partitioned(scan, keys, descriptor)
        else:
            sources = [(item, ()) for item in self._data_files(descriptor.get("Location", ""), descriptor)]
        if not sources:
            return self._empty([*columns, *keys])
        self.bytes_scanned += sum(item.size for item, _ in sources)
        self._cutoff(self.bytes_scanned)
        files = self._link(scan, sources, keys)
        library = descriptor.get("SerdeInfo", {}).get("SerializationLibrary", "")
        if "parquet" in library.lower():
            return self._parquet(columns, keys, files)
        if "json" in library.lower():
            return self._json(columns, keys, files)
        if "OpenCSVSerde" in library or "LazySimpleSerDe" in library:
            return self._csv(columns, keys, files, record, library)
        raise NotSupported(
            f"SerDe {library} of table {scan.database}.{scan.table}: Parquet, JSON and CSV are read here"
        )

    # --- which files

    def _partitioned(
        self, scan: Scan, keys: Sequence[TableColumn], descriptor: dict[str, Any]
    ) -> list[tuple[StoredObject, tuple[str, ...]]]:
        partitions = list(self._catalog.partitions(scan.database, scan.table))
        kept = self._prune(partitions, keys, scan.filters)
        listed = self._session.parallel(lambda p: self._data_files(p.location, descriptor), kept)
        return [
            (item, partition.values) for partition, items in zip(kept, listed, strict=True) for item in items
        ]

    def _prune(
        self, partitions: list[Partition], keys: Sequence[TableColumn], filters: Sequence[str]
    ) -> list[Partition]:
        if not (filters and partitions):
            return partitions
        names = [k.name for k in keys]
        table = pa.table(
            {
                "#": pa.array(range(len(partitions)), pa.int32()),
                **{
                    n: pa.array(
                        [None if p.values[i] == DEFAULT_PARTITION else p.values[i] for p in partitions],
                        pa.string(),
                    )
                    for i, n in enumerate(names)
                },
            }
        )
        typed = ", ".join(f"CAST({quoted(k.name)} AS {k.type.duckdb}) AS {quoted(k.name)}" for k in keys)
        wanted = self._session.rows_over(
            table, f'SELECT "#" FROM (SELECT "#", {typed} FROM {{table}}) WHERE {" AND ".join(filters)}'
        )
        chosen = {row[0] for row in wanted}
        return [p for i, p in enumerate(partitions) if i in chosen]

    def _data_files(self, location: str, descriptor: dict[str, Any]) -> list[StoredObject]:
        found = self._store.list(location)
        if descriptor.get("InputFormat") != SYMLINK_INPUT:
            return found
        uris = [
            line.strip()
            for manifest in found
            for line in self._store.read(manifest).decode().splitlines()
            if line.strip()
        ]
        return self._store.find(uris)

    def _link(
        self, scan: Scan, sources: Sequence[tuple[StoredObject, tuple[str, ...]]], keys: Sequence[TableColumn]
    ) -> list[_File]:
        """Hard links per query: they carry the partition's values in their path, as DuckDB reads
        them, and keep a file alive that the cache evicts meanwhile."""
        cached = self._store.fetch([item for item, _ in sources])
        root = self._session.directory / f"scan{scan.number}"
        files = []
        made: set[Path] = set()
        for i, ((item, values), path) in enumerate(zip(sources, cached, strict=True)):
            folder = root.joinpath(
                *(f"{k.name}={quote(v, safe='')}" for k, v in zip(keys, values, strict=True))
            )
            if folder not in made:
                folder.mkdir(parents=True, exist_ok=True)
                made.add(folder)
            # DuckDB reads compression from the suffix.
            link = folder / (f"{i}.gz" if item.key.endswith(".gz") else f"{i}.data")
            os.link(path, link)
            self._session.sources[str(link)] = item.uri
            files.append(_File(item, values, link))
            self._session.cached[str(link)] = path
        return files

    # --- how to read them

    def _parquet(
        self, columns: Sequence[TableColumn], keys: Sequence[TableColumn], files: Sequence[_File]
    ) -> str:
        groups: dict[Signature, list[_File]] = {}
        for file in files:
            try:
                signature = self._schemas.read(self._session.cached[str(file.path)])
            except (pa.ArrowInvalid, OSError) as error:
                raise QueryError(
                    "HIVE_BAD_DATA",
                    f"Error opening Hive split {file.source.uri} (offset=0, length={file.source.size}): Malformed Parquet file: {error}",
                ) from error
            groups.setdefault(signature, []).append(file)
        parts = []
        for signature, members in groups.items():
            items = [
                f"{column_sql(c, signature, members[0].source.uri)} AS {quoted(c.name)}" for c in columns
            ]
            parts.append(
                self._select(
                    items, keys, f"read_parquet({self._paths(members)}, {self._hive(keys)}{self._filename})"
                )
            )
        return f"({' UNION ALL '.join(parts)})"

    def _json(
        self, columns: Sequence[TableColumn], keys: Sequence[TableColumn], files: Sequence[_File]
    ) -> str:
        # The SerDe matches members without regard to case, DuckDB with it: ask how they are spelled.
        objects = f"read_json_objects({self._paths(files)}, format='newline_delimited')"
        spelled: dict[str, list[str]] = {}
        for (key,) in self._session.rows(f"SELECT DISTINCT unnest(json_keys(json)) FROM {objects}"):
            spelled.setdefault(key.lower(), []).append(key)
        twice = [keys for keys in spelled.values() if len(keys) > 1]
        if twice:
            raise NotSupported(f"JSON rows that spell a member in several ways: {twice[0]}")
        members = [spelled.get(c.name, [c.name])[0] for c in columns]
        declared = ", ".join(
            f"{text(m)}: {text(c.type.duckdb)}" for m, c in zip(members, columns, strict=True)
        )
        reader = (
            f"read_json({self._paths(files)}, format='newline_delimited', columns={{{declared}}}, "
            f"{self._hive(keys)}{self._filename})"
        )
        items = [f"{quoted(m)} AS {quoted(c.name)}" for m, c in zip(members, columns, strict=True)]
        return f"({self._select(items, keys, reader)})"

    def _csv(
        self,
        columns: Sequence[TableColumn],
        keys: Sequence[TableColumn],
        files: Sequence[_File],
        record: dict[str, Any],
        library: str,
    ) -> str:
        parameters = record["StorageDescriptor"]["SerdeInfo"].get("Parameters", {})
        skip = int(record.get("Parameters", {}).get("skip.header.line.count", 0))
        quoting = "OpenCSVSerde" in library
        delimiter = parameters.get("separatorChar" if quoting else "field.delim") or (
            "," if quoting else "\x01"
        )
        quote_char = parameters.get("quoteChar", '"') if quoting else ""
        escape = parameters.get("escapeChar", "\\") if quoting else ""
        raw = ", ".join(f"{text(c.name)}: 'VARCHAR'" for c in columns)
        null = "\ue000" if quoting else "\\N"  # OpenCSVSerde knows no NULL: an empty field is ''
        reader = (
            f"read_csv({self._paths(files)}, auto_detect=false, header=false, skip={skip}, delim={text(delimiter)}, "
            f"quote={text(quote_char)}, escape={text(escape or quote_char)}, columns={{{raw}}}, nullstr={text(null)}, "
            f"null_padding=true, {self._hive(keys)}{self._filename})"
        )
        items = [f"{_csv_value(c.name, c.type, quoting)} AS {quoted(c.name)}" for c in columns]
        return f"({self._select(items, keys, reader)})"

    def _select(self, items: Sequence[str], keys: Sequence[TableColumn], reader: str) -> str:
        listed = [*items, *(quoted(k.name) for k in keys)]
        if not self._path_used:
            return f"SELECT {', '.join(listed)} FROM {reader}"
        names = pa.table(
            {"#link": list(self._session.sources), "$path": list(self._session.sources.values())}
        )
        join = f'{self._session.register(names)} AS "#paths" ON "#paths"."#link" = "#file"'
        return f'SELECT {", ".join(listed)}, "$path" FROM {reader} JOIN {join}'

    @staticmethod
    def _paths(files: Sequence[_File]) -> str:
        return "[" + ", ".join(text(str(f.path)) for f in files) + "]"

    @staticmethod
    def _hive(keys: Sequence[TableColumn]) -> str:
        if not keys:
            return "hive_partitioning=false"
        kinds = ", ".join(f"{text(k.name)}: {text(k.type.duckdb)}" for k in keys)
        return f"hive_partitioning=true, hive_types={{{kinds}}}"

    @staticmethod
    def _empty(columns: Sequence[TableColumn]) -> str:
        items = [f"CAST(NULL AS {c.type.duckdb}) AS {quoted(c.name)}" for c in columns]
        return f"(SELECT {', '.join([*items, 'NULL::VARCHAR AS ' + quoted('$path')])} WHERE false)"

    # --- information_schema

    def _information(self, name: str) -> str:
        rows = [
            row for database in self._catalog.databases() for row in self._information_rows(name, database)
        ]
        columns = INFORMATION_SCHEMA[name]
        table = pa.table(
            {
                c: pa.array([row[i] for row in rows], pa.int64() if c == "ordinal_position" else pa.string())
                for i, c in enumerate(columns)
            }
        )
        return f"(SELECT * FROM {self._session.register(table)})"

    def _information_rows(self, name: str, database: str) -> list[tuple[Any, ...]]:
        if name == "schemata":
            return [(CATALOG, database)]
        tables = self._catalog.tables(database)
        if name == "tables":
            return [
                (
                    CATALOG,
                    database,
                    t["Name"],
                    "VIEW" if t.get("TableType") == "VIRTUAL_VIEW" else "BASE TABLE",
                )
                for t in tables
            ]
        if name == "views":
            return [
                (CATALOG, database, t["Name"], t.get("ViewOriginalText", ""))
                for t in tables
                if t.get("TableType") == "VIRTUAL_VIEW"
            ]
        rows: list[tuple[Any, ...]] = []
        for table in tables:
            keys = {k["Name"] for k in table.get("PartitionKeys") or []}
            for i, c in enumerate(
                [*table["StorageDescriptor"]["Columns"], *(table.get("PartitionKeys") or [])], 1
            ):
                kind = next(
                    tc.type for tc in [*columns_of(table), *keys_of(table)] if tc.name == c["Name"].lower()
                )
                extra = "partition key" if c["Name"] in keys else None
                rows.append(
                    (
                        CATALOG,
                        database,
                        table["Name"],
                        c["Name"],
                        i,
                        None,
                        "YES",
                        str(kind),
                        c.get("Comment"),
                        extra,
                    )
                )
        return rows


def _csv_value(name: str, kind: Type, quoting: bool) -> str:
    sql = quoted(name)
    if kind == VARCHAR:
        return f"coalesce({sql}, '')" if quoting else sql
    if quoting and kind.is_datetime:
        raise NotSupported(f"column {name} of type {kind} under OpenCSVSerde: declare it string and parse it")
    if kind.args:
        raise NotSupported(f"column {name} of type {kind} in a CSV table")
    if quoting:
        return f"CASE WHEN {sql} <> '' THEN CAST({sql} AS {kind.duckdb}) END"
    return f"TRY_CAST({sql} AS {kind.duckdb})"
