"""A student's week as the marts judge it, brought back from the lake to the profile.

| item | PK | SK |
|---|---|---|
| a week's analysis | `TENANT#{school}#STUDENT#{student}` | `TREND#{iso_week}` |

Everything that was found out stands in one attribute, `analysis`, as JSON, which no other item has: the role
that writes these items may set that attribute and `expires_at`, and can therefore change nothing else.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, timedelta
from typing import Any

import msgspec
from msgspec import Struct, structs

from transforms import calendar
from transforms.activity import week_monday

WEEKS_SHOWN = 8
# A summer's pause does not empty a profile, and nothing has to be deleted by hand.
KEPT_WEEKS = 16
DECIMALS = 4  # of shares and means: the last bits of a mean may differ between two runs of a mart
# By then it is Monday wherever people live (UTC−12), and the week is over for every school.
OVER_EVERYWHERE = timedelta(hours=12)


class WeeklyTrend(Struct, frozen=True, kw_only=True, gc=False):
    """A student's week: marts `weekly_student_behavior`, `weekly_student_trends` and `early_warnings`.

    Attributes:
        iso_week: `2026-W06`.
        points: Sum of the points of the week's events.
        events: How many events it has.
        trend: `rising`, `steady` or `falling`, against the mean of the school weeks among the four before;
            null for a week whose events lie under two versions of the school's key, which cannot be compared.
        points_change: Points more than in the week before; null where there was none.
        points_mean_4w: Mean points of this week and the three before.
        points_slope_4w: Points gained a week over the last four school weeks (Theil–Sen); null if too few.
        points_slope_low_4w: The least slope between any two of those weeks.
        points_slope_high_4w: The greatest.
        attendance_rate: Share of the week's attendances that were present or late, 0 to 1; null without any.
        attendance_rate_4w: The same over four school weeks.
        absence_rate_8w: Share of absences, excused ones too, over eight weeks, 0 to 1.
        silent_school_weeks: School weeks without any event, up to and with this one.
        is_school_week: Whether the school was in session.
        warnings: Names of the early warnings that the week raises.
        rules_version: Of the rules of early warning.
        as_of: UTC of the newest event of the school that was counted when these figures last changed.
        is_final: Whether later runs leave the week alone: it is too old for late events to be looked for.
    """

    iso_week: str
    points: int
    events: int
    trend: str | None = None
    points_change: int | None = None
    points_mean_4w: float | None = None
    points_slope_4w: float | None = None
    points_slope_low_4w: float | None = None
    points_slope_high_4w: float | None = None
    attendance_rate: float | None = None
    attendance_rate_4w: float | None = None
    absence_rate_8w: float | None = None
    silent_school_weeks: int = 0
    is_school_week: bool = True
    warnings: list[str] = []
    rules_version: int | None = None
    as_of: str | None = None
    is_final: bool = False

    def says_the_same(self, other: WeeklyTrend) -> bool:
        """Whether only `as_of` differs: another student's late event moves it, and is no news of this one."""
        return structs.replace(self, as_of=other.as_of) == other

    def analysis(self) -> str:
        """The attribute `analysis`, as JSON."""
        return msgspec.json.encode(self).decode()

    @classmethod
    def from_item(cls, item: Mapping[str, Any]) -> WeeklyTrend | None:
        """The inverse of `analysis`.

        Args:
            item: Plain values.

        Returns:
            None for a week that was withdrawn.

        Raises:
            msgspec.ValidationError: The attribute is no analysis.
        """
        analysis = item.get("analysis")
        return None if analysis is None else _READ(analysis)

    @classmethod
    def from_mart(cls, row: Mapping[str, str | None]) -> WeeklyTrend:
        """A row of the query of `pipelines.profiles.marts`, as Athena writes it: text, or None for NULL."""

        def text(name: str) -> str:
            value = row[name]
            assert value is not None, name  # the marts' tests keep these complete
            return value

        def whole(name: str) -> int | None:
            value = row[name]
            return None if value is None else int(value)

        def number(name: str) -> float | None:
            value = row[name]
            return None if value is None else round(float(value), DECIMALS)

        as_of, warnings = row["as_of"], row["warnings"]
        return cls(
            iso_week=text("iso_week"),
            points=int(text("points")),
            events=int(text("event_count")),
            trend=text("trend"),
            points_change=whole("points_change"),
            points_mean_4w=number("points_moving_avg_4w"),
            points_slope_4w=number("points_slope_4w"),
            points_slope_low_4w=number("points_slope_low_4w"),
            points_slope_high_4w=number("points_slope_high_4w"),
            attendance_rate=number("attendance_rate"),
            attendance_rate_4w=number("attendance_rate_4w"),
            absence_rate_8w=number("absence_rate_8w"),
            silent_school_weeks=whole("silent_school_weeks") or 0,
            is_school_week=text("is_school_week") == "true",
            warnings=warnings.split() if warnings else [],
            rules_version=whole("rules_version"),
            as_of=calendar.utc_text(datetime.fromisoformat(as_of).replace(tzinfo=UTC)) if as_of else None,
            is_final=text("is_final") == "true",
        )


# One text for all figures: an attribute for each of them costs a profile of eight weeks half of its time.
_READ = msgspec.json.Decoder(WeeklyTrend).decode


def merged(versions: Iterable[tuple[int, WeeklyTrend]]) -> WeeklyTrend:
    """One week of one student out of its rows under several versions of the school's key.

    After a rotation the old pseudonym goes on for a while as weeks without events: they say nothing of a
    student who has events under the new one. A week with events under both keeps what can be added up.

    Args:
        versions: At least one; version of the key and what the marts say under it, all of the same week.
    """
    rows = [row for _, row in sorted(versions, key=lambda each: each[0])]
    told = [row for row in rows if row.events]
    if len(told) < 2:
        return told[0] if told else rows[-1]
    return WeeklyTrend(
        iso_week=told[0].iso_week,
        points=sum(row.points for row in told),
        events=sum(row.events for row in told),
        is_school_week=any(row.is_school_week for row in told),
        rules_version=told[-1].rules_version,
        as_of=max((row.as_of for row in told if row.as_of), default=None),
        is_final=all(row.is_final for row in told),
    )


def weeks_shown(now: datetime) -> list[str]:
    """The weeks that a profile shows: the last eight that are over for every school, oldest first.

    A week that goes on is left out: half a week against whole ones looks like a fall.

    Args:
        now: Aware.
    """
    last = calendar.week_start((now.astimezone(UTC) - OVER_EVERYWHERE).date()) - timedelta(weeks=1)
    return [calendar.iso_week(last - timedelta(weeks=back)) for back in reversed(range(WEEKS_SHOWN))]


def expires_at(iso_week: str) -> int:
    """When a week leaves the store: sixteen weeks after it began. Seconds since 1970.

    Raises:
        UnknownWeekError: There is no such week.
    """
    day: date = week_monday(iso_week) + timedelta(weeks=KEPT_WEEKS)
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp())
