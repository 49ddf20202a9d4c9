"""A mart as Athena computed it becomes what readers see: all partitions are written, then the catalog moves.

    writing → written → published → forgotten, an hour or more later
       └→ undoing → forgotten

Each step is written down before it is done (`adapters.publications`). A run that dies while it writes leaves
files that nobody sees: the next run deletes them. Once everything is written, the next run finishes it. So a
reader finds the rows of before or the new ones of every partition, and none is missing in between.
"""

from __future__ import annotations

import hashlib
import tempfile
import uuid
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal, NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from adapters import catalog, generations, marts, publications
from adapters.batches import batches
from adapters.catalog import PartitionValues
from adapters.publications import Drop, Kept, Move, Publication, State
from adapters.settings import setting
from pipelines.partitions.retiring import GRACE
from pipelines.trends.parts import in_order, parted
from transforms.calendar import utc_text

WRITERS = 8
PERIODS_AN_EXPRESSION = 25  # Glue takes 2,048 characters

Compression = Literal["gzip", "snappy", "zstd", "none"]
Clock = Callable[[], datetime]


class Span(StrEnum):
    """What a run builds again of a mart, and may take away where nothing is left of it."""

    ALL = "all"
    WEEKS = "weeks"  # from one ISO week on
    PERIODS = "periods"  # those of which there are rows


@dataclass(frozen=True, slots=True)
class Mart:
    """A mart to publish.

    Attributes:
        name: Of its table.
        keys: Its partition keys.
        staging: The table of the same database that holds the rows which were built.
        span: What was built again.
        first_week: The first ISO week that was built again, even if nothing is left of it; '' where only
            the rows say which weeks were built. Of `Span.WEEKS`.
        compression: Of the files.
    """

    name: str
    keys: tuple[str, ...]
    staging: str
    span: Span
    first_week: str = ""
    compression: Compression = "snappy"


class Published(NamedTuple):
    """What became of a mart.

    Attributes:
        rows: How many were built.
        written: Partitions that got a new file.
        unchanged: Partitions that were built and are as they were.
        dropped: Partitions that have no rows any more.
    """

    rows: int
    written: int
    unchanged: int
    dropped: int


def _now() -> datetime:
    return datetime.now(UTC)


def publish(mart: Mart, clock: Clock = _now) -> Published:
    """Publishes the rows that were built.

    Raises:
        PublicationTakenError: Another run works on the mart.
        MartLayoutError: The mart's files were written by something else.
        PartitionRefusedError: Glue refused a partition; the next run goes on from there.
        NoPartitionError: A row has no partition.
    """
    database = setting("MARTS_DATABASE")
    staging = catalog.table(database, mart.staging)
    if staging is None:
        raise LookupError(
            f"Glue has no table {database}.{mart.staging}, in which {mart.name} was to be built"
        )
    folder = f"marts/{database}/{mart.name}/"
    table = marts.table_of(staging, mart.name, folder, mart.keys)
    with tempfile.TemporaryDirectory(prefix="luca-mart-") as local:
        parts = parted(marts.staged(staging), mart.keys, Path(local))
        before = _before(database, mart, table, parts)
        run = f"{utc_text(clock()).replace(':', '').replace('-', '')[:15].lower()}_{uuid.uuid4().hex[:8]}"
        moves = [
            Move(values, marts.file_key(folder, mart.keys, values, run), before.get(values))
            for values in sorted(parts)
        ]
        drops = tuple(Drop(values, key) for values, key in sorted(before.items()) if values not in parts)
        kept = publications.begin(Publication(database, run, State.WRITING, table, tuple(moves)))
        with ThreadPoolExecutor(WRITERS, thread_name_prefix="publish") as pool:
            done = list(pool.map(lambda move: _write(move, parts[move.values], mart), moves))
    changed = tuple(move for move, written in zip(moves, done, strict=True) if written)
    plan = msgspec.structs.replace(kept.publication, state=State.WRITTEN, moves=changed, drops=drops)
    _finish(publications.change(kept, plan), clock())
    rows = sum(piece.num_rows for pieces in parts.values() for piece in pieces)
    return Published(rows, len(changed), len(moves) - len(changed), len(drops))


