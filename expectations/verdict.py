"""The verdict on a load: Great Expectations judges the gate's small result.

The result has a row per school and a column per rule, so judging costs the same for a thousand
rows and for a billion, a failure is attributed to its school, and no report can show a value of
a row. Great Expectations is imported when a load is judged: it takes seconds.
"""

from __future__ import annotations

import gc
import importlib.util
import json
import os
import sys
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from expectations.rules import Expectations, Severity

if TYPE_CHECKING:
    import pandas as pd

ROWS = "row_count"  # the column of the gate's result that counts a school's rows


class _Run(NamedTuple):
    """What a run is called in the report, and when it was."""

    name: str
    at: datetime


class GateToolError(RuntimeError):
    """The gate itself failed: its query, its result or Great Expectations. It says nothing of the rows."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the gate found.

    Attributes:
        rows: How many rows landed, by school.
        broken: How many rows of which school break a rule: rule to school to count, all above 0.
        severities: Of every rule that was judged.
    """

    rows: Mapping[str, int]
    broken: Mapping[str, Mapping[str, int]]
    severities: Mapping[str, Severity]

    @property
    def stopped(self) -> frozenset[str]:
        """The schools that broke a critical rule: their rows go to quarantine."""
        return self._schools(Severity.CRITICAL)

    @property
    def flagged(self) -> frozenset[str]:
        """The schools that broke a rule of severity warning."""
        return self._schools(Severity.WARNING)

    def _schools(self, severity: Severity) -> frozenset[str]:
        return frozenset(
            school
            for rule, schools in self.broken.items()
            if self.severities[rule] is severity
            for school in schools
        )


def judge(
    frame: pd.DataFrame,
    expectations: Expectations,
    *,
    rows: int,
    run: str,
    run_at: datetime,
    docs: Path | None = None,
) -> Verdict:
    """Judges the result of `expectations.rules.gate_query`.

    Args:
        frame: A row per school: `school_id`, `row_count`, `newest`, and a count per rule.
        expectations: The rules that the query was made of.
        rows: How many rows the footers of the load's files promise.
        run: Name of the run in the report: the load's id.
        run_at: Its time in the result, aware.
        docs: A folder for Great Expectations' own result, as `{table}/{run}.json`; None writes none.

    Returns:
        What was found, taken from Great Expectations' own result.

    Raises:
        GateToolError: The result lacks a column or has empty cells, an expectation could not be
            evaluated, or Athena counted other rows than the footers promise. None of these is bad data.
    """
    _check_whole(frame, expectations)
    try:
        results = _run(frame, expectations, rows, _Run(run, run_at), docs)
    except Exception as error:
        raise GateToolError(
            f"Great Expectations failed on load {run}: {type(error).__name__}: {error}"
        ) from error
    broken: dict[str, Mapping[str, int]] = {}
    for result in results:
        name = result.expectation_config.kwargs["column"]
        for message in exceptions(result.exception_info):
            raise GateToolError(
                f"the expectation on {name!r} of load {run} could not be evaluated: {message}"
            )
        if result.success:
            continue
        if name == ROWS:
            raise GateToolError(
                f"Athena counted {int(frame[ROWS].sum())} rows in load {run}, its files' footers promise "
                f"{rows}, at least 1: a file was lost or replaced meanwhile; run the load again"
            )
        broken[name] = {
            found["school_id"]: int(found[name]) for found in result.result["unexpected_index_list"]
        }
    return Verdict(
        rows={str(school): int(count) for school, count in zip(frame["school_id"], frame[ROWS], strict=True)},
        broken={rule.name: broken[rule.name] for rule in expectations.rules if rule.name in broken},
        severities={rule.name: rule.severity for rule in expectations.rules},
    )


def _check_whole(frame: pd.DataFrame, expectations: Expectations) -> None:
    """Great Expectations skips empty cells and passes empty frames: refuse both first."""
    wanted = ["school_id", ROWS, *(rule.name for rule in expectations.rules)]
    missing = [name for name in wanted if name not in frame.columns]
    if missing:
        raise GateToolError(f"the gate's result has no column {', '.join(missing)}: its query is not ours")
    if frame[wanted].isna().any(axis=None):
        raise GateToolError("the gate's result has empty cells: a count is never NULL, so its query is wrong")


