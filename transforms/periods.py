"""A school's academic periods and grading rules, as the store keeps them under `PERIODS`.

Every number of a grade follows from these, so they have a version, and each version stays in
the store (`PERIODS#v000007`): a grade names the version that it was computed with.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any, TypeVar

from transforms import keys

ANY_SUBJECT = "*"  # the rules of a subject that has none of its own
WHOLE = (Decimal(1), Decimal(100))  # weights are shares or percent; another sum is a typing error
MOST_DIGITS = 3  # the lake keeps scores as decimal(7,3)
LOWEST, HIGHEST = Decimal(0), Decimal(100)

Enum = TypeVar("Enum", bound=StrEnum)


class InvalidAcademicConfigError(ValueError):
    """Periods or rules that cannot be applied; the message names the place inside the configuration."""


class Missing(StrEnum):
    """What a type of evaluation counts of which a student has none."""

    RENORMALISE = "renormalise"  # nothing: the weights of the others grow in proportion
    ZERO = "zero"  # as if its score were 0


class Rounding(StrEnum):
    """How a grade is rounded, once, at the end."""

    HALF_UP = "half_up"  # 84.25 → 84.3, as on paper
    HALF_EVEN = "half_even"  # 84.25 → 84.2, 84.35 → 84.4
    DOWN = "down"  # 84.29 → 84.2


class Dates(StrEnum):
    """Which evaluations of a period count, by their date."""

    ANY = "any"  # all: the teacher chose the period when recording
    WITHIN = "within"  # those dated from its first day to its last day plus `grace_days`


@dataclass(frozen=True, slots=True)
class Period:
    """A span of school days for which grades are given.

    Attributes:
        id: Such as `Q1_2026`; becomes part of keys.
        start: First day, local.
        end: Last day, local, inclusive.
    """

    id: str
    start: date
    end: date

    def covers(self, day: date, grace_days: int = 0) -> bool:
        """Whether a local date lies in the period, or up to `grace_days` days after it."""
        return self.start <= day <= self.end + timedelta(days=grace_days)


@dataclass(frozen=True, slots=True)
class GradingRules:
    """How a subject's grade is made of its evaluations; `transforms.grading` has the formula.

    Attributes:
        weights: Evaluation type to its share of the grade; they sum to exactly 1, or to 100.
        min_passing: The lowest rounded grade that passes, 0 to 100.
        missing: What a type counts of which a student has no evaluation.
        digits: Decimal places of the grade, 0 to 3.
        rounding: How it is rounded.
        dates: Which evaluations count, by their date.
        grace_days: With `Dates.WITHIN`: how many days after the period's end still count.
    """

    weights: Mapping[str, Decimal]
    min_passing: Decimal = Decimal(60)
    missing: Missing = Missing.RENORMALISE
    digits: int = 1
    rounding: Rounding = Rounding.HALF_UP
    dates: Dates = Dates.ANY
    grace_days: int = 0


@dataclass(frozen=True, slots=True)
class AcademicConfig:
    """The periods and the grading rules of one school.

    Attributes:
        school_id: The tenant.
        version: From 1 up; each change has the next one.
        periods: Any number; they may overlap (a course may start while another one runs).
        grading_rules: By subject; `*` holds for every subject that is not named.

    Raises:
        InvalidIdentifierError: The school's identifier cannot be a key.
        InvalidAcademicConfigError: Something else is wrong; names the place and the rule.
    """

    school_id: str
    version: int
    periods: Sequence[Period]
    grading_rules: Mapping[str, GradingRules]
    _by_id: Mapping[str, Period] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        keys.identifier("school_id", self.school_id)
        _whole("version", self.version, 1, 999_999)
        object.__setattr__(self, "periods", tuple(self.periods))
        object.__setattr__(self, "_by_id", _checked_periods(self.periods))
        for subject, rules in self.grading_rules.items():
            if subject != ANY_SUBJECT:
                _identifier("grading_rules", subject)
            _check_rules(f"grading_rules.{subject}", rules)

    def period(self, period_id: str) -> Period | None:
        """The period of that id, or None where the school has none."""
        return self._by_id.get(period_id)

    def periods_on(self, day: date) -> tuple[Period, ...]:
        """The periods that a local date lies in, in the configuration's order."""
        return tuple(period for period in self.periods if period.covers(day))

    def rules(self, subject: str) -> GradingRules | None:
        """The rules of a subject, else the school's general ones, else None."""
        return self.grading_rules.get(subject) or self.grading_rules.get(ANY_SUBJECT)

    def item(self, *, history: bool = False) -> dict[str, Any]:
        """The item of the single table, as plain Python values.

        Args:
            history: Under the sort key that keeps this version for good, instead of the current one.
        """
        return {
            "PK": keys.config_pk(self.school_id),
            "SK": keys.periods_history_sk(self.version) if history else keys.PERIODS,
            "version": self.version,
            "periods": [
                {"id": period.id, "start": period.start.isoformat(), "end": period.end.isoformat()}
                for period in self.periods
            ],
            "grading_rules": {subject: _plain_rules(rules) for subject, rules in self.grading_rules.items()},
        }

    @classmethod
    def from_item(cls, school_id: str, item: Mapping[str, Any]) -> AcademicConfig:
        """The inverse of `item`; also reads the same shape from a person's JSON.

        Args:
            school_id: The school whose configuration it is.
            item: `periods`, `grading_rules` and `version` (1 where it is missing). Numbers are int,
                Decimal or text, never float. What is left out of a rule has its default.

        Raises:
            InvalidAcademicConfigError: A value has the wrong shape; names its place.
        """
        rules = _mapping("grading_rules", item.get("grading_rules", {}))
        return cls(
            school_id,
            _whole("version", item.get("version", 1), 1, 999_999),
            [
                _read_period(f"periods[{position}]", period)
                for position, period in enumerate(_list("periods", item.get("periods", [])))
            ],
            {subject: _read_rules(f"grading_rules.{subject}", each) for subject, each in rules.items()},
        )


