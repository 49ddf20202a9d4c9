from __future__ import annotations

from pathlib import Path

import pytest

from infra.local.templates import read_template
from pipelines.questions.catalogue import (
    EXAMPLE_SCHOOL,
    QUESTIONS,
    Readers,
    SchoolMissingError,
    UnknownQuestionError,
    question,
)
from pipelines.questions.page import page

ROOT = Path(__file__).parents[3]


def test_the_page_is_that_of_the_questions_and_each_has_its_picture():
    assert (ROOT / "docs" / "analysts.md").read_text() == page()
    for name in QUESTIONS:
        assert "<svg" in (ROOT / "docs" / "analysts" / f"{name}.svg").read_text()


def test_there_are_ten_and_shared_analysts_are_sent_to_public_tables_only():
    assert len(QUESTIONS) == 10
    for each in QUESTIONS.values():
        if each.readers is Readers.ANALYSTS:
            assert "luca_marts.public_" in each.template
            assert each.template.count("luca_marts.") == each.template.count("luca_marts.public_")
            assert "luca_lake" not in each.template


def test_the_saved_queries_of_the_template_are_the_questions():
    template = read_template(ROOT / "infra" / "questions.yaml")
    saved = {each.properties["Name"]: each.properties for each in template.resources.values()}
    assert {name: each["QueryString"].strip() for name, each in saved.items()} == {
        name: each.sql(EXAMPLE_SCHOOL) for name, each in QUESTIONS.items()
    }
    assert {name: each["WorkGroup"] for name, each in saved.items()} == {
        name: each.readers.value for name, each in QUESTIONS.items()
    }


@pytest.mark.parametrize("school", [None, "", "x' OR '1'='1", "a" * 65])
def test_a_question_about_a_school_takes_nothing_else(school):
    with pytest.raises(SchoolMissingError, match="asks about one school"):
        question("warnings_of_a_school").sql(school)


def test_a_name_that_is_none_lists_those_that_are():
    with pytest.raises(UnknownQuestionError, match="attendance_by_school"):
        question("attendance")
