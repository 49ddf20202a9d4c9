"""A lake with published loads, judged by the tests themselves: Athena is not asked."""

from __future__ import annotations

from collections.abc import Callable, Collection
from concurrent.futures import ThreadPoolExecutor
from datetime import date, datetime
from typing import Any

import pyarrow as pa
import pytest

from adapters import functions, leases, ledger
from adapters.ledger import LoadState, Shard
from pipelines.audits.completeness.repair import as_inserted
from pipelines.load import claiming
from pipelines.load.publishing import publish
from pipelines.load.reading import read_files
from pipelines.load.result import WEEKS
from pipelines.load.rows import part, prepare, without
from pipelines.load.shards import USUAL
from pipelines.replay.result import Replayed
from pipelines.replay.run import replay
from pipelines.replay.span import Span
from pipelines.replay.stored import as_landed
from tests.pipelines.conftest import NOW
from transforms.lake_rows import lake_rows
from transforms.lake_schema import LAKE_TABLES
from transforms.pseudonyms import Pseudonymizer, PseudonymKey

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
            weeks = found.weeks(good)
            noted = {school: {WEEKS: weeks.get(school, {})} for school in found.landed}
            ledger.note_shard(load, 0, Shard(noted, {}), lease)
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


def enrich(records: list[Any], version: int = 1) -> list[dict[str, Any]]:
    """The enricher's rows, with a key of the tests' own."""
    key = bytes([version]) * 32
    return lake_rows(records, lambda school: Pseudonymizer(PseudonymKey(school, version, key)), {})


@pytest.fixture
def enricher(monkeypatch: pytest.MonkeyPatch) -> None:
    """The enricher with a key of the tests' own."""
    monkeypatch.setenv("LUCA_LAKE_ENRICHER", "enricher")
    monkeypatch.setattr(functions, "call", lambda name, records: enrich(records))


@pytest.fixture
def in_lake(lake: Any, loaded: Callable[..., str]) -> Callable[..., None]:
    """Publishes items as rows, made with a version of the key."""

    def run(items: list[dict[str, Any]], version: int = 1, **changes: Any) -> None:
        rows = enrich([as_inserted(each) for each in items], version)
        landed = as_landed([{**row, **changes} for row in rows]).drop_columns(["load_id"]).to_pylist()
        loaded([{**row, "received_at": row["occurred_at"], "correlation_id": "another's"} for row in landed])

    return run
