"""`load`: what has landed and no load has taken is judged and published, one load after another.

    claiming → claimed → judged → published

Each arrow is a write to the ledger, and everything between two of them gives the same result when it is
done again. So a run that finds a load open does what is left of it first. One run does all the steps of a
load here, one after another; `pipelines.load.steps` does them as processes of their own.
"""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from pathlib import Path
from typing import Any

from adapters import leases, ledger
from expectations.catalogue import EXPECTATIONS, expectations_of
from pipelines.load.finishing import finish
from pipelines.load.planning import plan
from pipelines.load.result import LoadResult, ledger_row
from pipelines.load.sharding import work_on
from pipelines.load.shards import USUAL, Bounds
from pipelines.load.work import Say, at_work, lease_name, since


def load(
    table_name: str,
    *,
    now: datetime,
    docs: Path | None = None,
    bounds: Bounds = USUAL,
    only: Collection[str] | None = None,
    progress: Say = lambda text: None,
) -> list[LoadResult]:
    """Judges and publishes what has landed, in as many loads as it takes. Safe to run again at any time.

    Args:
        table_name: A lake table.
        now: Aware; names the loads, and nothing may have happened after it. The ledger's times go on from it.
        docs: Folder to add the quality reports to; the reports bucket has them anyway.
        bounds: Of each load and of its shards; a shard's decide how much memory a load takes.
        only: Keys of the landing files that new loads may take, so that rows which were judged apart are
            published apart; None is all that has landed. A load that is open is finished first in any case.
        progress: Told what is going on.

    Returns:
        The loads that this run finished, in order; empty where nothing had landed.

    Raises:
        UnknownTableError: No such table.
        LeaseHeldError: Another run is at work on the table.
        LeaseLostError: This run was silent for too long, and another took over.
        GateToolError: A load could not be judged. It stays open, and nothing is said of its rows.
        LoadHeldError: A load broke a rule of the whole load. It stays open, and nothing of it is published.
        FilesLostError: A judged load lost a file.
        LoadDoesNotAddUpError: A school's rows are not all accounted for.
    """
    expectations_of(table_name)
    moment = since(now)
    results: list[LoadResult] = []
    with (
        leases.held(lease_name(table_name), "load", progress) as lease,
        at_work(table_name, now, moment, lease, progress) as work,
    ):
        while planned := plan(work, bounds, docs, only=only, keep=True):
            for number in range(planned.shards):
                planned.clock.add(work_on(work, planned.load, number, planned.take_first()))
            results.append(finish(work, planned.load, resumed=planned.resumed, clock=planned.clock))
    return results


def recent_loads(limit: int = 20) -> list[dict[str, Any]]:
    """The newest loads of every table, newest first, as flat rows (`pipelines.load.result.ledger_row`)."""
    found = [load for table in EXPECTATIONS for load in ledger.loads(table, limit)]
    found.sort(key=lambda load: load.load_id, reverse=True)
    return [ledger_row(load) for load in found[:limit]]
