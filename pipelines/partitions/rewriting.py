"""Partitions written anew under the lease of their table: the rows of each go to a new generation.

    writing → written → moved, one partition after the other → retired → deleted

Each arrow is a write to the ledger. A run that dies while it writes is undone by the next one: nobody reads
what it wrote. Once everything is written, the next one finishes it.
"""

from __future__ import annotations

import tempfile
import uuid
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import NamedTuple, TypeVar

import pyarrow as pa

from adapters import generations, lake, leases, ledger, rewrites
from adapters.generations import LakeObject
from adapters.lake import PartitionValues
from adapters.leases import Lease
from adapters.ledger import LoadState
from adapters.rewrites import Move, Rewrite
from pipelines.partitions import settling
from pipelines.partitions.files import SortedRows, Unreadable, Written, read_rows, refuse, write_rows
from transforms.calendar import utc_text
from transforms.lake_schema import LakeTable

ARROW_BYTES = 384 * 2**20  # rows in memory of all partitions in hand; a load takes three times as much
READERS, WRITERS = 4, 2

T = TypeVar("T")
Say = Callable[[str], None]
Clock = Callable[[], datetime]
Change = Callable[[pa.Table], pa.Table]
"""Some rows of a partition, in the lake's schema, to what stays of them."""
More = Callable[[PartitionValues], pa.Table]
"""Rows that a partition gets besides its own, in the lake's schema."""
Share = Callable[[PartitionValues, pa.Table], Mapping[PartitionValues, pa.Table]]
"""Some rows of a partition to the partitions that they shall be in."""


class UnfinishedWorkError(RuntimeError):
    """Something has begun to write rows to the table, and will write them again when it is finished."""


class RowsExchangedError(ValueError):
    """Partitions give rows to each other in a circle: in whatever order they move, rows would be missing."""


class RowsLostError(RuntimeError):
    """What was written is not what was read: a fault of ours. Nothing was changed."""


class Rewritten(NamedTuple):
    """What became of a partition.

    Attributes:
        read: Its files before, rows and bytes.
        written: Its files now.
    """

    read: Written
    written: Written


def keep(rows: pa.Table) -> pa.Table:
    """The change of a compaction: every row stays."""
    return rows


@contextmanager
def rewriting(
    table: LakeTable, work: str, *, say: Say = lambda text: None, clock: Clock = lambda: datetime.now(UTC)
) -> Iterator[Rewriter]:
    """Holds the lease of a table for rewrites of its partitions, after ending what others left open.

    Args:
        table: The lake table.
        work: What it is for, for the ledger and for whoever finds the lease held: `compaction`, `erase`.
        say: Told what is going on.
        clock: Gives the moment, aware.

    Raises:
        LeaseHeldError: Another run writes to the table.
        UnfinishedWorkError: A load has published some of its rows and was not finished.
    """
    with leases.held(f"lake/{table.name}", work, say) as lease, ExitStack() as stack:
        load = ledger.the_open_load(table.name)
        if load is not None and load.state is LoadState.JUDGED:
            raise UnfinishedWorkError(
                f"load {load.load_id} of {table.name} was judged and not finished: it may have published "
                f"rows that it will write again; run `luca load {table.name}` first, then this"
            )
        readers = stack.enter_context(ThreadPoolExecutor(READERS, thread_name_prefix="read"))
        writers = stack.enter_context(ThreadPoolExecutor(WRITERS, thread_name_prefix="write"))
        settling.settle(table.name, lease, clock(), say)
        yield Rewriter(table, work, lease, clock, readers, writers)


