"""A load that is held: judged, explained and left open, until its fault is mended or it is let go.

A held load stays claimed, and its table takes no other. Each run judges it again by the rules of the
day, so a mended rule frees it; and where the schools are at fault after all, a person lets it go.
"""

from __future__ import annotations

from datetime import datetime

from adapters import leases, ledger
from adapters.leases import Lease
from adapters.ledger import Load, LoadState
from expectations.holds import held
from expectations.verdict import Verdict
from pipelines.load.work import lease_name

REASON, REASON_IN_SPANISH, LET_GO = "held", "held_es", "let_go"  # the facts of the ledger


class LoadHeldError(RuntimeError):
    """A load broke a rule of the whole load: nothing of it is published, and its table waits."""


def hold_where_ours(load: Load, verdict: Verdict, now: datetime, lease: Lease) -> None:
    """Ends the run of a load whose verdict speaks of a fault of ours; nothing is written before but why.

    Raises:
        LoadHeldError: It does, and nobody has let the load go.
    """
    reason = held(verdict)
    if reason is None or load.facts.get(LET_GO):
        return
    ledger.advance(load, LoadState.CLAIMED, now, lease, **{REASON: reason.en, REASON_IN_SPANISH: reason.es})
    raise LoadHeldError(
        f"load {load.load_id} of {load.table} is held, nothing of it is published: {reason}. Mend the rule, "
        f"the worker or the enricher and run it again; if the schools are at fault after all: "
        f"luca quality let-go {load.table} --because '…'"
    )


def let_go(table: str, because: str, now: datetime) -> Load:
    """Lets the held load of a table go: its next run stops the schools as the verdict says.

    Args:
        table: The lake table.
        because: Why, for the ledger.
        now: Aware.

    Raises:
        LookupError: The table has no held load.
        LeaseHeldError: A run is at work on the table.
    """
    with leases.held(lease_name(table), "let-go") as lease:
        load = ledger.the_open_load(table)
        if load is None or REASON not in load.facts:
            raise LookupError(f"table {table} has no held load: `luca query` can read what was published")
        return ledger.advance(load, LoadState.CLAIMED, now, lease, **{LET_GO: because})
