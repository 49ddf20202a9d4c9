"""Scores, written to the platform as teachers would, and what the books must know of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from adapters.academic_table import put_academic_config
from adapters.table import StoreBusyError, put_items
from pipelines.simulation.invented_grades import invented_grades
from pipelines.simulation.scenario import Scenario
from transforms.academic_items import Evaluation
from transforms.keys import GroupKey
from transforms.periods import AcademicConfig
from transforms.students import Student

STUDENTS_A_SCHOOL = 15  # a class that is marked; more would show the same for longer


@dataclass(frozen=True)
class RecordedTerm:
    """What was written, for the books.

    Attributes:
        evaluations: How many, by school.
        groups: The grades that a night must make of them.
    """

    evaluations: Counter[str] = field(default_factory=Counter)
    groups: set[GroupKey] = field(default_factory=set)

    def watch(self, evaluations: Iterable[Evaluation]) -> Iterator[dict[str, Any]]:
        """Passes evaluations on as items of the store, counting each."""
        for evaluation in evaluations:
            self.evaluations[evaluation.student.school_id] += 1
            self.groups.add(evaluation.group)
            yield evaluation.item()


def record_invented_term(scenario: Scenario, today: date) -> RecordedTerm:
    """Writes periods, rules and a term's scores for a class of each school.

    Raises:
        StoreBusyError: Some scores could not be written.
    """
    classes: list[Student] = []
    for school in scenario.schools:
        own = [student for student in scenario.students if student.key.school_id == school.school_id]
        classes += own[:STUDENTS_A_SCHOOL]
    term = invented_grades(scenario.schools, classes, today=today)
    return record_terms(term.configs, term.evaluations)


def record_terms(configs: Iterable[AcademicConfig], evaluations: Iterable[Evaluation]) -> RecordedTerm:
    """Writes periods, rules and scores.

    Args:
        configs: One a school.
        evaluations: Taken one at a time; all of these schools.

    Raises:
        StoreBusyError: Some scores could not be written.
    """
    for config in configs:
        put_academic_config(config)
    term = RecordedTerm()
    unwritten = put_items(term.watch(evaluations))
    if unwritten:
        raise StoreBusyError(f"{len(unwritten)} scores were not written: the table throttles; try again")
    return term
