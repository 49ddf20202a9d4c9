"""The real records of OULAD as evaluations: what students of five modules were marked with.

A module is a school with one subject, a presentation is a period, an assessment that a student
handed in and that was marked is an evaluation whose weight inside its type is the assessment's.
What the data leaves open, and how it is read here, is told in docs/oulad-grades.md.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path

import pandas as pd

from pipelines.simulation.oulad import NAMESPACE, TIME_ZONE, MissingRecordsError, presentation_start
from transforms.academic_items import Evaluation
from transforms.calendar import utc_text, zone
from transforms.keys import StudentKey
from transforms.periods import AcademicConfig, GradingRules, Period

TABLES = ("course", "assessment", "student_assessment")
TYPES = {"Exam": "exam", "TMA": "homework", "CMA": "quiz"}
PASS_MARK = Decimal(40)  # of an assessment, by the dataset's own description
EXAM_SHARE = Decimal(50)  # percent; the data gives exam and coursework 100 each and no share
TEACHER = "oulad"  # the data names no tutor
PRESENTATION = ["code_module", "code_presentation"]


@dataclass(frozen=True)
class AcademicRecords:
    """Periods, rules and evaluations of some modules.

    Attributes:
        configs: One a module.
        marked: A row for each evaluation, with the columns of both assessment tables.
    """

    configs: list[AcademicConfig]
    marked: pd.DataFrame

    def evaluations(self) -> Iterator[Evaluation]:
        """The evaluations, each pending, in the order of the records."""
        columns = (*PRESENTATION, "id_assessment", "id_student", "assessment_type")
        columns += ("date_submitted", "weight", "score")
        there = zone(TIME_ZONE)
        for module, presentation, assessment, student, kind, days, weight, score in zip(
            *(self.marked[name].tolist() for name in columns), strict=True
        ):
            day = presentation_start(presentation) + timedelta(days=days)
            yield Evaluation(
                student=StudentKey(module, str(student)),
                subject=module,
                period=presentation,
                evaluation_id=str(assessment),
                score=Decimal(score),
                type=TYPES[kind],
                date=day,
                teacher_id=TEACHER,
                recorded_at=utc_text(datetime.combine(day, time(12), there)),
                correlation_id=str(uuid.uuid5(NAMESPACE, f"{assessment}/{student}/mark")),
                weight=Decimal(str(weight)),
            )


def academic_records(folder: Path, modules: list[str] | None = None) -> AcademicRecords:
    """Reads the records.

    Args:
        folder: Holds the OULAD tables as Parquet; nothing is copied from it.
        modules: Only these (`AAA`, …); all by default.

    Raises:
        MissingRecordsError: A file is not there.
    """
    missing = [name for name in TABLES if not (folder / f"{name}.parquet").is_file()]
    if missing:
        raise MissingRecordsError(
            f"{folder} lacks {', '.join(f'{name}.parquet' for name in missing)}: "
            "give the folder that holds the OULAD tables as Parquet"
        )
    course, assessment, handed_in = (pd.read_parquet(folder / f"{name}.parquet") for name in TABLES)
    names = modules or sorted(course["code_module"].unique())
    marked = handed_in.dropna(subset=["score"]).merge(
        assessment[[*PRESENTATION, "id_assessment", "assessment_type", "weight"]],
        on="id_assessment",
        validate="m:1",
    )
    return AcademicRecords(
        [AcademicConfig(name, 1, _periods(course, name), {name: _rules(assessment, name)}) for name in names],
        marked[marked["code_module"].isin(names)],
    )


def _periods(course: pd.DataFrame, module: str) -> list[Period]:
    of_module = course[course["code_module"] == module].sort_values("code_presentation")
    lengths = zip(of_module["code_presentation"], of_module["module_presentation_length"], strict=True)
    return [Period(name, presentation_start(name), _last_day(name, int(days))) for name, days in lengths]


def _last_day(presentation: str, days: int) -> date:
    return presentation_start(presentation) + timedelta(days=days - 1)  # its first day is day 0


def _rules(assessment: pd.DataFrame, module: str) -> GradingRules:
    """Half for the exam, half for the coursework, parted as in the presentation with the most quizzes.

    A type that a presentation does not have is missing there, and its weight goes to the others.
    """
    sums = assessment[assessment["code_module"] == module].pivot_table(
        index="code_presentation", columns="assessment_type", values="weight", aggfunc="sum", fill_value=0
    )
    quizzes = Decimal(str(sums["CMA"].max())) if "CMA" in sums else Decimal(0)
    coursework = 100 - EXAM_SHARE
    quiz = quizzes / 100 * coursework
    weights = {"exam": EXAM_SHARE, "homework": coursework - quiz, "quiz": quiz}
    return GradingRules({kind: weight for kind, weight in weights.items() if weight}, PASS_MARK)
