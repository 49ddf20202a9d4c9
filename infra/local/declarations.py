"""What the templates declare that the local cloud plays itself, as plain records.

The makers of `resources/` fill these in; the runtimes (`functions`, `event_sources`, `pipes`,
`firehose`, `gateway`) read them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from infra.local.state_machines.definition import Machine


@dataclass(frozen=True)
class FunctionDeclaration:
    """A Lambda function.

    Attributes:
        handler: `package.module.function`, importable from the repository's root.
        timeout: Seconds.
        memory: MiB; told to the handler, not enforced.
        environment: The function's own variables.
        reserved_concurrency: Most invocations at once, if the template says so.
    """

    name: str
    arn: str
    handler: str
    role_arn: str
    timeout: float
    memory: int
    environment: dict[str, str]
    reserved_concurrency: int | None = None


@dataclass(frozen=True)
class QueueMapping:
    """An event source mapping from a queue to a function.

    Attributes:
        window: Seconds to wait for a full batch.
        maximum_concurrency: Most batches at once.
        report_failures: Whether the function answers with `batchItemFailures`.
    """

    name: str
    queue_arn: str
    function: str
    batch_size: int
    window: float
    maximum_concurrency: int
    report_failures: bool


@dataclass(frozen=True)
class PipeDeclaration:
    """A pipe from a table's stream through an enrichment into a delivery stream.

    Attributes:
        patterns: Event patterns; a record passes when one matches. None: every record passes.
        window: Seconds to wait for a full batch.
        maximum_retries: After these a record goes to the dead letters; None: never.
        maximum_age: Seconds after which a record is given up; None: never.
        bisect: Halve a failing batch until the culprit stands alone.
    """

    name: str
    arn: str
    stream_arn: str
    starting_position: str
    patterns: tuple[dict[str, Any], ...] | None
    batch_size: int
    window: float
    maximum_retries: int | None
    maximum_age: float | None
    bisect: bool
    dead_letter_arn: str | None
    enrichment_arn: str | None
    target_arn: str


@dataclass(frozen=True)
class DeliveryDeclaration:
    """A Firehose delivery stream to a bucket.

    Attributes:
        prefix, error_prefix: With their `!{…}` expressions.
        size: Bytes after which a buffer is delivered.
        interval: Seconds after which a buffer is delivered.
        table: Database and name of the Glue table whose columns the Parquet files have; None:
            records are written as they came.
        compression: Of the Parquet file, in pyarrow's words.
        schema_configuration: As declared, for error records and `DescribeDeliveryStream`.
    """

    name: str
    arn: str
    bucket: str
    prefix: str
    error_prefix: str
    size: int
    interval: float
    table: tuple[str, str] | None
    compression: str
    schema_configuration: dict[str, Any]


@dataclass(frozen=True)
class Authorizer:
    """A JWT authorizer: who issues the tokens, and for whom."""

    issuer: str
    audience: tuple[str, ...]


@dataclass(frozen=True)
class Route:
    """A route of the HTTP API that sends to a queue, or on to a server.

    Attributes:
        parameters: The integration's parameter mappings, as declared.
        scopes: Of which a token needs one, if there are any.
        uri: Of the server; None: the route sends to a queue.
    """

    method: str
    path: str
    authorizer: Authorizer | None
    parameters: dict[str, str]
    scopes: tuple[str, ...] = ()
    uri: str | None = None


@dataclass(frozen=True)
class WorkGroupDeclaration:
    """An Athena work group."""

    name: str
    output_location: str | None
    enforce: bool
    bytes_scanned_cutoff: int | None


@dataclass(frozen=True)
class ScheduleDeclaration:
    """A schedule of EventBridge Scheduler.

    Attributes:
        expression: `rate(…)` or `cron(…)`.
        time_zone: IANA name in which a cron expression is meant.
        target_arn: What is called at its times; a cluster, where a task is run.
        input: What it is called with; names context attributes as `<aws.scheduler.scheduled-time>`.
        enabled: Whether it runs by itself.
        task_definition_arn: Of the task that is run; None where no cluster is called.
    """

    name: str
    expression: str
    time_zone: str
    target_arn: str
    input: str
    enabled: bool
    task_definition_arn: str | None = None


@dataclass(frozen=True)
class ContainerDeclaration:
    """The container of an ECS task definition.

    Attributes:
        family: Of the task definition.
        task_definition_arn: With its revision.
        name: Of the container.
        command: What it runs unless a task wants something else.
        role_arn: Whose credentials it has.
        environment: Its own variables.
    """

    family: str
    task_definition_arn: str
    name: str
    command: list[str]
    role_arn: str
    environment: dict[str, str]


@dataclass
class Plan:
    """All that the local cloud plays itself."""

    functions: list[FunctionDeclaration] = field(default_factory=list)
    mappings: list[QueueMapping] = field(default_factory=list)
    pipes: list[PipeDeclaration] = field(default_factory=list)
    deliveries: list[DeliveryDeclaration] = field(default_factory=list)
    routes: list[Route] = field(default_factory=list)
    access_log_format: str | None = None
    access_log_group: str | None = None
    work_groups: list[WorkGroupDeclaration] = field(default_factory=list)
    queues: dict[str, str] = field(default_factory=dict)  # ARN -> URL
    schedules: list[ScheduleDeclaration] = field(default_factory=list)
    machines: list[Machine] = field(default_factory=list)
    edge_headers: dict[str, str] = field(default_factory=dict)  # what CloudFront adds to each request
    containers: list[ContainerDeclaration] = field(default_factory=list)
    absent: list[tuple[str, str]] = field(default_factory=list)  # what, why
