"""Asks every place on the way for one id."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from adapters import athena, lake, landing_claims, ledger, objects, quarantine, rejected, traced_items
from adapters.ledger import Load, LoadState
from adapters.queues import messages
from adapters.settings import setting
from pipelines.trace.sightings import Sighting, Station
from transforms import keys
from transforms.keys import StudentKey
from transforms.lake_schema import LAKE_TABLES, LakeTable

Say = Callable[[str], None]


class NoTraceIdError(ValueError):
    """What is to be followed is no id."""


def trace(
    trace_id: str,
    *,
    school_id: str | None = None,
    student_id: str | None = None,
    say: Say = lambda text: None,
) -> list[Sighting]:
    """Where an event, or a change of an evaluation or a grade, has been seen.

    Args:
        trace_id: Its event id, or the correlation id of its request: a UUID.
        school_id: Only the lake partitions and the landed rows of this school.
        student_id: With the school: the store is asked for this student's items too.
        say: Told what is going on.

    Returns:
        In the order of the way; those of one place by time.

    Raises:
        NoTraceIdError: It is no UUID.
        InvalidIdentifierError: School or student cannot be one.
        ClientError, BotoCoreError, QueryFailedError: A place cannot be asked.
    """
    if not keys.is_uuid(trace_id):
        raise NoTraceIdError(
            f"{trace_id!r} is no UUID: give the event_id that the sender made, or the X-Correlation-Id of "
            "its request; without such a header, the MessageId of the answer to POST /behavior"
        )
    wanted = trace_id.lower()
    if school_id is not None:
        keys.identifier("school_id", school_id)
    found: list[Sighting] = []
    say("queues")
    found += _dead_letters(wanted)
    found += _rejections(wanted)
    if school_id is not None and student_id is not None:
        say("store")
        student = StudentKey(school_id, keys.identifier("student_id", student_id))
        found += [
            Sighting(Station.STORED, item.at, item.kind) for item in traced_items.under(student, wanted)
        ]
    for table in LAKE_TABLES.values():
        say(f"{table.name}: landing, loads, quarantine, lake")
        found += _not_converted(table, wanted)
        found += _from_landing(table, wanted, school_id)
        found += _in_lake(table, wanted, school_id)
    order = list(Station)
    return sorted(found, key=lambda each: (order.index(each.station), each.at is None, each.at, each.what))


def _dead_letters(wanted: str) -> Iterator[Sighting]:
    for message in messages(setting("BEHAVIOR_DEAD_LETTERS")):
        attribute = message.get("MessageAttributes", {}).get("correlation_id", {}).get("StringValue", "")
        if wanted in (message["Body"] + attribute + message["MessageId"]).lower():
            why = "the worker failed on it until the queue gave up"
            yield Sighting(Station.DEAD_LETTERS, None, message["MessageId"], why, waits=True)


def _rejections(wanted: str) -> Iterator[Sighting]:
    for rejection in rejected.rejections():
        ids = (rejection["correlation_id"], rejection["message_id"])
        if wanted in ids or wanted in rejection["body"].lower():
            at = datetime.fromisoformat(rejection["received_at"])
            says = f"{rejection['reason']} at {rejection['faults'][0].path}"
            yield Sighting(Station.REJECTED, at, rejection["message_id"], says, waits=True)


def _not_converted(table: LakeTable, wanted: str) -> Iterator[Sighting]:
    for found in objects.under(setting("LANDING_BUCKET"), f"errors/{table.name}/"):
        for line in lake.read(found.bucket, found.key, found.etag).splitlines():
            told = json.loads(line)
            if wanted.encode() in base64.b64decode(told["rawData"]):
                says = str(told.get("errorCode", "not converted"))
                yield Sighting(Station.NOT_CONVERTED, found.written_at, found.key, says, True, table.name)


def _rows(table: LakeTable, database: str, columns: str, where: str) -> list[dict[str, Any]]:
    sql = f'SELECT "$path" AS path, {columns} FROM {table.name} WHERE {where}'
    return athena.query_text(sql, work_group=setting("JOBS_WORK_GROUP"), database=database).to_pylist()


def _is_it(table: LakeTable, wanted: str, school_id: str | None) -> str:
    """A predicate; both values were checked and hold no quote."""
    ids = f"{table.identity} = '{wanted}' OR correlation_id = '{wanted}'"
    school = f" AND school_id = '{school_id}'" if school_id else ""
    return f"({ids}){school}"


def _from_landing(table: LakeTable, wanted: str, school_id: str | None) -> Iterator[Sighting]:
    rows = _rows(table, setting("LANDING_DATABASE"), "school_id", _is_it(table, wanted, school_id))
    bucket = f"s3://{setting('LANDING_BUCKET')}/"
    for path, school in sorted({(row["path"], row["school_id"]) for row in rows}):
        key = path.removeprefix(bucket)
        file = objects.find(setting("LANDING_BUCKET"), key)
        at = file.written_at if file else None
        yield Sighting(Station.LANDED, at, key, table=table.name)
        yield from _of_load(table, key, school, wanted)


def _of_load(table: LakeTable, key: str, school: str | None, wanted: str) -> Iterator[Sighting]:
    hour = lake.LandingFile(key, "", 0).hour
    for claim in landing_claims.of_hours(table.name, [hour]):
        if claim.file.key != key:
            continue
        load = _load(table, claim.load_id)
        if load is None:
            continue
        at = datetime.fromisoformat(load.times[load.state.value])
        if claim.fault:
            says = f"the file was set aside: {claim.fault}, {claim.reason}"
            yield Sighting(Station.LOAD, at, load.load_id, says, True, table.name)
            continue
        error = str(load.facts.get("error", ""))
        stuck = bool(error) and load.state is not LoadState.PUBLISHED
        yield Sighting(
            Station.LOAD, at, load.load_id, error if stuck else load.state.value, stuck, table.name
        )
        for held in quarantine.held(table.name, load.load_id):
            if school is None or held.school_id == school:
                yield from _held(table, held, wanted)


def _load(table: LakeTable, load_id: str) -> Load | None:
    """A load, or None where the ledger has forgotten it."""
    try:
        return ledger.find(table.name, load_id)
    except LookupError:
        return None


def _held(table: LakeTable, held: quarantine.Held, wanted: str) -> Iterator[Sighting]:
    body = lake.read(held.object.bucket, held.object.key, held.object.etag)
    rows = pq.read_table(pa.BufferReader(body))
    for row, rules in zip(rows.to_pylist(), quarantine.noted_rules(rows), strict=True):
        if wanted in (row.get(table.identity), row.get("correlation_id")):
            says = f"breaks {', '.join(rules)}"
            yield Sighting(
                Station.QUARANTINED, held.object.written_at, held.object.key, says, True, table.name
            )


def _in_lake(table: LakeTable, wanted: str, school_id: str | None) -> Iterator[Sighting]:
    where = _is_it(table, wanted, school_id)
    columns = "load_id, graduation_year, year, month, school_id"
    for row in _rows(table, setting("LAKE_DATABASE"), columns, where):
        load = _load(table, row["load_id"])
        published = load.times.get(LoadState.PUBLISHED.value) if load else None
        names = ("graduation_year", "year", "month", "school_id")
        what = "/".join([table.name, *(f"{name}={row[name]}" for name in names)])
        at = datetime.fromisoformat(published) if published else None
        yield Sighting(Station.LAKE, at, what, f"load {row['load_id']}", table=table.name)
