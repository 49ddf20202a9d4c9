"""The policies of every role of the templates."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from infra.local.iam.policies import Policy, policy
from infra.local.templates import read_template

TEMPLATES = sorted(Path(__file__).parents[2].joinpath("infra").glob("*.yaml"))


def policies_of_roles(spelled: Callable[[Any], Any]) -> dict[str, list[Policy]]:
    """By `{template}:{logical id}`, what a role, or a policy that is added to one, says.

    Args:
        spelled: Puts values in for a template's intrinsic functions, as the test needs them.
    """
    found: dict[str, list[Policy]] = {}
    for path in TEMPLATES:
        for name, resource in read_template(path).resources.items():
            properties = spelled(resource.properties)
            if resource.type == "AWS::IAM::Role":
                documents = [each["PolicyDocument"] for each in properties.get("Policies", [])]
                policy(properties["AssumeRolePolicyDocument"])
            elif resource.type in {"AWS::IAM::RolePolicy", "AWS::IAM::Policy"}:
                documents = [properties["PolicyDocument"]]
            else:
                continue
            found[f"{path.name}:{name}"] = [policy(document) for document in documents]
    return found
