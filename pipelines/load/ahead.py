"""Work side by side, with no more of it in hand than a few: memory follows the few, not the many."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Executor, Future
from typing import TypeVar

Given = TypeVar("Given")
Made = TypeVar("Made")


def in_order(
    pool: Executor, work: Callable[[Given], Made], given: Iterable[Given], ahead: int
) -> Iterator[Made]:
    """What work makes of each, in the order given.

    Args:
        pool: Who works.
        work: Done for each.
        given: Taken one by one, as there is room.
        ahead: Most that wait or are done and not taken yet.
    """
    waiting: deque[Future[Made]] = deque()
    try:
        for each in given:
            waiting.append(pool.submit(work, each))
            if len(waiting) > ahead:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        for future in waiting:  # after a failure nothing more is begun
            future.cancel()
