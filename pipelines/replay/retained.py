"""Which loads the landing can still make again: those whose files are there as they were taken."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import lru_cache

from adapters import landing_claims, ledger, objects
from adapters.lake import LandingFile
from adapters.landing_claims import Claim
from adapters.ledger import Load, LoadState
from adapters.objects import Object
from adapters.settings import setting
from pipelines.load.sharding import noted_verdict
from transforms.lake_schema import BEHAVIOR_EVENTS, LakeTable
from transforms.retention.registry import kept_for

LANDING_KEPT = kept_for("LANDING", f"{BEHAVIOR_EVENTS.name}/")
# An event is at most minutes ahead of the clock, and a school's date at most a day ahead of UTC's.
AHEAD = timedelta(days=1)
_FIRST_LOAD = date(2000, 1, 1)  # before any


@dataclass(frozen=True, slots=True)
class Taken:
    """A published load, as far as the landing still has what it took.

    Attributes:
        load_id: Of the load.
        opened_at: When it was opened, aware.
        stopped: Schools whose rows it held back.
        files: Of those that it trusted, the ones that are there as they were, in the order of their keys.
        whole: Whether that is all of them.
    """

    load_id: str
    opened_at: datetime
    stopped: frozenset[str]
    files: tuple[Object, ...]
    whole: bool


@dataclass(frozen=True)
class Retained:
    """What the landing can still make again of a lake table.

    Attributes:
        table: The lake table.
        taken: The published loads of the last 30 days, in the order in which they were opened; of a run that
            opened several, in the order of their files.
        hours: The first and the last hour of the landing, `YYYY-MM-DD-HH`; None where it is empty.
        older: Whether the ledger knows of loads before these.
    """

    table: LakeTable
    taken: tuple[Taken, ...]
    hours: tuple[str, str] | None
    older: bool

    @property
    def whole(self) -> frozenset[str]:
        """The loads all of whose files are there."""
        return frozenset(load.load_id for load in self.taken if load.whole)

    def has_all_of(self, first: date) -> bool:
        """Whether every row of a day, or of a later one, must come from a load that is there whole.

        Args:
            first: The day, local.
        """
        broken = [load.opened_at for load in self.taken if not load.whole]
        if not broken and not self.older:
            return True
        if self.table is not BEHAVIOR_EVENTS or not self.taken:
            return False  # an evaluation may be dated ahead: any earlier load may have brought it
        last = max(broken, default=self.taken[0].opened_at)
        return first > last.date() + AHEAD


def retained(table: LakeTable, now: datetime) -> Retained:
    """Looks at what the ledger and the landing have.

    Args:
        table: The lake table.
        now: Aware.
    """
    listed = {each.key: each for each in objects.under(setting("LANDING_BUCKET"), f"{table.name}/hour=")}
    since = (now - LANDING_KEPT).date()

    @lru_cache(maxsize=72)  # loads that follow each other have hours in common
    def claims_of(hour: str) -> tuple[Claim, ...]:
        return tuple(landing_claims.of_hours(table.name, [hour]))

    def taken(load: Load) -> Taken:
        claims = [
            claim
            for hour in load.hours
            for claim in claims_of(hour)
            if claim.load_id == load.load_id and not claim.fault
        ]
        claims.sort(key=lambda claim: claim.file.key)
        files = tuple(
            listed[claim.file.key] for claim in claims if _is_there(claim.file, listed.get(claim.file.key))
        )
        stopped = frozenset(noted_verdict(load).stopped)
        wanted = sum(load.facts["shards"])
        return Taken(load.load_id, load.opened_at, stopped, files, len(files) == wanted)

    found = [
        taken(load)
        for load in ledger.loads_opened(table.name, since, now.date())
        if load.state is LoadState.PUBLISHED
    ]
    found.sort(key=lambda load: (load.opened_at, *(file.key for file in load.files[:1])))
    earlier = ledger.loads_opened(table.name, _FIRST_LOAD, since - timedelta(days=1))
    hours = [LandingFile(key, "", 0).hour for key in (min(listed), max(listed))] if listed else None
    return Retained(
        table, tuple(found), (hours[0], hours[1]) if hours else None, next(earlier, None) is not None
    )


def _is_there(file: LandingFile, now: Object | None) -> bool:
    return now is not None and now.etag == file.etag
