"""A school's own rules: periods and grading, time zone and points; each change is a new version."""

from __future__ import annotations

from dataclasses import asdict
from http import HTTPStatus
from typing import Any

from adapters import tenant_config
from api.contracts import Periods, PeriodsBody, PeriodSpan, SchoolBody, SchoolSettings
from api.operations import ADMINS, STAFF, Answer, Call, Example, Operation, Query
from api.problems import INVALID, NOT_FOUND, VERSION_CONFLICT, Fault, ProblemError, invalid
from api.profile import configured_school
from transforms import keys, period_calendar
from transforms.calendar import UnknownZoneError
from transforms.periods import AcademicConfig, InvalidAcademicConfigError
from transforms.points import InvalidPointsError, PointsRules
from transforms.schools import School


async def read_periods(call: Call) -> Answer:
    """GET /config/periods."""
    version = call.choice("version", _version, None)
    config = (
        await tenant_config.read_academic(call.tenant)
        if version is None
        else await tenant_config.academic_version(call.tenant, version)
    )
    if config is None:
        what = (
            "no periods yet: an admin sends PUT /config/periods"
            if version is None
            else f"no version {version}"
        )
        raise ProblemError(NOT_FOUND, f"the school has {what}")
    return Answer(await _periods(call, config))


async def put_periods(call: Call) -> Answer:
    """PUT /config/periods."""
    body: PeriodsBody = call.body
    await configured_school(call.tenant, call.configurations)
    stored = await tenant_config.read_academic(call.tenant)
    _expect(body.version, stored.version if stored else 0)
    wanted = {
        "version": (stored.version if stored else 0) + 1,
        "periods": [{"id": each.id, "start": each.start, "end": each.end} for each in body.periods],
        "grading_rules": _exact(body.grading_rules),
    }
    try:
        config = AcademicConfig.from_item(call.tenant.school_id, wanted)
    except InvalidAcademicConfigError as error:
        raise ProblemError(INVALID, str(error), [_placed(str(error))]) from error
    shared = period_calendar.overlaps(config)
    if shared:
        faults = [
            Fault("$.periods", f"{one.id} and {other.id} share days from {other.start}: a day has one period")
            for one, other in shared[:20]
        ]
        raise ProblemError(INVALID, faults[0].rule, faults)
    if stored is not None and config.item() == {**stored.item(), "version": config.version}:
        return Answer(await _periods(call, stored))  # the same again: no version for nothing
    try:
        await call.configurations.put_academic(call.tenant, config)
    except tenant_config.VersionConflictError as error:
        raise _conflict(error.current) from error
    return Answer(await _periods(call, config))


async def read_school(call: Call) -> Answer:
    """GET /config/school."""
    version = call.choice("version", _version, None)
    school = (
        await tenant_config.read_school(call.tenant)
        if version is None
        else await tenant_config.school_version(call.tenant, version)
    )
    if school is None:
        raise ProblemError(NOT_FOUND, "the school has no such configuration")
    return Answer(await _settings(call, school))


async def put_school(call: Call) -> Answer:
    """PUT /config/school."""
    body: SchoolBody = call.body
    stored = await tenant_config.read_school(call.tenant)
    if stored is None:
        raise ProblemError(
            NOT_FOUND, "the school of the token is not on the platform: an operator creates it"
        )
    _expect(body.version, stored.version)
    try:
        rules = PointsRules(stored.points.version, body.points)
        if rules.points != stored.points.points:
            rules = PointsRules(stored.points.version + 1, body.points)
        school = School(call.tenant.school_id, body.time_zone, rules, body.records_since, stored.version + 1)
    except UnknownZoneError as error:
        raise invalid("$.time_zone", str(error)) from error
    except InvalidPointsError as error:
        raise invalid("$.points", str(error)) from error
    if school.item() == {**stored.item(), "version": school.version}:
        return Answer(await _settings(call, stored))
    try:
        await call.configurations.put_school(call.tenant, school)
    except tenant_config.VersionConflictError as error:
        raise _conflict(error.current) from error
    return Answer(await _settings(call, school))


