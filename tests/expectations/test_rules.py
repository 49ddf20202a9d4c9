from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pyarrow as pa
import pytest

from expectations.catalogue import EXPECTATIONS
from expectations.rules import (
    NO_SCHOOL,
    Expectations,
    Owner,
    Rule,
    Severity,
    broken_rows_query,
    gate_query,
    literal,
    matches,
    timestamp,
)
from expectations.school_rules import unique
from transforms.bilingual import Words
from transforms.keys import IDENTIFIER
from transforms.lake_schema import BEHAVIOR_EVENTS

NOW = datetime(2026, 2, 3, 15, 0, tzinfo=UTC)
POINTS = Rule(
    "points_in_range", "points BETWEEN 0 AND 9", Severity.CRITICAL, Words("why", "…"), Owner.PLATFORM
)
TWO = Expectations(
    BEHAVIOR_EVENTS,
    "received_at",
    (
        POINTS,
        unique("event_id_unique", "event_id", Severity.WARNING, Words("why", "…"), Owner.PLATFORM),
        Rule("early", "received_at <= judged_at", Severity.WARNING, Words("why", "…"), Owner.PLATFORM),
    ),
)


def rows(*given: dict[str, Any]) -> pa.Table:
    return pa.Table.from_pylist(list(given), BEHAVIOR_EVENTS.landing_schema)


def test_the_gate_counts_rows_and_broken_rows_by_school(ask: Any) -> None:
    found = ask(
        gate_query("rows", TWO, NOW),
        rows(
            {"school_id": "a", "event_id": "1", "points": 1, "received_at": datetime(2026, 2, 3, 14)},
            {"school_id": "a", "event_id": "1", "points": 10, "received_at": datetime(2026, 2, 3, 16)},
            {"school_id": "b", "event_id": "1", "points": 2, "received_at": datetime(2026, 2, 3, 15)},
        ),
    )
    by_school = {row.pop("school_id"): row for row in found}
    assert by_school["a"] | {"newest": None} == {
        "row_count": 2,
        "newest": None,
        "points_in_range": 1,
        "event_id_unique": 1,
        "early": 1,
    }
    assert by_school["a"]["newest"] == datetime(2026, 2, 3, 16)
    assert by_school["b"]["row_count"] == 1
    assert not any(by_school["b"][rule.name] for rule in TWO.rules)


def test_null_counts_as_broken(ask: Any) -> None:
    (found,) = ask(gate_query("rows", TWO, NOW), rows({"school_id": "a", "event_id": "1", "points": None}))
    assert found["points_in_range"] == 1


@pytest.mark.parametrize("school", [None, "", "Ana María", "a/b", "x" * 65, "a\n"])
def test_a_malformed_school_is_not_shown(ask: Any, school: str | None) -> None:
    (found,) = ask(gate_query("rows", TWO, NOW), rows({"school_id": school, "event_id": "1"}))
    assert found["school_id"] == NO_SCHOOL


def test_no_school_may_bear_the_name_of_no_school() -> None:
    assert not re.match(IDENTIFIER, NO_SCHOOL)


def test_broken_rows_are_told_by_identity_with_all_that_its_rows_break(ask: Any) -> None:
    late = {"received_at": datetime(2026, 2, 4)}
    early = {"received_at": datetime(2026, 2, 3)}
    found = ask(
        broken_rows_query("rows", TWO, NOW, ["a", NO_SCHOOL]),
        rows(
            {"school_id": "a", "event_id": "good", "points": 1, **early},
            {"school_id": "a", "event_id": "bad", "points": 10, **early},
            {"school_id": "a", "event_id": "worse", "points": 10, **early},
            {"school_id": "a", "event_id": "worse", "points": 1, **late},
            {"school_id": None, "event_id": None, "points": 10, **early},
            {"school_id": "other", "event_id": "bad", "points": 10, **early},
        ),
    )
    assert {(row["school_id"], row["identity"]): row["bits"] for row in found} == {
        ("a", "bad"): "10",
        ("a", "worse"): "11",
        (NO_SCHOOL, ""): "10",
    }


def test_a_pattern_means_the_whole_value(ask: Any) -> None:
    table = pa.table({"code": ["ab", "ab\n", "xab", "abx", None]})
    found = ask(f"SELECT {matches('code', '^a|ab$')} AS holds FROM rows", table)
    assert [row["holds"] for row in found] == [True, False, False, False, None]


def test_a_pattern_that_looks_around_is_refused() -> None:
    with pytest.raises(ValueError, match="looks around"):
        matches("code", "^(?!x).*$")


def test_literals_survive_quotes_and_zones() -> None:
    assert literal("d'or") == "'d''or'"
    there = datetime(2026, 2, 3, 9, 0, 0, 123_456, timezone(timedelta(hours=-6)))
    assert timestamp(there) == "TIMESTAMP '2026-02-03 15:00:00.123'"


def test_the_version_changes_with_any_rule() -> None:
    def with_first(states: str, severity: Severity) -> Expectations:
        first = Rule("points_in_range", states, severity, Words("why", "…"), Owner.PLATFORM)
        return Expectations(TWO.table, TWO.moment, (first, *TWO.rules[1:]))

    stricter = with_first("points > 1", POINTS.severity)
    milder = with_first(POINTS.holds, Severity.INFO)
    assert len({TWO.version, stricter.version, milder.version}) == 3
    assert re.fullmatch("[0-9a-f]{12}", TWO.version)


@pytest.mark.parametrize("expectations", EXPECTATIONS.values(), ids=EXPECTATIONS.keys())
def test_rule_names_are_columns_of_their_own(expectations: Expectations) -> None:
    names = [rule.name for rule in expectations.rules]
    assert len(set(names)) == len(names)
    assert all(re.fullmatch("[a-z][a-z0-9_]{1,62}", name) for name in names)
    assert not {"school_id", "row_count", "newest", "judged_at"} & set(names)


@pytest.mark.parametrize("expectations", EXPECTATIONS.values(), ids=EXPECTATIONS.keys())
def test_the_queries_are_far_below_what_athena_takes(expectations: Expectations) -> None:
    many = [f"school_{number}" for number in range(2_000)]
    assert len(gate_query("luca_landing.load_x", expectations, NOW)) < 20_000
    assert len(broken_rows_query("luca_landing.load_x", expectations, NOW, many)) < 262_144
