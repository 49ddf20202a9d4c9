"""A new version of a school's key, and the end of an old one. A run that dies is finished by the next.

    begun in the ledger → made or destroyed in Parameter Store → ended in the ledger

Rows keep the version that they were written under. The version in whose name a row is written is the row's
own, so a batch that falls between two versions may hold both.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date, datetime, timedelta

from adapters import athena, key_history, leases, pseudonym_keys
from adapters.key_history import KeyWork, OpenWork
from adapters.leases import Lease
from adapters.settings import setting
from expectations.rules import literal, one_of
from transforms import keys
from transforms.calendar import utc_text
from transforms.lake_schema import LAKE_TABLES

# A week is compared with the four before it (dbt/macros/weeks.sql, `history_weeks`): after as long a pause
# no trend reaches across a rotation.
PAUSE = timedelta(weeks=4)

Say = Callable[[str], None]


class SchoolInSessionError(RuntimeError):
    """A rotation now would cut trends."""


class KeyInUseError(RuntimeError):
    """A version cannot be destroyed: rows are under it, or new ones will be."""


class KeyWorkUnfinishedError(RuntimeError):
    """Other work on the school's key was begun and not ended."""


def rotate(
    school_id: str,
    *,
    now: datetime,
    reason: str,
    in_session: bool = False,
    say: Say = lambda text: None,
) -> int:
    """Makes the next version of a school's key; new rows have it within a quarter of an hour.

    Args:
        school_id: The school.
        now: Aware.
        reason: Kept in the ledger.
        in_session: Rotate although the school sent events within the last four weeks.
        say: Told what is going on.

    Returns:
        The new version.

    Raises:
        SchoolInSessionError: The school is in session.
        KeyUnavailableError: It has no key yet.
        LeaseHeldError: Another run works on the school's key.
        KeyWorkUnfinishedError: A destruction was not ended.
    """
    with _alone(school_id, say) as lease:
        work = key_history.open_work(school_id)
        if work is None:
            if not in_session:
                _require_pause(school_id, now.date())
            newest = max(each.version for each in _versions(school_id))
            work = OpenWork(KeyWork.ROTATION, newest + 1)
            key_history.begin(school_id, work, lease, now)
        _require(work, KeyWork.ROTATION, school_id)
        say(f"making v{work.version}")
        lease.check()
        if work.version not in {each.version for each in _versions(school_id)}:
            pseudonym_keys.create_key(school_id, work.version)
        key_history.end(school_id, work, {"made_at": utc_text(now), "reason": reason}, lease)
        return work.version


def destroy(
    school_id: str,
    version: int,
    *,
    now: datetime,
    reason: str,
    orphan: bool = False,
    newest: bool = False,
    say: Say = lambda text: None,
) -> int:
    """Destroys a version of a school's key for good.

    Args:
        school_id: The school.
        version: Which.
        now: Aware.
        reason: Kept in the ledger.
        orphan: Destroy it although rows of the lake are under it: nobody can find their students any more.
        newest: Destroy it although new rows are written under it: for a school that has left.
        say: Told what is going on.

    Returns:
        How many rows of the lake were under it.

    Raises:
        KeyInUseError: It is the newest, or rows are under it.
        LookupError: There is no such version.
        LeaseHeldError: Another run works on the school's key.
        KeyWorkUnfinishedError: A rotation was not ended.
    """
    with _alone(school_id, say) as lease:
        work = key_history.open_work(school_id)
        rows = rows_under(school_id, version)
        if work is None:
            _require_free(school_id, version, rows, orphan=orphan, newest=newest)
            work = OpenWork(KeyWork.DESTRUCTION, version)
            key_history.begin(school_id, work, lease, now)
        _require(work, KeyWork.DESTRUCTION, school_id)
        say(f"destroying v{work.version}")
        lease.check()
        pseudonym_keys.delete_key(school_id, work.version)
        facts = {"destroyed_at": utc_text(now), "reason": reason, "rows_orphaned": rows}
        key_history.end(school_id, work, facts, lease)
        return rows


def rows_under(school_id: str, version: int) -> int:
    """How many rows of the lake's tables are under a version of a school's key."""
    total = 0
    for table in LAKE_TABLES:
        found = athena.query_text(
            f"SELECT count(*) AS n FROM {table} WHERE school_id = {literal(school_id)} "
            f"AND pseudonym_version = {int(version)}",
            work_group=setting("JOBS_WORK_GROUP"),
            database=setting("LAKE_DATABASE"),
        )
        total += int(str(found["n"][0].as_py()))
    return total


@contextmanager
def _alone(school_id: str, say: Say) -> Iterator[Lease]:
    with leases.held(f"keys/{keys.identifier('school_id', school_id)}", "key work", say) as lease:
        yield lease


def _versions(school_id: str) -> list[pseudonym_keys.KeyVersion]:
    found = pseudonym_keys.key_versions(school_id)
    if not found:
        raise pseudonym_keys.KeyUnavailableError(
            f"school {school_id!r} has no pseudonym key: create one with `luca keys create`"
        )
    return found


def _require(work: OpenWork, wanted: KeyWork, school_id: str) -> None:
    if work.work is not wanted:
        command = "rotate" if work.work is KeyWork.ROTATION else f"destroy --version {work.version}"
        raise KeyWorkUnfinishedError(
            f"a {work.work.value} of school {school_id!r}'s key to v{work.version} was begun and not ended: "
            f"`luca keys {command}` ends it"
        )


def _require_free(school_id: str, version: int, rows: int, *, orphan: bool, newest: bool) -> None:
    versions = [each.version for each in _versions(school_id)]
    if version not in versions:
        raise LookupError(f"school {school_id!r} has no key v{version}: it has {versions}")
    if version == max(versions) and not newest:
        raise KeyInUseError(
            f"v{version} is the newest key of school {school_id!r}, and its next row needs it: rotate first, "
            "or erase the whole school with `luca erase --whole-school`"
        )
    if rows and not orphan:
        raise KeyInUseError(
            f"{rows:,} rows of the lake are under v{version} of school {school_id!r}: without the key their "
            "students can never be found, to be shown or to be erased. Wait for their retention, or say "
            "--orphan"
        )


def _require_pause(school_id: str, today: date) -> None:
    first = today - PAUSE
    months = {f"{day:%Y-%m}" for day in (first, today)}
    found = athena.query_text(
        "SELECT CAST(max(local_date) AS varchar) AS last FROM behavior_events "
        f"WHERE school_id = {literal(school_id)} AND {one_of('year', sorted({m[:4] for m in months}))} "
        f"AND {one_of('month', sorted({m[5:] for m in months}))} AND local_date > DATE {literal(str(first))}",
        work_group=setting("JOBS_WORK_GROUP"),
        database=setting("LAKE_DATABASE"),
    )
    last = found["last"][0].as_py() if found.num_rows else None
    if last:
        raise SchoolInSessionError(
            f"school {school_id!r} sent events on {last}: a student's week is compared with the four before "
            "it, and a rotation now would cut that. Rotate after four weeks without events, or say "
            "--in-session"
        )
