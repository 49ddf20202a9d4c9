from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest
from moto import mock_aws
from moto.s3.models import s3_backends

from infra.local.expiry import UnplayedRuleError, expire

NOW = datetime.now(UTC)
OLD_VERSIONS = {
    "ID": "old-versions",
    "Status": "Enabled",
    "Filter": {"Prefix": ""},
    "Expiration": {"ExpiredObjectDeleteMarker": True},
    "NoncurrentVersionExpiration": {"NoncurrentDays": 7},
}


def rule(prefix: str, **changes: Any) -> dict[str, Any]:
    return {"ID": prefix, "Status": "Enabled", "Filter": {"Prefix": prefix}, **changes}


def dated(prefix: str, day: str) -> dict[str, Any]:
    return rule(prefix, Expiration={"Date": f"{day}T00:00:00Z"})


@pytest.fixture(scope="module")
def moto() -> Iterator[Any]:
    """A client of S3, played by moto: one for all tests, since making one takes a second."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "test")
        for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
            patch.delenv(name, raising=False)
        with mock_aws():
            yield boto3.client("s3", region_name="us-east-1")


@pytest.fixture
def s3(moto: Any) -> Any:
    """An empty versioned bucket, `lake`, and nothing else."""
    s3_backends["123456789012"]["aws"].reset()
    moto.create_bucket(Bucket="lake")
    moto.put_bucket_versioning(Bucket="lake", VersioningConfiguration={"Status": "Enabled"})
    return moto


def put(s3: Any, *keys: str, rules: list[dict[str, Any]]) -> None:
    for key in keys:
        s3.put_object(Bucket="lake", Key=key, Body=key.encode())
    s3.put_bucket_lifecycle_configuration(Bucket="lake", LifecycleConfiguration={"Rules": rules})


def current(s3: Any) -> list[str]:
    return [each["Key"] for each in s3.list_objects_v2(Bucket="lake").get("Contents", [])]


def versions(s3: Any) -> int:
    found = s3.list_object_versions(Bucket="lake")
    return len(found.get("Versions", [])) + len(found.get("DeleteMarkers", []))


def moment(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}T00:00:00+00:00")


def test_a_cohort_goes_on_its_day_and_its_last_version_a_week_later(s3: Any) -> None:
    rules = [OLD_VERSIONS, dated("year=2029/", "2032-01-01"), dated("year=2030/", "2033-01-01")]
    put(s3, "year=2029/a", "year=2030/b", "other/c", rules=rules)
    assert not expire(s3, moment("2031-12-31"), ["lake"])
    assert expire(s3, moment("2032-01-01"), ["lake"]) == Counter({"lake: expired": 1})
    assert current(s3) == ["other/c", "year=2030/b"]
    assert not expire(s3, moment("2032-01-07"), ["lake"])  # it could still be restored
    done = expire(s3, moment("2032-01-08"), ["lake"])
    assert done == Counter({"lake: removed version": 1, "lake: removed marker": 1})
    assert versions(s3) == 2


def test_what_is_long_over_is_removed_at_once_with_its_versions(s3: Any) -> None:
    put(s3, "year=2029/a", rules=[OLD_VERSIONS, dated("year=2029/", "2032-01-01")])
    assert expire(s3, moment("2040-01-01"), ["lake"]) == Counter({"lake: removed version": 1})
    assert versions(s3) == 0


def test_an_age_counts_whole_days_up_to_the_next_midnight(s3: Any) -> None:
    put(s3, "quarantine/a", rules=[rule("quarantine/", Expiration={"Days": 90})])
    due = (NOW + timedelta(days=91)).replace(hour=0, minute=0, second=0, microsecond=0)
    assert not expire(s3, due - timedelta(seconds=1), ["lake"])
    assert expire(s3, due, ["lake"]) == Counter({"lake: expired": 1})


def test_a_replaced_version_goes_and_the_current_one_stays(s3: Any) -> None:
    put(s3, "a", "a", rules=[OLD_VERSIONS])
    assert not expire(s3, NOW + timedelta(days=7), ["lake"])
    assert expire(s3, NOW + timedelta(days=9), ["lake"]) == Counter({"lake: removed version": 1})
    assert s3.get_object(Bucket="lake", Key="a")["Body"].read() == b"a"


def test_what_a_hand_deleted_counts_from_then_and_not_from_the_rule(s3: Any) -> None:
    put(s3, "year=2029/a", rules=[OLD_VERSIONS, dated("year=2029/", "2032-01-01")])
    s3.delete_object(Bucket="lake", Key="year=2029/a")
    done = expire(s3, NOW + timedelta(days=9), ["lake"])
    assert done == Counter({"lake: removed version": 1, "lake: removed marker": 1})


def test_without_versions_an_expired_object_is_gone(s3: Any) -> None:
    s3.create_bucket(Bucket="plain")
    s3.put_object(Bucket="plain", Key="a", Body=b"")
    s3.put_bucket_lifecycle_configuration(
        Bucket="plain", LifecycleConfiguration={"Rules": [dated("", "2032-01-01")]}
    )
    assert expire(s3, moment("2032-01-01"), ["plain"]) == Counter({"plain: removed version": 1})


def test_a_rule_that_is_disabled_and_a_bucket_without_rules_remove_nothing(s3: Any) -> None:
    off = {**dated("", "2032-01-01"), "Status": "Disabled"}
    put(s3, "a", rules=[off])
    s3.create_bucket(Bucket="plain")
    assert not expire(s3, moment("2040-01-01"), ["lake", "plain"])


def test_an_upload_that_nobody_finished_is_aborted(s3: Any) -> None:
    s3.create_multipart_upload(Bucket="lake", Key="big")
    put(s3, rules=[rule("", AbortIncompleteMultipartUpload={"DaysAfterInitiation": 2})])
    begun = s3.list_multipart_uploads(Bucket="lake")["Uploads"][0]["Initiated"]
    assert not expire(s3, begun + timedelta(days=2), ["lake"])
    assert expire(s3, begun + timedelta(days=3), ["lake"]) == Counter({"lake: aborted upload": 1})
    assert not s3.list_multipart_uploads(Bucket="lake").get("Uploads")


def test_a_rule_that_is_not_played_is_an_error_and_not_a_silence(s3: Any) -> None:
    moves = rule("a/", Transitions=[{"Days": 30, "StorageClass": "GLACIER"}])
    put(s3, "a/b", rules=[moves])
    with pytest.raises(UnplayedRuleError, match="rule 'a/' has"):
        expire(s3, moment("2040-01-01"), ["lake"])
