"""What a new version of a table's contract may change, and what it may not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import msgspec
import pyarrow as pa
import pytest

from transforms.lake_contract import as_json, contract_of, differences, from_json
from transforms.lake_schema import BEHAVIOR_EVENTS, Column, LakeTable

NOW = replace(BEHAVIOR_EVENTS, version=2)
ROOM = Column("room", pa.string(), "Where it happened", since=2)
Change = Callable[[LakeTable], LakeTable]


def changed(column: str, /, **changes: object) -> LakeTable:
    """The table with one column otherwise."""
    columns = (replace(each, **changes) if each.name == column else each for each in NOW.columns)  # type: ignore[arg-type]
    return replace(NOW, columns=tuple(columns))


def without(name: str) -> LakeTable:
    return replace(NOW, columns=tuple(each for each in NOW.columns if each.name != name))


def with_column(column: Column) -> LakeTable:
    return replace(NOW, columns=(*NOW.columns, column))


def told(after: LakeTable) -> list[tuple[bool, str]]:
    found = differences(contract_of(BEHAVIOR_EVENTS), contract_of(after))
    return [(difference.compatible, difference.words) for difference in found]


@pytest.mark.parametrize(
    ("after", "words"),
    [
        (NOW, None),
        (with_column(ROOM), "room string is new: null in rows of before"),
        (changed("points", type=pa.int64()), "points was int, is bigint"),
        (
            changed("event_type", values=(*NOW.columns[6].values, "excursion")),
            "event_type may be 'excursion'",
        ),
        (changed("points", required=False), "points became optional"),
        (changed("status", values=()), "status was one of absent, excused, late, present, may hold anything"),
        (changed("points", meaning="Points of the day"), "points is described anew"),
    ],
)
def test_a_version_may_add(after: LakeTable, words: str | None) -> None:
    found = told(after)
    assert [compatible for compatible, _ in found] == [True] * (words is not None)
    assert words is None or found[0][1].startswith(words)


@pytest.mark.parametrize(
    ("after", "words"),
    [
        (without("status"), "status is gone"),
        (changed("points", type=pa.string()), "points was int, is string"),
        (changed("occurred_at", type=pa.int64()), "occurred_at was timestamp, is bigint"),
        (changed("class_id", required=True), "class_id became required"),
        (changed("class_id", since=2), "class_id came with version 1, not 2"),
        (changed("event_type", values=NOW.columns[6].values[1:]), "event_type may no longer be 'attendance'"),
        (changed("subject", values=("mathematics",)), "subject held anything, is one of mathematics"),
        (with_column(replace(ROOM, required=True)), "room is new and required"),
        (with_column(replace(ROOM, since=1)), "room is new and says since=1: say since=2"),
        (replace(NOW, identity="correlation_id"), "identity was event_id, is correlation_id"),
        (replace(NOW, day="received_at"), "day was local_date, is received_at"),
        (
            replace(NOW, columns=(NOW.columns[0], *NOW.columns[1:6], *NOW.columns[:5:-1])),
            "columns stand in another order",
        ),
    ],
)
def test_a_version_takes_nothing_away(after: LakeTable, words: str) -> None:
    broken = [told_ for compatible, told_ in told(after) if not compatible]
    assert any(each.startswith(words) for each in broken), broken


def test_a_renamed_column_is_gone_and_the_new_name_is_new() -> None:
    assert [compatible for compatible, _ in told(changed("status", name="state", since=2))] == [False, True]


def test_a_narrower_type_is_refused() -> None:
    wide = contract_of(replace(changed("points", type=pa.int64()), version=1))
    (difference,) = differences(wide, contract_of(NOW))
    assert not difference.compatible
    assert difference.words.startswith("points was bigint, is int")


def test_other_partition_keys_are_refused() -> None:
    before = contract_of(BEHAVIOR_EVENTS)
    after = msgspec.structs.replace(before, partition_keys=before.partition_keys[1:])
    (difference,) = differences(before, after)
    assert not difference.compatible
    assert difference.words.startswith("partition keys were (graduation_year int, year string")


def test_a_new_column_comes_after_those_that_readers_count() -> None:
    names = [column.name for column in with_column(ROOM).lake_columns]
    assert names == [*(column.name for column in BEHAVIOR_EVENTS.lake_columns), "room"]


def test_a_contract_is_what_its_file_says() -> None:
    contract = contract_of(with_column(ROOM))
    assert from_json(as_json(contract)) == contract
    with pytest.raises(msgspec.ValidationError, match="unknown field `owner`"):
        from_json(as_json(contract).replace(b'"identity"', b'"owner": "us", "identity"'))
