"""What lies in a bucket against what may: age, place, cohort, old versions. Memory does not grow with it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import lru_cache

from adapters.object_versions import Version
from pipelines.audits.retention.result import EXAMPLES, Finding, Pile, Severity
from transforms.bilingual import Words
from transforms.retention.cohorts import UNKNOWN
from transforms.retention.due import Standing, days_after, due_on, standing_of
from transforms.retention.lifecycle import NONCURRENT_DAYS
from transforms.retention.places import Bucket

GRACE_DAYS = 3  # S3 removes what is due within days, not at once


@dataclass
class _Heap:
    """Objects that have something in common."""

    objects: int = 0
    bytes: int = 0
    examples: list[str] = field(default_factory=list)

    def add(self, version: Version) -> None:
        self.objects += 1
        self.bytes += version.size
        if len(self.examples) < EXAMPLES:
            self.examples.append(version.key)


class Stock:
    """What lies in a bucket, counted version by version.

    Args:
        bucket: The bucket.
        as_of: The day to judge by, UTC.
    """

    def __init__(self, bucket: Bucket, as_of: date) -> None:
        self.bucket = bucket
        self._late = as_of - timedelta(days=GRACE_DAYS)
        self._piles: dict[tuple[str, int | None, int | None], _Heap] = defaultdict(_Heap)
        self._overdue: dict[tuple[str, int | None], _Heap] = defaultdict(_Heap)
        self._misplaced: dict[str, _Heap] = defaultdict(_Heap)
        self._unknown: dict[str, _Heap] = defaultdict(_Heap)
        self._unregistered = _Heap()
        self._old_versions = _Heap()
        self.noncurrent = _Heap()
        # Objects of a folder have the same standing; a listing goes through folder by folder.
        self._standing = lru_cache(64)(lambda folder: standing_of(bucket.name, folder))

    def count(self, versions: Iterable[Version]) -> None:
        """Counts versions; may be called again for more of them."""
        for version in versions:
            if version.replaced is not None:
                self.noncurrent.add(version)
                if days_after(version.replaced, NONCURRENT_DAYS) <= self._late:
                    self._old_versions.add(version)
            elif not version.is_marker:
                self._count_current(version)

    def _count_current(self, version: Version) -> None:
        standing = self._standing(version.key[: version.key.rfind("/") + 1])
        if standing is None:
            self._unregistered.add(version)
            return
        due = self._due(standing, version)
        name = standing.place.name
        self._piles[name, standing.cohort, due.year if due else None].add(version)
        if standing.misplaced:
            self._misplaced[name].add(version)
        if standing.cohort == UNKNOWN:
            self._unknown[name].add(version)
        if due is not None and due <= self._late:
            self._overdue[name, standing.cohort].add(version)

    def _due(self, standing: Standing, version: Version) -> date | None:
        due = due_on(standing, version.written)
        if self.bucket.days is None:
            return due
        at_most = days_after(version.written, self.bucket.days)
        return at_most if due is None else min(due, at_most)

    def piles(self) -> Iterator[Pile]:
        """What lies where, by place, cohort and the year in which it goes."""
        for (place, cohort, year), heap in self._piles.items():
            yield Pile(place, cohort, year, heap.objects, heap.bytes)

    def findings(self) -> Iterator[Finding]:
        """What may not be there."""
        for (place, cohort), heap in self._overdue.items():
            of = Words("", "")
            if cohort is not None:
                of = Words(
                    f" of cohort {cohort or 'unknown'}", f" de la generación {cohort or 'desconocida'}"
                )
            yield _finding(
                "overdue",
                Severity.CRITICAL,
                place,
                Words(
                    f"objects{of.en} are older than they may be, by more than {GRACE_DAYS} days",
                    f"objetos{of.es} pasan de la edad permitida por más de {GRACE_DAYS} días",
                ),
                Words(
                    "put the rules in place (`luca retention roll`); S3 then removes them within days",
                    "ponga las reglas (`luca retention roll`); S3 los elimina en unos días",
                ),
                heap,
            )
        for place, heap in self._misplaced.items():
            yield _finding(
                "no-cohort",
                Severity.CRITICAL,
                place,
                Words(
                    "objects lie in no cohort's folder, where no rule will ever remove them",
                    "objetos fuera de la carpeta de una generación, donde ninguna regla los eliminará jamás",
                ),
                Words(
                    "find who wrote them; move them below graduation_year=…/, or delete them",
                    "averigüe quién los escribió; muévalos bajo graduation_year=…/ o bórrelos",
                ),
                heap,
            )
        if self._unregistered.objects:
            kept = self.bucket.days
            yield _finding(
                "unregistered",
                Severity.CRITICAL if kept is None else Severity.WARNING,
                self.bucket.name.lower(),
                Words(
                    "objects lie where the registry knows of nothing"
                    + (", and nothing removes them" if kept is None else f"; they go after {kept} days"),
                    "objetos donde el registro no sabe de nada"
                    + (", y nada los elimina" if kept is None else f"; se van a los {kept} días"),
                ),
                Words(
                    "delete them, or give their prefix a place in transforms/retention/buckets.py",
                    "bórrelos, o dé a su prefijo un lugar en transforms/retention/buckets.py",
                ),
                self._unregistered,
            )
        for place, heap in self._unknown.items():
            yield _finding(
                "unknown-cohort",
                Severity.WARNING,
                place,
                Words(
                    "objects hold rows whose student has no known year of graduation",
                    "objetos con filas de alumnos sin año de egreso conocido",
                ),
                Words(
                    "complete the profiles: later rows find their cohort; these go by their own year",
                    "complete los perfiles: las filas siguientes hallan su generación; estas, por su año",
                ),
                heap,
            )
        if self._old_versions.objects:
            yield _finding(
                "old-versions",
                Severity.CRITICAL,
                self.bucket.name.lower(),
                Words(
                    f"versions replaced or deleted more than {NONCURRENT_DAYS} days ago are still there",
                    f"versiones reemplazadas o borradas hace más de {NONCURRENT_DAYS} días, que siguen ahí",
                ),
                Words(
                    "see that rule old-versions is in force (`luca retention roll`)",
                    "vea que la regla old-versions esté en vigor (`luca retention roll`)",
                ),
                self._old_versions,
            )


def _finding(check: str, severity: Severity, where: str, what: Words, way_out: Words, heap: _Heap) -> Finding:
    return Finding(
        check,
        severity,
        where,
        what,
        way_out,
        heap.objects,
        heap.bytes,
        tuple(heap.examples),
    )
