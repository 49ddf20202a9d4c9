"""The part of the registry that is kept as messages, logs and parameters."""

from __future__ import annotations

from transforms.retention.places import (
    NOBODY,
    SCHOOL_STAYS,
    WITH_SCHOOL,
    AsLongAs,
    Days,
    Erasure,
    Find,
    Identity,
    Kind,
    Mechanism,
    Place,
    Removal,
)


def _messages(queue: str, holds: str, days: float, owner: str, erasure: Erasure, identity: Identity) -> Place:
    return Place(
        f"{queue}/messages",
        Kind.MESSAGES,
        queue,
        "",
        holds,
        identity,
        Days(days, "it was sent"),
        Mechanism.QUEUE_RETENTION,
        owner,
        erasure,
    )


def _log(group: str, holds: str, days: int, owner: str) -> Place:
    return Place(
        f"{group}/log",
        Kind.LOG,
        group,
        "",
        holds,
        Identity.NOBODY,
        Days(days),
        Mechanism.LOG_RETENTION,
        owner,
        NOBODY,
    )


_IN_BODY = Erasure(Find.BODY, Removal.DELETE_MESSAGES)

_QUEUES = (
    _messages("luca-behavior", "Events on their way in", 4, "infra/behavior.yaml", _IN_BODY, Identity.RAW),
    _messages(
        "luca-behavior-dead-letters",
        "Events that no worker could take",
        14,
        "infra/behavior.yaml",
        _IN_BODY,
        Identity.RAW,
    ),
    _messages(
        "luca-behavior-rejected",
        "Rejected events with their reason",
        14,
        "lambdas.behavior_writer",
        _IN_BODY,
        Identity.RAW,
    ),
    _messages(
        "luca-grades",
        "Schools whose night is not over",
        20 / 24,
        "adapters.grade_queue",
        NOBODY,
        Identity.NOBODY,
    ),
    _messages(
        "luca-grades-dead-letters",
        "Schools whose night failed through all attempts",
        14,
        "infra/grades.yaml",
        NOBODY,
        Identity.NOBODY,
    ),
    _messages(
        "luca-lake-dead-letters",
        "Positions of stream records that the pipes gave up",
        14,
        "infra/lake.yaml",
        Erasure(Find.POSITION, Removal.WAIT),
        Identity.NOBODY,
    ),
)

_LOGS = (
    _log("/luca/access", "Requests: school, route, status", 30, "infra/behavior.yaml"),
    _log("/luca/api", "The API's log: no name, no identifier of a person, no score", 30, "api"),
    _log("/luca/delivery", "Firehose's errors", 30, "infra/lake.yaml"),
    _log("/luca/load", "The loads' log: counts, keys of files, no row", 90, "pipelines.load"),
    _log(
        "/luca/maintenance",
        "Compaction's and the daily judgements' log: counts, no row",
        90,
        "infra/maintenance.yaml",
    ),
    _log("/luca/trends", "The trends' log: counts by mart and by school, no student", 90, "pipelines.trends"),
    _log(
        "/luca/audits",
        "The audits' log: counts, keys of objects, ids of missing events",
        90,
        "pipelines.audits",
    ),
    _log("/luca/government-sync", "Errors of the state machines, without data", 400, "infra/government.yaml"),
    *(
        _log(f"/aws/lambda/luca-{name}", "The function's log: no name, no identifier, no score", days, owner)
        for name, days, owner in (
            ("behavior-writer", 30, "lambdas.behavior_writer"),
            ("lake-enricher", 30, "lambdas.lake_enricher"),
            ("grade-dispatcher", 30, "lambdas.grade_dispatcher"),
            ("grade-consolidator", 30, "lambdas.grade_consolidator"),
            ("government-sync", 90, "lambdas.government_sync"),
            ("government-sender", 90, "lambdas.government_sender"),
            ("sync-reconciler", 90, "lambdas.sync_reconciler"),
            ("retention-roller", 90, "lambdas.retention_roller"),
        )
    ),
    Place(
        "xray/traces",
        Kind.SERVICE,
        "X-Ray",
        "traces",
        "Times of requests, without their content",
        Identity.NOBODY,
        Days(30),
        Mechanism.SERVICE,
        "adapters.telemetry",
        NOBODY,
    ),
)

_KEYS = (
    Place(
        "ssm/pseudonym-keys",
        Kind.PARAMETERS,
        "Parameter Store",
        "/luca/pseudonym-keys/{school}/v{version}",
        "The schools' pseudonym keys",
        Identity.NOBODY,
        AsLongAs("a row is kept under it"),
        Mechanism.PERSON,
        "adapters.pseudonym_keys",
        WITH_SCHOOL,
    ),
    Place(
        "ssm/tombstone-keys",
        Kind.PARAMETERS,
        "Parameter Store",
        "/luca/tombstone-keys/{school}",
        "The keys by which erased students are known when they send again",
        Identity.NOBODY,
        SCHOOL_STAYS,
        Mechanism.PERSON,
        "adapters.tombstones",
        WITH_SCHOOL,
    ),
)

OPERATIONS = (*_QUEUES, *_LOGS, *_KEYS)
