"""Partitions written anew: what readers see, in which order, and what is left behind."""

from __future__ import annotations

import io
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from adapters import generations, leases, ledger, ledger_table, rewrites
from adapters.aws import client
from adapters.generations import PartitionFolderError
from adapters.lake import register_partitions
from adapters.leases import LeaseHeldError, LeaseLostError
from adapters.ledger import LoadState
from pipelines.partitions import files as files_module
from pipelines.partitions import retiring, rewriting, settling
from pipelines.partitions.files import RowsUnreadableError
from pipelines.partitions.rewriting import RowsExchangedError, UnfinishedWorkError
from transforms.lake_schema import BEHAVIOR_EVENTS

pytestmark = pytest.mark.service

NOW = datetime(2026, 3, 1, 3, tzinfo=UTC)
FOLDER = "lake/behavior_events/graduation_year=2029/year=2026/month=02/school_id=school_1/"
HERE = ("2029", "2026", "02", "school_1")
THERE = ("2030", "2026", "02", "school_1")
LAKE = "luca-lake-000000000000"


def opened() -> Any:
    return rewriting.rewriting(BEHAVIOR_EVENTS, "test", clock=lambda: NOW)


def ids(rows: list[dict[str, Any]]) -> list[str]:
    return sorted(row["event_id"] for row in rows)


def keys(lake: Any) -> list[str]:
    return [key.removeprefix(FOLDER) for key in lake.objects("lake/")]


def put(key: str, table: pa.Table) -> None:
    sink = io.BytesIO()
    pq.write_table(table, sink)
    client("s3").put_object(Bucket=LAKE, Key=key, Body=sink.getvalue())


def in_order(rows: list[dict[str, Any]]) -> bool:
    order = [(row["local_date"], row["student_key"], row["event_id"]) for row in rows]
    return order == sorted(order)


def test_every_row_goes_to_one_sorted_file_of_the_next_generation(lake: Any, publish: Any) -> None:
    rows = [lake.event(local_date=date(2026, 2, 1 + number % 3)) for number in range(12)]
    publish(rows[:5], "a")
    publish(rows[5:], "b")
    with opened() as rewriter:
        ((partition, done),) = rewriter.rewrite([HERE]).items()
    assert (partition, done.read.files, done.read.rows) == (HERE, 2, 12)
    assert (done.written.files, done.written.rows) == (1, 12)
    assert keys(lake) == ["gen=0000/a.parquet", "gen=0000/b.parquet", "gen=0001/part-00000.parquet"]
    found = lake.published()
    assert ids(found) == ids(rows)
    assert in_order(found)
    assert {row["load_id"] for row in found} == {"a", "b"}


def test_a_file_can_be_skipped_by_day_and_by_student(lake: Any, publish: Any) -> None:
    publish([lake.event(), lake.event()], "a")
    with opened() as rewriter:
        rewriter.rewrite([HERE])
    body = lake.objects(f"{FOLDER}gen=0001/").popitem()[1]
    group = pq.read_metadata(io.BytesIO(body)).row_group(0)
    columns = {group.column(n).path_in_schema: group.column(n) for n in range(group.num_columns)}
    assert columns["local_date"].statistics.has_min_max
    assert columns["local_date"].has_column_index
    assert columns["student_key"].bloom_filter_length > 0
    sorted_by = [group.column(each.column_index).path_in_schema for each in group.sorting_columns]
    assert sorted_by == ["local_date", "student_key", "event_id"]


def test_rows_that_are_dropped_are_gone_and_the_others_are_not(lake: Any, publish: Any) -> None:
    rows = [lake.event() for _ in range(9)]
    publish(rows, "a")
    erased = rows[0]["student_key"]
    with opened() as rewriter:
        done = rewriter.rewrite([HERE], lambda part: part.filter(pc.not_equal(part["student_key"], erased)))
    assert (done[HERE].read.rows, done[HERE].written.rows) == (9, 7)
    assert ids(lake.published()) == ids([row for row in rows if row["student_key"] != erased])


