from __future__ import annotations

import re
from collections import Counter
from typing import Any

import pandas as pd
import pytest

from pipelines.cli.demo import MARTS
from tests.e2e.oulad_records import GROUP, OULAD, PAGE, Tables, computed_grades, records_or_skip

pytestmark = [pytest.mark.e2e]


def weekly_counts(events: pd.DataFrame) -> Counter[tuple[str, str, str]]:
    """Events by school, student and ISO week, without any code of ours."""
    calendar = pd.to_datetime(events["local_date"]).dt.isocalendar()
    week = calendar["year"].astype(str) + "-W" + calendar["week"].astype(str).str.zfill(2)
    return Counter(zip(events["school_id"], events["student_key"], week, strict=True))


def counted(mart: pd.DataFrame) -> Counter[tuple[str, str, str]]:
    active = mart[mart["event_count"] > 0]
    keys = zip(active["school_id"], active["student_key"], active["iso_week"], strict=True)
    return Counter(dict(zip(keys, active["event_count"].astype(int), strict=True)))


def test_the_books_add_up_and_the_last_line_says_so(demo: Any) -> None:
    assert demo.account["balanced"] is True
    assert demo.printed.strip().splitlines()[-1].startswith("The books add up: ")


def test_the_gate_stops_the_school_with_the_damaged_roster_and_no_other(demo: Any) -> None:
    by_school = {school["school_id"]: school for school in demo.account["schools"]}
    stopped = by_school.pop("school_6")
    assert (stopped["in_lake"], stopped["quarantined"]) == (0, stopped["stored"])
    assert stopped["stored"] > 0
    assert all(school["quarantined"] == 0 and school["in_lake"] > 0 for school in by_school.values())


def test_every_kind_of_mistake_was_rejected_with_its_reason(demo: Any) -> None:
    assert {"malformed_json", "too_old", "in_the_future"} <= set(demo.account["rejected_by_reason"])


def test_every_grade_of_the_term_is_on_the_governments_record(demo: Any) -> None:
    grades = demo.account["grades"]
    assert {school["school_id"] for school in grades} == {f"school_{number}" for number in range(1, 7)}
    for school in grades:
        assert school["expected"] == school["grades"] == school["synced"] == school["on_record"] > 0
        assert school["waiting"] == 0
    assert "they agree" in demo.printed


def test_every_whole_week_of_every_student_on_a_roster_is_back_on_a_profile(demo: Any) -> None:
    mart = demo.table("weekly_student_behavior")
    told = re.search(
        r"Profiles: ([\d,]+) of [\d,]+ students have weeks of \S+ to (\S+): ([\d,]+)", demo.printed
    )
    assert told is not None, demo.printed
    whole = mart[(mart["iso_week"] <= told[2]) & (mart["graduation_year"] > 0)]
    assert int(told[3].replace(",", "")) == len(whole) > 0
    assert int(told[1].replace(",", "")) == whole["student_key"].nunique()


def test_the_weekly_mart_counts_what_the_lake_holds(demo: Any) -> None:
    events, mart = demo.table("behavior_events"), demo.table("weekly_student_behavior")
    assert counted(mart) == weekly_counts(events)
    points = events.groupby("school_id")["points"].sum().to_dict()
    assert mart.groupby("school_id")["points"].sum().to_dict() == points


def test_the_school_mart_adds_up_to_the_student_mart(demo: Any) -> None:
    students, schools = demo.table("weekly_student_behavior"), demo.table("weekly_school_behavior")
    by = ["school_id", "iso_week"]
    assert (
        students.groupby(by)["event_count"].sum().to_dict()
        == schools.set_index(by)["event_count"].astype(int).to_dict()
    )


def test_the_report_and_its_links_are_there(demo: Any) -> None:
    page = (demo.out / "report.html").read_text()
    assert "The books add up" in page
    assert "<script" not in page
    for target in ("quality/index.html", "dbt-docs/index.html"):
        assert target in page
        assert (demo.out / target).stat().st_size > 500


