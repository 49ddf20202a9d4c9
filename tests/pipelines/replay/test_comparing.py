"""What becomes of each row of a school's month, without a lake."""

from __future__ import annotations

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipelines.replay.comparing import Compared, Expected, Found, compare
from pipelines.replay.digests import digest_of, digests
from pipelines.replay.span import SchoolMonth
from tests.pipelines.conftest import Lake
from transforms.lake_schema import BEHAVIOR_EVENTS, as_schema

MONTH = SchoolMonth("2026", "02", "school_1")
LANDED = BEHAVIOR_EVENTS.landing_schema.append(pa.field("load_id", pa.string()))


def expected(*rows: dict[str, Any]) -> Expected:
    return Expected.of(pa.Table.from_pylist(list(rows), LANDED).combine_chunks(), BEHAVIOR_EVENTS)


def found(*rows: dict[str, Any]) -> Found:
    there = Found(BEHAVIOR_EVENTS)
    for row in rows:
        there.add(row["graduation_year"], pa.Table.from_pylist([row], BEHAVIOR_EVENTS.lake_schema))
    return there


def events(count: int, **changes: Any) -> list[dict[str, Any]]:
    made = Lake("")
    return [made.event(load_id="l1", **changes) for _ in range(count)]


def counts(each: Compared) -> dict[str, int]:
    names = ("equal", "missing", "extra", "different", "elsewhere", "unproven")
    return {name: count for name in names if (count := getattr(each, name))}


def test_a_copy_may_have_been_published_by_any_load_that_took_it() -> None:
    (row,) = events(1)
    for load, told in [("l2", {"equal": 1}), ("l3", {"different": 1}), ("before", {"equal": 1})]:
        verdict = compare(
            MONTH,
            expected(row, {**row, "load_id": "l2"}),
            found({**row, "load_id": load}),
            {"l1", "l2", "l3"},
        )
        (compared,) = verdict.partitions
        assert counts(compared) == told, load
        kept = verdict.rows_for(compared.partition)["load_id"].to_pylist()
        assert kept == [load if "equal" in told else "l1"]


def test_of_a_row_in_two_cohorts_the_one_that_it_landed_with_stays() -> None:
    (row,) = events(1)
    moved = {**row, "graduation_year": 2030}
    there = {
        each.partition[0]: counts(each)
        for each in compare(MONTH, expected(row), found(moved, row), {"l1"}).partitions
    }
    assert there == {"2029": {"equal": 1}, "2030": {"extra": 1}}


def test_a_row_that_moved_is_compared_where_it_is() -> None:
    (row,) = events(1)
    verdict = compare(MONTH, expected(row), found({**row, "graduation_year": 2030, "points": 9}), {"l1"})
    assert {each.partition[0]: counts(each) for each in verdict.partitions} == {
        "2029": {"elsewhere": 1},
        "2030": {"different": 1},
    }
    assert verdict.rows_for(MONTH.partition(2030))["points"].to_pylist() == [2]
    assert verdict.rows_for(MONTH.partition(2029)).num_rows == 0


def test_a_row_of_no_known_load_is_unproven_and_one_of_a_known_load_extra() -> None:
    known, unknown = events(2)
    verdict = compare(MONTH, expected(), found(known, {**unknown, "load_id": "before"}), {"l1"})
    (compared,) = verdict.partitions
    assert counts(compared) == {"extra": 1, "unproven": 1}
    there = pa.Table.from_pylist([known, {**unknown, "load_id": "before"}], BEHAVIOR_EVENTS.lake_schema)
    assert verdict.proven(there, "event_id").to_pylist() == [True, False]


@pytest.mark.property
@settings(max_examples=10, deadline=None)
@given(st.permutations(range(6)), st.integers(0, 5))
def test_the_digest_is_of_the_rows_and_not_of_their_order(order: list[int], changed: int) -> None:
    table = as_schema(
        pa.Table.from_pylist(events(6), LANDED).select(BEHAVIOR_EVENTS.lake_schema.names),
        BEHAVIOR_EVENTS.lake_schema,
    )
    whole = digest_of(digests(table, BEHAVIOR_EVENTS))
    assert digest_of(digests(table.take(order), BEHAVIOR_EVENTS)) == whole
    rows = table.to_pylist()
    for name in BEHAVIOR_EVENTS.lake_schema.names:
        if name != "load_id":
            other = [{**row, name: None} if number == changed else row for number, row in enumerate(rows)]
            different = rows[changed][name] is not None
            again = pa.Table.from_pylist(other, BEHAVIOR_EVENTS.lake_schema)
            assert (digest_of(digests(again, BEHAVIOR_EVENTS)) != whole) is different, name
    twice = pa.concat_tables([table, table.slice(changed, 1)])
    assert digest_of(digests(twice, BEHAVIOR_EVENTS)) != whole
