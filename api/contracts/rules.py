"""A school's own rules: periods, grading, points."""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import Meta, Struct

from api.contracts.fields import Identifier, LocalDate, Version


class PeriodSpan(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A period of the school year.

    Attributes:
        id: Such as `Q1_2026`.
        start: First day.
        end: Last day, inclusive.
    """

    id: Identifier
    start: LocalDate
    end: LocalDate


class PeriodsBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Periods and grading rules of the school, whole.

    Attributes:
        periods: Without overlaps.
        grading_rules: By subject; `*` holds for every subject that is not named. `weights` by type of
            evaluation sum to 1 (or 100). `min_passing` (60), `missing` (`renormalise` or `zero`),
            `digits` (1), `rounding` (`half_up`, `half_even`, `down`), `dates` (`any` or `within`) and
            `grace_days` (0) may be left out.
        version: The version that you read; left out, the last one is replaced whatever it is.
    """

    periods: Annotated[list[PeriodSpan], Meta(max_length=100)]
    grading_rules: Annotated[dict[str, dict[str, Any]], Meta(max_length=200)]
    version: Version | None = None


class Periods(Struct, frozen=True, kw_only=True):
    """Periods and grading rules as they are kept.

    Attributes:
        version: Of this configuration; every grade names the one it was calculated with.
        periods: In the order that the school gave.
        grading_rules: By subject, defaults filled in.
        versions: The last versions that can be read with `?version=`, newest first.
        warnings: What looks like an oversight: gaps between periods.
    """

    version: int
    periods: list[PeriodSpan]
    grading_rules: dict[str, dict[str, Any]]
    versions: list[int]
    warnings: list[str]


class SchoolBody(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Time zone and rules of points of the school, whole.

    Attributes:
        time_zone: IANA name, such as `America/Mexico_City`.
        points: Outcome to points; an outcome that is left out has its default.
        records_since: Local date of the oldest event taken; left out: 400 days ago.
        version: The version that you read; left out, the last one is replaced whatever it is.
    """

    time_zone: Annotated[str, Meta(max_length=64)]
    points: Annotated[dict[str, int], Meta(max_length=100)] = {}
    records_since: LocalDate | None = None
    version: Version | None = None


class SchoolSettings(Struct, frozen=True, kw_only=True):
    """Time zone and rules of points as they are kept.

    Attributes:
        version: Of this configuration.
        time_zone: IANA name.
        points: Every outcome with its points, defaults filled in.
        points_version: Of the rules of points: stands beside every event that they were applied to.
        records_since: Local date of the oldest event taken; null: 400 days ago.
        versions: The last versions that can be read with `?version=`, newest first.
    """

    version: int
    time_zone: str
    points: dict[str, int]
    points_version: int
    records_since: LocalDate | None
    versions: list[int]
