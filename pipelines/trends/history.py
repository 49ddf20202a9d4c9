"""Earlier runs, in the reports bucket: so that a slow model and a test that often fails are seen."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum
from uuid import uuid4

import msgspec

from adapters import kept_records
from pipelines.trends.results import FAILED, ModelRun, SourceFreshness, TestRun, TrendsResult

PREFIX = "trends/"
RUNS = f"{PREFIX}runs/"
SHOWN = 60


class State(StrEnum):
    """How a run ended."""

    PASSED = "passed"
    FAILED = "failed"


class KeptRun(msgspec.Struct, frozen=True):
    """A run as it is kept: names and numbers, none of dbt's messages, which may quote a row or a path.

    Attributes:
        run_id: Eight hexadecimal digits.
        started_at: UTC, ISO 8601.
        ended_at: Likewise.
        seconds: From one to the other.
        state: Whether the marts are in order.
        models: In the order in which they finished; none if dbt could not start.
        tests: Likewise.
        freshness: One of each lake table.
    """

    run_id: str
    started_at: str
    ended_at: str
    seconds: float
    state: State
    models: tuple[ModelRun, ...]
    tests: tuple[TestRun, ...]
    freshness: tuple[SourceFreshness, ...]

    @property
    def key(self) -> str:
        """Where it is kept; sorts by time, that of two runs in one second too."""
        return f"{RUNS}{self.started_at.removesuffix('+00:00').replace(':', '')}-{self.run_id}.json"

    @property
    def failures(self) -> int:
        """How many models, tests and sources failed; 0 too where dbt could not start."""
        return self._count(*FAILED)

    @property
    def warnings(self) -> int:
        """How many tests and sources warn."""
        return self._count("warn")

    def _count(self, *statuses: str) -> int:
        found = [model.status for model in self.models] + [test.status for test in self.tests]
        found += [source.status for source in self.freshness]
        return sum(status in statuses for status in found)


def kept(result: TrendsResult, started_at: datetime, *, failed: bool) -> KeptRun:
    """A run in the form in which it is kept.

    Args:
        result: What it did, as far as it came.
        started_at: Aware, UTC.
        failed: Whether it ended with an error.
    """
    ended_at = started_at + timedelta(seconds=result.seconds)
    return KeptRun(
        run_id=uuid4().hex[:8],
        started_at=started_at.isoformat(),
        ended_at=ended_at.isoformat(),
        seconds=result.seconds,
        state=State.FAILED if failed else State.PASSED,
        models=tuple(msgspec.structs.replace(model, message="") for model in result.models),
        tests=tuple(msgspec.structs.replace(test, message="") for test in result.tests),
        freshness=result.freshness,
    )


def keep(run: KeptRun) -> None:
    """Writes a run into the reports bucket.

    Raises:
        ClientError, BotoCoreError: S3 did not take it.
    """
    kept_records.keep(run.key, run)


def latest() -> list[KeptRun]:
    """The latest runs, oldest first."""
    return kept_records.latest(RUNS, KeptRun, SHOWN)
