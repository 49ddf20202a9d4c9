"""What an audit of retention found, for people, for the next audit and for the metrics."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import date
from enum import IntEnum

import msgspec

from transforms.bilingual import Words

EXAMPLES = 3  # of keys a finding


class Severity(IntEnum):
    """How bad a finding is."""

    INFO = 0
    WARNING = 1
    CRITICAL = 2

    @property
    def word(self) -> str:
        """In lower case."""
        return self.name.lower()


class Finding(msgspec.Struct, frozen=True):
    """Something that is not as the registry says.

    Attributes:
        check: Its kind, as the runbook names it.
        severity: How bad it is.
        where: The bucket, place, queue, table, log group or school.
        what: What is the matter with them; in English alone where it was kept so.
        way_out: What to do; as of `what`.
        count: How many objects, rules, students or settings.
        bytes: Of the objects.
        examples: A few keys or names; never a person.
    """

    check: str
    severity: Severity
    where: str
    what: Words | str
    way_out: Words | str
    count: int = 1
    bytes: int = 0
    examples: tuple[str, ...] = ()


class Pile(msgspec.Struct, frozen=True):
    """Current objects that lie together and go together.

    Attributes:
        place: Of the registry.
        cohort: Year of graduation, 0 is unknown; None where there are no cohorts.
        due_year: The year in which they go; None where nothing removes them.
        objects: How many.
        bytes: Of all of them.
    """

    place: str
    cohort: int | None
    due_year: int | None
    objects: int
    bytes: int


class Audit(msgspec.Struct, frozen=True):
    """One run of the audit.

    Attributes:
        made_at: UTC text.
        as_of: The day that it judged by.
        findings: The worst first.
        piles: What lies where, by place, cohort and the year in which it goes.
        rules: Lifecycle rules in force, by bucket.
        noncurrent: Versions that are not current, by bucket; and their bytes.
        schools: Schools whose cohorts were compared; None where they were not.
        seconds: How long it took.
    """

    made_at: str
    as_of: date
    findings: tuple[Finding, ...]
    piles: tuple[Pile, ...]
    rules: dict[str, int]
    noncurrent: dict[str, tuple[int, int]]
    schools: int | None
    seconds: float

    @property
    def severity(self) -> Severity:
        """Of the worst finding."""
        return max((finding.severity for finding in self.findings), default=Severity.INFO)

    @property
    def objects(self) -> int:
        """Current objects."""
        return sum(pile.objects for pile in self.piles)

    @property
    def bytes(self) -> int:
        """Of the current objects."""
        return sum(pile.bytes for pile in self.piles)

    def count(self, severity: Severity) -> int:
        """How many findings there are of a severity."""
        return sum(finding.severity is severity for finding in self.findings)

    def bytes_by_due_year(self) -> dict[int | None, int]:
        """By the year in which they go, the earliest first; None, at the end, is never."""
        sums: Counter[int | None] = Counter()
        for pile in self.piles:
            sums[pile.due_year] += pile.bytes
        return dict(sorted(sums.items(), key=lambda item: (item[0] is None, item[0])))

    def bytes_by_cohort(self) -> dict[int, int]:
        """Of what lies by cohort, by year of graduation; 0 is unknown."""
        sums: Counter[int] = Counter()
        for pile in self.piles:
            if pile.cohort is not None:
                sums[pile.cohort] += pile.bytes
        return dict(sorted(sums.items()))

    @property
    def verdict(self) -> str:
        """One line for a person."""
        counts = [
            f"{count} {severity.word}"
            for severity in reversed(Severity)
            if (count := self.count(severity)) and severity is not Severity.INFO
        ]
        return ", ".join(counts) if counts else "as the registry says"


def worst_first(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """Findings in the order in which a person should read them."""
    return tuple(sorted(findings, key=lambda each: (-each.severity, each.check, each.where)))
