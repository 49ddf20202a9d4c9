"""Writes query results as tables: CREATE TABLE AS, INSERT INTO, UNLOAD."""

from __future__ import annotations

import time
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from infra.local.athena.catalog import Catalog, Partition
from infra.local.athena.engine import Session
from infra.local.athena.errors import NotSupportedError, QueryError
from infra.local.athena.formats import DEFAULT_PARTITION
from infra.local.athena.hive.ddl import partition_folder
from infra.local.athena.objects import ObjectStore
from infra.local.athena.sql import casts
from infra.local.athena.sql.plan import TableColumn
from infra.local.athena.sql.scope import quoted, text
from infra.local.athena.sql.types import UNKNOWN, common

MAX_OPEN_PARTITIONS = 100  # https://docs.aws.amazon.com/athena/latest/ug/ctas-insert-into.html
_CODECS = {
    "SNAPPY": "snappy",
    "GZIP": "gzip",
    "ZSTD": "zstd",
    "NONE": "uncompressed",
    "UNCOMPRESSED": "uncompressed",
    "LZ4": "lz4",
}
FORMATS = {"PARQUET": "parquet", "TEXTFILE": "csv", "JSON": "json"}


@dataclass(frozen=True, slots=True)
class Written:
    """What a write has left in S3.

    Attributes:
        rows: How many rows.
        files: URIs of the data files.
        partitions: Values and folder of each partition that got rows.
    """

    rows: int
    files: Sequence[str]
    partitions: Sequence[Partition]


@dataclass(frozen=True, slots=True)
class Target:
    """Where and how to write.

    Attributes:
        columns: Data columns, in the order of the file.
        keys: Partition keys.
        location: Prefix, ending in '/'.
        format: `parquet`, `json` or `csv`.
        codec: DuckDB's name of the compression.
        delimiter: Of a text file.
        existing: Locations of partitions that are there already, by values.
    """

    columns: Sequence[TableColumn]
    keys: Sequence[TableColumn]
    location: str
    format: str = "parquet"
    codec: str = "snappy"
    delimiter: str = "\x01"
    existing: Mapping[tuple[str, ...], str] = field(default_factory=dict)


def codec(name: str, format_: str) -> str:
    """DuckDB's name of a compression.

    Raises:
        NotSupportedError: It has none.
    """
    if not name:
        return {"parquet": "gzip", "json": "gzip", "csv": "gzip"}[format_]
    found = _CODECS.get(name.upper())
    if found is None or (format_ != "parquet" and found not in ("gzip", "zstd", "uncompressed")):
        raise NotSupportedError(f"compression {name} of {format_}")
    return found


