from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from transforms.calendar import UnknownZoneError
from transforms.keys import InvalidIdentifierError
from transforms.points import PointsRules
from transforms.schools import School

SCHOOL = School("school_1", "America/Mexico_City", PointsRules(3, {"participation": 4}), date(2025, 8, 1))


def test_a_school_is_read_back_from_its_item_as_it_was() -> None:
    item = SCHOOL.item()
    as_boto3_reads = {
        **item,
        "points_version": Decimal(item["points_version"]),
        "points": {name: Decimal(value) for name, value in item["points"].items()},
    }
    assert School.from_item("school_1", as_boto3_reads) == SCHOOL


def test_the_oldest_record_is_local_midnight_of_the_day_that_the_school_names() -> None:
    assert SCHOOL.oldest(datetime.now(UTC)) == datetime(2025, 8, 1, 6, tzinfo=UTC)


def test_a_school_that_names_no_day_takes_400_days() -> None:
    now = datetime(2026, 11, 24, 12, tzinfo=UTC)
    assert School("school_1", "UTC").oldest(now) == now - timedelta(days=400)


def test_a_school_needs_a_good_name_and_a_real_zone() -> None:
    with pytest.raises(InvalidIdentifierError):
        School("a#b", "UTC")
    with pytest.raises(UnknownZoneError):
        School("school_1", "Nowhere")
