from __future__ import annotations

from expectations.holds import LOAD_RULES, held
from expectations.rules import NO_SCHOOL, Severity
from expectations.verdict import Verdict
from transforms.bilingual import Words

SEVERITIES = {"grave": Severity.CRITICAL, "other": Severity.CRITICAL, "light": Severity.WARNING}


def verdict(rows: dict[str, int], **broken: dict[str, int]) -> Verdict:
    return Verdict(rows, broken, SEVERITIES)


def test_a_clean_load_goes_on() -> None:
    assert held(verdict({"a": 5, "b": 5, "c": 5})) is None


def test_a_load_of_which_every_school_breaks_the_same_critical_rule_is_held() -> None:
    found = held(verdict({"a": 5, "b": 5, "c": 5}, grave={"a": 5, "b": 1, "c": 2}))
    assert found == Words(
        "a_school_passes: each of the 3 schools breaks grave, in 8 rows",
        "a_school_passes: cada una de las 3 escuelas incumple grave, en 8 filas",
    )


def test_one_school_that_passes_tells_that_the_others_are_at_fault() -> None:
    assert held(verdict({"a": 5, "b": 5, "c": 5, "d": 5}, grave={"a": 5, "b": 5, "c": 5})) is None


def test_each_school_with_a_fault_of_its_own_is_no_fault_of_ours() -> None:
    assert held(verdict({"a": 5, "b": 5, "c": 5}, grave={"a": 5, "b": 5}, other={"c": 5})) is None


def test_a_warning_holds_nothing() -> None:
    assert held(verdict({"a": 5, "b": 5, "c": 5}, light={"a": 5, "b": 5, "c": 5})) is None


def test_two_schools_are_too_few_to_tell() -> None:
    assert held(verdict({"a": 5, "b": 5}, grave={"a": 5, "b": 5})) is None


def test_rows_without_school_are_no_school_that_passes() -> None:
    rows = {"a": 500, "b": 500, "c": 500, NO_SCHOOL: 1}
    found = held(verdict(rows, grave={"a": 1, "b": 1, "c": 1}))
    assert str(found) == "a_school_passes: each of the 3 schools breaks grave, in 3 rows"


def test_a_few_rows_without_school_are_quarantined_many_hold_the_load() -> None:
    assert held(verdict({"a": 99, NO_SCHOOL: 1})) is None
    assert held(verdict({"a": 98, NO_SCHOOL: 2})) == Words(
        "rows_have_a_school: 2 of 100 rows name no school",
        "rows_have_a_school: 2 de 100 filas no nombran ninguna escuela",
    )
    assert held(verdict({"a": 1, NO_SCHOOL: 98})) is None, "99 rows are too few to speak of shares"


def test_both_reasons_are_told() -> None:
    rows = {"a": 50, "b": 50, "c": 50, NO_SCHOOL: 50}
    told = held(verdict(rows, grave={"a": 1, "b": 1, "c": 1}))
    assert told is not None
    for words in (told.en, told.es):
        assert [text.split(":")[0] for text in words.split("; ")] == [rule.name for rule in LOAD_RULES]
