"""The part of the registry that is kept as objects: buckets and their prefixes."""

from __future__ import annotations

from transforms.retention.places import (
    NOBODY,
    AfterGraduation,
    AsLongAs,
    Bucket,
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

BUCKETS = (
    Bucket("LANDING", "LandingBucket", 30),
    Bucket("LAKE", "LakeBucket", None),
    Bucket("RESULTS", "ResultsBucket", 7),
    Bucket("REPORTS", "ReportsBucket", 400),
    Bucket("EXPORTS", "ExportsBucket", 7),
)

_BY_COLUMN = Erasure(Find.STUDENT_KEY, Removal.REWRITE)


def _objects(
    bucket: str,
    prefix: str,
    holds: str,
    rule: Rule,
    owner: str,
    erasure: Erasure,
    identity: Identity = Identity.PSEUDONYM,
    year_folder: str = "",
) -> Place:
    return Place(
        f"{bucket.lower()}/{prefix.rstrip('/')}",
        Kind.OBJECTS,
        bucket,
        prefix,
        holds,
        identity,
        rule,
        Mechanism.LIFECYCLE,
        owner,
        erasure,
        year_folder,
    )


_LANDING = (
    _objects("LANDING", "behavior_events/", "Landed events", Days(30), "luca-behavior-events", _BY_COLUMN),
    _objects("LANDING", "academic_changes/", "Landed changes", Days(30), "luca-academic-changes", _BY_COLUMN),
    _objects(
        "LANDING",
        "errors/",
        "Rows that Firehose could not convert, as JSON",
        Days(30),
        "luca-behavior-events, luca-academic-changes",
        _BY_COLUMN,
    ),
    _objects(
        "LANDING",
        "loads/",
        "Which files a load judged, and which events stand in several of its shards",
        Days(30),
        "pipelines.load",
        NOBODY,
        Identity.NOBODY,
    ),
)

_ERASURES = (
    _objects(
        *("LAKE", "erasures/", "What erasures found and removed: counts, names of objects, keyed hashes"),
        AsLongAs("the school may have to prove an erasure"),
        "adapters.erasures",
        NOBODY,
        Identity.NOBODY,
    ),
)

_AUDITS = (
    _objects(
        *("LANDING", "audits/", "A day's events as the completeness audit found them in the store", Days(30)),
        "pipelines.audits.completeness",
        NOBODY,
        Identity.NOBODY,
    ),
    _objects(
        *("EXPORTS", "store/", "What DynamoDB exported of the store", Days(7), "adapters.store_exports"),
        Erasure(Find.PARTITION_KEY, Removal.DELETE_EXPORTS),
        Identity.RAW,
    ),
)

_LAKE = (
    _objects(
        "LAKE",
        "lake/behavior_events/",
        "Published events",
        AfterGraduation(),
        "pipelines.load",
        _BY_COLUMN,
        year_folder="year=",
    ),
    _objects(
        "LAKE",
        "lake/academic_changes/",
        "Published changes",
        AfterGraduation(),
        "pipelines.load",
        _BY_COLUMN,
        year_folder="year=",
    ),
    _objects(
        *("LAKE", "lake/loads/", "What became of each school's rows in each load: counts", Days(3653)),
        "pipelines.load",
        NOBODY,
        Identity.NOBODY,
    ),
    _objects(
        "LAKE",
        "quarantine/",
        "Rows of schools that a load stopped",
        Days(90),
        "pipelines.load, pipelines.quarantine",
        _BY_COLUMN,
    ),
    _objects(
        *("LAKE", "rewrites/", "What rewrites of partitions were to do: names of files", Days(30)),
        "pipelines.partitions",
        NOBODY,
        Identity.NOBODY,
    ),
    _objects(
        *("LAKE", "publications/", "What was to become of a mart's partitions: names of files", Days(400)),
        "pipelines.trends",
        NOBODY,
        Identity.NOBODY,
    ),
    _objects(
        "LAKE",
        "quarantine-receipts/",
        "Who discarded which rows from quarantine, and why: counts and digests",
        Days(3653),
        "pipelines.quarantine",
        NOBODY,
        Identity.NOBODY,
    ),
)

_REBUILT = Erasure(Find.STUDENT_KEY, Removal.REBUILD)


def _mart(name: str, holds: str, rule: Rule, erasure: Erasure = NOBODY, year_folder: str = "") -> Place:
    identity = Identity.NOBODY if erasure is NOBODY else Identity.PSEUDONYM
    return _objects("LAKE", f"marts/luca_marts/{name}/", holds, rule, "dbt", erasure, identity, year_folder)


_MARTS = (
    *(
        _mart(name, holds, AfterGraduation(), _REBUILT, year_folder)
        for name, holds, year_folder in (
            ("weekly_student_behavior", "A student's week", "iso_week="),
            ("weekly_student_trends", "Where a student's weeks go", "iso_week="),
            ("early_warnings", "Rules that a student's week meets", "iso_week="),
            ("student_period_grades", "A student's grades beside the behaviour", "year="),
        )
    ),
    *(
        _mart(name, holds, Days(3653))
        for name, holds in (
            ("weekly_school_behavior", "A school's week, counts only"),
            ("weekly_cohort_behavior", "A cohort's week, counts only"),
            ("weekly_class_behavior", "A class's week, counts only"),
            ("school_weeks", "Which weeks had school"),
            ("late_changes", "What a school changed of a week that was final, counts only"),
            ("public_weekly_cohort_behavior", "What is published of a cohort's week"),
        )
    ),
)

_ANSWER = Erasure(Find.STUDENT_KEY, Removal.DELETE_ANSWERS)

_RESULTS = (
    _objects("RESULTS", "analysts/", "Answers to analysts' queries", Days(7), "adapters.athena", _ANSWER),
    _objects("RESULTS", "schools/", "Answers to schools' queries", Days(7), "adapters.athena", _ANSWER),
    _objects("RESULTS", "engineers/", "Answers to engineers' queries", Days(7), "adapters.athena", _ANSWER),
    _objects("RESULTS", "jobs/", "Answers to the jobs' queries", Days(7), "adapters.athena", _ANSWER),
    _objects("RESULTS", "dbt/", "What dbt asks of Athena", Days(7), "pipelines.trends", _ANSWER),
    _objects("RESULTS", "dbt-tmp/", "Weeks that dbt is building", Days(7), "pipelines.trends", _ANSWER),
)

_REPORTS = (
    _objects(
        "REPORTS",
        "quality/",
        "The gate's reports: counts by rule",
        Days(400),
        "pipelines.load.quality_reports",
        NOBODY,
        Identity.NOBODY,
    ),
    _objects(
        "REPORTS",
        "government/reconciliation/",
        "Differences of the books: ids of lines",
        Days(400),
        "lambdas.sync_reconciler",
        NOBODY,
        Identity.NOBODY,
    ),
    _objects(
        "REPORTS",
        "retention/",
        "The retention audits: counts and bytes",
        Days(400),
        "pipelines.audits",
        NOBODY,
        Identity.NOBODY,
    ),
    _objects(
        *("REPORTS", "trends/", "What runs of the trends built and tested: counts, seconds", Days(400)),
        "pipelines.trends",
        NOBODY,
        Identity.NOBODY,
    ),
    _objects(
        *("REPORTS", "completeness/", "The accounts of days: counts by school", Days(400)),
        "pipelines.audits.completeness",
        NOBODY,
        Identity.NOBODY,
    ),
)

OBJECTS = (*_LANDING, *_AUDITS, *_ERASURES, *_LAKE, *_MARTS, *_RESULTS, *_REPORTS)
