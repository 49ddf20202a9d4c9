"""`load`: what has landed and no load has taken is judged and published, one load after another.

    claiming → claimed → judged → published

Each arrow is a write to the ledger, and everything between two of them gives the same result
when it is done again. So a run that finds a load open does what is left of it first.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
from botocore.exceptions import BotoCoreError, ClientError

from adapters import ledger
from adapters.ledger import Claim, Load, LoadState
from adapters.ledger_table import ConditionError
from expectations import verdict as verdicts
from expectations.catalogue import EXPECTATIONS, expectations_of
from expectations.rules import Expectations, Severity
from expectations.verdict import GateToolError, Verdict
from pipelines.load import claiming
from pipelines.load.gate import Gate, gate
from pipelines.load.holding import hold_where_ours
from pipelines.load.publishing import NOTHING, Published, publish, quarantine
from pipelines.load.reading import Landed, read_files
from pipelines.load.result import (
    Clock,
    LoadResult,
    accounted_for,
    emit_metrics,
    judged_counts,
    ledger_row,
)
from pipelines.load.rows import LoadRows, part, prepare, without
from transforms.events import CONTRACT_VERSION

THREADS = 4

Say = Callable[[str], None]


class FilesLostError(RuntimeError):
    """Files of a load that was judged cannot be read any more, so it cannot be published as judged."""


def load(
    table_name: str,
    *,
    now: datetime,
    docs: Path | None = None,
    limit_files: int = claiming.FILES_A_LOAD,
    limit_bytes: int = claiming.BYTES_A_LOAD,
    only: Collection[str] | None = None,
    progress: Say = lambda text: None,
) -> list[LoadResult]:
    """Judges and publishes what has landed, in as many loads as it takes. Safe to run again at any time.

    Args:
        table_name: A lake table.
        now: Aware; names the loads, and nothing may have happened after it.
        docs: Folder to add the quality reports to; the reports bucket has them anyway.
        limit_files: Most files of one load.
        limit_bytes: Most bytes of one load's files; decides how much memory a load takes.
        only: Keys of the landing files that new loads may take, so that rows which were judged apart are
            published apart; None is all that has landed. A load that is open is finished first in any case.
        progress: Told what is going on.

    Returns:
        The loads that this run finished, in order; empty where nothing had landed.

    Raises:
        UnknownTableError: No such table.
        GateToolError: A load could not be judged. It stays open, and nothing is said of its rows.
        LoadHeldError: A load broke a rule of the whole load. It stays open, and nothing of it is published.
        FilesLostError: A judged load lost a file.
        LoadDoesNotAddUpError: A school's rows are not all accounted for.
        LedgerConflictError: Another run is at work.
    """
    expectations = expectations_of(table_name)
    results: list[LoadResult] = []
    while True:
        clock = Clock()
        resumed = ledger.the_open_load(table_name) is not None
        opened = claiming.open_or_resume(table_name, now, limit_files, limit_bytes, only)
        if opened is None:
            return results
        clock.lap("claim")
        results.append(_finish(_Run(opened, expectations, now, docs, progress, clock, resumed)))


def recent_loads(limit: int = 20) -> list[dict[str, Any]]:
    """The newest loads of every table, newest first, as flat rows (`pipelines.load.result.ledger_row`)."""
    found = [load for table in EXPECTATIONS for load in ledger.loads(table, limit)]
    found.sort(key=lambda load: load.load_id, reverse=True)
    return [ledger_row(load) for load in found[:limit]]


@dataclass(frozen=True)
class _Run:
    """One load on its way, and what this run brings to it."""

    load: Load
    expectations: Expectations
    now: datetime
    docs: Path | None
    progress: Say
    clock: Clock
    resumed: bool

    @property
    def judged(self) -> bool:
        """Whether an earlier run has judged it."""
        return self.load.state is LoadState.JUDGED

    def say(self, text: str) -> None:
        """Tells what is going on."""
        self.progress(f"load {self.load.load_id}: {text}")


@dataclass(frozen=True)
class _Outcome:
    """What was found and done, by school where it is rows."""

    verdict: Verdict
    dropped: Mapping[str, int] = field(default_factory=dict)
    quarantined: Mapping[str, int] = field(default_factory=dict)
    published: Published = NOTHING


def _finish(run: _Run) -> LoadResult:
    """Takes a load from where it is to published."""
    try:
        with ThreadPoolExecutor(THREADS, thread_name_prefix="load") as pool:
            claims = claiming.claimed(run.load)
            landed, aside = _read(run, claims, pool)
            outcome = _Outcome(Verdict({}, {}, {}))
            if landed.columns is not None:
                load = run.load
                with gate(load.load_id, load.opened_at, run.expectations, landed.files) as open_gate:
                    outcome = _judge_and_publish(run, open_gate, landed.columns, aside, pool)
        return _close(run, outcome, claims, aside)
    except Exception as error:
        _note(run, error)
        raise


def _read(run: _Run, claims: list[Claim], pool: ThreadPoolExecutor) -> tuple[Landed, tuple[Claim, ...]]:
    """The load's rows, and the files that it goes on without."""
    aside = [claim for claim in claims if claim.fault]
    run.say(f"reading {len(claims) - len(aside):,} files")
    landed = read_files([claim.file for claim in claims if not claim.fault], run.expectations.table, pool)
    if run.judged and landed.faults:
        file, fault = next(iter(landed.faults.items()))
        raise FilesLostError(
            f"load {run.load.load_id} was judged with {file.key}, now {fault.fault}: {fault.reason}; "
            f"restore it, and {len(landed.faults) - 1} more, from the bucket's old versions and run it again"
        )
    for file, fault in landed.faults.items():
        ledger.set_aside(run.load, file, fault.fault, fault.reason)
        aside.append(Claim(file, run.load.load_id, fault.fault, fault.reason))
    run.clock.lap("read")
    return landed, tuple(sorted(aside, key=lambda claim: claim.file.key))


