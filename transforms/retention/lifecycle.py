"""The lifecycle rules of the buckets, derived from the registry.

Templates declare what never changes (`fixed_rules`). The rules of the cohorts move with the years:
`rules` is the whole set for a day, which a job puts in place (decision 0014).

https://docs.aws.amazon.com/AmazonS3/latest/userguide/intro-lifecycle-rules.html
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from transforms.retention.cohorts import UNKNOWN, expires_on
from transforms.retention.places import Bucket, Days, Mechanism, Place
from transforms.retention.registry import PLACES

RULES_A_BUCKET = 1000  # S3's limit
UNFINISHED_DAYS = 2  # of a multipart upload
NONCURRENT_DAYS = 7  # how long a replaced or deleted version can be restored
YEARS_AHEAD = 20  # a child of three graduates fifteen years on; the rest is room
FIRST_COHORT = 1990  # transforms.students refuses earlier years

_EXPIRATION = {"Days", "Date", "ExpiredObjectDeleteMarker"}


@dataclass(frozen=True, slots=True)
class LifecycleRule:
    """A lifecycle rule, of which one thing at most expires current versions.

    Attributes:
        id: Unique in its bucket.
        prefix: Of the keys; empty is the whole bucket.
        days: Current versions expire at this age.
        date: Current versions expire at midnight UTC of this day, and later ones at once.
        noncurrent_days: Other versions are removed this long after they were replaced.
        abort_days: Unfinished uploads are removed at this age.
        markers: Whether delete markers go that have nothing behind them.
        enabled: Whether it is in force.
        other: What a rule that was found has besides, as JSON; ours have nothing.
    """

    id: str
    prefix: str = ""
    days: int | None = None
    date: date | None = None
    noncurrent_days: int | None = None
    abort_days: int | None = None
    markers: bool = False
    enabled: bool = True
    other: str = ""

    @property
    def expires(self) -> bool:
        """Whether it removes current versions."""
        return self.enabled and (self.days is not None or self.date is not None)

    def request(self) -> dict[str, Any]:
        """As PutBucketLifecycleConfiguration takes it."""
        rule: dict[str, Any] = {"ID": self.id, "Status": "Enabled", "Filter": {"Prefix": self.prefix}}
        if self.days is not None:
            rule["Expiration"] = {"Days": self.days}
        if self.date is not None:
            rule["Expiration"] = {"Date": f"{self.date.isoformat()}T00:00:00Z"}
        if self.markers:
            rule["Expiration"] = {"ExpiredObjectDeleteMarker": True}
        if self.noncurrent_days is not None:
            rule["NoncurrentVersionExpiration"] = {"NoncurrentDays": self.noncurrent_days}
        if self.abort_days is not None:
            rule["AbortIncompleteMultipartUpload"] = {"DaysAfterInitiation": self.abort_days}
        return rule

    def declaration(self) -> dict[str, Any]:
        """As a template's LifecycleConfiguration spells it."""
        rule: dict[str, Any] = {"Id": self.id, "Status": "Enabled"}
        if self.prefix:
            rule["Prefix"] = self.prefix
        if self.days is not None:
            rule["ExpirationInDays"] = self.days
        if self.markers:
            rule["ExpiredObjectDeleteMarker"] = True
        if self.noncurrent_days is not None:
            rule["NoncurrentVersionExpiration"] = {"NoncurrentDays": self.noncurrent_days}
        if self.abort_days is not None:
            rule["AbortIncompleteMultipartUpload"] = {"DaysAfterInitiation": self.abort_days}
        return rule

    @classmethod
    def read(cls, rule: Mapping[str, Any]) -> LifecycleRule:
        """A rule as GetBucketLifecycleConfiguration tells it, whoever wrote it."""
        left = dict(rule)
        where, expiration = dict(left.pop("Filter", {})), dict(left.pop("Expiration", {}))
        noncurrent = dict(left.pop("NoncurrentVersionExpiration", {}))
        uploads = dict(left.pop("AbortIncompleteMultipartUpload", {}))
        day = expiration.get("Date")
        if isinstance(day, str):
            day = datetime.fromisoformat(day)
        found = cls(
            id=left.pop("ID", ""),
            # Rules of old keep their prefix outside of the filter.
            prefix=where.pop("Prefix", "") or left.pop("Prefix", ""),
            days=expiration.get("Days"),
            date=day.date() if day else None,
            noncurrent_days=noncurrent.pop("NoncurrentDays", None),
            abort_days=uploads.pop("DaysAfterInitiation", None),
            markers=bool(expiration.get("ExpiredObjectDeleteMarker", False)),
            enabled=left.pop("Status", "") == "Enabled",
        )
        left |= {name: value for name, value in expiration.items() if name not in _EXPIRATION}
        rest = {name: value for name, value in {**left, **where, **noncurrent, **uploads}.items() if value}
        if not rest:
            return found
        return cls(**{**_fields(found), "other": json.dumps(rest, sort_keys=True, default=str)})


class TooManyRulesError(ValueError):
    """A bucket would need more rules than S3 takes."""


