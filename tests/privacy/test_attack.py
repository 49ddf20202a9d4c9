"""Nobody can compute from what is published what is not."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from random import Random

import pytest

from tests.privacy.attack import Attack, by_total
from tests.privacy.publication import FLOOR, Cell, Key, publish, total_students

SCHOOLS, COHORTS, WEEKS = ("a", "b", "c"), (2027, 2028, 2029), ("2026-W05", "2026-W06")
THRESHOLDS = {"c": 15}
SEEDS = range(4)


def population(seed: int) -> dict[Key, Cell]:
    """Cells of all sizes around the threshold, and rates that lean to 0 and 1."""
    random = Random(seed)
    return {
        (school, cohort, week): _cell(
            random, random.choice((random.randint(1, 9), random.randint(8, 30), random.randint(20, 130)))
        )
        for school in SCHOOLS
        for cohort in COHORTS
        for week in WEEKS
    }


def _cell(random: Random, students: int) -> Cell:
    lean = random.choice((0.0, 0.02, 0.3, 0.5, 0.97, 1.0))
    attending = random.choice((students, random.randint(0, students)))
    rates = [Fraction(sum(random.random() < lean for _ in range(5)), 5) for _ in range(attending)]
    rising = sum(random.random() < lean for _ in range(students))
    chance, often = random.choice((lean, 0.45)), random.choice((1, 4))
    participating = sum(random.random() < chance for _ in range(students))
    return Cell(
        students,
        attending,
        sum(rates, Fraction(0)),
        participating,
        sum(random.randint(1, often) for _ in range(participating)),
        participating,
        participating,
        random.randint(-20, 200),
        rising,
        random.randint(0, students - rising),
    )


def threshold(key: Key) -> int:
    return THRESHOLDS.get(key[0], FLOOR)


def width(interval: tuple[float, float]) -> float:
    return interval[1] - interval[0]


@pytest.fixture(scope="module", params=SEEDS)
def attacked(request: pytest.FixtureRequest) -> tuple[dict[Key, Cell], Attack]:
    """A population, and who has read what is published of it."""
    cells = population(request.param)
    published = publish(cells, THRESHOLDS)
    assert 0 < len(published) < len(cells)
    attack = Attack(cells, THRESHOLDS)
    attack.reads(published)
    for keys in by_total(cells).values():  # a total repeats what its cells say, and no more
        shown = [key for key in keys if key in published]
        if not shown:
            continue
        told = total_students(published[key] for key in shown)
        attack.between({(key, "students"): 1 for key in shown}, told, told + 4 * len(shown))
    return cells, attack


def test_the_number_of_students_of_a_cell_that_is_not_published_may_be_any_below_the_threshold(attacked):
    cells, attack = attacked
    hidden = [key for key, cell in cells.items() if cell.students < threshold(key)]
    assert hidden
    for key in hidden:
        assert attack.interval({(key, "students"): 1}) == (0, threshold(key) - 1)


def groups(key: Key) -> dict[str, dict[tuple[Key, str], float]]:
    """The groups of a cell's students that a published number is about, and those that are left."""
    students = (key, "students")
    return {
        "rising": {(key, "rising"): 1},
        "falling": {(key, "falling"): 1},
        "steady": {students: 1, (key, "rising"): -1, (key, "falling"): -1},
        "participating": {(key, "participating"): 1},
        "not participating": {students: 1, (key, "participating"): -1},
    }


def test_a_group_that_may_be_small_may_be_of_any_size_below_the_threshold(attacked):
    cells, attack = attacked
    for key in cells:
        for name, terms in groups(key).items():
            least, most = attack.interval(terms)
            assert least >= threshold(key) or most - least >= threshold(key) - 1, (key, name)


def test_so_it_is_for_who_knows_how_many_students_there_are_in_every_cell_of_every_week(attacked):
    cells, attack = attacked
    informed = attack.and_knows()
    for key, cell in cells.items():
        informed.between({(key, "students"): 1}, cell.students, cell.students)
    for key, cell in cells.items():
        possible = min(threshold(key) - 1, cell.students)  # all that a cell may be, if it is small
        for name, terms in groups(key).items():
            least, most = informed.interval(terms)
            assert least >= threshold(key) or most - least >= possible - 1e-6, (key, name)


def test_nobody_can_tell_that_less_than_two_whole_weeks_were_missed_or_attended(attacked):
    cells, attack = attacked
    for key in cells:
        for terms in ({(key, "attending"): 1, (key, "attended"): -1}, {(key, "attended"): 1}):
            assert attack.interval(terms)[1] >= 2 - 1e-6, key


def alone() -> Iterator[tuple[dict[Key, Cell], Attack, list[Key], Key]]:
    """School weeks in which one cell is missing: the truth, who has read the rest, all cells, that one."""
    for seed in SEEDS:
        cells = population(seed)
        published = publish(cells, THRESHOLDS)
        attack = Attack(cells, THRESHOLDS)
        attack.reads(published)
        for keys in by_total(cells).values():
            missing = [key for key in keys if key not in published]
            if len(missing) == 1:
                yield cells, attack, keys, missing[0]


def test_the_attack_finds_what_totals_of_all_students_would_give_away():
    recovered = 0
    for cells, attack, keys, hidden in alone():
        for name in ("students", "rising"):
            numbers = {key: getattr(cells[key], name) for key in keys}
            total = sum(numbers.values())
            attack.between({(key, name): 1 for key in keys}, total, total)
            for key in keys:
                if key != hidden:  # and nothing is rounded
                    attack.between({(key, name): 1}, numbers[key], numbers[key])
            least, most = attack.interval({(hidden, name): 1})
            assert least == pytest.approx(numbers[hidden])
            assert most == pytest.approx(numbers[hidden])
            recovered += 1
    assert recovered > 10


def test_rounding_alone_does_not_hide_a_cell_that_a_total_counts():
    narrowed = 0
    for cells, attack, keys, hidden in alone():
        total = sum(cells[key].students for key in keys)
        attack.between({(key, "students"): 1 for key in keys}, total - total % 5, total - total % 5 + 4)
        narrowed += width(attack.interval({(hidden, "students"): 1})) < threshold(hidden) - 1
    assert narrowed
