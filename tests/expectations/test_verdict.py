from __future__ import annotations

import json
import sys
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from expectations import verdict as verdicts
from expectations.rules import Expectations, Owner, Rule, Severity
from expectations.verdict import GateToolError, Verdict, judge, warm_up
from tests.pipelines.plain_judge import judged_plainly
from transforms.bilingual import Words
from transforms.lake_schema import BEHAVIOR_EVENTS

NOW = datetime(2026, 2, 3, 15, 0, tzinfo=UTC)
EXPECTATIONS = Expectations(
    BEHAVIOR_EVENTS,
    "received_at",
    (
        Rule("grave", "points > 0", Severity.CRITICAL, Words("it would count", "…"), Owner.PLATFORM),
        Rule("light", "points > 1", Severity.WARNING, Words("it might count", "…"), Owner.PLATFORM),
        Rule("noted", "points > 2", Severity.INFO, Words("it is counted", "…"), Owner.PLATFORM),
    ),
)


def frame(**schools: tuple[int, int, int, int]) -> pd.DataFrame:
    """School to its row count and the counts of the three rules."""
    rows = [(school, *counts) for school, counts in schools.items()]
    return pd.DataFrame(rows, columns=["school_id", "row_count", "grave", "light", "noted"])


def verdict(counts: pd.DataFrame, rows: int | None = None, **options: Any) -> Verdict:
    expected = int(counts["row_count"].sum()) if rows is None else rows
    return judge(counts, EXPECTATIONS, rows=expected, run="load_1", run_at=NOW, **options)


def test_nothing_broken_stops_nobody() -> None:
    found = verdict(frame(a=(5, 0, 0, 0), b=(7, 0, 0, 0)))
    assert found.rows == {"a": 5, "b": 7}
    assert found.broken == {}
    assert found.stopped == found.flagged == frozenset()


def test_a_failure_is_attributed_to_its_schools_with_its_counts() -> None:
    many = {
        f"school_{number}": (9, number % 2, 0, 0) for number in range(100)
    }  # more than GE's default of 20
    found = verdict(frame(**many, flagged=(9, 0, 3, 1)))
    assert found.broken["grave"] == {f"school_{number}": 1 for number in range(1, 100, 2)}
    assert found.broken["light"] == {"flagged": 3}
    assert found.broken["noted"] == {"flagged": 1}
    assert found.stopped == set(found.broken["grave"])
    assert found.flagged == {"flagged"}
    assert found == judged_plainly(frame(**many, flagged=(9, 0, 3, 1)), EXPECTATIONS)


def test_every_rule_keeps_its_severity() -> None:
    found = verdict(frame(a=(1, 0, 0, 0)))
    assert found.severities == {
        "grave": Severity.CRITICAL,
        "light": Severity.WARNING,
        "noted": Severity.INFO,
    }


@pytest.mark.parametrize("promised", [4, 6])
def test_another_number_of_rows_than_the_footers_promise_is_no_verdict(promised: int) -> None:
    with pytest.raises(GateToolError, match=f"Athena counted 5 rows.*promise {promised}"):
        verdict(frame(a=(5, 0, 0, 0)), rows=promised)


def test_an_empty_result_is_no_verdict() -> None:
    with pytest.raises(GateToolError):
        verdict(frame(), rows=3)


def test_a_missing_rule_is_no_verdict() -> None:
    with pytest.raises(GateToolError, match="no column light"):
        verdict(frame(a=(1, 0, 0, 0)).drop(columns="light"))


def test_an_empty_cell_is_no_verdict() -> None:
    counts = frame(a=(1, 0, 0, 0))
    counts["grave"] = None
    with pytest.raises(GateToolError, match="empty cells"):
        verdict(counts)


def test_an_expectation_that_cannot_be_evaluated_is_no_verdict() -> None:
    counts = frame(a=(1, 0, 0, 0), b=(2, 0, 0, 0))
    counts["grave"] = ["many", 0]  # text cannot be compared with a number
    with pytest.raises(GateToolError, match="'grave' of load load_1 could not be evaluated"):
        verdict(counts)


def test_the_kept_result_is_great_expectations_own(tmp_path: Path) -> None:
    verdict(frame(good=(5, 0, 0, 0), bad=(7, 3, 0, 0)), docs=tmp_path)
    (kept,) = (path for path in tmp_path.rglob("*") if path.is_file())
    assert kept.relative_to(tmp_path).as_posix() == "behavior_events/load_1.json"
    result = json.loads(kept.read_text())
    assert result["success"] is False
    grave = next(
        each for each in result["results"] if each["expectation_config"]["kwargs"]["column"] == "grave"
    )
    assert grave["expectation_config"]["notes"] == "it would count"
    assert grave["result"]["unexpected_index_list"] == [{"grave": 3, "school_id": "bad"}]


def test_nothing_is_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    verdict(frame(good=(5, 0, 0, 0)))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.fault
def test_a_failure_within_great_expectations_is_no_verdict(monkeypatch: pytest.MonkeyPatch) -> None:
    warm_up()
    import great_expectations as gx

    def fail(*_: Any, **__: Any) -> None:
        raise KeyError("data_context_id")

    monkeypatch.setattr(gx, "get_context", fail)
    with pytest.raises(GateToolError, match=r"Great Expectations failed on load load_1: KeyError"):
        verdict(frame(a=(1, 0, 0, 0)))


def test_a_module_that_is_loaded_when_used_is_whole_then(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "seldom_used"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "statistics.py").write_text("import seldom_used\nseldom_used.loaded = True\nmean = sum\n")
    monkeypatch.syspath_prepend(tmp_path)
    for name in ("seldom_used", "seldom_used.statistics"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    verdicts._load_when_used("seldom_used.statistics")
    import seldom_used
    from seldom_used import statistics

    assert not hasattr(seldom_used, "loaded")
    assert statistics.mean([1, 2]) == 3
    assert seldom_used.loaded
