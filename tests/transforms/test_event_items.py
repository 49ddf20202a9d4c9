from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from transforms.event_items import SECONDS_A_DAY, event_item, expires_at
from transforms.events import decode
from transforms.points import PointsRules
from transforms.schools import School

SCHOOL = School("school_1", "America/Mexico_City", PointsRules(3, {"attendance.late": -4}))
EVENT = decode(
    """{"event_id": "0198C5A4-7F3E-7C11-9D7E-2F6D1C0B7A55", "type": "attendance", "status": "late",
        "student_id": "student_456", "teacher_id": "t_1",
        "occurred_at": "2026-02-03T21:15:00.123456-06:00"}"""
)
RECEIVED = datetime(2026, 2, 4, 3, 16, tzinfo=UTC)
moments = st.datetimes(datetime(2000, 1, 1), datetime(2090, 1, 1), timezones=st.just(UTC))


def test_the_item_carries_points_and_local_date_by_the_schools_rules() -> None:
    assert event_item(EVENT, SCHOOL, RECEIVED, "corr") == {
        "PK": "TENANT#school_1#STUDENT#student_456",
        "SK": "EVENT#2026-02-04T03:15:00.123Z#0198c5a4-7f3e-7c11-9d7e-2f6d1c0b7a55",
        "event_id": "0198c5a4-7f3e-7c11-9d7e-2f6d1c0b7a55",
        "event_type": "attendance",
        "status": "late",
        "teacher_id": "t_1",
        "occurred_at": "2026-02-04T03:15:00.123Z",
        "received_at": "2026-02-04T03:16:00.000Z",
        "local_date": "2026-02-03",
        "utc_offset_minutes": -360,
        "points": -4,
        "points_version": 3,
        "correlation_id": "corr",
        "contract_version": 1,
        "expires_at": int(datetime(2026, 3, 7, tzinfo=UTC).timestamp()),
    }


@given(moments, moments)
def test_an_event_lives_thirty_days_from_the_later_of_its_time_and_receipt(
    occurred: datetime, received: datetime
) -> None:
    until = expires_at(occurred, received)
    later = max(occurred, received) + timedelta(days=30)
    assert until % SECONDS_A_DAY == 0
    assert 0 <= until - int(later.timestamp()) < SECONDS_A_DAY


def test_a_second_delivery_on_the_same_day_expires_at_the_same_time() -> None:
    morning, noon = datetime(2026, 2, 3, 8, 1, tzinfo=UTC), datetime(2026, 2, 3, 12, 0, tzinfo=UTC)
    assert expires_at(morning, morning) == expires_at(morning, noon)
