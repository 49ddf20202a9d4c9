"""50,000 grades of 50 schools to the government, through the local cloud: what is done, and what it costs.

The machines, functions and roles of the templates; waits have no length here and are added up as
declared. `real_seconds` is when the last school would end with real waits, five schools at once,
if the government took half a second a batch and our functions a tenth each.
"""

from __future__ import annotations

import heapq
import json
import os
import tempfile
import time
import urllib.request
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from decimal import Decimal
from pathlib import Path
from typing import Any

from adapters import executions, table
from adapters.aws import client
from bench.outcome import Goal, Measure, publish
from infra.local.cloud import LocalCloud
from transforms.academic_items import Grade
from transforms.keys import StudentKey
from transforms.schools import School

SCHOOLS, GRADES, AT_ONCE = 50, 50_000, 5
SUBJECTS = ("matematicas", "lengua", "ciencias", "historia", "arte")
MEMORY = {"luca-government-sync": 1.0, "luca-government-sender": 0.5}  # GB, of infra/government.yaml

# List prices of us-east-1 in dollars, without free tiers, read in November 2026 from copies of these pages
# made between 2024 and 2026: look again before you quote them.
PRICES = {
    "transition": 0.025 / 1e3,  # https://aws.amazon.com/step-functions/pricing/
    "invocation": 0.20 / 1e6,  # https://aws.amazon.com/lambda/pricing/ (arm64)
    "gb_second": 0.0000133334,
    "write_unit": 0.625 / 1e6,  # https://aws.amazon.com/dynamodb/pricing/on-demand/
    "read_unit": 0.125 / 1e6,
    "secret_call": 0.05 / 1e4,  # https://aws.amazon.com/secrets-manager/pricing/
}


def grade(school: int, number: int) -> Grade:
    """A grade that waits."""
    return Grade(
        student=StudentKey(f"school_{school:02d}", f"student_{number // len(SUBJECTS):05d}"),
        subject=SUBJECTS[number % len(SUBJECTS)],
        period="Q1_2026",
        consolidated_score=Decimal(number % 1001) / 10,
        evaluations_count=7,
        parts={},
        passed=number % 1001 >= 600,
        rules_version=1,
        last_calculated="2026-03-31T08:00:00.000Z",
        correlation_id="5a1f6ad2-6e1f-4a43-a8f8-96d8a0e3e5b1",
    )


