"""How a load is divided: shards of bounded size, each a run of the load's files in the order of keys."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, islice, pairwise
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from adapters.lake import LandingFile  # the command line reads the bounds, and starts at once


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much a load takes.

    Attributes:
        shards: Most shards of a load.
        files: Most files of a shard.
        size: Most bytes of a shard's files, of Parquet: 192 MB are 1.4 million rows, for which a process
            takes some 1.2 GB. A single larger file is a shard alone.
    """

    shards: int = 20
    files: int = 500
    size: int = 192 * 2**20

    def chosen(self, files: Iterable[LandingFile]) -> list[LandingFile]:
        """The first files, as many as a load takes."""
        return [file for shard in islice(split(files, self), self.shards) for file in shard]


USUAL = Bounds()


def split(files: Iterable[LandingFile], bounds: Bounds) -> Iterator[list[LandingFile]]:
    """Parts files into shards, in their order, each as full as it may be."""
    shard: list[LandingFile] = []
    size = 0
    for file in files:
        if shard and (len(shard) == bounds.files or size + file.size > bounds.size):
            yield shard
            shard, size = [], 0
        shard.append(file)
        size += file.size
    if shard:
        yield shard


def parted(files: Sequence[LandingFile], counts: Iterable[int]) -> list[list[LandingFile]]:
    """Parts files as they were parted before.

    Args:
        files: In the order of their keys.
        counts: Files by shard.
    """
    ends = accumulate(counts, initial=0)
    return [list(files[start:end]) for start, end in pairwise(ends)]
