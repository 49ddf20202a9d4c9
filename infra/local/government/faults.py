"""Faults on request: what the stand-in does wrong, how often, and to whom.

A fault is posted as JSON to `/_faults`, such as `{"fault": "busy", "retry_after": "60", "times": 2}`.
Faults that concern a whole request wait in line and are used up one a batch; `refuse-lines` and
those that falsify receipts hold until they are taken back.
"""

from __future__ import annotations

import fnmatch
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# Of one request each:
REQUEST_FAULTS = {
    "unavailable": "answer `status` (503 unless said otherwise); nothing is applied",
    "reject": "answer `status` (400 unless said otherwise) to the whole batch; nothing is applied",
    "busy": "answer 429, with `retry_after` if given; nothing is applied",
    "apply-then-hang": "apply the batch, then stay silent for `seconds`",
    "apply-then-drop": "apply the batch, then close the connection without a word",
    "drop": "close the connection without a word; nothing is applied",
    "slow": "answer rightly, after `seconds`",
    "garbled": "apply the batch and answer 200 with a body that is no receipt",
    "claim-only": "answer with a receipt, apply nothing and forget the batch",
}
# Until they are taken back:
STANDING_FAULTS = {
    "refuse-lines": "refuse each line whose `field` (student_id unless said otherwise) matches `pattern`",
    "hide-receipts": "leave every `every`-th receipt out of the list",
    "older-versions": "say in the list that every `every`-th receipt's lines have one version less",
    "invent-receipt": "list a receipt for a batch that nobody sent",
}


class UnknownFaultError(ValueError):
    """A fault that the stand-in does not know."""


@dataclass
class Faults:
    """What is still to go wrong."""

    waiting: list[dict[str, Any]] = field(default_factory=list)
    standing: list[dict[str, Any]] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)

    def add(self, fault: dict[str, Any]) -> None:
        """Orders a fault.

        Raises:
            UnknownFaultError: There is none of that name.
        """
        name = fault.get("fault")
        with self.lock:
            if name in REQUEST_FAULTS:
                self.waiting += [fault] * int(fault.get("times", 1))
            elif name in STANDING_FAULTS:
                self.standing.append(fault)
            else:
                known = ", ".join([*REQUEST_FAULTS, *STANDING_FAULTS])
                raise UnknownFaultError(f"fault {name!r} is unknown: known are {known}")

    def clear(self) -> None:
        """Takes all back."""
        with self.lock:
            self.waiting.clear()
            self.standing.clear()

    def next(self) -> dict[str, Any]:
        """What goes wrong with the next batch; an empty mapping if nothing does."""
        with self.lock:
            return self.waiting.pop(0) if self.waiting else {}

    def refusal(self, line: Mapping[str, Any]) -> str | None:
        """Why a line is refused, if it is."""
        for fault in self._named("refuse-lines"):
            if fnmatch.fnmatchcase(str(line.get(fault.get("field", "student_id"))), fault["pattern"]):
                return str(fault.get("code", "unknown_student"))
        return None

    def falsified(self, receipts: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The list of receipts as the government shows it."""
        for fault in self._named("hide-receipts"):
            every = int(fault.get("every", 1))
            receipts = [each for at, each in enumerate(receipts, 1) if at % every]
        for fault in self._named("older-versions"):
            every = int(fault.get("every", 1))
            receipts = [each if at % every else _older(each) for at, each in enumerate(receipts, 1)]
        for fault in self._named("invent-receipt"):
            receipts = [*receipts, _invented(fault)]
        return receipts

    def _named(self, name: str) -> list[dict[str, Any]]:
        with self.lock:
            return [fault for fault in self.standing if fault["fault"] == name]


def _older(receipt: dict[str, Any]) -> dict[str, Any]:
    lines = [line.rsplit("-", 1) for line in receipt["accepted"]]
    return {**receipt, "accepted": [f"{grade}-{max(1, int(version) - 1)}" for grade, version in lines]}


def _invented(fault: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "receipt_id": "GOV-99999999",
        "sync_batch_id": "f" * 32,
        "school_id": fault.get("school_id", "school_1"),
        "received_at": fault.get("received_at", "2026-01-01T00:00:00.000Z"),
        "accepted": ["f" * 32 + "-1"],
    }
