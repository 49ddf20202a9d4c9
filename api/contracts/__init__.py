"""The bodies of requests and answers. The OpenAPI document is derived from these types."""

from __future__ import annotations

from api.contracts.evaluations import (
    MOST_EVALUATIONS,
    BatchLine,
    BatchResult,
    CorrectedEvaluation,
    EvaluationBatch,
    Evaluations,
    NewEvaluation,
    RecordedEvaluation,
)
from api.contracts.health import (
    Health,
)
from api.contracts.profiles import (
    ClassWeek,
    Count,
    GradePart,
    StudentProfile,
    StudentWeek,
    SubjectGrade,
    WeekActivity,
)
from api.contracts.rules import (
    Periods,
    PeriodsBody,
    PeriodSpan,
    SchoolBody,
    SchoolSettings,
)
from api.contracts.students import (
    ImportLine,
    ImportReport,
    StudentBody,
    StudentLine,
    Students,
)

__all__ = [
    "MOST_EVALUATIONS",
    "BatchLine",
    "BatchResult",
    "ClassWeek",
    "CorrectedEvaluation",
    "Count",
    "EvaluationBatch",
    "Evaluations",
    "GradePart",
    "Health",
    "ImportLine",
    "ImportReport",
    "NewEvaluation",
    "PeriodSpan",
    "Periods",
    "PeriodsBody",
    "RecordedEvaluation",
    "SchoolBody",
    "SchoolSettings",
    "StudentBody",
    "StudentLine",
    "StudentProfile",
    "StudentWeek",
    "Students",
    "SubjectGrade",
    "WeekActivity",
]
