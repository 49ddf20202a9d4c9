"""What is kept as items, messages and exports: the store, the edge's queues, exports of the store."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from adapters import object_versions, student_items
from adapters.object_versions import Version, VersionFile
from adapters.queues import Message, messages
from adapters.settings import setting
from adapters.store_exports import lines_of
from adapters.table import Key
from pipelines.erasure.holders import Finding, Work, holding
from transforms import keys
from transforms.keys import StudentKey
from transforms.retention.places import Place


@dataclass(frozen=True, slots=True)
class StoreHolder:
    """The items of the single table.

    Attributes:
        kinds: Its places, by the word that their keys begin with: `EVENT`, `PROFILE`, `ROSTER`, …
    """

    kinds: Mapping[str, Place]

    @property
    def places(self) -> Sequence[Place]:
        """See `Holder`."""
        return tuple(self.kinds.values())

    def find(self, work: Work) -> Iterator[Finding]:
        """See `Holder`: one finding a kind of item."""
        counts = Counter(self._kind(key) for key in self._keys(work))
        for kind, count in sorted(counts.items()):
            # A kind that nobody has named yet goes with the others.
            name = self.kinds[kind].name if kind in self.kinds else f"luca-platform/{kind}"
            yield Finding(name, kind, count)

    def remove(self, work: Work) -> None:
        """See `Holder`."""
        work.check()
        student_items.delete(self._keys(work))

    def _keys(self, work: Work) -> Iterator[Key]:
        school, student = work.subject.school_id, work.subject.student_id
        if student is not None:
            return student_items.of_student(StudentKey(school, student))
        # The hashes of erased students and their key go last, with the pseudonym keys.
        return student_items.of_school(school)

    def _kind(self, key: Key) -> str:
        pk, sk = key
        if pk == keys.SCHOOLS_PK:
            return "SCHOOLS"
        for kind in ("ROSTER", "CONFIG"):
            if pk.endswith(f"#{kind}"):
                return kind
        return sk.split("#", 1)[0]


@dataclass(frozen=True, slots=True)
class QueueHolder:
    """The messages of a queue of the edge.

    Attributes:
        place: Of the registry.
        queue: Name of the setting with its URL.
        told: School and body of a message.
    """

    place: Place
    queue: str
    told: Callable[[Message], tuple[str | None, str]]

    @property
    def places(self) -> Sequence[Place]:
        """See `Holder`."""
        return (self.place,)

    def find(self, work: Work) -> Iterator[Finding]:
        """See `Holder`."""
        count = sum(self._held(message, work) for message in messages(setting(self.queue)))
        if count:
            yield Finding(self.place.name, "messages", count)

    def remove(self, work: Work) -> None:
        """See `Holder`."""
        work.check()
        for _ in messages(setting(self.queue), take_out=lambda message: self._held(message, work)):
            pass

    def _held(self, message: Message, work: Work) -> bool:
        return work.subject.in_message(*self.told(message))


def of_rejection(message: Message) -> tuple[str | None, str]:
    """School and body of a message of the rejected queue."""
    told = msgspec.json.decode(message["Body"])
    return told["school_id"], told["body"]


def as_sent(message: Message) -> tuple[str | None, str]:
    """School and body of a message that is as a school sent it."""
    return message.get("Attributes", {}).get("MessageGroupId"), message["Body"]


@dataclass(frozen=True, slots=True)
class ExportHolder:
    """Exports of the store. One that holds some of the subject goes whole: the store can be exported again.

    Attributes:
        place: Of the registry.
    """

    place: Place

    @property
    def places(self) -> Sequence[Place]:
        """See `Holder`."""
        return (self.place,)

    def find(self, work: Work) -> Iterator[Finding]:
        """See `Holder`."""
        for version, items in self._held(work):
            yield Finding(
                self.place.name, version.key, items, version.size, version.version_id, version.latest
            )

    def remove(self, work: Work) -> None:
        """See `Holder`."""
        exports = {version.key.split("/data/")[0] for version, _ in self._held(work)}
        for folder in sorted(exports):
            work.check()
            object_versions.delete(self._versions(f"{folder}/"))

    def _versions(self, prefix: str) -> Iterator[Version]:
        return object_versions.versions(setting(f"{self.place.store}_BUCKET"), prefix)

    def _held(self, work: Work) -> Iterator[tuple[Version, int]]:
        def count(version: Version) -> int:
            told = lines_of(VersionFile(version, work.meter).read())
            return sum(work.subject.in_item(line.get("Item") or line["Keys"]) for line in told)

        found = self._versions(self.place.keys)
        return holding((each for each in found if each.key.endswith(".json.gz")), count)
