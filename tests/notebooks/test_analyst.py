"""The analysts' notebook, run as marimo runs it."""

from __future__ import annotations

import importlib.util
import os
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import pandas as pd
import pytest

from pipelines.questions.catalogue import Readers
from tests.dbt import cloud
from transforms.lake_schema import ACADEMIC_CHANGES

ROOT = Path(__file__).parents[2]
OULAD = Path(os.environ.get("LUCA_OULAD", ROOT / ".." / "shared" / "data" / "oulad"))


@pytest.fixture
def notebook() -> ModuleType:
    spec = importlib.util.spec_from_file_location("analyst", ROOT / "notebooks" / "analyst.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(autouse=True)
def no_lake(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever runs the tests beside a local cloud asks no lake in those without one."""
    monkeypatch.delenv("LUCA_LAKE_DATABASE", raising=False)


def a_presentation(folder: Path) -> None:
    """Four students and a first assignment due on day 20: two hand it in and pass, one of them early."""
    key = {"code_module": "AAA", "code_presentation": "2013J"}
    results = ["Pass", "Distinction", "Withdrawn", "Fail"]
    pd.DataFrame(
        [{**key, "id_student": number, "final_result": result} for number, result in enumerate(results)]
    ).to_parquet(folder / "student.parquet")
    pd.DataFrame(
        [
            {**key, "id_assessment": 1, "assessment_type": "TMA", "date": "20"},
            {**key, "id_assessment": 2, "assessment_type": "TMA", "date": "60"},
            {**key, "id_assessment": 3, "assessment_type": "CMA", "date": "5"},
        ]
    ).to_parquet(folder / "assessment.parquet")
    marks = [(1, 0, 15), (1, 1, 20), (2, 2, 59), (1, 3, 25)]
    pd.DataFrame(
        [
            {"id_assessment": assessment, "id_student": student, "date_submitted": day, "is_banked": 0}
            for assessment, student, day in marks
        ]
    ).to_parquet(folder / "student_assessment.parquet")


def test_the_findings_are_computed_from_the_first_assignment(notebook: Any, tmp_path, monkeypatch):
    a_presentation(tmp_path)
    monkeypatch.setenv("LUCA_OULAD", str(tmp_path))

    _, found = notebook.app.run()

    assert found["by_first"]["students"].to_dict() == {False: 1, True: 3}
    assert found["by_first"]["passed"].to_dict() == {False: 0.0, True: pytest.approx(2 / 3)}
    assert dict(zip(found["by_time"]["days_early"], found["by_time"]["passed"], strict=True)) == {
        "late": 0.0,
        "on the day": 1.0,
        "4 to 7 days early": 1.0,
    }


def test_without_the_records_it_says_so_and_the_rest_runs(notebook: Any, tmp_path, monkeypatch):
    monkeypatch.setenv("LUCA_OULAD", str(tmp_path / "nowhere"))

    outputs, found = notebook.app.run()

    assert "by_first" not in found
    assert any("No records at" in str(getattr(output, "text", "")) for output in outputs)


@pytest.mark.skipif(not OULAD.is_dir(), reason=f"no OULAD records at {OULAD}: set LUCA_OULAD to their folder")
def test_on_the_real_records_both_findings_hold(notebook: Any, monkeypatch):
    monkeypatch.setenv("LUCA_OULAD", str(OULAD.resolve()))

    _, found = notebook.app.run()

    assert found["by_first"].loc[False, "passed"] < 0.07
    assert found["by_first"].loc[True, "passed"] > 0.6
    shares = list(found["by_time"]["passed"])
    assert shares[0] < shares[1] < shares[2] < shares[3]
    assert found["by_time"]["students"].sum() > 15_000


def a_mark(student: int, assessment: int, day: date, grade: float | None = None) -> dict[str, Any]:
    """A row of the lake: a mark of a homework, or with `grade` the student's grade."""
    key = f"{student:032x}"
    kind = "evaluation" if grade is None else "grade"
    return {
        "change_id": f"{kind}-{student}-{assessment}",
        "change_type": kind,
        "operation": "insert",
        "school_id": "school_1",
        "student_key": key,
        "pseudonym_version": 1,
        "graduation_year": 2029,
        "subject": "matematicas",
        "period": "Q1",
        "evaluation_key": f"{assessment:032x}" if grade is None else None,
        "evaluation_type": "homework" if grade is None else None,
        "score": Decimal(50 if grade is None else grade),
        "version": 1,
        "changed_at": datetime(2025, 12, 1, 12),
        "local_date": day,
        "contract_version": 1,
        "load_id": "load-20251201",
    }


@pytest.mark.slow
@pytest.mark.local
@pytest.mark.filterwarnings("ignore:The copy keyword is deprecated")  # awswrangler's use of pandas 3
def test_from_the_lake_early_and_late_are_told_from_the_day_by_which_half_had_handed_it_in(
    notebook: Any, running_cloud: None, tmp_path, monkeypatch
):
    monkeypatch.setenv("LUCA_OULAD", str(tmp_path / "nowhere"))
    monkeypatch.setenv("LUCA_LAKE_DATABASE", "luca_lake")
    monkeypatch.setattr(Readers.ENGINEERS, "_value_", "luca-dbt")  # here the roles are not asked
    half_way, later = date(2025, 9, 15), date(2025, 10, 15)
    days = {1: 10, 2: 2, 3: 0, 4: 0, 5: -3}  # before the day on which the third of five was there
    marks = [a_mark(student, 1, half_way - timedelta(days=early)) for student, early in days.items()]
    marks += [a_mark(student, 2, later) for student in (1, 6)]
    marks += [a_mark(student, 0, later, grade=100 - 10 * student) for student in range(1, 7)]
    cloud.create_lake()
    cloud.publish(marks, ACADEMIC_CHANGES)
    cloud.build(tmp_path)

    _, found = notebook.app.run()

    told = found["grades_by_time"]
    assert dict(zip(told["days_early"], told["grade"], strict=True)) == {
        "late": 50.0,
        "on the day": 65.0,
        "1 to 3 days early": 80.0,
        "more than a week early": 90.0,
        "not marked": 40.0,
    }
    assert told["students"].sum() == 6
