"""What every step of a load has in hand."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta

from botocore.exceptions import BotoCoreError, ClientError

from adapters import ledger
from adapters.leases import Lease, LeaseLostError
from adapters.ledger import Load, LoadState
from adapters.ledger_table import ConditionError
from expectations.catalogue import expectations_of
from expectations.rules import Expectations
from pipelines.load.gate import Gate
from pipelines.load.load_table import LoadTable

JUDGED_BY = "judged_by"  # a fact of the ledger: the moment that the rules took for now

THREADS = 4  # of reading and writing side by side

Say = Callable[[str], None]
Moments = Callable[[], datetime]

_elapsed: Callable[[], float] = time.monotonic


def lease_name(table: str) -> str:
    """The lease of a lake table: whoever writes to the table holds it."""
    return f"lake/{table}"


def since(now: datetime) -> Moments:
    """A clock that shows a moment now, and goes on from it; it never goes back."""
    begun = _elapsed()
    return lambda: now + timedelta(seconds=_elapsed() - begun)


@dataclass(frozen=True)
class Work:
    """One run of a load's step.

    Attributes:
        expectations: Of the lake table.
        now: Aware; nothing that is judged may have happened after it.
        moment: Gives the moment at which something is written down.
        lease: Of the lake table.
        pool: Threads to read and write with.
        progress: Told what is going on.
    """

    expectations: Expectations
    now: datetime
    moment: Moments
    lease: Lease
    pool: ThreadPoolExecutor
    progress: Say

    @property
    def table(self) -> str:
        """Name of the lake table."""
        return self.expectations.table.name

    def load_table(self, load: Load) -> LoadTable:
        """The table that is a load."""
        return LoadTable(load.load_id, self.expectations.table, self.lease)

    def gate(self, load: Load) -> Gate:
        """The gate of a load.

        Until a verdict is written each run judges by its own clock: one that was wrong harms no later run.
        """
        judged = load.facts.get(JUDGED_BY) or load.times.get(LoadState.JUDGED.value)
        moment = self.now if judged is None else datetime.fromisoformat(judged)
        return Gate(load.load_id, self.expectations, moment, self.load_table(load).name)


@contextmanager
def at_work(table: str, now: datetime, moment: Moments, lease: Lease, progress: Say) -> Iterator[Work]:
    """Gives a step what it needs.

    Args:
        table: A lake table.
        now: Aware.
        moment: As of `since`, from where the step began.
        lease: Of the lake table.
        progress: Told what is going on.
    """
    with ThreadPoolExecutor(THREADS, thread_name_prefix="load") as pool:
        yield Work(expectations_of(table), now, moment, lease, pool, progress)


@contextmanager
def noting(load: Load, lease: Lease) -> Iterator[None]:
    """Leaves word in the ledger of why the block ended early, without hiding it."""
    try:
        yield
    except Exception as error:
        try:
            ledger.note_error(load, f"{type(error).__name__}: {error}", lease)
        except (ClientError, BotoCoreError, ConditionError, LeaseLostError) as unnoted:
            error.add_note(f"and the ledger could not note it: {unnoted}")
        raise
