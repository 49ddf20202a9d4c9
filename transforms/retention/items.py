"""The part of the registry that is kept as items of tables, with their backups and their stream."""

from __future__ import annotations

from transforms.retention.places import (
    NOBODY,
    SCHOOL_STAYS,
    WITH_SCHOOL,
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
        SCHOOL_STAYS,
        _PERSON,
        "api.routes.configuration",
        WITH_SCHOOL,
        Identity.NOBODY,
    ),
    _items(
        _STORE,
        "SCHOOLS",
        "PLATFORM#SCHOOLS / SCHOOL#{school}",
        "The register of schools",
        SCHOOL_STAYS,
        _PERSON,
        "adapters.table",
        WITH_SCHOOL,
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

ITEMS = (*_HOT, *_BOOKS, *_GOVERNMENT)
