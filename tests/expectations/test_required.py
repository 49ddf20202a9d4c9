"""What the contract calls required or one of a few is what the critical rules hold rows to."""

from __future__ import annotations

from typing import Any

import pytest

from expectations.catalogue import EXPECTATIONS
from expectations.rules import NO_SCHOOL, OneOf, Severity
from tests.pipelines.conftest import Lake

ROWS = {"behavior_events": Lake("").event, "academic_changes": Lake("").change}


@pytest.mark.parametrize("table", EXPECTATIONS)
def test_a_row_without_a_required_column_is_stopped_and_without_another_is_not(
    table: str, count_by: Any
) -> None:
    expected = EXPECTATIONS[table]
    critical = {rule.name for rule in expected.rules if rule.severity is Severity.CRITICAL}
    columns = [column for column in expected.table.columns if column.name != "school_id"]
    rows = [ROWS[table](**{"school_id": f"s-{column.name}", column.name: None}) for column in columns]
    found = count_by(expected, [*rows, ROWS[table](school_id=None)])
    assert critical & found.pop(NO_SCHOOL).keys(), "a row of no school"
    # A column that belongs to some kinds of rows is empty in the others, so it is optional.
    of_a_kind = {"subject", "evaluation_key", "score", "period"} if table == "academic_changes" else set()
    stopped = {school.removeprefix("s-") for school, broken in found.items() if critical & broken.keys()}
    assert stopped - of_a_kind == {column.name for column in columns if column.required}


@pytest.mark.parametrize("table", EXPECTATIONS)
def test_the_values_of_a_column_are_those_of_its_rule(table: str) -> None:
    expected = EXPECTATIONS[table]
    rules = [rule.states for rule in expected.row_rules if isinstance(rule.states, OneOf)]
    assert {rule.column: rule.values for rule in rules} == {
        column.name: column.values for column in expected.table.columns if column.values
    }
    assert {rule.column: not rule.or_empty for rule in rules} == {
        column.name: column.required for column in expected.table.columns if column.values
    }
