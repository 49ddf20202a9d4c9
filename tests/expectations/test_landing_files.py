from __future__ import annotations

from dataclasses import replace

import pyarrow as pa
import pytest

from expectations.landing_files import FILE_RULES, FileFault, drift, impossible_times
from transforms.lake_schema import BEHAVIOR_EVENTS, Column

SCHEMA = BEHAVIOR_EVENTS.landing_schema


def of(name: str) -> int:
    return SCHEMA.get_field_index(name)


def test_the_contract_itself_does_not_drift() -> None:
    assert drift(SCHEMA, BEHAVIOR_EVENTS) == []


def test_the_order_of_columns_does_not_matter() -> None:
    assert drift(pa.schema(list(SCHEMA)[::-1]), BEHAVIOR_EVENTS) == []


@pytest.mark.parametrize("unit", ["s", "us", "ns"])
def test_a_timestamp_of_another_unit_is_no_drift(unit: str) -> None:
    assert (
        drift(SCHEMA.set(of("occurred_at"), pa.field("occurred_at", pa.timestamp(unit))), BEHAVIOR_EVENTS)
        == []
    )


@pytest.mark.parametrize(
    ("schema", "difference"),
    [
        (SCHEMA.remove(of("points")), "points is missing"),
        (
            SCHEMA.set(of("points"), pa.field("points", pa.string())),
            "points is string, the contract says int32",
        ),
        (SCHEMA.append(pa.field("nickname", pa.string())), "'nickname' is no column of the contract"),
        (
            SCHEMA.set(of("occurred_at"), pa.field("occurred_at", pa.timestamp("ms", "UTC"))),
            "occurred_at is timestamp[ms, tz=UTC], the contract says timestamp[ms]",
        ),
        (SCHEMA.append(SCHEMA.field("points")), "a column's name appears twice"),
    ],
)
def test_a_drift_is_told(schema: pa.Schema, difference: str) -> None:
    assert drift(schema, BEHAVIOR_EVENTS) == [difference]


LATER = replace(
    BEHAVIOR_EVENTS,
    version=2,
    columns=(
        *(
            replace(each, type=pa.int64()) if each.name == "points" else each
            for each in BEHAVIOR_EVENTS.columns
        ),
        Column("room", pa.string(), "Where it happened", since=2),
    ),
)


def test_a_file_of_an_earlier_version_of_the_contract_is_no_drift() -> None:
    assert drift(SCHEMA, LATER) == []


def test_a_file_of_a_later_version_is_a_drift_to_who_does_not_know_it() -> None:
    assert drift(LATER.landing_schema, BEHAVIOR_EVENTS) == [
        "points is int64, the contract says int32",
        "'room' is no column of the contract",
    ]


def test_an_earlier_version_had_the_columns_of_the_first_one() -> None:
    assert drift(SCHEMA.remove(of("points")), LATER) == ["points is missing"]


@pytest.mark.parametrize(
    ("milliseconds", "impossible"),
    [(-62_135_596_800_001, True), (-62_135_596_800_000, False), (253_402_300_799_999, False), (2**62, True)],
)
def test_times_that_athena_cannot_print_are_found(milliseconds: int, impossible: bool) -> None:
    times = pa.array([None, 0, milliseconds], pa.timestamp("ms"))
    assert list(impossible_times(pa.table({"occurred_at": times}))) == ["occurred_at"] * impossible


def test_every_fault_has_its_rule() -> None:
    assert [rule.fault for rule in FILE_RULES] == list(FileFault)