def _checked_periods(periods: Iterable[Period]) -> dict[str, Period]:
    by_id: dict[str, Period] = {}
    for position, period in enumerate(periods):
        place = f"periods[{position}]"
        _identifier(f"{place}.id", period.id)
        if period.id in by_id:
            raise InvalidAcademicConfigError(
                f"{place}.id {period.id!r} stands twice: each period has its own"
            )
        if period.start > period.end:
            raise InvalidAcademicConfigError(
                f"{place} ({period.id}) starts on {period.start} and ends on {period.end}: "
                "the last day is inclusive and not before the first"
            )
        by_id[period.id] = period
    return by_id


def _check_rules(place: str, rules: GradingRules) -> None:
    for kind, weight in rules.weights.items():
        _identifier(f"{place}.weights", kind)
        _within(f"{place}.weights.{kind}", weight)
    total = sum(rules.weights.values(), Decimal(0))
    if total not in WHOLE:
        raise InvalidAcademicConfigError(f"{place}.weights sum to {total}: they must sum to 1, or to 100")
    _within(f"{place}.min_passing", rules.min_passing)
    _whole(f"{place}.digits", rules.digits, 0, MOST_DIGITS)
    _whole(f"{place}.grace_days", rules.grace_days, 0, 366)


def _plain_rules(rules: GradingRules) -> dict[str, Any]:
    return {
        "weights": dict(rules.weights),
        "min_passing": rules.min_passing,
        "missing": rules.missing.value,
        "digits": rules.digits,
        "rounding": rules.rounding.value,
        "dates": rules.dates.value,
        "grace_days": rules.grace_days,
    }


def _read_rules(place: str, value: object) -> GradingRules:
    given = dict(_mapping(place, value))
    weights = _mapping(f"{place}.weights", given.pop("weights", None))
    rules = GradingRules(
        {kind: _decimal(f"{place}.weights.{kind}", weight) for kind, weight in weights.items()},
        _decimal(f"{place}.min_passing", given.pop("min_passing", 60)),
        _choice(f"{place}.missing", Missing, given.pop("missing", Missing.RENORMALISE)),
        _whole(f"{place}.digits", given.pop("digits", 1), 0, MOST_DIGITS),
        _choice(f"{place}.rounding", Rounding, given.pop("rounding", Rounding.HALF_UP)),
        _choice(f"{place}.dates", Dates, given.pop("dates", Dates.ANY)),
        _whole(f"{place}.grace_days", given.pop("grace_days", 0), 0, 366),
    )
    if given:
        # A misspelt rule that is silently ignored would grade a school by other rules than it wrote.
        known = "weights, min_passing, missing, digits, rounding, dates, grace_days"
        raise InvalidAcademicConfigError(f"{place}.{next(iter(given))} is no rule: known are {known}")
    return rules


def _read_period(place: str, value: object) -> Period:
    given = _mapping(place, value)
    period_id = given.get("id")
    if not isinstance(period_id, str):
        raise InvalidAcademicConfigError(f"{place}.id is {period_id!r}: use a text such as 'Q1_2026'")
    return Period(
        period_id, _date(f"{place}.start", given.get("start")), _date(f"{place}.end", given.get("end"))
    )


def _mapping(place: str, value: object) -> Mapping[str, Any]:
    if isinstance(value, Mapping):
        return value
    raise InvalidAcademicConfigError(f"{place} is {value!r:.80}: use an object")


def _list(place: str, value: object) -> Sequence[Any]:
    if isinstance(value, list | tuple):
        return value
    raise InvalidAcademicConfigError(f"{place} is {value!r:.80}: use a list")


def _identifier(place: str, value: str) -> None:
    try:
        keys.identifier(place, value)
    except keys.InvalidIdentifierError as invalid:
        raise InvalidAcademicConfigError(str(invalid)) from invalid


def _date(place: str, value: object) -> date:
    try:
        return date.fromisoformat(str(value))
    except ValueError as invalid:
        raise InvalidAcademicConfigError(
            f"{place} is {value!r:.80}: use a date such as 2026-01-15"
        ) from invalid


def _decimal(place: str, value: object) -> Decimal:
    if isinstance(value, int | Decimal | str) and not isinstance(value, bool):
        try:
            return Decimal(value)
        except InvalidOperation:
            pass  # told below, as for every other value that is no number
    raise InvalidAcademicConfigError(f"{place} is {value!r:.80}: use a decimal number, as text if need be")


def _within(place: str, value: Decimal) -> None:
    if not value.is_finite() or not LOWEST <= value <= HIGHEST:
        raise InvalidAcademicConfigError(f"{place} is {value}: use a number from {LOWEST} to {HIGHEST}")


def _whole(place: str, value: object, lowest: int, highest: int) -> int:
    if isinstance(value, int | Decimal) and not isinstance(value, bool):
        number = int(value) if value == value // 1 else None
        if number is not None and lowest <= number <= highest:
            return number
    raise InvalidAcademicConfigError(
        f"{place} is {value!r:.80}: use a whole number from {lowest} to {highest}"
    )


def _choice(place: str, kind: type[Enum], value: Any) -> Enum:
    try:
        return kind(value)
    except ValueError as invalid:
        choices = ", ".join(f"{each.value!r}" for each in kind)
        raise InvalidAcademicConfigError(f"{place} is {value!r:.80}: use one of {choices}") from invalid