@dataclass(frozen=True)
class Rewriter:
    """Rewrites partitions of one table; `rewriting` makes it.

    Attributes:
        table: The lake table.
        work: What it is for.
        lease: Of the table.
        clock: Gives the moment, aware.
        readers: Threads that fetch files.
        writers: Threads that sort and write partitions.
    """

    table: LakeTable
    work: str
    lease: Lease
    clock: Clock
    readers: ThreadPoolExecutor
    writers: ThreadPoolExecutor

    def rewrite(
        self,
        partitions: Sequence[PartitionValues],
        change: Change = keep,
        *,
        more: More | None = None,
        unreadable: Unreadable = refuse,
        every_version: bool = False,
    ) -> dict[PartitionValues, Rewritten]:
        """Writes partitions anew, each from its own rows. All are written before the first one moves.

        Args:
            partitions: At most `adapters.rewrites.PARTITIONS_TOGETHER`; those that nobody knows are left out,
                or made where they get `more`.
            change: What stays of the rows. It is called with parts of a partition, in any order, by threads.
            more: Rows that come to them; called once a partition, by threads.
            unreadable: As of `read_rows`: where it returns, the partition goes on without what is left of
                the file.
            every_version: Delete all versions of what a partition had before, where the bucket would keep
                them for 7 days more: for what must be gone.

        Raises:
            LeaseLostError: Another run took over. It undoes or finishes what was begun.
            RowsUnreadableError: A file of the lake is broken; nothing was changed.
        """
        rewrite, files = self._begin(partitions, every_version, may_be_new=more is not None)

        def one(move: Move) -> tuple[Written, Written]:
            with tempfile.TemporaryDirectory(prefix="luca-rewrite-") as folder:
                rows, read = SortedRows(self.table, ARROW_BYTES // WRITERS, Path(folder)), 0
                for part in read_rows(files[move.partition], self.table, self.readers, unreadable):
                    self.lease.check()
                    read += part.num_rows
                    rows.add(change(part))
                if more is not None:
                    rows.add(more(move.partition))
                written = write_rows(rows, move.target, self.table, self.lease.check)
                _add_up(move, rows.rows, written.rows)
            return _of(files[move.partition], read), written

        with self._undone_on_error(rewrite):
            done = self._each(one, rewrite.moves)
            rewrite = rewrites.note_written(rewrite, self.lease)
        settling.finish(rewrite, self.lease, self.clock())
        moves = zip(rewrite.moves, done, strict=True)
        return {move.partition: Rewritten(read, written) for move, (read, written) in moves}

    def share_out(
        self, partitions: Sequence[PartitionValues], share: Share, *, every_version: bool = False
    ) -> dict[PartitionValues, Rewritten]:
        """Writes partitions anew that give rows to each other.

        All are written before the first one moves, and those that gain rows move before those that lose them:
        between two moves a reader may see such a row twice, and never not at all.

        Args:
            partitions: At most `adapters.rewrites.PARTITIONS_TOGETHER`; with those that gain rows, which may
                be new.
            share: Where the rows go. It may name only `partitions`.
            every_version: See `rewrite`.

        Raises:
            RowsExchangedError: Two of them would gain rows of each other; nothing was changed. Move them in
                two calls, one way at a time.
            LeaseLostError: Another run took over. It undoes or finishes what was begun.
            RowsUnreadableError: A file of the lake is broken; nothing was changed.
        """
        rewrite, files = self._begin(partitions, every_version, may_be_new=True)
        gives: dict[PartitionValues, set[PartitionValues]] = defaultdict(set)
        read: dict[PartitionValues, int] = defaultdict(int)
        with tempfile.TemporaryDirectory(prefix="luca-rewrite-") as folder, self._undone_on_error(rewrite):
            rows = {}
            for number, move in enumerate(rewrite.moves):
                place = Path(folder, str(number))
                place.mkdir()
                rows[move.partition] = SortedRows(self.table, ARROW_BYTES // len(rewrite.moves), place)
            for move in rewrite.moves:
                for part in read_rows(files[move.partition], self.table, self.readers):
                    self.lease.check()
                    read[move.partition] += part.num_rows
                    for partition, shared in share(move.partition, part).items():
                        if partition not in rows:
                            raise ValueError(f"rows go to {partition}, which is not one of {sorted(rows)}")
                        rows[partition].add(shared)
                        if partition != move.partition and shared.num_rows:
                            gives[move.partition].add(partition)
            order = _gainers_first(rewrite.moves, gives)

            def one(move: Move) -> Written:
                written = write_rows(rows[move.partition], move.target, self.table, self.lease.check)
                _add_up(move, rows[move.partition].rows, written.rows)
                return written

            done = dict(zip((move.partition for move in order), self._each(one, order), strict=True))
            rewrite = rewrites.note_written(replace(rewrite, moves=order), self.lease)
        settling.finish(rewrite, self.lease, self.clock())
        return {
            partition: Rewritten(_of(files[partition], read[partition]), written)
            for partition, written in done.items()
        }

    def _begin(
        self, partitions: Sequence[PartitionValues], every_version: bool, *, may_be_new: bool
    ) -> tuple[Rewrite, dict[PartitionValues, list[LakeObject]]]:
        """Opens a rewrite in the ledger, and finds what it is to read."""
        if len(set(partitions)) != len(partitions) or len(partitions) > rewrites.PARTITIONS_TOGETHER:
            raise ValueError(
                f"{len(partitions)} partitions, {len(set(partitions))} of them different: a rewrite takes "
                f"each once, and at most {rewrites.PARTITIONS_TOGETHER}"
            )
        known = rewrites.places(self.table.name, partitions)
        sources = settling.places(self.table.name, partitions)
        wanted = [each for each in partitions if may_be_new or each in sources]
        listed = self.readers.map(lambda each: _files_of(sources.get(each)), wanted)
        files, numbers, moves = dict(zip(wanted, listed, strict=True)), {}, []
        for partition in wanted:
            source = sources.get(partition)
            last = generations.number_of(source) if source else -1
            numbers[partition] = max(last, known[partition].generation if partition in known else -1) + 1
            names = tuple(file.name for file in files[partition])
            target = lake.partition_path(self.table.name, partition, numbers[partition])
            moves.append(Move(partition, source, target, names))
        now = self.clock()
        name = f"{utc_text(now).replace(':', '').replace('-', '')[:15].lower()}_{uuid.uuid4().hex[:8]}"
        rewrite = Rewrite(self.table.name, name, self.work, every_version, tuple(moves))
        self.lease.check()
        rewrites.open_rewrite(rewrite, numbers, self.lease, now)
        return rewrite, files

    def _each(self, work: Callable[[Move], T], moves: Sequence[Move]) -> list[T]:
        """Does the work of all moves side by side; when it raises, none is under way any more."""
        under_way = [self.writers.submit(work, move) for move in moves]
        failed = next(
            (each for each in wait(under_way, return_when=FIRST_EXCEPTION).done if each.exception()), None
        )
        if failed:
            for each in under_way:
                each.cancel()
            wait(under_way)
            failed.result()
        return [each.result() for each in under_way]

    @contextmanager
    def _undone_on_error(self, rewrite: Rewrite) -> Iterator[None]:
        """Leaves nothing behind when a rewrite fails before it is written; a killed one is the next run's."""
        try:
            yield
        except leases.LeaseLostError:
            raise
        except Exception:
            settling.undo(rewrite, self.lease)
            raise


def _files_of(source: str | None) -> list[LakeObject]:
    return [] if source is None else list(generations.objects(source))


def _of(files: Sequence[LakeObject], rows: int) -> Written:
    return Written(len(files), rows, sum(file.size for file in files))


def _add_up(move: Move, given: int, written: int) -> None:
    if given != written:
        raise RowsLostError(
            f"partition {'/'.join(move.partition)}: {written:,} rows were written to {move.target}, "
            f"{given:,} were to be: a fault of ours, nothing was changed"
        )


def _gainers_first(
    moves: Sequence[Move], gives: Mapping[PartitionValues, set[PartitionValues]]
) -> tuple[Move, ...]:
    by_partition = {move.partition: move for move in moves}
    try:
        order = list(TopologicalSorter({each: gives.get(each, ()) for each in by_partition}).static_order())
    except CycleError as error:
        circle = " → ".join("/".join(partition) for partition in error.args[1])
        raise RowsExchangedError(
            f"partitions give rows to each other: {circle}; move them in two rewrites, one way at a time"
        ) from error
    return tuple(by_partition[partition] for partition in order)