def test_a_partition_of_which_nothing_stays_is_empty_and_can_be_written_again(
    lake: Any, publish: Any
) -> None:
    publish([lake.event()], "a")
    with opened() as rewriter:
        assert rewriter.rewrite([HERE], lambda part: part.slice(0, 0))[HERE].written.files == 0
    assert lake.published() == []
    row = lake.event()
    publish([row], "b", generation=1)
    with opened() as rewriter:
        rewriter.rewrite([HERE])
    assert ids(lake.published()) == ids([row])


def test_rows_move_to_another_partition_which_may_be_new(lake: Any, publish: Any) -> None:
    rows = [lake.event(points=number) for number in range(6)]
    publish(rows, "a")

    def share(partition: Any, part: pa.Table) -> Any:
        leaves = pc.less(part["points"], 2)
        return {THERE: part.filter(leaves), HERE: part.filter(pc.invert(leaves))}

    with opened() as rewriter:
        done = rewriter.share_out([HERE, THERE], share)
    assert (done[HERE].written.rows, done[THERE].written.rows) == (4, 2)
    found = {row["event_id"]: row["graduation_year"] for row in lake.published()}
    assert found == {row["event_id"]: 2030 if row["points"] < 2 else 2029 for row in rows}


def test_rows_that_move_are_never_missing_while_partitions_move(
    lake: Any, publish: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    publish([lake.event(points=1), lake.event(points=2)], "a")
    publish([lake.event(graduation_year=2030)], "b")
    seen = []
    really = generations.move_partition

    def move(*given: Any) -> None:
        really(*given)
        seen.append(len({row["event_id"] for row in lake.published()}))

    monkeypatch.setattr(generations, "move_partition", move)

    def share(partition: Any, part: pa.Table) -> Any:
        return {THERE: part} if partition == THERE else {THERE: part.slice(1), HERE: part.slice(0, 1)}

    with opened() as rewriter:
        rewriter.share_out([HERE, THERE], share)
    assert seen == [3, 3]
    assert len(lake.published()) == 3


def test_partitions_that_give_to_each_other_are_refused(lake: Any, publish: Any) -> None:
    publish([lake.event()], "a")
    publish([lake.event(graduation_year=2030)], "b")
    before = lake.objects("lake/")
    other = {HERE: THERE, THERE: HERE}
    with opened() as rewriter, pytest.raises(RowsExchangedError, match="2029/2026/02/school_1"):
        rewriter.share_out([HERE, THERE], lambda partition, part: {other[partition]: part})
    assert lake.objects("lake/") == before
    assert rewrites.open_rewrites("behavior_events") == []


def test_rows_for_a_partition_that_was_not_named_are_refused(lake: Any, publish: Any) -> None:
    publish([lake.event()], "a")
    with opened() as rewriter, pytest.raises(ValueError, match=r"2030.* not one of"):
        rewriter.share_out([HERE], lambda partition, part: {THERE: part})
    assert keys(lake) == ["gen=0000/a.parquet"]


def test_a_partition_that_nobody_knows_is_left_out(lake: Any) -> None:
    with opened() as rewriter:
        assert rewriter.rewrite([HERE]) == {}


def test_a_partition_is_taken_once(lake: Any) -> None:
    with opened() as rewriter, pytest.raises(ValueError, match="each once"):
        rewriter.rewrite([HERE, HERE])


def test_more_than_fits_in_memory_is_sorted_by_days_on_disk(
    lake: Any, publish: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [lake.event(local_date=date(2026, 2, 1 + number % 5)) for number in range(50)]
    for number in range(5):
        publish(rows[number * 10 : number * 10 + 10], str(number))
    monkeypatch.setattr(rewriting, "ARROW_BYTES", 4_000)
    monkeypatch.setattr(files_module, "FILE_BYTES", 2_000)
    with opened() as rewriter:
        done = rewriter.rewrite([HERE])[HERE]
    assert 1 < done.written.files < 6
    found = lake.published()
    assert ids(found) == ids(rows)
    assert in_order(found)


def test_the_old_generation_goes_after_the_grace_time_and_not_before(lake: Any, publish: Any) -> None:
    row = lake.event()
    publish([row], "a")
    with opened() as rewriter:
        rewriter.rewrite([HERE])
        for minutes, left in ((59, 2), (61, 1)):
            retiring.delete_retired("behavior_events", rewriter.lease, NOW + timedelta(minutes=minutes))
            assert len(keys(lake)) == left
    assert ids(lake.published()) == ids([row])
    assert list(rewrites.retired("behavior_events")) == []


def test_what_must_be_gone_leaves_no_version(lake: Any, publish: Any) -> None:
    client("s3").put_bucket_versioning(Bucket=LAKE, VersioningConfiguration={"Status": "Enabled"})
    kept, gone = lake.event(), lake.event()
    publish([kept, gone], "a")

    def without(part: pa.Table) -> pa.Table:
        return part.filter(pc.not_equal(part["event_id"], gone["event_id"]))

    with opened() as rewriter:
        rewriter.rewrite([HERE])
        retiring.delete_retired("behavior_events", rewriter.lease, NOW, timedelta(0))
        rewriter.rewrite([HERE], without, every_version=True)
        retiring.delete_retired("behavior_events", rewriter.lease, NOW, timedelta(0))
    answer = client("s3").list_object_versions(Bucket=LAKE, Prefix="lake/")
    assert [found["Key"] for found in answer["Versions"]] == [f"{FOLDER}gen=0002/part-00000.parquet"]
    assert "DeleteMarkers" not in answer
    assert ids(lake.published()) == ids([kept])


def test_a_file_of_an_earlier_contract_is_read_as_one_of_today(lake: Any, publish: Any) -> None:
    row = lake.event()
    publish([row], "a")
    key = f"{FOLDER}gen=0000/a.parquet"
    old = pq.read_table(io.BytesIO(lake.objects(key)[key])).drop_columns(["class_id"])
    put(key, old.set_column(0, "event_id", old["event_id"].dictionary_encode()))
    with opened() as rewriter:
        rewriter.rewrite([HERE])
    (found,) = lake.published()
    assert found["class_id"] is None
    assert found["event_id"] == row["event_id"]


@pytest.mark.fault
@pytest.mark.parametrize("body", [b"PAR1 no Parquet PAR1", b""])
def test_a_broken_file_changes_nothing_and_is_named(lake: Any, publish: Any, body: bytes) -> None:
    publish([lake.event()], "a")
    client("s3").put_object(Bucket=LAKE, Key=f"{FOLDER}gen=0000/b.parquet", Body=body)
    with opened() as rewriter, pytest.raises(RowsUnreadableError, match=r"gen=0000/b.parquet"):
        rewriter.rewrite([HERE])
    assert keys(lake) == ["gen=0000/a.parquet", "gen=0000/b.parquet"]
    assert rewrites.open_rewrites("behavior_events") == []


def test_a_column_that_the_table_has_not_is_not_dropped_in_silence(lake: Any, publish: Any) -> None:
    publish([lake.event()], "a")
    key = f"{FOLDER}gen=0000/a.parquet"
    rows = pq.read_table(io.BytesIO(lake.objects(key)[key]))
    put(key, rows.append_column("mood", pa.array(["good"])))
    with opened() as rewriter, pytest.raises(RowsUnreadableError, match="mood"):
        rewriter.rewrite([HERE])


def test_files_in_the_bare_folder_are_not_written_beside(lake: Any) -> None:
    register_partitions("behavior_events", {HERE: FOLDER})
    with opened() as rewriter, pytest.raises(PartitionFolderError, match="no generation"):
        rewriter.rewrite([HERE])


def test_nothing_is_rewritten_while_a_judged_load_waits(lake: Any) -> None:
    with leases.held("lake/behavior_events", "load") as lease:
        load = ledger.open_load("behavior_events", "l1", NOW, lease)
    with opened():
        pass
    with leases.held("lake/behavior_events", "load") as lease:
        for state in (LoadState.CLAIMED, LoadState.JUDGED):
            load = ledger.advance(load, state, NOW, lease)
    with pytest.raises(UnfinishedWorkError, match="luca load behavior_events"), opened():
        pass


def test_two_rewrites_at_once_give_way(lake: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(leases, "SILENCE_SECONDS", 5.0)
    monkeypatch.setattr(leases, "BEAT_SECONDS", 0.05)
    with opened(), pytest.raises(LeaseHeldError, match="test on"), opened():
        pass


@pytest.mark.fault
def test_a_run_that_lost_its_lease_moves_nothing(lake: Any, publish: Any) -> None:
    row = lake.event()
    publish([row], "a")
    key = {"PK": "LEASE#lake/behavior_events", "SK": "LEASE"}

    def taken_meanwhile(part: pa.Table) -> pa.Table:
        item = ledger_table.get(key)
        assert item
        ledger_table.put({**item, "token": item["token"] + 1})
        return part

    with pytest.raises(LeaseLostError), opened() as rewriter:
        rewriter.rewrite([HERE], taken_meanwhile)
    assert dict(generations.partitions("behavior_events")) == {HERE: f"{FOLDER}gen=0000/"}
    with opened() as rewriter:  # the next run undoes it, and takes another number
        assert keys(lake) == ["gen=0000/a.parquet"]
        rewriter.rewrite([HERE])
    assert keys(lake) == ["gen=0000/a.parquet", "gen=0002/part-00000.parquet"]
    assert ids(lake.published()) == ids([row])


@pytest.mark.fault
def test_a_late_move_to_an_older_generation_is_found_and_put_right(lake: Any, publish: Any) -> None:
    publish([lake.event()], "a")
    with opened() as rewriter:
        rewriter.rewrite([HERE])
        rewriter.rewrite([HERE])
        generations.move_partitions("behavior_events", {HERE: f"{FOLDER}gen=0001/"})  # by a process long gone
        assert settling.disagreements("behavior_events") == [
            settling.Disagreement(HERE, f"{FOLDER}gen=0001/", f"{FOLDER}gen=0002/")
        ]
        assert len(settling.heal("behavior_events", rewriter.lease)) == 1
        assert settling.disagreements("behavior_events") == []
    assert dict(generations.partitions("behavior_events")) == {HERE: f"{FOLDER}gen=0002/"}


@pytest.mark.fault
def test_who_asks_for_a_place_to_write_to_puts_a_late_move_right(lake: Any, publish: Any) -> None:
    publish([lake.event()], "a")
    publish([lake.event(graduation_year=2030)], "b")
    with opened() as rewriter:
        rewriter.rewrite([HERE])
    generations.move_partitions("behavior_events", {HERE: f"{FOLDER}gen=0000/"})
    nowhere = ("2031", *HERE[1:])
    places = settling.places("behavior_events", [HERE, THERE, nowhere])
    assert places == {HERE: f"{FOLDER}gen=0001/", THERE: f"{FOLDER.replace('2029', '2030')}gen=0000/"}
    assert dict(generations.partitions("behavior_events")) == places


@pytest.mark.fault
def test_a_file_that_came_late_is_taken_along(lake: Any, publish: Any) -> None:
    early, late = lake.event(), lake.event()
    publish([early], "a")

    def come_late(part: pa.Table) -> pa.Table:
        publish([late], "late")
        return part

    with opened() as rewriter:
        rewriter.rewrite([HERE], come_late)
    assert "gen=0001/late.parquet" in keys(lake)
    assert ids(lake.published()) == ids([early, late])
