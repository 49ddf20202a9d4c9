"""Invented schools whose weeks look like weeks: mornings, late arrivals, repeats, mistakes.

Everything follows from the seed and the date, so a run can be repeated.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from random import Random
from typing import Any

import msgspec

from pipelines.simulation.names import invented_name
from pipelines.simulation.scenario import DUPLICATE, VALID, Message, Scenario
from transforms.calendar import week_start, zone
from transforms.events import Reason
from transforms.keys import StudentKey
from transforms.points import PointsRules
from transforms.schools import School
from transforms.students import Student

ZONES = ("America/Mexico_City", "America/Bogota", "America/Santiago", "Europe/Madrid", "America/Lima")
SUBJECTS = ("matematicas", "lengua", "ciencias", "historia", "ingles", "arte")
EVENTS_A_STUDENT_DAY = 3.12  # attendance, and what a class brings: as `_Pupil` draws them
LATE_SHARE, DUPLICATE_SHARE, INVALID_SHARE = 0.03, 0.015, 0.01


def invented(
    *,
    schools: int = 6,
    weeks: int = 3,
    events: int = 30_000,
    today: date,
    seed: int = 1,
    damaged_roster: bool = False,
) -> Scenario:
    """A scenario of invented schools over the last whole weeks before `today`.

    Args:
        schools: How many; they differ in size, zone and rules.
        weeks: How many school weeks, Monday to Friday.
        events: About how many messages in all.
        today: The weeks end on the Sunday before it, or on it.
        seed: Other seeds, other schools.
        damaged_roster: The last school's roster holds graduation years with a digit too many, so
            that the gate keeps that school's rows out of the lake.

    Returns:
        The scenario; its messages are made while they are sent.
    """
    random = Random(seed)  # noqa: S311 - a simulation, no secret
    people = Random(f"names {seed}")  # noqa: S311 - apart, so that names change nothing of what happens
    sizes = _sizes(schools, students=max(schools, round(events / (5 * weeks * EVENTS_A_STUDENT_DAY))))
    last_monday = week_start(today - timedelta(days=6))
    mondays = [last_monday - timedelta(weeks=back) for back in range(weeks - 1, -1, -1)]
    configured, students = [], []
    for number, size in enumerate(sizes, start=1):
        school = School(
            f"school_{number}",
            ZONES[(number - 1) % len(ZONES)],
            PointsRules(1, {"participation": 2 + number % 2}),
        )
        configured.append(school)
        students += [_student(school, index, today, people) for index in range(size)]
    size = round(len(students) * 5 * weeks * EVENTS_A_STUDENT_DAY)
    messages = _messages(configured, students, mondays, random)
    damaged = [s for s in students if damaged_roster and s.key.school_id == f"school_{schools}"][::9]
    return Scenario(configured, students, messages, size, damaged)


def _sizes(schools: int, students: int) -> list[int]:
    """Students by school: the largest is some three times the smallest."""
    weights = [1 + 2 * index / max(1, schools - 1) for index in range(schools)]
    return [max(1, round(students * weight / sum(weights))) for weight in weights]


def _student(school: School, index: int, today: date, people: Random) -> Student:
    grade = index % 6
    year = today.year + 1 + grade
    name = invented_name(people)
    return Student(
        StudentKey(school.school_id, f"student_{school.school_id}_{index:05d}"),
        year,
        class_id=f"{6 - grade}{'AB'[index // 6 % 2]}",
        given_name=name.given,
        family_name=name.family,
    )


def _messages(
    schools: list[School], students: list[Student], mondays: list[date], random: Random
) -> Iterator[Message]:
    """Day after day; what arrives late comes at the end of its week or of all."""
    zones = {school.school_id: school.time_zone for school in schools}
    pupils = [_Pupil(student, zones[student.key.school_id], random) for student in students]
    late: list[Message] = []
    for week, monday in enumerate(mondays):
        for day in (monday + timedelta(days=offset) for offset in range(5)):
            morning: list[Message] = []
            for pupil in pupils:
                for event in pupil.day(day, week):
                    message = Message(pupil.school_id, msgspec.json.encode(event), VALID)
                    (late if random.random() < LATE_SHARE else morning).append(message)
                    if random.random() < INVALID_SHARE:
                        morning.append(_spoil(event, pupil.school_id, random))
            random.shuffle(morning)
            yield from _with_repeats(morning, random)
        arrived, late = late[::2], late[1::2]
        yield from arrived
    yield from late


def _with_repeats(messages: list[Message], random: Random) -> Iterator[Message]:
    """Now and then a sender sends again what it sent a moment or a while ago."""
    sent: list[Message] = []
    for message in messages:
        yield message
        if message.fate == VALID:
            sent.append(message)
        if sent and random.random() < DUPLICATE_SHARE:
            yield random.choice(sent[-200:])._replace(fate=DUPLICATE)


class _Pupil:
    """A student whose weeks follow a temper: how often present, how zealous, drifting where to."""

    def __init__(self, student: Student, zone_name: str, random: Random) -> None:
        self.school_id = student.key.school_id
        self._student, self._zone, self._random = student, zone(zone_name), random
        self._presence = random.uniform(0.86, 0.99)
        self._zeal, self._drift = random.uniform(0.1, 0.6), random.gauss(0, 0.08)

    def day(self, day: date, week: int) -> Iterator[dict[str, Any]]:
        """The events of one school day."""
        chance = self._random.random
        zeal = min(0.95, max(0.02, self._zeal + self._drift * week))
        if chance() >= self._presence:
            status = self._random.choice(("absent", "absent", "excused"))
            yield self._event(day, "attendance", at_bell=True, status=status)
            return
        status = self._random.choices(("present", "late"), (12, 1))[0]
        yield self._event(day, "attendance", at_bell=True, status=status)
        subject = self._random.choice(SUBJECTS)
        for kind, likely in (
            ("participation", zeal),
            ("class_response", zeal),
            ("activity_completed", 0.45 + zeal / 3),
            ("assignment_submitted", 0.35 + zeal / 3),
            ("help_request", 0.15),
            ("participation", zeal / 2),
        ):
            if chance() < likely:
                yield self._event(day, kind, subject=subject)
        if chance() < 0.1:
            shares = (zeal + 0.2, 0.1, 0.7 - zeal / 2)
            polarity = self._random.choices(("positive", "neutral", "negative"), shares)[0]
            yield self._event(day, "conduct", polarity=polarity)

    def _event(self, day: date, kind: str, *, at_bell: bool = False, **details: str) -> dict[str, Any]:
        # The school morning: a peak at the first bell, then a hump that fades towards noon.
        minutes = self._random.triangular(0, 25, 8) if at_bell else self._random.triangular(20, 300, 110)
        bell = datetime(day.year, day.month, day.day, 7, tzinfo=self._zone)
        return {
            "event_id": _uuid(self._random),
            "type": kind,
            "student_id": self._student.key.student_id,
            "teacher_id": f"teacher_{self.school_id}_{self._random.randrange(20):03d}",
            "class_id": self._student.class_id,
            "occurred_at": (bell + timedelta(minutes=minutes)).isoformat(timespec="milliseconds"),
            **details,
        }


def _uuid(random: Random) -> str:
    return str(uuid.UUID(int=random.getrandbits(128), version=4))


def _spoil(event: dict[str, Any], school_id: str, random: Random) -> Message:
    """A copy of an event, with an identity of its own and one mistake that senders make."""
    spoiled = {**event, "event_id": _uuid(random)}
    mistake: dict[Reason, dict[str, Any]] = {
        Reason.UNKNOWN_TYPE: {"type": "singing", "status": None},
        Reason.BAD_IDENTIFIER: {"student_id": event["student_id"] + "#1"},
        Reason.NAIVE_TIME: {"occurred_at": event["occurred_at"][:19]},
        Reason.TOO_OLD: {"occurred_at": "1970-01-01T00:00:00+00:00"},
        Reason.IN_THE_FUTURE: {"occurred_at": f"2099{event['occurred_at'][4:]}"},
        Reason.FOREIGN_SCHOOL: {"school_id": "school_of_others"},
        Reason.WRONG_TYPE: {"student_id": 7},
        Reason.MALFORMED_JSON: {},
    }
    reason = random.choice(list(mistake))
    spoiled.update(mistake[reason])
    body = msgspec.json.encode(spoiled)
    return Message(school_id, body[:-9] if reason is Reason.MALFORMED_JSON else body, reason.value)
