"""The next version of a contract beside files of the one before: a column more, a wider type, a new event."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from jinja2 import Environment

from adapters import athena, ledger
from adapters.aws import client
from expectations import catalogue
from expectations.rules import Expectations, OneOf, Rule
from pipelines.partitions.compaction import Wish, compact
from pipelines.quarantine.releasing import release
from pipelines.replay.run import replay
from pipelines.replay.span import Span
from tests.pipelines.conftest import BUCKETS, NOW
from transforms.events import EVENT_TYPES
from transforms.lake_contract import contract_of, differences
from transforms.lake_schema import BEHAVIOR_EVENTS, LAKE_TABLES, Column, LakeTable

TABLE, EXCURSION = "behavior_events", "excursion"
STAGING = Path(__file__).parents[3] / "dbt" / "models" / "staging" / "stg_behavior_events.sql"


def next_version() -> LakeTable:
    """The next version of the table: `room` is new, points are a bigint, and there are excursions."""
    changes: dict[str, dict[str, Any]] = {
        "points": {"type": pa.int64()},
        "event_type": {"values": (*EVENT_TYPES, EXCURSION)},
    }
    columns = [replace(column, **changes.get(column.name, {})) for column in BEHAVIOR_EVENTS.columns]
    room = Column("room", pa.string(), "Where it happened", since=2)
    return replace(BEHAVIOR_EVENTS, version=2, columns=(*columns, room))


NEXT = next_version()


def rules_of(table: LakeTable) -> Expectations:
    """The rules as they are in the code that keeps the table's contract."""
    (types,) = (column.values for column in table.columns if column.name == "event_type")
    before = catalogue.EXPECTATIONS[TABLE]
    rules = tuple(
        replace(rule, states=OneOf("event_type", types))
        if rule.name == "event_type_known"
        else replace(rule, states=replace(rule.states, high=table.version))  # type: ignore[type-var, arg-type]
        if rule.name == "contract_version_known" and isinstance(rule, Rule)
        else rule
        for rule in before.rules
    )
    return replace(before, table=table, rules=rules)


def deploy(patch: pytest.MonkeyPatch, table: LakeTable) -> None:
    """What a deployment does: Glue's table by the template, and the code."""
    patch.setitem(catalogue.EXPECTATIONS, TABLE, rules_of(table))
    patch.setitem(LAKE_TABLES, TABLE, table)
    glue = client("glue")
    known = glue.get_table(DatabaseName="luca_lake", Name=TABLE)["Table"]
    columns = [{"Name": column.name, "Type": column.glue_type} for column in table.lake_columns]
    kept = ("Name", "TableType", "Parameters", "PartitionKeys")
    glue.update_table(
        DatabaseName="luca_lake",
        TableInput={
            **{name: known[name] for name in kept},
            "StorageDescriptor": {**known["StorageDescriptor"], "Columns": columns},
        },
    )


def asked() -> list[tuple[Any, ...]]:
    """What an analyst's query says, by type of event: rows, points, and rows with a room."""
    frame = athena.query(
        f"SELECT event_type, count(*), sum(points), count(room) FROM {TABLE} "
        "WHERE year = '2026' AND month = '02' GROUP BY 1 ORDER BY 1",
        work_group="luca-jobs",
        database="luca_lake",
    )
    return list(frame.itertuples(index=False, name=None))


def staged() -> list[tuple[Any, ...]]:
    """What dbt's staging model of today makes of the table: rows and points by type of event."""
    model = Environment(autoescape=False).from_string(STAGING.read_text())
    sql = model.render(source=lambda _, table: f"luca_lake.{table}", iso_week=lambda day: f"week({day})")
    frame = athena.query(
        f"SELECT event_type, count(*), sum(points) FROM ({sql}) GROUP BY 1 ORDER BY 1",
        work_group="luca-jobs",
        database="luca_lake",
    )
    return list(frame.itertuples(index=False, name=None))


def files(lake: Any) -> Iterator[pa.Schema]:
    """The schemas of the files of school_1 that readers see."""
    (found,) = client("glue").get_partitions(
        DatabaseName="luca_lake", TableName=TABLE, Expression="school_id = 'school_1'"
    )["Partitions"]
    assert [each["Name"] for each in found["StorageDescriptor"]["Columns"]] == NEXT.lake_schema.names
    place = found["StorageDescriptor"]["Location"].split("/", 3)[3]
    for body in lake.objects(place).values():
        yield pq.read_schema(io.BytesIO(body))


def compared(*, apply: bool = False) -> dict[str, tuple[int, int]]:
    """What a replay under the next version says, by school: rows of its loads, equal ones there."""
    span = Span.of(NOW.date().replace(day=1), NOW.date())
    done = replay(NEXT, span, apply=apply, clock=lambda: NOW + timedelta(hours=3))
    found = done.healed if apply else done.partitions
    return {each.partition[-1]: (each.expected, each.equal) for each in found}


def test_the_next_version_is_one_that_a_release_takes() -> None:
    found = differences(contract_of(BEHAVIOR_EVENTS), contract_of(NEXT))
    assert len(found) == 3
    assert all(difference.compatible for difference in found)


@pytest.mark.service
def test_old_and_new_files_are_loaded_queried_and_compacted_together(
    lake: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake.land([lake.event(), lake.event(), lake.event(school_id="school_2", event_type=EXCURSION)])
    first = lake.load_one()
    assert first.stopped == {"school_2": ["event_type_known"]}, "nobody knows of excursions yet"
    old = lake.land([lake.event(points=1)])  # landed before the deployment, loaded after it

    deploy(monkeypatch, NEXT)
    assert asked() == [("participation", 2, 4, 0)]
    new = {"contract_version": 2, "room": "B12"}
    rows = [lake.event(**new, points=90), lake.event(**new, event_type=EXCURSION, points=5)]
    lake.land(pa.Table.from_pylist(rows, NEXT.landing_schema))
    second = lake.load_one(now=NOW + timedelta(hours=1))
    assert (second.files, second.set_aside, second.stopped) == (2, (), {}), f"{old} is of the old contract"
    assert asked() == [("excursion", 1, 5, 1), ("participation", 4, 95, 1)]
    versions = {
        load.load_id: load.facts["contract_version"]
        for load in ledger.loads_opened(TABLE, NOW.date(), NOW.date())
    }
    assert versions == {first.load_id: 1, second.load_id: 2}
    assert sorted(str(schema.field("points").type) for schema in files(lake)) == ["int32", "int64"]

    released = release(TABLE, first.load_id, "school_2", now=NOW + timedelta(hours=2), by="rosa")
    assert (released.released, released.total("published")) == (1, 1), "what was held back passes by now"
    before = asked()
    assert before == [("excursion", 2, 7, 1), ("participation", 4, 95, 1)]
    assert compared() == {"school_1": (5, 5), "school_2": (1, 1)}, "of files of both versions"
    compact(NEXT, Wish(most_small=1))
    assert [schema.names for schema in files(lake)] == [NEXT.lake_schema.names]
    assert asked() == before
    assert staged() == [row[:3] for row in before]
    assert compared() == {"school_1": (5, 5), "school_2": (1, 1)}
    for key in lake.objects("lake/behavior_events/"):
        if "school_id=school_1" in key:
            client("s3").delete_object(Bucket=BUCKETS["LAKE"], Key=key)
    assert compared(apply=True) == {"school_1": (5, 5)}, "made anew, rows of the old contract too"
    assert asked() == before