def _judge_and_publish(
    run: _Run,
    open_gate: Gate,
    columns: pa.Table,
    aside: tuple[Claim, ...],
    pool: ThreadPoolExecutor,
) -> _Outcome:
    # Athena counts and Great Expectations is imported, which takes seconds, while the rows are sorted here.
    counts = None if run.judged else pool.submit(open_gate.counts)
    warm = None if run.judged else pool.submit(verdicts.warm_up)
    rows = prepare(columns, run.expectations.table)
    known = pool.submit(open_gate.known, rows)
    run.clock.lap("sort")
    run.say(f"judging {columns.num_rows:,} rows")
    if counts is None or warm is None:
        verdict = _noted_verdict(run.load)
    else:
        warm.result()
        verdict = open_gate.verdict(counts.result(), columns.num_rows, run.docs)
        hold_where_ours(run.load, verdict, run.now)
        _note_verdict(run, verdict, rows, aside)
    run.clock.lap("judge")
    new, in_lake = without(rows, rows.order, known.result())
    good, held = part(rows, new, verdict.stopped)
    run.say(f"publishing {len(good):,} rows, quarantining {len(new) - len(good):,}")
    quarantined: Mapping[str, int] = {}
    if held:
        names = tuple(rule.name for rule in run.expectations.row_rules)
        broken = open_gate.broken_rows(held)
        quarantined = quarantine(rows, held, broken, names, run.load.load_id, pool)
    published = publish(rows, good, run.load.load_id, pool)
    run.clock.lap("publish")
    return _Outcome(
        verdict, Counter(rows.count(rows.copies)) + Counter(rows.count(in_lake)), quarantined, published
    )


def _note_verdict(run: _Run, verdict: Verdict, rows: LoadRows, aside: tuple[Claim, ...]) -> None:
    """Writes the verdict down before anything else is written, so that a later run keeps to it."""
    if dict(verdict.rows) != rows.landed:
        raise GateToolError(
            f"Athena and Arrow part load {run.load.load_id} into schools differently: a fault of ours"
        )
    ledger.write_schools(
        run.load,
        {school: counts.as_dict() for school, counts in judged_counts(verdict).items()},
    )
    ledger.advance(
        run.load,
        LoadState.JUDGED,
        run.now,
        contract_version=CONTRACT_VERSION,
        rules_version=run.expectations.version,
        severities={rule: severity.value for rule, severity in verdict.severities.items()},
        set_aside=len(aside),
    )


def _noted_verdict(load: Load) -> Verdict:
    """The verdict that an earlier run of the load wrote down."""
    schools = ledger.read_schools(load)
    broken: dict[str, dict[str, int]] = {}
    for school, counts in schools.items():
        for rule, count in counts["broken"].items():
            broken.setdefault(rule, {})[school] = count
    return Verdict(
        rows={school: counts["landed"] for school, counts in schools.items()},
        broken=broken,
        severities={rule: Severity(severity) for rule, severity in load.facts["severities"].items()},
    )


def _close(run: _Run, outcome: _Outcome, claims: list[Claim], aside: tuple[Claim, ...]) -> LoadResult:
    """Holds the counts against each other, and the load is published."""
    schools = accounted_for(outcome.verdict, outcome.dropped, outcome.quarantined, outcome.published.rows)
    ledger.write_schools(run.load, {school: counts.as_dict() for school, counts in schools.items()})
    result = LoadResult(
        load_id=run.load.load_id,
        table=run.load.table,
        files=len(claims),
        size=sum(claim.file.size for claim in claims),
        set_aside=aside,
        schools=schools,
        severities={rule: severity.value for rule, severity in outcome.verdict.severities.items()},
        partitions=outcome.published.partitions,
        seconds=run.clock.seconds,
        resumed=run.resumed,
    )
    ledger.advance(run.load, LoadState.PUBLISHED, run.now, **result.facts)
    run.clock.lap("close")
    run.progress(result.summary)
    emit_metrics(result)
    return result


def _note(run: _Run, error: Exception) -> None:
    """Leaves word in the ledger of why a run ended early, without hiding it."""
    try:
        ledger.note_error(run.load, f"{type(error).__name__}: {error}")
    except (ClientError, BotoCoreError, ConditionError) as unnoted:
        error.add_note(f"and the ledger could not note it: {unnoted}")
