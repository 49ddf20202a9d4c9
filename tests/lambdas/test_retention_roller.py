from __future__ import annotations

from datetime import date
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from adapters.aws import client
from adapters.lifecycle import cohorts_present, rules_in_force
from lambdas import retention_roller
from lambdas.retention_roller import handler
from transforms.retention.lifecycle import LifecycleRule, fixed_rules
from transforms.retention.registry import BUCKETS, PLACES

CONTEXT = SimpleNamespace(
    function_name="luca-retention-roller",
    memory_limit_in_mb=512,
    invoked_function_arn="arn:aws:lambda:us-east-1:0:function:luca-retention-roller",
    aws_request_id="1",
)
LAKE = next(bucket for bucket in BUCKETS if bucket.name == "LAKE")
TODAY = date(2026, 11, 24)


@pytest.fixture(autouse=True)
def buckets(store: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """The four buckets, with the rules of their template."""
    monkeypatch.setattr(retention_roller, "_today", lambda: TODAY)
    s3 = boto3.client("s3")
    for bucket in BUCKETS:
        name = f"luca-{bucket.name.lower()}"
        monkeypatch.setenv(f"LUCA_{bucket.name}_BUCKET", name)
        s3.create_bucket(Bucket=name)
        s3.put_bucket_lifecycle_configuration(
            Bucket=name, LifecycleConfiguration={"Rules": [rule.request() for rule in fixed_rules(bucket)]}
        )


def roll(**order: Any) -> dict[str, Any]:
    told: dict[str, Any] = handler(order, CONTEXT)
    return told


def lake_rules() -> dict[str, LifecycleRule]:
    return {rule.id: rule for rule in rules_in_force(LAKE)}


def test_the_cohorts_come_beside_the_rules_of_the_template() -> None:
    told = roll()
    assert told["LAKE"]["missing"]
    assert told["LANDING"] == {"rules": 3, "missing": [], "changed": [], "foreign": []}
    found = lake_rules()
    assert {"unfinished-uploads", "old-versions", "quarantine"} <= set(found)
    assert found["behavior_events-2029"].date == date(2032, 1, 1)
    assert len(found) == told["LAKE"]["rules"]


def test_a_second_roll_changes_nothing() -> None:
    roll()
    assert all(not bucket[what] for bucket in roll().values() for what in ("missing", "changed", "foreign"))


def test_a_dry_run_tells_and_leaves() -> None:
    assert roll(dry_run=True)["LAKE"]["missing"]
    assert set(lake_rules()) == {rule.id for rule in fixed_rules(LAKE)}


@pytest.mark.fault
def test_a_rule_that_a_hand_changed_removed_or_added_is_put_right() -> None:
    roll()
    good = lake_rules()
    changed = [rule for rule in good.values() if rule.id != "behavior_events-2031"]
    hand = LifecycleRule("behavior_events-2029", "lake/behavior_events/graduation_year=2029/", days=1)
    changed = [hand if rule.id == hand.id else rule for rule in changed]
    changed.append(LifecycleRule("tidy-up", "lake/", days=10))
    client("s3").put_bucket_lifecycle_configuration(
        Bucket="luca-lake", LifecycleConfiguration={"Rules": [rule.request() for rule in changed]}
    )
    told = roll()["LAKE"]
    assert told["missing"] == ["behavior_events-2031"]
    assert told["changed"] == ["behavior_events-2029"]
    assert told["foreign"] == ["tidy-up"]
    assert lake_rules() == good


@pytest.mark.fault
def test_a_bucket_that_lost_all_its_rules_has_them_again() -> None:
    client("s3").delete_bucket_lifecycle(Bucket="luca-lake")
    assert rules_in_force(LAKE) == []
    roll()
    assert {"old-versions", "behavior_events-2029"} <= set(lake_rules())


def test_a_cohort_that_came_has_a_rule_the_next_day() -> None:
    for key in (
        "lake/behavior_events/graduation_year=2077/year=2026/month=02/school_id=s/x.parquet",
        "lake/academic_changes/graduation_year=0/year=2035/month=02/school_id=s/x.parquet",
        "marts/luca_marts/weekly_student_behavior/graduation_year=0/iso_week=2036-W06/x",
        "lake/academic_changes/graduation_year=0/year=__HIVE_DEFAULT_PARTITION__/x.parquet",
    ):
        client("s3").put_object(Bucket="luca-lake", Key=key, Body=b"")
    events = next(place for place in PLACES if place.keys == "lake/behavior_events/")
    assert cohorts_present(events).cohorts == {2077}
    roll()
    found = lake_rules()
    assert found["behavior_events-2077"].date == date(2080, 1, 1)
    assert found["academic_changes-unknown-2035"].date == date(2038, 1, 1)
    assert found["weekly_student_behavior-unknown-2036"].date == date(2039, 1, 1)


@pytest.mark.fault
@pytest.mark.parametrize("wrong", ["1999-01-01", "2028-02-29", "2099-12-31"])
def test_a_clock_that_is_wrong_removes_nothing_early(wrong: str) -> None:
    client("s3").put_object(
        Bucket="luca-lake", Key="lake/behavior_events/graduation_year=2029/year=2026/x", Body=b""
    )
    roll(as_of=wrong)
    key = "lake/behavior_events/graduation_year=2029/year=2026/x"
    dates = [rule.date for rule in lake_rules().values() if rule.date and key.startswith(rule.prefix)]
    assert dates
    assert min(dates) >= date(2032, 1, 1)


@pytest.mark.fault
def test_a_roll_that_failed_half_way_is_finished_by_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LUCA_REPORTS_BUCKET", "nobody-made-this")
    with pytest.raises(ClientError, match="NoSuchBucket"):
        roll()
    monkeypatch.setenv("LUCA_REPORTS_BUCKET", "luca-reports")
    roll()
    assert "behavior_events-2029" in lake_rules()