@dataclass(frozen=True, slots=True)
class Present:
    """Which folders of cohorts a place has.

    Attributes:
        cohorts: Years of graduation, without 0.
        unknown_years: Years of rows of the unknown cohort.
    """

    cohorts: frozenset[int] = frozenset()
    unknown_years: frozenset[int] = frozenset()


NOTHING_PRESENT = Present()


@dataclass(frozen=True, slots=True)
class Difference:
    """How the rules of a bucket differ from what they should be.

    Attributes:
        missing: Should be there and are not.
        changed: What is there under the name of a rule that says something else.
        foreign: Are there and are none of ours.
    """

    missing: tuple[LifecycleRule, ...] = ()
    changed: tuple[LifecycleRule, ...] = ()
    foreign: tuple[LifecycleRule, ...] = ()

    def __len__(self) -> int:
        """How many rules differ."""
        return len(self.missing) + len(self.changed) + len(self.foreign)

    def ids(self) -> dict[str, list[str]]:
        """The ids, by what is wrong with them."""
        return {
            "missing": [rule.id for rule in self.missing],
            "changed": [rule.id for rule in self.changed],
            "foreign": [rule.id for rule in self.foreign],
        }


def difference(expected: Iterable[LifecycleRule], found: Iterable[LifecycleRule]) -> Difference:
    """Compares rules by their ids, whatever their order."""
    ours, theirs = {rule.id: rule for rule in expected}, {rule.id: rule for rule in found}
    return Difference(
        missing=tuple(rule for name, rule in ours.items() if name not in theirs),
        changed=tuple(theirs[name] for name, rule in ours.items() if theirs.get(name, rule) != rule),
        foreign=tuple(rule for name, rule in theirs.items() if name not in ours),
    )


def fixed_rules(bucket: Bucket) -> list[LifecycleRule]:
    """The rules of a bucket that no year changes: those of its template."""
    found = [
        LifecycleRule("unfinished-uploads", abort_days=UNFINISHED_DAYS),
        LifecycleRule("old-versions", noncurrent_days=NONCURRENT_DAYS, markers=True),
    ]
    if bucket.days is not None:
        found.append(LifecycleRule(bucket.name.lower(), days=bucket.days))
    for place in places_of(bucket):
        # A rule of the whole bucket that is as short does the same.
        if isinstance(place.rule, Days) and (bucket.days is None or place.rule.days < bucket.days):
            name = place.keys.rstrip("/").replace("/", "-")
            found.append(LifecycleRule(name, place.keys, int(place.rule.days)))
    return found


def rules(bucket: Bucket, today: date, present: Mapping[str, Present]) -> list[LifecycleRule]:
    """All rules of a bucket on a day.

    Args:
        bucket: The bucket.
        today: UTC.
        present: Which cohorts there are, by the name of the place; a missing place has none yet.

    Raises:
        TooManyRulesError: They are more than S3 takes.
    """
    found = fixed_rules(bucket)
    for place in places_of(bucket):
        if place.by_cohort:
            found += cohort_rules(place, today, present.get(place.name, NOTHING_PRESENT))
    if len(found) > RULES_A_BUCKET:
        raise TooManyRulesError(
            f"bucket {bucket.name} needs {len(found)} lifecycle rules, S3 takes {RULES_A_BUCKET}: "
            "move places to a bucket of their own in transforms/retention/registry.py"
        )
    return found


def cohort_rules(place: Place, today: date, present: Present = NOTHING_PRESENT) -> list[LifecycleRule]:
    """The rules of a place by cohort: each year that may still come, and each decade that is over.

    What is over keeps its rule: S3 then removes what comes late at once.
    """
    name = place.keys.rstrip("/").rsplit("/", 1)[-1]
    cohort, unknown = f"{place.keys}graduation_year=", f"{place.keys}graduation_year={UNKNOWN}/"
    after = "-" if place.year_folder == "iso_week=" else "/"
    known = _years(name, cohort, "/", today, today.year + YEARS_AHEAD, present.cohorts)
    rows = _years(
        f"{name}-unknown",
        f"{unknown}{place.year_folder}",
        after,
        today,
        today.year + 1,
        present.unknown_years,
    )
    return [*known, *rows]


def places_of(bucket: Bucket) -> Iterator[Place]:
    """The registered prefixes of a bucket."""
    return (
        place for place in PLACES if place.store == bucket.name and place.mechanism is Mechanism.LIFECYCLE
    )


def _years(
    name: str, start: str, end: str, today: date, last: int, present: Iterable[int]
) -> Iterator[LifecycleRule]:
    years = set(range(FIRST_COHORT, last + 1)) | set(present)
    over = {year // 10 for year in years if expires_on(year // 10 * 10 + 9) <= today}
    for decade in sorted(over):
        yield LifecycleRule(f"{name}-{decade}x", f"{start}{decade}", date=expires_on(decade * 10 + 9))
    for year in sorted(year for year in years if year // 10 not in over):
        yield LifecycleRule(f"{name}-{year}", f"{start}{year}{end}", date=expires_on(year))


def _fields(rule: LifecycleRule) -> dict[str, Any]:
    return {name: getattr(rule, name) for name in LifecycleRule.__dataclass_fields__}
