"""What a night costs the store, at growing history: calls and items per pending evaluation.

Each of some students has one period with new scores and 1, 10 or 100 periods that were consolidated
long ago, in the same partition. The floor is what any nightly job must do: read each group once,
write its grade and its marks. The peer finds what is pending as one writes it first: a Scan for
`consolidated = false`. Times are not told: on one machine they are the emulator's, which sorts a
student's whole partition at each Query, as DynamoDB does not.
"""

from __future__ import annotations

import os
import tempfile
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

from adapters.academic_table import put_academic_config
from adapters.aws import client
from adapters.grade_queue import ConsolidationOrder
from adapters.settings import setting
from adapters.table import put_items
from bench.outcome import Goal, Measure, publish
from infra.local.children import REPOSITORY
from infra.local.cloud import LocalCloud
from lambdas.grade_consolidator import consolidate_school
from transforms.academic_items import Evaluation, Grade, Part
from transforms.keys import StudentKey
from transforms.periods import AcademicConfig, GradingRules, Period

STUDENTS, OLD, NEW = 50, 6, 4  # a group has six scores that the grade knows and four that it does not
HISTORIES = (1, 10, 100)  # consolidated periods of each student
PENDING = STUDENTS * NEW
RULES = GradingRules({"exam": Decimal(1)})
NOW = Period("now", date(2026, 1, 15), date(2026, 4, 15))
READS = {"GetItem", "Query", "Scan", "BatchGetItem"}


@dataclass
class Spent:
    """What DynamoDB was asked."""

    calls: Counter[str] = field(default_factory=Counter)
    items_read: int = 0
    items_written: int = 0

    def figures(self) -> dict[str, float]:
        """Per pending evaluation."""
        reads = sum(count for name, count in self.calls.items() if name in READS)
        writes = self.calls.total() - reads
        return {
            "read_calls": reads / PENDING,
            "items_read": self.items_read / PENDING,
            "write_calls": writes / PENDING,
            "items_written": self.items_written / PENDING,
        }


@contextmanager
def counted() -> Iterator[Spent]:
    """Counts calls and items while it is open."""
    spent = Spent()

    def sent(params: dict[str, Any], model: Any, **_: Any) -> None:
        spent.calls[model.name] += 1
        spent.items_written += len(params.get("TransactItems", [])) or (model.name == "UpdateItem")

    def answered(parsed: dict[str, Any], **_: Any) -> None:
        spent.items_read += parsed.get("ScannedCount", 0) + ("Item" in parsed)

    events = client("dynamodb").meta.events
    events.register("provide-client-params.dynamodb", sent)
    events.register("after-call.dynamodb", answered)
    try:
        yield spent
    finally:
        events.unregister("provide-client-params.dynamodb", sent)
        events.unregister("after-call.dynamodb", answered)


def evaluation(school: str, student: int, period: str, number: int, *, consolidated: bool) -> Evaluation:
    return Evaluation(
        StudentKey(school, f"student_{student}"),
        "matematicas",
        period,
        f"exam_{number}",
        Decimal(60 + number),
        "exam",
        date(2026, 2, 15),
        "teacher_789",
        "2026-02-15T18:00:00.000Z",
        str(uuid.UUID(int=student)),
        consolidated=consolidated,
    )


def grade(school: str, student: int, period: str) -> Grade:
    return Grade(
        student=StudentKey(school, f"student_{student}"),
        subject="matematicas",
        period=period,
        consolidated_score=Decimal(63),
        evaluations_count=OLD,
        parts={"exam": Part(Decimal(63), Decimal(1), OLD)},
        passed=True,
        rules_version=1,
        last_calculated="2026-02-15T08:00:00.000Z",
        correlation_id=str(uuid.UUID(int=student)),
        synced=True,
        synced_version=1,
    )


def items(school: str, history: int) -> Iterator[dict[str, Any]]:
    """A school's academic items on the evening before a night."""
    for student in range(STUDENTS):
        for old in range(history):
            yield grade(school, student, f"p{old}").item()
            for number in range(OLD + NEW):
                yield evaluation(school, student, f"p{old}", number, consolidated=True).item()
        yield grade(school, student, "now").item()
        for number in range(OLD + NEW):
            yield evaluation(school, student, "now", number, consolidated=number < OLD).item()


def scan_for_pending() -> None:
    """How a table without a sparse index finds what is pending."""
    pages = (
        client("dynamodb")
        .get_paginator("scan")
        .paginate(
            TableName=setting("TABLE"),
            FilterExpression="consolidated = :no",
            ExpressionAttributeValues={":no": {"BOOL": False}},
            ProjectionExpression="PK, SK",
        )
    )
    assert sum(len(page["Items"]) for page in pages) == PENDING


def night(history: int) -> dict[str, dict[str, float]]:
    """Ours and the peer's figures at one length of history."""
    school = f"school_{history}"
    put_academic_config(AcademicConfig(school, 1, [NOW], {"*": RULES}))
    assert not put_items(items(school, history))
    with counted() as scanned:
        scan_for_pending()
    with counted() as spent:
        report = consolidate_school(ConsolidationOrder(school_id=school, run_id="bench"), lambda: False)
    assert (report.written, report.consolidated) == (STUDENTS, PENDING)
    ours, search = spent.figures(), scanned.figures()
    index = {"read_calls": 1 / PENDING, "items_read": 1.0, "write_calls": 0, "items_written": 0}
    return {"ours": ours, "peer": {name: ours[name] - index[name] + search[name] for name in ours}}


def floor() -> dict[str, float]:
    """A read of each group and a write of its grade and marks; computed, not run."""
    return {
        "read_calls": STUDENTS / PENDING,
        "items_read": STUDENTS * (OLD + NEW + 1) / PENDING,
        "write_calls": STUDENTS / PENDING,
        "items_written": (STUDENTS + PENDING) / PENDING,
    }


def main() -> None:
    """Measures and publishes."""
    store = [REPOSITORY / "infra" / "store.yaml"]
    measured: dict[int, dict[str, dict[str, float]]] = {}
    for history in HISTORIES:
        # A store of its own for each, so that the peer scans no other school's items.
        with (
            tempfile.TemporaryDirectory() as folder,
            LocalCloud.start(Path(folder), templates=store) as cloud,
        ):
            os.environ.update(cloud.environment)
            client.cache_clear()
            measured[history] = night(history)
    ours = {history: each["ours"] for history, each in measured.items()}
    peer = {history: each["peer"] for history, each in measured.items()}
    first, last = HISTORIES[0], HISTORIES[-1]
    publish(
        "consolidation",
        given=f"{PENDING} pending evaluations of {STUDENTS} students beside {first}, 10 and {last} times "
        "as many consolidated periods; figures per pending evaluation",
        measures=[
            *(Measure(f"ours {history}×", **each) for history, each in ours.items()),
            *(Measure(f"peer {history}×", **each) for history, each in peer.items()),
            Measure("floor", **floor()),
        ],
        ratios={
            f"ours / floor, read calls at {last}×": ours[last]["read_calls"] / floor()["read_calls"],
            f"ours / peer, items read at {last}×": ours[last]["items_read"] / peer[last]["items_read"],
        },
        goals=[
            Goal(
                f"calls and items at {last}× history are those at {first}×",
                ours[last] == ours[first],
            ),
            Goal(
                "items read and written are the floor's, the entries of the index and one configuration",
                ours[last]["items_read"] == floor()["items_read"] + 1 + 1 / PENDING
                and ours[last]["items_written"] == floor()["items_written"],
            ),
        ],
    )


if __name__ == "__main__":
    main()
