"""Each rule's SQL against the same rule in Python, written from its words and not from its SQL."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from expectations.academic_changes import ACADEMIC_CHANGES
from expectations.behavior_events import BEHAVIOR_EVENTS
from expectations.rules import Expectations, timestamp
from tests.expectations.conftest import JUDGED_AT
from tests.expectations.test_academic_changes import COHORT, EVALUATION, GRADE
from tests.expectations.test_behavior_events import GOOD

Row = dict[str, Any]
Oracle = dict[str, Callable[[Row], bool]]

NOW = JUDGED_AT.replace(tzinfo=None)
DIGITS, LOWER = "0123456789", "abcdefghijklmnopqrstuvwxyz"
PERSONS = ("student", "teacher", "alumno", "alumna", "estudiante", "profesor", "profesora", "docente")
WORD_CHARACTERS = DIGITS + LOWER + LOWER.upper() + "_-"


def made_of(text: str | None, characters: str, least: int, most: int) -> bool:
    return text is not None and least <= len(text) <= most and all(char in characters for char in text)


def code(text: str | None) -> bool:
    return made_of(text, WORD_CHARACTERS, 1, 64)


def pseudonym(text: str | None) -> bool:
    return made_of(text, DIGITS + "abcdef", 32, 32)


def uuid_text(text: str | None) -> bool:
    parts = (text or "").split("-")
    return [len(part) for part in parts] == [8, 4, 4, 4, 12] and all(
        made_of(part, DIGITS + "abcdefABCDEF", 1, 12) for part in parts
    )


def identifies(text: str | None) -> bool:
    """A run of nine digits, a CURP or RFC, or a word for a person with a number."""
    text = (text or "").lower()
    for start in range(len(text)):
        rest = text[start:]
        if made_of(rest[:9], DIGITS, 9, 9):
            return True
        tax = (rest[:4], rest[4:10], rest[10:13])
        if (
            made_of(tax[0], LOWER, 4, 4)
            and made_of(tax[1], DIGITS, 6, 6)
            and made_of(tax[2], DIGITS + LOWER, 3, 3)
        ):
            return True
        for word in PERSONS:
            after = rest.removeprefix(word)
            if after != rest and after[after[:1] in ("_", "-") :][:1] in tuple(DIGITS):
                return True
    return False


def within(number: Any, low: int, high: int | None = None, *, empty: bool = False) -> bool:
    if number is None:
        return empty
    return bool(low <= number and (high is None or number <= high))


def empty_or(column: str, holds: Callable[[str | None], bool]) -> Callable[[Row], bool]:
    return lambda row: row[column] is None or holds(row[column])


def local_date_agrees(row: Row) -> bool:
    if row["local_date"] is None:
        return False
    if row["occurred_at"] is None or row["utc_offset_minutes"] is None:
        return True
    return bool(row["local_date"] == local_date(row["occurred_at"], row["utc_offset_minutes"]))


def local_date(moment: datetime, offset: int) -> date | None:
    """None where it is no date that Python knows, so no row's."""
    try:
        return (moment + timedelta(minutes=offset)).date()
    except OverflowError:
        return None


def in_the_past(*moments: datetime | None) -> bool:
    """None of them is more than ten minutes ahead; one that is missing leaves the others unjudged."""
    known = [moment for moment in moments if moment is not None]
    return len(known) < len(moments) or max(known) <= NOW + timedelta(minutes=10)


