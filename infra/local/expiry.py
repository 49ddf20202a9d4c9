"""S3 Lifecycle on one machine: what AWS would have removed by a given day, removed when asked.

https://docs.aws.amazon.com/AmazonS3/latest/userguide/lifecycle-expire-general-considerations.html
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby, pairwise
from typing import Any

from botocore.exceptions import ClientError

DELETES_A_CALL = 1000  # DeleteObjects' limit


class UnplayedRuleError(ValueError):
    """A rule says something that is not played here."""


@dataclass(frozen=True, slots=True)
class _Version:
    """A version of an object, or a delete marker.

    Attributes:
        since: When it was written.
    """

    key: str
    version_id: str
    since: datetime
    is_latest: bool
    is_marker: bool


def expire(s3: Any, as_of: datetime, buckets: Iterable[str]) -> Counter[str]:
    """Applies the lifecycle rules of buckets as S3 would have by a moment.

    A current version that expires gets a delete marker in a versioned bucket and is gone in another;
    other versions and markers with nothing behind them are removed for good.

    Args:
        s3: A client that may do all this.
        as_of: Aware.
        buckets: Their names.

    Returns:
        How many were removed, by `{bucket}: expired`, `removed version`, `removed marker` and
        `aborted upload`.

    Raises:
        UnplayedRuleError: A rule transitions objects, or filters by something else than a prefix.
    """
    done: Counter[str] = Counter()
    for bucket in buckets:
        rules = _rules(s3, bucket)
        versioned = s3.get_bucket_versioning(Bucket=bucket).get("Status") == "Enabled"
        doomed: list[dict[str, str]] = []
        for key, versions in groupby(_versions(s3, bucket), lambda version: version.key):
            mine = [rule for rule in rules if key.startswith(rule["Filter"].get("Prefix", ""))]
            for version, what in _due(list(versions), mine, as_of, versioned):
                done[f"{bucket}: {what}"] += 1
                doomed.append(
                    {"Key": key} if what == "expired" else {"Key": key, "VersionId": version.version_id}
                )
        for start in range(0, len(doomed), DELETES_A_CALL):
            batch = doomed[start : start + DELETES_A_CALL]
            s3.delete_objects(Bucket=bucket, Delete={"Objects": batch, "Quiet": True})
        done += _abort(s3, bucket, rules, as_of)
    return done


def _rules(s3: Any, bucket: str) -> list[Mapping[str, Any]]:
    try:
        rules = s3.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchLifecycleConfiguration":
            return []
        raise
    for rule in rules:
        unplayed = {"Transitions", "NoncurrentVersionTransitions"} & set(rule) or set(rule["Filter"]) - {
            "Prefix"
        }
        if unplayed:
            raise UnplayedRuleError(f"{bucket}: rule {rule['ID']!r} has {sorted(unplayed)}, not played here")
    return [rule for rule in rules if rule["Status"] == "Enabled"]


def _versions(s3: Any, bucket: str) -> Iterator[_Version]:
    """All versions and markers, by key, newest first."""
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
        entries = [(each, False) for each in page.get("Versions", [])]
        entries += [(each, True) for each in page.get("DeleteMarkers", [])]
        found = [
            _Version(each["Key"], each["VersionId"], each["LastModified"], each["IsLatest"], marker)
            for each, marker in entries
        ]
        # Within a key the newest comes first, and the latest before one of the same second.
        yield from sorted(found, key=lambda v: (v.key, not v.is_latest, -v.since.timestamp()))


def _due(
    versions: Sequence[_Version], rules: Sequence[Mapping[str, Any]], as_of: datetime, versioned: bool
) -> Iterator[tuple[_Version, str]]:
    """What of one key is removed, and how."""
    latest = versions[0]
    left = []
    replaced = latest.since  # the moment at which the next one stopped to be current
    if not latest.is_marker:
        expired = _expires(latest, rules)
        if expired > as_of:
            left.append(latest)
        elif versioned and _noncurrent_until(expired, rules) > as_of:
            yield latest, "expired"
            left.append(latest)
        else:
            yield latest, "removed version"
    for newer, version in pairwise(versions):
        if newer.is_marker and not version.is_marker and (expired := _expires(version, rules)) <= as_of:
            # The marker stands for what a rule did then, whenever it was really written here.
            replaced = max(replaced, expired)
        if _noncurrent_until(replaced, rules) <= as_of:
            yield version, "removed marker" if version.is_marker else "removed version"
        else:
            left.append(version)
        replaced = version.since
    if latest.is_marker and not left and any(_cleans_markers(rule) for rule in rules):
        yield latest, "removed marker"


def _expires(version: _Version, rules: Iterable[Mapping[str, Any]]) -> datetime:
    """When the first rule expires a current version."""
    moments = []
    for expiration in (rule.get("Expiration", {}) for rule in rules):
        if "Date" in expiration:
            moments.append(max(expiration["Date"], version.since))
        if "Days" in expiration:
            moments.append(_midnight_after(version.since, expiration["Days"]))
    return min(moments, default=_NEVER)


def _noncurrent_until(since: datetime, rules: Iterable[Mapping[str, Any]]) -> datetime:
    name = "NoncurrentVersionExpiration"
    days = [rule[name]["NoncurrentDays"] for rule in rules if name in rule]
    return _midnight_after(since, min(days)) if days else _NEVER


def _cleans_markers(rule: Mapping[str, Any]) -> bool:
    expiration = rule.get("Expiration", {})
    return bool(expiration.get("ExpiredObjectDeleteMarker")) or "Days" in expiration


def _midnight_after(moment: datetime, days: int) -> datetime:
    """S3 counts whole days and rounds up to the next midnight, UTC."""
    later = moment.astimezone(UTC) + timedelta(days=days)
    midnight = later.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight if midnight == later else midnight + timedelta(days=1)


def _abort(s3: Any, bucket: str, rules: Sequence[Mapping[str, Any]], as_of: datetime) -> Counter[str]:
    done: Counter[str] = Counter()
    days = [
        rule["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"]
        for rule in rules
        if "AbortIncompleteMultipartUpload" in rule
    ]
    if not days:
        return done
    for upload in s3.list_multipart_uploads(Bucket=bucket).get("Uploads", []):
        if _midnight_after(upload["Initiated"], min(days)) <= as_of:
            s3.abort_multipart_upload(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])
            done[f"{bucket}: aborted upload"] += 1
    return done


_NEVER = datetime.max.replace(tzinfo=UTC)
