"""Policy documents, and what they decide about one request: denied unless something allows it.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from infra.local.iam.conditions import Condition, conditions
from infra.local.iam.patterns import Context, UnsupportedPolicyError, matches

VERSION = "2012-10-17"
_ELEMENTS = {
    "Sid",
    "Effect",
    "Principal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
}


class Decision(Enum):
    """What the policies say."""

    ALLOW = "allow"
    DENY = "explicit deny"
    NOTHING = "no policy allows it"


@dataclass(frozen=True, slots=True)
class Request:
    """One authorisation question.

    Attributes:
        action: `dynamodb:GetItem`.
        resource: ARN.
        context: Condition keys in lower case.
        known: Whether the evaluator can compute a condition key for this kind of request.
    """

    action: str
    resource: str
    context: Context = field(default_factory=dict)
    known: Callable[[str], bool] = lambda key: False


@dataclass(frozen=True, slots=True)
class Statement:
    """One statement; an empty tuple means that the element is not there."""

    effect: str
    actions: tuple[str, ...]
    not_actions: tuple[str, ...]
    resources: tuple[str, ...]
    not_resources: tuple[str, ...]
    conditions: tuple[Condition, ...]
    principals: Mapping[str, tuple[str, ...]]

    def applies(self, request: Request) -> bool:
        """Whether it speaks about a request."""
        if self.actions and not self._has_action(self.actions, request):
            return False
        if self.not_actions and self._has_action(self.not_actions, request):
            return False
        if self.resources and not self._has_resource(self.resources, request):
            return False
        if self.not_resources and self._has_resource(self.not_resources, request):
            return False
        return all(condition.holds(request.context, request.known) for condition in self.conditions)

    @staticmethod
    def _has_action(patterns: tuple[str, ...], request: Request) -> bool:
        return any(matches(pattern, request.action, {}, ignore_case=True) for pattern in patterns)

    @staticmethod
    def _has_resource(patterns: tuple[str, ...], request: Request) -> bool:
        return any(matches(pattern, request.resource, request.context) for pattern in patterns)


Policy = tuple[Statement, ...]


def policy(document: str | Mapping[str, Any]) -> Policy:
    """Reads a policy document.

    Raises:
        UnsupportedPolicyError: It is no policy, or has an element or operator unknown here.
    """
    if isinstance(document, str):
        try:
            document = json.loads(document)
        except json.JSONDecodeError as error:
            raise UnsupportedPolicyError(f"the policy is not JSON: {error}") from error
    if not isinstance(document, Mapping) or document.get("Version") != VERSION:
        raise UnsupportedPolicyError(f"a policy says Version {VERSION!r}; older ones know no variables")
    return tuple(_statement(statement) for statement in _list(document.get("Statement")))


def _statement(element: Mapping[str, Any]) -> Statement:
    if unknown := set(element) - _ELEMENTS:
        raise UnsupportedPolicyError(f"statement elements {sorted(unknown)} are not understood")
    if element.get("Effect") not in {"Allow", "Deny"}:
        raise UnsupportedPolicyError(f"Effect {element.get('Effect')!r} is neither 'Allow' nor 'Deny'")
    if not element.get("Action") and not element.get("NotAction"):
        raise UnsupportedPolicyError("a statement has neither Action nor NotAction")
    return Statement(
        effect=element["Effect"],
        actions=_list(element.get("Action")),
        not_actions=_list(element.get("NotAction")),
        resources=_list(element.get("Resource")),
        not_resources=_list(element.get("NotResource")),
        conditions=tuple(conditions(element.get("Condition", {}))),
        principals=_principals(element.get("Principal", {})),
    )


def _principals(element: Any) -> dict[str, tuple[str, ...]]:
    if element == "*":
        return {"AWS": ("*",)}
    return {kind: _list(values) for kind, values in element.items()}


def _list(value: Any) -> tuple[Any, ...]:
    if value is None:
        return ()
    return tuple(value) if isinstance(value, list) else (value,)


def decide(request: Request, *layers: Sequence[Policy]) -> Decision:
    """Decides about one request.

    Args:
        request: The question.
        layers: Identity policies, then a permissions boundary and a session policy where there are
            any. Each layer must allow; a Deny in any of them wins.

    Raises:
        UnsupportedPolicyError: A condition needs what cannot be computed; the caller denies.
    """
    effects = [
        {statement.effect for document in layer for statement in document if statement.applies(request)}
        for layer in layers
    ]
    if any("Deny" in found for found in effects):
        return Decision.DENY
    return Decision.ALLOW if effects and all("Allow" in found for found in effects) else Decision.NOTHING


def trusts(trust: Policy, request: Request, principals: Iterable[str]) -> bool:
    """Whether a role's trust policy lets a principal take the action.

    Args:
        trust: The role's.
        request: With `sts:AssumeRole` or `sts:TagSession`; a trust policy names no resource.
        principals: The ARNs under which the caller is known: session, role, account.
    """
    names = set(principals)
    effects = {
        statement.effect
        for statement in trust
        if (names | {"*"}) & set(statement.principals.get("AWS", ())) and statement.applies(request)
    }
    return effects == {"Allow"}
