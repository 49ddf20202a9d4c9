"""Real records as a scenario: the Open University Learning Analytics dataset (OULAD).

Kuzilek, Hlosta, Zdrahal: "Open University Learning Analytics dataset", Scientific Data 4,
170171 (2017), CC BY 4.0. A module is a school, a submission is an `assignment_submitted`
event at noon of its day. The files are read from where they lie and never copied.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path

import msgspec
import pandas as pd

from pipelines.simulation.scenario import VALID, Message, Scenario
from transforms.calendar import zone
from transforms.keys import StudentKey
from transforms.schools import School
from transforms.students import Student

FILES = ("course", "assessment", "student", "student_assessment")
TIME_ZONE = "Europe/London"
RECORDS_SINCE = date(2013, 1, 1)
NAMESPACE = uuid.UUID("5f0c5d3e-31a5-5c0c-9f60-0d1b7c6f2a11")  # any constant: makes event ids repeatable
START_MONTH = {"B": 2, "J": 10}  # of a presentation, on the first of the month


class MissingRecordsError(FileNotFoundError):
    """The folder does not hold the dataset."""


def presentation_start(presentation: str) -> date:
    """The first day of a presentation such as `2013J`: days of the dataset count from it."""
    return date(int(presentation[:4]), START_MONTH[presentation[4]], 1)


def oulad(folder: Path, modules: list[str] | None = None) -> Scenario:
    """The scenario of the real records.

    Args:
        folder: Holds `course.parquet`, `assessment.parquet`, `student.parquet` and
            `student_assessment.parquet`.
        modules: Only these (`AAA`, …); all by default.

    Raises:
        MissingRecordsError: A file is not there.
    """
    missing = [name for name in FILES if not (folder / f"{name}.parquet").is_file()]
    if missing:
        raise MissingRecordsError(
            f"{folder} lacks {', '.join(f'{name}.parquet' for name in missing)}: "
            "give the folder that holds the OULAD tables as Parquet"
        )
    course, assessment, student, submitted = (pd.read_parquet(folder / f"{name}.parquet") for name in FILES)
    submissions = submitted.merge(
        assessment[["id_assessment", "code_module", "code_presentation"]], on="id_assessment", validate="m:1"
    )
    if modules:
        submissions = submissions[submissions["code_module"].isin(modules)]
        student = student[student["code_module"].isin(modules)]
    submissions = submissions.sort_values(
        ["code_presentation", "date_submitted", "id_student"], kind="stable"
    )
    schools = [
        School(str(module), TIME_ZONE, records_since=RECORDS_SINCE)
        for module in sorted(student["code_module"].unique())
    ]
    return Scenario(schools, _roster(student, course), _messages(submissions), len(submissions))


def _roster(student: pd.DataFrame, course: pd.DataFrame) -> list[Student]:
    """A student's cohort is the year in which the last presentation that they took ends."""
    ends = {
        (module, presentation): (presentation_start(presentation) + timedelta(days=days)).year
        for module, presentation, days in zip(*(course[name].tolist() for name in course), strict=True)
    }
    years: dict[StudentKey, int] = {}
    columns = ("code_module", "code_presentation", "id_student")
    for module, presentation, number in zip(*(student[name].tolist() for name in columns), strict=True):
        key = StudentKey(module, str(number))
        years[key] = max(years.get(key, 0), ends[module, presentation])
    return [Student(key, year) for key, year in years.items()]


def _messages(submissions: pd.DataFrame) -> Iterator[Message]:
    there = zone(TIME_ZONE)
    columns = ("code_module", "code_presentation", "date_submitted", "id_assessment", "id_student")
    rows = zip(*(submissions[name].tolist() for name in columns), strict=True)
    for module, presentation, days, assessment, student in rows:
        day = presentation_start(presentation) + timedelta(days=days)
        event = {
            "event_id": str(uuid.uuid5(NAMESPACE, f"{assessment}/{student}")),
            "type": "assignment_submitted",
            "student_id": str(student),
            "class_id": presentation,
            "occurred_at": datetime.combine(day, time(12), there).isoformat(),
        }
        yield Message(module, msgspec.json.encode(event), VALID)
