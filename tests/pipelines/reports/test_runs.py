from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from pipelines.reports import runs
from pipelines.reports.pages import file_name
from pipelines.reports.weekly import RUNS
from pipelines.reports.words import Language
from pipelines.trends.history import KeptRun, State
from pipelines.trends.results import ModelRun, SourceFreshness, TestRun

NOW = datetime(2026, 3, 12, 18, tzinfo=UTC)


def kept_run(
    day: int, *, state: State = State.PASSED, tests: tuple[TestRun, ...] = (), **models: ModelRun
) -> KeptRun:
    """A run of a day of March, at noon."""
    return KeptRun(
        run_id=f"0000000{day}",
        started_at=f"2026-03-0{day}T12:05:00+00:00",
        ended_at=f"2026-03-0{day}T12:06:30+00:00",
        seconds=90.0 + day,
        state=state,
        models=tuple(models.values()),
        tests=tests,
        freshness=(SourceFreshness("behavior_events", "pass", "2026-03-01T00:00:00+00:00", 5400.0),),
    )


def built(name: str, seconds: float, rows: int | None = None) -> ModelRun:
    return ModelRun(name, "success", rows, seconds)


KEPT = [
    kept_run(1, weeks=built("weeks", 40.0, 1200), terms=built("terms", 2.25, 30)),
    kept_run(
        2,
        state=State.FAILED,
        tests=(TestRun("weeks_add_up", "fail", 7, 0.5),),
        weeks=ModelRun("weeks", "error", None, 3.0),
        terms=ModelRun("terms", "skipped", None, 0.0),
    ),
    kept_run(
        3,
        tests=(TestRun("weeks_add_up", "pass", 0, 0.5), TestRun("few_late", "warn", 2, 0.5)),
        weeks=built("weeks", 44.5, 1310),
    ),
]


def described(page: str, title: str) -> list[str]:
    """What a chart tells who cannot see it."""
    (found,) = re.findall(rf"<title>{re.escape(title)}</title><desc>([^<]*)</desc>", page)
    return found.split("; ")


def test_a_model_has_its_seconds_run_by_run_and_a_gap_where_it_was_not_built():
    page = runs.page(KEPT, NOW, Language.EN)

    assert described(page, "weeks: seconds by run") == [
        "03-01 12:05: 40.0",
        "03-02 12:05: –",
        "03-03 12:05: 44.5",
    ]
    assert described(page, "terms: seconds by run")[1:] == ["03-02 12:05: –", "03-03 12:05: –"]
    assert page.index("weeks: seconds") < page.index("terms: seconds")  # the slowest first
    assert described(page, "Seconds of each run") == [
        "03-01 12:05: 91.0",
        "03-02 12:05: 92.0",
        "03-03 12:05: 93.0",
    ]


def test_failures_and_warnings_stand_run_by_run():
    page = runs.page(KEPT, NOW, Language.EN)
    assert described(page, "Failures and warnings by run") == [
        "03-01 12:05: 0 failed, 0 warn",
        "03-02 12:05: 2 failed, 0 warn",
        "03-03 12:05: 0 failed, 1 warn",
    ]


def test_rows_are_those_of_the_last_run_that_built_the_model():
    page = runs.page(KEPT, NOW, Language.EN)
    assert described(page, "Rows by model") == ["weeks: 1,310", "terms: 30"]


def test_the_newest_run_is_shown_in_full():
    page = runs.page(KEPT, NOW, Language.EN)

    assert "The marts are in order." in page
    assert "Run 00000003, 2026-03-03 12:05:00 to 2026-03-03 12:06:30 UTC, 93.0 s." in page
    assert "Tests passed: 1." in page
    rows = [re.findall(r">([^<>\n]+)", row) for row in re.findall(r"<tr><th scope=\"row\">.*?</tr>", page)]
    assert rows == [
        ["weeks", "success", "44.5", "1,310"],
        ["few_late", "warn", "2"],
        ["behavior_events", "pass", "1.5"],
    ]


def test_a_run_that_dbt_could_not_begin_is_a_failure_that_is_seen():
    page = runs.page([*KEPT, kept_run(4, state=State.FAILED)], NOW, Language.EN)
    assert "The run failed: its marts are not all in order." in page
    assert described(page, "Failures and warnings by run")[-1] == "03-04 12:05: did not come to its end"
    assert '<th scope="col">Model' not in page


@pytest.mark.parametrize("kept", [[], KEPT, [KEPT[1]], [kept_run(4, state=State.FAILED)]])
def test_each_page_says_all_in_spanish_and_leads_to_the_english_one(kept):
    page = runs.page(kept, NOW, Language.ES)
    assert '<html lang="es">' in page
    assert '<a href="index.html" hreflang="en" lang="en">In English</a>' in page
    assert ("Todavía no hay ninguna ejecución" in page) is (not kept)


def test_the_weekly_report_leads_to_the_page_of_its_language(tmp_path: Path) -> None:
    assert RUNS.found(tmp_path, Language.ES) is None
    (tmp_path / runs.FOLDER).mkdir()
    for language in Language:
        (tmp_path / runs.FOLDER / file_name("index", language)).touch()
        found = RUNS.found(tmp_path, language)
        assert found is not None
        assert found.href == f"{runs.FOLDER}/{file_name('index', language)}"
    (tmp_path / runs.FOLDER / file_name("index", Language.ES)).unlink()
    assert RUNS.found(tmp_path, Language.ES) == RUNS
