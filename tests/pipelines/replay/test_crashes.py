"""A replay that is killed before any of its writes is ended by the next one: no row twice, none missing."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from adapters import rewrites
from adapters.aws import client
from tests.pipelines.conftest import BUCKETS, NOW

pytestmark = [pytest.mark.service, pytest.mark.fault, pytest.mark.slow]

WRITES = 40  # more than a replay of one school has
STRIDE = 8  # the kill points of one test: every eighth


def spoiled(lake: Any, loaded: Callable[..., str]) -> list[dict[str, Any]]:
    """A lake that lost a file, a row of another one, and has a row twice; returns what it must be."""
    lake.reset()
    lake.ids = iter(range(1, 1000))
    again = lake.event(points=9)
    loaded([again, *(lake.event(points=number) for number in range(4)), lake.event(graduation_year=2030)])
    loaded([again, lake.event(points=7)], now=NOW + timedelta(seconds=1))
    wanted = seen(lake)
    first, *_, moved = sorted(lake.objects("lake/behavior_events/"))
    client("s3").delete_object(Bucket=BUCKETS["LAKE"], Key=moved)
    rows = pq.read_table(io.BytesIO(lake.objects(first)[first]))
    sink = io.BytesIO()
    pq.write_table(pa.concat_tables([rows.slice(1), rows.slice(2, 1)]), sink)
    client("s3").put_object(Bucket=BUCKETS["LAKE"], Key=first, Body=sink.getvalue())
    return wanted


def seen(lake: Any) -> list[dict[str, Any]]:
    return sorted(lake.published(), key=lambda row: row["event_id"])


def written(lake: Any) -> list[bytes]:
    """The bytes of every file that readers are led to; a generation that was begun is not named again."""
    return sorted(lake.published_files().values())


@pytest.mark.parametrize("begin", range(1, STRIDE + 1))
def test_a_replay_killed_before_any_write_is_ended_by_the_next(
    lake: Any, loaded: Callable[..., str], replayed: Callable[..., Any], begin: int
) -> None:
    spoiled(lake, loaded)
    assert replayed(apply=True).right
    expected = written(lake)
    for write in range(begin, WRITES, STRIDE):
        wanted = spoiled(lake, loaded)
        assert seen(lake) != wanted
        killed = lake.dies(write, lambda: replayed(apply=True))

        assert replayed(apply=True).right, write
        assert seen(lake) == wanted, write
        assert written(lake) == expected, write
        assert not list(rewrites.open_rewrites("behavior_events"))
        assert not replayed().differing
        if not killed:
            return
    raise AssertionError(f"a replay has more than {WRITES} writes: raise the number")
