"""The part of the registry that is kept as items, messages and logs."""

from __future__ import annotations

from transforms.retention.places import (
    NOBODY,
    AfterGraduation,
    AsLongAs,
    Days,
    Erasure,
    Find,
    Identity,
    Kind,
    Mechanism,
    Place,
    Removal,
    Rule,
)
from transforms.weekly_trends import KEPT_WEEKS

_STORE = "luca-platform"
_OF_STUDENT = "TENANT#{school}#STUDENT#{student}"
_BY_KEY = Erasure(Find.PARTITION_KEY, Removal.DELETE_ITEMS)
_SCHOOL_STAYS = AsLongAs("the school is with the platform")
_WITH_SCHOOL = Erasure(Find.NOBODY, Removal.WITH_SCHOOL)
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/Point-in-time-recovery.html
RECOVERY_DAYS = 35


def _items(
    table: str,
    what: str,
    keys: str,
    holds: str,
    rule: Rule,
    mechanism: Mechanism,
    owner: str,
    erasure: Erasure,
    identity: Identity = Identity.RAW,
) -> Place:
    return Place(f"{table}/{what}", Kind.ITEMS, table, keys, holds, identity, rule, mechanism, owner, erasure)


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


def _recovery(table: str, identity: Identity) -> Place:
    return Place(
        f"{table}/recovery",
        Kind.RECOVERY,
        table,
        "",
        "Point-in-time recovery: what was in the table",
        identity,
        Days(RECOVERY_DAYS),
        Mechanism.RECOVERY_WINDOW,
        "infra",
        NOBODY if identity is Identity.NOBODY else Erasure(Find.NOT_POSSIBLE, Removal.WAIT),
    )


_TTL, _PERSON = Mechanism.TTL, Mechanism.PERSON

_HOT = (
    _items(
        _STORE,
        "EVENT",
        f"{_OF_STUDENT} / EVENT#{{occurred_at}}#{{event_id}}",
        "Behaviour events",
        Days(30, "the later of its time and its receipt"),
        _TTL,
        "lambdas.behavior_writer",
        _BY_KEY,
    ),
    _items(
        _STORE,
        "EVAL",
        f"{_OF_STUDENT} / EVAL#{{subject}}#{{period}}#{{evaluation}}",
        "Evaluations",
        AfterGraduation(),
        _PERSON,
        "api.routes.evaluations",
        _BY_KEY,
    ),
    _items(
        _STORE,
        "GRADE",
        f"{_OF_STUDENT} / GRADE#{{subject}}#{{period}}",
        "Consolidated grades",
        AfterGraduation(),
        _PERSON,
        "lambdas.grade_consolidator",
        _BY_KEY,
    ),
    _items(
        _STORE,
        "TREND",
        f"{_OF_STUDENT} / TREND#{{iso_week}}",
        "Weekly trends, brought back from the lake",
        Days(7 * KEPT_WEEKS, "the week began"),
        _TTL,
        "pipelines.profiles",
        _BY_KEY,
    ),
    _items(
        _STORE,
        "PROFILE",
        f"{_OF_STUDENT} / PROFILE",
        "Name, class and year of graduation",
        AfterGraduation(),
        _PERSON,
        "api.routes.students",
        _BY_KEY,
    ),
    _items(
        _STORE,
        "ROSTER",
        "TENANT#{school}#ROSTER / {student}",
        "The list of the school's students",
        AfterGraduation(),
        _PERSON,
        "api.routes.students",
        Erasure(Find.SORT_KEY, Removal.DELETE_ITEMS),
    ),
    _items(
        _STORE,
        "PENDING",
        "index pending: TENANT#{school}#PENDING#… / {student}#{subject}#{period}…",
        "What waits for the nightly job or for the government: keys of the items above",
        AsLongAs("it waits"),
        Mechanism.JOB,
        "adapters.academic_table",
        Erasure(Find.INDEX_KEY, Removal.DELETE_ITEMS),
    ),
    _items(
        _STORE,
        "CONFIG",
        "TENANT#{school}#CONFIG / SCHOOL…, PERIODS…, ERASED",
        "The school's rules and their versions, and keyed hashes of its erased students",
        _SCHOOL_STAYS,
        _PERSON,
        "api.routes.configuration",
        _WITH_SCHOOL,
        Identity.NOBODY,
    ),
    _items(
        _STORE,
        "SCHOOLS",
        "PLATFORM#SCHOOLS / SCHOOL#{school}",
        "The register of schools",
        _SCHOOL_STAYS,
        _PERSON,
        "adapters.table",
        _WITH_SCHOOL,
        Identity.NOBODY,
    ),
    Place(
        f"{_STORE}/stream",
        Kind.SERVICE,
        _STORE,
        "DynamoDB Streams",
        "Changes of the items above",
        Identity.RAW,
        Days(1),
        Mechanism.SERVICE,
        "infra/store.yaml",
        Erasure(Find.PARTITION_KEY, Removal.WAIT),
    ),
    _recovery(_STORE, Identity.RAW),
)

_BOOKS = (
    _items(
        "luca-loads",
        "CLAIM",
        "CLAIM#{table}#{hour} / {key}",
        "Which load took which landing file",
        Days(60),
        _TTL,
        "adapters.ledger",
        NOBODY,
        Identity.NOBODY,
    ),
    _items(
        "luca-loads",
        "LOAD",
        "LOAD#…, OPEN#…, LEASE#…, HOLDING#… and other rows",
        "The ledger: counts and states",
        AsLongAs("the lake is explained by it"),
        _PERSON,
        "adapters.ledger",
        NOBODY,
        Identity.NOBODY,
    ),
    _recovery("luca-loads", Identity.NOBODY),
)

_GOVERNMENT = (
    _items(
        "luca-sync-batches",
        "BATCH",
        "TENANT#{school}#SYNC / BATCH#{batch}, OPEN#…, LEASE",
        "Official grades as they were sent, and their receipts",
        Days(400, "the batch was accepted"),
        _TTL,
        "adapters.sync_records",
        Erasure(Find.LINES, Removal.OBLIGED),
    ),
    _items(
        "luca-sync-failures",
        "FAILURE",
        "TENANT#{school}#SYNC / FAILURE#{batch}",
        "Batches that the government did not take",
        Days(400, "the failure was settled"),
        _TTL,
        "adapters.sync_failures",
        Erasure(Find.LINES, Removal.OBLIGED),
    ),
    _recovery("luca-sync-batches", Identity.RAW),
    _recovery("luca-sync-failures", Identity.RAW),
    Place(
        "states/executions",
        Kind.SERVICE,
        "Step Functions",
        "execution history",
        "Steps of the synchronisation: schools and batches",
        Identity.NOBODY,
        Days(90, "the end"),
        Mechanism.SERVICE,
        "infra/government.yaml",
        NOBODY,
    ),
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
        _PERSON,
        "adapters.pseudonym_keys",
        _WITH_SCHOOL,
    ),
    Place(
        "ssm/tombstone-keys",
        Kind.PARAMETERS,
        "Parameter Store",
        "/luca/tombstone-keys/{school}",
        "The keys by which erased students are known when they send again",
        Identity.NOBODY,
        _SCHOOL_STAYS,
        _PERSON,
        "adapters.tombstones",
        _WITH_SCHOOL,
    ),
)

OPERATIONS = (*_HOT, *_BOOKS, *_GOVERNMENT, *_QUEUES, *_LOGS, *_KEYS)
