"""One day's account, by school, from where the events lie: edge, rejected queue, store, landing, lake.

What the store took that day becomes a table for one query: Athena finds what the lake does not have. It
reads the months and the days of the events' own dates, and never the history.
"""

from __future__ import annotations

import uuid
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from itertools import chain
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from adapters import athena, edge_log, lake
from adapters.settings import setting
from adapters.stored_events import StoredEvents
from expectations.rules import literal, one_of, timestamp
from pipelines import counts
from pipelines.audits.completeness import stored_day
from pipelines.audits.completeness.report import DayReport, Event, emit_metrics
from pipelines.audits.completeness.stored_day import StoredDay
from transforms.completeness import Place, bounds, drawn_up, place_of
from transforms.lake_schema import BEHAVIOR_EVENTS, Column

LANDING_HOURS = timedelta(days=2)  # after the day, and before now: where its events can have landed

TABLE = BEHAVIOR_EVENTS

Say = Callable[[str], None]


def audit(
    day: date,
    store: StoredEvents,
    *,
    now: datetime,
    edge: bool = True,
    say: Say = lambda text: None,
) -> DayReport:
    """Draws up a day's account.

    Args:
        day: Of receipt, UTC.
        store: The way to the store's events.
        now: Aware.
        edge: Whether the edge's access log is counted too.
        say: Told what is going on.

    Raises:
        QueryFailedError: Athena refused or failed.
        ExportUnreadableError: An export is damaged.
    """
    start, end = bounds(day)
    run = f"completeness_{day:%Y%m%d}_{uuid.uuid4().hex[:8]}"
    say("reading the store")
    stored = stored_day.written(store.items(start, end), f"{_folder(run)}stored/")
    stored_counts: Mapping[str, int] = {}
    unaccounted: list[tuple[Event, Place]] = []
    if stored.files:
        say("asking the lake")
        stored_counts, unaccounted = _compared(stored, run, start, end, now)
    say("counting at the edge")
    sent = edge_log.accepted(start, end) if edge else None
    rejected = {school: sum(reasons.values()) for school, reasons in counts.rejected(day).items()}
    accounts = drawn_up(
        stored_counts, ((event.school_id, place) for event, place in unaccounted), sent, rejected
    )
    missing = frozenset(event for event, place in unaccounted if place is Place.MISSING)
    report = DayReport(day, tuple(accounts), missing, now)
    emit_metrics(report)
    return report


def _folder(run: str) -> str:
    return f"audits/{run}/"


def _compared(
    stored: StoredDay, run: str, start: datetime, end: datetime, now: datetime
) -> tuple[Counter[str], list[tuple[Event, Place]]]:
    """How many events each school stored, and where those are that the lake does not have."""
    landed_files = list(_landing_files(start, end, now))
    tables: dict[str, tuple[tuple[Column, ...], list[str]]] = {
        f"{run}_stored": (stored_day.COLUMNS, stored.files)
    }
    if landed_files:
        tables[f"{run}_landed"] = (TABLE.columns, landed_files)
    try:
        for name, (columns, files) in tables.items():
            lake.make_manifest_table(name, columns, f"{_folder(run)}{name}/", files)
        where = _where(stored, start, end)
        by_school = _landing(f"{run}_stored")
        totals = _ask(f"SELECT school_id, count(DISTINCT event_id) AS n FROM {by_school} GROUP BY school_id")
        found = _ask(_absent_query(run, where, start, end, landed=bool(landed_files)))
    finally:
        for name in tables:
            lake.drop_manifest_table(name)
    absent = _rows(found)
    quarantined = _quarantined({row["school_id"] for row in absent}, start)
    placed = []
    for row in absent:
        event = Event(row["school_id"], row["event_id"])
        received_at = datetime.fromisoformat(row["received_at"]).replace(tzinfo=UTC)
        place = place_of(received_at, _hour(row["path"]), now, quarantined=event in quarantined)
        placed.append((event, place))
    return Counter({row["school_id"]: int(row["n"]) for row in _rows(totals)}), placed


def _rows(table: pa.Table) -> list[dict[str, Any]]:
    return table.to_pylist()


