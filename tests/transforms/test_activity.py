from __future__ import annotations

import json
import uuid
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.typed_json import to_typed
from transforms.activity import (
    Activity,
    UnknownWeekError,
    activity,
    event_keys,
    kept_since,
    week,
    week_monday,
)
from transforms.event_items import event_item
from transforms.events import decode
from transforms.points import DEFAULT_POINTS, PointsRules
from transforms.schools import School

MONDAY = date(2026, 2, 2)


def happened(outcome: str, at: datetime, zone: str = "America/Mexico_City", version: int = 1) -> Activity:
    kind, _, detail = outcome.partition(".")
    body = {"event_id": str(uuid.uuid4()), "type": kind, "student_id": "ana", "occurred_at": at.isoformat()}
    if detail:
        body["status" if kind == "attendance" else "polarity"] = detail
    item = event_item(
        decode(json.dumps(body)), School("a", zone, PointsRules(version)), at, str(uuid.uuid4())
    )
    return activity(to_typed(item))


moments = st.datetimes(datetime(2026, 1, 25), datetime(2026, 2, 15), timezones=st.just(UTC))


@given(st.lists(st.tuples(st.sampled_from(sorted(DEFAULT_POINTS)), moments, st.integers(1, 3)), max_size=40))
def test_parts_add_up_to_the_score_and_to_the_events(events: list[tuple[str, datetime, int]]) -> None:
    activities = [happened(outcome, at, version=version) for outcome, at, version in events]
    found = week(activities, MONDAY)
    inside = [each for each in activities if "2026-02-02" <= each.local_date <= "2026-02-08"]
    assert found.score == sum(each.points for each in inside) == sum(part.points for part in found.parts)
    assert found.events == len(inside) == sum(part.count for part in found.parts)
    assert all(part.points == part.count * part.each for part in found.parts)


zones = st.sampled_from(
    ["Pacific/Kiritimati", "Pacific/Pago_Pago", "Asia/Kathmandu", "America/Mexico_City", "UTC"]
)


@given(at=moments, zone=zones)
def test_every_event_of_a_local_date_lies_between_the_dates_keys(at: datetime, zone: str) -> None:
    found = happened("participation", at, zone)
    day = date.fromisoformat(found.local_date)
    first, last = event_keys(day, day)
    assert first <= f"EVENT#{found.occurred_at}#{found.event_id}" <= last


def test_an_empty_week_has_a_score_of_nothing() -> None:
    found = week([], MONDAY)
    assert (found.iso_week, found.first_day, found.last_day) == ("2026-W06", MONDAY, date(2026, 2, 8))
    assert (found.score, found.events, found.parts) == (0, 0, [])


def test_the_largest_contribution_comes_first() -> None:
    at = datetime(2026, 2, 3, 18, tzinfo=UTC)
    found = week(
        [happened(name, at) for name in ("participation", "conduct.negative", "attendance.present")], MONDAY
    )
    assert [part.outcome for part in found.parts] == [
        "conduct.negative",
        "participation",
        "attendance.present",
    ]


@given(st.dates(date(1990, 1, 1), date(2100, 1, 1)))
def test_a_week_is_read_back_as_its_monday(day: date) -> None:
    year, number, weekday = day.isocalendar()
    assert week_monday(f"{year}-W{number:02d}") == day - timedelta(days=weekday - 1)


@pytest.mark.parametrize(
    "text", ["", "2026-W00", "2026-W54", "2025-W53", "2026-6", "W06", "2026-W06\n", "0000-W01"]
)
def test_what_is_no_week_is_said(text: str) -> None:
    with pytest.raises(UnknownWeekError, match="ISO 8601"):
        week_monday(text)


def test_the_store_keeps_thirty_days() -> None:
    assert kept_since(date(2026, 3, 3)) == date(2026, 2, 1)
