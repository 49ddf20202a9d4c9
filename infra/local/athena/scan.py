"""Turns a scan of a Glue table into a DuckDB relation over local copies of its files."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import pyarrow as pa

from infra.local.athena.catalog import PARTITIONS, Catalog, Partition, columns_of, keys_of
from infra.local.athena.formats import DEFAULT_PARTITION, FormatReader, LocalFile
from infra.local.athena.information_schema import INFORMATION_SCHEMA, information_schema_table
from infra.local.athena.objects import ObjectStore, StoredObject
from infra.local.athena.parquet_columns import SchemaReader
from infra.local.athena.sql.plan import NOTHING, Scan, TableColumn
from infra.local.athena.sql.scope import quoted

if TYPE_CHECKING:
    from infra.local.athena.engine import Session

LISTED_TOGETHER = 50  # partitions, from which on their table is listed instead of each of them
SYMLINK_INPUT = "org.apache.hadoop.hive.ql.io.SymlinkTextInputFormat"


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
        self._session = session
        self._cutoff = cutoff
        self._formats = FormatReader(session, schemas)
        self.bytes_scanned = 0

    def relation(self, scan: Scan) -> str:
        """DuckDB SQL of what the scan reads, in parentheses.

        Raises:
            QueryError: A file is missing or broken; the message names it.
            NotSupportedError: The table's format is not read here.
        """
        if scan.database == INFORMATION_SCHEMA:
            rows = information_schema_table(self._catalog, scan.table)
            return f"(SELECT * FROM {self._session.register(rows)})"
        record = scan.record
        columns, keys = columns_of(record), keys_of(record)
        if NOTHING in scan.filters:
            return self._empty([*columns, *keys])
        if scan.table.endswith(PARTITIONS):
            known = list(self._catalog.partitions(scan.database, scan.table.removesuffix(PARTITIONS)))
            return f"(SELECT {', '.join(quoted(k.name) for k in keys)} FROM {self._values(known, keys)})"
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
        return self._formats.relation(record, files, path_used=scan.path_used)

    # --- which files

    def _partitioned(
        self, scan: Scan, keys: Sequence[TableColumn], descriptor: dict[str, Any]
    ) -> list[tuple[StoredObject, tuple[str, ...]]]:
        partitions = list(self._catalog.partitions(scan.database, scan.table))
        kept = self._prune(partitions, keys, scan.filters)
        root = descriptor.get("Location", "")
        if (
            len(kept) >= LISTED_TOGETHER
            and 2 * len(kept) >= len(partitions)
            and descriptor.get("InputFormat") != SYMLINK_INPUT
            and all(partition.location.startswith(f"{root.rstrip('/')}/") for partition in kept)
        ):
            listed = self._store.data_files_below(root, [partition.location for partition in kept])
        else:
            listed = self._session.parallel(lambda p: self._data_files(p.location, descriptor), kept)
        return [
            (item, partition.values) for partition, items in zip(kept, listed, strict=True) for item in items
        ]

    def _prune(
        self, partitions: list[Partition], keys: Sequence[TableColumn], filters: Sequence[str]
    ) -> list[Partition]:
        if not (filters and partitions):
            return partitions
        wanted = self._session.rows(
            f'SELECT "#" FROM {self._values(partitions, keys)} WHERE {" AND ".join(filters)}'
        )
        chosen = {row[0] for row in wanted}
        return [p for i, p in enumerate(partitions) if i in chosen]

    def _values(self, partitions: list[Partition], keys: Sequence[TableColumn]) -> str:
        """A relation of the partitions' values, with their numbers as `#`."""
        texts = [[None if v == DEFAULT_PARTITION else v for v in p.values] for p in partitions]
        table = pa.table(
            {
                "#": pa.array(range(len(partitions)), pa.int32()),
                **{k.name: pa.array([t[i] for t in texts], pa.string()) for i, k in enumerate(keys)},
            }
        )
        typed = ", ".join(f"CAST({quoted(k.name)} AS {k.type.duckdb}) AS {quoted(k.name)}" for k in keys)
        return f'(SELECT "#", {typed} FROM {self._session.register(table)})'

    def _data_files(self, location: str, descriptor: dict[str, Any]) -> list[StoredObject]:
        found = self._store.data_files(location)
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
    ) -> list[LocalFile]:
        """Links local copies into the query's directory.

        The links carry the partition's values in their path, as DuckDB reads them, and keep a
        file alive that the cache evicts meanwhile.
        """
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
            files.append(LocalFile(item, values, link, path))
        return files

    @staticmethod
    def _empty(columns: Sequence[TableColumn]) -> str:
        items = [f"CAST(NULL AS {c.type.duckdb}) AS {quoted(c.name)}" for c in columns]
        return f"(SELECT {', '.join([*items, 'NULL::VARCHAR AS ' + quoted('$path')])} WHERE false)"
