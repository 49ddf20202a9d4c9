from __future__ import annotations

from collections.abc import Sequence

import pytest

from adapters.expiring import ExpiringCache


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_a_value_is_read_once_until_it_is_too_old(clock: Clock) -> None:
    reads: list[str] = []
    cache: ExpiringCache[str, int] = ExpiringCache(60, 10, clock)

    def read(key: str) -> int:
        reads.append(key)
        return len(reads)

    assert [cache.get("a", read), cache.get("a", read)] == [1, 1]
    clock.now = 61
    assert cache.get("a", read) == 2


def test_many_keys_are_read_in_one_call_and_only_those_that_are_missing(clock: Clock) -> None:
    calls: list[list[int]] = []
    cache: ExpiringCache[int, int] = ExpiringCache(60, 10, clock)

    def read(keys: Sequence[int]) -> dict[int, int]:
        calls.append(list(keys))
        return {key: key * 10 for key in keys}

    assert cache.get_many([1, 2, 2], read) == {1: 10, 2: 20}
    assert cache.get_many([2, 3], read) == {2: 20, 3: 30}
    assert calls == [[1, 2], [3]]


def test_a_failed_read_is_not_remembered(clock: Clock) -> None:
    cache: ExpiringCache[str, int] = ExpiringCache(60, 10, clock)

    def fail(_key: str) -> int:
        raise OSError("down")

    with pytest.raises(OSError, match="down"):
        cache.get("a", fail)
    assert cache.get("a", lambda _key: 5) == 5


def test_it_never_holds_more_than_its_size(clock: Clock) -> None:
    cache: ExpiringCache[int, int] = ExpiringCache(60, 100, clock)
    for key in range(1_000):
        assert cache.get(key, lambda key: key) == key
    assert len(cache._entries) <= 100
