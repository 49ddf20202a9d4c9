from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from expectations.catalogue import EXPECTATIONS, page
from expectations.deep import PUBLISHED_ONCE
from expectations.history import HISTORY_RULES
from expectations.holds import LOAD_RULES
from expectations.landing_files import FILE_RULES
from transforms.lake_schema import LAKE_TABLES


def test_the_page_of_the_docs_is_what_the_rules_say() -> None:
    written = Path(__file__).parents[2] / "docs" / "rules.md"
    assert written.read_text() == page(), "python -m expectations.catalogue > docs/rules.md"


def test_every_lake_table_has_its_rules() -> None:
    assert {name: expected.table for name, expected in EXPECTATIONS.items()} == LAKE_TABLES


@pytest.mark.parametrize(
    "rules",
    [
        *(expected.rules for expected in EXPECTATIONS.values()),
        (*HISTORY_RULES, PUBLISHED_ONCE),
        LOAD_RULES,
        FILE_RULES,
    ],
)
def test_every_rule_says_in_both_languages_why_it_is_there(rules: tuple[Any, ...]) -> None:
    for rule in rules:
        assert len(rule.why.en) > 10, rule
        assert len(rule.why.es) > 10, rule
        assert not re.search(r"\b(the|of|and|is|are|or|to|no one|row|rows|which)\b", rule.why.es), rule
        assert not re.search(r"\b(el|la|los|las|de|una?|que|y)\b", rule.why.en), rule
