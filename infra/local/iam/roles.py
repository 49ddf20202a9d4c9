"""The roles of the account with their policies, learnt from the IAM requests that make them.

https://docs.aws.amazon.com/IAM/latest/APIReference/API_Operations.html
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from infra.local.iam.patterns import UnsupportedPolicyError
from infra.local.iam.policies import Policy, policy

Form = Mapping[str, str]
"""Parameters of a request in AWS's query protocol."""

_HARMLESS = ("Get", "List", "Simulate", "Generate", "Tag", "Untag")


@dataclass
class Role:
    """A role.

    Attributes:
        arn: Its name in policies.
        trust: Who may assume it.
        inline: By policy name.
        attached: ARNs of managed policies.
        boundary: ARN of the managed policy that bounds it.
    """

    arn: str
    trust: Policy
    inline: dict[str, Policy] = field(default_factory=dict)
    attached: set[str] = field(default_factory=set)
    boundary: str | None = None


class Roles:
    """All roles and managed policies.

    Args:
        account: Of the ARNs.
    """

    def __init__(self, account: str) -> None:
        self._account = account
        self._roles: dict[str, Role] = {}
        self._managed: dict[str, Policy] = {}

    def check(self, form: Form) -> None:
        """Reads the policies that a request brings, before the store takes it.

        Raises:
            UnsupportedPolicyError: One of them says what cannot be evaluated here.
        """
        for name in ("PolicyDocument", "AssumeRolePolicyDocument"):
            if name in form:
                policy(form[name])

    def learn(self, action: str, form: Form) -> None:
        """Takes note of an IAM request that the store has taken."""
        match action:
            case "CreateRole":
                self._create(form)
            case "DeleteRole":
                self._roles.pop(form["RoleName"], None)
            case "UpdateAssumeRolePolicy":
                self._role(form).trust = policy(form["PolicyDocument"])
            case "PutRolePolicy":
                self._role(form).inline[form["PolicyName"]] = policy(form["PolicyDocument"])
            case "DeleteRolePolicy":
                self._role(form).inline.pop(form["PolicyName"], None)
            case "AttachRolePolicy":
                self._role(form).attached.add(form["PolicyArn"])
            case "DetachRolePolicy":
                self._role(form).attached.discard(form["PolicyArn"])
            case "PutRolePermissionsBoundary":
                self._role(form).boundary = form["PermissionsBoundary"]
            case "DeleteRolePermissionsBoundary":
                self._role(form).boundary = None
            case "CreatePolicy":
                arn = f"arn:aws:iam::{self._account}:policy{form.get('Path', '/')}{form['PolicyName']}"
                self._managed[arn] = policy(form["PolicyDocument"])
            case "CreatePolicyVersion" if form.get("SetAsDefault", "").lower() == "true":
                self._managed[form["PolicyArn"]] = policy(form["PolicyDocument"])
            case "SetDefaultPolicyVersion":
                # Which document that is, the request does not say: from here on it allows nothing.
                self._managed.pop(form["PolicyArn"], None)

    def role(self, arn: str) -> Role | None:
        """The role of an ARN, if there is one."""
        return next((role for role in self._roles.values() if role.arn == arn), None)

    def layers(self, role: Role) -> list[list[Policy]]:
        """What must allow a request of a role: its policies, then its boundary.

        Raises:
            UnsupportedPolicyError: A managed policy is not known here, such as one of AWS's own.
        """
        identity = [*role.inline.values(), *(self._managed_policy(arn) for arn in sorted(role.attached))]
        return [identity, *([[self._managed_policy(role.boundary)]] if role.boundary else [])]

    def _create(self, form: Form) -> None:
        name = form["RoleName"]
        arn = f"arn:aws:iam::{self._account}:role{form.get('Path', '/')}{name}"
        trust = policy(form["AssumeRolePolicyDocument"])
        self._roles[name] = Role(arn, trust, boundary=form.get("PermissionsBoundary"))

    def _role(self, form: Form) -> Role:
        return self._roles[form["RoleName"]]

    def _managed_policy(self, arn: str) -> Policy:
        if arn not in self._managed:
            raise UnsupportedPolicyError(
                f"managed policy {arn}: its document is not known here; write an inline policy"
            )
        return self._managed[arn]
