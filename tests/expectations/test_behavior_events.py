from __future__ import annotations

import uuid
from datetime import date, datetime
from typing import Any

import pytest

from expectations.behavior_events import BEHAVIOR_EVENTS
from expectations.rules import NO_SCHOOL
from transforms.events import EVENT_TYPES, POLARITIES, STATUSES

GOOD = {
    "event_id": "0198c5a4-7f3e-7c11-9d7e-2f6d1c0b7a55",
    "school_id": "school_1",
    "student_key": "0123456789abcdef0123456789abcdef",
    "teacher_key": "fedcba9876543210fedcba9876543210",
    "pseudonym_version": 1,
    "graduation_year": 2029,
    "event_type": "participation",
    "status": None,
    "polarity": None,
    "subject": "matematicas",
    "class_id": "3B",
    "points": 2,
    "points_version": 1,
    "occurred_at": datetime(2026, 2, 3, 3, 15),
    "received_at": datetime(2026, 2, 3, 3, 15, 3),
    "local_date": date(2026, 2, 2),
    "utc_offset_minutes": -360,
    "correlation_id": "0198c5a4-7f3e-7c11-9d7e-2f6d1c0b7a56",
    "contract_version": 1,
}

# The rule, and what to change in a good row to break it and no other.
BREACHES: list[tuple[str, dict[str, Any]]] = [
    ("event_id_shape", {"event_id": None}),
    ("event_id_shape", {"event_id": "student_456"}),
    ("event_id_shape", {"event_id": GOOD["event_id"] + "\n"}),
    ("student_key_shape", {"student_key": None}),
    ("student_key_shape", {"student_key": "student_456"}),
    ("student_key_shape", {"student_key": "0123456789ABCDEF0123456789ABCDEF"}),
    ("student_key_shape", {"student_key": "0123456789abcdef0123456789abcdef0"}),
    ("teacher_key_shape", {"teacher_key": "Ana"}),
    ("pseudonym_version_positive", {"pseudonym_version": 0}),
    ("pseudonym_version_positive", {"pseudonym_version": None}),
    ("cohort_plausible", {"graduation_year": 1989}),
    ("cohort_plausible", {"graduation_year": 2101}),
    ("cohort_plausible", {"graduation_year": -1}),
    ("cohort_plausible", {"graduation_year": None}),
    ("cohort_known", {"graduation_year": 0}),
    ("event_type_known", {"event_type": "dance"}),
    ("event_type_known", {"event_type": None}),
    ("status_known", {"event_type": "attendance", "status": "asleep"}),
    ("status_of_attendance_only", {"event_type": "attendance", "status": None}),
    ("status_of_attendance_only", {"status": "late"}),
    ("polarity_known", {"event_type": "conduct", "polarity": "sideways"}),
    ("polarity_of_conduct_only", {"event_type": "conduct", "polarity": None}),
    ("polarity_of_conduct_only", {"polarity": "positive"}),
    ("subject_code", {"subject": "le pegó a su compañero"}),
    ("subject_code", {"subject": ""}),
    ("subject_code", {"subject": "ana@example.com"}),
    ("class_code", {"class_id": "x" * 65}),
    ("no_raw_identifier", {"class_id": "student_456"}),
    ("no_raw_identifier", {"subject": "5512345678"}),
    ("no_raw_identifier", {"subject": "GOMC110912HDFRRL04"}),
    ("no_raw_identifier", {"class_id": "Alumna-12"}),
    ("points_in_range", {"points": 101}),
    ("points_in_range", {"points": -101}),
    ("points_in_range", {"points": None}),
    ("points_version_positive", {"points_version": 0}),
    ("occurred_at_plausible", {"occurred_at": None}),
    (
        "occurred_at_plausible",
        {"occurred_at": datetime(1999, 12, 31, 23, 59), "local_date": date(1999, 12, 31)},
    ),
    (
        "occurred_within_records_kept",
        {"occurred_at": datetime(2024, 12, 30, 3, 14, 59), "local_date": date(2024, 12, 29)},
    ),
    ("received_at_present", {"received_at": None}),
    ("fresh", {"received_at": datetime(2026, 2, 2, 12, 59), "occurred_at": datetime(2026, 2, 2, 12, 58)}),
    ("received_after_occurred", {"received_at": datetime(2026, 2, 3, 3, 9, 59)}),
    ("not_in_the_future", {"received_at": datetime(2026, 2, 3, 15, 10, 1)}),
    (
        "not_in_the_future",
        {
            "occurred_at": datetime(2026, 2, 3, 15, 12),
            "received_at": datetime(2026, 2, 3, 15, 12),
            "local_date": date(2026, 2, 3),
        },
    ),
    ("utc_offset_plausible", {"utc_offset_minutes": 841, "local_date": date(2026, 2, 3)}),
    ("utc_offset_plausible", {"utc_offset_minutes": None}),
    ("local_date_agrees", {"local_date": date(2026, 2, 3)}),
    ("local_date_agrees", {"local_date": None}),
    ("correlation_id_shape", {"correlation_id": "Ana María"}),
    ("correlation_id_shape", {"correlation_id": None}),
    ("contract_version_known", {"contract_version": 2}),
    ("contract_version_known", {"contract_version": None}),
]