SHARED: Oracle = {
    "school_id_shape": lambda row: code(row["school_id"]),
    "student_key_shape": lambda row: pseudonym(row["student_key"]),
    "teacher_key_shape": empty_or("teacher_key", pseudonym),
    "pseudonym_version_positive": lambda row: within(row["pseudonym_version"], 1),
    "cohort_plausible": lambda row: row["graduation_year"] == 0 or within(row["graduation_year"], 1990, 2100),
    "cohort_known": lambda row: row["graduation_year"] != 0,
    "subject_code": empty_or("subject", code),
}
OF_EVENTS: Oracle = {
    **SHARED,
    "event_id_shape": lambda row: uuid_text(row["event_id"]),
    "event_type_known": lambda row: (
        row["event_type"]
        in (
            *("attendance", "participation", "conduct", "help_request"),
            *("activity_completed", "class_response", "assignment_submitted"),
        )
    ),
    "status_known": lambda row: row["status"] in (None, "present", "late", "absent", "excused"),
    "status_of_attendance_only": lambda row: (
        (row["event_type"] == "attendance") == (row["status"] is not None)
    ),
    "polarity_known": lambda row: row["polarity"] in (None, "positive", "neutral", "negative"),
    "polarity_of_conduct_only": lambda row: (row["event_type"] == "conduct") == (row["polarity"] is not None),
    "class_code": empty_or("class_id", code),
    "no_raw_identifier": lambda row: not (identifies(row["subject"]) or identifies(row["class_id"])),
    "points_in_range": lambda row: within(row["points"], -100, 100),
    "points_version_positive": lambda row: within(row["points_version"], 1),
    "occurred_at_plausible": lambda row: row["occurred_at"] is not None and row["occurred_at"].year >= 2000,
    "occurred_within_records_kept": lambda row: (
        None in (row["occurred_at"], row["received_at"])
        or row["occurred_at"].year < 2000
        or row["received_at"] - row["occurred_at"] <= timedelta(days=400)
    ),
    "received_at_present": lambda row: row["received_at"] is not None,
    "received_after_occurred": lambda row: (
        None in (row["occurred_at"], row["received_at"])
        or row["occurred_at"] - row["received_at"] <= timedelta(minutes=5)
    ),
    "not_in_the_future": lambda row: in_the_past(row["occurred_at"], row["received_at"]),
    "utc_offset_plausible": lambda row: within(row["utc_offset_minutes"], -720, 840),
    "local_date_agrees": local_date_agrees,
    "correlation_id_shape": lambda row: uuid_text(row["correlation_id"]),
    "contract_version_known": lambda row: within(row["contract_version"], 1, 1),
}
OF_CHANGES: Oracle = {
    **SHARED,
    "change_id_shape": lambda row: made_of(row["change_id"], WORD_CHARACTERS, 8, 128),
    "change_type_known": lambda row: row["change_type"] in ("evaluation", "grade", "cohort"),
    "operation_known": lambda row: row["operation"] in ("insert", "modify", "delete"),
    "previous_cohort_plausible": lambda row: within(row["previous_graduation_year"], 1990, 2100, empty=True),
    "previous_cohort_of_cohort_only": lambda row: (
        row["previous_graduation_year"] is None or row["change_type"] == "cohort"
    ),
    "period_code": empty_or("period", code),
    "evaluation_type_code": empty_or("evaluation_type", code),
    "no_raw_identifier": lambda row: (
        not any(identifies(row[name]) for name in ("subject", "period", "evaluation_type"))
    ),
    "subject_and_period_of_scores": lambda row: (
        (row["change_type"] in ("evaluation", "grade")) == (None not in (row["subject"], row["period"]))
    ),
    "evaluation_key_shape": empty_or("evaluation_key", pseudonym),
    "evaluation_key_of_evaluation_only": lambda row: (
        (row["change_type"] == "evaluation") == (row["evaluation_key"] is not None)
    ),
    "score_of_scores_only": lambda row: (
        (row["change_type"] in ("evaluation", "grade")) == (row["score"] is not None)
    ),
    "score_in_range": lambda row: within(row["score"], 0, 100, empty=True),
    "evaluations_count_positive": lambda row: within(row["evaluations_count"], 1, empty=True),
    "evaluations_count_of_grade_only": lambda row: (
        (row["change_type"] == "grade") == (row["evaluations_count"] is not None)
    ),
    "version_positive": lambda row: within(row["version"], 1, empty=True),
    "rules_version_positive": lambda row: within(row["rules_version"], 1, empty=True),
    "changed_at_plausible": lambda row: row["changed_at"] is not None and row["changed_at"].year >= 2000,
    "not_in_the_future": lambda row: in_the_past(row["changed_at"]),
    "local_date_plausible": lambda row: (
        row["local_date"] is not None
        and date(2000, 1, 1) <= row["local_date"] <= (NOW + timedelta(days=400)).date()
    ),
    "correlation_id_shape": empty_or("correlation_id", uuid_text),
    "contract_version_known": lambda row: within(row["contract_version"], 1, 1, empty=True),
}

