"""Rows that the lake lost come back from the store, where the loads' counts prove that they were there."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import date
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from adapters import rewrites
from adapters.aws import client
from pipelines.replay.rebuilding import FROM_STORE, rebuild_from_store
from pipelines.replay.result import Replayed
from pipelines.replay.span import Span
from tests.pipelines.conftest import BUCKETS, NOW
from tests.pipelines.replay.stored import StoreOf, item

pytestmark = [pytest.mark.service, pytest.mark.slow]

Publish = Callable[..., None]
FEBRUARY = Span.of(date(2026, 2, 1), date(2026, 2, 28))
ITEMS = [item(number, f"2026-02-0{1 + number % 3}") for number in range(6)]
WRITES, STRIDE = 40, 6


def rebuilt(
    items: list[dict[str, Any]], span: Span = FEBRUARY, *, unproven: bool = False, say: Any = print
) -> Replayed:
    return rebuild_from_store(span, StoreOf(items), unproven=unproven, say=say, clock=lambda: NOW)


def rows(lake: Any) -> list[dict[str, Any]]:
    return sorted(lake.published(), key=lambda row: str(row["event_id"]))


def content(lake: Any) -> list[dict[str, Any]]:
    """The rows without what the store cannot know."""
    unknown = {"load_id", "received_at", "correlation_id"}
    return [{name: value for name, value in row.items() if name not in unknown} for row in rows(lake)]


def change(lake: Any, work: Callable[[pa.Table], pa.Table], prefix: str = "lake/behavior_events/") -> None:
    for key, body in lake.objects(prefix).items():
        sink = io.BytesIO()
        pq.write_table(work(pq.read_table(io.BytesIO(body))), sink)
        client("s3").put_object(Bucket=BUCKETS["LAKE"], Key=key, Body=sink.getvalue())


def test_what_was_lost_doubled_or_changed_is_as_it_was(lake: Any, in_lake: Publish, enricher: None) -> None:
    in_lake(ITEMS)
    wanted, whole = content(lake), rows(lake)

    def spoil(table: pa.Table) -> pa.Table:
        found = table.to_pylist()
        found[1]["points"] = 77
        return pa.Table.from_pylist([found[1], found[2], found[2], *found[3:]], table.schema)

    change(lake, spoil)
    done = rebuilt(ITEMS)
    assert done.right
    assert (done.total("missing"), done.total("different"), done.total("extra")) == (1, 1, 1)
    assert content(lake) == wanted
    came_back = [row for row in rows(lake) if row["load_id"] == FROM_STORE]
    assert len(came_back) == 1
    assert came_back[0]["received_at"].isoformat().endswith("14:15:03")
    assert came_back[0]["correlation_id"] != "another's"
    others = [row for row in rows(lake) if row["load_id"] != FROM_STORE]
    assert others == [row for row in whole if row["event_id"] != came_back[0]["event_id"]]
    assert not rebuilt(ITEMS).differing


def test_a_lost_file_and_a_broken_one(lake: Any, in_lake: Publish, enricher: None) -> None:
    second = [item(10 + number, "2026-02-02") for number in range(2)]
    in_lake(ITEMS)
    in_lake(second)
    wanted = content(lake)
    first, last = sorted(lake.objects("lake/behavior_events/"))
    client("s3").delete_object(Bucket=BUCKETS["LAKE"], Key=first)
    client("s3").put_object(Bucket=BUCKETS["LAKE"], Key=last, Body=lake.objects(last)[last][:200])

    (left, *_) = rebuilt([*ITEMS, *second], Span.of(date(2026, 2, 1), date(2026, 2, 20))).left
    assert "--from 2026-02-01 --to 2026-02-28" in left.why
    done = rebuilt([*ITEMS, *second])
    assert done.right, done.left
    assert content(lake) == wanted


def test_a_week_of_two_months_is_proven_by_both(lake: Any, in_lake: Publish, enricher: None) -> None:
    items = [item(number, day) for number, day in enumerate(("2026-01-30", "2026-01-31", "2026-02-01"))]
    in_lake(items)
    wanted = content(lake)
    for key in lake.objects("lake/behavior_events/"):
        client("s3").delete_object(Bucket=BUCKETS["LAKE"], Key=key)

    (left,) = rebuilt(items).left
    assert "2026-W05: 1 rows would be in the lake, and the loads published 3" in left.why
    assert rebuilt(items, Span.of(date(2026, 1, 1), date(2026, 2, 28))).right
    assert content(lake) == wanted


def test_rows_that_the_store_forgot_stay_and_are_told(lake: Any, in_lake: Publish, enricher: None) -> None:
    in_lake(ITEMS)
    before = rows(lake)
    change(lake, lambda table: table.slice(1))
    (lost,) = {str(row["event_id"]) for row in before} - {str(row["event_id"]) for row in rows(lake)}
    known = [each for each in ITEMS if each["event_id"]["S"] == lost]

    done = rebuilt(known)

    assert done.right
    (partition,) = done.partitions
    assert (partition.missing, partition.unproven) == (1, 5)
    assert [row["event_id"] for row in rows(lake)] == [row["event_id"] for row in before]


def test_what_no_load_published_is_not_published_by_a_rebuild(
    lake: Any, in_lake: Publish, enricher: None
) -> None:
    in_lake(ITEMS[:4])
    before = lake.objects("lake/")

    done = rebuilt(ITEMS)

    assert not done.right
    (left,) = done.left
    assert "2026-W06: 4 rows would be in the lake, and the loads published 2" in left.why
    assert lake.objects("lake/") == before
    assert rebuilt(ITEMS, unproven=True).right
    assert len(rows(lake)) == 6


def test_rows_that_an_erasure_took_leave_the_count_unproven(
    lake: Any, in_lake: Publish, enricher: None
) -> None:
    in_lake(ITEMS)
    change(lake, lambda table: table.slice(2))
    lost = {each["event_id"]["S"] for each in ITEMS} - {str(row["event_id"]) for row in rows(lake)}
    erased = sorted(lost)[0]

    done = rebuilt([each for each in ITEMS if each["event_id"]["S"] != erased])

    (left,) = done.left
    assert "not proven" in left.why
    assert len(rows(lake)) == 4


def test_rows_that_wait_in_quarantine_never_come_in(lake: Any, in_lake: Publish, enricher: None) -> None:
    in_lake(ITEMS[:5])
    held = pa.table({"event_id": [ITEMS[5]["event_id"]["S"]], "broken_rules": [["points"]]})
    sink = io.BytesIO()
    pq.write_table(held, sink)
    key = "quarantine/behavior_events/load_id=l1/school_id=school_1/0000.parquet"
    client("s3").put_object(Bucket=BUCKETS["LAKE"], Key=key, Body=sink.getvalue())
    change(lake, lambda table: table.slice(1))

    done = rebuilt(ITEMS, unproven=True)

    assert done.right
    assert {str(row["event_id"]) for row in rows(lake)} == {each["event_id"]["S"] for each in ITEMS[:5]}


@pytest.mark.fault
@pytest.mark.parametrize("begin", range(1, STRIDE + 1))
def test_a_rebuild_killed_before_any_write_is_ended_by_the_next(
    lake: Any, in_lake: Publish, enricher: None, begin: int
) -> None:
    def spoiled() -> None:
        lake.reset()
        lake.ids = iter(range(1, 1000))
        in_lake(ITEMS)
        in_lake([item(20, "2026-02-02")], graduation_year=2030)
        change(lake, lambda table: pa.concat_tables([table.slice(1), table.slice(1, 1)]))

    items = [*ITEMS, item(20, "2026-02-02")]
    spoiled()
    assert rebuilt(items).right
    expected, wanted = sorted(lake.published_files().values()), rows(lake)
    for write in range(begin, WRITES, STRIDE):
        spoiled()
        killed = lake.dies(write, lambda: rebuilt(items))
        assert rebuilt(items).right, write
        assert rows(lake) == wanted, write
        assert sorted(lake.published_files().values()) == expected, write
        assert not list(rewrites.open_rewrites("behavior_events"))
        if not killed:
            return
    raise AssertionError(f"a rebuild has more than {WRITES} writes: raise the number")
