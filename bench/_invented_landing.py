"""Behaviour events as they land, made by the million in a second, for the benchmarks of the lake."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow as pa

from transforms.events import CONTRACT_VERSION, EVENT_TYPES, POLARITIES, STATUSES
from transforms.lake_schema import BEHAVIOR_EVENTS

FIRST_DAY = datetime(2026, 2, 16, tzinfo=UTC)
DAYS = 20  # two calendar months, so that schools and cohorts give some four hundred partitions
OFFSET_MINUTES = -360
_HEX = np.frombuffer(b"0123456789abcdef", np.uint8)


def hex_text(values: np.ndarray, dashes: tuple[int, ...] = ()) -> pa.Array:
    """Rows of bytes as hex digits, with dashes before the given digits, as plain strings."""
    digits = np.empty((len(values), values.shape[1] * 2), np.uint8)
    digits[:, 0::2], digits[:, 1::2] = _HEX[values >> 4], _HEX[values & 15]
    text = np.insert(digits, list(dashes), ord("-"), axis=1) if dashes else digits
    offsets = np.arange(0, text.size + 1, text.shape[1], dtype=np.int32)
    return pa.StringArray.from_buffers(len(text), pa.py_buffer(offsets), pa.py_buffer(text.tobytes()))


def events(count: int, *, schools: int = 20, students: int = 20_000, seed: int = 1) -> pa.Table:
    """Good behaviour events in the landing schema.

    Args:
        count: Rows.
        schools: Between which they are shared.
        students: Of all schools together; each has one of eleven cohorts.
        seed: The same seed gives the same rows.
    """
    random = np.random.default_rng(seed)
    student = random.integers(0, students, count)
    school = student % schools
    names = pa.array([f"school_{number + 1}" for number in range(schools)])
    keys = hex_text(random.integers(0, 256, (students, 16), np.uint8))
    teachers = hex_text(random.integers(0, 256, (schools * 40, 16), np.uint8))
    kind = random.integers(0, len(EVENT_TYPES), count)
    attends, conducts = kind == EVENT_TYPES.index("attendance"), kind == EVENT_TYPES.index("conduct")
    start = int(FIRST_DAY.timestamp() * 1000)
    occurred = start + random.integers(0, DAYS * 86_400_000, count)
    ids = random.integers(0, 256, (count, 16), np.uint8)
    requests = random.integers(0, 256, (count, 16), np.uint8)
    dashes = (8, 12, 16, 20)

    def pick(values: tuple[str, ...], where: np.ndarray | None = None) -> pa.Array:
        index = random.integers(0, len(values), count)
        return pa.array(values).take(pa.array(index, mask=None if where is None else ~where))

    columns = {
        "event_id": hex_text(ids, dashes),
        "school_id": names.take(pa.array(school)),
        "student_key": keys.take(pa.array(student)),
        "teacher_key": teachers.take(pa.array(school * 40 + random.integers(0, 40, count))),
        "pseudonym_version": np.ones(count, np.int32),
        "graduation_year": (2026 + student // schools % 11).astype(np.int32),
        "event_type": pa.array(EVENT_TYPES).take(pa.array(kind)),
        "status": pick(STATUSES, attends),
        "polarity": pick(POLARITIES, conducts),
        "subject": pick(("matematicas", "lengua", "ciencias", "historia", "arte")),
        "class_id": pick(tuple(f"{year}{group}" for year in range(1, 7) for group in "ABC")),
        "points": random.integers(-3, 4, count).astype(np.int32),
        "points_version": np.ones(count, np.int32),
        "occurred_at": occurred.astype("M8[ms]"),
        "received_at": (occurred + random.integers(0, 60_000, count)).astype("M8[ms]"),
        "local_date": (occurred + OFFSET_MINUTES * 60_000).astype("M8[ms]").astype("M8[D]"),
        "utc_offset_minutes": np.full(count, OFFSET_MINUTES, np.int32),
        "correlation_id": hex_text(requests, dashes),
        "contract_version": np.full(count, CONTRACT_VERSION, np.int32),
    }
    return pa.table(columns, schema=BEHAVIOR_EVENTS.landing_schema)


def in_week(rows: pa.Table, monday: datetime) -> pa.Table:
    """The same rows within five days of a week."""
    start = int((monday + timedelta(hours=12)).timestamp() * 1000)
    within = rows["occurred_at"].to_numpy().astype("int64") % (5 * 86_400_000)
    occurred = start + within
    local = (occurred + OFFSET_MINUTES * 60_000).astype("M8[ms]")
    changed = {
        "occurred_at": occurred.astype("M8[ms]"),
        "received_at": (occurred + 60_000).astype("M8[ms]"),
        "local_date": local.astype("M8[D]"),
    }
    for name, values in changed.items():
        at = rows.schema.get_field_index(name)
        rows = rows.set_column(at, rows.schema.field(at), pa.array(np.asarray(values)))
    return rows
