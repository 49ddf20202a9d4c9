"""ECS on Fargate: clusters by name, and task definitions of one container, noted for our own runner."""

from __future__ import annotations

from infra.local.declarations import ContainerDeclaration
from infra.local.resources.declared import Declared
from infra.local.resources.maker import Workshop
from infra.local.templates import Made, TemplateError


def cluster(shop: Workshop, declared: Declared, logical_id: str) -> Made:
    """AWS::ECS::Cluster: a name, for there is one machine."""
    name = declared.take("ClusterName", logical_id)
    declared.without_effect("ClusterSettings", "Tags", "CapacityProviders")
    declared.done()
    return Made(name, {"Arn": shop.arn("ecs", f"cluster/{name}")})


def task_definition(shop: Workshop, declared: Declared, logical_id: str) -> Made:
    """AWS::ECS::TaskDefinition of one container."""
    family = declared.take("Family", logical_id)
    arn = shop.arn("ecs", f"task-definition/{family}:1")
    role_arn = declared.take("TaskRoleArn")
    declared.only("NetworkMode", "awsvpc")
    declared.only("RequiresCompatibilities", ["FARGATE"])
    # A process of this machine has its processors, memory, disk and image.
    declared.without_effect("Cpu", "Memory", "RuntimePlatform", "ExecutionRoleArn", "Volumes", "Tags")
    containers = declared.take("ContainerDefinitions")
    declared.done()
    if len(containers) != 1:
        raise TemplateError(f"{declared.place}: {len(containers)} containers: one a task is run here")
    container = Declared(f"{declared.place}.ContainerDefinitions[0]", containers[0])
    name, command = container.take("Name"), container.take("Command")
    environment = {each["Name"]: str(each["Value"]) for each in container.take("Environment", [])}
    container.only("Essential", True)
    container.without_effect("Image", "LogConfiguration", "MountPoints", "ReadonlyRootFilesystem", "User")
    container.done()
    shop.plan.containers.append(ContainerDeclaration(family, arn, name, list(command), role_arn, environment))
    return Made(arn, {"TaskDefinitionArn": arn})
