"""Leases of the ledger: one writer of a lake table at a time, and a late one is refused.

| item | PK | SK |
|---|---|---|
| a lease | `LEASE#{name}` | `LEASE` |

Its holder renews a lease every few seconds. Who finds it held watches it: a renewed one has a living
holder, one that stays silent is taken. Silence is measured by the watcher's own clock of elapsed time, so
no two machines' clocks are compared, and a clock that jumps changes nothing. Each taking raises the
lease's token. A holder that slept through its end is refused by `Lease.fence` in any transaction of the
ledger, and by `Lease.check` before it writes elsewhere.

Work of several processes has one lease: the first takes it and leaves it (`Lease.leave`) for a longer
silence, the others join it by its token, and the last one gives it back.
"""

from __future__ import annotations

import os
import socket
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from botocore.exceptions import BotoCoreError, ClientError

from adapters import ledger_table
from adapters.ledger_table import ConditionError
from adapters.transactions import Action

BEAT_SECONDS = 4.0  # between two renewals
TRUST_SECONDS = 16.0  # without a renewal, after which its holder no longer relies on a lease
SILENCE_SECONDS = 20.0  # after which another may take it

Say = Callable[[str], None]


class LeaseHeldError(RuntimeError):
    """Another run has the lease, and is alive."""


class LeaseLostError(RuntimeError):
    """This run's lease was taken, or could not be renewed in time."""


@dataclass
class Lease:
    """A lease that this process holds.

    Attributes:
        name: What it is of, for example `load/behavior_events`.
        holder: Who holds it, in words.
        token: Greater than that of every earlier holder.
    """

    name: str
    holder: str
    token: int
    _renewed: float = field(default_factory=time.monotonic)
    _lost: bool = False
    _patience: float = 0.0
    _ended: threading.Event = field(default_factory=threading.Event)

    def check(self) -> None:
        """Asks, without a call, whether the lease may still be relied on.

        Raises:
            LeaseLostError: It was taken, or was not renewed for `TRUST_SECONDS`.
        """
        if self._lost or time.monotonic() - self._renewed > TRUST_SECONDS:
            raise self._lost_error()

    def write(self, actions: Sequence[Action]) -> None:
        """Writes to the ledger, all the actions or none, if the lease has not been taken.

        Args:
            actions: One fewer than a transaction holds at most: the fence is one.

        Raises:
            LeaseLostError: Another has the lease.
            ConditionError: A condition of the actions did not hold.
        """
        try:
            ledger_table.write([*actions, self.fence])
        except ConditionError as error:
            if len(actions) in error.places:
                self._lost = True
                raise self._lost_error() from error
            raise

    def leave(self, seconds: float) -> None:
        """Leaves the lease, at the end of its block, for others to join by its token.

        Args:
            seconds: How long it may be silent from then on before somebody else takes it.
        """
        self._patience = seconds

    def _lost_error(self) -> LeaseLostError:
        return LeaseLostError(
            f"lease {self.name!r} was lost by {self.holder}: it was silent for {TRUST_SECONDS:.0f} s or more "
            "and another run may have taken over. Nothing more is written; run it again"
        )

    @property
    def fence(self) -> Action:
        """The action that refuses a transaction of the ledger once another has taken the lease."""
        return ledger_table.must_hold(
            _key(self.name), "#token = :token", {"#token": "token"}, {":token": self.token}
        )

    def _beat(self) -> None:
        number = 0
        while not self._ended.wait(BEAT_SECONDS):
            number += 1
            began = time.monotonic()
            try:
                ledger_table.write([_renewal(self, number)])
                self._renewed = began
            except ConditionError:
                self._lost = True
                return
            except (ClientError, BotoCoreError):
                continue  # `check` counts the silence


