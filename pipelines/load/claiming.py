"""Which files a load takes: what landed and no load has, the oldest first, up to a size."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Iterator
from datetime import UTC, datetime
from itertools import groupby

from adapters import lake, landing_claims, ledger
from adapters.lake import LandingFile
from adapters.landing_claims import Claim
from adapters.leases import Lease
from adapters.ledger import Load, LoadState
from pipelines.load.shards import Bounds, parted
from pipelines.load.work import Moments


def open_or_resume(
    table: str,
    now: datetime,
    bounds: Bounds,
    lease: Lease,
    only: Collection[str] | None = None,
    moment: Moments | None = None,
) -> Load | None:
    """The load to work on: the one that is open, else a new one with what no load has.

    Args:
        table: The lake table.
        now: Aware.
        bounds: Of a new load.
        lease: Of the lake table.
        only: Keys of the files that a new load may take; None is all.
        moment: Tells when its files were claimed; None is `now`.

    Returns:
        A load in state claimed or further; None where nothing has landed.
    """
    load = ledger.the_open_load(table)
    if load is None:
        files = bounds.chosen(_free(table, None, only))
        if not files:
            return None
        load = ledger.open_load(table, load_id(table, files, now), now, lease)
    elif load.state is LoadState.CLAIMING:  # killed while it claimed: what it has, and what is free since
        files = bounds.chosen(_free(table, load.load_id, only))
    if load.state is not LoadState.CLAIMING:
        return load
    landing_claims.take(load, files, now, lease)
    return ledger.advance(load, LoadState.CLAIMED, moment() if moment else now, lease)


def claimed(load: Load) -> list[Claim]:
    """A load's claims, in the order of the files' keys."""
    found = (
        claim for claim in landing_claims.of_hours(load.table, load.hours) if claim.load_id == load.load_id
    )
    return sorted(found, key=lambda claim: claim.file.key)


def shards(load: Load, claims: Iterable[Claim]) -> list[list[LandingFile]]:
    """The files of a judged load, by shard.

    Args:
        load: In state judged, in which no file is set aside any more.
        claims: As of `claimed`.
    """
    return parted([claim.file for claim in claims if not claim.fault], load.facts["shards"])


def load_id(table: str, files: Iterable[LandingFile], now: datetime) -> str:
    """Names a load: when it was opened, in UTC, and a digest of what it takes.

    It sorts by time, and is part of a Glue table's name, so it has lower-case letters, digits
    and `_` only: `20260203t141500123_5f2c9a01`.
    """
    named = "".join(f"{file.key}\n{file.etag}\n" for file in files)
    digest = hashlib.sha256(f"{table}\n{named}".encode()).hexdigest()
    moment = now.astimezone(UTC)
    return f"{moment:%Y%m%dt%H%M%S}{moment.microsecond // 1000:03d}_{digest[:8]}"


def _free(table: str, me: str | None, only: Collection[str] | None) -> Iterator[LandingFile]:
    """Landing files that no load has, or this one has, hour by hour as they are needed."""
    wanted = (file for file in lake.landing_files(table) if only is None or file.key in only)
    for hour, files in groupby(wanted, key=lambda file: file.hour):
        taken = {claim.file.key for claim in landing_claims.of_hours(table, [hour]) if claim.load_id != me}
        yield from (file for file in files if file.key not in taken)
