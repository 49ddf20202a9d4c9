from __future__ import annotations

import re
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest
from dbt.artifacts.schemas.results import FreshnessStatus, RunStatus, TestStatus

from adapters.ledger import LoadState
from expectations.history import ALL_SCHOOLS
from expectations.rules import NO_SCHOOL
from pipelines.books import COLUMNS
from pipelines.reports import pages, words, words_of_trends
from pipelines.reports.schools import school_report
from pipelines.reports.words import Language
from tests.pipelines.reports.findings import NOW, of_a_school
from transforms.completeness import Place
from transforms.events import EVENT_TYPES

PIPELINES = Path(pages.__file__).parents[1]
WARNINGS = PIPELINES.parent / "dbt" / "models" / "rules" / "early_warning_rules.sql"
DBT_STATES = {state.value for states in (RunStatus, TestStatus, FreshnessStatus) for state in states}
TEMPLATES = PIPELINES / "reports" / "templates"
SAID = re.compile(r'_\("((?:[^"\\]|\\.)*)"')


def text_of(page: str) -> str:
    """What a reader sees, without drawings."""
    bare = re.sub(r"(?s)<style>.*?</style>|<svg.*?</svg>|<[^>]+>", " ", page)
    return unescape(" ".join(bare.split()))


def rows_of(page: str, section: str) -> list[list[str]]:
    """The cells of a section's table, row by row."""
    part = page.split(f'<h2 id="{section}">')[1].split("</section>", maxsplit=1)[0]
    body = part.split("<tbody>")[1].split("</tbody>")[0]
    return [[text_of(cell) for cell in re.split(r"<t[dh][^>]*>", row)[1:]] for row in body.split("<tr>")[1:]]


@pytest.fixture(scope="module")
def english() -> str:
    return school_report("school_1", of_a_school(), NOW, Language.EN)


@pytest.fixture(scope="module")
def spanish() -> str:
    return school_report("school_1", of_a_school(), NOW, Language.ES)


def test_the_figures_are_those_of_the_latest_week(english):
    text = text_of(english)
    assert "40 students this week" in text
    assert "1,209 events this week" in text
    assert "90.9% attendance this week" in text
    assert "27.2 points a student" in text
    assert "7 early warnings" in text
    assert "2026-W02 to 2026-W11" in text


def test_a_class_without_a_subject_has_a_dash_and_markup_in_a_code_is_text(english):
    assert [row[:5] for row in rows_of(english, "classes")] == [
        ["3A", "arte", "12", "31", "44"],
        ["3B", "–", "9", "27", "-3"],
        ["–", "a<b>", "1", "1", "1"],
    ]


def test_every_linked_number_leads_to_the_command_that_explains_it(english):
    links = set(re.findall(r'href="#([^"]+)"', english))
    explained = dict(re.findall(r'<li id="([^"]+)"><code>([^<]+)</code>', english))
    assert links == set(explained)
    assert explained["why-week"] == (
        "luca explain --mart weekly_school_behavior --key school_1/2026-W11 --column points"
    )
    assert "school_1/3B//2026-W11" in explained["why-class-2"]
    falling = unescape(explained["why-falling"])
    assert "FROM luca_marts.weekly_student_behavior WHERE school_id = 'school_1'" in falling
    assert falling.endswith("AND iso_week = '2026-W11' AND trend = 'falling'\"")


def test_every_figure_at_the_top_is_linked(english):
    top = english.split('<ul class="figures">')[1].split("</ul>")[0]
    assert re.findall(r'<b><a href="#why-(\w+)">([^<]+)</a></b>', top) == [
        ("students", "40"),
        ("week", "1,209"),
        ("students", "90.9%"),
        ("students", "27.2"),
        ("falling", "8"),
        ("warnings", "7"),
    ]


def test_quality_and_retention_say_what_is_kept(english):
    assert rows_of(english, "quality") == [
        ["behavior_events", "3", "5,000", "40", "60", "4,900", "2026-03-09 23:05", "class_code, cohort_known"]
    ]
    assert rows_of(english, "kept") == [
        ["unknown", "900", "0", "by the year of each row"],
        ["2029", "4,000", "77", "2032-01-01"],
    ]


def test_both_languages_show_the_same_numbers(english, spanish):
    assert re.findall(r"\d[\d,.:%-]*", text_of(english)) == re.findall(r"\d[\d,.:%-]*", text_of(spanish))
    assert 'lang="es"' in spanish
    assert "alumnos esta semana" in spanish
    assert "this week" not in text_of(spanish)


def test_a_school_without_classes_warnings_or_loads_says_so():
    own = of_a_school()
    bare = replace(own, classes=own.classes[:0], warnings=own.warnings[:0], loads=own.loads[:0])
    text = text_of(school_report("school_1", bare, NOW, Language.EN))
    assert "Nothing was reported for a class" in text
    assert "No student meets a rule" in text
    assert "No load had rows of this school" in text


def test_nothing_is_fetched_and_nothing_runs(english):
    assert "<script" not in english
    assert re.findall(r'(?:src|href)="(?:https?:)?//', english) == []


def test_every_text_of_a_template_has_its_spanish_and_none_is_left_over():
    templates = "".join(page.read_text() for page in TEMPLATES.glob("*.j2"))
    said = {text.replace('\\"', '"') for text in SAID.findall(templates)}
    assert said
    assert said - set(words.SPANISH) == set()
    code = "".join(path.read_text() for path in PIPELINES.rglob("*.py") if not path.name.startswith("words"))
    in_code = re.sub(r'"\s*\n\s*"', "", code)  # a text may stand on several lines
    columns = (*COLUMNS, *(place.value for place in Place))
    computed = {column.replace("_", " ") for column in columns} | {"Rising", "Steady", "Falling"}
    computed |= {ALL_SCHOOLS, NO_SCHOOL, *EVENT_TYPES, *LoadState, *DBT_STATES}
    computed |= set(re.findall(r"^        '([^']{20,})'$", WARNINGS.read_text(), re.MULTILINE))
    assert len(computed & set(words_of_trends.SPANISH)) >= 6 + len(DBT_STATES)
    assert computed - set(words.SPANISH) == set()
    assert [text for text in words.SPANISH if text not in said | computed and text not in in_code] == []


def test_a_text_without_spanish_is_an_error():
    with pytest.raises(words.UnsaidError, match="Good morning"):
        words.say_in(Language.ES)("Good morning")
    assert words.say_in(Language.EN)("Good morning") == "Good morning"
