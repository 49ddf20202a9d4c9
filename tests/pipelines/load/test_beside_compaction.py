"""A load and a compaction of the same partition: one gives way, and no row is lost or doubled."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest

from adapters import leases, ledger
from adapters.leases import LeaseHeldError
from pipelines.load import sharding
from pipelines.partitions.compaction import Wish, compact
from pipelines.partitions.rewriting import UnfinishedWorkError
from transforms.lake_schema import BEHAVIOR_EVENTS

pytestmark = [pytest.mark.service, pytest.mark.fault]

NOW = datetime.fromisoformat("2026-02-03T15:00:00+00:00")
LATER = NOW + timedelta(hours=1)
TABLE = "behavior_events"
compacted = partial(compact, BEHAVIOR_EVENTS, Wish(most_small=1))


@pytest.fixture
def living(lake: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who holds a lease renews it so often that the next one sees it soon."""
    monkeypatch.setattr(leases, "BEAT_SECONDS", 0.02)


@contextmanager
def held_by(work: str) -> Iterator[None]:
    """What is tried in the block finds the lease held."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(leases, "SILENCE_SECONDS", 20)
        with pytest.raises(LeaseHeldError, match=f"is held by {work} on"):
            yield


def three_files(lake: Any) -> list[dict[str, Any]]:
    """A partition of three files, and another file that has landed: two new rows, and one that is there."""
    rows = [lake.event() for _ in range(5)]
    for number, row in enumerate(rows[:3]):
        lake.land([row])
        lake.load_one(now=NOW + timedelta(minutes=number))
    lake.land(rows[2:])
    return rows


def identities(rows: list[dict[str, Any]]) -> list[str]:
    return sorted(row["event_id"] for row in rows)


def test_a_load_gives_way_to_a_compaction_and_comes_after_it(lake: Any, living: None) -> None:
    rows = three_files(lake)
    said: list[str] = []

    def say(text: str) -> None:
        if not said:
            with held_by("compaction"):
                lake.load(now=LATER)
        said.append(text)

    assert compacted(say=say).files == (3, 1)
    assert said
    assert len(ledger.loads(TABLE, 9)) == 3  # nothing was opened by the one that gave way
    result = lake.load_one(now=LATER)
    assert (result.total("duplicate"), result.total("published")) == (1, 2)
    assert identities(lake.published()) == identities(rows)


@pytest.mark.slow
def test_a_compaction_gives_way_to_a_load_at_work_and_to_one_that_was_left(
    lake: Any, living: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows, publish = three_files(lake), sharding.publish

    def beside_a_compaction(*given: Any) -> Any:
        with held_by("load"):
            compacted()
        return publish(*given)

    def fails(*_: Any) -> None:
        raise OSError("the disk is full")

    with monkeypatch.context() as patch:
        patch.setattr(sharding, "publish", beside_a_compaction)
        patch.setattr(sharding, "add_up", fails)  # its rows are in the lake by then
        with pytest.raises(OSError, match="the disk is full"):
            lake.load(now=LATER)
    with pytest.raises(UnfinishedWorkError):
        compacted()
    lake.load(now=LATER)
    assert compacted().files == (4, 1)
    assert identities(lake.published()) == identities(rows)
