"""The job: every student's last weeks as the marts have them, and nothing else, beside the live signals.

    roster → pseudonyms under every version of the school's key → the marts' weeks → what differs is written

Who is who is known in this job's memory alone, a school at a time. Killed anywhere, it is run again: it
compares and writes what is not yet so.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime

from botocore.exceptions import BotoCoreError, ClientError

from adapters import roster, school_register, weekly_trends
from adapters.athena import QueryFailedError
from adapters.batches import batches
from adapters.pseudonym_keys import KeyUnavailableError
from adapters.table import StoreBusyError
from adapters.tombstones import TombstoneKeyLostError, tombstones
from pipelines.keys.linking import Linked, linked
from pipelines.profiles import marts
from pipelines.profiles.pace import Pace
from transforms.keys import StudentKey
from transforms.weekly_trends import WeeklyTrend, merged, weeks_shown

SCHOOLS_A_QUERY = 20  # of some thousand students: a result of tens of megabytes
STUDENTS_AT_ONCE = 16
WRITES_A_SECOND = 500  # the teachers' own writes go first: a table on demand takes 4,000 from its first day
ONE_SCHOOLS = (KeyUnavailableError, StoreBusyError, TombstoneKeyLostError, ClientError, BotoCoreError)
"""What keeps one school's profiles from being written, and no other's."""

ByKey = Mapping[str, Sequence[WeeklyTrend]]


@dataclass(frozen=True, slots=True)
class SchoolProfiles:
    """What became of one school's profiles.

    Attributes:
        school_id: The school.
        students: On its roster.
        with_weeks: Students of whom the marts know at least one of the weeks.
        weeks: Weeks that the profiles have now.
        written: Weeks that were new or had changed.
        withdrawn: Weeks that the marts do not have any more.
    """

    school_id: str
    students: int
    with_weeks: int = 0
    weeks: int = 0
    written: int = 0
    withdrawn: int = 0


@dataclass(frozen=True)
class Published:
    """What a run did.

    Attributes:
        weeks: The ISO weeks that it looked at, oldest first.
        schools: Those that are done.
        failures: Why a school is not, by school.
    """

    weeks: tuple[str, ...]
    schools: tuple[SchoolProfiles, ...]
    failures: Mapping[str, str] = field(default_factory=dict)

    def total(self, name: str) -> int:
        """The sum of a count over all schools."""
        return sum(getattr(school, name) for school in self.schools)

    @property
    def summary(self) -> str:
        """One line for a person."""
        told = (
            f"{self.total('with_weeks'):,} of {self.total('students'):,} students have weeks of "
            f"{self.weeks[0]} to {self.weeks[-1]}: {self.total('weeks'):,}, of which "
            f"{self.total('written'):,} were written; {self.total('withdrawn'):,} withdrawn"
        )
        return told + "".join(f"; {school} failed: {why}" for school, why in self.failures.items())


class ProfilesError(RuntimeError):
    """Some schools' profiles could not be written; the others' were.

    Attributes:
        result: What was done.
    """

    def __init__(self, result: Published) -> None:
        self.result = result
        super().__init__(
            f"{len(result.failures)} schools' profiles are not up to date, run it again: {result.summary}"
        )


def publish(
    *,
    now: datetime,
    schools: Iterable[str] | None = None,
    writes_per_second: float = WRITES_A_SECOND,
    progress: Callable[[str], None] = lambda _: None,
) -> Published:
    """Makes the profiles say what the marts say. Safe to run at any time but beside a run of the trends.

    Args:
        now: Aware; decides which weeks are over.
        schools: Only these; by default all of the register.
        writes_per_second: Most.
        progress: Takes a line whenever a school is done.

    Returns:
        Counts of each school.

    Raises:
        ProfilesError: Some schools failed; all others are done.
        MartsMissingError: The trends were never built.
        ClientError, BotoCoreError: The register or the catalog cannot be read.
    """
    marts.require()
    weeks, pace = weeks_shown(now), Pace(writes_per_second)
    done: list[SchoolProfiles] = []
    failures: dict[str, str] = {}
    for some in batches(school_register.school_ids() if schools is None else schools, SCHOOLS_A_QUERY):
        try:
            rows = _by_school(some, weeks)
        except (QueryFailedError, ClientError, BotoCoreError) as failed:
            failures |= dict.fromkeys(some, str(failed))
            continue
        for school in some:
            try:
                done.append(_publish_school(school, rows.pop(school, {}), weeks, now, pace))
                progress(f"{school}: {done[-1].written:,} weeks written")
            except ONE_SCHOOLS as failed:
                failures[school] = str(failed)
    result = Published(tuple(weeks), tuple(done), failures)
    if failures:
        raise ProfilesError(result)
    return result


def _by_school(schools: Sequence[str], weeks: Sequence[str]) -> dict[str, ByKey]:
    found: dict[str, dict[str, list[WeeklyTrend]]] = defaultdict(lambda: defaultdict(list))
    for school, key, trend in marts.weeks(schools, weeks):
        found[school][key].append(trend)
    return dict(found)


def _publish_school(
    school: str, rows: ByKey, weeks: Sequence[str], now: datetime, pace: Pace
) -> SchoolProfiles:
    students = list(roster.graduation_years(school))
    if not students:
        return SchoolProfiles(school, 0)

    def work(student: Linked) -> tuple[int, int, int]:
        return _publish_student(
            StudentKey(school, student.student_id), _weeks_of(student, rows), weeks, now, pace
        )

    with ThreadPoolExecutor(STUDENTS_AT_ONCE) as pool:
        counts = list(pool.map(work, linked(school, students)))
    return SchoolProfiles(
        school,
        len(students),
        with_weeks=sum(has > 0 for has, _, _ in counts),
        weeks=sum(has for has, _, _ in counts),
        written=sum(written for _, written, _ in counts),
        withdrawn=sum(withdrawn for _, _, withdrawn in counts),
    )


def _weeks_of(student: Linked, rows: ByKey) -> dict[str, WeeklyTrend]:
    """A student's weeks across rotations of the school's key, by ISO week."""
    versions: dict[str, list[tuple[int, WeeklyTrend]]] = defaultdict(list)
    for version, key in student.keys.items():
        for trend in rows.get(key, ()):
            versions[trend.iso_week].append((version, trend))
    return {week: merged(found) for week, found in versions.items()}


def _publish_student(
    student: StudentKey, wanted: Mapping[str, WeeklyTrend], weeks: Sequence[str], now: datetime, pace: Pace
) -> tuple[int, int, int]:
    """Makes one student's weeks what they should be; how many there are, were written, were withdrawn."""
    stored = weekly_trends.stored(student, weeks[0])
    changed = list(_changed(stored, wanted))
    gone = sorted(stored.keys() - wanted.keys())
    if (changed or gone) and tombstones(student.school_id).erased(student.student_id):
        return 0, 0, 0  # erased since the roster was read: nothing may come back
    for trend in changed:
        pace.wait()
        weekly_trends.write(student, trend)
    for week in gone:
        pace.wait()
        weekly_trends.withdraw(student, week, now)
    return len(wanted), len(changed), len(gone)


def _changed(stored: Mapping[str, WeeklyTrend], wanted: Mapping[str, WeeklyTrend]) -> Iterator[WeeklyTrend]:
    for week, trend in sorted(wanted.items()):
        before = stored.get(week)
        if before is None or not before.says_the_same(trend):
            yield trend
