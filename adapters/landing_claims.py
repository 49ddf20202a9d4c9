"""Landing files and the loads that took them, in the ledger's table.

| item | PK | SK |
|---|---|---|
| a landing file and who took it | `CLAIM#{table}#{hour}` | `{key}` |

A claim is written only where there is none: no file is in two loads.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta

from adapters import ledger_table
from adapters.batches import batches
from adapters.lake import LandingFile
from adapters.leases import Lease
from adapters.ledger import LedgerConflictError, Load, LoadState, load_key
from adapters.ledger_table import ConditionError
from adapters.transactions import ACTIONS

CLAIMS_KEPT = timedelta(days=60)  # landing files go after 30; a claim must outlive its file


@dataclass(frozen=True, slots=True)
class Claim:
    """A landing file and the load that took it.

    Attributes:
        file: Key, ETag and size when it was claimed.
        load_id: Who took it.
        fault: Why it was set aside; empty where it was not.
        reason: The same in words.
    """

    file: LandingFile
    load_id: str
    fault: str = ""
    reason: str = ""


def of_hours(table: str, hours: Iterable[str]) -> Iterator[Claim]:
    """All claims on the landing files of some hours, by hour and key."""
    for hour in hours:
        for item in ledger_table.items(f"CLAIM#{table}#{hour}"):
            file = LandingFile(item["SK"], item["etag"], item["size"])
            yield Claim(file, item["load_id"], item.get("fault", ""), item.get("reason", ""))


def take(load: Load, files: Iterable[LandingFile], now: datetime, lease: Lease) -> None:
    """Takes landing files for a load; doing it again changes nothing.

    Args:
        load: In state claiming.
        files: Which ones.
        now: Aware; the claims are forgotten 60 days later.
        lease: As of `adapters.ledger.open_load`.

    Raises:
        LedgerConflictError: One of them was taken by another load.
    """
    expires_at = int((now + CLAIMS_KEPT).timestamp())
    key, me = load_key(load.table, load.load_id), {":me": load.load_id}
    for batch in batches(files, ACTIONS - 2):
        claims_ = [
            {**_claim_key(load.table, file), "etag": file.etag, "size": file.size, "expires_at": expires_at}
            for file in batch
        ]
        # The load's row knows every hour that it has claims in, and takes none once its files are fixed.
        hours = {file.hour for file in batch}
        still = ("#state = :claiming", {":claiming": LoadState.CLAIMING.value})
        actions = [ledger_table.change(key, {}, *still, add={"hours": hours}, names={"#state": "state"})]
        mine = "attribute_not_exists(PK) OR load_id = :me"
        actions += [ledger_table.put_if({**item, "load_id": load.load_id}, mine, me) for item in claims_]
        try:
            lease.write(actions)
        except ConditionError as error:
            raise LedgerConflictError(
                f"load {load.load_id} of {load.table} takes no more files, or another load has one of these; "
                "run it again"
            ) from error


def note_rewritten(table: str, file: LandingFile) -> None:
    """Notes that a claimed landing file was written anew without some of its rows.

    Args:
        table: The lake table, which has no load open: an open one keeps to the file that it claimed.
        file: As it is now; one that no load has claimed is not noted.
    """
    changes = {"etag": file.etag, "size": file.size}
    with suppress(ConditionError):  # nobody has claimed it
        ledger_table.write([ledger_table.change(_claim_key(table, file), changes, "attribute_exists(PK)")])


def set_aside(load: Load, file: LandingFile, fault: str, reason: str, lease: Lease) -> None:
    """Notes that a load goes on without one of its files.

    Args:
        load: The load that claimed it.
        file: The file.
        fault: Name of the rule that it breaks.
        reason: In words, without a value of any row.
        lease: As of `adapters.ledger.open_load`.
    """
    noted = {"fault": fault, "reason": reason}
    key = _claim_key(load.table, file)
    lease.write([ledger_table.change(key, noted, "load_id = :me", {":me": load.load_id})])


def release(table: str, key: str) -> None:
    """Gives a file that was set aside to the next load, after it was mended or put back.

    Args:
        table: The lake table.
        key: Of the file in the landing bucket.

    Raises:
        LedgerConflictError: It is not set aside.
    """
    file = LandingFile(key, "", 0)
    try:
        ledger_table.write([ledger_table.delete_if(_claim_key(table, file), "attribute_exists(fault)")])
    except ConditionError as error:
        raise LedgerConflictError(f"file {key} of {table} is not set aside: nothing to release") from error


def _claim_key(table: str, file: LandingFile) -> dict[str, str]:
    return {"PK": f"CLAIM#{table}#{file.hour}", "SK": file.key}
