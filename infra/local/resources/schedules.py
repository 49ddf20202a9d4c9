"""EventBridge Scheduler's schedules, noted in the plan for our own clock to play."""

from __future__ import annotations

from datetime import UTC, datetime

from infra.local.declarations import ScheduleDeclaration
from infra.local.resources.declared import Declared
from infra.local.resources.maker import Workshop
from infra.local.schedule_expressions import ScheduleExpressionError, times
from infra.local.templates import Made, TemplateError


def schedule(shop: Workshop, declared: Declared, logical_id: str) -> Made:
    """AWS::Scheduler::Schedule."""
    name = declared.take("Name", logical_id)
    group = declared.take("GroupName", "default")
    arn = shop.arn("scheduler", f"schedule/{group}/{name}")
    expression, zone = declared.take("ScheduleExpression"), declared.take("ScheduleExpressionTimezone", "UTC")
    enabled = declared.take("State", "ENABLED") == "ENABLED"
    declared.without_effect("Description", "KmsKeyArn")
    # A machine has one schedule of a kind: there is no rush to spread.
    declared.without_effect("FlexibleTimeWindow")
    target = declared.part("Target")
    declared.done()
    try:
        next(times(expression, zone, datetime.now(UTC)))
    except ScheduleExpressionError as wrong:
        raise TemplateError(f"{declared.place}.ScheduleExpression: {wrong}") from wrong
    shop.plan.schedules.append(
        ScheduleDeclaration(
            name=name,
            expression=expression,
            time_zone=zone,
            target_arn=target.take("Arn"),
            input=target.take("Input", "{}"),
            enabled=enabled,
            task_definition_arn=_task(target),
        )
    )
    # Who may call is the role's to say, which the local runtime does not ask; a failed call is logged.
    target.without_effect("RoleArn", "RetryPolicy", "DeadLetterConfig")
    target.done()
    return Made(name, {"Arn": arn})


def _task(target: Declared) -> str | None:
    """The task definition of a target that is a cluster."""
    if (given := target.take("EcsParameters", None)) is None:
        return None
    task = Declared(f"{target.place}.EcsParameters", given)
    arn: str = task.take("TaskDefinitionArn")
    task.only("LaunchType", "FARGATE")
    task.only("TaskCount", 1)
    # A process of this machine is in this machine's network.
    task.without_effect("NetworkConfiguration", "PlatformVersion", "PropagateTags", "Tags")
    task.done()
    return arn