class TableWriter:
    """Writes for one query.

    Args:
        session: DuckDB connection.
        store: S3.
        query_id: Begins the name of every file, so that a query's files can be told apart.
    """

    def __init__(self, session: Session, store: ObjectStore, query_id: str) -> None:
        self._session = session
        self._store = store
        self._prefix = f"{time.strftime('%Y%m%d_%H%M%S')}_{query_id[:8]}"

    def write(self, sql: str, target: Target) -> Written:
        """Runs a query and uploads its result.

        Args:
            sql: DuckDB query whose columns are the target's columns, then its keys, by position.
            target: Where to.

        Raises:
            QueryError: More than 100 partitions, or S3 refuses.
        """
        everything = [*target.columns, *target.keys]
        names = [quoted(c.name) for c in everything]
        typed = ", ".join(
            f"CAST(c{i} AS {c.type.duckdb}) AS {n}"
            for i, (c, n) in enumerate(zip(everything, names, strict=True))
        )
        listed = ", ".join(f"c{i}" for i in range(len(everything)))
        table = f'"written {uuid.uuid4().hex[:8]}"'
        self._session.execute(f"CREATE TEMP TABLE {table} AS SELECT {typed} FROM ({sql}) AS q({listed})")
        try:
            rows = self._session.rows(f"SELECT count(*) FROM {table}")[0][0]
            if target.keys:
                return self._partitioned(table, rows, target)
            if not rows:
                return Written(0, [], [])
            data = ", ".join(quoted(c.name) for c in target.columns)
            files = self._copy(f"SELECT {data} FROM {table}", target)
            return Written(rows, self._upload(files), [])
        finally:
            self._session.execute(f"DROP TABLE IF EXISTS {table}")

    def _partitioned(self, table: str, rows: int, target: Target) -> Written:
        shown = ", ".join(_partition_text(k) for k in target.keys)
        distinct = self._session.rows(f"SELECT DISTINCT {shown} FROM {table} LIMIT {MAX_OPEN_PARTITIONS + 1}")
        if len(distinct) > MAX_OPEN_PARTITIONS:
            raise QueryError(
                "HIVE_TOO_MANY_OPEN_PARTITIONS",
                f"Exceeded limit of {MAX_OPEN_PARTITIONS} open writers for partitions/buckets. If a data"
                " manifest file was generated, you may need to manually clean the data from its locations."
                " Athena will not delete data in your account.",
            )
        folders = {}
        names = [k.name for k in target.keys]
        data = ", ".join(quoted(c.name) for c in target.columns)
        values = [tuple(DEFAULT_PARTITION if v is None else str(v) for v in row) for row in distinct]
        for value in values:
            folders[value] = target.existing.get(value) or target.location + partition_folder(names, value)
        # One pass over the rows: a number for each partition stands in for its values.
        numbers = " ".join(
            f"WHEN {_is_partition(target.keys, row)} THEN {i}" for i, row in enumerate(distinct)
        )
        files: list[tuple[Path, str]] = []
        if distinct:
            query = f'SELECT {data}, CASE {numbers} END AS "#part" FROM {table}'
            for path, number in self._copy_parts(query, target):
                files.append(
                    (
                        path,
                        f"{folders[values[number]].rstrip('/')}/{self._prefix}_{uuid.uuid4()}{_suffix(target)}",
                    )
                )
        return Written(rows, self._upload(files), [Partition(v, f) for v, f in folders.items()])

    def _copy(self, query: str, target: Target) -> list[tuple[Path, str]]:
        path = self._session.directory / f"out-{uuid.uuid4().hex}"
        self._session.execute(f"COPY ({query}) TO {text(str(path))} ({_copy_options(target)})")
        return [(path, f"{target.location}{self._prefix}_{uuid.uuid4()}{_suffix(target)}")]

    def _copy_parts(self, query: str, target: Target) -> list[tuple[Path, int]]:
        root = self._session.directory / f"out-{uuid.uuid4().hex}"
        self._session.execute(
            f'COPY ({query}) TO {text(str(root))} ({_copy_options(target)}, PARTITION_BY ("#part"))'
        )
        return [(p, int(p.parent.name.rpartition("=")[2])) for p in sorted(root.rglob("*")) if p.is_file()]

    def _upload(self, files: Sequence[tuple[Path, str]]) -> list[str]:
        self._session.check_stopped()
        self._store.upload(files)
        return [uri for _, uri in files]


def _suffix(target: Target) -> str:
    return ".gz" if target.format != "parquet" and target.codec == "gzip" else ""


def _copy_options(target: Target) -> str:
    if target.format == "parquet":
        return f"FORMAT parquet, COMPRESSION {target.codec}"
    options = (
        "FORMAT json"
        if target.format == "json"
        else f"FORMAT csv, HEADER false, DELIMITER {text(target.delimiter)}, QUOTE '', NULLSTR '\\N'"
    )
    return options + (
        f", COMPRESSION {target.codec}" if target.codec != "uncompressed" else ", COMPRESSION none"
    )


def _partition_text(key: TableColumn) -> str:
    """A key's value as Hive writes it into the path."""
    if key.type.name in ("double", "real", "array", "map", "row", "varbinary"):
        raise NotSupportedError(f"a partition key of type {key.type}: {key.name}")
    return (
        casts.cast(quoted(key.name), key.type, common(key.type, UNKNOWN) or key.type)
        if key.type.name == "varchar"
        else f"CAST({quoted(key.name)} AS VARCHAR)"
    )


def _is_partition(keys: Sequence[TableColumn], row: Sequence[Any]) -> str:
    """A condition that holds for the rows of one partition."""
    terms = zip(keys, row, strict=True)
    return " AND ".join(f"{_partition_text(k)} IS NOT DISTINCT FROM {_literal(v)}" for k, v in terms)


def _literal(value: Any) -> str:
    return "NULL" if value is None else text(str(value))


def register_partitions(catalog: Catalog, table: dict[str, Any], written: Written) -> None:
    """Adds the partitions that a write has filled; those that exist keep their location."""
    if written.partitions:
        catalog.add_partitions(table, written.partitions)
