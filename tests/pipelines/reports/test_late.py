from __future__ import annotations

import re
from datetime import datetime
from html import unescape

import pandas as pd
import pytest

from pipelines.reports import asking, late
from pipelines.reports.words import Language
from tests.pipelines.reports.platform_report import platform_report
from tests.pipelines.reports.test_schools import rows_of, text_of


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


def test_the_report_shows_each_change_and_leads_to_the_command_that_lists_its_rows(answered):
    found = answered(row("school_1", "2026-W05", 1), row("school_2", "2025-W40", 0))
    page = platform_report(late=found.changes, late_told=found.told(), late_count=2)
    assert rows_of(page, "late") == [
        ["school_1", "2026-W05", "3", "2026-03-01 00:00", "not yet"],
        ["school_2", "2025-W40", "3", "2026-03-01 00:00", "yes"],
    ]
    links = re.findall(r'href="#(late-\d)"', page)
    said = [unescape(page.split(f'id="{link}"><code>')[1].split("</code>")[0]) for link in links]
    assert said == [change.command for change in found.changes]
    assert "DATE '2026-01-26' AND DATE '2026-02-01'" in said[0]


@pytest.mark.parametrize(("count", "said"), [(2, False), (73, True)])
def test_a_list_that_is_cut_says_how_many_there_are(answered, count, said):
    found = answered(row("school_1", "2026-W05", 1), row("school_2", "2025-W40", 0))
    page = text_of(platform_report(late=found.changes, late_told=found.told(), late_count=count))
    assert ("Only 2 of 73 are listed" in page) is said
