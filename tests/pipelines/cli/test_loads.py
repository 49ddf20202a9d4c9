"""`luca loads`: what it prints of real loads."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from typer.testing import CliRunner

from adapters import ledger
from pipelines.cli import app
from pipelines.load.shards import Bounds
from tests.pipelines.conftest import NOW

pytestmark = pytest.mark.service


def luca(*arguments: str) -> str:
    done = CliRunner(env={"COLUMNS": "240"}).invoke(app, ["loads", *arguments], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    return done.output


def told(load_id: str) -> dict[str, Any]:
    return json.loads(luca("show", load_id, "--json"))


def test_no_load_says_how_to_have_one(lake: Any) -> None:
    assert "luca load takes what has landed" in luca()


def test_loads_are_listed_as_a_table_and_as_json(lake: Any) -> None:
    lake.land([lake.event(), lake.event(school_id="school_2", points=500)])
    result = lake.load_one()
    for output in (luca(), luca("list")):
        assert result.load_id in output
        assert "2 landed, 0 duplicate, 1 quarantined, 1 published" in output
        assert "broken: points_in_range 1" in output
    (row,) = json.loads(luca("list", "--json"))
    assert (row["load_id"], row["published"], row["quarantined"]) == (result.load_id, 1, 1)


def test_a_load_is_explained_with_what_to_do_next(lake: Any) -> None:
    lake.land([lake.event(), lake.event(school_id="school_2", points=500)], "1")
    lake.land([lake.event(graduation_year=0)], "2")
    broken = lake.put(b"no Parquet", "3")
    result = lake.load_one(bounds=Bounds(shards=3, files=1))
    found = told(result.load_id)
    assert found["state"] == "published"
    assert set(found["times"]) == {"claiming", "claimed", "judged", "published"}
    assert found["schools"]["school_2"]["quarantined"] == 1
    assert found["schools"]["school_2"]["stopped"] is True
    rules = {rule["rule"]: (rule["severity"], rule["rows"]) for rule in found["broken_rules"]}
    assert rules == {
        "points_in_range": ("critical", {"school_2": 1}),
        "cohort_known": ("info", {"school_1": 1}),
    }
    assert all(rule["why"] for rule in found["broken_rules"])
    assert [(shard["files"], shard["done"]) for shard in found["shards"]] == [(1, True), (1, True)]
    assert all(shard["milliseconds"]["publish"] > 0 for shard in found["shards"])
    stored = lake.stored("LANDING")
    assert {file["key"]: file["etag"] for file in found["files"]} == {
        key: stored[key] for key in stored if key.startswith("behavior_events/")
    }
    (aside,) = [file for file in found["files"] if file["fault"]]
    assert (aside["key"], aside["fault"]) == (broken, "unreadable")
    assert f"luca loads release-file {broken}" in found["next"][0]
    assert "school_2: the rows of this load are in quarantine" in found["next"][1]
    page = luca("show", result.load_id)
    for text in ("published", "school_2", "points_in_range", "critical", "unreadable", "next", "publish 0."):
        assert text in page


def test_an_open_load_says_its_error_and_how_to_finish_it(lake: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    lake.land([lake.event()])
    with monkeypatch.context() as patch:
        patch.setattr("pipelines.load.gate.gate_query", lambda *_: "SELECT no_such_column FROM nowhere")
        with pytest.raises(Exception, match="gate's query"):
            lake.load()
    (load,) = ledger.loads("behavior_events")
    found = told(load.load_id)
    assert (found["state"], found["shards"], found["schools"]) == ("claimed", [], {})
    assert found["error"].startswith("GateToolError")
    assert found["next"] == [
        "It is open: luca load behavior_events does what is left of it, safely, at any time."
    ]
    assert "GateToolError" in luca("show", load.load_id)


def test_a_file_that_was_set_aside_is_released(lake: Any) -> None:
    key = lake.put(b"no Parquet", "1")
    lake.load_one()
    lake.land([lake.event()], "1")
    assert "luca load behavior_events takes it" in luca("release-file", key)
    assert lake.load_one(now=NOW + timedelta(hours=1)).total("published") == 1
    with pytest.raises(ledger.LedgerConflictError, match="not set aside: nothing to release"):
        luca("release-file", key)


def test_an_unknown_load_is_said_to_be_so(lake: Any) -> None:
    with pytest.raises(LookupError, match=r"no load 'x' of any table: `luca loads` lists"):
        luca("show", "x")
