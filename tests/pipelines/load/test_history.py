"""The lake's table of loads: what analysts read of them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from adapters import athena
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


def test_its_load_id_finds_the_rows_that_it_published(lake: Any) -> None:
    lake.land([lake.event(), lake.event()])
    lake.load_one()
    assert asked(
        "SELECT l.published, count(*) AS n FROM loads l JOIN behavior_events e ON e.load_id = l.load_id"
        " AND e.school_id = l.school_id GROUP BY 1"
    ) == [{"published": 2, "n": 2}]
