"""The lake held against the events of the store, of which the enricher makes rows."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from pipelines.audits.completeness.repair import as_inserted
from pipelines.replay.result import NothingRetainedError, Replayed
from pipelines.replay.span import Span
from pipelines.replay.stored import as_landed, compare_with_store
from tests.pipelines.conftest import NOW
from tests.pipelines.replay.conftest import enrich
from tests.pipelines.replay.stored import StoreOf, item
from transforms.lake_schema import BEHAVIOR_EVENTS

pytestmark = pytest.mark.service

FEBRUARY = Span.of(date(2026, 2, 1), date(2026, 2, 28))
ITEMS = [item(1, "2026-02-01"), item(2, "2026-02-02"), item(3, "2026-02-02")]


def compared(items: list[dict[str, Any]]) -> Replayed:
    return compare_with_store(FEBRUARY, StoreOf(items), clock=lambda: NOW)


def counts(done: Replayed) -> dict[str, int]:
    names = ("expected", "equal", "missing", "extra", "different", "unproven")
    return {name: count for name in names if (count := done.total(name))}


def test_what_both_have_is_the_same_whatever_its_delivery(in_lake: Any, enricher: None) -> None:
    in_lake(ITEMS[:2])
    done = compared(ITEMS)
    assert counts(done) == {"expected": 3, "equal": 2, "missing": 1}
    assert done.right  # what is missing is for the completeness audit to explain


@pytest.mark.slow
def test_another_content_is_told_and_what_the_store_forgot_is_not(in_lake: Any, enricher: None) -> None:
    in_lake(ITEMS[:2], points=50)
    in_lake(ITEMS[2:])
    done = compared(ITEMS[:1])
    assert counts(done) == {"expected": 1, "different": 1, "unproven": 2}
    assert not done.right


@pytest.mark.slow
def test_pseudonyms_are_compared_of_one_version_of_the_key(in_lake: Any, enricher: None) -> None:
    in_lake(ITEMS[:1], version=2)
    in_lake(ITEMS[1:2], student_key="0" * 32)
    assert counts(compared(ITEMS[:2])) == {"expected": 2, "equal": 1, "different": 1}


@pytest.mark.slow
def test_days_and_schools_that_were_not_asked_for_are_left_out(lake: Any, enricher: None) -> None:
    other = [item(4, "2026-01-31"), item(5, "2026-02-01", school="school_2")]
    only = Span.of(date(2026, 2, 1), date(2026, 2, 28), ["school_1"])
    done = compare_with_store(only, StoreOf([*ITEMS, *other]), clock=lambda: NOW)
    assert counts(done) == {"expected": 3, "missing": 3}
    with pytest.raises(NothingRetainedError, match="the store has no event"):
        compare_with_store(FEBRUARY, StoreOf(other[:1]), clock=lambda: NOW)


def test_rows_of_the_enricher_are_of_the_landing_schema() -> None:
    rows = as_landed(enrich([as_inserted(each) for each in ITEMS]))
    assert rows.select(BEHAVIOR_EVENTS.landing_schema.names).schema == BEHAVIOR_EVENTS.landing_schema
    assert [str(day) for day in rows["local_date"].to_pylist()] == ["2026-02-01", "2026-02-02", "2026-02-02"]
    assert rows["received_at"].null_count == 0
