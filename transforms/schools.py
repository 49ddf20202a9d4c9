"""A school's configuration, as the store keeps it under `TENANT#{school}#CONFIG` / `SCHOOL`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from transforms import keys
from transforms.calendar import zone
from transforms.points import PointsRules

RECORDS_KEPT = timedelta(days=400)  # how old an event may be where a school says nothing


@dataclass(frozen=True, slots=True)
class School:
    """What the platform must know of a school to take its events.

    Attributes:
        school_id: The tenant.
        time_zone: IANA name; decides the local date of every event.
        points: The rules that give events their points.
        records_since: Local date of the oldest event taken; None means 400 days ago.
        version: Of this configuration, from 1 up; each change has the next one.

    Raises:
        InvalidIdentifierError, UnknownZoneError, InvalidPointsError: By the field at fault.
    """

    school_id: str
    time_zone: str
    points: PointsRules = field(default_factory=PointsRules)
    records_since: date | None = None
    version: int = 1

    def __post_init__(self) -> None:
        keys.identifier("school_id", self.school_id)
        zone(self.time_zone)

    def oldest(self, now: datetime) -> datetime:
        """The earliest moment that an event of this school may have, in UTC.

        Args:
            now: Aware; only used where `records_since` is not set.
        """
        if self.records_since is None:
            return now.astimezone(UTC) - RECORDS_KEPT
        return datetime.combine(self.records_since, time.min, zone(self.time_zone)).astimezone(UTC)

    def item(self, *, history: bool = False) -> dict[str, Any]:
        """The school's item of the single table, as plain Python values.

        Args:
            history: Under the sort key that keeps this version for good, instead of the current one.
        """
        return {
            "PK": keys.config_pk(self.school_id),
            "SK": keys.school_history_sk(self.version) if history else keys.SCHOOL,
            "version": self.version,
            "time_zone": self.time_zone,
            "points_version": self.points.version,
            "points": dict(self.points.points),
            **({"records_since": self.records_since.isoformat()} if self.records_since else {}),
        }

    def register_item(self) -> dict[str, Any]:
        """The school's entry in the register of schools.

        What must visit every school (the nightly job) finds them there, in one partition, and
        never scans the table. The entry says nothing but that there is one.
        """
        return {"PK": keys.SCHOOLS_PK, "SK": keys.register_sk(self.school_id), "school_id": self.school_id}

    @classmethod
    def from_item(cls, school_id: str, item: Mapping[str, Any]) -> School:
        """The inverse of `item`; numbers may be Decimal, as boto3 reads them."""
        since = item.get("records_since")
        return cls(
            school_id,
            item["time_zone"],
            PointsRules(
                int(item["points_version"]), {name: int(value) for name, value in item["points"].items()}
            ),
            date.fromisoformat(since) if since else None,
            int(item.get("version", 1)),
        )
