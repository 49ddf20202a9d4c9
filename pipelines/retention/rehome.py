"""Rows move to the folder of the cohort that their student's profile names now.

Under the lease of their table: Athena says what lies elsewhere, the partitions of a school and month give
each other rows in one rewrite, and Athena counts again. A run that dies is ended by the next writer of the
table, and running it twice moves nothing twice. Loads give way meanwhile.

Rows are not moved to where S3 would remove them at once: a wrong year in a profile would then be the end of
them. They are named instead.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from typing import NamedTuple

from adapters.batches import batches
from pipelines.audits.retention.cohorts import MART, SCHOOLS_A_QUERY, SchoolCohorts, compare
from pipelines.partitions.rewriting import Clock, Rewriter, RowsLostError, Say, rewriting
from pipelines.retention import plan
from pipelines.retention.plan import Part
from transforms.lake_schema import LAKE_TABLES, LakeTable

WORK = "rehome"
PARTITIONS_AT_ONCE = 24  # share the memory of one rewrite


class Line(NamedTuple):
    """Rows of a school that go, or went, from one cohort to another.

    Attributes:
        table: The lake table.
        school_id: The school.
        lies_in: The cohort of their folder; 0 is unknown.
        belongs_to: The cohort on the roster; 0 is unknown.
        over: Whether they stay, because that cohort's time is over.
        students: How many.
        rows: How many.
    """

    table: str
    school_id: str
    lies_in: int
    belongs_to: int
    over: bool
    students: int
    rows: int


@dataclass(frozen=True)
class Rehoming:
    """What lies elsewhere, or was moved.

    Attributes:
        lines: By table, school and cohorts.
        since: The first day of the rows that the marts count in another cohort; None where none do.
        checked: Rows of the schools that were counted before and after, by table; empty of a look.
    """

    lines: tuple[Line, ...]
    since: date | None
    checked: dict[str, int]

    @property
    def rows(self) -> int:
        """That go, or went."""
        return sum(line.rows for line in self.lines if not line.over)

    @property
    def left(self) -> int:
        """Rows that stay, because their cohort's time is over."""
        return sum(line.rows for line in self.lines if line.over)


def look(schools: Sequence[str], today: date, say: Say = lambda text: None) -> Rehoming:
    """What would be moved; nothing is changed.

    Args:
        schools: Which.
        today: UTC.
        say: Told what is going on.

    Raises:
        KeyUnavailableError: A school has no pseudonym key.
        QueryFailedError: Athena failed.
    """
    compared = _compared(schools, say)
    found = {
        table: plan.parts(table, some)
        for table in LAKE_TABLES.values()
        if (some := _of_table(table, compared))
    }
    return _told(found, compared, today, {})


def rehome(
    schools: Sequence[str],
    *,
    say: Say = lambda text: None,
    clock: Clock = lambda: datetime.now(UTC),
) -> Rehoming:
    """Moves rows of schools to the cohorts that the rosters name.

    Args:
        schools: Which.
        say: Told what is going on.
        clock: Gives the moment, aware.

    Raises:
        LeaseHeldError: A load, or other work, writes to a table.
        UnfinishedWorkError: A load has published some of its rows and was not finished.
        RowsLostError: Athena counts other rows afterwards than before: a fault of ours, or somebody writes
            without the lease.
        KeyUnavailableError: A school has no pseudonym key.
        QueryFailedError: Athena failed.
    """
    compared = _compared(schools, say)
    moved: dict[LakeTable, list[Part]] = {}
    checked: Counter[str] = Counter()
    for table in LAKE_TABLES.values():
        wanted = _of_table(table, compared)
        if not wanted:
            continue
        with rewriting(table, WORK, say=say, clock=clock) as rewriter:
            for some in batches(wanted, SCHOOLS_A_QUERY):
                found = plan.parts(table, some)
                checked[table.name] += _move(rewriter, some, found, say)
                moved.setdefault(table, []).extend(found)
    return _told(moved, compared, clock().date(), dict(checked))


def _compared(schools: Sequence[str], say: Callable[[str], None]) -> list[SchoolCohorts]:
    say(f"comparing {len(schools):,} schools with their rosters")
    return [school for school in compare(schools) if school.elsewhere]


def _of_table(table: LakeTable, compared: Sequence[SchoolCohorts]) -> list[SchoolCohorts]:
    return [school for school in compared if any(each.table == table.name for each in school.elsewhere)]


def _move(rewriter: Rewriter, schools: Sequence[SchoolCohorts], found: Sequence[Part], say: Say) -> int:
    """Moves what may move and counts again; returns how many rows the schools have."""
    table, names = rewriter.table, [school.school_id for school in schools]
    going = [part for part in found if not part.over(rewriter.clock().date())]
    if not going:
        return 0
    before = plan.rows_by_school(table, names)
    # One way first: of two partitions that give rows to each other, one would have to lose them first.
    for later in (True, False):
        one_way = plan.one_way(going, later=later)
        for partitions in plan.together(one_way, PARTITIONS_AT_ONCE):
            say(f"{table.name}: {len(partitions)} partitions of {partitions[0][-1]}")
            rewriter.share_out(partitions, plan.sharing(one_way))
    after = plan.rows_by_school(table, names)
    left = [part for part in plan.parts(table, schools) if not part.over(rewriter.clock().date())]
    if after != before or left:
        raise RowsLostError(
            f"{table.name} has {sum(after.values()):,} rows of {', '.join(names)} after the move and "
            f"{sum(before.values()):,} before it, {sum(part.rows for part in left):,} in the wrong cohort: a "
            "fault of ours; the generations before stay for an hour, their versions for 7 days more"
        )
    return sum(after.values())


def _told(
    found: dict[LakeTable, list[Part]],
    compared: Sequence[SchoolCohorts],
    today: date,
    checked: dict[str, int],
) -> Rehoming:
    rows: Counter[tuple[str, str, int, int, bool]] = Counter()
    students: dict[tuple[str, str, int, int, bool], set[str]] = {}
    days = [each.since for school in compared for each in school.elsewhere if each.table == MART]
    for table, parts in found.items():
        for part in parts:
            over = part.over(today)
            line = (table.name, part.partition[-1], int(part.partition[0]), part.belongs_to, over)
            rows[line] += part.rows
            students.setdefault(line, set()).add(part.student_key)
            if not over:
                days.append(part.since)
    lines = tuple(Line(*line, len(students[line]), count) for line, count in sorted(rows.items()))
    return Rehoming(lines, min(days, default=None), checked)
