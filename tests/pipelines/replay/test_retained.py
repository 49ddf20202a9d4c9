"""From which day on every row must be of a load that the landing can make again."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest

from pipelines.replay.retained import LANDING_KEPT, Retained, Taken
from transforms.lake_schema import ACADEMIC_CHANGES, BEHAVIOR_EVENTS, LakeTable

W, L = True, False  # whole, or with files lost


def kept(table: LakeTable, loads: list[tuple[int, bool]], *, older: bool) -> Retained:
    """Loads of some days of February."""
    taken = tuple(
        Taken(f"l{day}", datetime(2026, 2, day, 23, tzinfo=UTC), frozenset(), (), whole)
        for day, whole in loads
    )
    return Retained(table, taken, None, older)


@pytest.mark.parametrize(
    ("loads", "older", "first"),
    [
        ([(5, W), (9, W)], False, 1),  # the ledger has no other load
        ([(5, W), (9, W)], True, 7),  # an earlier load may have taken a row dated one day ahead
        ([(5, L), (9, W)], False, 7),
        ([(5, L), (9, L), (12, W)], True, 11),
        ([], True, None),
    ],
)
def test_behaviour_events(loads: list[tuple[int, bool]], older: bool, first: int | None) -> None:
    found = kept(BEHAVIOR_EVENTS, loads, older=older)
    days = [day for day in range(1, 29) if found.has_all_of(date(2026, 2, day))]
    assert days == ([] if first is None else list(range(first, 29)))


def test_an_academic_change_may_be_dated_ahead_so_that_any_lost_load_counts() -> None:
    assert not kept(ACADEMIC_CHANGES, [(5, W)], older=True).has_all_of(date(2026, 12, 1))
    assert not kept(ACADEMIC_CHANGES, [(5, L)], older=False).has_all_of(date(2026, 12, 1))
    assert kept(ACADEMIC_CHANGES, [(5, W)], older=False).has_all_of(date(2026, 1, 1))


def test_the_landing_is_kept_as_the_registry_says() -> None:
    assert LANDING_KEPT.days == 30
