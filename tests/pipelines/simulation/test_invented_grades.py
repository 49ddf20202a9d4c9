from __future__ import annotations

from collections import Counter
from datetime import date

from pipelines.simulation.invented_grades import MARKED, SUBJECTS, invented_grades
from transforms.consolidation import Unplaced, placed
from transforms.grading import grade
from transforms.keys import StudentKey
from transforms.schools import School
from transforms.students import Student

TODAY = date(2026, 11, 20)
SCHOOLS = [School("school_1", "America/Mexico_City"), School("school_2", "Europe/Madrid")]
STUDENTS = [
    Student(StudentKey(school.school_id, f"student_{number}")) for school in SCHOOLS for number in range(20)
]


def test_a_term_is_the_same_for_the_same_seed_and_another_for_another() -> None:
    once, again, other = (invented_grades(SCHOOLS, STUDENTS, today=TODAY, seed=seed) for seed in (1, 1, 2))
    assert once == again
    assert once.evaluations != other.evaluations


def test_every_student_has_every_subject_and_at_most_one_evaluation_is_missing_in_it() -> None:
    term = invented_grades(SCHOOLS, STUDENTS, today=TODAY)
    counts = Counter(each.group for each in term.evaluations)
    assert len(counts) == len(STUDENTS) * len(SUBJECTS)
    assert set(counts.values()) == {len(MARKED) - 1, len(MARKED)}


def test_every_group_can_be_graded_by_the_rules_of_its_school() -> None:
    term = invented_grades(SCHOOLS, STUDENTS, today=TODAY)
    configs = {config.school_id: config for config in term.configs}
    for group in {each.group for each in term.evaluations}:
        found = placed(group, configs[group.student.school_id])
        assert not isinstance(found, Unplaced)
        period, rules = found
        result = grade([each for each in term.evaluations if each.group == group], rules, period)
        assert result.score is not None
        assert (result.left_out, result.dated_outside) == ({}, 0)
