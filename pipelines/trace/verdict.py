"""From what was seen to where it is, and what to do."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta
from enum import Enum
from typing import NamedTuple

from pipelines.trace.sightings import Sighting, Station

# From the stream to a file: a batching window of 5 s, the enricher, and Firehose's buffer of 60 s.
ON_ITS_WAY = timedelta(minutes=15)
# The load comes every hour, ten minutes after it, and may wait for one that is at work.
NEXT_LOAD = timedelta(hours=2)


class State(Enum):
    """How it goes with it."""

    ARRIVED = "arrived"
    ON_ITS_WAY = "on its way"
    STUCK = "stuck"
    UNSEEN = "unseen"


class Verdict(NamedTuple):
    """Where it is.

    Attributes:
        state: How it goes with it.
        where: In words.
        advice: What to do; empty where nothing is to be done.
    """

    state: State
    where: str
    advice: str = ""


_ADVICE = {
    Station.DEAD_LETTERS: "mend what the worker's log says, then send the message back: "
    "docs/runbooks/dead-letters.md",
    Station.REJECTED: "mend the sender, or the school's configuration, and send it again: "
    "docs/runbooks/rejected-events.md",
    Station.NOT_CONVERTED: "the row does not fit its table: docs/runbooks/landing-errors.md",
    Station.QUARANTINED: "luca quarantine show, then release or discard: docs/runbooks/quarantine.md",
    Station.LOAD: "luca loads says why: docs/runbooks/load.md",
}


def verdict(seen: Collection[Sighting], now: datetime, *, store_was_asked: bool) -> Verdict:
    """Where it is, by the farthest place that has it.

    Args:
        seen: By any order.
        now: Aware.
        store_was_asked: Whether the student was named, so that the store could be asked.
    """
    if not seen:
        asked = "" if store_was_asked else "; with --school and --student the store is asked too"
        return Verdict(
            State.UNSEEN,
            "no place has it",
            "it never came, is still in the queue, or is older than what the landing keeps (30 days) and "
            f"went to no lake partition that was looked at{asked}",
        )
    order = list(Station)
    last = max(seen, key=lambda each: (order.index(each.station), each.at or now))
    if last.station is Station.LAKE:
        return Verdict(State.ARRIVED, f"in the lake, {last.what}")
    if last.waits:
        return Verdict(State.STUCK, f"in the {last.station}: {last.says}", _ADVICE.get(last.station, ""))
    return _underway(last, now)


def _underway(last: Sighting, now: datetime) -> Verdict:
    since = now - last.at if last.at else timedelta(0)
    if last.station is Station.STORED:
        if since <= ON_ITS_WAY:
            return Verdict(State.ON_ITS_WAY, "stored, and on its way to the landing")
        return Verdict(
            State.STUCK,
            f"stored {_minutes(since)} ago and never landed",
            "luca audit completeness --repair sends it again: docs/runbooks/completeness-gap.md",
        )
    if last.station is Station.LANDED:
        if since <= NEXT_LOAD:
            return Verdict(State.ON_ITS_WAY, "landed; the next load takes it")
        return Verdict(
            State.STUCK,
            f"landed {_minutes(since)} ago and no load has taken it",
            "luca loads says what the table's loads do: docs/runbooks/load.md",
        )
    return Verdict(State.ON_ITS_WAY, f"at the {last.station}: {last.says}")


def _minutes(span: timedelta) -> str:
    minutes = int(span.total_seconds() // 60)
    return f"{minutes} min" if minutes < 180 else f"{minutes // 60} h"
