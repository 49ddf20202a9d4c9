"""What is kept of a run. dbt is not run: its artifacts are written by hand."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import boto3
import pytest
from moto import mock_aws

from adapters.aws import client
from pipelines.reports import runs
from pipelines.reports.pages import file_name
from pipelines.reports.words import Language
from pipelines.trends import TrendsError, history, run, run_trends
from pipelines.trends.history import State
from pipelines.trends.results import ModelRun, TrendsResult
from tests.pipelines.trends.test_results import node

pytestmark = pytest.mark.service
BUCKET = "luca-reports"
NOON = datetime(2026, 3, 10, 12, 5, 9, tzinfo=UTC)
STUDENT = "Got 1 result, of student ana"
GOOD = [
    node("model.luca.weekly_school_behavior", "success", rows=1200),
    node("test.luca.schools_add_up", "pass", failures=0),
]
BAD = [
    node("model.luca.weekly_school_behavior", "success", rows=1300),
    node("test.luca.schools_add_up", "fail", failures=3, message=STUDENT),
    node("model.luca.late_changes", "skipped"),
]

Trends = Callable[..., TrendsResult]


@pytest.fixture
def trends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Trends]:
    """Runs the trends with nodes that dbt is said to have finished, and what it said last."""
    for name in run.SETTINGS:
        monkeypatch.setenv(f"LUCA_{name}", BUCKET)
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)

    def ran(nodes: Sequence[Any], last_words: str = "") -> TrendsResult:
        def leave(commands: object, work: Path, progress: object) -> str:
            (work / "run_results.json").write_text(json.dumps({"results": list(nodes)}))
            return last_words

        monkeypatch.setattr(run, "_run", leave)
        return run_trends(work_dir=tmp_path / "dbt")

    with mock_aws():
        client.cache_clear()
        boto3.client("s3").create_bucket(Bucket=BUCKET)
        yield ran
    client.cache_clear()


def kept_objects() -> dict[str, str]:
    s3 = boto3.client("s3")
    keys = [found["Key"] for found in s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])]
    return {key: s3.get_object(Bucket=BUCKET, Key=key)["Body"].read().decode() for key in keys}


def test_a_run_is_kept_with_what_it_built_and_tested(trends: Trends) -> None:
    result = trends(GOOD)

    (run_kept,) = history.latest()
    assert run_kept.state is State.PASSED
    assert run_kept.models == result.models == (ModelRun("weekly_school_behavior", "success", 1200, 1.5),)
    assert run_kept.tests == result.tests
    assert (run_kept.failures, run_kept.warnings) == (0, 0)
    assert run_kept.seconds == result.seconds
    assert run_kept.started_at <= run_kept.ended_at


def test_a_failed_run_is_kept_without_the_words_of_dbt(trends: Trends, tmp_path: Path) -> None:
    with pytest.raises(TrendsError, match="schools_add_up: Got 1 result") as caught:
        trends(BAD, last_words=f"schools_add_up: {STUDENT}")

    assert caught.value.result.tests[0].message == STUDENT
    (run_kept,) = history.latest()
    assert (run_kept.state, run_kept.failures) == (State.FAILED, 1)
    assert [(model.name, model.status) for model in run_kept.models] == [
        ("weekly_school_behavior", "success"),
        ("late_changes", "skipped"),
    ]
    ((key, body),) = kept_objects().items()
    assert key == run_kept.key
    for word in ("ana", "message", str(tmp_path), str(run.ROOT)):
        assert word not in body


def test_a_run_that_never_began_is_kept_as_failed(trends: Trends) -> None:
    with pytest.raises(TrendsError, match="no such profile"):
        trends([], last_words="no such profile")
    with pytest.raises(TrendsError, match="selects no model"):
        trends([])
    assert [(each.state, each.models) for each in history.latest()] == [(State.FAILED, ())] * 2


def test_keys_sort_by_time_and_the_latest_are_read_oldest_first(
    trends: Trends, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "SHOWN", 3)
    nothing = TrendsResult((), (), (), 60.0)
    for minutes in (75, 0, 600, 15):  # one of the next hour and one of the next evening
        started = NOON + timedelta(minutes=minutes)
        history.keep(history.kept(nothing, started, failed=False))

    assert [each.started_at[11:16] for each in history.latest()] == ["12:20", "13:20", "22:05"]
    assert history.latest()[0].ended_at == "2026-03-10T12:21:09+00:00"
    keys = sorted(kept_objects())
    assert keys[0].startswith("trends/runs/2026-03-10T120509-")
    assert keys[-1].startswith("trends/runs/2026-03-10T220509-")


@pytest.mark.fault
def test_a_run_that_cannot_be_kept_is_an_error_and_hides_no_other(trends: Trends) -> None:
    boto3.client("s3").delete_bucket(Bucket=BUCKET)
    with pytest.raises(client("s3").exceptions.NoSuchBucket):
        trends(GOOD)
    with pytest.raises(TrendsError, match=r"schools_add_up: Got 3.*nor was this run kept: .*NoSuchBucket"):
        trends(BAD, last_words="schools_add_up: Got 3 results")


def test_the_pages_are_made_of_what_is_kept(trends: Trends, tmp_path: Path) -> None:
    trends(GOOD)
    with pytest.raises(TrendsError):
        trends(BAD, last_words="schools_add_up")

    english = runs.write_page(tmp_path / "trends", written_at=NOON)

    assert "schools_add_up" in english.read_text()
    spanish = english.with_name(file_name("index", Language.ES)).read_text()
    assert "Fallos y avisos por ejecución" in spanish
    assert "1,300" in spanish
