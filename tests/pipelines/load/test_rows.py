from __future__ import annotations

import uuid
from collections import Counter
from datetime import date, timedelta
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from expectations.rules import NO_SCHOOL
from pipelines.load.rows import Partition, broken_rules, part, partitions, prepare, without
from transforms.lake_schema import BEHAVIOR_EVENTS

SCHEMA = BEHAVIOR_EVENTS.landing_schema


def table(rows: list[dict[str, Any]]) -> pa.Table:
    return pa.Table.from_pylist(rows, SCHEMA).combine_chunks()


def row(
    identity: Any = "1", school: Any = "school_1", day: Any = date(2026, 2, 3), cohort: Any = 2029
) -> dict[str, Any]:
    return {"event_id": identity, "school_id": school, "local_date": day, "graduation_year": cohort}


def known(*pairs: tuple[str, str]) -> pa.Table:
    schools, found = ([pair[place] for pair in pairs] for place in (0, 1))
    return pa.table({"school_id": pa.array(schools, pa.string()), "identity": pa.array(found, pa.string())})


def identities(rows: Any, order: Any) -> list[Any]:
    return rows.columns["event_id"].take(pa.array(order)).to_pylist()


def test_rows_follow_partition_day_and_place() -> None:
    given_rows = [
        row("5", "b"),
        row("4", "a", date(2026, 2, 4)),
        row("3", "a", date(2026, 2, 3)),
        row("2", "a", date(2026, 2, 4)),
        row("1", "a", date(2026, 3, 1)),
        row("0", "b", cohort=2030),
    ]
    rows = prepare(table(given_rows), BEHAVIOR_EVENTS)
    assert identities(rows, rows.order) == ["3", "4", "2", "5", "1", "0"]
    assert list(partitions(rows, rows.order)) == [
        (Partition("2029", "2026", "02", "a"), 0, 3),
        (Partition("2029", "2026", "02", "b"), 3, 4),
        (Partition("2029", "2026", "03", "a"), 4, 5),
        (Partition("2030", "2026", "02", "b"), 5, 6),
    ]


@given(st.lists(st.dates(date(1970, 1, 1), date(2199, 12, 31)), min_size=1, max_size=20))
@settings(max_examples=30)
@pytest.mark.property
def test_rows_are_counted_by_school_and_iso_week(days: list[date]) -> None:
    rows = prepare(
        table([row(str(n), f"school_{n % 2}", day) for n, day in enumerate(days)]), BEHAVIOR_EVENTS
    )
    expected: dict[str, Counter[str]] = {}
    for n, day in enumerate(days):
        year, week, _ = day.isocalendar()
        expected.setdefault(f"school_{n % 2}", Counter())[f"{year}-W{week:02d}"] += 1
    assert rows.weeks(rows.order) == expected
    assert rows.weeks(rows.order[:0]) == {}


def test_no_rows_have_no_partitions() -> None:
    rows = prepare(table([row()]), BEHAVIOR_EVENTS)
    assert list(partitions(rows, rows.order[:0])) == []


def test_the_first_of_copies_stays() -> None:
    rows = prepare(table([row(cohort=2030), row(cohort=2029), row(school="school_2")]), BEHAVIOR_EVENTS)
    assert sorted(rows.order.tolist()) == [0, 2]
    assert rows.copies.tolist() == [1]


UUIDS = [str(uuid.UUID(int=number, version=4)) for number in range(6)]


@given(
    st.lists(
        st.tuples(
            st.sampled_from([*UUIDS, UUIDS[0].upper()]) | st.sampled_from([None, "", "1", f"{UUIDS[0]}0"]),
            st.sampled_from(["school_1", "school_2", None, "no school!"]),
        ),
        min_size=1,
        max_size=20,
    )
)
@settings(max_examples=100)
@pytest.mark.property
def test_copies_are_all_but_the_first_of_a_school_and_identity(pairs: list[tuple[Any, Any]]) -> None:
    rows = prepare(table([row(identity, school) for identity, school in pairs]), BEHAVIOR_EVENTS)
    seen, copies = set(), []
    for number, (identity, school) in enumerate(pairs):
        pair = (identity, school if school in ("school_1", "school_2") else NO_SCHOOL)
        if identity is not None and pair in seen:
            copies.append(number)
        seen.add(pair)
    assert rows.copies.tolist() == copies
    assert sorted([*rows.order.tolist(), *copies]) == list(range(len(pairs)))


def test_a_dictionary_is_not_gathered_with_its_other_values() -> None:
    landed = table([row(school="school_1"), row(school="school_2")])
    at = SCHEMA.get_field_index("school_id")
    landed = landed.set_column(at, "school_id", landed["school_id"].dictionary_encode())
    rows = prepare(landed, BEHAVIOR_EVENTS)
    assert rows.gathered(rows.order[:1]).schema == SCHEMA
    assert rows.gathered(rows.order[:1])["school_id"].to_pylist() == ["school_1"]


