"""Rows put aside by school and month, in the order in which they come, in bounded memory."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute

from pipelines.replay.span import SchoolMonth
from transforms.lake_schema import LOAD_ID, LakeTable

pc: Any = pyarrow.compute  # its stubs know one kind of array a call

LIMIT = 256 * 2**20  # bytes of Arrow that wait in memory


class Shelf:
    """Rows as they landed, with their `load_id`. Beyond a limit they wait in local files.

    Args:
        table: The lake table.
        folder: For what is beyond the limit; on a local disk.
        limit: Bytes of Arrow in memory.
    """

    def __init__(self, table: LakeTable, folder: Path, limit: int = LIMIT) -> None:
        self._table, self._folder, self._limit = table, folder, limit
        self._schema = table.landing_schema.append(pa.field(LOAD_ID.name, LOAD_ID.type))
        self._waiting: dict[SchoolMonth, list[pa.Table]] = defaultdict(list)
        self._files: dict[SchoolMonth, list[Path]] = defaultdict(list)
        self._size, self._spilled = 0, 0
        self.rows = 0

    @property
    def months(self) -> frozenset[SchoolMonth]:
        """Of which schools and months there are rows."""
        return frozenset(self._waiting) | frozenset(self._files)

    def add(self, rows: pa.Table) -> None:
        """Takes rows that have a school and a day, in the landing schema and with `load_id`."""
        if not rows.num_rows:
            return
        rows = rows.select(self._schema.names).combine_chunks()
        self.rows += rows.num_rows
        schools: Any = rows["school_id"].chunk(0).dictionary_encode()
        days = np.asarray(rows[self._table.day].chunk(0).cast(pa.int32())).astype("M8[D]")
        months = days.astype("M8[M]")
        codes = months.astype(np.int64) * len(schools.dictionary) + np.asarray(schools.indices)
        order = np.argsort(codes, kind="stable")
        ordered = pc.take(rows, pa.array(order))
        ends = (np.flatnonzero(np.diff(codes[order])) + 1).tolist()
        for start, end in pairwise([0, *ends, rows.num_rows]):
            year, month = str(months[order[start]]).split("-")
            school = ordered["school_id"][start].as_py()
            self._waiting[SchoolMonth(year, month, school)].append(ordered.slice(start, end - start))
        self._size += ordered.get_total_buffer_size()
        if self._size > self._limit:
            self._spill()

    def take(self, month: SchoolMonth) -> pa.Table:
        """The rows of a school's month in the order in which they came, one chunk a column; once."""
        parts = []
        for file in self._files.pop(month, []):
            with pa.ipc.open_stream(file.read_bytes()) as stream:
                parts.append(stream.read_all())
            file.unlink()
        parts += self._waiting.pop(month, [])
        rows = pa.concat_tables(parts) if parts else self._schema.empty_table()
        return rows.combine_chunks()

    def _spill(self) -> None:
        for month, parts in self._waiting.items():
            self._spilled += 1
            file = self._folder / f"{self._spilled:08d}.arrow"
            with pa.ipc.new_stream(str(file), self._schema) as stream:
                for part in parts:
                    stream.write_table(part)
            self._files[month].append(file)
        self._waiting.clear()
        self._size = 0
