"""The registry: every place that holds something, for how long, and how a student is found in it.

Lifecycle rules, the audit's checks, the plan of an erasure and `docs/retention.md` are derived from
it. A bucket's prefix, table, queue or log group that is not here fails a test.
"""

from __future__ import annotations

from datetime import timedelta

from transforms.retention.buckets import BUCKETS, OBJECTS
from transforms.retention.items import ITEMS
from transforms.retention.operations import OPERATIONS
from transforms.retention.places import Days, Kind, Place

__all__ = ["BUCKETS", "PLACES", "kept_for", "place_of", "stores"]

PLACES = (*ITEMS, *OPERATIONS, *OBJECTS)
_LONGEST_FIRST = sorted(OBJECTS, key=lambda place: -len(place.keys))


def place_of(bucket: str, key: str) -> Place | None:
    """The place of an object; None where the registry knows of none.

    Args:
        bucket: Its name in the settings, such as `LAKE`.
        key: Of the object.
    """
    return next(
        (place for place in _LONGEST_FIRST if place.store == bucket and key.startswith(place.keys)), None
    )


def kept_for(bucket: str, key: str) -> timedelta:
    """How long the objects of a place are kept.

    Args:
        bucket: As of `place_of`.
        key: As of `place_of`.

    Raises:
        ValueError: There is no such place, or its rule is no number of days.
    """
    place = place_of(bucket, key)
    if place is None or not isinstance(place.rule, Days):
        raise ValueError(f"the retention registry knows no number of days for {key} of the bucket {bucket}")
    return timedelta(days=place.rule.days)


def stores(*kinds: Kind) -> dict[str, Place]:
    """The tables, queues or log groups of some kinds, each with a place in it, by name."""
    return {place.store: place for place in PLACES if place.kind in kinds}
