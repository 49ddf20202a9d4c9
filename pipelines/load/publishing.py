"""Good rows to the lake, a file for each partition; the rows of stopped schools to quarantine.

An object's name is made of the load, the shard and the partition alone and its bytes of the shard's rows,
so a shard that is run again writes the same objects.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Executor
from typing import Any, NamedTuple, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from adapters import lake
from adapters.leases import Lease
from adapters.settings import setting
from pipelines.load.ahead import in_order
from pipelines.load.rows import LoadRows, Numbers, Partition, Span, broken_rules, of_school, partitions
from pipelines.partitions import settling
from pipelines.partitions.files import ROWS_A_GROUP, encoding
from transforms.lake_schema import LOAD_ID

ROWS_GATHERED = 16_384  # by each thread at once: what is in hand beside the load's own rows
GROUPS_AHEAD = 8  # that wait for a thread

Given = TypeVar("Given")

_write_table: Any = pq.write_table  # its stubs do not know of dictionaries by column


class Published(NamedTuple):
    """What was written to the lake.

    Attributes:
        rows: By school, from the footers of what was written.
        objects: How many were written, one a partition.
    """

    rows: Mapping[str, int]
    objects: int


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


def publish(
    rows: LoadRows, order: Numbers, load_id: str, pool: Executor, lease: Lease, shard: int = 0
) -> Published:
    """Writes rows to the lake and tells Glue of the partitions that it does not know.

    Args:
        rows: The shard.
        order: Which rows, by partition.
        load_id: Stands in every row and names every file.
        pool: Threads to write with.
        lease: Of the lake table; asked before each write.
        shard: Number of the shard, names every file too.

    Returns:
        What was written.

    Raises:
        LeaseLostError: Another run has the lease.
    """
    table = rows.table
    spans = list(partitions(rows, order))
    known = settling.places(table.name, (partition for partition, _, _ in spans))
    places: dict[tuple[str, ...], str] = {
        partition: known.get(partition) or lake.partition_path(table.name, partition)
        for partition, _, _ in spans
    }

    def parts(group: list[Span]) -> Iterator[Part]:
        for partition, part in _gathered(rows, order, group, load_id):
            yield Part(partition.school_id, f"{places[partition]}{load_id}-{shard:04d}.parquet", part)

    written = _write_all(parts, _groups(spans), pool, lease)
    unknown = {partition: place for partition, place in places.items() if partition not in known}
    if unknown:
        lease.check()
        lake.register_partitions(table.name, unknown)
    return Published(written, len(spans))


def quarantine(
    rows: LoadRows,
    held: Mapping[str, Numbers],
    broken: pa.Table,
    rule_names: tuple[str, ...],
    load_id: str,
    pool: Executor,
    lease: Lease,
    shard: int = 0,
) -> Mapping[str, int]:
    """Writes the rows of stopped schools as they landed, with the rules that each of them breaks.

    They have one more column, `broken_rules` (list of strings), empty for the good rows of a stopped
    school.

    Args:
        rows: The shard.
        held: Which rows, by stopped school.
        broken: From `pipelines.load.gate.Gate.broken_rows`.
        rule_names: Of the rules that its bits stand for.
        load_id: The load.
        pool: Threads to write with.
        lease: As of `publish`.
        shard: As of `publish`.

    Returns:
        Rows by school, from the footers of what was written.

    Raises:
        LeaseLostError: Another run has the lease.
    """
    table = rows.table

    def parts(school: str) -> Iterator[Part]:
        part = rows.gathered(held[school])
        found = of_school(broken, school)
        lists = broken_rules(part[table.identity].combine_chunks(), found, rule_names)
        key = lake.quarantine_key(table.name, load_id, school, shard)
        yield Part(school, key, part.append_column("broken_rules", lists))

    return _write_all(parts, held, pool, lease)


def _gathered(
    rows: LoadRows, order: Numbers, group: list[Span], load_id: str
) -> Iterator[tuple[Partition, pa.Table]]:
    """The rows of each partition of a group in the lake's schema, gathered together."""
    schema = rows.table.lake_schema
    names = [name for name in schema.names if name != LOAD_ID.name]
    first, last = group[0][1], group[-1][2]
    gathered = rows.gathered(order[first:last], names)
    gathered = gathered.append_column(LOAD_ID.name, pa.repeat(load_id, last - first))
    gathered = gathered.select(schema.names).cast(schema)
    for partition, start, end in group:
        yield partition, gathered.slice(start - first, end - start)


def _groups(spans: Iterable[Span]) -> Iterator[list[Span]]:
    """Partitions that follow each other, small ones together."""
    group: list[Span] = []
    taken = 0
    for span in spans:
        group.append(span)
        taken += span[2] - span[1]
        if taken >= ROWS_GATHERED:
            yield group
            group, taken = [], 0
    if group:
        yield group


def _write_all(
    parts: Callable[[Given], Iterator[Part]], given: Iterable[Given], pool: Executor, lease: Lease
) -> Counter[str]:
    """Gathers and writes the parts of each of the given, side by side; rows by school."""

    def write(each: Given) -> Counter[str]:
        rows: Counter[str] = Counter()
        for part in parts(each):
            rows[part.school] += _write(part, lease)
        return rows

    written: Counter[str] = Counter()
    for rows in in_order(pool, write, given, GROUPS_AHEAD):
        written.update(rows)
    return written


def _write(part: Part, lease: Lease) -> int:
    sink = pa.BufferOutputStream()
    footers: list[pq.FileMetaData] = []
    options = encoding(part.rows.schema)
    _write_table(part.rows, sink, row_group_size=ROWS_A_GROUP, metadata_collector=footers, **options)
    lease.check()
    lake.write(setting("LAKE_BUCKET"), part.key, sink.getvalue().to_pybytes())
    return footers[0].num_rows