def _ask(sql: str) -> pa.Table:
    return athena.query_text(sql, work_group=setting("JOBS_WORK_GROUP"), database=setting("LANDING_DATABASE"))


def _landing(table: str) -> str:
    return f'"{setting("LANDING_DATABASE")}"."{table}"'


def _where(stored: StoredDay, start: datetime, end: datetime) -> str:
    """Which rows of the lake can be of the day: its months decide what is opened, its days what is read."""
    years = sorted({month[:4] for month in stored.months})
    months = sorted({month[5:] for month in stored.months})
    return (
        f"{one_of('year', years)} AND {one_of('month', months)} "
        f"AND local_date BETWEEN DATE {literal(stored.first)} AND DATE {literal(stored.last)} "
        f"AND {_received(start, end)}"
    )


def _received(start: datetime, end: datetime) -> str:
    return f"received_at >= {timestamp(start)} AND received_at < {timestamp(end)}"


def _absent_query(run: str, where: str, start: datetime, end: datetime, *, landed: bool) -> str:
    """Stored events that the lake does not have, with the landing file that holds them, if one does."""
    lake_table = f'"{setting("LAKE_DATABASE")}"."{TABLE.name}"'
    in_landing = (
        f"""(SELECT school_id, event_id, max("$path") AS path FROM {_landing(f"{run}_landed")}
            WHERE {_received(start, end)} GROUP BY school_id, event_id)"""
        if landed
        else "(SELECT '' AS school_id, '' AS event_id, CAST(NULL AS varchar) AS path)"
    )
    return f"""
        WITH stored AS (
            SELECT school_id, event_id, min(received_at) AS received_at
            FROM {_landing(f"{run}_stored")} GROUP BY school_id, event_id
        ),
        published AS (SELECT DISTINCT school_id, event_id FROM {lake_table} WHERE {where}),
        landed AS (SELECT school_id, event_id, path FROM {in_landing} AS found)
        SELECT
            stored.school_id, stored.event_id, landed.path,
            CAST(stored.received_at AS varchar) AS received_at
        FROM stored
        LEFT JOIN published
            ON published.school_id = stored.school_id AND published.event_id = stored.event_id
        LEFT JOIN landed ON landed.school_id = stored.school_id AND landed.event_id = stored.event_id
        WHERE published.event_id IS NULL
    """


def _landing_files(start: datetime, end: datetime, now: datetime) -> Iterator[str]:
    """Landing files of the hours in which the day's events landed, or could still."""
    hour = timedelta(hours=1)
    after = _hours(start, min(end + LANDING_HOURS, now + hour))
    late = _hours(max(end + LANDING_HOURS, now - LANDING_HOURS), now + hour)
    bucket = setting("LANDING_BUCKET")
    for name in dict.fromkeys(chain(after, late)):
        yield from lake.keys_under(bucket, f"{TABLE.name}/hour={name}/")


def _hours(first: datetime, last: datetime) -> Iterator[str]:
    moment = first.replace(minute=0, second=0, microsecond=0)
    while moment < last:
        yield f"{moment:%Y-%m-%d-%H}"
        moment += timedelta(hours=1)


def _hour(path: str | None) -> datetime | None:
    """The hour of delivery in a landing file's path, aware."""
    if not path:
        return None
    text = path.split("/hour=", 1)[1].split("/", 1)[0]
    return datetime.strptime(text, "%Y-%m-%d-%H").replace(tzinfo=UTC)


def _quarantined(schools: Iterable[str], start: datetime) -> set[Event]:
    """Events of some schools that loads quarantined since a moment: a load's name begins with its time."""
    bucket, since, wanted = setting("LAKE_BUCKET"), f"{start:%Y%m%d}", set(schools)
    found: set[Event] = set()
    for key in lake.keys_under(bucket, f"quarantine/{TABLE.name}/"):
        load = key.split("/load_id=", 1)[1].split("/", 1)[0]
        school = key.split("/school_id=", 1)[1].split("/", 1)[0]
        if load >= since and school in wanted:
            rows = pq.read_table(pa.BufferReader(lake.read(bucket, key)), columns=[TABLE.identity])
            found |= {Event(school, row[TABLE.identity]) for row in _rows(rows)}
    return found
