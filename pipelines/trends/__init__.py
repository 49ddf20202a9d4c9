"""Weekly trends: runs the dbt project on Athena and says what came of it."""

from __future__ import annotations

from pipelines.trends.results import ModelRun, SourceFreshness, TestRun, TrendsResult
from pipelines.trends.run import TrendsBusyError, TrendsError, run_trends

__all__ = [
    "ModelRun",
    "SourceFreshness",
    "TestRun",
    "TrendsBusyError",
    "TrendsError",
    "TrendsResult",
    "run_trends",
]
