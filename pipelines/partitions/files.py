"""Files of a partition: read as today's schema, sorted, written for readers that skip what they can.

Rows are sorted by day, student and identity. Every query on the lake names days: a mart builds weeks, a load
looks for its rows of some days, an analyst asks for a month of them; so days come first, and row groups and
pages of other days are skipped. Within a day a student's rows stand together, so that their keys weigh
little. Who looks for one student in a whole cohort skips files by a Bloom filter.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Executor, Future
from contextlib import ExitStack
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet as pq

from adapters import lake
from adapters.generations import LakeObject
from adapters.settings import setting
from transforms.lake_schema import LakeTable, as_schema

ROWS_A_GROUP = 131_072
ROWS_A_BATCH = 131_072  # read at once
FILE_BYTES = 128 * 2**20  # a file that grew beyond it is ended: some seconds of one reader's work
BYTES_AHEAD = 16 * 2**20  # of Parquet files, read before they are needed; some 120 MB of rows
STUDENTS_A_FILTER = 4_096  # more than a school has in a cohort: 5 KB of Bloom filter a row group
FALSE_HITS = 0.01

pc: Any = pyarrow.compute  # its stubs know one kind of array a call
_ParquetWriter: Any = pq.ParquetWriter  # nor do they know of Bloom filters

# Identifiers differ in every row: a dictionary of them would only be built to be thrown away.
_NO_DICTIONARY = {"event_id", "change_id", "correlation_id", "broken_rules"}


def encoding(schema: pa.Schema) -> dict[str, Any]:
    """How every file of the lake and of the quarantine is written: options of pyarrow's Parquet writers."""
    return {
        "compression": "zstd",
        "use_dictionary": [name for name in schema.names if name not in _NO_DICTIONARY],
        "store_schema": False,  # Arrow's copy of the schema: another kilobyte in each of many small files
    }


class RowsUnreadableError(RuntimeError):
    """A file of the lake does not hold what the lake's contract says."""


Unreadable = Callable[[LakeObject, RowsUnreadableError], None]


class Written(NamedTuple):
    """Files that were written.

    Attributes:
        files: How many.
        rows: In all of them, from their footers.
        size: Their bytes.
    """

    files: int
    rows: int
    size: int


def refuse(file: LakeObject, error: RowsUnreadableError) -> None:
    """What is done with a file that cannot be read, unless somebody knows better: it ends the work."""
    raise error


def read_rows(
    files: Sequence[LakeObject], table: LakeTable, pool: Executor, unreadable: Unreadable = refuse
) -> Iterator[pa.Table]:
    """The rows of a partition's files in the lake's schema, some at a time; a few files are read ahead.

    Args:
        files: Of one generation.
        table: Its lake table.
        pool: Threads to read with.
        unreadable: Told of a file that cannot be read, perhaps after some of its rows; where it returns, the
            next file is read.

    Raises:
        RowsUnreadableError: A file is no Parquet file, or has a column that the table has not.
    """
    waiting: deque[tuple[LakeObject, Future[Iterator[pa.Table]]]] = deque()
    left, ahead = deque(files), 0
    while left or waiting:
        while left and (not waiting or ahead + left[0].size <= BYTES_AHEAD):
            file = left.popleft()
            waiting.append((file, pool.submit(_rows_of, file, table)))
            ahead += file.size
        file, reading = waiting.popleft()
        try:
            yield from reading.result()
        except (pa.ArrowException, ValueError, OSError) as error:
            broken = RowsUnreadableError(
                f"{file.key} is not as the lake's contract says: {error}; "
                "nothing was changed: mend the file under its name and run it again"
            )
            broken.__cause__ = error
            unreadable(file, broken)
        ahead -= file.size


def _rows_of(file: LakeObject, table: LakeTable) -> Iterator[pa.Table]:
    """A small file's rows are made by the thread that fetches it, a large one's as they are needed."""
    parquet = pq.ParquetFile(pa.BufferReader(lake.read(setting("LAKE_BUCKET"), file.key)))
    if parquet.metadata.num_rows <= ROWS_A_BATCH:
        return iter([as_schema(parquet.read(use_threads=False), table.lake_schema)])
    batches = parquet.iter_batches(ROWS_A_BATCH)
    return (as_schema(pa.Table.from_batches([batch]), table.lake_schema) for batch in batches)


