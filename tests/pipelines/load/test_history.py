"""The lake's table of loads: what analysts read of them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from adapters import athena
from adapters.aws import client
from tests.pipelines.conftest import NOW

pytestmark = pytest.mark.service


def asked(sql: str) -> list[dict[str, Any]]:
    return athena.query(sql, work_group="luca-jobs", database="luca_lake").to_dict("records")


def test_a_published_load_has_a_row_for_each_school(lake: Any) -> None:
    copy = lake.event()
    lake.land([copy, copy, lake.event(school_id="school_2", points=500, class_id="3 B")])
    lake.put(b"no Parquet")
    result = lake.load_one()
    lake.land([lake.change()], table="academic_changes")
    lake.load_one("academic_changes", now=NOW + timedelta(hours=1))
    rows = asked(
        "SELECT school_id, landed, duplicate, quarantined, published, stopped, files, files_set_aside,"
        " shards, element_at(broken_rules, 'points_in_range') AS points, cardinality(broken_rules) AS rules,"
        " date_diff('second', opened_at, published_at) AS seconds, rules_version, contract_version"
        f" FROM loads WHERE load_id = '{result.load_id}' AND year = '2026' AND month = '02'"
        " ORDER BY school_id"
    )
    of_all = {"files": 2, "files_set_aside": 1, "shards": 1, "seconds": 0, "contract_version": 1}
    known = {"school_id", "landed", "duplicate", "quarantined", "published", "stopped", "rules", *of_all}
    assert [{name: row[name] for name in row if name in known} for row in rows] == [
        {
            **of_all,
            "school_id": "school_1",
            "landed": 2,
            "duplicate": 1,
            "quarantined": 0,
            "published": 1,
            "stopped": False,
            "rules": 1,
        },
        {
            **of_all,
            "school_id": "school_2",
            "landed": 1,
            "duplicate": 0,
            "quarantined": 1,
            "published": 0,
            "stopped": True,
            "rules": 2,
        },
    ]
    assert rows[1]["points"] == 1
    assert len(rows[0]["rules_version"]) == 12
    assert asked("SELECT table_name, count(*) AS n FROM loads GROUP BY 1 ORDER BY 1") == [
        {"table_name": "academic_changes", "n": 1},
        {"table_name": "behavior_events", "n": 2},
    ]


def test_the_weeks_of_the_published_rows_are_counted_also_in_a_partition_of_before_the_column(
    lake: Any,
) -> None:
    lake.land([lake.event()])
    lake.load_one()
    forget_column("published_weeks")
    days = [datetime(2026, 1, day, 16) for day in (4, 5, 11)]
    lake.land([lake.event(occurred_at=day, received_at=day, local_date=day.date()) for day in days])
    result = lake.load_one(now=NOW + timedelta(hours=1))
    assert result.total("published") == 3
    rows = asked(
        "SELECT week, week_rows FROM loads CROSS JOIN UNNEST(published_weeks) AS w (week, week_rows)"
        f" WHERE load_id = '{result.load_id}' ORDER BY week"
    )
    assert rows == [{"week": "2026-W01", "week_rows": 1}, {"week": "2026-W02", "week_rows": 2}]
    (described,) = partitions()
    assert described["Columns"][-1]["Name"] == "published_weeks"


def partitions() -> list[dict[str, Any]]:
    """How Glue describes the partitions of the table."""
    found = client("glue").get_partitions(DatabaseName="luca_lake", TableName="loads")["Partitions"]
    return [partition["StorageDescriptor"] for partition in found]


def forget_column(name: str) -> None:
    """Takes a column from the partitions, as if they had been made before it."""
    for partition in client("glue").get_partitions(DatabaseName="luca_lake", TableName="loads")["Partitions"]:
        shape = partition["StorageDescriptor"]
        kept = [column for column in shape["Columns"] if column["Name"] != name]
        client("glue").update_partition(
            DatabaseName="luca_lake",
            TableName="loads",
            PartitionValueList=partition["Values"],
            PartitionInput={"Values": partition["Values"], "StorageDescriptor": {**shape, "Columns": kept}},
        )


def test_its_load_id_finds_the_rows_that_it_published(lake: Any) -> None:
    lake.land([lake.event(), lake.event()])
    lake.load_one()
    assert asked(
        "SELECT l.published, count(*) AS n FROM loads l JOIN behavior_events e ON e.load_id = l.load_id"
        " AND e.school_id = l.school_id GROUP BY 1"
    ) == [{"published": 2, "n": 2}]
