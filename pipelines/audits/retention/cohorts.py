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
from expectations.rules import one_of
from pipelines.audits.retention.result import Finding, Severity
from transforms.bilingual import Words
from transforms.lake_schema import LAKE_TABLES
from transforms.pseudonyms import Pseudonymizer
from transforms.retention.cohorts import UNKNOWN, expires_on

SCHOOLS_A_QUERY = 20  # of some thousand students: a result of megabytes
MART = "weekly_student_behavior"

Lies = tuple[str, int, int, date]
"""Student key, cohort, rows, and the first day of the rows."""


class Elsewhere(NamedTuple):
    """Rows of one student that lie in another cohort than the student's.

    Attributes:
        table: Of the lake, or the mart.
        student_key: The pseudonym; never printed.
        lies_in: The cohort of their folder.
        belongs_to: The cohort on the roster.
        rows: How many.
        since: The first day of the rows; of the mart, the Monday of its first week.
    """

    table: str
    student_key: str
    lies_in: int
    belongs_to: int
    rows: int
    since: date


@dataclass(frozen=True)
class SchoolCohorts:
    """What was compared of one school.

    Attributes:
        school_id: The school.
        students: How many are on the roster, by year of graduation.
        elsewhere: Rows in another cohort.
    """

    school_id: str
    students: Mapping[int, int]
    elsewhere: tuple[Elsewhere, ...]


def compare(schools: Sequence[str]) -> Iterator[SchoolCohorts]:
    """Compares schools, each once; a query for each table and some schools.

    Raises:
        KeyUnavailableError: A school has no key.
        QueryFailedError: Athena failed.
        ClientError, BotoCoreError: The store cannot be read.
    """
    tables = [(table.name, setting("LAKE_DATABASE"), table.day) for table in LAKE_TABLES.values()]
    if MART in catalog.table_names(setting("MARTS_DATABASE")):
        tables.append((MART, setting("MARTS_DATABASE"), "week_start"))
    for some in batches(schools, SCHOOLS_A_QUERY):
        lies: dict[str, list[tuple[str, Lies]]] = defaultdict(list)
        for table, database, day in tables:
            for school, found in _where_rows_lie(table, database, day, some):
                lies[school].append((table, found))
        for school in some:
            yield _compared(school, lies.pop(school, []))


def _where_rows_lie(
    table: str, database: str, day: str, schools: Sequence[str]
) -> Iterator[tuple[str, Lies]]:
    found = athena.query_text(
        f"SELECT school_id, student_key, graduation_year, count(*) AS row_count, min({day}) AS since "
        f"FROM {table} WHERE {one_of('school_id', schools)} GROUP BY school_id, student_key, graduation_year",
        work_group=setting("JOBS_WORK_GROUP"),
        database=database,
    )
    for batch in found.to_batches():
        columns = (column.to_pylist() for column in batch.columns)
        for school, key, year, count, since in zip(*columns, strict=True):
            yield school, (key, int(year), int(count), date.fromisoformat(since))


def years_by_key(school: str, on_roster: Mapping[str, int]) -> dict[str, int]:
    """The year of graduation of every student, by each of the student's pseudonyms.

    Args:
        school: The school.
        on_roster: Year by raw identifier.

    Raises:
        KeyUnavailableError: There are students, and the school has no key.
    """
    years: dict[str, int] = {}
    if on_roster:
        for key in pseudonym_keys.read_keys(school):
            pseudonym = Pseudonymizer(key).student
            years.update((pseudonym(student), year) for student, year in on_roster.items())
    return years


def _compared(school: str, lies: Sequence[tuple[str, Lies]]) -> SchoolCohorts:
    on_roster = roster.graduation_years(school)
    years = years_by_key(school, on_roster)
    elsewhere = tuple(
        Elsewhere(table, key, year, years[key], count, since)
        for table, (key, year, count, since) in lies
        if years.get(key, year) != year
    )
    students: dict[int, int] = defaultdict(int)
    for year in on_roster.values():
        students[year] += 1
    return SchoolCohorts(school, students, elsewhere)


def findings(school: SchoolCohorts, as_of: date) -> Iterator[Finding]:
    """What differs in a school, in counts."""
    over = [each for each in school.elsewhere if _is_over(each.belongs_to, as_of)]
    others = [each for each in school.elsewhere if not _is_over(each.belongs_to, as_of)]
    if over:
        yield _elsewhere(
            school.school_id,
            over,
            Severity.CRITICAL,
            Words(
                "and that cohort's time is over: they may not be there",
                "y el tiempo de esa generación terminó: no deben estar ahí",
            ),
        )
    if others:
        yield _elsewhere(
            school.school_id,
            others,
            Severity.WARNING,
            Words("and would go with the wrong one", "y se irían con la que no es"),
        )
    due = sum(count for year, count in school.students.items() if _is_over(year, as_of))
    if due:
        yield Finding(
            "student-overdue",
            Severity.CRITICAL,
            school.school_id,
            Words(
                "students are still in the store whose cohort's time is over",
                "alumnos que siguen en el almacén aunque el tiempo de su generación terminó",
            ),
            Words(
                "erase them: `luca erase --school … --student …`",
                "bórrelos: `luca erase --school … --student …`",
            ),
            due,
        )


def _is_over(year: int, as_of: date) -> bool:
    return year != UNKNOWN and expires_on(year) <= as_of


def _elsewhere(school: str, found: Sequence[Elsewhere], severity: Severity, why: Words) -> Finding:
    students = len({each.student_key for each in found})
    moves = dict.fromkeys(
        f"{each.table}: {each.lies_in or 'unknown'} → {each.belongs_to or 'unknown'}" for each in found
    )
    rows = sum(each.rows for each in found)
    return Finding(
        "other-cohort",
        severity,
        school,
        Words(
            f"students have {rows:,} rows in another cohort than the roster says, {why.en}",
            f"alumnos con {rows:,} filas en otra generación que la de su lista, {why.es}",
        ),
        Words(
            "see that the profiles are right, then move the rows: `luca retention rehome`",
            "vea que los perfiles estén bien y mueva las filas: `luca retention rehome`",
        ),
        students,
        examples=tuple(islice(moves, 3)),
    )