class SortedRows:
    """Rows of one partition, taken in any order and given back sorted, in bounded memory.

    Beyond `limit` bytes they go to local files, a day's apart from the others'. A partition is one month, so
    of what came beyond the limit a thirtieth, one day, is in memory when it comes back.

    Args:
        table: The lake table.
        limit: Bytes of Arrow that may wait in memory.
        folder: Of the spilled days; on a local disk.
    """

    def __init__(self, table: LakeTable, limit: int, folder: Path) -> None:
        self._table, self._limit, self._folder = table, limit, folder
        self._waiting: list[pa.Table] = []
        self._size = 0
        self._days: dict[int, list[Path]] = {}
        self.rows = 0

    def add(self, rows: pa.Table) -> None:
        """Takes rows in the lake's schema."""
        if not rows.num_rows:
            return
        self.rows += rows.num_rows
        self._waiting.append(rows)
        self._size += rows.get_total_buffer_size()
        if self._size > self._limit:
            self._spill()

    def sorted(self) -> Iterator[pa.Table]:
        """All rows, sorted, a row group at a time; once."""
        if not self._days:
            yield from self._in_order(self._take())
            return
        self._spill()
        for _, files in sorted(self._days.items()):
            with ExitStack() as stack:
                spilled = [stack.enter_context(pa.memory_map(str(file))) for file in files]
                rows = pa.concat_tables(pa.ipc.open_stream(each).read_all() for each in spilled)
                yield from self._in_order(rows)
            for file in files:
                file.unlink()

    def _take(self) -> pa.Table:
        rows = pa.concat_tables(self._waiting) if self._waiting else self._table.lake_schema.empty_table()
        self._waiting, self._size = [], 0
        return rows

    def _spill(self) -> None:
        rows = self._take()
        days = np.asarray(pc.fill_null(rows[self._table.day].cast(pa.int32()), 0))
        for day in np.unique(days).tolist():
            files = self._days.setdefault(day, [])
            files.append(self._folder / f"{day}-{len(files)}.arrow")
            with pa.ipc.new_stream(str(files[-1]), self._table.lake_schema) as stream:
                stream.write_table(rows.filter(pa.array(days == day)))

    def _in_order(self, rows: pa.Table) -> Iterator[pa.Table]:
        # A column at a time, so that no row is there twice; in one piece, because sorting pieces is slower.
        names, columns = rows.column_names, list[Any](rows.columns)
        del rows
        for number, column in enumerate(columns):
            columns[number] = column.combine_chunks()
        by = [self._table.day, "student_key", self._table.identity]
        keys = pa.table([columns[names.index(name)] for name in by], by)
        order = pc.sort_indices(keys, sort_keys=[(name, "ascending") for name in by])
        for start in range(0, len(order), ROWS_A_GROUP):
            picked = order.slice(start, ROWS_A_GROUP)
            yield pa.table([pc.take(column, picked) for column in columns], names)


def write_rows(rows: SortedRows, place: str, table: LakeTable, check: Callable[[], None]) -> Written:
    """Writes rows to a place of the lake as `part-00000.parquet` …, in as few files as `FILE_BYTES` allows.

    Args:
        rows: Of one partition; where there are none no file is written.
        place: A prefix of the lake bucket.
        table: The lake table.
        check: Called before each file goes out; raises where it may not.
    """
    bucket, written = setting("LAKE_BUCKET"), Written(0, 0, 0)
    for body in _files_of(rows, table):
        check()
        lake.write(bucket, f"{place}part-{written.files:05d}.parquet", body.to_pybytes())
        count = pq.read_metadata(pa.BufferReader(body)).num_rows
        written = Written(written.files + 1, written.rows + count, written.size + body.size)
    return written


def _files_of(rows: SortedRows, table: LakeTable) -> Iterator[pa.Buffer]:
    """Whole files, one after the other."""
    groups = rows.sorted()
    group = next(groups, None)
    while group is not None and group.num_rows:
        sink = pa.BufferOutputStream()
        with _writer(sink, table, rows.rows) as writer:
            while group is not None and sink.tell() < FILE_BYTES:
                writer.write_table(group, row_group_size=ROWS_A_GROUP)
                group = next(groups, None)
        yield sink.getvalue()


def _writer(sink: pa.BufferOutputStream, table: LakeTable, rows: int) -> Any:
    schema = table.lake_schema
    distinct = max(min(rows, STUDENTS_A_FILTER), 1)
    return _ParquetWriter(
        sink,
        schema,
        **encoding(schema),
        write_page_index=True,
        sorting_columns=[
            pq.SortingColumn(schema.get_field_index(name))
            for name in (table.day, "student_key", table.identity)
        ],
        bloom_filter_options={"student_key": {"ndv": distinct, "fpp": FALSE_HITS}},
    )
