from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.retention import lifecycle
from transforms.retention.cohorts import expires_on
from transforms.retention.lifecycle import LifecycleRule, Present, cohort_rules, fixed_rules, rules
from transforms.retention.registry import BUCKETS, PLACES
from transforms.students import GRADUATION_YEARS

LAKE = next(bucket for bucket in BUCKETS if bucket.name == "LAKE")
EVENTS = next(place for place in PLACES if place.keys == "lake/behavior_events/")
WEEKS = next(place for place in PLACES if place.keys.endswith("weekly_student_behavior/"))
TODAY = date(2026, 11, 24)


def expiry(found: Iterable[LifecycleRule], key: str) -> date | None:
    """When S3 removes an object by these rules: the earliest, as S3 decides."""
    days = [rule.date for rule in found if rule.date and key.startswith(rule.prefix)]
    return min(days) if days else None


def test_each_cohort_has_its_date_whatever_the_rules_are_called() -> None:
    found = rules(LAKE, TODAY, {})
    key = "lake/behavior_events/graduation_year=2029/year=2026/month=02/school_id=s/x.parquet"
    assert expiry(found, key) == date(2032, 1, 1)
    assert expiry(found, key.replace("behavior_events", "academic_changes")) == date(2032, 1, 1)
    week = "marts/luca_marts/weekly_student_behavior/graduation_year=2029/iso_week=2026-W06/x"
    assert expiry(found, week) == date(2032, 1, 1)


def test_rows_of_an_unknown_cohort_expire_by_their_own_year() -> None:
    found = rules(LAKE, TODAY, {})
    key = "lake/behavior_events/graduation_year=0/year=2026/month=02/school_id=s/x.parquet"
    assert expiry(found, key) == date(2029, 1, 1)
    week = "marts/luca_marts/weekly_student_behavior/graduation_year=0/iso_week=2026-W06/x"
    assert expiry(found, week) == date(2029, 1, 1)


@pytest.mark.parametrize("year", range(2026, 2101))
def test_no_cohort_is_forgotten_and_the_rules_stay_few_for_decades(year: int) -> None:
    for today in (date(year, 1, 1), date(year, 2, 28), date(year, 12, 31)):
        found = rules(LAKE, today, {})
        assert len(found) < 400
        assert len({rule.id for rule in found}) == len(found)
        for cohort in GRADUATION_YEARS:
            if cohort > year + lifecycle.YEARS_AHEAD:
                continue
            due = expiry(found, f"lake/behavior_events/graduation_year={cohort}/year=2026/x")
            assert due is not None
            # The rule of a whole decade may have a later date, when all of that is past.
            assert due == expires_on(cohort) or (expires_on(cohort) <= due <= today)


@pytest.mark.parametrize(
    ("today", "one_rule"), [(date(2031, 12, 31), False), (date(2032, 1, 1), True), (date(2032, 2, 29), True)]
)
def test_a_decade_becomes_one_rule_on_the_day_its_last_cohort_is_over(today: date, one_rule: bool) -> None:
    ids = {rule.id for rule in cohort_rules(EVENTS, today)}
    assert ("behavior_events-202x" in ids) is one_rule
    assert ("behavior_events-2029" in ids) is not one_rule


def test_new_years_bring_new_cohorts() -> None:
    before, after = (cohort_rules(EVENTS, day) for day in (date(2026, 12, 31), date(2027, 1, 1)))
    assert {rule.id for rule in after} - {rule.id for rule in before} == {
        "behavior_events-2047",
        "behavior_events-unknown-2028",
    }
    assert not {rule.id for rule in before} - {rule.id for rule in after}


def test_a_cohort_that_lies_there_beyond_all_that_is_plausible_has_a_rule() -> None:
    present = Present(frozenset({2099}), frozenset({2040}))
    found = cohort_rules(WEEKS, TODAY, present)
    mart = "marts/luca_marts/weekly_student_behavior/graduation_year="
    unknown = "weekly_student_behavior-unknown-2040"
    assert LifecycleRule("weekly_student_behavior-2099", f"{mart}2099/", date=date(2102, 1, 1)) in found
    assert LifecycleRule(unknown, f"{mart}0/iso_week=2040-", date=date(2043, 1, 1)) in found


@pytest.mark.property
@given(
    st.dates(date(2026, 1, 1), date(2090, 12, 31)), st.sets(st.sampled_from(GRADUATION_YEARS), max_size=30)
)
def test_rules_never_remove_a_cohort_before_its_time(today: date, present: set[int]) -> None:
    found = cohort_rules(EVENTS, today, Present(frozenset(present)))
    for cohort in present:
        due = expiry(found, f"lake/behavior_events/graduation_year={cohort}/year=2026/x")
        assert due is not None
        assert due >= expires_on(cohort)


def test_more_rules_than_s3_takes_are_refused_before_s3_does(monkeypatch: pytest.MonkeyPatch) -> None:
    many = tuple(replace(EVENTS, name=f"lake/t{n}", keys=f"lake/t{n}/") for n in range(30))
    monkeypatch.setattr(lifecycle, "PLACES", many)
    with pytest.raises(lifecycle.TooManyRulesError, match="bucket LAKE needs"):
        rules(LAKE, TODAY, {})


@pytest.mark.parametrize("rule", rules(LAKE, TODAY, {}) + fixed_rules(BUCKETS[0]), ids=lambda rule: rule.id)
def test_a_rule_read_back_is_the_same(rule: LifecycleRule) -> None:
    told = rule.request()
    if rule.date is not None:  # boto3 gives datetimes
        midnight = datetime.combine(rule.date, datetime.min.time(), UTC)
        told["Expiration"] = {"Date": midnight}
    assert LifecycleRule.read(told) == rule
    assert LifecycleRule.read(rule.request()) == rule


def test_what_a_hand_added_to_a_rule_is_not_overlooked() -> None:
    rule = cohort_rules(EVENTS, TODAY)[5]
    moved = {**rule.request(), "Transitions": [{"Days": 30, "StorageClass": "GLACIER"}]}
    assert LifecycleRule.read(moved) != rule
    tagged = {
        **rule.request(),
        "Filter": {"And": {"Prefix": rule.prefix, "Tags": [{"Key": "a", "Value": "b"}]}},
    }
    assert LifecycleRule.read(tagged) != rule
    assert LifecycleRule.read({**rule.request(), "Status": "Disabled"}) != rule
    late = rule.date + timedelta(days=1) if rule.date else TODAY
    assert LifecycleRule.read({**rule.request(), "Expiration": {"Date": f"{late}T00:00:00Z"}}) != rule
