"""The first step of a load: its files are claimed and checked, its rows judged, its shards fixed."""

from __future__ import annotations

from collections.abc import Collection
from concurrent.futures import Future, wait
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
from botocore.exceptions import BotoCoreError, ClientError

from adapters import landing_claims, ledger
from adapters.lake import LandingFile
from adapters.landing_claims import Claim
from adapters.leases import LeaseLostError
from adapters.ledger import Load, LoadState
from expectations import verdict as verdicts
from expectations.verdict import GateToolError, Verdict
from pipelines.load import claiming
from pipelines.load.holding import hold_where_ours
from pipelines.load.load_table import LoadTable
from pipelines.load.reading import FileFaultError, Landed, check_files, read_files
from pipelines.load.result import Clock, judged_counts
from pipelines.load.rows import LoadRows, prepare
from pipelines.load.shards import Bounds, split
from pipelines.load.work import JUDGED_BY, Work, noting
from transforms.calendar import utc_text

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Ready:
    """A shard whose rows are in memory already, and what the lake has of them, as soon as it is known."""

    rows: LoadRows
    known: Future[pa.Table]


@dataclass
class Plan:
    """A load that is judged.

    Attributes:
        load: In state judged.
        resumed: Whether an earlier run had begun it.
        clock: What the steps took so far.
    """

    load: Load
    resumed: bool
    clock: Clock
    _first: Ready | None = None

    @property
    def shards(self) -> int:
        """How many shards the load has."""
        return len(self.load.facts["shards"])

    def take_first(self) -> Ready | None:
        """The first shard's rows, if this run has them, once: they are then nobody's but the taker's."""
        ready, self._first = self._first, None
        return ready


def plan(
    work: Work,
    bounds: Bounds,
    docs: Path | None = None,
    *,
    only: Collection[str] | None = None,
    keep: bool = False,
) -> Plan | None:
    """Takes the open load, or a new one, to where its shards can be worked on.

    Args:
        work: What is in hand.
        bounds: Of a new load and of its shards.
        docs: Folder to add the quality report to; the reports bucket has it anyway.
        only: Keys of the files that a new load may take; None is all.
        keep: Whether the rows of the first shard stay in memory, for a run that works on it next.

    Returns:
        None where nothing has landed.

    Raises:
        GateToolError: The load could not be judged. It stays open, and nothing is said of its rows.
        LoadHeldError: The load broke a rule of the whole load. It stays open.
        LeaseLostError: Another run has the lease.
    """
    clock = Clock()
    resumed = ledger.the_open_load(work.table) is not None
    load = claiming.open_or_resume(work.table, work.now, bounds, work.lease, only, work.moment)
    if load is None:
        return None
    clock.lap("claim")
    with noting(load, work.lease):
        table, claims = work.load_table(load), claiming.claimed(load)
        if load.state is LoadState.JUDGED:
            if load.facts["shards"] and not table.is_there():
                table.make(claiming.shards(load, claims))
            return Plan(load, resumed, clock)
        return _Planning(work, load, table, claims, clock, resumed).judged(bounds, docs, keep=keep)


