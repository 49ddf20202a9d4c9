"""Who reads everything that is published, and what they can say of a number that is not: least and most.

The attacker knows the rules, every published table, and whatever a test adds. All of it are linear
constraints on the unknown numbers of each cell, so that two linear programs give the interval of any of
them (Hundepool et al., Statistical Disclosure Control, 2012, chapter 4, call it the attacker's problem).
Numbers of students may be fractions here, which lets the interval only grow by less than one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from fractions import Fraction

import numpy as np
from scipy.optimize import linprog

from tests.privacy.publication import FLOOR, Key, Published, Told, balance_margin, rate_margin

MOST = 1000  # students of a cell, which anybody may assume
Terms = Mapping[tuple[Key, str], float]
OF_A_CELL = ("students", "rising", "falling", "attending", "attended", "participating", "participations")
HALF = {"attendance": 0.005, "balance": 0.005, "participations": 0.05}  # of the last decimal


class Attack:
    """What is known, as `terms · unknowns <= most`."""

    def __init__(self, cells: Iterable[Key], thresholds: Mapping[str, int] | None = None) -> None:
        self._cells = list(cells)
        self._thresholds = dict(thresholds or {})
        self._known: list[tuple[Terms, float]] = []
        self._linking: list[tuple[Terms, float]] = []  # those of several cells
        for key in self._cells:
            self._nature(key)

    def at_most(self, terms: Terms, most: float) -> None:
        """Learns an inequality."""
        self._known.append((terms, most))
        if len({key for key, _ in terms}) > 1:
            self._linking.append((terms, most))

    def and_knows(self) -> Attack:
        """Another attacker, who knows the same."""
        other = Attack([])
        other._cells, other._thresholds = self._cells, self._thresholds
        other._known, other._linking = [*self._known], [*self._linking]
        return other

    def between(self, terms: Terms, least: float, most: float) -> None:
        """Learns both ends."""
        self.at_most(terms, most)
        self.at_most({name: -factor for name, factor in terms.items()}, -least)

    def reads(self, published: Mapping[Key, Published]) -> None:
        """Learns all rows, and from each that is missing that its cell is small."""
        for key in self._cells:
            threshold = max(FLOOR, self._thresholds.get(key[0], FLOOR))
            if key in published:
                self._row(key, published[key], threshold)
            else:
                self.at_most({(key, "students"): 1}, threshold - 1)

    def interval(self, terms: Terms) -> tuple[float, float]:
        """The least and the most that a sum of unknowns can be."""
        cells = self._linked({key for key, _ in terms})
        known = [each for each in self._known if next(iter(each[0]))[0] in cells]
        columns = {(key, name): i for i, (key, name) in enumerate((k, n) for k in cells for n in OF_A_CELL)}
        matrix = np.zeros((len(known), len(columns)))
        for line, (each, _) in enumerate(known):
            for name, factor in each.items():
                matrix[line, columns[name]] = factor
        wanted = np.zeros(len(columns))
        for name, factor in terms.items():
            wanted[columns[name]] = factor
        ends = []
        for sign in (1, -1):
            solved = linprog(sign * wanted, A_ub=matrix, b_ub=[most for _, most in known], method="highs")
            assert solved.status == 0, solved.message
            ends.append(sign * float(solved.fun))
        return ends[0], ends[1]

    def _linked(self, cells: set[Key]) -> list[Key]:
        """These cells, and all of which an inequality speaks together with one of them, and so on."""
        found = set(cells)
        while more := {
            key
            for terms, _ in self._linking
            if found & {key for key, _ in terms}
            for key, _ in terms
            if key not in found
        }:
            found |= more
        return sorted(found)

    def _nature(self, key: Key) -> None:
        """What holds of every cell, whatever is published; no unknown is negative."""
        students = {(key, "students"): -1.0}
        self.at_most({(key, "students"): 1}, MOST)
        self.at_most({(key, "rising"): 1, (key, "falling"): 1, **students}, 0)
        self.at_most({(key, "attending"): 1, **students}, 0)
        self.at_most({(key, "attended"): 1, (key, "attending"): -1}, 0)
        self.at_most({(key, "participating"): 1, **students}, 0)
        self.at_most({(key, "participating"): 1, (key, "participations"): -1}, 0)
        self.at_most({(key, "participations"): 1, (key, "participating"): -50}, 0)

    def _row(self, key: Key, row: Published, threshold: int) -> None:
        n = (key, "students")
        self.between({n: 1}, max(row.students, threshold), row.students + 4)
        margin = rate_margin(row.students)
        if row.attendance is None:
            self.at_most({(key, "attending"): 1}, max(threshold, 2 / margin) - 1)
        else:
            self.at_most({(key, "attending"): -1}, -float(max(threshold, 2 / margin)))
            self._told({(key, "attended"): 1}, (key, "attending"), row.attendance, margin, 0, "attendance")
        if row.balance is not None:
            of_balance = balance_margin(row.students, threshold)
            self._told({(key, "rising"): 1, (key, "falling"): -1}, n, row.balance, of_balance, -1, "balance")
        if row.participations is not None:
            self.at_most({(key, "participating"): -1}, -threshold)
            self._ratio({(key, "participations"): 1}, n, row.participations.value, HALF["participations"])
        elif row.students >= 3 * threshold:
            self.at_most({(key, "participating"): 1}, threshold - 1)

    def _told(
        self, terms: Terms, base: tuple[Key, str], told: Told, margin: Fraction, least: int, name: str
    ) -> None:
        if told.bound == "at_most":
            self.at_most({**terms, base: -float(least + margin)}, 0)
        elif told.bound == "at_least":
            self.at_most({**{each: -factor for each, factor in terms.items()}, base: float(1 - margin)}, 0)
        else:
            self._ratio(terms, base, told.value, HALF[name])
            self.at_most({**terms, base: -float(1 - margin)}, 0)
            self.at_most(
                {**{each: -factor for each, factor in terms.items()}, base: float(least + margin)}, 0
            )

    def _ratio(self, terms: Terms, base: tuple[Key, str], value: Fraction, half: float) -> None:
        """A quotient to so many decimals: terms / base lies half of the last one around it."""
        self.at_most({**terms, base: -(float(value) + half)}, 0)
        self.at_most({**{each: -factor for each, factor in terms.items()}, base: float(value) - half}, 0)


def by_total(cells: Iterable[Key]) -> dict[tuple[str, str], list[Key]]:
    """The cells of each school's week."""
    found = defaultdict(list)
    for school, cohort, week in cells:
        found[school, week].append((school, cohort, week))
    return found