TELLING = (
    *("", "3B", "matematicas", "Ana María", "le pegó", "a@b.mx", "x" * 64, "x" * 65, "a\n", "\n", "ñandu"),
    *("12345678", "123456789", "x123456789", "GOMC110912HDFRRL04", "gomc110912ab", "gomc110912abc"),
    *("student_456", "Alumna-12", "alumnos", "profesor7", "profesora_7", "docente--1", "estudiantes"),
    *("0123456789abcdef0123456789abcdef", "0123456789ABCDEF0123456789abcdef", "0123456789abcdef" * 2 + "0"),
    *("0198c5a4-7f3e-7c11-9d7e-2f6d1c0b7a55", "0198C5A4-7F3E-7C11-9D7E-2F6D1C0B7A55"),
    *("0198c5a4-7f3e-7c11-9d7e-2f6d1c0b7a55\n", "0198c5a47f3e7c119d7e2f6d1c0b7a55", "evaluation", "cohort"),
    *("attendance", "conduct", "homework", "dance", "late", "positive", "Late", "grade", "insert", "delete"),
)
TEXTS = st.sampled_from(TELLING) | st.text("aZ019_-@ñ \n'%", max_size=14)
NUMBERS = st.sampled_from((-721, -720, -101, -100, -1, 0, 1, 2, 100, 101, 840, 841)) | st.sampled_from(
    (1989, 1990, 2029, 2100, 2101, -(2**31), 2**31 - 1)
)
DAYS = st.sampled_from((timedelta(), timedelta(days=400), timedelta(minutes=10), timedelta(minutes=5)))
MOMENTS = st.builds(
    lambda base, way, days, off: base + way * days + off,
    st.sampled_from((NOW, GOOD["occurred_at"], datetime(2000, 1, 1), datetime(2026, 2, 4))),
    st.sampled_from((-1, 1)),
    DAYS,
    st.sampled_from((timedelta(), timedelta(milliseconds=1), timedelta(milliseconds=-1))),
)
OF_TYPE: dict[pa.DataType, st.SearchStrategy[Any]] = {
    pa.string(): TEXTS,
    pa.int32(): NUMBERS,
    pa.timestamp("ms"): MOMENTS,
    pa.date32(): MOMENTS.map(datetime.date),
}
SCORES = st.sampled_from([Decimal(text) for text in ("-0.001", "0", "0.001", "99.999", "100", "100.001")])


def rows_of(expectations: Expectations, *good: Row) -> st.SearchStrategy[list[Row]]:
    """Good rows in which some columns are empty or have a value that is telling for their type."""
    changes = st.fixed_dictionaries(
        {}, optional={name: st.none() | _values(type_) for name, type_ in _types(expectations).items()}
    )
    changed = st.builds(lambda row, change: {**row, **change}, st.sampled_from(good), changes)
    mended = changed.map(_dated) if "occurred_at" in good[0] else changed
    return st.lists(changed | mended, min_size=1, max_size=12)


def _types(expectations: Expectations) -> dict[str, pa.DataType]:
    return {column.name: column.type for column in expectations.table.columns}


def _values(type_: pa.DataType) -> st.SearchStrategy[Any]:
    return SCORES if pa.types.is_decimal(type_) else OF_TYPE[type_]


def _dated(row: Row) -> Row:
    """Its date is the one of its moment, so that hours before and after midnight are tried."""
    moment, offset = row["occurred_at"], row["utc_offset_minutes"]
    return row if moment is None or offset is None else {**row, "local_date": local_date(moment, offset)}


def agree(ask: Any, expectations: Expectations, oracle: Oracle, rows: list[Row]) -> None:
    """The SQL of every rule and its oracle say the same of each row; one query for all of them."""
    table = pa.Table.from_pylist(rows, expectations.table.landing_schema)
    verdicts = ", ".join(f"{rule.broken} AS {rule.name}" for rule in expectations.row_rules)
    found = ask(f"SELECT {verdicts} FROM (SELECT *, {timestamp(JUDGED_AT)} AS judged_at FROM rows)", table)
    assert len(found) == len(rows)
    for row, broken in zip(rows, found, strict=True):
        assert broken == {name: not oracle[name](row) for name in broken}, row


@pytest.mark.parametrize(
    ("expectations", "oracle"), [(BEHAVIOR_EVENTS, OF_EVENTS), (ACADEMIC_CHANGES, OF_CHANGES)]
)
def test_every_rule_of_a_row_has_an_oracle(expectations: Expectations, oracle: Oracle) -> None:
    assert set(oracle) == {rule.name for rule in expectations.row_rules}


@pytest.mark.property
@settings(max_examples=20, deadline=None)
@given(rows=rows_of(BEHAVIOR_EVENTS, GOOD, {**GOOD, "event_type": "attendance", "status": "late"}))
def test_the_rules_of_events_say_what_their_words_say(ask: Any, rows: list[Row]) -> None:
    agree(ask, BEHAVIOR_EVENTS, OF_EVENTS, rows)


@pytest.mark.property
@settings(max_examples=20, deadline=None)
@given(rows=rows_of(ACADEMIC_CHANGES, EVALUATION, GRADE, COHORT))
def test_the_rules_of_changes_say_what_their_words_say(ask: Any, rows: list[Row]) -> None:
    agree(ask, ACADEMIC_CHANGES, OF_CHANGES, rows)
