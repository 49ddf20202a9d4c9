"""Rows of a holding for a person to look at, without the values that may name somebody.

Nothing in quarantine holds a raw identifier by design, but a broken rule says that the design did not
hold: so what broke a rule is masked where it is text.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from adapters.quarantine import BROKEN_RULES, noted_rules
from expectations.rules import Expectations, Rule
from pipelines.quarantine.changing import rows_of
from pipelines.quarantine.holdings import Holding
from pipelines.quarantine.judging import Judgement

MASK = "▒▒▒"


@dataclass(frozen=True)
class Look:
    """What a person sees of a holding.

    Attributes:
        passing: How many of its rows break no critical rule of today: what a release would publish.
        rules: How many of its rows break each rule of today.
        rows: Some of its rows, masked; those that break a rule first.
    """

    passing: int
    rules: Mapping[str, int]
    rows: tuple[Mapping[str, Any], ...]


def look(holding: Holding, judgement: Judgement, expectations: Expectations, limit: int) -> Look:
    """Looks at a holding.

    Args:
        holding: With objects.
        judgement: Of its rows, by today's rules.
        expectations: Of its lake table.
        limit: Most rows to show.
    """
    passing, rules = 0, Counter[str]()
    shown: list[Mapping[str, Any]] = []
    for each in holding.objects:
        noted = rows_of(each.object)
        judged = judgement.judged(noted)
        broken = noted_rules(judged)
        rules.update(name for names in broken for name in names)
        passing += judgement.passing(judged).to_pylist().count(True)
        order = sorted(range(len(broken)), key=lambda place: not broken[place])
        places = pa.array(order[: limit - len(shown)], pa.int64())
        shown += masked(noted.take(places), judged.take(places), expectations)
    names = [rule.name for rule in expectations.rules]
    return Look(passing, {name: rules[name] for name in names if rules[name]}, tuple(shown))


def masked(noted: pa.Table, judged: pa.Table, expectations: Expectations) -> Iterator[dict[str, Any]]:
    """Rows as plain values, in which each text is masked that a rule speaks of which the row breaks.

    Args:
        noted: Rows with the rules that they were held for.
        judged: The same rows with the rules of today that they break.
        expectations: Of their lake table.
    """
    spoken_of = {rule.name: _columns(rule, expectations) for rule in expectations.row_rules}
    every = frozenset(column.name for column in expectations.table.columns)
    for before, row in zip(noted_rules(noted), judged.to_pylist(), strict=True):
        names = {*before, *row[BROKEN_RULES]}
        # A rule that is no rule any more cannot say which column it spoke of.
        hidden = frozenset[str]().union(*(spoken_of.get(name, every) for name in names))
        yield {
            column: MASK if column in hidden and isinstance(value, str) else value
            for column, value in row.items()
        }


def _columns(rule: Rule, expectations: Expectations) -> frozenset[str]:
    words = set(re.findall(r"\w+", rule.holds))
    return frozenset(column.name for column in expectations.table.columns if column.name in words)
