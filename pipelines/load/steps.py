"""The steps of a load as processes of their own, side by side: what the state machine runs.

`plan` takes the lease of the lake table and leaves it, the shards join it, `finish` gives it back. Nobody
else writes to the table in between, though minutes may pass before the next step's container is up.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from adapters import lake, leases, ledger
from adapters.ledger import Load, LoadState
from adapters.settings import setting
from expectations.catalogue import expectations_of
from pipelines.load import finishing, planning, sharding
from pipelines.load.result import LoadResult
from pipelines.load.shards import Bounds
from pipelines.load.work import Say, at_work, lease_name, since

LEFT_SECONDS = 900  # between two steps: a container is up within two minutes, and may be tried again


def plan(table: str, now: datetime, bounds: Bounds, progress: Say) -> list[dict[str, Any]]:
    """Judges what has landed, and writes down the shards that are to be done: `shards_key` says where.

    Args:
        table: A lake table.
        now: Aware.
        bounds: Of a new load and of its shards.
        progress: Told what is going on.

    Returns:
        The shards as written: `table`, `load_id`, `shard` (text). Empty where there is nothing to do.

    Raises:
        Those of `pipelines.load.run.load`.
    """
    expectations_of(table)
    moment = since(now)
    with (
        leases.held(lease_name(table), "load", progress) as lease,
        at_work(table, now, moment, lease, progress) as work,
    ):
        planned = planning.plan(work, bounds)
        shards: list[dict[str, Any]] = []
        if planned is not None:
            ledger.note(planned.load, lease, token=lease.token)
            load, done = planned.load, ledger.shards_done(planned.load)
            shards = [
                {"table": table, "load_id": load.load_id, "shard": str(number)}
                for number in range(planned.shards)
                if number not in done
            ]
        lease.check()
        body = json.dumps(shards, indent=1).encode()
        lake.write(setting("LANDING_BUCKET"), shards_key(table), body, "application/json")
        if planned is not None:
            lease.leave(LEFT_SECONDS)
    return shards


def shard(table: str, load_id: str, number: int, now: datetime, progress: Say) -> None:
    """Does one shard of the load that `plan` left.

    Raises:
        LookupError: There is no such load, or no such shard.
        Those of `pipelines.load.sharding.work_on`.
    """
    moment = since(now)
    load = ledger.find(table, load_id)
    if load.state is LoadState.PUBLISHED:
        progress(f"load {load_id} is published already")
        return
    with (
        leases.joined(lease_name(table), _token(load)) as lease,
        at_work(table, now, moment, lease, progress) as work,
    ):
        sharding.work_on(work, load, number)


def finish(table: str, now: datetime, progress: Say) -> LoadResult | None:
    """Publishes the load that `plan` left, once its shards are done; None where there is none.

    Raises:
        Those of `pipelines.load.finishing.finish`.
    """
    moment = since(now)
    load = ledger.the_open_load(table)
    if load is None:
        return None
    with (
        leases.joined(lease_name(table), _token(load), last=True) as lease,
        at_work(table, now, moment, lease, progress) as work,
    ):
        return finishing.finish(work, load)


def shards_key(table: str) -> str:
    """Where in the landing bucket `plan` writes the shards that are to be done."""
    return f"loads/{table}.shards.json"


def _token(load: Load) -> int:
    if "token" not in load.facts:
        raise LookupError(
            f"load {load.load_id} of {load.table} was not planned for steps: run `plan` for the table first"
        )
    return int(load.facts["token"])
