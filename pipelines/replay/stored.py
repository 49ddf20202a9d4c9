"""What the lake must hold by the hot store: its events, as the enricher makes rows of them.

The enricher alone reads the schools' keys, and leaves erased students out; who compares needs neither.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa

from adapters import functions
from adapters.batches import batches
from adapters.settings import setting
from adapters.stored_events import StoredEvents, TypedItem
from pipelines.audits.completeness.repair import RECORDS_A_CALL, as_inserted
from pipelines.partitions.rewriting import READERS
from pipelines.replay.comparing import Compared, Expected
from pipelines.replay.lake_months import LakeMonths
from pipelines.replay.result import NothingRetainedError, Replayed
from pipelines.replay.shelf import Shelf
from pipelines.replay.source import Source
from pipelines.replay.span import Span
from transforms import keys
from transforms.event_items import HOT_FOR
from transforms.lake_schema import BEHAVIOR_EVENTS, LOAD_ID

Say = Callable[[str], None]
Clock = Callable[[], datetime]

_AHEAD = timedelta(days=1)  # a school's date may be a day ahead of UTC's


def compare_with_store(
    span: Span,
    store: StoredEvents,
    *,
    say: Say = lambda text: None,
    clock: Clock = lambda: datetime.now(UTC),
) -> Replayed:
    """Compares the behaviour events that both the lake and the hot store have; changes nothing.

    Args:
        span: Local days and schools.
        store: Where the events' items are read.
        say: Told what is going on.
        clock: Gives the moment, aware.

    Raises:
        NothingRetainedError: The store has nothing of these days.
        FunctionFailedError: The enricher failed.
    """
    table, now = BEHAVIOR_EVENTS, clock()
    with (
        ThreadPoolExecutor(READERS, thread_name_prefix="read") as readers,
        tempfile.TemporaryDirectory(prefix="luca-replay-") as folder,
    ):
        lake, shelf = LakeMonths(table, span, readers, with_store=True), Shelf(table, Path(folder))
        put_on(shelf, span, store, now, say)
        partitions: list[Compared] = []
        there = lake.places()
        for month in sorted({*shelf.months, *there}):
            say(f"{month.school_id}, {month.year}-{month.month}")
            expected = Expected.of(shelf.take(month), table, of_store=True)
            partitions += lake.compared(month, expected, there.get(month, {}), frozenset()).partitions
    return Replayed(Source.STORE, table.name, span, tuple(partitions))


def put_on(
    shelf: Shelf,
    span: Span,
    store: StoredEvents,
    now: datetime,
    say: Say = lambda text: None,
) -> None:
    """Puts the store's events of some local days on a shelf; their rows name no load.

    Args:
        shelf: Of behaviour events.
        span: Which days and schools.
        store: Where the items are read.
        now: Aware; what is received later is left out.
        say: Told what is going on.

    Raises:
        NothingRetainedError: The store has nothing of these days.
        FunctionFailedError: The enricher failed.
    """
    start = datetime.combine(span.first - _AHEAD, time(), UTC)  # nothing is received before it happens
    for batch in batches(_of(span, store.items(start, now)), RECORDS_A_CALL):
        rows = functions.call(setting("LAKE_ENRICHER"), [as_inserted(item) for item in batch])
        shelf.add(as_landed(rows))
        say(f"{shelf.rows:,} events of the store")
    if not shelf.rows:
        raise NothingRetainedError(
            f"nothing to replay {BEHAVIOR_EVENTS.name} of {span} from: the store has no event of these days; "
            f"it keeps them for {HOT_FOR.days} days"
        )


def as_landed(rows: list[Mapping[str, Any]]) -> pa.Table:
    """The enricher's rows as Firehose would land them, with an empty `load_id`."""
    schema = BEHAVIOR_EVENTS.landing_schema
    # Times and dates are texts until Firehose reads them.
    given = pa.schema(
        [
            pa.field(field.name, pa.string() if pa.types.is_temporal(field.type) else field.type)
            for field in schema
        ]
    )
    table = pa.Table.from_pylist([dict(row) for row in rows], given).cast(schema)
    return table.append_column(LOAD_ID.name, pa.repeat(pa.scalar(""), table.num_rows))


def _of(span: Span, items: Iterator[TypedItem]) -> Iterator[TypedItem]:
    first, last = span.first.isoformat(), span.last.isoformat()
    for item in items:
        if first <= item["local_date"]["S"] <= last and (
            not span.schools or keys.parse_student_pk(item["PK"]["S"]).school_id in span.schools
        ):
            yield item
