"""The gateway's access log: a file to look at, and the log group that the template names."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from infra.local.wire import AwsError, JsonService

logger = logging.getLogger(__name__)

STREAM = "gateway"
GATHER_SECONDS = 0.2  # between two deliveries to the group
EVENTS_A_CALL = 10_000  # PutLogEvents' limit; of lines of this size it is reached before 1 MiB


class AccessLog:
    """Takes a line a request.

    Args:
        file: Where lines are appended.
        group: Log group that gets them too.
        service: CloudWatch Logs; made in the server's own loop.
    """

    def __init__(self, file: Path, group: str, service: Callable[[], JsonService]) -> None:
        self._file = file.open("a", encoding="utf-8")
        self._group = group
        self._make_service = service
        self._service: JsonService | None = None
        self._waiting: list[dict[str, Any]] = []
        self._delivery: asyncio.Task[None] | None = None

    def write(self, line: str) -> None:
        """Takes one line; it is in the group a moment later."""
        self._file.write(line)
        self._waiting.append({"timestamp": int(time.time() * 1000), "message": line.rstrip("\n")})
        if self._delivery is None:
            self._delivery = asyncio.get_running_loop().create_task(self._deliver())

    async def _deliver(self) -> None:
        while self._waiting:
            await asyncio.sleep(GATHER_SECONDS)
            batch = self._waiting[:EVENTS_A_CALL]
            try:
                await self._put(batch)
            except (AwsError, ConnectionError, TimeoutError) as failed:
                logger.warning("access log: %s; trying again", failed)
                continue
            del self._waiting[: len(batch)]
        self._delivery = None

    async def _put(self, events: list[dict[str, Any]]) -> None:
        name = {"logGroupName": self._group, "logStreamName": STREAM}
        if self._service is None:
            self._service = self._make_service()
            await self._service.call("CreateLogStream", name)
        await self._service.call("PutLogEvents", {**name, "logEvents": events})

    def close(self) -> None:
        """Ends the file."""
        self._file.close()
