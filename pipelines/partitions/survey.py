"""What lies in the lake, partition by partition: one listing, a thousand objects a call."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby

from adapters import generations
from adapters.generations import LakeObject
from adapters.lake import PartitionValues
from transforms.lake_schema import PARTITION_KEYS

_FOLDERS = re.compile("/".join(f"{key}=([^/]+)" for key in PARTITION_KEYS) + r"/gen=\d{4,}/$")


@dataclass(frozen=True, slots=True)
class Generation:
    """What lies in one generation of a partition.

    Attributes:
        partition: Its values.
        place: Its prefix in the lake bucket.
        sizes: Bytes of each of its files.
        newest: When the last of them was written, seconds since 1970.
    """

    partition: PartitionValues
    place: str
    sizes: tuple[int, ...]
    newest: float

    @property
    def size(self) -> int:
        """Bytes of all its files."""
        return sum(self.sizes)


def generations_of(table: str) -> Iterator[Generation]:
    """Every generation that has files, in the order of the keys; what is in no generation is left out."""
    found = generations.objects(f"lake/{table}/")
    for place, files in groupby(found, key=lambda file: file.folder):
        values = _FOLDERS.search(place)
        if values:
            yield _generation(values.groups(), place, list(files))


def _generation(partition: PartitionValues, place: str, files: list[LakeObject]) -> Generation:
    return Generation(
        partition, place, tuple(file.size for file in files), max(file.written_at for file in files)
    )
