"""What every holder of a place can do: find a subject, remove it, and say what it found."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

from adapters.object_versions import Meter, Version
from pipelines.erasure.subject import Subject
from transforms.retention.places import Place

READERS = 8  # objects looked at side by side


class Finding(NamedTuple):
    """A part of a subject in a place. No identifier and no pseudonym of a student is in it.

    Attributes:
        place: The registry's name of the place.
        what: Key of an object, or the kind of items or messages.
        rows: Rows, items or messages that are the subject's.
        size: Bytes of the object that holds them; 0 where it is no object.
        version: Of the object; empty where it is none.
        latest: Whether readers see it: an old version is only deleted.
    """

    place: str
    what: str
    rows: int
    size: int = 0
    version: str = ""
    latest: bool = True


@dataclass
class Work:
    """What an erasure brings to every holder.

    Attributes:
        subject: Whom it is about.
        say: Told what is going on.
        check: Raises when the erasure may not go on.
        meter: What was read of objects.
        output: What was written anew.
    """

    subject: Subject
    say: Callable[[str], None] = lambda text: None
    check: Callable[[], None] = lambda: None
    meter: Meter = field(default_factory=Meter)
    output: Meter = field(default_factory=Meter)


class Holder(Protocol):
    """Knows how one or more places of the registry are looked through and emptied."""

    @property
    def places(self) -> Sequence[Place]:
        """Which."""

    def find(self, work: Work) -> Iterator[Finding]:
        """Every part of the subject that is there now."""

    def remove(self, work: Work) -> None:
        """Removes every part of the subject; removing nothing is no error."""


def holding(versions: Iterator[Version], count: Callable[[Version], int]) -> Iterator[tuple[Version, int]]:
    """The versions of objects that hold some of the subject, and how much; several are read at once."""
    with ThreadPoolExecutor(READERS, thread_name_prefix="erase") as pool:
        wanted = list(versions)
        for version, rows in zip(wanted, pool.map(count, wanted), strict=True):
            if rows:
                yield version, rows
