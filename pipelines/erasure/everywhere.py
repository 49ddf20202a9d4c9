"""Every place of the registry that can hold somebody, and who looks through it."""

from __future__ import annotations

from collections.abc import Iterator

from pipelines.erasure import parquet_rows
from pipelines.erasure.holders import Finding, Holder, Work
from pipelines.erasure.lake_tables import TableHolder
from pipelines.erasure.objects import ObjectHolder, answers, error_lines, without_error_lines
from pipelines.erasure.records import ExportHolder, QueueHolder, StoreHolder, as_sent, of_rejection
from transforms.lake_schema import LAKE_TABLES
from transforms.retention.places import Find, Kind, Place, Removal
from transforms.retention.registry import PLACES

_BY_NAME = {place.name: place for place in PLACES}
_STORE = "luca-platform"
# Where the writer empties the queue all the time, and refuses an erased student's messages.
READ_BY_THE_WRITER = "luca-behavior/messages"


def holders(*, whole_school: bool = False) -> list[Holder]:
    """Who removes a subject from where, in the order in which it is done: nothing flows back.

    Args:
        whole_school: Also from the places that hold no student.
    """
    kinds = {
        place.name.removeprefix(f"{_STORE}/"): place
        for place in PLACES
        if place.kind is Kind.ITEMS
        and place.store == _STORE
        and (whole_school or place.erasure.remove is Removal.DELETE_ITEMS)
    }
    found: list[Holder] = [
        StoreHolder(kinds),
        QueueHolder(_BY_NAME["luca-behavior-rejected/messages"], "REJECTED_QUEUE", of_rejection),
        QueueHolder(_BY_NAME["luca-behavior-dead-letters/messages"], "BEHAVIOR_DEAD_LETTERS", as_sent),
        ObjectHolder(_BY_NAME["landing/errors"], error_lines, without_error_lines),
        *(
            TableHolder(table, _BY_NAME[f"landing/{table.name}"], _BY_NAME[f"lake/lake/{table.name}"])
            for table in LAKE_TABLES.values()
        ),
        ObjectHolder(_BY_NAME["lake/quarantine"], parquet_rows.count, parquet_rows.without),
    ]
    # Counts of a week name nobody; a whole school's go with it.
    marts = [place for place in PLACES if place.erasure.remove is Removal.REBUILD]
    if whole_school:
        marts += [place for place in PLACES if place.keys.startswith("marts/") and place not in marts]
    found += [ObjectHolder(place, parquet_rows.count, parquet_rows.without) for place in marts]
    for place in PLACES:
        if place.erasure.remove is Removal.DELETE_ANSWERS:
            found.append(ObjectHolder(place, answers))
        elif place.erasure.remove is Removal.DELETE_EXPORTS:
            found.append(ExportHolder(place))
    return found


def find(every: list[Holder], work: Work) -> list[Finding]:
    """All that there is of a subject, place by place."""
    return list(_find(every, work))


def _find(every: list[Holder], work: Work) -> Iterator[Finding]:
    for holder in every:
        work.say(f"looking through {', '.join(place.name for place in holder.places)[:70]}")
        yield from holder.find(work)


def untouched() -> list[Place]:
    """Places that hold persons and that an erasure leaves as they are: the registry says why."""
    left = {Removal.WAIT, Removal.OBLIGED}
    return [
        place
        for place in PLACES
        if place.erasure.remove in left and place.erasure.find not in {Find.NOBODY, Find.POSITION}
    ]
