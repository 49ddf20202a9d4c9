"""A holding before today's rules: the gate's own query on the rows that wait."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime

import pyarrow as pa

from adapters import lake
from adapters.quarantine import BROKEN_RULES, Held, noted_rules
from adapters.settings import setting
from expectations.rules import Expectations, Severity
from pipelines.load.gate import Gate
from pipelines.load.rows import Array, broken_rules, of_school
from transforms.lake_schema import LakeTable


class Judgement:
    """What the rows of a holding break by the rules of today.

    Args:
        expectations: Of the lake table.
        found: Columns `identity` and `bits` of one school, from
            `expectations.rules.broken_rows_query`.
    """

    def __init__(self, expectations: Expectations, found: pa.Table) -> None:
        self._found = found
        self._identity = expectations.table.identity
        self._names = tuple(rule.name for rule in expectations.row_rules)
        self.version = expectations.version
        self.critical = frozenset(
            rule.name for rule in expectations.row_rules if rule.severity is Severity.CRITICAL
        )

    def judged(self, rows: pa.Table) -> pa.Table:
        """The rows of an object with `broken_rules` as it is by the rules of today."""
        lists = broken_rules(rows[self._identity].combine_chunks(), self._found, self._names)
        place = rows.schema.get_field_index(BROKEN_RULES)
        return rows.set_column(
            place, rows.schema.field(BROKEN_RULES), lists.cast(rows.schema.field(place).type)
        )

    def passing(self, judged: pa.Table) -> Array:
        """By row of `judged`, whether it may be published: it breaks no critical rule."""
        lists = noted_rules(judged)
        kinds = {tuple(rules): self.critical.isdisjoint(rules) for rules in {tuple(each) for each in lists}}
        return pa.array([kinds[tuple(rules)] for rules in lists], pa.bool_())


def judge(expectations: Expectations, held: Sequence[Held], now: datetime) -> Judgement:
    """Asks Athena, in one query, which rows of a holding break which rules.

    Args:
        expectations: Of the lake table.
        held: The objects of one holding, at least one.
        now: Aware; what the rules call `judged_at`.

    Raises:
        GateToolError: Athena could not run it; nothing is said of the rows.
    """
    school = held[0].school_id
    with _gate(expectations, held, now) as gate:
        return Judgement(expectations, of_school(gate.broken_rows([school]), school))


@contextmanager
def _gate(expectations: Expectations, held: Sequence[Held], now: datetime) -> Iterator[Gate]:
    first = held[0]
    name = f"held_{first.load_id}_{hashlib.sha256(first.school_id.encode()).hexdigest()[:8]}"
    table: LakeTable = expectations.table
    lake.make_manifest_table(
        name,
        table.columns,
        f"loads/{name}/manifest/",
        [each.object.key for each in held],
        setting("LAKE_BUCKET"),
    )
    try:
        yield Gate(name, expectations, now, f"{setting('LANDING_DATABASE')}.{name}")
    finally:
        lake.drop_manifest_table(name)
