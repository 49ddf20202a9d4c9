"""EventBridge Scheduler: at each of its times, a schedule's target is called with its input."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Coroutine
from datetime import UTC, datetime
from typing import Any

from infra.local.declarations import ScheduleDeclaration
from infra.local.schedule_expressions import times

logger = logging.getLogger(__name__)

# https://docs.aws.amazon.com/scheduler/latest/UserGuide/managing-schedule-context-attributes.html
SCHEDULED_TIME = "<aws.scheduler.scheduled-time>"

Target = Callable[[bytes], Coroutine[Any, Any, object]]
"""Calls a target with its input."""


class Schedule:
    """One schedule.

    A target that fails is logged and not tried again: on one machine its next time comes soon
    enough, and what our targets miss once they make up for.

    Args:
        declaration: As a template declares it.
        target: What is called.
    """

    def __init__(self, declaration: ScheduleDeclaration, target: Target) -> None:
        self.declaration = declaration
        self._target = target
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Waits for its times from now on."""
        if self.declaration.enabled:
            self._task = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Waits no longer; a call that is under way is left alone."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None

    async def fire(self, moment: datetime) -> object:
        """Calls the target as at one of its times.

        Args:
            moment: Aware: what the target is told as its scheduled time.

        Returns:
            The target's answer.
        """
        told = moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return await self._target(self.declaration.input.replace(SCHEDULED_TIME, told).encode())

    async def _run(self) -> None:
        declared = self.declaration
        for moment in times(declared.expression, declared.time_zone, datetime.now(UTC)):
            # The loop's clock may drift from the wall's while a laptop sleeps: look again each minute.
            while (left := (moment - datetime.now(UTC)).total_seconds()) > 0:
                await asyncio.sleep(min(left, 60))
            try:
                await self.fire(moment)
            except Exception:
                logger.exception("schedule %s: its target failed", declared.name)
