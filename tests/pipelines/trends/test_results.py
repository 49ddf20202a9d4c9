from __future__ import annotations

import json

from pipelines.trends.results import read_results


def node(unique_id, status, *, rows=0, failures=None, message=None):
    return {
        "unique_id": unique_id,
        "status": status,
        "message": message,
        "failures": failures,
        "execution_time": 1.5,
        "adapter_response": {"rows_affected": rows},
    }


def test_a_run_that_left_no_artifacts_did_nothing(tmp_path):
    result = read_results(tmp_path, seconds=2.0)
    assert (result.models, result.tests, result.freshness) == ((), (), ())
    assert result.summary == "no mart built; 0 tests passed"


def test_the_summary_names_rows_failed_and_warned_tests_and_what_is_not_fresh(tmp_path):
    nodes = [
        node("model.luca.stg", "success"),
        node("model.luca.mart", "success", rows=1200),
        node("model.luca.batched", "success", rows=-1),
        node("exposure.luca.report", "no-op"),
        node("test.luca.good.0", "pass", failures=0),
        node("test.luca.bad.1", "fail", failures=3, message="Got 3 results"),
        node("test.luca.odd.2", "warn", failures=1, message="Got 1 result"),
    ]
    never = {
        "unique_id": "source.luca.lake.events",
        "status": "warn",
        "max_loaded_at": "0001-01-01T00:00:00+00:00",
        "max_loaded_at_time_ago_in_s": 6e10,
    }
    (tmp_path / "run_results.json").write_text(json.dumps({"results": nodes}))
    (tmp_path / "sources.json").write_text(json.dumps({"results": [never]}))

    result = read_results(tmp_path, seconds=2.0)

    assert [(model.name, model.rows) for model in result.models] == [
        ("stg", None),
        ("mart", 1200),
        ("batched", None),
    ]
    assert [(test.name, test.failures, test.message) for test in result.tests] == [
        ("good", 0, ""),
        ("bad", 3, "Got 3 results"),
        ("odd", 1, "Got 1 result"),
    ]
    assert result.freshness[0].newest is None
    assert (
        result.summary == "mart 1,200 rows; 1 tests passed; failed: bad; warned: odd; nothing fresh in events"
    )
