"""A cache whose entries grow old, for what is read far more often than it changes."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")


class ExpiringCache(Generic[K, V]):
    """Values by key, each at most `ttl` seconds old, at most `size` of them.

    A lookup that fails is not remembered. When the cache is full it is emptied: that is rare
    by the choice of `size`, and cheaper than keeping an order of use on every read.
    """

    def __init__(self, ttl: float, size: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._ttl, self._size, self._clock = ttl, size, clock
        self._entries: dict[K, tuple[float, V]] = {}

    def get(self, key: K, read: Callable[[K], V]) -> V:
        """The value of one key, read anew when it is missing or too old."""
        entry = self._entries.get(key)
        if entry is not None and entry[0] > self._clock():
            return entry[1]
        return self.get_many((key,), lambda missing: {key: read(key) for key in missing})[key]

    def get_many(self, wanted: Iterable[K], read: Callable[[Sequence[K]], Mapping[K, V]]) -> dict[K, V]:
        """The values of many keys; `read` is called at most once, with the keys that are missing."""
        now = self._clock()
        found: dict[K, V] = {}
        missing: dict[K, None] = {}
        for key in wanted:
            entry = self._entries.get(key)
            if entry is not None and entry[0] > now:
                found[key] = entry[1]
            else:
                missing[key] = None
        if missing:
            fresh = read(list(missing))
            if len(self._entries) + len(fresh) > self._size:
                self._entries.clear()
            until = now + self._ttl
            self._entries.update((key, (until, value)) for key, value in fresh.items())
            found.update(fresh)
        return found

    def clear(self) -> None:
        """Forgets everything."""
        self._entries.clear()
