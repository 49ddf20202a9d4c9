"""In which cohorts a school's rows lie, against the years of graduation on its roster.

The one job that needs the rosters and the pseudonym keys together. Both stay in its memory, a school at a
time; what leaves it are counts.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import islice
from typing import NamedTuple

from adapters import athena, catalog, pseudonym_keys, roster
from adapters.batches import batches
from adapters.settings import setting
from pipelines.audits.retention.result import Finding, Severity
from transforms.lake_schema import LAKE_TABLES
from transforms.pseudonyms import Pseudonymizer
from transforms.retention.cohorts import UNKNOWN, expires_on

SCHOOLS_A_QUERY = 20  # of some thousand students: a result of megabytes
MART = "weekly_student_behavior"


class Elsewhere(NamedTuple):
    """Rows of one student that lie in another cohort than the student's.

    Attributes:
        table: Of the lake, or the mart.
        student_key: The pseudonym; never printed.
        lies_in: The cohort of their folder.
        belongs_to: The cohort on the roster.
        rows: How many.
    """

    table: str
    student_key: str
    lies_in: int
    belongs_to: int
    rows: int


@dataclass(frozen=True)
class SchoolCohorts:
    """What was compared of one school.

    Attributes:
        school_id: The school.
        years: Year of graduation by student key, of every student on the roster and version of the key.
        students: How many are on the roster, by year of graduation.
        elsewhere: Rows in another cohort.
    """

    school_id: str
    years: Mapping[str, int]
    students: Mapping[int, int]
    elsewhere: tuple[Elsewhere, ...]


def compare(schools: Sequence[str]) -> Iterator[SchoolCohorts]:
    """Compares schools, each once; a query for each table and some schools.

    Raises:
        KeyUnavailableError: A school has no key.
        QueryFailedError: Athena failed.
        ClientError, BotoCoreError: The store cannot be read.
    """
    tables = [(name, setting("LAKE_DATABASE")) for name in LAKE_TABLES]
    if MART in catalog.table_names(setting("MARTS_DATABASE")):
        tables.append((MART, setting("MARTS_DATABASE")))
    for some in batches(schools, SCHOOLS_A_QUERY):
        lies: dict[str, list[tuple[str, str, int, int]]] = defaultdict(list)
        for table, database in tables:
            for school, key, year, count in _where_rows_lie(table, database, some):
                lies[school].append((table, key, year, count))
        for school in some:
            yield _compared(school, lies.pop(school, []))


def _where_rows_lie(table: str, database: str, schools: Sequence[str]) -> Iterator[tuple[str, str, int, int]]:
    """School, student key, cohort and rows. Identifiers of schools have no quotes: transforms.keys."""
    wanted = ", ".join(f"'{school}'" for school in schools)
    found = athena.query_text(
        "SELECT school_id, student_key, graduation_year, count(*) AS row_count "
        f"FROM {table} WHERE school_id IN ({wanted}) GROUP BY school_id, student_key, graduation_year",
        work_group=setting("JOBS_WORK_GROUP"),
        database=database,
    )
    for batch in found.to_batches():
        for school, key, year, count in zip(*(column.to_pylist() for column in batch.columns), strict=True):
            yield school, key, int(year), int(count)


def _compared(school: str, lies: Sequence[tuple[str, str, int, int]]) -> SchoolCohorts:
    on_roster = roster.graduation_years(school)
    years: dict[str, int] = {}
    if on_roster:
        for key in pseudonym_keys.read_keys(school):
            pseudonym = Pseudonymizer(key).student
            years.update((pseudonym(student), year) for student, year in on_roster.items())
    elsewhere = tuple(
        Elsewhere(table, key, year, years[key], count)
        for table, key, year, count in lies
        if years.get(key, year) != year
    )
    students: dict[int, int] = defaultdict(int)
    for year in on_roster.values():
        students[year] += 1
    return SchoolCohorts(school, years, students, elsewhere)


def findings(school: SchoolCohorts, as_of: date) -> Iterator[Finding]:
    """What differs in a school, in counts."""
    over = [each for each in school.elsewhere if _is_over(each.belongs_to, as_of)]
    others = [each for each in school.elsewhere if not _is_over(each.belongs_to, as_of)]
    if over:
        yield _elsewhere(
            school.school_id, over, Severity.CRITICAL, "and that cohort's time is over: they may not be there"
        )
    if others:
        yield _elsewhere(school.school_id, others, Severity.WARNING, "and would go with the wrong one")
    due = sum(count for year, count in school.students.items() if _is_over(year, as_of))
    if due:
        yield Finding(
            "student-overdue",
            Severity.CRITICAL,
            school.school_id,
            "students are still in the store whose cohort's time is over",
            "erase them: `luca erase --school … --student …`",
            due,
        )


def _is_over(year: int, as_of: date) -> bool:
    return year != UNKNOWN and expires_on(year) <= as_of


def _elsewhere(school: str, found: Sequence[Elsewhere], severity: Severity, why: str) -> Finding:
    students = len({each.student_key for each in found})
    moves = dict.fromkeys(
        f"{each.table}: {each.lies_in or 'unknown'} → {each.belongs_to or 'unknown'}" for each in found
    )
    rows = sum(each.rows for each in found)
    return Finding(
        "other-cohort",
        severity,
        school,
        f"students have {rows:,} rows in another cohort than the roster says, {why}",
        "the profiles or the rows are wrong: see the runbook; rows do not move by themselves",
        students,
        examples=tuple(islice(moves, 3)),
    )
