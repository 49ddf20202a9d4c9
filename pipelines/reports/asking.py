"""How the reports ask Athena: as a job, of the marts or of the lake."""

from __future__ import annotations

import pandas as pd

from adapters import athena
from adapters.settings import setting


def marts(sql: str, work_group: str = "JOBS_WORK_GROUP") -> pd.DataFrame:
    """Rows of the marts.

    Args:
        sql: A SELECT.
        work_group: The setting that names who asks.
    """
    return athena.query(sql, work_group=setting(work_group), database=setting("MARTS_DATABASE"))


def lake(sql: str) -> pd.DataFrame:
    """Rows of the lake."""
    return athena.query(sql, work_group=setting("JOBS_WORK_GROUP"), database=setting("LAKE_DATABASE"))
