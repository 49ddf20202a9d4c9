"""What the lake must hold by the landing: the rows of published loads whose schools were not held back."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet as pq

from adapters import objects
from adapters.lake import LandingFile
from adapters.objects import Object
from pipelines.load.ahead import in_order
from pipelines.load.reading import FILES_AHEAD, read_file
from pipelines.replay.retained import Retained, Taken
from pipelines.replay.shelf import Shelf
from pipelines.replay.span import Span
from transforms import keys
from transforms.lake_schema import LOAD_ID, LakeTable

pc: Any = pyarrow.compute  # its stubs know one kind of array a call

SMALL = 256 * 1024  # bytes: below that a file is fetched as fast as its footer
Say = Callable[[str], None]


class _Wanted(NamedTuple):
    load: Taken
    file: Object


def put_on(shelf: Shelf, kept: Retained, span: Span, pool: Executor, say: Say = lambda text: None) -> None:
    """Puts the rows of some days, as their loads published them, on a shelf, copies included.

    They come in the order of the loads and of their files, so that the first copy of a row is the one that
    was published.

    Args:
        shelf: Where to.
        kept: What the landing has.
        span: Which days and schools.
        pool: Threads to read with.
        say: Told what is going on.

    Raises:
        FileFaultError: A file that a load trusted is another now, or gone, since it was listed.
    """
    table = kept.table
    files = [_Wanted(load, file) for load in kept.taken for file in load.files]
    read = in_order(pool, lambda wanted: _rows_of(wanted, table, span), files, FILES_AHEAD)
    for number, rows in enumerate(read, 1):
        shelf.add(rows)
        if number % 100 == 0 or number == len(files):
            say(f"{number:,} of {len(files):,} landing files, {shelf.rows:,} rows")


def _rows_of(wanted: _Wanted, table: LakeTable, span: Span) -> pa.Table:
    schema = table.landing_schema.append(pa.field(LOAD_ID.name, LOAD_ID.type))
    if wanted.file.size > SMALL and not _may_hold(wanted.file, table, span):
        return schema.empty_table()
    rows = read_file(LandingFile(wanted.file.key, wanted.file.etag, wanted.file.size), table)
    mine = pc.and_(span.in_days(rows[table.day]), _of_schools(rows["school_id"], span, wanted.load))
    rows = rows.filter(mine)
    return rows.append_column(
        schema.field(LOAD_ID.name), pa.repeat(pa.scalar(wanted.load.load_id), rows.num_rows)
    )


def _of_schools(column: pa.ChunkedArray[Any], span: Span, load: Taken) -> Any:
    """By row, whether its school is asked for, is one, and was not held back."""
    found = pc.unique(column).to_pylist()
    good = [school for school in found if _published(school, span, load)]
    return pc.is_in(column, value_set=pa.array(good, pa.string()))


def _published(school: str | None, span: Span, load: Taken) -> bool:
    if school is None or not re.match(keys.IDENTIFIER, school) or school in load.stopped:
        return False
    return not span.schools or school in span.schools


def _may_hold(file: Object, table: LakeTable, span: Span) -> bool:
    """Whether the statistics of a file let a row of these days be in it."""
    metadata = pq.read_metadata(objects.opened(file))
    place = metadata.schema.to_arrow_schema().get_field_index(table.day)
    return any(
        first is None or (first <= span.last and span.first <= last)
        for first, last in _bounds(metadata, place)
    )


def _bounds(metadata: pq.FileMetaData, column: int) -> Iterator[tuple[Any, Any]]:
    for group in range(metadata.num_row_groups):
        statistics = metadata.row_group(group).column(column).statistics
        if statistics is None or not statistics.has_min_max:
            yield None, None
        else:
            yield statistics.min, statistics.max
