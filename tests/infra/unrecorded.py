"""Rights that no recorded call uses, each with the reason why its role has it nevertheless."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase


@dataclass(frozen=True)
class Reason:
    """Why roles have rights that no test has been seen to use.

    Attributes:
        why: In words.
        roles: Whose; empty for every role.
        actions: Which, with wildcards; empty for all of the roles'.
        resources: Only on these, with wildcards; empty for any.
        called: Where our code makes the call, as `path:method`; a test looks whether it still does. Empty
            where it is not our code that calls.
    """

    why: str
    roles: tuple[str, ...] = ()
    actions: tuple[str, ...] = ()
    resources: tuple[str, ...] = ()
    called: str = ""

    def speaks_of(self, role: str, action: str, resources: Sequence[str] | None = None) -> bool:
        """Whether it is about a right, on one of the resources if they are given."""
        return (
            (not self.roles or role in self.roles)
            and (not self.actions or any(fnmatchcase(action, each) for each in self.actions))
            and (
                resources is None
                or not self.resources
                or any(fnmatchcase(arn, each) for arn in resources for each in self.resources)
            )
        )


ASKING_ATHENA = (
    *("luca-completeness", "luca-jobs", "luca-keyholder", "luca-operator", "luca-profiles", "luca-quality"),
    *("luca-rehome", "luca-retention-audit", "luca-tracer"),
)
LAKE = ("arn:aws:s3:::luca-lake-*/*", "arn:aws:s3:::luca-landing-*/*")
ANSWERS = ("arn:aws:s3:::luca-results-*/jobs/*",)
OF_A_RUN_THAT_DIED = "what a killed rewrite left behind; tests/pipelines/partitions kills it, without roles"

REASONS = [
    # AWS itself acts under the role.
    Reason(
        "Step Functions acts; test_state_machines.py derives what each step needs, and allows no more",
        roles=("GovernmentMachineRole", "LoadMachineRole", "TrendsMachineRole"),
    ),
    Reason(
        "EventBridge Scheduler acts: it starts its one target and keeps what fails",
        roles=(
            *("CompletenessScheduleRole", "GovernmentScheduleRole", "LoadScheduleRole", "NightsRole"),
            *("MaintenanceScheduleRole", "MorningRole", "RetentionAuditScheduleRole"),
            *("RetentionScheduleRole", "TrendsScheduleRole"),
        ),
    ),
    Reason("EventBridge Pipes acts: source, enrichment, target, dead letters", roles=("PipeRole",)),
    Reason(
        "Firehose acts: https://docs.aws.amazon.com/firehose/latest/dev/controlling-access.html",
        roles=("DeliveryRole",),
    ),
    Reason("API Gateway acts: it sends to one queue", roles=("GatewayRole",)),
    Reason(
        "ECS acts: it pulls the image and opens the log",
        roles=("LoadExecutionRole", "ServiceExecutionRole"),
    ),
    Reason("Lambda writes the function's log", actions=("logs:CreateLogStream", "logs:PutLogEvents")),
    Reason(
        "Lambda sends the traces",
        actions=("xray:PutTelemetryRecords", "xray:PutTraceSegments"),
    ),
    Reason(
        "Lambda polls the function's queue",
        roles=("BehaviorWriterRole", "GradeConsolidatorRole"),
        actions=("sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"),
    ),
    Reason("Parameter Store opens and seals in the caller's name", actions=("kms:Decrypt", "kms:Encrypt")),
    # Athena acts in the name of who asks; the local Athena reads with the operator's key.
    Reason(
        "Athena reads the catalog in the caller's name",
        roles=ASKING_ATHENA,
        actions=("glue:GetDatabase", "glue:GetPartition", "glue:GetPartitions", "glue:GetTable"),
    ),
    Reason("Athena reads rows in the caller's name", ASKING_ATHENA, ("s3:GetObject",), LAKE),
    Reason("Athena writes the answer in the caller's name", ASKING_ATHENA, ("s3:PutObject",), ANSWERS),
    Reason(
        "Athena finds the answers' bucket, and lists what it reads, in the caller's name",
        actions=("s3:GetBucketLocation",),
    ),
    Reason(
        "Athena lists what it reads in the caller's name",
        roles=("luca-keyholder", "luca-profiles", "luca-quality"),
        actions=("s3:ListBucket",),
    ),
    Reason("PyAthena cancels the query of a run that is interrupted", actions=("athena:StopQueryExecution",)),
    # Work of other people's code, in processes where no call is read.
    Reason(
        "dbt-athena asks, in a process of its own: tests/e2e/test_the_way.py runs it under the role",
        roles=("luca-dbt",),
        actions=("athena:*", "glue:*", "s3:*"),
    ),
    Reason(
        "people ask Athena by tools of their own; tests of these roles ask the evaluator",
        roles=("luca-analyst", "luca-engineer", "luca-school-analyst"),
    ),
    Reason("the SDK ends a large object's upload that fails", actions=("s3:AbortMultipartUpload",)),
    # Our code, on ways that need what the local cloud has not, or a fault at the right moment.
    Reason(
        "the key by which erased students are known is read once the school has one",
        roles=("BehaviorWriterRole", "LakeEnricherRole", "luca-profiles"),
        actions=("ssm:GetParameter",),
        called="adapters/tombstones.py:get_parameter",
    ),
    Reason(
        "the page is made of the days before, too: tests/pipelines/quality/test_daily.py, without roles",
        roles=("luca-quality",),
        actions=("s3:GetObject",),
        resources=("arn:aws:s3:::luca-reports-*/quality/*",),
        called="pipelines/quality/kept.py:read",
    ),
    Reason(
        "Great Expectations asks for a view and its columns: tests/pipelines/quality, without roles",
        roles=("luca-quality",),
        actions=("athena:GetTableMetadata", "athena:ListTableMetadata", "glue:*Table", "glue:GetTables"),
    ),
    Reason(
        "a batch that the government has in part is turned to its receipt: tests/sync, without roles",
        roles=("GovernmentSenderRole",),
        actions=("dynamodb:DeleteItem", "dynamodb:PutItem"),
        called="lambdas/government_sender.py:turn_to",
    ),
    Reason(
        "a consolidator whose time runs out sends the rest of its order: tests/lambdas, without roles",
        roles=("GradeConsolidatorRole",),
        actions=("sqs:SendMessage",),
        called="lambdas/grade_consolidator.py:send_orders",
    ),
    Reason(
        "DynamoDB exports, which the local store cannot: tests/adapters read a made one",
        roles=("luca-completeness",),
        actions=("dynamodb:ExportTableToPointInTime", "s3:PutObject", "s3:GetObject"),
        resources=("arn:aws:dynamodb:*:table/luca-platform", "arn:aws:s3:::luca-exports-*"),
        called="adapters/store_exports.py:export_table_to_point_in_time",
    ),
    Reason(
        "its end is awaited",
        roles=("luca-completeness",),
        actions=("dynamodb:DescribeExport",),
        called="adapters/store_exports.py:describe_export",
    ),
    Reason(
        "messages that were looked at are shown again; the audit's test has none",
        roles=("luca-completeness",),
        actions=("sqs:ChangeMessageVisibility",),
        called="adapters/queues.py:change_message_visibility_batch",
    ),
    Reason(
        "an object of which nothing is left, and older versions: tests/pipelines/erasure, without roles",
        roles=("luca-erasure",),
        actions=("s3:DeleteObject", "s3:DeleteObjectVersion", "s3:GetObjectVersion"),
        called="adapters/object_versions.py:delete_object",
    ),
    Reason(
        OF_A_RUN_THAT_DIED,
        roles=("luca-erasure", "luca-maintenance", "luca-rehome", "luca-operator", "luca-rebuilder"),
        actions=("s3:GetObject",),
        resources=("arn:aws:s3:::luca-lake-*/rewrites/*",),
        called="adapters/rewrites.py:read",
    ),
    Reason(
        OF_A_RUN_THAT_DIED,
        roles=("luca-operator", "luca-rebuilder", "luca-rehome"),
        actions=("s3:DeleteObject",),
        called="pipelines/partitions/settling.py:delete",
    ),
    Reason(
        "the local cloud writes no exports, and the rebuild's test has nothing in quarantine",
        roles=("luca-rebuilder",),
        actions=("s3:GetObject",),
        resources=("arn:aws:s3:::luca-exports-*/*", "arn:aws:s3:::luca-lake-*/quarantine/*"),
        called="adapters/lake.py:get_object",
    ),
    Reason(
        "a partition that Glue has lost: tests/pipelines/replay, without roles",
        roles=("luca-rebuilder",),
        actions=("glue:BatchCreatePartition",),
        called="adapters/catalog.py:batch_create_partition",
    ),
    Reason(
        OF_A_RUN_THAT_DIED,
        roles=("luca-erasure", "luca-maintenance"),
        actions=("glue:BatchCreatePartition", "glue:GetPartitions"),
        called="pipelines/partitions/settling.py:move_partition",
    ),
    Reason(
        "`luca keys list` and `luca keys history` read it",
        roles=("luca-keyholder",),
        actions=("dynamodb:Query",),
        called="adapters/key_history.py:items",
    ),
    Reason(
        "without --school, rehoming asks which schools there are",
        roles=("luca-rehome",),
        actions=("dynamodb:Query",),
        called="pipelines/cli/retention.py:school_ids",
    ),
]


def excepted(role: str, action: str, resources: Sequence[str] | None = None) -> bool:
    """Whether a right that no test was seen to use has a reason.

    Args:
        role: Name in the templates, or in the local cloud.
        action: Such as `sqs:SendMessage`.
        resources: Of the statement that gives it.
    """
    names = {role, role.removeprefix("luca-")}
    return any(reason.speaks_of(name, action, resources) for reason in REASONS for name in names)
