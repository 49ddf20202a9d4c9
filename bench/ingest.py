"""Worker, enricher and landing, end to end on the local cloud, beside a bare loop on the same store.

The floor receives, decodes with msgspec, batch-writes and deletes: what no worker can leave out. It
neither checks, nor gives points, nor streams, nor pseudonymises, nor writes Parquet. Both sides
find the same number of messages in the queue: a local SQS slows with its depth.
"""

from __future__ import annotations

import json
import os
import random
import tempfile
import time
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec

from adapters.aws import client
from adapters.batches import batches
from adapters.typed_json import to_typed
from bench.outcome import Goal, Measure, publish
from infra.local.cloud import LocalCloud
from pipelines.simulation.scenario import Scenario, create_schools
from transforms.keys import StudentKey
from transforms.schools import School
from transforms.students import Student

EVENTS, STUDENTS, ROUNDS, THREADS = 4_000, 500, 3, 2  # threads: as many as the local cloud's workers
LONG_POLL = 6  # seconds: a little more than the local cloud's polls last
WORKER, PIPES = "luca-behavior-writer", ("luca-behavior-events", "luca-academic-changes")


def bodies() -> Iterator[str]:
    """Good events of one school, all new."""
    now = datetime.now(UTC)
    for _ in range(EVENTS):
        yield json.dumps(
            {
                "event_id": str(uuid.uuid4()),
                "type": "attendance",
                "status": "present",
                "student_id": f"student_{random.randrange(STUDENTS)}",
                "teacher_id": f"teacher_{random.randrange(20)}",
                "class_id": "3B",
                "occurred_at": (now - timedelta(seconds=random.randrange(3600))).isoformat(),
            }
        )


def fill_stopped(cloud: LocalCloud) -> None:
    """Puts a round's events into the queue while nobody reads it."""
    cloud.stop_source(WORKER)
    time.sleep(LONG_POLL)  # a poll that was under way would still take messages, and hide them
    fill(cloud.environment["LUCA_BEHAVIOR_QUEUE"])


def fill(queue: str) -> None:
    """Puts a round's events into the queue."""
    told = client("secretsmanager").get_secret_value(SecretId=os.environ["LUCA_EDGE_SECRET_ARN"])
    edge = {"DataType": "String", "StringValue": json.loads(told["SecretString"])["value"]}
    for batch in batches(bodies(), 10):
        entries = [
            {
                "Id": str(number),
                "MessageBody": body,
                "MessageGroupId": "school_1",
                "MessageAttributes": {"edge": edge},
            }
            for number, body in enumerate(batch)
        ]
        client("sqs").send_message_batch(QueueUrl=queue, Entries=entries)


def bare_loop(queue: str, table: str) -> None:
    """The floor: until the queue is empty."""
    decode = msgspec.json.Decoder(dict[str, Any]).decode
    while True:
        received = client("sqs").receive_message(QueueUrl=queue, MaxNumberOfMessages=10).get("Messages", [])
        if not received:
            return
        events = [decode(message["Body"]) for message in received]
        items = [
            {"PK": f"TENANT#floor#STUDENT#{event['student_id']}", "SK": f"FLOOR#{event['event_id']}", **event}
            for event in events  # a sort key that the pipes' filters do not let through
        ]
        client("dynamodb").batch_write_item(
            RequestItems={table: [{"PutRequest": {"Item": to_typed(item)}} for item in items]}
        )
        entries = [
            {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]}
            for number, message in enumerate(received)
        ]
        client("sqs").delete_message_batch(QueueUrl=queue, Entries=entries)


def seconds_of_the_floor(cloud: LocalCloud) -> float:
    """One round of the bare loop, the pipes stopped."""
    queue, table = cloud.environment["LUCA_BEHAVIOR_QUEUE"], cloud.environment["LUCA_TABLE"]
    for pipe in PIPES:
        cloud.stop_pipe(pipe)
    fill_stopped(cloud)
    began = time.perf_counter()
    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(lambda _: bare_loop(queue, table), range(THREADS)))
    return time.perf_counter() - began


def seconds_of_ours(cloud: LocalCloud) -> float:
    """One round of the platform: from a full queue to Parquet in the landing."""
    for pipe in PIPES:
        cloud.start_pipe(pipe)
    cloud.settle(timeout=120)  # what the floor wrote passes by first
    fill_stopped(cloud)
    began = time.perf_counter()
    cloud.start_source(WORKER)
    cloud.settle(timeout=300)
    return time.perf_counter() - began


def main() -> None:
    """Measures and publishes."""
    with tempfile.TemporaryDirectory() as state, LocalCloud.start(Path(state)) as cloud:
        os.environ.update(cloud.environment)
        schools = [School("school_1", "America/Mexico_City")]
        roster = [Student(StudentKey("school_1", f"student_{number}"), 2030) for number in range(STUDENTS)]
        create_schools(Scenario(schools, roster, [], 0))
        cloud.start_source(WORKER)
        fill(cloud.environment["LUCA_BEHAVIOR_QUEUE"])
        cloud.settle(timeout=120)  # a first round, so that no side pays for cold starts
        rounds = [(seconds_of_ours(cloud), seconds_of_the_floor(cloud)) for _ in range(ROUNDS)]
    ours, floor = (min(column) for column in zip(*rounds, strict=True))
    ratio = floor / ours
    publish(
        "ingest",
        given=f"{EVENTS:,} events in the queue, best of {ROUNDS} rounds, {THREADS} workers each",
        measures=[
            Measure("ours", seconds=ours, events_per_second=EVENTS / ours),
            Measure("floor", seconds=floor, events_per_second=EVENTS / floor),
        ],
        ratios={"ours / floor, in events a second": ratio},
        goals=[Goal("worker + enricher + landing ≥ 0.6 of the bare loop", ratio >= 0.6)],
    )


if __name__ == "__main__":
    main()
