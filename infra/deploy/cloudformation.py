"""One stack of CloudFormation: its change set, its making, its end, and why it failed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from botocore.exceptions import ClientError

# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/cloudformation-limits.html
LARGEST_BODY = 51_200  # bytes of a template that travels in the request
_CAPABILITIES = ["CAPABILITY_NAMED_IAM", "CAPABILITY_AUTO_EXPAND"]  # named roles; the SAM transform
_NOTHING = ("didn't contain changes", "No updates are to be performed")
# What holds data, or opens them: losing one is not mended by deploying again.
_PRECIOUS = {"AWS::DynamoDB::Table", "AWS::S3::Bucket", "AWS::KMS::Key", "AWS::SecretsManager::Secret"}
_PAUSE = 3.0  # seconds between two looks


class DeployError(RuntimeError):
    """A stack could not be made, or may not be changed so."""


@dataclass(frozen=True)
class Change:
    """What a change set does to one resource.

    Attributes:
        action: `Add`, `Modify` or `Remove`.
        replaced: It becomes another resource, and the former one goes.
    """

    action: str
    logical_id: str
    type: str
    replaced: bool

    @property
    def loses(self) -> bool:
        """Whether data, or what opens them, would be gone or out of reach."""
        return self.type in _PRECIOUS and (self.action == "Remove" or self.replaced)


@dataclass(frozen=True)
class ChangeSet:
    """What deploying a stack would change; nothing, if there are no changes.

    Attributes:
        name: None where nothing changes.
        creates: Whether the stack is new.
    """

    stack: str
    name: str | None
    creates: bool
    changes: tuple[Change, ...]


class CloudFormation:
    """The stacks of one region.

    Args:
        client: boto3's client.
        pause: Waits so many seconds.
    """

    def __init__(self, client: Any, pause: Callable[[float], object] = time.sleep) -> None:
        self._client, self._pause = client, pause

    def described(self, stack: str) -> dict[str, Any] | None:
        """What CloudFormation says of a stack; None if there is none."""
        try:
            found: dict[str, Any] = self._client.describe_stacks(StackName=stack)["Stacks"][0]
        except ClientError as error:
            if "does not exist" in str(error):
                return None
            raise
        return found

    def outputs(self, stack: str) -> dict[str, str]:
        """A stack's outputs; none if it is not there."""
        found = self.described(stack) or {}
        return {each["OutputKey"]: each["OutputValue"] for each in found.get("Outputs", [])}

    def change_set(
        self,
        stack: str,
        body: str,
        url: str | None,
        parameters: Mapping[str, str | None],
        tags: Mapping[str, str],
    ) -> ChangeSet:
        """Asks what deploying a template would change. Nothing changes yet.

        Args:
            stack: Its name.
            body: The template.
            url: Where it lies in S3; used when the body is too large for a request.
            parameters: Of the template; None leaves a parameter as it is in the stack.
            tags: Of the stack and all of its resources.

        Raises:
            DeployError: The stack is busy or broken, or the template is refused.
        """
        found = self.described(stack)
        creates = self._ready(stack, found)
        if creates and (missing := sorted(name for name, value in parameters.items() if value is None)):
            raise DeployError(
                f"{stack}: {', '.join(missing)} has no value yet: say --set {missing[0]}=… once, it is "
                "remembered; or write it into the stage's file"
            )
        name = f"deploy-{datetime.now(UTC):%Y%m%d-%H%M%S-%f}"
        template = {"TemplateBody": body}
        if len(body.encode()) > LARGEST_BODY:
            assert url is not None
            template = {"TemplateURL": url}
        self._client.create_change_set(
            StackName=stack,
            ChangeSetName=name,
            ChangeSetType="CREATE" if creates else "UPDATE",
            Capabilities=_CAPABILITIES,
            Parameters=[
                {"ParameterKey": key, "UsePreviousValue": True}
                if value is None
                else {"ParameterKey": key, "ParameterValue": value}
                for key, value in sorted(parameters.items())
            ],
            Tags=[{"Key": key, "Value": value} for key, value in sorted(tags.items())],
            **template,
        )
        return self._awaited(stack, name, creates)

    def _ready(self, stack: str, found: dict[str, Any] | None) -> bool:
        """Whether the stack is new; raises where it can be neither made nor changed."""
        status = "REVIEW_IN_PROGRESS" if found is None else found["StackStatus"]
        if status == "REVIEW_IN_PROGRESS":  # a change set was made and never executed: there is nothing
            return True
        if status in {"ROLLBACK_COMPLETE", "ROLLBACK_FAILED", "CREATE_FAILED"}:
            raise DeployError(
                f"{stack} is {status}: it was never made whole ({self._reason(stack)}). Remove what is left, "
                f"`aws cloudformation delete-stack --stack-name {stack}`, and deploy again"
            )
        if status.endswith("_IN_PROGRESS"):
            raise DeployError(f"{stack} is {status}: another deployment is under way; wait for its end")
        if status.endswith("_FAILED"):
            raise DeployError(
                f"{stack} is {status}: {self._reason(stack)}. Mend that, then `aws cloudformation "
                f"continue-update-rollback --stack-name {stack}`, and deploy again"
            )
        return False

    def _awaited(self, stack: str, name: str, creates: bool) -> ChangeSet:
        changes: list[Change] = []
        request: dict[str, Any] = {"StackName": stack, "ChangeSetName": name}
        while True:
            told = self._client.describe_change_set(**request)
            if told["Status"] in {"CREATE_PENDING", "CREATE_IN_PROGRESS"}:
                self._pause(_PAUSE)
                continue
            if told["Status"] == "FAILED":
                self._client.delete_change_set(StackName=stack, ChangeSetName=name)
                if any(words in told.get("StatusReason", "") for words in _NOTHING):
                    return ChangeSet(stack, None, creates, ())
                raise DeployError(f"{stack}: CloudFormation refuses it: {told.get('StatusReason')}")
            changes += [_change(each["ResourceChange"]) for each in told.get("Changes", [])]
            if "NextToken" not in told:
                return ChangeSet(stack, name, creates, tuple(changes))
            request["NextToken"] = told["NextToken"]

    def discard(self, change_set: ChangeSet) -> None:
        """Forgets a change set, and the empty stack that a new one's leaves."""
        if change_set.name is not None:
            self._client.delete_change_set(StackName=change_set.stack, ChangeSetName=change_set.name)
            if change_set.creates:
                self._client.delete_stack(StackName=change_set.stack)

    def execute(self, change_set: ChangeSet, *, replace_data: bool = False) -> str:
        """Makes the changes and waits for their end.

        Returns:
            `created`, `updated` or `unchanged`.

        Raises:
            DeployError: Data would be lost, or the stack was rolled back; it names the resource and why.
        """
        if change_set.name is None:
            return "unchanged"
        lost = [each for each in change_set.changes if each.loses]
        if lost and not replace_data:
            named = ", ".join(f"{each.logical_id} ({each.type})" for each in lost)
            self.discard(change_set)
            raise DeployError(
                f"{change_set.stack}: {named} would be removed or replaced, and its data left behind. "
                "Undo that change of the template, or say --replace-data"
            )
        self._client.execute_change_set(
            StackName=change_set.stack,
            ChangeSetName=change_set.name,
            # A table that a failed first attempt has made would be in the way of the second.
            **({"RetainExceptOnCreate": True} if change_set.creates else {}),
        )
        status = self._settled(change_set.stack)
        if status not in {"CREATE_COMPLETE", "UPDATE_COMPLETE"}:
            raise DeployError(
                f"{change_set.stack} is {status}: {self._reason(change_set.stack)}. What it was before is in "
                "force again; mend that and deploy again: stacks that are done stay as they are"
            )
        return "created" if change_set.creates else "updated"

    def delete(self, stack: str) -> bool:
        """Deletes a stack and waits; false if it was not there.

        Raises:
            DeployError: Something in it could not be deleted.
        """
        found = self.described(stack)
        if found is None:
            return False
        self._client.delete_stack(StackName=found["StackId"])
        status = self._settled(found["StackId"])
        if status != "DELETE_COMPLETE":
            raise DeployError(f"{stack} is {status}: {self._reason(stack)}. Mend that, then destroy again")
        return True

    def resources(self, stack: str) -> dict[str, tuple[str, str]]:
        """Type and physical id of a stack's resources, by logical id."""
        pages = self._client.get_paginator("list_stack_resources").paginate(StackName=stack)
        return {
            each["LogicalResourceId"]: (each["ResourceType"], each["PhysicalResourceId"])
            for page in pages
            for each in page["StackResourceSummaries"]
            if each.get("PhysicalResourceId")
        }

    def _settled(self, stack: str) -> str:
        while True:
            found = self.described(stack)
            status = "DELETE_COMPLETE" if found is None else str(found["StackStatus"])
            if not status.endswith("_IN_PROGRESS"):
                return status
            self._pause(_PAUSE)

    def _reason(self, stack: str) -> str:
        """The first failure of the last deployment: all later ones are its echo."""
        events = self._client.describe_stack_events(StackName=stack)["StackEvents"]
        first = None
        for event in events:  # newest first
            own = event.get("PhysicalResourceId") == event.get("StackId")
            if event["ResourceStatus"].endswith("_FAILED") and not own:
                first = event
            if own and event["ResourceStatus"] in {
                "CREATE_IN_PROGRESS",
                "UPDATE_IN_PROGRESS",
                "DELETE_IN_PROGRESS",
            }:
                break
        if first is None:
            return "no event of it names a failure"
        return (
            f"{first['LogicalResourceId']} ({first['ResourceType']}): "
            f"{first.get('ResourceStatusReason', 'no reason given').rstrip('.')}"
        )


def _change(told: dict[str, Any]) -> Change:
    return Change(
        told["Action"],
        told["LogicalResourceId"],
        told["ResourceType"],
        told.get("Replacement") in {"True", "Conditional"},
    )
