"""The last step of a load: what the shards did is summed and held against the verdict; it is published."""

from __future__ import annotations

from datetime import datetime

from adapters import ledger
from adapters.ledger import Load, LoadState
from pipelines.load import claiming, history
from pipelines.load.result import Clock, LoadResult, accounted_for, emit_metrics
from pipelines.load.sharding import noted_verdict
from pipelines.load.work import Work, noting
from transforms.calendar import utc_text

CLOSED = "closed_at"  # a fact of the ledger


class ShardsMissingError(RuntimeError):
    """Not every shard of a load is done, so it cannot be finished."""


def finish(work: Work, load: Load, *, resumed: bool = False, clock: Clock | None = None) -> LoadResult:
    """Publishes a load whose shards are all done.

    Args:
        work: What is in hand.
        load: In state judged.
        resumed: Whether an earlier run had begun it.
        clock: Of the load, where one run does all of it.

    Raises:
        ShardsMissingError: A shard is not done.
        LoadDoesNotAddUpError: A school's rows are not all accounted for.
        LeaseLostError: Another run has the lease.
    """
    clock = clock or Clock()
    with noting(load, work.lease):
        done, wanted = ledger.shards(load), len(load.facts["shards"])
        if missing := [number for number in range(wanted) if number not in done]:
            raise ShardsMissingError(
                f"load {load.load_id}: {len(missing)} of its {wanted} shards are not done, the first is "
                f"{missing[0]}: run the load again, it does what is left"
            )
        verdict, claims = noted_verdict(load), claiming.claimed(load)
        schools = accounted_for(verdict, (shard.schools for shard in done.values()))
        ledger.write_schools(
            load, {school: counts.as_dict() for school, counts in schools.items()}, work.lease
        )
        result = LoadResult(
            load_id=load.load_id,
            table=load.table,
            files=len(claims),
            size=sum(claim.file.size for claim in claims),
            set_aside=tuple(claim for claim in claims if claim.fault),
            schools=schools,
            severities={rule: severity.value for rule, severity in verdict.severities.items()},
            shards=wanted,
            objects=sum(shard.facts["objects"] for shard in done.values()),
            seconds=clock.seconds,
            resumed=resumed,
        )
        published_at = _closed(work, load)
        history.keep(load, result, published_at, work.lease)
        work.load_table(load).drop()
        ledger.advance(load, LoadState.PUBLISHED, published_at, work.lease, **result.facts)
    clock.lap("close")
    work.progress(result.summary)
    emit_metrics(result)
    return result


def _closed(work: Work, load: Load) -> datetime:
    """When the load is published: noted before its rows for analysts, so that each run writes the same."""
    closed: str = load.facts.get(CLOSED) or utc_text(work.moment())
    if CLOSED not in load.facts:
        ledger.note(load, work.lease, **{CLOSED: closed})
    return datetime.fromisoformat(closed)
