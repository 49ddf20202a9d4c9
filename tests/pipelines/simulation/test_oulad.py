from __future__ import annotations

from datetime import date, datetime
from pathlib import Path

import msgspec
import pandas as pd
import pytest

from pipelines.simulation.oulad import MissingRecordsError, oulad, presentation_start

PRESENTATION = ("code_module", "code_presentation")


@pytest.fixture
def records(tmp_path: Path) -> Path:
    """A tiny dataset in the form of the real one."""
    one, two = ("AAA", "2013J"), ("AAA", "2014B")
    tables = {
        "course": ([(*one, 268), (*two, 240)], [*PRESENTATION, "module_presentation_length"]),
        "assessment": ([(*one, 1), (*two, 2)], [*PRESENTATION, "id_assessment"]),
        "student": ([(*one, 7), (*two, 7), (*one, 8)], [*PRESENTATION, "id_student"]),
        "student_assessment": (
            [(1, 7, 18), (2, 7, -3), (1, 8, 190)],
            ["id_assessment", "id_student", "date_submitted"],
        ),
    }
    for name, (rows, columns) in tables.items():
        pd.DataFrame(rows, columns=columns).to_parquet(tmp_path / f"{name}.parquet")
    return tmp_path


def test_days_count_from_the_presentations_start() -> None:
    assert presentation_start("2013B") == date(2013, 2, 1)
    assert presentation_start("2014J") == date(2014, 10, 1)


def test_a_submission_is_an_event_at_noon_of_its_day(records: Path) -> None:
    scenario = oulad(records)
    events = [msgspec.json.decode(message.body) for message in scenario.messages]
    assert len(events) == scenario.size == 3
    moments = {(event["student_id"], datetime.fromisoformat(event["occurred_at"]).date()) for event in events}
    assert moments == {("7", date(2013, 10, 19)), ("7", date(2014, 1, 29)), ("8", date(2014, 4, 9))}
    assert len({event["event_id"] for event in events}) == 3


def test_a_students_cohort_is_the_end_of_the_last_presentation(records: Path) -> None:
    years = {student.key.student_id: student.graduation_year for student in oulad(records).students}
    assert years == {"7": 2014, "8": 2014}


def test_a_folder_without_the_tables_is_told_which_are_missing(tmp_path: Path) -> None:
    with pytest.raises(MissingRecordsError, match=r"lacks course\.parquet, assessment\.parquet"):
        oulad(tmp_path)
