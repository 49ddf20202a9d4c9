from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, date, datetime

import pytest

from pipelines.simulation.invented import invented
from transforms.events import RejectedEventError, check, decode

TODAY = date(2026, 2, 18)
NOW = datetime(2026, 2, 18, 12, tzinfo=UTC)


def test_every_message_has_the_fate_that_the_contract_gives_it() -> None:
    scenario = invented(schools=3, weeks=2, events=2_000, today=TODAY)
    schools = {school.school_id: school for school in scenario.schools}
    seen, fates = set(), Counter[str]()
    for message in scenario.messages:
        try:
            event = decode(message.body)
            check(event, schools[message.school_id], NOW)
        except RejectedEventError as rejected:
            fate = rejected.faults[0].reason.value
        else:
            fate = "duplicate" if event.event_id in seen else "valid"
            seen.add(event.event_id)
        assert message.fate == fate
        fates[fate] += 1
    assert set(fates) >= {"valid", "duplicate", "too_old", "unknown_type", "malformed_json"}


def test_a_scenario_is_about_as_large_as_asked_and_repeats_itself() -> None:
    first = list(invented(events=6_000, today=TODAY).messages)
    again = list(invented(events=6_000, today=TODAY).messages)
    assert first == again
    assert len(first) == pytest.approx(6_000, rel=0.1)


def test_events_fall_on_the_mornings_of_the_last_whole_school_weeks() -> None:
    scenario = invented(schools=1, weeks=3, events=900, today=TODAY)
    moments = [
        datetime.fromisoformat(json.loads(message.body)["occurred_at"])
        for message in scenario.messages
        if message.fate == "valid"
    ]
    assert {moment.date() for moment in moments} == {
        date.fromisocalendar(2026, week, day) for week in (5, 6, 7) for day in range(1, 6)
    }
    assert all(7 <= moment.hour < 13 for moment in moments)


def test_a_damaged_roster_spoils_one_school_only() -> None:
    scenario = invented(schools=3, events=600, today=TODAY, damaged_roster=True)
    assert {student.key.school_id for student in scenario.damaged} == {"school_3"}


def test_students_have_names_that_follow_from_the_seed_and_change_nothing_else() -> None:
    def named(seed: int) -> list[str]:
        scenario = invented(schools=2, events=600, today=TODAY, seed=seed)
        return [f"{student.given_name} {student.family_name}" for student in scenario.students]

    first = named(1)
    assert first == named(1) != named(2)
    assert all(3 <= len(name.split()) <= 4 for name in first)
    assert len(set(first)) > 0.9 * len(first)
    names = {word for name in first for word in name.split()}
    for message in invented(schools=2, events=600, today=TODAY).messages:
        assert not names & set(message.body.decode("utf-8", "replace").replace('"', " ").split())
