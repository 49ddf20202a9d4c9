"""What a run of dbt did, read from the artifacts it leaves."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

FAILED = ("error", "fail", "runtime error")  # dbt's words for a node that went wrong


class ModelRun(msgspec.Struct, frozen=True, omit_defaults=True):
    """A view or mart.

    Attributes:
        name: Its name in the marts' database.
        status: success, error or skipped.
        rows: Rows of the weeks that were built; None for a view, or where Athena does not say.
        seconds: How long it took.
        message: dbt's words, if it was not built.
    """

    name: str
    status: str
    rows: int | None
    seconds: float
    message: str = ""


class TestRun(msgspec.Struct, frozen=True, omit_defaults=True):
    """A data test.

    Attributes:
        name: Says what holds if it passes.
        status: pass, warn, fail, error or skipped.
        failures: Rows that speak against it.
        seconds: How long it took.
        message: dbt's words, if it did not pass.
    """

    __test__ = False  # not one of pytest's

    name: str
    status: str
    failures: int
    seconds: float
    message: str = ""


class SourceFreshness(msgspec.Struct, frozen=True):
    """How old the newest row of a lake table is.

    Attributes:
        name: The lake table.
        status: pass, warn or error.
        newest: UTC, ISO 8601; None if nothing is dated this month or the one before.
        age_seconds: From it to the run; None likewise.
    """

    name: str
    status: str
    newest: str | None
    age_seconds: float | None


@dataclass(frozen=True, slots=True)
class TrendsResult:
    """What a run did.

    Attributes:
        models: In the order in which they finished.
        tests: Likewise.
        freshness: One of each lake table.
        seconds: Of the whole run.
        docs: The page of the docs site, if one was written.
    """

    models: tuple[ModelRun, ...]
    tests: tuple[TestRun, ...]
    freshness: tuple[SourceFreshness, ...]
    seconds: float
    docs: Path | None = None

    @property
    def passed(self) -> tuple[str, ...]:
        """Names of the tests that passed."""
        return self._tests("pass")

    @property
    def warned(self) -> tuple[str, ...]:
        """Names of the tests that warn."""
        return self._tests("warn")

    @property
    def failed(self) -> tuple[str, ...]:
        """Names of the tests that failed or could not be run."""
        return self._tests(*FAILED)

    @property
    def summary(self) -> str:
        """One line for a person."""
        rows = [f"{model.name} {model.rows:,} rows" for model in self.models if model.rows is not None]
        told = [", ".join(rows) or "no mart built", f"{len(self.passed)} tests passed"]
        told += [f"failed: {', '.join(self.failed)}"] if self.failed else []
        told += [f"warned: {', '.join(self.warned)}"] if self.warned else []
        old = [source.name for source in self.freshness if source.status != "pass"]
        told += [f"nothing fresh in {', '.join(old)}"] if old else []
        return "; ".join(told)

    def _tests(self, *statuses: str) -> tuple[str, ...]:
        return tuple(test.name for test in self.tests if test.status in statuses)


def read_results(artifacts: Path, *, seconds: float, docs: Path | None = None) -> TrendsResult:
    """Reads `run_results.json` and `sources.json`, or what of them there is.

    Args:
        artifacts: dbt's target folder.
        seconds: Goes into the result.
        docs: Likewise.
    """
    nodes = _results(artifacts / "run_results.json")
    return TrendsResult(
        models=tuple(_model(node) for node in nodes if node["unique_id"].startswith("model.")),
        tests=tuple(_test(node) for node in nodes if node["unique_id"].startswith("test.")),
        freshness=tuple(_freshness(source) for source in _results(artifacts / "sources.json")),
        seconds=seconds,
        docs=docs,
    )


def _results(path: Path) -> list[dict[str, Any]]:
    if not path.exists():
        return []
    results: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["results"]
    return results


def _model(node: dict[str, Any]) -> ModelRun:
    # A view answers 0 rows, and a mart that was written in batches -1.
    rows = node["adapter_response"].get("rows_affected", -1)
    return ModelRun(
        name=node["unique_id"].split(".")[2],
        status=node["status"],
        rows=rows if rows > 0 else None,
        seconds=node["execution_time"],
        message="" if node["status"] == "success" else node["message"] or "",
    )


def _test(node: dict[str, Any]) -> TestRun:
    return TestRun(
        name=node["unique_id"].split(".")[2],
        status=node["status"],
        failures=node["failures"] or 0,
        seconds=node["execution_time"],
        message="" if node["status"] == "pass" else node["message"] or "",
    )


def _freshness(source: dict[str, Any]) -> SourceFreshness:
    newest = source.get("max_loaded_at")
    known = newest is not None and not newest.startswith("0001-")  # dbt's way to say: no rows
    return SourceFreshness(
        name=source["unique_id"].split(".")[-1],
        status=source["status"],
        newest=newest if known else None,
        age_seconds=source["max_loaded_at_time_ago_in_s"] if known else None,
    )
