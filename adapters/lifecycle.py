"""The buckets' lifecycle rules as they are in force, and which cohorts lie in a bucket."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from botocore.exceptions import ClientError

from adapters.aws import client
from adapters.settings import setting
from transforms.retention.cohorts import UNKNOWN
from transforms.retention.lifecycle import LifecycleRule, Present
from transforms.retention.places import Bucket, Place

_YEAR = re.compile(r"=(\d+)")


def rules_in_force(bucket: Bucket) -> list[LifecycleRule]:
    """A bucket's rules, whoever put them there.

    Raises:
        ClientError, BotoCoreError: S3 cannot be asked.
    """
    try:
        told = client("s3").get_bucket_lifecycle_configuration(Bucket=setting(f"{bucket.name}_BUCKET"))
    except ClientError as error:
        if error.response["Error"]["Code"] == "NoSuchLifecycleConfiguration":
            return []
        raise
    return [LifecycleRule.read(rule) for rule in told["Rules"]]


def put_rules(bucket: Bucket, rules: Sequence[LifecycleRule]) -> None:
    """Puts all rules of a bucket in place of those that it has, in one call: they change all or none.

    Raises:
        ClientError, BotoCoreError: S3 does not take them.
    """
    client("s3").put_bucket_lifecycle_configuration(
        Bucket=setting(f"{bucket.name}_BUCKET"),
        LifecycleConfiguration={"Rules": [rule.request() for rule in rules]},
    )


def cohorts_present(place: Place) -> Present:
    """Which cohorts lie in a place, by its folders; a call or two, however much is in them.

    Raises:
        ClientError, BotoCoreError: S3 cannot be asked.
    """
    unknown = f"{place.keys}graduation_year={UNKNOWN}/"
    return Present(
        frozenset(_years(place, f"{place.keys}graduation_year=")) - {UNKNOWN},
        frozenset(_years(place, f"{unknown}{place.year_folder}")),
    )


def _years(place: Place, start: str) -> Iterator[int]:
    pages = client("s3").get_paginator("list_objects_v2")
    for page in pages.paginate(Bucket=setting(f"{place.store}_BUCKET"), Prefix=start, Delimiter="/"):
        for folder in page.get("CommonPrefixes", []):
            if found := _YEAR.match(folder["Prefix"], len(start) - 1):
                yield int(found[1])
