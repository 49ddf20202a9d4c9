"""What may be published of a week, computed anew from its definition in plain Python and fractions."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fractions import Fraction

FLOOR = 10
STEP = 5
Key = tuple[str, int, str]
"""School, cohort and ISO week."""


@dataclass(frozen=True)
class Cell:
    """What is true of a cohort's active students in a week.

    Attributes:
        students: How many.
        attending: How many of them have an attendance rate.
        attended: The sum of their rates.
        participating: How many participated.
        participations: How often.
        submitting: How many handed in an assignment.
        assignments: How many they handed in.
        points: Of all.
        rising: Students whose week is rising.
        falling: Students whose week is falling.
    """

    students: int
    attending: int
    attended: Fraction
    participating: int
    participations: int
    submitting: int
    assignments: int
    points: int
    rising: int
    falling: int


@dataclass(frozen=True)
class Told:
    """One number as published.

    Attributes:
        value: The number.
        bound: `at_most` or `at_least` where the value is only that; empty where it is the number.
    """

    value: Fraction
    bound: str = ""


@dataclass(frozen=True)
class Published:
    """A published row of a cell; None stands for null."""

    students: int
    attendance: Told | None
    participations: Told | None
    assignments: Told | None
    points: Told
    balance: Told | None


def publish(cells: Mapping[Key, Cell], thresholds: Mapping[str, int] | None = None) -> dict[Key, Published]:
    """The published rows; a small cell has none.

    Args:
        cells: The truth.
        thresholds: Of schools that ask for more than the floor.
    """
    found = {}
    for key, cell in cells.items():
        threshold = max(FLOOR, (thresholds or {}).get(key[0], FLOOR))
        if cell.students >= threshold:
            found[key] = _published(cell, threshold)
    return found


def rate_margin(told: int) -> Fraction:
    """How near to 0 and 1 the rate of so many students is told."""
    per_cent = next((margin for below, margin in ((20, 20), (40, 10), (100, 5), (300, 2)) if told < below), 1)
    return Fraction(per_cent, 100)


def balance_margin(told: int, threshold: int) -> Fraction:
    """How near to -1 and 1 a balance of so many students is told; 1 or more where it is not."""
    return Fraction(math.ceil(Fraction(200 * threshold, told)), 100)


def _published(cell: Cell, threshold: int) -> Published:
    n = cell.students
    told = n - n % STEP
    margin, of_balance = rate_margin(told), balance_margin(told, threshold)
    enough = cell.attending >= threshold and cell.attending * margin >= 2
    large = told >= 3 * threshold
    return Published(
        told,
        _coded(cell.attended / cell.attending, margin, 0) if enough else None,
        _mean(cell.participations, n) if large and cell.participating >= threshold else None,
        _mean(cell.assignments, n) if large and cell.submitting >= threshold else None,
        _mean(cell.points, n),
        _coded(Fraction(cell.rising - cell.falling, n), of_balance, -1) if of_balance < 1 else None,
    )


def _coded(value: Fraction, margin: Fraction, least: int) -> Told:
    if value <= least + margin:
        return Told(least + margin, "at_most")
    if value >= 1 - margin:
        return Told(1 - margin, "at_least")
    return Told(rounded(value, 2))


def _mean(total: int, students: int) -> Told:
    return Told(rounded(Fraction(total, students), 1))


def rounded(value: Fraction, decimals: int) -> Fraction:
    """Half away from zero, as SQL rounds."""
    scaled = abs(value) * 10**decimals
    return Fraction(math.floor(scaled + Fraction(1, 2)) * (1 if value >= 0 else -1), 10**decimals)


def total_students(published: Iterable[Published]) -> int:
    """What a published total says: nothing but the sum of published cells."""
    return sum(each.students for each in published)
