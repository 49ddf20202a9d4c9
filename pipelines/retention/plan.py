"""Which rows of a lake table lie in another cohort's folder than their student's, and where they belong."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute

from adapters import athena
from adapters.lake import PartitionValues
from adapters.settings import setting
from expectations.rules import literal, one_of
from pipelines.audits.retention.cohorts import SchoolCohorts
from transforms.lake_schema import LakeTable
from transforms.retention.cohorts import UNKNOWN, expires_on

pc: Any = pyarrow.compute  # its stubs know one kind of array a call

Going = Mapping[PartitionValues, Mapping[str, int]]
"""By partition, the students whose rows leave it and the cohorts that they go to."""


class Part(NamedTuple):
    """Rows of one student in one partition of another cohort.

    Attributes:
        partition: Where they lie.
        student_key: The pseudonym; never printed.
        belongs_to: The cohort on the roster.
        rows: How many.
        since: The first day of them.
    """

    partition: PartitionValues
    student_key: str
    belongs_to: int
    rows: int
    since: date

    @property
    def target(self) -> PartitionValues:
        """Where they belong."""
        return (str(self.belongs_to), *self.partition[1:])

    def over(self, as_of: date) -> bool:
        """Whether S3 would remove them where they belong, as the registry says (`transforms.retention`)."""
        year = int(self.partition[1]) if self.belongs_to == UNKNOWN else self.belongs_to
        return expires_on(year) <= as_of


def schools_with_changes(since: date) -> list[str]:
    """Schools of whose students the year of graduation was written on a day or later, as the lake knows it.

    Reads the changes of those months alone.

    Raises:
        QueryFailedError: Athena failed.
    """
    year, month = f"{since:%Y}", f"{since:%m}"
    found = athena.query_text(
        "SELECT DISTINCT school_id FROM academic_changes WHERE change_type = 'cohort' "
        f"AND (year > '{year}' OR (year = '{year}' AND month >= '{month}')) "
        f"AND local_date >= DATE '{since.isoformat()}'",
        work_group=setting("JOBS_WORK_GROUP"),
        database=setting("LAKE_DATABASE"),
    )
    return sorted(map(str, found["school_id"].to_pylist()))


def parts(table: LakeTable, schools: Iterable[SchoolCohorts]) -> list[Part]:
    """Rows of a table that lie elsewhere, month by month; reads the cohorts that hold some and no others.

    Args:
        table: The lake table.
        schools: As compared; what lies elsewhere now is asked again.

    Raises:
        QueryFailedError: Athena failed.
    """
    belongs: dict[tuple[str, str], int] = {}
    cohorts: dict[str, set[int]] = defaultdict(set)
    for school in schools:
        for each in school.elsewhere:
            if each.table == table.name:
                belongs[school.school_id, each.student_key] = each.belongs_to
                cohorts[school.school_id].add(each.lies_in)
    if not belongs:
        return []
    wanted = " OR ".join(
        f"(school_id = {literal(school)} AND graduation_year IN ({', '.join(map(str, sorted(years)))}))"
        for school, years in cohorts.items()
    )
    found = athena.query_text(
        "SELECT graduation_year, year, month, school_id, student_key, count(*) AS row_count, "
        f"min({table.day}) AS since FROM {table.name} WHERE {wanted} "
        "GROUP BY graduation_year, year, month, school_id, student_key",
        work_group=setting("JOBS_WORK_GROUP"),
        database=setting("LAKE_DATABASE"),
    )
    return list(_elsewhere(found, belongs))


def _elsewhere(found: pa.Table, belongs: Mapping[tuple[str, str], int]) -> Iterator[Part]:
    for batch in found.to_batches():
        columns = (column.to_pylist() for column in batch.columns)
        for cohort, year, month, school, key, rows, since in zip(*columns, strict=True):
            year_of = belongs.get((school, key), int(cohort))
            if year_of != int(cohort):
                place = (cohort, year, month, school)
                yield Part(place, key, year_of, int(rows), date.fromisoformat(since))


def rows_by_school(table: LakeTable, schools: Sequence[str]) -> dict[str, int]:
    """How many rows a table has of schools; a school without any is left out.

    Raises:
        QueryFailedError: Athena failed.
    """
    found = athena.query_text(
        f"SELECT school_id, count(*) AS row_count FROM {table.name} WHERE {one_of('school_id', schools)} "
        "GROUP BY school_id",
        work_group=setting("JOBS_WORK_GROUP"),
        database=setting("LAKE_DATABASE"),
    )
    counted: list[dict[str, str]] = found.to_pylist()
    return {row["school_id"]: int(row["row_count"]) for row in counted}


def one_way(found: Iterable[Part], *, later: bool) -> dict[PartitionValues, dict[str, int]]:
    """What goes to later cohorts, or to earlier ones: then no two partitions gain rows of each other."""
    going: dict[PartitionValues, dict[str, int]] = defaultdict(dict)
    for part in found:
        if (part.belongs_to > int(part.partition[0])) is later:
            going[part.partition][part.student_key] = part.belongs_to
    return going


def together(going: Going, most: int) -> Iterator[list[PartitionValues]]:
    """Partitions that are written anew in one rewrite, those that give and those that gain.

    Args:
        going: What leaves which partition.
        most: Partitions together; those of one school and month stay together however many there are.
    """
    months: dict[PartitionValues, set[PartitionValues]] = defaultdict(set)
    for partition, students in going.items():
        months[partition[1:]] |= {partition, *((str(year), *partition[1:]) for year in students.values())}
    some: list[PartitionValues] = []
    for _, partitions in sorted(months.items()):
        if some and len(some) + len(partitions) > most:
            yield some
            some = []
        some += sorted(partitions)
    if some:
        yield some


def sharing(going: Going) -> Callable[[PartitionValues, pa.Table], dict[PartitionValues, pa.Table]]:
    """Gives some rows of a partition to the partitions that they belong to; every row to exactly one."""

    def share(partition: PartitionValues, rows: pa.Table) -> dict[PartitionValues, pa.Table]:
        students = going.get(partition)
        if not students:
            return {partition: rows}
        keys, years = pa.array(students.keys(), pa.string()), pa.array(students.values(), pa.int32())
        belongs = pc.take(years, pc.index_in(rows["student_key"], keys))
        shared = {partition: rows.filter(pc.is_null(belongs))}
        for year in set(students.values()):
            shared[(str(year), *partition[1:])] = rows.filter(pc.equal(belongs, year))
        return shared

    return share
