"""The middle step of a load: a shard's rows are published, quarantined or dropped, and counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

import pyarrow as pa

from adapters import ledger
from adapters.landing_claims import CLAIMS_KEPT
from adapters.ledger import Load, Shard
from expectations.rules import Severity
from expectations.verdict import GateToolError, Verdict
from pipelines.load import claiming
from pipelines.load.planning import Ready
from pipelines.load.publishing import publish, quarantine
from pipelines.load.reading import read_files
from pipelines.load.result import WEEKS, Clock, add_up
from pipelines.load.rows import LoadRows, part, prepare, without
from pipelines.load.work import Work, noting


class FilesLostError(RuntimeError):
    """Files of a load that was judged cannot be read any more, so it cannot be published as judged."""


def work_on(work: Work, load: Load, number: int, ready: Ready | None = None) -> Clock:
    """Does one shard, if it is not done already. Every run of it writes the same objects.

    Args:
        work: What is in hand.
        load: In state judged.
        number: Of the shard, from 0.
        ready: Its rows, where they are in memory.

    Returns:
        How long its stages took.

    Raises:
        FilesLostError: A file is gone, or another one.
        GateToolError: Athena could not say what the lake has, or which rows break what, or counted others.
        LoadDoesNotAddUpError: A school's rows are not all accounted for.
        LeaseLostError: Another run has the lease.
        LookupError: The load has no such shard.
    """
    shards = load.facts["shards"]
    if number >= len(shards):
        raise LookupError(f"load {load.load_id} has no shard {number}: it has {len(shards)}, from 0")
    clock = Clock()
    if number in ledger.shards_done(load):
        return clock
    with noting(load, work.lease):
        gate, verdict = work.gate(load), noted_verdict(load)
        if ready is None:
            columns = _read(work, load, number)
            clock.lap("read")
            rows = prepare(columns, work.expectations.table)
            clock.lap("sort")
            known = gate.known(rows, number)
        else:
            rows, known = ready.rows, ready.known.result()
        if number:
            known = pa.concat_tables([known, work.load_table(load).copies_before(number)])
        more = [school for school, count in rows.landed.items() if count > verdict.rows.get(school, 0)]
        if more:
            raise GateToolError(
                f"shard {number} of load {load.load_id} has more rows of {more[0]} than Athena counted "
                "in all of it: Athena and Arrow part rows into schools differently, a fault of ours"
            )
        new, there = without(rows, rows.order, known)
        clock.lap("look up")
        good, held = part(rows, new, verdict.stopped)
        work.progress(
            f"load {load.load_id}: shard {number + 1} of {len(shards)}: publishing {len(good):,} rows, "
            f"quarantining {len(new) - len(good):,}"
        )
        quarantined: Mapping[str, int] = {}
        if held:
            names = tuple(rule.name for rule in work.expectations.row_rules)
            broken = gate.broken_rows(held, number)
            quarantined = quarantine(rows, held, broken, names, load.load_id, work.pool, work.lease, number)
        published = publish(rows, good, load.load_id, work.pool, work.lease, number)
        clock.lap("publish")
        dropped = Counter(rows.count(rows.copies)) + Counter(rows.count(there))
        fates = {"duplicate": dropped, "quarantined": quarantined, "published": published.rows}
        schools = _by_school(rows, fates)
        add_up(schools, rows.landed)
        noted = _with_weeks(schools, rows.weeks(good))
        facts = {"objects": published.objects, "milliseconds": clock.milliseconds}
        ledger.note_shard(load, number, Shard(noted, facts), work.lease)
    return clock


def noted_verdict(load: Load) -> Verdict:
    """The verdict on a load as the ledger has it."""
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


def _by_school(rows: LoadRows, fates: Mapping[str, Mapping[str, int]]) -> dict[str, dict[str, int]]:
    return {
        school: {"landed": landed, **{fate: counts.get(school, 0) for fate, counts in fates.items()}}
        for school, landed in rows.landed.items()
    }


def _with_weeks(
    schools: Mapping[str, Mapping[str, int]], weeks: Mapping[str, Mapping[str, int]]
) -> dict[str, dict[str, Any]]:
    return {school: {**counts, WEEKS: weeks.get(school, {})} for school, counts in schools.items()}


def _read(work: Work, load: Load, number: int) -> pa.Table:
    """The rows of a shard, all of whose files were trusted when the load was judged."""
    files = claiming.shards(load, claiming.claimed(load))[number]
    wanted = load.facts["shards"][number]
    if len(files) != wanted:
        raise FilesLostError(
            f"shard {number} of load {load.load_id} was judged with {wanted} files, and the ledger still "
            f"names {len(files)} of them: claims are kept {CLAIMS_KEPT.days} days; restore the ledger "
            "to a moment when it had them, and run it again"
        )
    landed = read_files(files, work.expectations.table, work.pool, lambda count: None)
    if landed.faults:
        file, fault = next(iter(landed.faults.items()))
        raise FilesLostError(
            f"load {load.load_id} was judged with {file.key}, now {fault.fault}: {fault.reason}; "
            f"restore it, and {len(landed.faults) - 1} more, from the bucket's old versions and run it again"
        )
    assert landed.columns is not None
    return landed.columns
