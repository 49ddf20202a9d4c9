"""What the newest audits found, as the platform's report shows it: of retention and of completeness."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from pipelines.audits.completeness import history as accounts
from pipelines.audits.completeness.report import DayReport
from pipelines.audits.retention import history as retention_audits
from pipelines.audits.retention.result import Audit, Severity
from pipelines.reports.kept import bring
from pipelines.reports.words import Language
from transforms.completeness import DayAccount, Place
from transforms.retention.cohorts import UNKNOWN

SCHOOLS_LISTED = 20
COLUMNS = ("sent", "rejected", "repeated", "stored", *(place.value for place in Place))


@dataclass(frozen=True, slots=True)
class Audited:
    """The newest of each audit.

    Attributes:
        retention: What is kept; None where no audit was run.
        completeness: The newest day that was accounted for; None where none was.
    """

    retention: Audit | None
    completeness: DayReport | None

    def findings(self) -> Mapping[str, int]:
        """How many findings of retention there are of each severity, the worst first."""
        if self.retention is None:
            return {}
        return {each.word: self.retention.count(each) for each in sorted(Severity, reverse=True)}

    def due(self) -> Iterator[tuple[str, int, bool]]:
        """When how many bytes go, and whether they should have gone: the year, or `never`."""
        if self.retention is not None:
            for year, size in self.retention.bytes_by_due_year().items():
                yield (
                    ("never", size, True)
                    if year is None
                    else (str(year), size, year < self.retention.as_of.year)
                )

    def cohorts(self) -> Iterator[tuple[str, int]]:
        """How many bytes of each cohort there are, by year of graduation."""
        if self.retention is not None:
            for year, size in self.retention.bytes_by_cohort().items():
                yield "unknown" if year == UNKNOWN else str(year), size

    def incomplete(self) -> list[DayAccount]:
        """The accounts of the schools whose day does not add up, at most `SCHOOLS_LISTED`."""
        if self.completeness is None:
            return []
        return [each for each in self.completeness.accounts if each.faults()][:SCHOOLS_LISTED]

    def totals(self) -> Mapping[str, int | None]:
        """The day's account over all schools; None where some school's figure is not known."""
        if self.completeness is None:
            return {}
        schools = [each.as_dict() for each in self.completeness.accounts]
        return {column: _sum([school[column] for school in schools]) for column in COLUMNS}


def read(folder: Path) -> Audited:
    """The newest audits; the pages of the one of retention are brought into a folder.

    Args:
        folder: Of the report; they are called there as in the bucket, `retention/index.html`.
    """
    found = Audited(retention_audits.newest(), accounts.newest())
    if found.retention is not None:
        for language in Language:
            key = retention_audits.page_key(language)
            bring(key, folder / key)
    return found


def _sum(figures: list[int | None]) -> int | None:
    known = [figure for figure in figures if figure is not None]
    return sum(known) if len(known) == len(figures) else None
