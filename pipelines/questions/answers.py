"""Asks a question and draws its answer."""

from __future__ import annotations

import pandas as pd

from adapters import athena
from adapters.settings import setting
from pipelines.questions.catalogue import Question, Readers
from pipelines.reports import charts


class NothingToDrawError(ValueError):
    """An answer without rows."""


def answer(question: Question, school: str | None = None) -> pd.DataFrame:
    """The rows that Athena gives.

    Args:
        question: To be asked.
        school: As of `Question.sql`.

    Raises:
        SchoolMissingError: As of `Question.sql`.
        QueryFailedError: Athena refused it or failed.
    """
    place = None
    if question.readers is Readers.SCHOOLS:
        # One school must not read another's answers: each has a folder, and its role writes nowhere else.
        place = f"s3://{setting('RESULTS_BUCKET')}/schools/school_id={school}/"
    return athena.query(
        question.sql(school),
        work_group=question.readers.value,
        database=setting("MARTS_DATABASE"),
        answers=place,
    )


def drawn(question: Question, rows: pd.DataFrame) -> str:
    """The answer as an SVG document.

    Raises:
        NothingToDrawError: There are no rows.
    """
    if rows.empty:
        raise NothingToDrawError(
            f"{question.name} has no rows to draw: build the marts by `luca trends`, or name another school"
        )
    chart = question.chart
    return charts.answer(rows, chart.mark, chart.x, chart.y, chart.colour)
