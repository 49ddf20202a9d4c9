"""A finished load as rows of the lake's table `loads`, for analysts."""

from __future__ import annotations

from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq

from adapters import lake
from adapters.leases import Lease
from adapters.ledger import Load, LoadState
from adapters.settings import setting
from pipelines.load.result import LoadResult
from pipelines.partitions import settling
from transforms.load_history import NAME, SCHEMA


def keep(load: Load, result: LoadResult, published_at: datetime, lease: Lease) -> None:
    """Writes a load's rows, one a school; doing it again replaces the object.

    Args:
        load: In state judged.
        result: What it did.
        published_at: Aware.
        lease: Of the lake table.

    Raises:
        LeaseLostError: Another run has the lease.
    """
    body = pa.BufferOutputStream()
    pq.write_table(rows(load, result, published_at), body, compression="zstd")
    year, month = f"{load.opened_at:%Y}", f"{load.opened_at:%m}"
    folder = f"lake/{NAME}/year={year}/month={month}/"
    lease.check()
    lake.write(
        setting("LAKE_BUCKET"), f"{folder}{load.table}-{load.load_id}.parquet", body.getvalue().to_pybytes()
    )
    if not settling.places(NAME, [(year, month)]):
        lake.register_partitions(NAME, {(year, month): folder})


def rows(load: Load, result: LoadResult, published_at: datetime) -> pa.Table:
    """A row for each school of a load, as `transforms.load_history` types them."""
    of_all = {
        "load_id": load.load_id,
        "table_name": load.table,
        "state": LoadState.PUBLISHED.value,
        "opened_at": _utc(load.opened_at),
        "judged_at": _utc(datetime.fromisoformat(load.times[LoadState.JUDGED.value])),
        "published_at": _utc(published_at),
        "contract_version": load.facts["contract_version"],
        "rules_version": load.facts["rules_version"],
        "files": result.files,
        "files_set_aside": len(result.set_aside),
        "shards": result.shards,
    }
    found = [
        {
            **of_all,
            "school_id": school,
            "landed": counts.landed,
            "duplicate": counts.duplicate,
            "quarantined": counts.quarantined,
            "published": counts.published,
            "stopped": counts.stopped,
            "broken_rules": sorted(counts.broken.items()),
            "published_weeks": None if counts.weeks is None else sorted(counts.weeks.items()),
        }
        for school, counts in result.schools.items()
    ]
    return pa.Table.from_pylist(found, SCHEMA)


def _utc(moment: datetime) -> datetime:
    """As the lake's timestamps are: UTC, without a zone."""
    return moment.astimezone(UTC).replace(tzinfo=None)
