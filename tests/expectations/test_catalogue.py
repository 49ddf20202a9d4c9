from __future__ import annotations

from pathlib import Path

from expectations.catalogue import EXPECTATIONS, page
from transforms.lake_schema import LAKE_TABLES


def test_the_page_of_the_docs_is_what_the_rules_say() -> None:
    written = Path(__file__).parents[2] / "docs" / "rules.md"
    assert written.read_text() == page(), "python -m expectations.catalogue > docs/rules.md"


def test_every_lake_table_has_its_rules() -> None:
    assert {name: expected.table for name, expected in EXPECTATIONS.items()} == LAKE_TABLES