def warm_up() -> None:
    """Imports Great Expectations, so that it is there when a load is judged; it takes seconds."""
    os.environ.setdefault("GX_ANALYTICS_ENABLED", "false")  # read at import: a school's gate phones nobody
    collecting = gc.isenabled()
    gc.disable()  # half a million objects come to stay: looking through them for garbage takes a seventh more
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # its own deprecations are not ours to mend
            _load_when_used("scipy.stats")  # a quarter of the import, for distributions that no rule is about
            import great_expectations.checkpoint  # noqa: F401, PLC0415
    finally:
        if collecting:
            gc.enable()


def _load_when_used(name: str) -> None:
    """Lets an import of a submodule do nothing until something in it is asked for."""
    if name in sys.modules:
        return
    spec = importlib.util.find_spec(name)
    if spec is None or spec.loader is None:
        return
    spec.loader = importlib.util.LazyLoader(spec.loader)
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    package, _, own = name.rpartition(".")
    setattr(sys.modules[package], own, module)


def new_context() -> Any:
    """A context of Great Expectations in memory, which leaves nothing behind."""
    warm_up()
    import great_expectations as gx  # noqa: PLC0415 - as in `warm_up`
    from great_expectations.data_context.types.base import (  # noqa: PLC0415
        DataContextConfig,
        InMemoryStoreBackendDefaults,
    )

    # Without this it leaves a temporary folder behind, for a default site that nobody reads.
    stores = InMemoryStoreBackendDefaults(init_temp_docs_sites=False)
    context = gx.get_context(
        mode="ephemeral", project_config=DataContextConfig(store_backend_defaults=stores)
    )
    context.variables.progress_bars = {"globally": False}
    return context


def _run(
    frame: pd.DataFrame, expectations: Expectations, rows: int, run: _Run, docs: Path | None
) -> list[Any]:
    warm_up()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import great_expectations as gx  # noqa: PLC0415 - as in `warm_up`
        import great_expectations.expectations as gxe  # noqa: PLC0415
        from great_expectations.core.run_identifier import RunIdentifier  # noqa: PLC0415

        context = new_context()
        suite = gx.ExpectationSuite(
            expectations.table.name,
            expectations=[
                gxe.ExpectColumnSumToBeBetween(
                    column=ROWS,
                    min_value=max(rows, 1),
                    max_value=rows,
                    severity=Severity.CRITICAL.value,
                    notes="every row of the files was judged",
                ),
                *(
                    gxe.ExpectColumnValuesToBeBetween(
                        column=rule.name, max_value=0, severity=rule.severity.value, notes=rule.why.en
                    )
                    for rule in expectations.rules
                ),
            ],
        )
        asset = context.data_sources.add_pandas("gate").add_dataframe_asset(expectations.table.name)
        definition = context.validation_definitions.add(
            gx.ValidationDefinition(
                name=expectations.table.name,
                data=asset.add_batch_definition_whole_dataframe("load"),
                suite=context.suites.add(suite),
            )
        )
        checkpoint = gx.Checkpoint(
            name="gate",
            validation_definitions=[definition],
            result_format={"result_format": "COMPLETE", "unexpected_index_column_names": ["school_id"]},
        )
        outcome = context.checkpoints.add(checkpoint).run(
            batch_parameters={"dataframe": frame}, run_id=RunIdentifier(run_name=run.name, run_time=run.at)
        )
    (result,) = outcome.run_results.values()
    if docs is not None:
        kept = docs / expectations.table.name / f"{run.name}.json"
        kept.parent.mkdir(parents=True, exist_ok=True)
        kept.write_text(json.dumps(result.to_json_dict()), encoding="utf-8")
    return list(result.results)


def exceptions(info: Mapping[str, Any]) -> Iterator[str]:
    """The exceptions that Great Expectations met; it files them flat or by metric."""
    if info.get("raised_exception"):
        yield str(info.get("exception_message"))
    for nested in info.values():
        if isinstance(nested, Mapping):
            yield from exceptions(nested)
