"""So many writes a second and no more, whoever writes."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable


class Pace:
    """Lets calls through at a steady rate; threads share one.

    Args:
        per_second: Calls a second.
        clock: Seconds, that never run backwards.
        sleep: How to wait.

    Raises:
        ValueError: The rate is not positive.
    """

    def __init__(
        self,
        per_second: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if per_second <= 0:
            raise ValueError(f"{per_second} writes a second: use a number above 0")
        self._between, self._clock, self._sleep = 1 / per_second, clock, sleep
        self._next = 0.0
        self._lock = threading.Lock()

    def wait(self) -> None:
        """Returns when the next call may go out."""
        with self._lock:
            now = self._clock()
            turn = max(self._next, now)
            self._next = turn + self._between
        if turn > now:
            self._sleep(turn - now)
