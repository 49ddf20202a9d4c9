"""A term of scores, written to the platform as the teachers of a scenario would."""

from __future__ import annotations

from datetime import date

from adapters.academic_table import put_academic_config
from adapters.table import StoreBusyError, put_items
from pipelines.simulation.invented_grades import InventedGrades, invented_grades
from pipelines.simulation.scenario import Scenario
from transforms.students import Student

STUDENTS_A_SCHOOL = 15  # a class that is marked; more would show the same for longer


def record_term(scenario: Scenario, today: date) -> InventedGrades:
    """Writes periods, rules and a term's scores for a class of each school, as its teachers would.

    Raises:
        StoreBusyError: Some scores could not be written.
    """
    classes: list[Student] = []
    for school in scenario.schools:
        own = [student for student in scenario.students if student.key.school_id == school.school_id]
        classes += own[:STUDENTS_A_SCHOOL]
    term = invented_grades(scenario.schools, classes, today=today)
    for config in term.configs:
        put_academic_config(config)
    unwritten = put_items(evaluation.item() for evaluation in term.evaluations)
    if unwritten:
        raise StoreBusyError(f"{len(unwritten)} scores were not written: the table throttles; try again")
    return term
