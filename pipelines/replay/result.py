"""What a replay tells."""

from __future__ import annotations

from dataclasses import dataclass, replace

from adapters.lake import PartitionValues
from pipelines.replay.comparing import Compared
from pipelines.replay.source import Source
from pipelines.replay.span import Span


class NothingRetainedError(LookupError):
    """The source has no row of the days that were asked for."""


@dataclass(frozen=True, slots=True)
class Left:
    """A partition that was left as it is though it differs.

    Attributes:
        partition: Its values.
        why: And what can be done.
    """

    partition: PartitionValues
    why: str


@dataclass(frozen=True)
class Replayed:
    """What a replay found, and did.

    Attributes:
        source: What the lake was held against.
        table: The lake table.
        span: Which days and schools.
        partitions: How each partition compared before anything was changed.
        healed: Those made anew, as they compare since.
        left: Those that differ and were not made anew although it was wished.
        hours: First and last hour of the landing, where that is the source.
        applied: Whether what differs was to be made anew.
    """

    source: Source
    table: str
    span: Span
    partitions: tuple[Compared, ...]
    healed: tuple[Compared, ...] = ()
    left: tuple[Left, ...] = ()
    hours: tuple[str, str] | None = None
    applied: bool = False

    @property
    def missing_differs(self) -> bool:
        """Whether what is missing counts as a difference.

        What the store has and the lake has not is on its way, held back, or lost: the store does not know.
        """
        return self.source is Source.LANDING or self.applied

    @property
    def differing(self) -> tuple[Compared, ...]:
        """The partitions that did not match."""
        if self.missing_differs:
            return tuple(each for each in self.partitions if not each.matches)
        return tuple(each for each in self.partitions if not replace(each, missing=0).matches)

    @property
    def right(self) -> bool:
        """Whether every partition is what it must be now."""
        return len(self.healed) == len(self.differing) and not self.left

    def total(self, name: str) -> int:
        """The sum of a number of `Compared` over the partitions."""
        return sum(getattr(each, name) for each in self.partitions)
