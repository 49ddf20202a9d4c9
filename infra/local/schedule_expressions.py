"""When a schedule is due: AWS's `rate(…)` and `cron(…)`.

https://docs.aws.amazon.com/scheduler/latest/UserGuide/schedule-types.html
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

HORIZON = 366 * 10  # days looked ahead for the next time; a schedule without one is an error

_RATE = re.compile(r"rate\((\d+) (minute|hour|day)s?\)")
_CRON = re.compile(r"cron\((\S+) (\S+) (\S+) (\S+) (\S+) (\S+)\)")
_MONTHS = {name.upper(): at for at, name in enumerate(calendar.month_abbr) if name}
_WEEKDAYS = {name: at for at, name in enumerate(("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"), 1)}


class ScheduleExpressionError(ValueError):
    """An expression that is no schedule, or one that the local cloud does not run."""


@dataclass(frozen=True)
class _Cron:
    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]  # 1 is Sunday
    years: frozenset[int]

    def runs_on(self, day: date) -> bool:
        weekday = day.isoweekday() % 7 + 1
        return (
            day.day in self.days
            and day.month in self.months
            and weekday in self.weekdays
            and day.year in self.years
        )


def times(expression: str, time_zone: str, after: datetime) -> Iterator[datetime]:
    """The moments at which a schedule is due, in order.

    Args:
        expression: `rate(5 minutes)` or `cron(0/15 * * * ? *)`.
        time_zone: IANA name in which a cron expression is meant.
        after: Aware; the first moment is later. A rate counts from here.

    Yields:
        Moments in UTC.

    Raises:
        ScheduleExpressionError: It is no such expression, or is never due within ten years.
    """
    if rate := _RATE.fullmatch(expression):
        step = timedelta(**{f"{rate[2]}s": int(rate[1])})
        if not step:
            raise ScheduleExpressionError(f"{expression}: a rate of nothing")
        return _every(step, after.astimezone(UTC))
    if cron := _CRON.fullmatch(expression):
        return _matching(expression, _cron(expression, cron.groups()), ZoneInfo(time_zone), after)
    raise ScheduleExpressionError(
        f"{expression!r}: the local cloud runs rate(N minutes) and cron(…) of six fields"
    )


def _every(step: timedelta, moment: datetime) -> Iterator[datetime]:
    while True:
        moment += step
        yield moment


def _matching(expression: str, cron: _Cron, zone: ZoneInfo, after: datetime) -> Iterator[datetime]:
    day, last = after.astimezone(zone).date(), after.astimezone(UTC)
    idle = 0
    while idle < HORIZON:
        idle += 1
        if cron.runs_on(day):
            for hour in sorted(cron.hours):
                for minute in sorted(cron.minutes):
                    moment = datetime.combine(day, time(hour, minute), zone).astimezone(UTC)
                    if moment > last:
                        last, idle = moment, 0
                        yield moment
        day += timedelta(days=1)
    raise ScheduleExpressionError(f"{expression} is not due within ten years of {after}")


def _cron(expression: str, fields: tuple[str, ...]) -> _Cron:
    if (fields[2] == "?") == (fields[4] == "?"):
        raise ScheduleExpressionError(
            f"{expression}: exactly one of day of month and day of week is '?', as in AWS"
        )

    def field(
        position: int, lowest: int, highest: int, names: dict[str, int] | None = None
    ) -> frozenset[int]:
        text = fields[position]
        try:
            return frozenset(_values(text, lowest, highest, (names or {}).get))
        except ValueError as wrong:
            raise ScheduleExpressionError(
                f"{expression}: {text!r} is not understood: numbers from {lowest} to {highest}, "
                "with '*', '?', ',', '-' and '/'"
            ) from wrong

    return _Cron(
        field(0, 0, 59),
        field(1, 0, 23),
        field(2, 1, 31),
        field(3, 1, 12, _MONTHS),
        field(4, 1, 7, _WEEKDAYS),
        field(5, 1970, 2199),
    )


def _values(text: str, lowest: int, highest: int, name: Callable[[str], int | None]) -> Iterator[int]:
    for part in text.split(","):
        span, _, step = part.partition("/")
        first, dash, last = span.partition("-")
        if first in {"*", "?"}:
            start, end = lowest, highest
        else:
            start = name(first) or int(first)
            end = (name(last) or int(last)) if dash else (highest if step else start)
        if not lowest <= start <= end <= highest:
            raise ValueError(text)
        yield from range(start, end + 1, int(step) if step else 1)