GOODS: list[dict[str, Any]] = [
    {},
    {"teacher_key": None, "subject": None, "class_id": None},
    {"graduation_year": 1990},
    {"graduation_year": 2100},
    {"points": 100},
    {"points": -100},
    {"points": 0},
    {"event_id": GOOD["event_id"].upper()},
    {"received_at": datetime(2026, 2, 3, 3, 10)},
    {"received_at": datetime(2026, 2, 2, 13), "occurred_at": datetime(2026, 2, 2, 13)},
    {"occurred_at": datetime(2024, 12, 30, 3, 15, 3), "local_date": date(2024, 12, 29)},
    {"received_at": datetime(2026, 2, 3, 15, 10)},
    {"utc_offset_minutes": 840, "local_date": date(2026, 2, 3)},
    {"subject": "2026-02-03"},
    {"subject": "20260203"},
    {"class_id": "estudiantes"},
    *({"event_type": kind} for kind in EVENT_TYPES if kind not in ("attendance", "conduct")),
    *({"event_type": "attendance", "status": status} for status in STATUSES),
    *({"event_type": "conduct", "polarity": polarity} for polarity in POLARITIES),
]


def test_each_breach_breaks_its_rule_and_no_other(broken_by: Any) -> None:
    rows = [
        {**GOOD, **changes, "school_id": f"breach_{number}"} for number, (_, changes) in enumerate(BREACHES)
    ]
    found = broken_by(BEHAVIOR_EVENTS, rows)
    assert found == {f"breach_{number}": {rule} for number, (rule, _) in enumerate(BREACHES)}


def test_good_rows_break_nothing(broken_by: Any) -> None:
    rows = [{**GOOD, **changes, "school_id": f"good_{number}"} for number, changes in enumerate(GOODS)]
    assert broken_by(BEHAVIOR_EVENTS, rows) == {f"good_{number}": set() for number in range(len(GOODS))}


def test_a_malformed_school_breaks_its_rule_and_is_nobodys(broken_by: Any) -> None:
    found = broken_by(BEHAVIOR_EVENTS, [{**GOOD, "school_id": "Colegio Ana"}, GOOD])
    assert found == {NO_SCHOOL: {"school_id_shape"}, "school_1": set()}


def test_copies_are_counted_within_their_school(broken_by: Any) -> None:
    found = broken_by(BEHAVIOR_EVENTS, [GOOD, GOOD, {**GOOD, "school_id": "school_2"}])
    assert found == {"school_1": {"event_id_unique"}, "school_2": set()}


SHARES = [
    # what every n-th of a hundred rows is, the rule, and of how many rows it tells
    ("cohort_known_of_most", {"graduation_year": 0}, "cohort_known", 5),
    ("event_id_unique_of_most", {"event_id": GOOD["event_id"]}, "event_id_unique", 10),
]


@pytest.mark.parametrize(("rule", "changes", "counted", "most"), SHARES)
def test_a_share_is_borne_up_to_its_bound(
    count_by: Any, rule: str, changes: dict[str, Any], counted: str, most: int
) -> None:
    def rows(school: str, good: int, odd: int) -> list[dict[str, Any]]:
        ids = [{"event_id": str(uuid.UUID(int=number))} for number in range(good + odd)]
        # One copy needs an original: of rows with one id, all but one are copies.
        odd += counted == "event_id_unique"
        return [
            {**GOOD, "school_id": school, **own, **(changes if number < odd else {})}
            for number, own in enumerate(ids)
        ]

    found = count_by(
        BEHAVIOR_EVENTS,
        [*rows("just", 100 - most, most), *rows("above", 99 - most, most + 1), *rows("few", 50, 49)],
    )
    assert found == {
        "just": {counted: most},
        "above": {counted: most + 1, rule: most + 1},
        "few": {counted: 49},
    }


def test_a_stale_school_is_told_with_all_its_rows(count_by: Any) -> None:
    old = {"received_at": datetime(2026, 2, 2, 12, 59), "occurred_at": datetime(2026, 2, 2, 12)}
    older = {"received_at": datetime(2026, 2, 1, 12), "occurred_at": datetime(2026, 2, 1, 12)}
    days = [{**old, "local_date": date(2026, 2, 2)}, {**older, "local_date": date(2026, 2, 1)}]
    rows = [{**GOOD, **day, "event_id": str(uuid.UUID(int=number))} for number, day in enumerate(days)]
    mixed = [{**row, "school_id": "mixed"} for row in (*rows, GOOD)]
    assert count_by(BEHAVIOR_EVENTS, [*rows, *mixed]) == {"school_1": {"fresh": 2}, "mixed": {}}


def test_every_rule_has_a_breach() -> None:
    proven = {rule for rule, _ in BREACHES} | {"school_id_shape", "event_id_unique"}
    proven |= {rule for rule, *_ in SHARES}
    assert proven == {rule.name for rule in BEHAVIOR_EVENTS.rules}