def test_each_school_has_its_report_in_both_languages_with_the_marts_numbers(demo: Any) -> None:
    weeks = demo.table("weekly_school_behavior").sort_values("iso_week").groupby("school_id").tail(1)
    assert len(weeks) == 5, "the sixth school waits in quarantine"
    for week in weeks.to_dict("records"):
        for ending in ("html", "es.html"):
            page = (demo.out / "schools" / f"{week['school_id']}.{ending}").read_text()
            assert f'href="#why-week">{int(week["event_count"]):,}</a>' in page
            assert f"schools/{week['school_id']}.{ending}" in (demo.out / f"report.{ending}").read_text()


@pytest.fixture(scope="module")
def real(run_demo: Any, tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Tables]:
    """A run on one module of the real records, and what they hold."""
    tables = records_or_skip()
    out = tmp_path_factory.mktemp("oulad") / "out"
    return run_demo(out, "--oulad", str(OULAD.resolve()), "--module", "AAA", timeout=900), tables


@pytest.mark.slow
@pytest.mark.timeout(1000)
def test_one_module_of_real_records_has_the_weekly_counts_of_pandas(real: tuple[Any, Tables]) -> None:
    demo, tables = real
    assert demo.account["balanced"] is True
    source = tables.handed_in[tables.handed_in["code_module"] == "AAA"]
    starts = source["code_presentation"].map({"2013J": "2013-10-01", "2014J": "2014-10-01"})
    days = pd.to_datetime(starts) + pd.to_timedelta(source["date_submitted"], unit="D")
    monday = (days - pd.to_timedelta(days.dt.day_of_week, unit="D")).dt.date
    expected = Counter(Counter(zip(source["id_student"], monday, strict=True)).values())
    mart = demo.table("weekly_student_behavior")
    assert Counter(mart.loc[mart["event_count"] > 0, "event_count"].astype(int)) == expected
    by_week = mart.groupby("week_start")["event_count"].sum()
    assert by_week[by_week > 0].to_dict() == Counter(monday)
    assert mart["student_key"].nunique() == source["id_student"].nunique()


@pytest.mark.slow
@pytest.mark.timeout(1000)
def test_one_module_of_real_records_has_the_grades_of_pandas(real: tuple[Any, Tables]) -> None:
    demo, tables = real
    mart = demo.table("student_period_grades")
    computed = computed_grades(tables, "AAA").reset_index()
    marked = tables.handed_in[tables.handed_in["code_module"] == "AAA"].dropna(subset=["score"])
    means = marked.groupby(GROUP)["score"].mean().round(6).reset_index()
    computed = computed.merge(means.rename(columns={"score": "mean"}), on=GROUP)
    # Pseudonyms hide which row is whose: the rows are compared as a whole.
    found = zip(
        mart["period"],
        mart["grade"].astype(float),
        mart["evaluation_count"].astype(int),
        mart["mean_evaluation_score"].round(6),
        strict=True,
    )
    expected = zip(
        *(computed[name].tolist() for name in ("code_presentation", "score", "evaluations", "mean")),
        strict=True,
    )
    assert Counter(found) == Counter(expected)
    assert mart["student_key"].nunique() == marked["id_student"].nunique()
    # Each mark of one evaluation is a row of the lake, and so is each grade made of them.
    assert mart["row_count"].sum() == len(marked) + len(computed)
    handed_in = tables.handed_in[tables.handed_in["code_module"] == "AAA"]
    behavior = demo.table("weekly_student_behavior")
    assert behavior["assignment_submitted_count"].sum() == len(handed_in)
    assert [school["grades"] for school in demo.account["grades"]] == [len(computed)]
    assert [school["on_record"] for school in demo.account["grades"]] == [0]


@pytest.mark.slow
@pytest.mark.timeout(1000)
def test_the_marts_of_real_records_have_the_rows_that_the_page_tells(real: tuple[Any, Tables]) -> None:
    demo, _ = real
    # What is published of a school depends on the others in the lake: here it is alone.
    told = re.findall(r"^\| `((?!public)\w+)` \| (\d+) \|", PAGE.read_text(), re.MULTILINE)
    counts = {mart: int(rows) for mart, rows in told if mart in MARTS}
    assert len(counts) == 7
    assert {mart: len(demo.table(mart)) for mart in counts} == counts