@dataclass(frozen=True)
class _Planning:
    """A load that is claimed, on its way to be judged."""

    work: Work
    load: Load
    table: LoadTable
    claims: list[Claim]
    clock: Clock
    resumed: bool

    def judged(self, bounds: Bounds, docs: Path | None, *, keep: bool) -> Plan:
        # Great Expectations takes seconds to import and Athena to count: meanwhile files are read and sorted.
        warm = self.work.pool.submit(verdicts.warm_up)
        claimed = list(split([claim.file for claim in self.claims if not claim.fault], bounds))
        if not claimed:
            return self._noted(Verdict({}, {}, {}), [], None)
        try:
            counts = self._asked(claimed, once=True)
            checked = self._checked(claimed, keep=keep)
            shards = [part.files for part in checked if part.files]
            self.clock.lap("read")
            if shards != claimed:
                wait([counts])  # whatever it says: it counted files that cannot be trusted
                if not shards:
                    self.table.drop()
                    return self._noted(Verdict({}, {}, {}), [], None)
                counts = self._asked(shards)
            return self._judged(counts, checked, warm, docs)
        except BaseException as error:
            self._drop_table(error)
            raise

    def _asked(self, shards: list[list[LandingFile]], *, once: bool = False) -> Future[pd.DataFrame]:
        """Makes the load's table and has Athena count it."""
        self.table.make(shards)
        return self.work.pool.submit(self.work.gate(self.load).counts, once=once)

    def _drop_table(self, error: BaseException) -> None:
        """Leaves no table behind a load that was not judged."""
        try:
            self.table.drop()
        except (ClientError, BotoCoreError, LeaseLostError) as refused:
            error.add_note(f"and the load's table {self.table.name} is still there: {refused}")

    def _judged(
        self, counts: Future[pd.DataFrame], checked: list[Landed], warm: Future[None], docs: Path | None
    ) -> Plan:
        pool, gate = self.work.pool, self.work.gate(self.load)
        shards = [len(part.files) for part in checked if part.files]
        rows = sum(part.rows for part in checked)
        copies = pool.submit(gate.copies) if len(shards) > 1 else None
        first = None
        if checked[0].files and checked[0].columns is not None:
            prepared = prepare(checked[0].columns, self.work.expectations.table)
            first = Ready(prepared, pool.submit(gate.known, prepared, 0))
        self.clock.lap("sort")
        self._say(f"judging {rows:,} rows")
        warm.result()
        try:
            counted = counts.result()
        except GateToolError:  # asked once, beside the reading of the files
            counted = gate.counts()
        verdict = gate.verdict(counted, rows, docs)
        hold_where_ours(self.load, verdict, self.work.moment(), self.work.lease)
        if copies is not None:
            self.table.keep_copies(copies.result())
        self.clock.lap("judge")
        return self._noted(verdict, shards, first)

    def _noted(self, verdict: Verdict, shards: list[int], first: Ready | None) -> Plan:
        """Writes the verdict down before a row is written, so that every shard keeps to it."""
        lease = self.work.lease
        schools = {school: counts.as_dict() for school, counts in judged_counts(verdict).items()}
        ledger.write_schools(self.load, schools, lease)
        load = ledger.advance(
            self.load,
            LoadState.JUDGED,
            self.work.moment(),
            lease,
            **{JUDGED_BY: utc_text(self.work.now)},
            contract_version=self.work.expectations.table.version,
            rules_version=self.work.expectations.version,
            severities={rule: severity.value for rule, severity in verdict.severities.items()},
            shards=shards,
        )
        return Plan(load, self.resumed, self.clock, first)

    def _checked(self, shards: list[list[LandingFile]], *, keep: bool) -> list[Landed]:
        """The load's files by shard, each read whole; those that cannot be trusted are set aside."""
        files = sum(map(len, shards))
        checked: list[Landed] = []
        done = 0
        for number, shard in enumerate(shards):
            read = read_files if keep and number == 0 else check_files
            landed = read(
                shard,
                self.work.expectations.table,
                self.work.pool,
                lambda count, before=done: self._read(before + count, files),  # type: ignore[misc]
            )
            done += len(shard)
            for file, fault in landed.faults.items():
                self._set_aside(file, fault)
            checked.append(landed)
        return checked

    def _set_aside(self, file: LandingFile, fault: FileFaultError) -> None:
        landing_claims.set_aside(self.load, file, fault.fault, fault.reason, self.work.lease)

    def _read(self, count: int, files: int) -> None:
        if count == files or count % 100 == 0:
            self._say(f"read {count:,} of {files:,} files")

    def _say(self, text: str) -> None:
        self.work.progress(f"load {self.load.load_id}: {text}")
