"""Good rows to the lake, a file for each partition; the rows of stopped schools to quarantine.

An object's name is made of the load and the partition alone and its bytes of the load's rows, so a
load that is run again writes the same objects.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Executor, Future
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from adapters import lake
from adapters.settings import setting
from pipelines.load.rows import LoadRows, Numbers, Partition, broken_rules, of_school, partitions
from pipelines.partitions import settling
from transforms.lake_schema import LOAD_ID

ROWS_GATHERED = 65_536  # at once: what is in hand beside the load's own rows
PARTS_AHEAD = 8  # files that wait to be written

ROWS_A_GROUP = 131_072  # sorted by day, so that a reader of a week skips the others

# Identifiers differ in every row: a dictionary of them would only be built to be thrown away.
_NO_DICTIONARY = {"event_id", "change_id", "correlation_id", "broken_rules"}


_write_table: Any = pq.write_table  # its stubs do not know of dictionaries by column


class Published(NamedTuple):
    """What was written to the lake.

    Attributes:
        rows: By school, from the footers of what was written.
        partitions: How many were written into.
    """

    rows: Mapping[str, int]
    partitions: int


NOTHING = Published({}, 0)


class Part(NamedTuple):
    """One object to write.

    Attributes:
        school: Whose rows they are.
        key: In the lake bucket.
        rows: Its rows.
    """

    school: str
    key: str
    rows: pa.Table


def publish(rows: LoadRows, order: Numbers, load_id: str, pool: Executor) -> Published:
    """Writes rows to the lake and tells Glue of the partitions that it does not know.

    Args:
        rows: The load.
        order: Which rows, by partition.
        load_id: Stands in every row and names every file.
        pool: Threads to write with.

    Returns:
        What was written.
    """
    table = rows.table
    spans = list(partitions(rows, order))
    known = settling.places(table.name, (partition for partition, _, _ in spans))
    places: dict[tuple[str, ...], str] = {
        partition: known.get(partition) or lake.partition_path(table.name, partition)
        for partition, _, _ in spans
    }
    parts = (
        Part(partition.school_id, f"{places[partition]}{load_id}.parquet", part)
        for partition, part in _gathered(rows, order, spans, load_id)
    )
    written = _write_all(parts, pool)
    unknown = {partition: place for partition, place in places.items() if partition not in known}
    if unknown:
        lake.register_partitions(table.name, unknown)
    return Published(written, len(spans))


def quarantine(
    rows: LoadRows,
    held: Mapping[str, Numbers],
    broken: pa.Table,
    rule_names: tuple[str, ...],
    load_id: str,
    pool: Executor,
) -> Mapping[str, int]:
    """Writes the rows of stopped schools as they landed, with the rules that each of them breaks.

    They have one more column, `broken_rules` (list of strings), empty for the good rows of a stopped
    school.

    Args:
        rows: The load.
        held: Which rows, by stopped school.
        broken: From `pipelines.load.gate.Gate.broken_rows`.
        rule_names: Of the rules that its bits stand for.
        load_id: The load.
        pool: Threads to write with.

    Returns:
        Rows by school, from the footers of what was written.
    """
    table = rows.table

    def parts() -> Iterator[Part]:
        for school, order in held.items():
            part = rows.gathered(order)
            found = of_school(broken, school)
            lists = broken_rules(part[table.identity].combine_chunks(), found, rule_names)
            key = lake.quarantine_key(table.name, load_id, school)
            yield Part(school, key, part.append_column("broken_rules", lists))

    return _write_all(parts(), pool)


def _gathered(
    rows: LoadRows, order: Numbers, spans: list[tuple[Partition, int, int]], load_id: str
) -> Iterator[tuple[Partition, pa.Table]]:
    """Each partition's rows in the lake's schema; small partitions are gathered together."""
    schema = rows.table.lake_schema
    names = [name for name in schema.names if name != LOAD_ID.name]
    waiting = iter(spans)
    while group := list(_up_to(ROWS_GATHERED, waiting)):
        first, last = group[0][1], group[-1][2]
        gathered = rows.gathered(order[first:last], names)
        gathered = gathered.append_column(LOAD_ID.name, pa.repeat(load_id, last - first)).cast(schema)
        for partition, start, end in group:
            yield partition, gathered.slice(start - first, end - start)


def _up_to(count: int, spans: Iterator[tuple[Partition, int, int]]) -> Iterator[tuple[Partition, int, int]]:
    taken = 0
    for span in spans:
        yield span
        taken += span[2] - span[1]
        if taken >= count:
            return


def _write_all(parts: Iterator[Part], pool: Executor) -> Counter[str]:
    """Writes the parts side by side, and never gathers more than a few ahead; rows by school."""
    waiting: deque[Future[tuple[str, int]]] = deque()
    written: Counter[str] = Counter()
    for part in parts:
        waiting.append(pool.submit(_write, part))
        if len(waiting) > PARTS_AHEAD:
            school, count = waiting.popleft().result()
            written[school] += count
    for school, count in (writing.result() for writing in waiting):
        written[school] += count
    return written


def _write(part: Part) -> tuple[str, int]:
    sink = pa.BufferOutputStream()
    _write_table(
        part.rows,
        sink,
        compression="zstd",
        use_dictionary=[name for name in part.rows.schema.names if name not in _NO_DICTIONARY],
        row_group_size=ROWS_A_GROUP,
        store_schema=False,  # Arrow's copy of the schema: another kilobyte in each of many small files
    )
    body = sink.getvalue()
    lake.write(setting("LAKE_BUCKET"), part.key, body.to_pybytes())
    return part.school, pq.read_metadata(pa.BufferReader(body)).num_rows
