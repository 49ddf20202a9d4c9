"""CloudFormation as far as a deployment speaks with it: change sets, imports, outputs, failures, events.

moto's loses the outputs of stacks that change sets make, and cannot fail. Every request is held against the
service's own model. What it deploys is noted and not made.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any

from botocore.exceptions import ClientError
from botocore.session import Session
from botocore.validate import ParamValidator

_MODEL = Session().get_service_model("cloudformation")


@dataclass
class Made:
    """A stack: what it was made from and what it has become."""

    status: str
    template: dict[str, Any] = field(default_factory=dict)
    parameters: dict[str, str] = field(default_factory=dict)
    tags: list[dict[str, str]] = field(default_factory=list)
    resources: dict[str, dict[str, Any]] = field(default_factory=dict)
    outputs: dict[str, str] = field(default_factory=dict)
    events: list[dict[str, Any]] = field(default_factory=list)


class FakeCloudFormation:
    """One account's stacks; a region is one of these.

    Attributes:
        failing: Logical ids whose making fails, and why.
        replacing: Logical ids that a change of their properties replaces.
    """

    def __init__(self) -> None:
        self.stacks: dict[str, Made] = {}
        self.failing: dict[str, str] = {}
        self.replacing: set[str] = set()
        self.executed: list[dict[str, Any]] = []
        self._change_sets: dict[str, dict[str, Any]] = {}

    def __getattribute__(self, name: str) -> Any:
        found = object.__getattribute__(self, name)
        operation = "".join(part.title() for part in name.split("_"))
        if operation not in _MODEL.operation_names:
            return found

        def call(**request: Any) -> Any:
            shape = _MODEL.operation_model(operation).input_shape
            report = ParamValidator().validate(request, shape)
            assert not report.has_errors(), report.generate_report()
            return found(**request)

        return call

    def describe_stacks(self, StackName: str) -> dict[str, Any]:  # noqa: N803
        name, stack = self._found(StackName)
        return {
            "Stacks": [
                {
                    "StackName": name,
                    "StackId": f"arn:aws:cloudformation:x:0:stack/{name}/1",
                    "StackStatus": stack.status,
                    "Tags": stack.tags,
                    "Outputs": [{"OutputKey": k, "OutputValue": v} for k, v in stack.outputs.items()],
                }
            ]
        }

    def create_change_set(self, StackName: str, ChangeSetName: str, **request: Any) -> dict[str, Any]:  # noqa: N803
        creates = request["ChangeSetType"] == "CREATE"
        if creates:
            self.stacks.setdefault(StackName, Made("REVIEW_IN_PROGRESS"))
        _, stack = self._found(StackName)
        assert creates == (stack.status == "REVIEW_IN_PROGRESS"), stack.status
        template = json.loads(request["TemplateBody"])
        parameters = {
            each["ParameterKey"]: each.get("ParameterValue") or stack.parameters[each["ParameterKey"]]
            for each in request["Parameters"]
        }
        unknown = parameters.keys() - template.get("Parameters", {}).keys()
        assert not unknown, unknown
        for name, declared in template.get("Parameters", {}).items():
            parameters.setdefault(name, declared.get("Default"))
        resolved = {
            name: self._resolve(each.get("Properties", {}), parameters)
            for name, each in template["Resources"].items()
        }
        self._change_sets[ChangeSetName] = {
            "stack": StackName,
            "template": template,
            "parameters": parameters,
            "tags": request["Tags"],
            "resources": resolved,
            "creates": creates,
        }
        return {}

    def describe_change_set(self, StackName: str, ChangeSetName: str) -> dict[str, Any]:  # noqa: N803
        made = self._change_sets[ChangeSetName]
        before, after = self.stacks[StackName].resources, made["resources"]
        types = {
            **{name: each["Type"] for name, each in made["template"]["Resources"].items()},
            **{
                name: each["Type"]
                for name, each in self.stacks[StackName].template.get("Resources", {}).items()
            },
        }
        changes = [("Add", name, None) for name in after.keys() - before.keys()] + [
            ("Remove", name, None) for name in before.keys() - after.keys()
        ]
        changes += [
            ("Modify", name, "True" if name in self.replacing else "False")
            for name in after.keys() & before.keys()
            if after[name] != before[name]
        ]
        if not changes:
            reason = "The submitted information didn't contain changes. Submit different information."
            return {"Status": "FAILED", "StatusReason": reason}
        told = [
            {"Action": action, "LogicalResourceId": name, "ResourceType": types[name]}
            | ({"Replacement": replaced} if replaced else {})
            for action, name, replaced in sorted(changes, key=str)
        ]
        return {"Status": "CREATE_COMPLETE", "Changes": [{"ResourceChange": each} for each in told]}

    def delete_change_set(self, StackName: str, ChangeSetName: str) -> dict[str, Any]:  # noqa: N803
        assert self._change_sets.pop(ChangeSetName)["stack"] == StackName
        return {}

    def execute_change_set(self, StackName: str, ChangeSetName: str, **request: Any) -> dict[str, Any]:  # noqa: N803
        made, stack = self._change_sets.pop(ChangeSetName), self.stacks[StackName]
        self.executed.append({"StackName": StackName, **request})
        failed = [name for name in made["resources"] if name in self.failing]
        whole = {"ResourceStatus": "CREATE_IN_PROGRESS", "PhysicalResourceId": "s", "StackId": "s"}
        stack.events = [whole]
        if failed:
            echo = {
                "ResourceStatus": "CREATE_FAILED",
                "ResourceStatusReason": "Resource creation cancelled",
                "LogicalResourceId": "Other",
                "ResourceType": "A::B::C",
                "StackId": "s",
            }
            first = {
                **echo,
                "LogicalResourceId": failed[0],
                "ResourceType": made["template"]["Resources"][failed[0]]["Type"],
                "ResourceStatusReason": self.failing[failed[0]],
            }
            stack.events = [echo, first, whole]
            stack.status = "ROLLBACK_COMPLETE" if made["creates"] else "UPDATE_ROLLBACK_COMPLETE"
            return {}
        stack.status = "CREATE_COMPLETE" if made["creates"] else "UPDATE_COMPLETE"
        stack.template, stack.parameters, stack.tags = made["template"], made["parameters"], made["tags"]
        stack.resources = made["resources"]
        stack.outputs = {
            name: self._resolve(each["Value"], made["parameters"])
            for name, each in made["template"].get("Outputs", {}).items()
        }
        return {}

    def delete_stack(self, StackName: str) -> dict[str, Any]:  # noqa: N803
        name, stack = self._found(StackName)
        exported = {
            each["Export"]["Name"] for each in stack.template.get("Outputs", {}).values() if "Export" in each
        }
        for other in self.stacks.values():
            for export in exported:
                assert json.dumps({"Fn::ImportValue": export}) not in json.dumps(other.template), "in use"
        del self.stacks[name]
        return {}

    def describe_stack_events(self, StackName: str) -> dict[str, Any]:  # noqa: N803
        return {"StackEvents": self._found(StackName)[1].events}

    def get_paginator(self, operation: str) -> FakeCloudFormation:
        assert operation == "list_stack_resources"
        return self

    def paginate(self, StackName: str) -> list[dict[str, Any]]:  # noqa: N803
        _, stack = self._found(StackName)
        return [
            {
                "StackResourceSummaries": [
                    {
                        "LogicalResourceId": name,
                        "ResourceType": stack.template["Resources"][name]["Type"],
                        "PhysicalResourceId": said.get("TableName", name.lower()),
                    }
                    for name, said in stack.resources.items()
                ]
            }
        ]

    def _found(self, name: str) -> tuple[str, Made]:
        name = name.split("/")[1] if name.startswith("arn:") else name
        if name not in self.stacks:
            error = {"Error": {"Code": "ValidationError", "Message": f"Stack with id {name} does not exist"}}
            raise ClientError(error, "DescribeStacks")
        return name, self.stacks[name]

    def _resolve(self, value: Any, parameters: dict[str, str]) -> Any:
        if isinstance(value, list):
            return [self._resolve(each, parameters) for each in value]
        if not isinstance(value, dict):
            return value
        if "Ref" in value:
            return parameters.get(value["Ref"], value["Ref"].lower())
        if "Fn::GetAtt" in value:
            return ".".join(value["Fn::GetAtt"])
        if "Fn::ImportValue" in value:
            (found,) = [
                stack.outputs[name]
                for stack in self.stacks.values()
                for name, each in stack.template.get("Outputs", {}).items()
                if each.get("Export", {}).get("Name") == value["Fn::ImportValue"]
            ]
            return found
        return {key: self._resolve(each, parameters) for key, each in value.items()}
