from __future__ import annotations

from datetime import UTC, datetime
from itertools import islice

import pytest

from infra.local.schedule_expressions import ScheduleExpressionError, times

AFTER = datetime(2026, 2, 3, 8, 0, tzinfo=UTC)  # a Tuesday


def next_ones(expression: str, zone: str = "UTC", count: int = 3) -> list[str]:
    return [
        moment.isoformat(timespec="minutes").removesuffix("+00:00")
        for moment in islice(times(expression, zone, AFTER), count)
    ]


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("rate(5 minutes)", ["2026-02-03T08:05", "2026-02-03T08:10", "2026-02-03T08:15"]),
        ("rate(1 day)", ["2026-02-04T08:00", "2026-02-05T08:00", "2026-02-06T08:00"]),
        ("cron(0/15 * * * ? *)", ["2026-02-03T08:15", "2026-02-03T08:30", "2026-02-03T08:45"]),
        ("cron(0 6 * * ? *)", ["2026-02-04T06:00", "2026-02-05T06:00", "2026-02-06T06:00"]),
        ("cron(0 8 3 * ? *)", ["2026-03-03T08:00", "2026-04-03T08:00", "2026-05-03T08:00"]),
        ("cron(0 6 1 1,4,7,10 ? *)", ["2026-04-01T06:00", "2026-07-01T06:00", "2026-10-01T06:00"]),
        ("cron(30 9-10 ? * MON-FRI *)", ["2026-02-03T09:30", "2026-02-03T10:30", "2026-02-04T09:30"]),
        ("cron(0 0 ? JAN SUN 2027)", ["2027-01-03T00:00", "2027-01-10T00:00", "2027-01-17T00:00"]),
    ],
)
def test_a_schedule_is_due_when_aws_says_so(expression: str, expected: list[str]) -> None:
    assert next_ones(expression) == expected


def test_a_cron_expression_is_meant_in_its_own_zone() -> None:
    # Clocks go back on 2026-11-01 in New York: the same local time is another moment.
    found = list(
        islice(times("cron(0 2 * * ? *)", "America/New_York", datetime(2026, 10, 31, tzinfo=UTC)), 3)
    )
    assert [moment.hour for moment in found] == [6, 7, 7]


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ("every night", "runs rate"),
        ("rate(0 minutes)", "a rate of nothing"),
        ("cron(0 0 * * * *)", "exactly one of day of month and day of week is '\\?'"),
        ("cron(0 0 L * ? *)", "'L' is not understood"),
        ("cron(60 0 * * ? *)", "'60' is not understood: numbers from 0 to 59"),
        ("cron(0 0 31 2 ? *)", "not due within ten years"),
    ],
)
def test_what_is_not_understood_is_refused(expression: str, message: str) -> None:
    with pytest.raises(ScheduleExpressionError, match=message):
        next_ones(expression, count=1)