def test_rows_without_identity_are_nobodys_copies() -> None:
    rows = prepare(table([row(None), row(None), row("1"), row("1")]), BEHAVIOR_EVENTS)
    assert rows.count(rows.order) == {"school_1": 3}


def test_rows_of_malformed_schools_are_of_none() -> None:
    given_rows = [row("1", None), row("2", "Ana María"), row("3", "school_1\n"), row("4")]
    rows = prepare(table(given_rows), BEHAVIOR_EVENTS)
    assert rows.landed == {"school_1": 1, NO_SCHOOL: 3}


def test_days_that_no_rule_would_let_through_are_not_asked_for() -> None:
    days = [date(2026, 2, 3), date(1, 1, 1), date(9999, 1, 1), None, date(2026, 2, 1), date(2026, 2, 3)]
    rows = prepare(table([row(str(number), day=day) for number, day in enumerate(days)]), BEHAVIOR_EVENTS)
    assert rows.days == ["2026-02-01", "2026-02-03"]


def test_what_the_lake_has_is_parted_by_school_and_identity() -> None:
    rows = prepare(table([row("1"), row("2"), row("1", "school_2"), row(None)]), BEHAVIOR_EVENTS)
    new, there = without(rows, rows.order, known(("school_1", "1"), ("school_2", "2"), ("school_9", "1")))
    assert identities(rows, there) == ["1"]
    assert rows.count(there) == {"school_1": 1}
    assert len(new) == 3


def test_nothing_known_is_all_new() -> None:
    rows = prepare(table([row("1")]), BEHAVIOR_EVENTS)
    new, there = without(rows, rows.order, known())
    assert (len(new), len(there)) == (1, 0)


def test_stopped_schools_are_parted_from_the_others() -> None:
    rows = prepare(table([row("1", "a"), row("2", "b"), row("3", "c"), row("4", None)]), BEHAVIOR_EVENTS)
    good, held = part(rows, rows.order, ["b", NO_SCHOOL, "elsewhere"])
    assert identities(rows, good) == ["1", "3"]
    assert {name: identities(rows, of_it) for name, of_it in held.items()} == {NO_SCHOOL: ["4"], "b": ["2"]}


def test_bits_become_rules_and_good_rows_break_none() -> None:
    found = pa.table({"identity": ["x", ""], "bits": ["011", "100"]})
    lists = broken_rules(pa.array(["good", "x", None]), found, ("one", "two", "three"))
    assert lists.to_pylist() == [[], ["two", "three"], ["one"]]


IDENTITIES = st.sampled_from([str(uuid.UUID(int=number)) for number in range(12)])
some_rows = st.builds(
    row,
    st.none() | IDENTITIES,
    st.sampled_from(["a", "b", "c-3", None, "no good"]),
    st.none() | st.dates(date(2025, 11, 1), date(2026, 3, 31)),
    st.none() | st.integers(2026, 2030),
)


@pytest.mark.property
@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # Arrow's first call loads kernels
@given(
    st.lists(some_rows, min_size=1, max_size=60),
    st.sets(st.tuples(st.sampled_from(["a", "b"]), IDENTITIES)),
    st.sets(st.sampled_from(["a", "b", NO_SCHOOL])),
)
def test_every_row_is_dropped_held_or_good_and_no_identity_is_good_twice(
    given_rows: list[dict[str, Any]], there: set[tuple[str, str]], stopped: set[str]
) -> None:
    rows = prepare(table(given_rows), BEHAVIOR_EVENTS)
    new, in_lake = without(rows, rows.order, known(*sorted(there)))
    good, held = part(rows, new, stopped)
    fates = [rows.copies, in_lake, good, *held.values()]
    assert sorted(np.concatenate(fates).tolist()) == list(range(len(given_rows)))
    landed: Counter[str] = Counter()
    for fate in fates:
        landed.update(rows.count(fate))
    assert landed == rows.landed
    assert not stopped & rows.count(good).keys()
    named = [
        (given_rows[number]["school_id"], given_rows[number]["event_id"])
        for number in good.tolist()
        if given_rows[number]["event_id"] and given_rows[number]["school_id"] in ("a", "b", "c-3")
    ]
    assert len(set(named)) == len(named)
    assert not set(named) & there


def test_a_thousand_days_apart_are_different_months() -> None:
    start = date(2024, 1, 31)
    given_rows = [row(str(number), day=start + timedelta(days=31 * number)) for number in range(24)]
    rows = prepare(table(given_rows), BEHAVIOR_EVENTS)
    found = [(p.year, p.month) for p, _, _ in partitions(rows, rows.order)]
    assert found == sorted({(str(r["local_date"].year), f"{r['local_date'].month:02d}") for r in given_rows})
