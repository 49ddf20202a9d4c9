"""How a school's periods lie in its year: what overlaps, what is left out, which one is now."""

from __future__ import annotations

from datetime import date, timedelta
from itertools import pairwise

from transforms.periods import AcademicConfig, Period


def overlaps(config: AcademicConfig) -> list[tuple[Period, Period]]:
    """Pairs of periods that share a day, in the order of the year."""
    ordered = sorted(config.periods, key=lambda period: (period.start, period.end))
    return [
        (one, other)
        for position, one in enumerate(ordered)
        for other in ordered[position + 1 :]
        if other.start <= one.end
    ]


def gaps(config: AcademicConfig) -> list[tuple[date, date]]:
    """Spans of days between two periods that no period covers, first and last day."""
    ordered = sorted(config.periods, key=lambda period: period.start)
    found, covered = [], date.min
    for one, other in pairwise(ordered):
        covered = max(covered, one.end)
        if other.start > covered + timedelta(days=1):
            found.append((covered + timedelta(days=1), other.start - timedelta(days=1)))
    return found


def current(config: AcademicConfig, today: date) -> Period | None:
    """The period of a day: the one that covers it, else the last that began, else the first."""
    if not config.periods:
        return None
    running = config.periods_on(today)
    if running:
        return running[0]
    begun = [period for period in config.periods if period.start <= today]
    if begun:
        return max(begun, key=lambda period: period.end)
    return min(config.periods, key=lambda period: period.start)
