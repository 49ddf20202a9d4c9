"""The stand-in's memory: batches by id, the official record, and the books that tests look into."""

from __future__ import annotations

import json
import threading
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jsonschema import Draft202012Validator  # type: ignore[import-untyped]  # it has no types

SCHEMA_FILE = Path(__file__).resolve().parents[2] / "official-grades.v1.schema.json"

Refuse = Callable[[Mapping[str, Any]], str | None]
"""Why a line is refused, or None."""


class RefusedBatchError(Exception):
    """A whole batch that is not taken.

    Attributes:
        status: The HTTP status that says so.
    """

    def __init__(self, status: int, message: str) -> None:
        self.status = status
        super().__init__(message)


@dataclass
class Held:
    """A batch that was taken.

    Attributes:
        content: The payload, to tell a repetition from another batch under the same id.
        receipt: As it was answered.
        applied: How often its lines were put on the record: more than once would be a fault of ours.
    """

    content: bytes
    school_id: str
    receipt: dict[str, Any]
    applied: int = 0


@dataclass
class Register:
    """All that the government remembers.

    It has no notion of a newer version: the last line to arrive is what stands. That an older
    version never overwrites a newer one is the sender's duty, and `regressions` counts when it failed.

    Attributes:
        batches: By id, in the order of their arrival.
        record: By school, student, subject and period: the line that stands.
        applications: By line id, how often it was put on the record.
        regressions: Lines that put an older version over a newer one.
        duplicates: Batches that came again.
        receipts: How many were given.
    """

    batches: dict[str, Held] = field(default_factory=dict)
    record: dict[tuple[str, str, str, str], dict[str, Any]] = field(default_factory=dict)
    applications: Counter[str] = field(default_factory=Counter)
    regressions: list[str] = field(default_factory=list)
    duplicates: int = 0
    receipts: int = 0
    lock: threading.RLock = field(default_factory=threading.RLock)

    def __post_init__(self) -> None:
        self._schema = Draft202012Validator(json.loads(SCHEMA_FILE.read_text("utf-8")))

    def take(self, body: bytes, key: str | None, refuse: Refuse, *, forget: bool = False) -> dict[str, Any]:
        """Takes a batch, once.

        Args:
            body: The request's.
            key: Its idempotency key.
            refuse: Which lines are refused, and why.
            forget: Give a receipt, apply nothing and remember nothing: a lie.

        Returns:
            The receipt; the same one again, marked a duplicate, for a batch that was taken before.

        Raises:
            RefusedBatchError: The payload breaks the schema, or its id is another batch's.
        """
        with self.lock:
            batch = self._checked(body, key)
            batch_id = batch["sync_batch_id"]
            held = self.batches.get(batch_id)
            if held is not None:
                if held.content != body:
                    raise RefusedBatchError(409, f"batch {batch_id} was taken before with another content")
                self.duplicates += 1
                return {**held.receipt, "duplicate": True}
            refusals = {line["line_id"]: reason for line in batch["lines"] if (reason := refuse(line))}
            self.receipts += 1
            receipt = {
                "receipt_id": f"GOV-{self.receipts:08d}",
                "sync_batch_id": batch_id,
                "received_at": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
                "lines": [_result(line["line_id"], refusals) for line in batch["lines"]],
            }
            if not forget:
                held = self.batches[batch_id] = Held(body, batch["school_id"], receipt)
                self._apply(batch, held, refusals)
            return receipt

    def _checked(self, body: bytes, key: str | None) -> dict[str, Any]:
        try:
            batch = json.loads(body)
        except ValueError as wrong:
            raise RefusedBatchError(400, f"the body is no JSON: {wrong}") from wrong
        for fault in self._schema.iter_errors(batch):
            raise RefusedBatchError(400, f"{fault.json_path}: {fault.message:.200}")
        if key != batch["sync_batch_id"]:
            raise RefusedBatchError(400, f"Idempotency-Key {key!r} is not the batch's id")
        assert isinstance(batch, dict)
        return batch

    def _apply(self, batch: dict[str, Any], held: Held, refusals: Mapping[str, str]) -> None:
        held.applied += 1
        for line in batch["lines"]:
            if line["line_id"] in refusals:
                continue
            grade = (batch["school_id"], line["student_id"], line["subject"], line["period"])
            before = self.record.get(grade)
            if before is not None and before["version"] > line["version"]:
                self.regressions.append(line["line_id"])
            self.applications[line["line_id"]] += 1
            self.record[grade] = line

    def receipt(self, batch_id: str) -> dict[str, Any] | None:
        """The receipt of a batch, if it was taken."""
        with self.lock:
            held = self.batches.get(batch_id)
            return held.receipt if held else None

    def listed(self, since: str) -> list[dict[str, Any]]:
        """Receipts since a moment, with the ids of the lines that were accepted."""
        with self.lock:
            return [
                {
                    "receipt_id": held.receipt["receipt_id"],
                    "sync_batch_id": batch_id,
                    "school_id": held.school_id,
                    "received_at": held.receipt["received_at"],
                    "accepted": [
                        line["line_id"] for line in held.receipt["lines"] if line["status"] == "accepted"
                    ],
                }
                for batch_id, held in self.batches.items()
                if held.receipt["received_at"] >= since
            ]

    def state(self) -> dict[str, Any]:
        """What tests and the demo want to know, as JSON can say it."""
        with self.lock:
            return {
                "batches": len(self.batches),
                "grades": len(self.record),
                "duplicates": self.duplicates,
                "regressions": list(self.regressions),
                "batches_applied_more_than_once": [
                    batch_id for batch_id, held in self.batches.items() if held.applied > 1
                ],
                "lines_applied_more_than_once": [
                    line for line, times in self.applications.items() if times > 1
                ],
                "record": [
                    {"school_id": school_id, **line} for (school_id, _, _, _), line in self.record.items()
                ],
            }


def _result(line_id: str, refusals: Mapping[str, str]) -> dict[str, str]:
    if line_id in refusals:
        return {"line_id": line_id, "status": "refused", "code": refusals[line_id], "message": "on request"}
    return {"line_id": line_id, "status": "accepted"}
