from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime
from typing import Any

import pandas as pd
import pytest

from adapters import athena
from adapters.athena import QueryFailedError
from expectations.behavior_events import BEHAVIOR_EVENTS
from expectations.verdict import GateToolError, Verdict
from pipelines.load import gate as gate_module
from pipelines.load.gate import PAUSES, Gate, known_query


def query(**changes: Any) -> str:
    given: dict[str, Any] = {
        "source": "luca_landing.load_1",
        "expectations": BEHAVIOR_EVENTS,
        "load_id": "1",
        "days": ["2025-12-31", "2026-01-02", "2026-02-03"],
        "schools": ["a", "b"],
    }
    return known_query(**{**given, **changes})


@pytest.fixture(autouse=True)
def database(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LUCA_LAKE_DATABASE", "luca_lake")


def test_the_search_is_bounded_by_months_days_and_schools() -> None:
    sql = query()
    assert "(there.year = '2025' AND there.month IN ('12'))" in sql
    assert "(there.year = '2026' AND there.month IN ('01', '02'))" in sql
    assert "there.local_date IN (DATE '2025-12-31', DATE '2026-01-02', DATE '2026-02-03')" in sql
    assert "there.school_id IN ('a', 'b')" in sql


def test_the_cohort_is_left_open() -> None:
    assert "graduation_year" not in query()


def test_a_load_does_not_find_itself() -> None:
    assert "there.load_id <> '1'" in query()


@pytest.mark.parametrize("nothing", [{"days": []}, {"schools": []}])
def test_nothing_to_look_for_finds_nothing(nothing: dict[str, Any]) -> None:
    assert "false" in query(**nothing)


def test_the_query_stays_below_what_athena_takes() -> None:
    days = [str(date.fromordinal(730_000 + number)) for number in range(5_000)]
    many = query(days=days, schools=["x" * 64] * 2_000)
    assert len(many) < 262_144
    assert f"BETWEEN DATE '{days[0]}' AND DATE '{days[-1]}'" in many
    assert "there.school_id IN" not in query(schools=["x" * 64] * 2_001)


GATE = Gate("1", BEHAVIOR_EVENTS, datetime(2026, 2, 3, 15, tzinfo=UTC), "luca_landing.load_1")


@pytest.fixture
def slept(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """How long was waited between attempts; nobody really waits."""
    seconds: list[float] = []
    monkeypatch.setenv("LUCA_JOBS_WORK_GROUP", "luca-jobs")
    monkeypatch.setenv("LUCA_LANDING_DATABASE", "luca_landing")
    monkeypatch.setattr(gate_module.time, "sleep", seconds.append)
    return seconds


def failing(times: int, fault: Exception, answer: Any) -> Callable[..., Any]:
    """Fails some times, then answers."""
    left = iter([fault] * times)

    def work(*_: Any, **__: Any) -> Any:
        if error := next(left, None):
            raise error
        return answer

    return work


THROTTLED = QueryFailedError("q1", "luca-jobs", "GENERIC_INTERNAL_ERROR: try again", "SELECT 1")


@pytest.mark.fault
def test_a_query_that_fails_is_asked_again(slept: list[float], monkeypatch: pytest.MonkeyPatch) -> None:
    counts = pd.DataFrame({"school_id": ["a"]})
    monkeypatch.setattr(athena, "query", failing(2, THROTTLED, counts))
    assert GATE.counts() is counts
    assert slept == list(PAUSES)


@pytest.mark.fault
def test_a_query_that_goes_on_failing_is_the_tools_fault(
    slept: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(athena, "query", failing(3, THROTTLED, None))
    with pytest.raises(
        GateToolError, match=r"gate's query on load 1 failed 3 times: .*GENERIC_INTERNAL_ERROR"
    ):
        GATE.counts()
    assert slept == list(PAUSES)


@pytest.mark.fault
@pytest.mark.parametrize("times", [1, 3])
def test_great_expectations_is_tried_again_too(
    slept: list[float], monkeypatch: pytest.MonkeyPatch, times: int
) -> None:
    found = Verdict({"a": 1}, {}, {})
    monkeypatch.setattr(gate_module, "judge", failing(times, GateToolError("no metric"), found))
    monkeypatch.setattr(gate_module.quality_reports, "keep", lambda site, docs: None)
    if times <= len(PAUSES):
        assert GATE.verdict(pd.DataFrame(), 1, None) is found
    else:
        with pytest.raises(GateToolError, match="no metric"):
            GATE.verdict(pd.DataFrame(), 1, None)
    assert slept == list(PAUSES[:times])
