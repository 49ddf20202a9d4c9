"""A run that is killed before any of its steps, and the run after it."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from adapters import sync_failures, sync_records
from tests.sync.house import House, correct, grade_of, group, put, raw, stored

pytestmark = [pytest.mark.service, pytest.mark.fault]


def _crashing_schools(house: House, prepare: Callable[[str], None]) -> Iterator[str]:
    """A new school for each step at which a run can be killed, after the killed run."""
    for number in range(1, 100):
        school_id = f"school_{number}"
        prepare(school_id)
        house.crash_at(number)
        execution = house.sync(school_id)
        house.repair()
        if execution.status != "RUNNING":  # it came to its end before that step
            assert number > 10
            return
        yield school_id
    raise AssertionError("a run of more than 99 steps")


def _everything_is_right(house: House, school_id: str, count: int) -> None:
    state = house.government.register.state()
    assert state["regressions"] == []
    assert state["batches_applied_more_than_once"] == []
    assert state["lines_applied_more_than_once"] == []
    on_record = [line for line in state["record"] if line["school_id"] == school_id]
    assert len(on_record) == count
    for line in on_record:
        number = int(line["student_id"].split("_")[1])
        grade = stored(group(number, school_id))
        assert (grade.version, grade.synced, grade.synced_version) == (line["version"], True, line["version"])
        assert "pending_pk" not in raw(group(number, school_id))
    assert sync_records.first_open(school_id) is None


def test_killed_before_any_step_the_next_run_ends_the_same(house: House) -> None:
    def prepare(school_id: str) -> None:
        put(grade_of(group(2, school_id)), grade_of(group(3, school_id)))

    for school_id in _crashing_schools(house, prepare):
        assert house.sync(school_id).status == "SUCCEEDED"
        _everything_is_right(house, school_id, 2)


@pytest.mark.slow
def test_what_changes_between_a_killed_run_and_the_next_does_not_apply_a_line_twice(house: House) -> None:
    def prepare(school_id: str) -> None:
        put(grade_of(group(2, school_id)), grade_of(group(3, school_id)))

    for school_id in _crashing_schools(house, prepare):
        put(grade_of(group(1, school_id)))  # sorts first: the batch would be cut otherwise
        correct(group(3, school_id), "12")
        assert house.sync(school_id).status == "SUCCEEDED"
        _everything_is_right(house, school_id, 3)


def test_killed_while_a_batch_is_given_up_nothing_is_lost(house: House) -> None:
    def prepare(school_id: str) -> None:
        house.government.faults.clear()
        house.government.faults.add({"fault": "reject"})
        put(grade_of(group(1, school_id)))

    for school_id in _crashing_schools(house, prepare):
        house.government.faults.clear()
        assert house.sync(school_id).status == "SUCCEEDED"
        failed = [each for each in sync_failures.failures() if each.school_id == school_id]
        if failed:  # it was given up before the crash
            assert raw(group(1, school_id))["sync_failure"] == failed[0].batch.sync_batch_id
            assert sync_records.first_open(school_id) is None
        else:
            _everything_is_right(house, school_id, 1)


def test_killed_between_the_send_and_the_mark_the_batch_is_told_again_and_applied_once(house: House) -> None:
    put(grade_of(group(1)))

    def kill(step: str) -> None:
        if house.steps and house.steps[-1] == "HTTP:POST /v1/grade-batches":
            house.crash_at(1)
            house.before_step(step)

    house.before_step = kill
    assert house.sync().status == "RUNNING"
    assert len(house.government.register.batches) == 1
    assert not stored(group(1)).synced
    house.repair()
    house.sync()
    assert house.government.register.duplicates == 1
    _everything_is_right(house, "school_1", 1)
