"""Which quotas of an account a load needs: what to ask AWS for before schools come."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from infra.deploy.plan import Stack
from infra.deploy.stages import Stage

WORKER_SECONDS = 0.5  # of a full batch: decode, check, BatchWriteItem twice
ENRICHER_SECONDS = 0.2  # of a full batch, keys and cohorts known
ROW_BYTES = 800  # of a behaviour event on its way to the lake, as JSON, generously
WRITES_A_SHARD = 1000  # a second; https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html
FIREHOSE_LARGE = ("us-east-1", "us-west-2", "eu-west-1")
MEBIBYTE = 2**20


@dataclass(frozen=True)
class Quota:
    """One quota.

    Attributes:
        service, name: As Service Quotas lists it.
        unit: Of both numbers.
        default: What a new account has, or may have.
        needed: What the load takes, with a quarter to spare.
        why: How it was computed.
        source: Where the default stands.
    """

    service: str
    name: str
    unit: str
    default: float
    needed: float
    why: str
    source: str

    @property
    def short(self) -> bool:
        """Whether it must be raised."""
        return self.needed > self.default


def quotas(events: float, stage: Stage, stacks: Sequence[Stack]) -> list[Quota]:
    """What so many events a second need, beside what the templates allow themselves.

    Args:
        events: Behaviour events a second at the peak.
        stage: Its region, and the parameters that bound what runs at once.
        stacks: The templates, for the parameters' defaults and how events are batched.
    """
    given = {
        name: stage.parameters.get(name, declared.get("Default"))
        for stack in stacks
        for name, declared in stack.template.parameters.items()
    }

    def number(name: str) -> int:
        return int(str(given[name]))

    resources = {name: each.properties for stack in stacks for name, each in stack.template.resources.items()}
    batch = resources["BehaviorWriter"]["Events"]["Behavior"]["Properties"]["BatchSize"]
    source = resources["BehaviorEventsPipe"]["SourceParameters"]["DynamoDBStreamParameters"]
    workers = math.ceil(events * WORKER_SECONDS / batch)
    shards = math.ceil(events / WRITES_A_SHARD)
    enrichers = min(
        shards * source["ParallelizationFactor"],
        math.ceil(events * ENRICHER_SECONDS / source["BatchSize"]) + shards,
    )
    others = number("ConsolidatorConcurrency") + 20
    task = int(resources["LoadTask"]["Cpu"]) // 1024
    service = int(resources["Service"]["Cpu"]) // 1024
    large = stage.region in FIREHOSE_LARGE
    reference = "https://docs.aws.amazon.com/general/latest/gr/"

    def spared(value: float) -> int:
        return math.ceil(value * 1.25)

    return [
        Quota(
            "Lambda",
            "Concurrent executions",
            "functions",
            10,  # an established account has 1,000; a new one may have as few as ten
            spared(max(workers, number("WorkerConcurrency")) + enrichers + others),
            f"{max(workers, number('WorkerConcurrency'))} workers of {batch} events in {WORKER_SECONDS} s, "
            f"{enrichers} enrichers, {others} others",
            "https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html",
        ),
        Quota(
            "API Gateway",
            "Throttle rate",
            "requests/s",
            10_000,
            spared(events),
            "one request an event",
            "https://docs.aws.amazon.com/apigateway/latest/developerguide/http-api-quotas.html",
        ),
        Quota(
            "DynamoDB",
            "Table-level write throughput",
            "writes/s",
            40_000,
            spared(events),
            "one write of less than 1 KB an event; the index takes none",
            "https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/ServiceQuotas.html",
        ),
        Quota(
            "Firehose",
            "Direct PUT, data of a stream",
            "MiB/s",
            5 if large else 1,
            round(events * ROW_BYTES * 1.25 / MEBIBYTE, 1),
            f"{ROW_BYTES} bytes an event",
            f"{reference}fh.html",
        ),
        Quota(
            "Firehose",
            "Direct PUT, records of a stream",
            "records/s",
            500_000 if large else 100_000,
            spared(events),
            "one record an event",
            f"{reference}fh.html",
        ),
        Quota(
            "Fargate",
            "On-Demand vCPU resource count",
            "vCPU",
            6,
            spared(number("LoadConcurrency") * task + number("MostTasks") * service + 4),
            f"{given['LoadConcurrency']} shards of a load with {task}, {given['MostTasks']} instances of "
            f"the API with {service}, 4 for the nightly jobs",
            f"{reference}ecs-service.html",
        ),
        Quota(
            "Athena",
            "Active DML queries",
            "queries",
            20,  # the least of all regions
            spared(number("LoadConcurrency") + 4 + 10),
            f"one a shard of a load ({given['LoadConcurrency']}), 4 of dbt, 10 analysts",
            f"{reference}athena.html",
        ),
    ]
