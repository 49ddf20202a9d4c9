"""The deep suite: a day of the published lake, judged by Great Expectations' own expectations on Athena.

The gate judges loads before they are published. What came into the lake on another way, or was changed there,
no load ever judges: so the same rules are asked again of what readers see, a day at a time. Great
Expectations reads a view of the day. A rule that it has an expectation for is asked of its column; one that
is SQL is a column of the view, 1 where a row breaks it. It bundles what it counts into one query of the day.
"""

from __future__ import annotations

import warnings
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import date, datetime
from typing import Any, NamedTuple

from expectations.history import HistoryRule
from expectations.rules import Between, Expectations, OneOf, Owner, Present, Rule, Severity, timestamp
from expectations.verdict import GateToolError, exceptions, new_context
from transforms.bilingual import Words

PUBLISHED_ONCE = HistoryRule(
    "published_once",
    "no two published rows of a school and day have the same identity",
    Severity.WARNING,
    Words(
        "loads drop copies, so a second row came another way, and every count has it twice",
        "la carga descarta copias: la segunda fila llegó por otro camino y todo conteo la duplica",
    ),
    Owner.PLATFORM,
)


class View(NamedTuple):
    """A view of a day, made by `day_query`, as Great Expectations finds it.

    Attributes:
        address: SQLAlchemy's URL of Athena.
        database: Where the view is.
        name: Of the view.
    """

    address: str
    database: str
    name: str


def day_query(expected: Expectations, source: str, partitions: str, day: date, judged_at: datetime) -> str:
    """Athena SQL: the rows of a day with a column for each rule that is SQL.

    Args:
        expected: Of the lake table.
        source: Qualified name of the lake table.
        partitions: A condition that names the day's partitions.
        day: Local date at the schools.
        judged_at: What the rules call so; aware.
    """
    columns = "".join(
        f",\n  CASE WHEN {rule.broken} THEN 1 ELSE 0 END AS {rule.name}"
        for rule in expected.row_rules
        if isinstance(rule.states, str)
    )
    return (
        f"SELECT *{columns}\nFROM (SELECT *, {timestamp(judged_at)} AS judged_at FROM {source}\n"
        f"  WHERE {partitions} AND {expected.table.day} = DATE '{day}')"
    )


def judge_view(view: View, expected: Expectations) -> dict[str, int]:
    """Judges the rows of a view of `day_query`; at least one is there.

    Every expectation is first only asked whether it holds; of those that do not, the rows are counted.

    Args:
        view: Of the day.
        expected: Of the lake table.

    Returns:
        How many rows break each rule; only rules that are broken. `PUBLISHED_ONCE` is one of the rules.

    Raises:
        GateToolError: Great Expectations, or Athena for it, failed: nothing is said of the rows.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as of `expectations.verdict`
        asked = list(_expectations(expected))
        broken = [asked[place] for place, result in _run(view, asked, "BOOLEAN_ONLY") if not result.success]
        counts: Counter[str] = Counter()
        for place, result in _run(view, broken, "SUMMARY"):
            counts[broken[place].meta["rule"]] += int(result.result["unexpected_count"])
    return {name: count for name, count in counts.items() if count}


def _run(view: View, asked: list[Any], result_format: str) -> Iterator[tuple[int, Any]]:
    """By the place of each expectation, its result."""
    if not asked:
        return
    try:
        results = _validated(view, asked, result_format)
    except Exception as error:
        raise GateToolError(
            f"Great Expectations failed on view {view.name}: {type(error).__name__}: {error}"
        ) from error
    for result in results:
        meta = result.expectation_config.meta
        for message in exceptions(result.exception_info):
            raise GateToolError(f"rule {meta['rule']} of view {view.name} could not be evaluated: {message}")
        yield int(meta["place"]), result


def _validated(view: View, asked: list[Any], result_format: str) -> Iterable[Any]:
    import great_expectations as gx  # noqa: PLC0415 - as of `expectations.verdict`

    context = new_context()
    for place, expectation in enumerate(asked):
        expectation.meta = {**expectation.meta, "place": place}
        expectation.id = None  # of the run before
    asset = context.data_sources.add_sql("lake", connection_string=view.address).add_table_asset(
        view.name, table_name=view.name, schema_name=view.database
    )
    suite = gx.ExpectationSuite(view.name, expectations=asked)
    definition = gx.ValidationDefinition(
        name=view.name,
        data=asset.add_batch_definition_whole_table("day"),
        suite=context.suites.add(suite),
    )
    # No value of a row is asked for: none reaches a report.
    wanted = {"result_format": result_format, "partial_unexpected_count": 0}
    outcome = context.validation_definitions.add(definition).run(result_format=wanted)
    return list(outcome.results)


def _expectations(expected: Expectations) -> Iterator[Any]:
    """Great Expectations' own expectations for the rules of a table, each with its rule's name."""
    import great_expectations.expectations as gxe  # noqa: PLC0415 - as of `expectations.verdict`

    for rule in expected.row_rules:
        about = {"meta": {"rule": rule.name}, "severity": rule.severity.value, "notes": rule.why.en}
        yield from _of_rule(rule, gxe, about)
    yield gxe.ExpectCompoundColumnsToBeUnique(
        column_list=["school_id", expected.table.identity],
        meta={"rule": PUBLISHED_ONCE.name},
        severity=PUBLISHED_ONCE.severity.value,
        notes=PUBLISHED_ONCE.why.en,
    )


def _of_rule(rule: Rule, gxe: Any, about: dict[str, Any]) -> Iterator[Any]:
    states = rule.states
    if isinstance(states, str):
        yield gxe.ExpectColumnValuesToBeBetween(column=rule.name, max_value=0, **about)
        return
    if isinstance(states, OneOf):
        yield gxe.ExpectColumnValuesToBeInSet(column=states.column, value_set=list(states.values), **about)
    if isinstance(states, Between):
        yield gxe.ExpectColumnValuesToBeBetween(
            column=states.column, min_value=states.low, max_value=states.high, **about
        )
    # Its expectations of values leave NULL out.
    if isinstance(states, Present) or not states.or_empty:
        yield gxe.ExpectColumnValuesToNotBeNull(column=states.column, **about)
