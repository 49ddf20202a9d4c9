"""A replay tells what the lake must hold from what it holds, and makes the one of the other."""

from __future__ import annotations

import io
from collections.abc import Callable
from datetime import date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from adapters.aws import client
from adapters.lake import partition_path, register_partitions
from pipelines.partitions.compaction import Wish, compact
from pipelines.partitions.rewriting import rewriting
from pipelines.quarantine.releasing import release
from pipelines.replay import landing
from pipelines.replay.result import NothingRetainedError, Replayed
from tests.pipelines.conftest import BUCKETS, NOW
from transforms.lake_schema import BEHAVIOR_EVENTS

pytestmark = pytest.mark.service

Loaded = Callable[..., str]
Replay = Callable[..., Replayed]
DAY_BEFORE = {"local_date": date(2026, 2, 2), "occurred_at": datetime(2026, 2, 2, 14)}
A, B = (("2029", "2026", "02", "school_1"), ("2030", "2026", "02", "school_1"))


def rows(lake: Any) -> list[dict[str, Any]]:
    return sorted(lake.published(), key=lambda row: (row["event_id"], row["graduation_year"]))


def change_files(
    lake: Any, change: Callable[[pa.Table], pa.Table], prefix: str = "lake/behavior_events/"
) -> None:
    """Writes files of the lake anew behind everybody's back."""
    for key, body in lake.objects(prefix).items():
        sink = io.BytesIO()
        pq.write_table(change(pq.read_table(io.BytesIO(body))), sink)
        client("s3").put_object(Bucket=BUCKETS["LAKE"], Key=key, Body=sink.getvalue())


def only(done: Replayed) -> Any:
    (compared,) = done.partitions
    return compared


def test_two_loads_with_copies_and_another_school_are_equal(
    lake: Any, loaded: Loaded, replayed: Replay
) -> None:
    again = lake.event()
    loaded([again, again, lake.event(graduation_year=2030), lake.event(school_id="school_2")])
    loaded([again, lake.event()])

    done = replayed()

    assert done.right
    assert not done.differing
    assert (done.total("expected"), done.total("equal"), done.total("found")) == (4, 4, 4)
    assert {each.partition for each in done.partitions} == {A, B, ("2029", "2026", "02", "school_2")}
    assert all(each.expected_digest == each.found_digest for each in done.partitions)


@pytest.mark.slow
def test_the_digest_does_not_depend_on_how_the_rows_are_stored(
    lake: Any, loaded: Loaded, replayed: Replay
) -> None:
    loaded([lake.event(), lake.event()])
    loaded([lake.event()])
    before = only(replayed())

    compact(BEHAVIOR_EVENTS, Wish(most_small=1), clock=lambda: NOW)

    after = only(replayed())
    assert after.matches
    assert after.found_digest == before.found_digest


def test_each_kind_of_difference_is_told(lake: Any, loaded: Loaded, replayed: Replay) -> None:
    loaded([lake.event(points=number) for number in range(5)])
    first = rows(lake)[0]

    def spoil(table: pa.Table) -> pa.Table:
        found = table.to_pylist()
        found[1]["points"] = 77
        strange = {**found[0], "event_id": "00000000-0000-0000-0000-00000000ffff"}
        return pa.Table.from_pylist([*found[:4], first_without_keys(first), strange], table.schema)

    change_files(lake, spoil)
    done = replayed()

    found = only(done)
    assert (found.expected, found.found) == (5, 6)
    assert (found.equal, found.missing, found.extra, found.different) == (3, 1, 2, 1)
    assert found.expected_digest != found.found_digest
    assert not done.right


def first_without_keys(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name in BEHAVIOR_EVENTS.lake_schema.names}


def test_what_differs_is_made_anew_and_then_equal(lake: Any, loaded: Loaded, replayed: Replay) -> None:
    loaded([lake.event(points=number) for number in range(5)])
    wanted = rows(lake)
    change_files(lake, lambda table: pa.concat_tables([table.slice(2), table.slice(2, 1)]))

    done = replayed(apply=True)

    assert done.right
    assert [(each.partition, each.equal) for each in done.healed] == [(A, 5)]
    assert rows(lake) == wanted
    assert not replayed(apply=True).differing


