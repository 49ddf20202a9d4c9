"""A lake with published loads, judged by the tests themselves: Athena is not asked."""

from __future__ import annotations

from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from typing import Any

import pyarrow as pa
import pytest

from adapters import leases, ledger
from adapters.ledger import LoadState
from pipelines.load import claiming
from pipelines.load.publishing import publish
from pipelines.load.reading import read_files
from pipelines.load.rows import part, prepare, without
from pipelines.load.shards import USUAL
from pipelines.replay.result import Replayed
from pipelines.replay.run import replay
from pipelines.replay.span import Span
from tests.pipelines.conftest import NOW
from transforms.lake_schema import LAKE_TABLES

FIRST, LAST = date(2026, 2, 1), date(2026, 2, 28)


@pytest.fixture
def loaded(lake: Any) -> Callable[..., str]:
    """Lands rows as one file and publishes them, but for those of stopped schools, as a load does."""

    def run(
        rows: list[dict[str, Any]],
        *,
        stopped: Collection[str] = (),
        now: datetime = NOW,
        table: str = "behavior_events",
    ) -> str:
        lake.land(rows, table=table)
        contract = LAKE_TABLES[table]
        published = [(row["school_id"], row[contract.identity]) for row in lake.published(table)]
        known = pa.table(
            [pa.array(column, pa.string()) for column in zip(*published, strict=True)]
            if published
            else [pa.array([], pa.string())] * 2,
            ["school_id", "identity"],
        )
        with leases.held(f"lake/{table}", "load") as lease, ThreadPoolExecutor(2) as pool:
            load = claiming.open_or_resume(table, now, USUAL, lease)
            assert load is not None
            files = [claim.file for claim in claiming.claimed(load)]
            columns = read_files(files, contract, pool, lambda count: None).columns
            assert columns is not None
            found = prepare(columns, contract)
            good, _ = part(found, without(found, found.order, known)[0], stopped)
            publish(found, good, load.load_id, pool, lease)
            schools = {
                school: {"landed": count, "broken": {"a_rule": 1} if school in stopped else {}}
                for school, count in found.landed.items()
            }
            ledger.write_schools(load, schools, lease)
            facts = {"shards": [len(files)], "severities": {"a_rule": "critical"}}
            load = ledger.advance(load, LoadState.JUDGED, now, lease, **facts)
            return ledger.advance(load, LoadState.PUBLISHED, now, lease).load_id

    return run


@pytest.fixture
def replayed(lake: Any) -> Callable[..., Replayed]:
    """Replays February, or other days, from the landing."""

    def run(
        first: date = FIRST,
        last: date = LAST,
        *,
        schools: tuple[str, ...] = (),
        table: str = "behavior_events",
        apply: bool = False,
    ) -> Replayed:
        return replay(LAKE_TABLES[table], Span.of(first, last, schools), apply=apply, clock=lambda: NOW)

    return run
