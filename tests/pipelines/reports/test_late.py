from __future__ import annotations

from datetime import datetime

import pandas as pd
import pytest

from pipelines.reports import asking, late
from pipelines.reports.words import Language


def row(school_id: str, week: str, waits: int) -> dict[str, object]:
    return {
        "school_id": school_id,
        "changed_week": week,
        "row_count": 3,
        "as_of": datetime(2026, 3, 1),
        "first_load_id": "20260225-1",
        "last_load_id": "20260301-1",
        "waits": waits,
    }


@pytest.fixture
def answered(monkeypatch):
    """What Athena says is given to `late.read`."""

    def read(*rows: dict[str, object]) -> late.LateChanges:
        monkeypatch.setattr(asking, "marts", lambda sql, work_group: pd.DataFrame(list(rows)))
        return late.read()

    return read


def test_what_waits_is_counted_from_the_monday_of_its_earliest_week(answered):
    found = answered(
        row("school_1", "2026-W05", 1), row("school_2", "2025-W52", 1), row("school_2", "2025-W40", 0)
    )
    assert found.told() == (
        "Weeks that changed after they were final: 3 (schools: 2). "
        "Not counted yet: 2; run luca trends --since 2025-12-22"
    )
    assert found.told(Language.ES) == (
        "Semanas que cambiaron siendo ya definitivas: 3 (escuelas: 2). "
        "Sin contar todavía: 2; ejecute luca trends --since 2025-12-22"
    )


def test_when_all_are_counted_nothing_is_to_be_run(answered):
    found = answered(row("school_1", "2026-W05", 0))
    assert found.told() == "Weeks that changed after they were final: 1 (schools: 1). All are counted."
    assert (found.waiting, found.command) == (0, "")


def test_where_no_final_week_changed_nothing_is_said(answered):
    assert answered().told() == ""
