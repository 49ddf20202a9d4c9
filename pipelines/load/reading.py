"""The files of a load become its rows; a file that cannot be trusted is set aside with its reason."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from functools import cache
from typing import Any, NamedTuple, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from adapters import lake
from adapters.lake import LandingFile, ObjectChangedError, ObjectVanishedError
from adapters.settings import setting
from expectations.landing_files import FileFault, drift, impossible_times
from pipelines.load.ahead import in_order
from transforms.lake_schema import LakeTable, as_schema

Read = TypeVar("Read")
Took = Callable[[int], None]


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


FILES_AHEAD = 8  # that are read and not taken yet

# Hundreds of rows of a file share each value of these: kept as dictionaries, they are decoded once a value.
_SHARED = {"school_id", "teacher_key", "subject", "class_id", "period", "evaluation_type"}


class Landed(NamedTuple):
    """What some files of a load hold.

    Attributes:
        files: Those that can be trusted, in the order of their keys.
        rows: How many rows these hold together.
        columns: The rows as `schema_in_memory` says, one chunk a column; None where there are none, or
            where the files were only checked.
        faults: Why the other files are set aside.
    """

    files: list[LandingFile]
    rows: int
    columns: pa.Table | None
    faults: dict[LandingFile, FileFaultError]


def read_files(files: Sequence[LandingFile], table: LakeTable, pool: Executor, took: Took) -> Landed:
    """Reads landing files, each once and whole.

    Args:
        files: In the order of their keys.
        table: Their lake table.
        pool: Threads to read with.
        took: Told after each file how many there have been.
    """
    tables: list[pa.Table] = []

    def keep(rows: pa.Table) -> int:
        tables.append(rows)
        return rows.num_rows

    checked = _checked(files, lambda file: read_file(file, table), keep, pool, took)
    return checked._replace(columns=_joined(tables, pool) if tables else None)


def check_files(files: Sequence[LandingFile], table: LakeTable, pool: Executor, took: Took) -> Landed:
    """Reads landing files whole, as `read_files` does, and keeps none of their rows."""
    return _checked(files, lambda file: read_file(file, table).num_rows, int, pool, took)


def _checked(
    files: Sequence[LandingFile],
    read: Callable[[LandingFile], Read],
    count: Callable[[Read], int],
    pool: Executor,
    took: Took,
) -> Landed:
    def read_or_fault(file: LandingFile) -> Read | FileFaultError:
        try:
            return read(file)
        except FileFaultError as fault:
            return fault

    landed = Landed([], 0, None, {})
    rows = 0
    for number, (file, reading) in enumerate(
        zip(files, in_order(pool, read_or_fault, files, FILES_AHEAD), strict=True), 1
    ):
        if isinstance(reading, FileFaultError):
            landed.faults[file] = reading
        else:
            landed.files.append(file)
            rows += count(reading)
        took(number)
    return landed._replace(rows=rows)


@cache  # asked for each file
def schema_in_memory(table: LakeTable) -> pa.Schema:
    """The landing schema, with strings that many rows share as dictionaries (int32 to string)."""
    shared = _SHARED.union(column.name for column in table.columns if column.values)
    return pa.schema(
        field.with_type(pa.dictionary(pa.int32(), field.type)) if field.name in shared else field
        for field in table.landing_schema
    )


def read_file(file: LandingFile, table: LakeTable) -> pa.Table:
    """The rows of one landing file, as `schema_in_memory` says.

    Raises:
        FileFaultError: It is gone, another one, no whole Parquet file, empty, or not of the contract.
    """
    schema = schema_in_memory(table)
    try:
        body = lake.read(setting("LANDING_BUCKET"), file.key, file.etag)
    except ObjectVanishedError as error:
        raise FileFaultError(FileFault.VANISHED, str(error)) from error
    except ObjectChangedError as error:
        raise FileFaultError(FileFault.CHANGED, str(error)) from error
    try:
        parquet = pq.ParquetFile(
            pa.BufferReader(body),
            read_dictionary=[field.name for field in schema if pa.types.is_dictionary(field.type)],
        )
        differences = drift(parquet.schema_arrow, table)
        if differences:
            raise FileFaultError(FileFault.SCHEMA, "; ".join(differences))
        # One thread a file: the files are read side by side already.
        rows = as_schema(parquet.read(columns=schema.names, use_threads=False), schema)
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


def _joined(tables: list[pa.Table], pool: Executor) -> pa.Table:
    """One table of one chunk a column, made some columns at a time so that few rows are there twice."""
    joined = pa.concat_tables(tables).unify_dictionaries()
    names, columns = joined.column_names, list[Any](joined.columns)
    tables.clear()
    del joined

    def join(number: int) -> None:
        columns[number] = columns[number].combine_chunks()

    for _ in pool.map(join, range(len(columns))):
        pass
    return pa.table(dict(zip(names, columns, strict=True)))