async def _periods(call: Call, config: AcademicConfig) -> Periods:
    return Periods(
        version=config.version,
        periods=[PeriodSpan(id=each.id, start=each.start, end=each.end) for each in config.periods],
        grading_rules={subject: asdict(rules) for subject, rules in config.grading_rules.items()},
        versions=await tenant_config.versions(call.tenant, keys.PERIODS),
        warnings=[
            f"no period covers {first} to {last}: what is dated there must name its period"
            for first, last in period_calendar.gaps(config)
        ],
    )


async def _settings(call: Call, school: School) -> SchoolSettings:
    return SchoolSettings(
        version=school.version,
        time_zone=school.time_zone,
        points=dict(school.points.points),
        points_version=school.points.version,
        records_since=school.records_since,
        versions=await tenant_config.versions(call.tenant, keys.SCHOOL),
    )


def _expect(given: int | None, stored: int) -> None:
    if given is not None and given != stored:
        raise _conflict(stored)


def _conflict(stored: int) -> ProblemError:
    return ProblemError(VERSION_CONFLICT, f"the configuration is at version {stored}", current_version=stored)


def _exact(rules: Any) -> Any:
    """JSON's floats as the decimals that a person wrote: 0.7 and not 0.69999."""
    if isinstance(rules, float):
        return repr(rules)
    if isinstance(rules, dict):
        return {name: _exact(value) for name, value in rules.items()}
    return rules


def _placed(message: str) -> Fault:
    place, _, rule = message.partition(" ")
    return Fault(f"$.{place}", rule)


def _version(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) <= 6 and int(text) >= 1:
        return int(text)
    raise ValueError(f"version {text!r:.20}: use a whole number from 1 up")


_VERSION = Query(
    "version",
    "An earlier version; left out: the current one.",
    "1",
    {"type": "integer", "minimum": 1, "maximum": 999_999},
)
_WEIGHTS = {"weights": {"exam": 0.7, "homework": 0.2, "quiz": 0.1}, "min_passing": 60}
_PERIODS_EXAMPLES = (
    Example(
        "Trimesters",
        {
            "periods": [
                {"id": "Q1_2026", "start": "2026-01-15", "end": "2026-04-15"},
                {"id": "Q2_2026", "start": "2026-04-16", "end": "2026-07-15"},
            ],
            "grading_rules": {"*": _WEIGHTS, "matematicas": {**_WEIGHTS, "min_passing": 70, "digits": 1}},
        },
    ),
    Example(
        "From trimesters to semesters: only this call",
        {
            "periods": [{"id": "S1_2026", "start": "2026-01-15", "end": "2026-07-15"}],
            "grading_rules": {"*": _WEIGHTS},
        },
    ),
)

OPERATIONS = (
    Operation(
        "GET",
        "/config/periods",
        "Read periods and grading rules",
        "As they are now, or an earlier version: every grade names the version it was calculated with.",
        STAFF,
        read_periods,
        {HTTPStatus.OK: Periods},
        query=(_VERSION,),
        problems=(NOT_FOUND,),
    ),
    Operation(
        "PUT",
        "/config/periods",
        "Change periods and grading rules",
        "Replaces all of them and keeps what was. Periods may not overlap; gaps are told in `warnings`. "
        "Weights sum to 1 (or 100).",
        ADMINS,
        put_periods,
        {HTTPStatus.OK: Periods},
        takes=PeriodsBody,
        examples=_PERIODS_EXAMPLES,
        problems=(NOT_FOUND, VERSION_CONFLICT),
    ),
    Operation(
        "GET",
        "/config/school",
        "Read time zone and rules of points",
        "As they are now, or an earlier version.",
        STAFF,
        read_school,
        {HTTPStatus.OK: SchoolSettings},
        query=(_VERSION,),
        problems=(NOT_FOUND,),
    ),
    Operation(
        "PUT",
        "/config/school",
        "Change time zone and rules of points",
        "Replaces them and keeps what was. Events that were taken before keep their points and their local "
        "date: a number that a teacher has seen does not change.",
        ADMINS,
        put_school,
        {HTTPStatus.OK: SchoolSettings},
        takes=SchoolBody,
        examples=(
            Example(
                "Mexico, participation counts more",
                {"time_zone": "America/Mexico_City", "points": {"participation": 3, "attendance.late": -2}},
            ),
        ),
        problems=(NOT_FOUND, VERSION_CONFLICT),
    ),
)