@pytest.mark.slow
def test_a_row_that_is_in_two_cohorts_stays_in_the_one_it_landed_with(
    lake: Any, loaded: Loaded, replayed: Replay
) -> None:
    loaded([lake.event()])
    wanted = rows(lake)
    (body,) = lake.objects("lake/behavior_events/").values()
    place = partition_path("behavior_events", B)
    client("s3").put_object(Bucket=BUCKETS["LAKE"], Key=f"{place}copy.parquet", Body=body)
    register_partitions("behavior_events", {B: place})

    assert {each.partition: each.extra for each in replayed().differing} == {B: 1}
    assert replayed(apply=True).right
    assert rows(lake) == wanted


@pytest.mark.slow
def test_a_lost_file_comes_back(lake: Any, loaded: Loaded, replayed: Replay) -> None:
    loaded([lake.event(), lake.event(school_id="school_2")])
    wanted = rows(lake)
    (key,) = lake.objects("lake/behavior_events/graduation_year=2029/year=2026/month=02/school_id=school_1/")
    client("s3").delete_object(Bucket=BUCKETS["LAKE"], Key=key)

    assert [each.missing for each in replayed().differing] == [1]
    assert replayed(apply=True).right
    assert rows(lake) == wanted


@pytest.mark.parametrize("compacted", [pytest.param(False, marks=pytest.mark.slow), True])
def test_a_broken_file_is_made_anew_if_the_whole_month_is_replayed(
    lake: Any, loaded: Loaded, replayed: Replay, compacted: bool
) -> None:
    loaded([lake.event(), lake.event(**DAY_BEFORE)])
    loaded([lake.event()])
    if compacted:
        compact(BEHAVIOR_EVENTS, Wish(most_small=1), clock=lambda: NOW)
    wanted = rows(lake)
    key, body = max(lake.objects("lake/behavior_events/").items())
    client("s3").put_object(Bucket=BUCKETS["LAKE"], Key=key, Body=body[: len(body) // 2])

    assert only(replayed()).unreadable == (key.rpartition("/")[2],)
    one_day = replayed(date(2026, 2, 3), date(2026, 2, 3), apply=True)
    assert not one_day.right
    assert "--from 2026-02-01 --to 2026-02-28" in one_day.left[0].why
    assert lake.objects("lake/behavior_events/")[key] == body[: len(body) // 2]

    assert replayed(apply=True).right
    assert rows(lake) == wanted


@pytest.mark.slow
def test_a_partition_that_glue_has_lost_is_known_again(lake: Any, loaded: Loaded, replayed: Replay) -> None:
    loaded([lake.event(), lake.event(**DAY_BEFORE)])
    wanted = rows(lake)
    client("glue").delete_partition(
        DatabaseName="luca_lake", TableName="behavior_events", PartitionValues=list(A)
    )

    done = replayed(date(2026, 2, 3), date(2026, 2, 3), apply=True)

    assert done.right
    assert rows(lake) == wanted  # the other day's row too


@pytest.mark.slow
def test_other_days_and_schools_are_left_alone(
    lake: Any, loaded: Loaded, replayed: Replay, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(landing, "SMALL", 0)  # bytes: the statistics of every file are asked
    loaded([lake.event(), lake.event(**DAY_BEFORE), lake.event(school_id="school_2")])
    change_files(
        lake,
        lambda table: table.set_column(
            table.schema.get_field_index("points"), "points", pa.array([9] * len(table), pa.int32())
        ),
    )

    done = replayed(date(2026, 2, 3), date(2026, 2, 3), schools=("school_1",), apply=True)

    assert done.right
    points = {(row["school_id"], row["local_date"].day): row["points"] for row in rows(lake)}
    assert points == {("school_1", 3): 2, ("school_1", 2): 9, ("school_2", 3): 9}


@pytest.mark.slow
def test_rows_of_a_stopped_school_are_expected_only_of_a_later_load(
    lake: Any, loaded: Loaded, replayed: Replay
) -> None:
    held = lake.event()
    loaded([held, lake.event(school_id="school_2")], stopped={"school_1"})
    before = replayed()
    assert (before.right, before.total("expected")) == (True, 1)

    loaded([held])

    after = replayed()
    assert (after.right, after.total("expected"), after.total("equal")) == (True, 2, 2)


@pytest.mark.slow
def test_real_loads_with_files_set_aside_and_rows_released(lake: Any, replayed: Replay) -> None:
    lake.land([lake.event(), lake.event(points=500), lake.event(school_id="school_2")])
    lake.put(b"no Parquet at all")
    load_id = lake.load_one().load_id
    held = replayed()
    assert (held.right, held.total("expected")) == (True, 1)

    release("behavior_events", load_id, "school_1", now=NOW, by="rosa")
    lake.land([lake.event()])  # which no load has taken

    after = replayed()
    assert (after.right, after.total("expected"), after.total("equal")) == (True, 2, 2)


@pytest.mark.slow
def test_rows_of_loads_whose_files_are_gone_stay_and_are_told(
    lake: Any, loaded: Loaded, replayed: Replay
) -> None:
    old = lake.event(points=1)
    loaded([old, lake.event(points=2)])
    (gone,) = lake.objects(bucket="LANDING")
    later = loaded([old, lake.event(points=3), lake.event(points=4)], now=NOW + timedelta(seconds=1))
    wanted = rows(lake)
    client("s3").delete_object(Bucket=BUCKETS["LANDING"], Key=gone)
    (lost,) = [key for key in lake.objects("lake/behavior_events/") if later in key]
    client("s3").delete_object(Bucket=BUCKETS["LAKE"], Key=lost)

    before = only(replayed())
    assert (before.unproven, before.equal, before.missing) == (1, 1, 2)
    assert replayed(apply=True).right
    assert rows(lake) == wanted


@pytest.mark.slow
def test_rows_that_moved_to_another_cohort_are_not_brought_back(
    lake: Any, loaded: Loaded, replayed: Replay
) -> None:
    loaded([lake.event(points=1), lake.event(points=2), lake.event(graduation_year=2030)])
    with rewriting(BEHAVIOR_EVENTS, "rehome", clock=lambda: NOW) as rewriter:

        def share(partition: Any, part: pa.Table) -> Any:
            return {B: part}

        rewriter.share_out([A, B], share)
    wanted = rows(lake)

    done = replayed()
    assert done.right
    assert {each.partition: (each.equal, each.elsewhere) for each in done.partitions} == {
        A: (0, 2),
        B: (3, 0),
    }

    change_files(lake, lambda table: table.slice(1), "lake/behavior_events/graduation_year=2030/")
    assert replayed(apply=True).right
    assert [row["event_id"] for row in rows(lake)] == [row["event_id"] for row in wanted]


@pytest.mark.slow
def test_days_that_no_landing_file_has_are_refused_by_name(
    lake: Any, loaded: Loaded, replayed: Replay, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded([lake.event()])
    monkeypatch.setattr(landing, "SMALL", 0)
    monkeypatch.setattr(landing, "read_file", None)  # the statistics of the file say enough
    with pytest.raises(
        NothingRetainedError, match=r"2025-11-01 to 2025-11-30.*from 2026-02-03-14 to 2026-02-03-14"
    ):
        replayed(date(2025, 11, 1), date(2025, 11, 30))


@pytest.mark.slow
def test_academic_changes_too(lake: Any, loaded: Loaded, replayed: Replay) -> None:
    loaded(
        [lake.change(), lake.change(change_type="grade", score=None), lake.change(subject=None)],
        table="academic_changes",
    )
    (key,) = lake.objects("lake/academic_changes/")
    change_files(lake, lambda table: table.slice(1), key)

    assert only(replayed(table="academic_changes")).missing == 1
    assert replayed(table="academic_changes", apply=True).right
    assert len(lake.published("academic_changes")) == 3