def settle(clock: Clock = _now, grace: timedelta = GRACE) -> None:
    """Ends what earlier runs left open, of all marts, and deletes what nobody reads any more.

    Args:
        clock: Gives the moment, aware.
        grace: How long a replaced file stays for the queries that read it.

    Raises:
        PublicationTakenError: Another run does the same.
        PartitionRefusedError: Glue refused a partition; run it again.
    """
    for kept in publications.every():
        plan = kept.publication
        if plan.state is State.WRITTEN:
            _finish(kept, clock())
        elif plan.state is not State.PUBLISHED:
            _undo(kept)
        elif plan.published_at is not None and plan.published_at + grace <= clock():
            generations.delete_keys(plan.replaced)
            publications.forget(kept)


def _before(
    database: str, mart: Mart, table: Mapping[str, Any], parts: Mapping[PartitionValues, Any]
) -> dict[PartitionValues, str]:
    """The files of the partitions that were built again, as readers see them until now."""
    known = catalog.table(database, mart.name)
    if known is None:
        return {}
    try:
        marts.check_keys(known, table)
        found = [marts.partition_files(database, mart.name, each) for each in _expressions(mart, parts)]
    except marts.MartLayoutError:
        if mart.span is not Span.ALL:
            raise
        # Nothing can be put beside what is there: the mart is away until it is written.
        marts.drop_table(database, mart.name)
        generations.delete(f"marts/{database}/{mart.name}/")
        return {}
    return {values: key for some in found for values, key in some.items()}


def _expressions(mart: Mart, parts: Iterable[PartitionValues]) -> Iterator[str]:
    """Which partitions were built again, as conditions of Glue."""
    if mart.span is Span.ALL:
        yield ""
        return
    at = mart.keys.index("period" if mart.span is Span.PERIODS else "iso_week")
    built = sorted({values[at] for values in parts})
    if mart.span is Span.PERIODS:
        for some in batches(built, PERIODS_AN_EXPRESSION):
            yield " or ".join(f"period = '{period}'" for period in some)
    elif weeks := [week for week in (mart.first_week, *built[:1]) if week]:
        # A school's pause may reach further back than the look-back.
        yield f"iso_week >= '{min(weeks)}'"


def _write(move: Move, pieces: Sequence[pa.Table], mart: Mart) -> bool:
    """Writes a partition's file, unless what is there has the same rows."""
    sink = pa.BufferOutputStream()
    pq.write_table(in_order(pieces), sink, compression=mart.compression, store_schema=False)
    body = sink.getvalue()
    digest = hashlib.blake2b(body, digest_size=16).hexdigest()
    if mart.span is not Span.ALL and move.before is not None and marts.holds(move.before, digest):
        return False
    marts.write_file(move.key, body.to_pybytes(), digest)
    return True


def _undo(kept: Kept) -> None:
    """Deletes the files of a run that died while it wrote them; from here on it could not publish them."""
    undoing = msgspec.structs.replace(kept.publication, state=State.UNDOING)
    kept = publications.change(kept, undoing)
    generations.delete_keys(move.key for move in undoing.moves)
    publications.forget(kept)


def _finish(kept: Kept, now: datetime) -> None:
    """Changes the catalog as was written down; may be done again from the start."""
    plan = kept.publication
    known = catalog.table(plan.database, plan.mart)
    if known is None:
        marts.create_table(plan.database, plan.table)
    bucket = f"s3://{setting('LAKE_BUCKET')}/"
    places = {move.values: f"{bucket}{move.key.removesuffix(marts.FILE)}" for move in plan.moves}
    described = plan.table["StorageDescriptor"]
    new = {move.values for move in plan.moves if move.before is None}
    name = (plan.database, plan.mart)
    new |= catalog.move_partitions(*name, {each: places[each] for each in places.keys() - new}, described)
    there = catalog.create_partitions(*name, {each: places[each] for each in new}, described)
    catalog.move_partitions(*name, {each: places[each] for each in there}, described)
    catalog.drop_partitions(*name, [drop.values for drop in plan.drops])
    # Last: until then a run that was killed is told that the columns differ, and none is missing unseen.
    if known is not None and not marts.same_columns(known, plan.table):
        marts.update_table(plan.database, plan.table)
    if any(True for _ in plan.replaced):
        publications.change(kept, msgspec.structs.replace(plan, state=State.PUBLISHED, published_at=now))
    else:
        publications.forget(kept)
