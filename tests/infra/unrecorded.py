"""Rights that no recorded call uses, each with the reason why its role has it nevertheless."""

from __future__ import annotations

from typing import NamedTuple


class Reason(NamedTuple):
    """Why a role has rights that no test has been seen to use.

    Attributes:
        roles: Whose; empty for every role.
        actions: Which; empty for all of the roles'.
        why: In words.
        calls: Where our code makes the call, as `path:method`: the test looks whether it still does. Empty
            where not our code makes it.
    """

    roles: tuple[str, ...]
    actions: tuple[str, ...]
    why: str
    calls: tuple[str, ...] = ()

    def speaks_of(self, role: str, action: str) -> bool:
        """Whether it is about a role's right."""
        return (not self.roles or role in self.roles) and (not self.actions or action in self.actions)


FUNCTIONS = (
    *("BehaviorWriterRole", "GovernmentSenderRole", "GovernmentSyncRole", "GradeConsolidatorRole"),
    *("GradeDispatcherRole", "LakeEnricherRole", "RetentionRollerRole", "SyncReconcilerRole"),
)

REASONS = [
    Reason(
        ("GovernmentMachineRole", "LoadMachineRole"),
        (),
        "Step Functions acts; test_state_machines.py derives what each step needs",
    ),
    Reason(
        ("GovernmentScheduleRole", "LoadScheduleRole", "NightsRole", "RetentionScheduleRole"),
        (),
        "EventBridge Scheduler acts: it starts the one target and keeps what fails",
    ),
    Reason(("PipeRole",), (), "EventBridge Pipes acts: source, enrichment, target, dead letters"),
    Reason(
        ("DeliveryRole",),
        (),
        "Firehose acts: https://docs.aws.amazon.com/firehose/latest/dev/controlling-access.html",
    ),
    Reason(("GatewayRole",), (), "API Gateway acts: it sends to the one queue"),
    Reason(("LoadExecutionRole",), (), "ECS acts: it pulls the image and opens the log"),
    Reason(FUNCTIONS, ("logs:CreateLogStream", "logs:PutLogEvents"), "Lambda writes the function's log"),
    Reason(FUNCTIONS, ("xray:PutTelemetryRecords", "xray:PutTraceSegments"), "Lambda sends the traces"),
    Reason(
        ("BehaviorWriterRole", "GradeConsolidatorRole"),
        ("sqs:DeleteMessage", "sqs:GetQueueAttributes", "sqs:ReceiveMessage"),
        "Lambda polls the function's queue",
    ),
    Reason((), ("kms:Decrypt", "kms:Encrypt"), "Parameter Store opens and seals in the caller's name"),
    Reason((), ("s3:AbortMultipartUpload",), "a large object's upload that fails is ended by the SDK"),
]


def excepted(role: str, action: str) -> bool:
    """Whether a right that no test was seen to use has a reason."""
    return any(reason.speaks_of(role, action) for reason in REASONS)