@contextmanager
def held(name: str, work: str, say: Say = lambda text: None) -> Iterator[Lease]:
    """Holds a lease for as long as the block runs.

    Args:
        name: What it is of.
        work: What is done under it, for whoever finds it held: `load`, `compaction`.
        say: Told when there is a silent holder to wait for.

    Yields:
        The lease, which a thread renews.

    Raises:
        LeaseHeldError: A living run has it.
    """
    lease = _taken(name, f"{work} on {socket.gethostname()}, process {os.getpid()}", say)
    try:
        with _beating(lease):
            yield lease
    finally:
        _give_back(lease)


@contextmanager
def joined(name: str, token: int, *, last: bool = False) -> Iterator[Lease]:
    """Works under a lease that was left, beside others that joined it.

    Args:
        name: What it is of.
        token: Of who left it.
        last: Whether the lease is given back when the block ends well. When it ends badly the lease stays,
            so that the same step can be tried again.

    Raises:
        LeaseLostError: It was taken since, or given back.
    """
    item = ledger_table.get(_key(name)) or {}
    lease = Lease(name, item.get("holder", "nobody"), token)
    if item.get("token") != token or "holder" not in item:
        raise LeaseLostError(
            f"lease {name!r} with token {token} was left for this run, but {lease.holder} has it now: "
            "another run took over what was to be done; nothing is written"
        )
    with _beating(lease):
        yield lease
    if last:
        _give_back(lease)


@contextmanager
def _beating(lease: Lease) -> Iterator[None]:
    """Renews a lease for as long as the block runs."""
    beat = threading.Thread(target=lease._beat, name=f"lease {lease.name}", daemon=True)
    beat.start()
    try:
        yield
    finally:
        lease._ended.set()
        beat.join()


def _taken(name: str, holder: str, say: Say) -> Lease:
    seen: tuple[int, int] | None = None
    since = time.monotonic()
    while True:
        item = ledger_table.get(_key(name)) or {"token": 0, "beat": 0}
        now = (item["token"], item["beat"])
        patience = max(SILENCE_SECONDS, float(item.get("patience", 0)))
        if "holder" in item:
            if seen is None:
                seen = now
                say(f"{item['holder']} has {name}; taken over if it stays silent for {patience:.0f} s")
            if now != seen:
                raise LeaseHeldError(
                    f"{name} is held by {item['holder']}, which is at work: let it finish, then run again"
                )
            if time.monotonic() - since < patience:
                time.sleep(min(1.0, patience / 4))
                continue
        try:
            return _take(name, holder, *now)
        except ConditionError:
            seen, since = now, time.monotonic()  # somebody was faster: it is alive if it moves again


def _take(name: str, holder: str, token: int, beat: int) -> Lease:
    lease = Lease(name, holder, token + 1)
    item = {**_key(name), "holder": holder, "token": lease.token, "beat": 0}
    unmoved = "attribute_not_exists(PK) OR (#token = :token AND #beat = :beat)"
    values = {":token": token, ":beat": beat}
    ledger_table.write(
        [ledger_table.put_if(item, unmoved, values, names={"#token": "token", "#beat": "beat"})]
    )
    return lease


def _renewal(lease: Lease, number: int) -> Action:
    return ledger_table.change(
        _key(lease.name),
        {"beat": number},
        "#token = :token",
        {":token": lease.token},
        names={"#token": "token"},
    )


def _give_back(lease: Lease) -> None:
    """Frees the lease, or leaves it for others to join; its token stays, so that the next one is greater."""
    left = {"patience": int(lease._patience)} if lease._patience else {}
    try:
        ledger_table.write(
            [
                ledger_table.change(
                    _key(lease.name),
                    {"beat": -1, **left},
                    "#token = :token",
                    {":token": lease.token},
                    remove=() if left else ("holder", "patience"),
                    names={"#token": "token"},
                )
            ]
        )
    except (ConditionError, ClientError, BotoCoreError):
        return  # taken already, or out of reach: then its silence frees it


def _key(name: str) -> dict[str, str]:
    return {"PK": f"LEASE#{name}", "SK": "LEASE"}
