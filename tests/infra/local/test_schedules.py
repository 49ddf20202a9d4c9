from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta, timezone

import pytest

from infra.local import schedules
from infra.local.declarations import ScheduleDeclaration
from infra.local.schedules import Schedule

INPUT = '{"scheduled_time": "<aws.scheduler.scheduled-time>"}'


def declared(*, enabled: bool = True) -> ScheduleDeclaration:
    return ScheduleDeclaration("nights", "rate(1 minute)", "UTC", "arn:aws:lambda:::f", INPUT, enabled)


def test_a_target_is_told_the_time_that_its_schedule_meant() -> None:
    told: list[bytes] = []

    async def target(payload: bytes) -> str:
        told.append(payload)
        return "done"

    moment = datetime(2026, 2, 3, 2, 0, tzinfo=timezone(timedelta(hours=-6)))
    assert asyncio.run(Schedule(declared(), target).fire(moment)) == "done"
    assert told == [b'{"scheduled_time": "2026-02-03T08:00:00Z"}']


@pytest.mark.fault
def test_a_target_that_fails_is_called_again_at_the_next_time(monkeypatch: pytest.MonkeyPatch) -> None:
    calls: list[bytes] = []

    async def target(payload: bytes) -> None:
        calls.append(payload)
        raise RuntimeError("down")

    def soon(*_: object) -> list[datetime]:
        return [datetime.now(UTC) + timedelta(milliseconds=10 * number) for number in range(3)]

    monkeypatch.setattr(schedules, "times", soon)

    async def run() -> None:
        schedule = Schedule(declared(), target)
        schedule.start()
        async with asyncio.timeout(10):
            while len(calls) < 3:
                await asyncio.sleep(0.01)
        await schedule.stop()

    asyncio.run(run())
    assert len(calls) == 3


def test_a_disabled_schedule_is_only_due_by_hand(monkeypatch: pytest.MonkeyPatch) -> None:
    async def target(payload: bytes) -> None:
        raise AssertionError("it is disabled")

    monkeypatch.setattr(schedules, "times", lambda *_: [datetime.now(UTC)])

    async def run() -> None:
        schedule = Schedule(declared(enabled=False), target)
        schedule.start()
        await asyncio.sleep(0.05)
        await schedule.stop()

    asyncio.run(run())
