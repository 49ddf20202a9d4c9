"""Objects of a prefix that are written anew where they lie, or deleted: landing, quarantine, marts, answers.

An object is replaced only if it is still the one that was read, and then the version before it is deleted at
once. Old versions that a bucket would keep for seven days more are looked through like all others.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from adapters import landing_claims, object_versions
from adapters.lake import LandingFile, ObjectChangedError, ObjectVanishedError
from adapters.object_versions import Version, VersionFile
from adapters.settings import setting
from pipelines.erasure import parquet_rows
from pipelines.erasure.holders import Finding, Work, holding
from pipelines.erasure.subject import Subject
from transforms.retention.places import Place

PARQUET = b"PAR1"
_PSEUDONYM = re.compile(rb"(?<![0-9a-f])[0-9a-f]{32}(?![0-9a-f])")
TRIES = 3  # of an object that another writes meanwhile

Count = Callable[[VersionFile, Subject], int]
Without = Callable[[bytes, Subject], bytes | None]


@dataclass(frozen=True, slots=True)
class ObjectHolder:
    """The objects of one place.

    Attributes:
        place: Of the registry.
        count: How much of an object is the subject's.
        without: An object's bytes without it; None deletes the object. Where it is missing, so is every
            object that holds anything of the subject.
        table: The lake table whose ledger knows the objects by their ETag; empty where none does.
    """

    place: Place
    count: Count
    without: Without | None = None
    table: str = ""

    @property
    def places(self) -> Sequence[Place]:
        """See `Holder`."""
        return (self.place,)

    def find(self, work: Work) -> Iterator[Finding]:
        """See `Holder`."""
        for version, rows in self._held(work):
            yield Finding(
                self.place.name, version.key, rows, version.size, version.version_id, version.latest
            )

    def remove(self, work: Work) -> None:
        """See `Holder`.

        Raises:
            ObjectChangedError: An object was written by another again and again.
        """
        held = [version for version, _ in self._held(work)]
        for _ in range(TRIES):
            if not held:
                return
            object_versions.delete(version for version in held if not version.latest)
            for version in held:
                if version.latest:
                    self._replace(version, work)
            # Who wrote meanwhile has left a version that nobody has looked at.
            held = [version for version, _ in self._held(work)]
        if held:
            raise ObjectChangedError(f"{held[0].key} is written by another all the time; run it again")

    def _replace(self, version: Version, work: Work) -> None:
        """Writes an object anew, or deletes it where nothing is left; not if another was faster."""
        work.check()
        if not self.without:
            object_versions.remove(version)
            return
        try:
            body = VersionFile(version, work.meter).read()
            kept = self.without(body, work.subject)
            if kept is None:
                object_versions.remove(version)
                return
            etag = object_versions.replace(version, kept)
        except (ObjectChangedError, ObjectVanishedError) as changed:
            work.say(f"looking again: {changed}")
            return
        work.output.size += len(kept)
        work.output.requests += 1
        if self.table and etag:
            landing_claims.note_rewritten(self.table, LandingFile(version.key, etag, len(kept)))

    def _held(self, work: Work) -> Iterator[tuple[Version, int]]:
        bucket = setting(f"{self.place.store}_BUCKET")
        found = object_versions.versions(bucket, self.place.keys)
        mine = f"/school_id={work.subject.school_id}/"
        found = (each for each in found if mine in each.key or "/school_id=" not in each.key)
        return holding(found, lambda version: self.count(VersionFile(version, work.meter), work.subject))


def error_lines(file: VersionFile, subject: Subject) -> int:
    """How many lines of an object of Firehose's error prefix are the subject's."""
    return sum(_of_line(line, subject) for line in file.read().splitlines())


def without_error_lines(body: bytes, subject: Subject) -> bytes | None:
    """The other lines of such an object; None where there are none."""
    kept = [line for line in body.splitlines(keepends=True) if not _of_line(line, subject)]
    return b"".join(kept) or None


def _of_line(line: bytes, subject: Subject) -> bool:
    """Whether a line is the subject's. Its record could not be converted, so it may be no JSON either."""
    if not line.strip():
        return False
    raw = base64.b64decode(json.loads(line)["rawData"])
    return _names(raw, subject)


def answers(file: VersionFile, subject: Subject) -> int:
    """1 where an answer of Athena names the subject, or rows of it where it is a table; else 0."""
    body = file.read()
    if body[:4] == PARQUET:
        return parquet_rows.count(VersionFile(file.version, file.meter), subject)
    return int(_names(body, subject))


def _names(body: bytes, subject: Subject) -> bool:
    """Whether a text has one of the subject's pseudonyms in it, or of a whole school its name in quotes."""
    if subject.student_id is None and f'"{subject.school_id}"'.encode() in body:
        return True
    return any(found.decode() in subject.pseudonyms for found in _PSEUDONYM.findall(body))
