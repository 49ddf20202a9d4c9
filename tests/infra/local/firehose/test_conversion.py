from __future__ import annotations

import json
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest

from infra.local.firehose.conversion import (
    MALFORMED_DATA,
    PARSE_ERROR,
    UnknownColumnTypeError,
    arrow_schema,
    convert,
)

COLUMNS = [
    ("event_id", "string"),
    ("points", "int"),
    ("big", "bigint"),
    ("ratio", "double"),
    ("flag", "boolean"),
    ("occurred_at", "timestamp"),
    ("local_date", "date"),
    ("score", "decimal(7,3)"),
    ("tags", "array<string>"),
]
SCHEMA = arrow_schema(COLUMNS)

GOOD = {
    "event_id": "e1",
    "points": -2,
    "big": 2**40,
    "ratio": 0.5,
    "flag": True,
    "occurred_at": "2026-02-10T08:15:00.123456Z",
    "local_date": "2026-02-10",
    "score": "7.125",
    "tags": ["a", "b"],
}
GOOD_ROW = {
    **GOOD,
    "occurred_at": datetime(2026, 2, 10, 8, 15, 0, 123456),
    "local_date": date(2026, 2, 10),
    "score": Decimal("7.125"),
}
EMPTY_ROW = dict.fromkeys(GOOD)


def lines(*records: Any) -> list[bytes]:
    return [record if isinstance(record, bytes) else json.dumps(record).encode() for record in records]


def test_every_column_type_keeps_its_value() -> None:
    table, failed = convert(lines(GOOD), SCHEMA)
    assert table.schema == SCHEMA
    assert table.to_pylist() == [GOOD_ROW]
    assert failed == []


def test_missing_fields_are_null_and_unknown_ones_are_dropped() -> None:
    table, failed = convert(lines({}, {"surprise": {"deep": 1}}, {"points": None}), SCHEMA)
    assert table.to_pylist() == [EMPTY_ROW] * 3
    assert failed == []


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (b"{", PARSE_ERROR),
        (b'{"points": 1', PARSE_ERROR),
        (b"\xff\xfe", PARSE_ERROR),
        (b"[1]", MALFORMED_DATA),
        (b'"text"', MALFORMED_DATA),
        ({"points": "many"}, MALFORMED_DATA),
        ({"points": 1.5}, MALFORMED_DATA),
        ({"points": 2**31}, MALFORMED_DATA),
        ({"flag": "yes"}, MALFORMED_DATA),
        ({"occurred_at": "yesterday"}, MALFORMED_DATA),
        ({"local_date": 7}, MALFORMED_DATA),
        ({"score": "123456.7"}, MALFORMED_DATA),
        ({"tags": "a"}, MALFORMED_DATA),
    ],
)
def test_one_bad_record_takes_no_other_with_it(bad: Any, code: str) -> None:
    table, failed = convert(lines(GOOD, bad, GOOD), SCHEMA)
    assert table.to_pylist() == [GOOD_ROW] * 2
    assert [(each.code, each.raw) for each in failed] == [(code, lines(bad)[0])]


@pytest.mark.parametrize(
    "text",
    ["2026-02-10T08:15:00Z", "2026-02-10 08:15:00", "2026-02-10T03:15:00-05:00", "2026-02-10T08:15:00"],
)
def test_times_are_utc_whatever_their_form(text: str) -> None:
    for others in ([], [{"occurred_at": "2026-01-01T00:00:00Z"}]):
        table, failed = convert(lines({"occurred_at": text}, *others), SCHEMA)
        assert failed == []
        assert table.column("occurred_at")[0].as_py() == datetime(2026, 2, 10, 8, 15)


def test_the_slow_way_reads_numbers_as_the_open_x_deserializer_does() -> None:
    records = lines({"occurred_at": 1770711300000, "points": "5", "event_id": 7, "score": 1.5}, b"{")
    table, _ = convert(records, SCHEMA)
    row = table.to_pylist()[0]
    assert row["occurred_at"] == datetime(2026, 2, 10, 8, 15)
    assert (row["points"], row["event_id"], row["score"]) == (5, "7", Decimal("1.500"))


def test_nothing_becomes_an_empty_table() -> None:
    table, failed = convert([], SCHEMA)
    assert (table.num_rows, table.schema, failed) == (0, SCHEMA, [])


def test_an_unknown_column_type_is_named() -> None:
    with pytest.raises(UnknownColumnTypeError, match=r"'position' has type 'geometry'"):
        arrow_schema([("position", "geometry")])
