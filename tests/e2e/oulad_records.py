"""The real records as the tests read them, and the grades that pandas computes from them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from infra.local.children import REPOSITORY

OULAD = Path(os.environ.get("LUCA_OULAD", "../shared/data/oulad"))
PAGE = REPOSITORY / "docs" / "oulad-grades.md"
GROUP = ["code_module", "code_presentation", "id_student"]
# Shares of the exam, the marked homework (TMA) and the quizzes (CMA), as docs/oulad-grades.md says.
SHARES = {
    "AAA": {"Exam": 50.0, "TMA": 50.0},
    "BBB": {"Exam": 50.0, "TMA": 47.5, "CMA": 2.5},
    "CCC": {"Exam": 50.0, "TMA": 37.5, "CMA": 12.5},
    "DDD": {"Exam": 50.0, "TMA": 37.5, "CMA": 12.5},
    "EEE": {"Exam": 50.0, "TMA": 50.0},
}


@dataclass(frozen=True)
class Tables:
    course: pd.DataFrame
    assessment: pd.DataFrame
    handed_in: pd.DataFrame


def records_or_skip() -> Tables:
    """The tables, or the test is skipped with a word."""
    if not OULAD.is_dir():
        pytest.skip(f"no OULAD records at {OULAD}: set LUCA_OULAD to their folder")
    course, assessment, student_assessment = (
        pd.read_parquet(OULAD / f"{name}.parquet") for name in ("course", "assessment", "student_assessment")
    )
    return Tables(course, assessment, student_assessment.merge(assessment, on="id_assessment"))


def computed_grades(tables: Tables, module: str) -> pd.DataFrame:
    """The same grades from the files, with sums of columns and binary floats: no code of ours."""
    marked = tables.handed_in[(tables.handed_in["code_module"] == module)].dropna(subset=["score"]).copy()
    marked["score"] = marked["score"].astype("float64")
    marked["weighted"] = marked["score"] * marked["weight"]
    sums = marked.groupby([*GROUP, "assessment_type"])[["weighted", "weight"]].sum()
    sums = sums[sums["weight"] > 0]
    means = (sums["weighted"] / sums["weight"]).unstack()
    shares = pd.Series(SHARES[module]).reindex(means.columns)
    present = means.notna() * shares
    exact = (means.fillna(0) * shares).sum(axis=1) / present.sum(axis=1)
    # Half up; a mean of whole scores that is a tie may come out as 84.24999…
    rounded = np.floor(exact * 10 + 0.5 + 1e-9) / 10
    counts = marked.groupby(GROUP).size().rename("evaluations")
    return pd.concat([rounded.rename("score"), counts], axis=1).sort_index()
