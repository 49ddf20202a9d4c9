"""AWS calls take so many entries at once and no more."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice
from typing import TypeVar

T = TypeVar("T")


def batches(entries: Iterable[T], size: int) -> Iterator[list[T]]:
    """Cuts entries into lists of `size`, the last one shorter; `itertools.batched` needs Python 3.12."""
    rest = iter(entries)
    while batch := list(islice(rest, size)):
        yield batch
