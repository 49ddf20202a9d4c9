"""The files of a load become its rows; a file that cannot be trusted is set aside with its reason."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Executor
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from adapters import lake
from adapters.lake import LandingFile, ObjectChangedError, ObjectVanishedError
from adapters.settings import setting
from expectations.landing_files import FileFault, drift, impossible_times
from transforms.lake_schema import LakeTable


class FileFaultError(RuntimeError):
    """A landing file breaks a rule of `expectations.landing_files`.

    Attributes:
        fault: Which one.
        reason: In words that show no value of any row.
    """

    def __init__(self, fault: FileFault, reason: str) -> None:
        super().__init__(reason)
        self.fault = fault
        self.reason = reason


class Landed(NamedTuple):
    """What the files of a load hold.

    Attributes:
        files: Those that can be trusted, in the order of their keys.
        columns: Their rows in the landing schema, one chunk a column; None where there is no file.
        faults: Why the other files are set aside.
    """

    files: list[LandingFile]
    columns: pa.Table | None
    faults: dict[LandingFile, FileFaultError]


def read_files(files: Sequence[LandingFile], table: LakeTable, pool: Executor) -> Landed:
    """Reads landing files, each once and whole.

    Args:
        files: In the order of their keys.
        table: Their lake table.
        pool: Threads to read with.
    """
    readings = pool.map(lambda file: _read_or_fault(file, table), files)
    trusted, tables, faults = [], [], {}
    for file, reading in zip(files, readings, strict=True):
        if isinstance(reading, FileFaultError):
            faults[file] = reading
        else:
            trusted.append(file)
            tables.append(reading)
    return Landed(trusted, _joined(tables) if tables else None, faults)


def read_file(file: LandingFile, table: LakeTable) -> pa.Table:
    """The rows of one landing file, in the landing schema.

    Raises:
        FileFaultError: It is gone, another one, no whole Parquet file, empty, or not of the contract.
    """
    try:
        body = lake.read(setting("LANDING_BUCKET"), file.key, file.etag)
    except ObjectVanishedError as error:
        raise FileFaultError(FileFault.VANISHED, str(error)) from error
    except ObjectChangedError as error:
        raise FileFaultError(FileFault.CHANGED, str(error)) from error
    try:
        parquet = pq.ParquetFile(pa.BufferReader(body))
        differences = drift(parquet.schema_arrow, table)
        if differences:
            raise FileFaultError(FileFault.SCHEMA, "; ".join(differences))
        # One thread a file: the files are read side by side already.
        rows = parquet.read(columns=table.landing_schema.names, use_threads=False)
        rows = rows.select(table.landing_schema.names).cast(table.landing_schema)
    except (pa.ArrowException, OSError) as error:
        raise FileFaultError(
            FileFault.UNREADABLE, f"{file.size} bytes are no whole Parquet file: {type(error).__name__}"
        ) from error
    if not rows.num_rows:
        raise FileFaultError(FileFault.EMPTY, "it has no rows")
    wrong = list(impossible_times(rows))
    if wrong:
        raise FileFaultError(FileFault.TIME, f"{', '.join(wrong)} has times outside the years 1 to 9999")
    return rows


def _read_or_fault(file: LandingFile, table: LakeTable) -> pa.Table | FileFaultError:
    try:
        return read_file(file, table)
    except FileFaultError as fault:
        return fault


def _joined(tables: list[pa.Table]) -> pa.Table:
    """One table of one chunk a column, made a column at a time so that no row is there twice."""
    joined = pa.concat_tables(tables)
    names, columns = joined.column_names, list[Any](joined.columns)
    tables.clear()
    del joined
    for number in range(len(columns)):
        columns[number] = columns[number].combine_chunks()
    return pa.table(dict(zip(names, columns, strict=True)))