def furnish() -> None:
    """Schools and grades into the store."""

    def one(school: int) -> None:
        table.put_school(School(f"school_{school:02d}", "America/Mexico_City"))
        table.put_items(grade(school, number).item() for number in range(GRADES // SCHOOLS))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(one, range(SCHOOLS)))


def events(arn: str) -> Iterator[dict[str, Any]]:
    """All events of an execution."""
    pages = client("stepfunctions").get_paginator("get_execution_history")
    for page in pages.paginate(executionArn=arn):
        yield from page["events"]


def looked_into(arns: list[str]) -> tuple[Counter[str], list[float]]:
    """What executions did, added up; and how long each of them waited, in declared seconds."""
    seen: Counter[str] = Counter()
    waits = []
    for arn in arns:
        waited = 0.0
        longest = 0
        for event in events(arn):
            longest += 1
            if event["type"].endswith("StateEntered"):
                seen["transitions"] += 1
                entered = event["stateEnteredEventDetails"]
                seen[entered["name"]] += 1
                if entered["name"] == "WaitBetweenBatches":
                    waited += 2
                elif entered["name"] == "WaitRetry":
                    waited += json.loads(entered["input"])["batch"]["wait_seconds"]
            elif event["type"] == "TaskFailed":
                seen["failed_tasks"] += 1
            elif (
                event["type"] == "TaskScheduled"
                and event["taskScheduledEventDetails"]["resourceType"] == "lambda"
            ):
                seen["invocations"] += 1
        seen["most_events"] = max(seen["most_events"], longest)
        waits.append(waited)
    return seen, waits


def makespan(durations: list[float], at_once: int) -> float:
    """When the last of some jobs ends, begun in order, so many at once."""
    free = [0.0] * at_once
    for duration in durations:
        heapq.heappush(free, heapq.heappop(free) + duration)
    return max(free)


def told(path: str) -> Any:
    """The government's own account."""
    with urllib.request.urlopen(os.environ["LUCA_LOCAL_GOVERNMENT"] + path) as answer:
        return json.loads(answer.read())


def store_units(batch_bytes: int, receipt_bytes: int) -> tuple[float, float]:
    """Write and read units of one batch of 100 grades, from the sizes of its items.

    A transaction's writes count twice; an update counts the whole item; leaving the sparse index
    is one write more. https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/read-write-operations.html
    """
    prepared, answered = -(-batch_bytes // 1024), -(-(batch_bytes + receipt_bytes) // 1024)
    begin = 2 * (1 + prepared + 1)  # the turn, the record, the marker
    attempt = 2 * (1 + prepared)
    marks = 100 * 2 + 100  # the grades, and the index
    close = 2 * (answered + 1)
    writes = begin + attempt + answered + marks + close
    page = 100 * 250 / 4096 / 2  # keys only, eventually consistent
    reads = page + 100 + 1 + 3 * 0.5 + 2 * -(-batch_bytes // 4096) + -(-(batch_bytes + receipt_bytes) // 4096)
    return writes, reads


def sizes() -> tuple[int, int]:
    """Bytes of a full batch's payload and of its receipt, as they are kept."""
    items = client("dynamodb").scan(
        TableName=os.environ["LUCA_SYNC_BATCHES"],
        FilterExpression="line_count = :full",
        ExpressionAttributeValues={":full": {"N": "100"}},
        Limit=50,
    )["Items"]
    return len(items[0]["payload"]["B"]) + 500, len(items[0]["receipt"]["B"])


def main() -> None:
    """Measures and publishes."""
    with (
        tempfile.TemporaryDirectory(prefix="luca-bench-") as state,
        LocalCloud.start(Path(state), wait_scale=0) as cloud,
    ):
        os.environ.update(cloud.environment)
        furnish()
        began = time.monotonic()
        ended = executions.run(os.environ["LUCA_GOVERNMENT_SYNC_ALL"], {})
        seconds = time.monotonic() - began
        children = client("stepfunctions").list_executions(stateMachineArn=os.environ["LUCA_GOVERNMENT_SYNC"])
        arns = [each["executionArn"] for each in children["executions"]]
        seen, waits = looked_into(arns)
        parent, _ = looked_into([ended.arn])
        record = told("/_state")
        payload, receipt = sizes()
    batches = record["batches"]
    transitions = seen["transitions"] + parent["transitions"] + seen["failed_tasks"]
    invocations = seen["invocations"] + parent["invocations"]
    sends = seen["SendToGov"]
    writes, reads = store_units(payload, receipt)
    # A send waits for the government half a second, the other functions for the store a tenth.
    gb_seconds = sends * 0.5 * MEMORY["luca-government-sender"]
    gb_seconds += (invocations - sends) * 0.1 * MEMORY["luca-government-sync"]
    cost = {
        "Step Functions": transitions * PRICES["transition"],
        "Lambda": invocations * PRICES["invocation"] + gb_seconds * PRICES["gb_second"],
        "DynamoDB": batches * (writes * PRICES["write_unit"] + reads * PRICES["read_unit"]),
        "Secrets Manager": sends * PRICES["secret_call"],
    }
    real = [waited + batches / SCHOOLS * (0.5 + 2 * 0.1) + 0.1 for waited in waits]
    for name, dollars in cost.items():
        print(f"  {name:<16}${dollars:.4f}")
    print(f"  {'in all':<16}${sum(cost.values()):.4f} a quarter, by the prices of bench/government_sync.py")
    publish(
        "government_sync",
        given=f"{GRADES:,} pending grades of {SCHOOLS} schools, {AT_ONCE} at once, waits of no length",
        measures=[
            Measure(
                "ours",
                seconds=seconds,
                batches=batches,
                transitions=transitions,
                calls=invocations,
                waits=sum(waits),
                real_seconds=makespan(real, AT_ONCE),
                dollars=sum(cost.values()),
            )
        ],
        ratios={
            "grades a second here": GRADES / seconds,
            "requests to the government / batches": record["requests"].get("POST 200", 0) / batches,
            "transitions / batches": transitions / batches,
            "function calls / batches": invocations / batches,
            "write units / batches": writes,
            "read units / batches": reads,
            "most events of a history / 25,000": seen["most_events"] / 25_000,
            "dollars / 100,000 grades": sum(cost.values()) / GRADES * 100_000,
        },
        goals=[
            Goal("every grade is on the record", record["grades"] == GRADES),
            Goal(
                "no batch and no line twice",
                not record["batches_applied_more_than_once"]
                and not record["lines_applied_more_than_once"]
                and record["duplicates"] == 0,
            ),
            Goal("under a dollar a quarter", sum(cost.values()) < 1),
            Goal("under an hour with real waits", makespan(real, AT_ONCE) < 3600),
        ],
    )


if __name__ == "__main__":
    main()
