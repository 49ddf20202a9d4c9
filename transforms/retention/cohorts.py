"""When a cohort's time is over.

A profile knows the year of a graduation and not its day, so the day is the last of that year: no
school's year ends later, south of the equator either. Two years after it nothing may be left
(mission text, section 4.3).
"""

from __future__ import annotations

from datetime import date, timedelta

GRADUATION = (12, 31)  # month and day
YEARS_KEPT = 2
UNKNOWN = 0  # the folder of rows whose student has no known year of graduation


def years_after(day: date, years: int) -> date:
    """The same date in a later year; 29 February becomes 1 March where there is none, so never earlier."""
    try:
        return day.replace(year=day.year + years)
    except ValueError:
        return date(day.year + years, 3, 1)


def expires_on(graduation_year: int) -> date:
    """The first day (UTC) on which nothing of a cohort may be left: 1 January, three years on.

    Rows whose year of graduation is unknown count as if their student had graduated in the year of
    the row: the earliest that can be true of a student of whom something was still reported.
    """
    return years_after(date(graduation_year, *GRADUATION), YEARS_KEPT) + timedelta(days=1)
