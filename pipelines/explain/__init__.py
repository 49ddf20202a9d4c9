"""What stands behind a number of a mart: the lake rows that it counts, and their sum."""

from __future__ import annotations

from pipelines.explain.explanation import Explanation, explain
from pipelines.explain.marts import Mart, UnexplainedError, marts

__all__ = ["Explanation", "Mart", "UnexplainedError", "explain", "marts"]
