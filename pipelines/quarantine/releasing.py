"""Release: the rows of a holding that pass today's rules go back to the landing, for a load of their own.

So a released row is claimed, judged, held against the lake and published by the same code as any other,
and a replay finds it where it looks for every row.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import PurePosixPath
from typing import Any

import pyarrow as pa
import pyarrow.compute

from adapters import landing_claims, leases, objects, quarantine
from adapters.lake import LandingFile
from adapters.leases import Lease
from adapters.objects import Object
from adapters.quarantine import BROKEN_RULES, Change, Deed, Held, Record, noted_rules
from pipelines.load.result import LoadResult
from pipelines.load.rows import Array
from pipelines.load.run import load
from pipelines.quarantine.changing import body_of, change, digest, parquet, rows_in, settled_holding
from pipelines.quarantine.correcting import Corrections, amend, require_all_held
from pipelines.quarantine.holdings import Holding, expectations_of, holding
from pipelines.quarantine.judging import Judgement, judge
from transforms.calendar import utc_text
from transforms.lake_schema import LakeTable, as_schema

pc: Any = pyarrow.compute  # its stubs know one kind of array a call

Say = Callable[[str], None]


@dataclass(frozen=True)
class Release:
    """What a release did.

    Attributes:
        before: The holding as it was found.
        after: The holding as it is now.
        amended: Rows that corrections took the place of.
        released: Rows given to the landing by this run.
        loads: The loads that took them, as far as this run ran them.
        elsewhere: Ids of loads of other runs that took them.
    """

    before: Holding
    after: Holding
    amended: int
    released: int
    loads: tuple[LoadResult, ...] = field(default=())
    elsewhere: tuple[str, ...] = field(default=())

    def total(self, name: str) -> int:
        """Of the loads: `published`, `duplicate` or `quarantined` rows."""
        return sum(result.total(name) for result in self.loads)


def release(
    table_name: str,
    load_id: str,
    school_id: str,
    *,
    now: datetime,
    by: str,
    rules: Collection[str] = (),
    corrections: Corrections | None = None,
    reason: str = "",
    progress: Say = lambda text: None,
) -> Release:
    """Publishes the rows of a holding that break no critical rule of today. Safe to run again at any time.

    Args:
        table_name: A lake table.
        load_id: The load that held the rows back.
        school_id: Whose they are.
        now: Aware.
        by: Who releases, for the ledger.
        rules: Only rows that were held for these rules and no other; empty for all rows.
        corrections: Rows that first take the place of those with their identity.
        reason: For the ledger; says why the corrections are right.
        progress: Told what is going on.

    Raises:
        NothingHeldError: There is no such holding.
        LoadOpenError: The load is not finished.
        CorrectionRefusedError: A correction is of a row that does not wait.
        LeaseHeldError: Another run writes to the table.
        HoldingBusyError, HoldingChangedError, ObjectChangedError: Somebody else changes the holding.
        GateToolError: The rows could not be judged; nothing is said of them.
    """
    expectations = expectations_of(table_name)
    how = Change(Deed.RELEASE, "", "", "", 0, utc_text(now), by, reason)
    with leases.held(f"lake/{table_name}", "release", progress) as lease:
        before = settled_holding(table_name, load_id, school_id, lease)
        record, held = before.record, list(before.objects)
        if corrections is not None and held:
            if not _applied(corrections, record):
                require_all_held(corrections, held, expectations.table)
            for each in held:
                record = amend(record, each, corrections, expectations.table, how, lease)
            held = list(quarantine.held(table_name, load_id, school_id))
        if held:
            progress(f"judging {before.waiting:,} rows")
            judgement = judge(expectations, held, now)
            for each in held:
                record = _release_object(record, each, judgement, expectations.table, how, rules, lease)
    landed = {done.writes for done in record.done if done.deed is Deed.RELEASE}
    results = load(table_name, now=now, only=landed, progress=progress) if landed else []
    after = holding(table_name, load_id, school_id)
    new = record.done[len(before.record.done) :]
    takers = _takers(table_name, {done.writes for done in new if done.deed is Deed.RELEASE})
    return Release(
        before,
        after,
        sum(done.rows for done in new if done.deed is Deed.AMEND),
        sum(done.rows for done in new if done.deed is Deed.RELEASE),
        tuple(result for result in results if result.load_id in takers),
        tuple(sorted(takers - {result.load_id for result in results})),
    )


def _applied(corrections: Corrections, record: Record) -> bool:
    """Whether an earlier run has begun with the same file: then some of its rows may have been released."""
    noted = (done.facts or {} for done in record.done)
    return any(facts.get("corrections_sha256") == corrections.sha256 for facts in noted)


def _release_object(
    record: Record,
    each: Held,
    judgement: Judgement,
    table: LakeTable,
    how: Change,
    rules: Collection[str],
    lease: Lease,
) -> Record:
    before = body_of(each.object)
    rows = rows_in(before)
    judged = judgement.judged(rows)
    chosen = judgement.passing(judged)
    if rules:
        chosen = pc.and_(chosen, _held_for(rows, rules))
    passing = rows.filter(chosen)
    kept = pc.invert(chosen)
    left = rows.filter(kept).combine_chunks()
    object_ = each.object
    if passing.num_rows:
        stem = PurePosixPath(object_.key).stem
        hour = datetime.fromisoformat(how.at).astimezone(UTC).strftime("%Y-%m-%d-%H")
        name = f"release-{each.load_id}-{each.school_id}-{stem}-{len(record.done):04d}.parquet"
        body = parquet(left)
        wanted = Change(
            Deed.RELEASE,
            object_.key,
            digest(before),
            digest(body),
            passing.num_rows,
            how.at,
            how.by,
            how.reason,
            f"{table.name}/hour={hour}/{name}",
            {"rules_version": judgement.version},
        )
        landing = as_schema(passing.drop_columns([BROKEN_RULES]), table.landing_schema)
        record = change(record, wanted, object_, parquet(landing), body, lease)
    lease.check()
    _note_rules(object_, left, judged.filter(kept).combine_chunks())
    return record


def _note_rules(object_: Object, left: pa.Table, judged: pa.Table) -> None:
    """Lets the rows that stay say what they break by the rules of today."""
    if judged.num_rows and not judged.equals(left):
        now = objects.find(object_.bucket, object_.key)
        if now is not None:
            objects.replace(now, parquet(judged))


def _held_for(rows: pa.Table, rules: Collection[str]) -> Array:
    """By row, whether it was held for some of these rules and for no other."""
    return pa.array([bool(names) and set(names) <= set(rules) for names in noted_rules(rows)])


def _takers(table_name: str, keys: set[str]) -> set[str]:
    """The loads that have landing files."""
    hours = sorted({LandingFile(key, "", 0).hour for key in keys})
    return {claim.load_id for claim in landing_claims.of_hours(table_name, hours) if claim.file.key in keys}
