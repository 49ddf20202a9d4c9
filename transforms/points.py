"""What an event is worth, by the school's own versioned rules.

Points are whole numbers, so that sums are exact in the store, in the lake and on paper.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

MOST_POINTS = 100  # of one event, either way: keeps one outcome from drowning a week

DEFAULT_POINTS: Mapping[str, int] = {
    "attendance.present": 1,
    "attendance.late": -1,
    "attendance.absent": -2,
    "attendance.excused": 0,
    "participation": 2,
    "activity_completed": 3,
    "class_response": 1,
    "assignment_submitted": 3,
    "help_request": 1,
    "conduct.positive": 3,
    "conduct.neutral": 0,
    "conduct.negative": -3,
}


class InvalidPointsError(ValueError):
    """A rule of points that cannot be applied."""


@dataclass(frozen=True, slots=True)
class PointsRules:
    """The points of a school, by outcome.

    Attributes:
        version: Stands beside every number computed with these rules.
        points: Outcome (`participation`, `attendance.late`, …) to points; an outcome that the
            school does not name has its default.

    Raises:
        InvalidPointsError: An unknown outcome, or points that are no whole number within ±100.
    """

    version: int = 1
    points: Mapping[str, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for outcome, points in self.points.items():
            if outcome not in DEFAULT_POINTS:
                known = ", ".join(DEFAULT_POINTS)
                raise InvalidPointsError(f"points for {outcome!r}: no such outcome; use one of {known}")
            if not isinstance(points, int) or isinstance(points, bool) or abs(points) > MOST_POINTS:
                raise InvalidPointsError(
                    f"points for {outcome!r} are {points!r}: use a whole number from "
                    f"-{MOST_POINTS} to {MOST_POINTS}"
                )
        # The merged table is what is looked up a thousand times a second.
        object.__setattr__(self, "points", {**DEFAULT_POINTS, **self.points})

    def of(self, outcome: str) -> int:
        """The points of one outcome, as `transforms.events.BehaviorEvent.outcome` names it."""
        return self.points[outcome]
