"""The evaluator against two others: moto's, and the few lines of the documented logic written again.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html. moto's
(`moto.iam.access_control`) knows no `?` and no conditions of identity policies, so it is asked without.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from moto.iam.access_control import IAMPolicy, PermissionResult

from infra.local.iam.policies import Decision, Request, decide, policy

pytestmark = pytest.mark.property

ACTIONS = ["s3:get", "s3:put", "s3:getversion", "sqs:send"]
RESOURCES = ["arn:a", "arn:a/b", "arn:a/b/c", "arn:ab"]
ACTION_PATTERNS = [*ACTIONS, "*", "s3:*", "s3:get*", "*:send", "s3:*version"]
RESOURCE_PATTERNS = [*RESOURCES, "*", "arn:*", "arn:a/*", "*b", "arn:a*c"]
ONE_CHARACTER = ["s3:?et", "???:send", "arn:a?b", "arn:?", "arn:a??"]
VALUES = ["TENANT#1#A", "TENANT#12#A", "TENANT#1", "x", "*"]
VALUE_PATTERNS = [*VALUES, "TENANT#1#*", "TENANT#*#A", "?", "*#A"]

Document = dict[str, Any]


def some(values: Sequence[str]) -> st.SearchStrategy[list[str]]:
    return st.lists(st.sampled_from(values), min_size=1, max_size=3)


def documents(statement: st.SearchStrategy[Document]) -> st.SearchStrategy[list[Document]]:
    one = st.lists(statement, min_size=1, max_size=4).map(
        lambda found: {"Version": "2012-10-17", "Statement": found}
    )
    return st.lists(one, max_size=3)


plain = st.fixed_dictionaries(
    {
        "Effect": st.sampled_from(["Allow", "Allow", "Deny"]),
        "Action": some(ACTION_PATTERNS),
        "Resource": some(RESOURCE_PATTERNS),
    }
)
operators = st.sampled_from(
    [
        *("StringEquals", "StringLike", "StringNotEquals", "StringNotLike", "StringEqualsIfExists"),
        "StringNotLikeIfExists",
    ]
)
single = st.tuples(operators, st.just("k:one"), some(VALUE_PATTERNS))
many = st.tuples(
    st.sampled_from(
        [
            f"{how}:{what}"
            for how in ("ForAllValues", "ForAnyValue")
            for what in ("StringLike", "StringNotEquals")
        ]
    ),
    st.just("k:many"),
    some(VALUE_PATTERNS),
)
absent = st.tuples(st.just("Null"), st.sampled_from(["k:one", "k:many"]), st.sampled_from(["true", "false"]))
conditions = st.lists(single | many | absent, max_size=3).map(
    lambda found: {operator: {key: value} for operator, key, value in found}
)
conditioned = st.fixed_dictionaries(
    {
        "Effect": st.sampled_from(["Allow", "Allow", "Deny"]),
        "Action": some([*ACTION_PATTERNS, *ONE_CHARACTER]),
        "Resource": some([*RESOURCE_PATTERNS, *ONE_CHARACTER]),
        "Condition": conditions,
    }
)
contexts = st.fixed_dictionaries(
    {},
    optional={
        "k:one": st.sampled_from(VALUES),
        "k:many": st.lists(st.sampled_from(VALUES), min_size=1, max_size=3).map(tuple),
    },
)
asked = st.tuples(st.sampled_from(ACTIONS), st.sampled_from(RESOURCES))


def describes(pattern: str, text: str) -> bool:
    """`*` and `?`, by trying every length that `*` can have."""
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(describes(pattern[1:], text[cut:]) for cut in range(len(text) + 1))
    return bool(text) and pattern[0] in {"?", text[0]} and describes(pattern[1:], text[1:])


def holds(operator: str, expected: str | list[str], values: tuple[str, ...] | None) -> bool:
    """One condition, as the page on its operators says it."""
    if operator == "Null":
        return (values is None) == (expected == "true")
    quantifier, _, name = operator.rpartition(":")
    if values is None:
        lenient = "Not" in name or name.endswith("IfExists")
        return {"": lenient, "ForAllValues": True, "ForAnyValue": False}[quantifier]
    alike = describes if "Like" in name else str.__eq__
    right = [any(alike(each, value) for each in expected) != ("Not" in name) for value in values]
    return any(right) if quantifier == "ForAnyValue" else all(right)


def as_documented(found: list[Document], action: str, resource: str, context: dict[str, Any]) -> Decision:
    """A deny that applies decides; else an allow that applies; else nothing does."""
    effects = {
        statement["Effect"]
        for each in found
        for statement in each["Statement"]
        if any(describes(pattern, action) for pattern in statement["Action"])
        and any(describes(pattern, resource) for pattern in statement["Resource"])
        and all(
            holds(operator, expected, (value,) if isinstance(value := context.get(key), str) else value)
            for operator, keys in statement["Condition"].items()
            for key, expected in keys.items()
        )
    }
    return Decision.DENY if "Deny" in effects else Decision.ALLOW if effects else Decision.NOTHING


@settings(max_examples=100, deadline=None)
@given(documents(plain), asked)
def test_it_decides_as_moto_does(found: list[Document], question: tuple[str, str]) -> None:
    theirs = {
        IAMPolicy({"policy_document": json.dumps(each)}).is_action_permitted(*question) for each in found
    }
    expected = (
        Decision.DENY
        if PermissionResult.DENIED in theirs
        else Decision.ALLOW
        if PermissionResult.PERMITTED in theirs
        else Decision.NOTHING
    )
    assert decide(Request(*question), [policy(each) for each in found]) is expected


@settings(max_examples=200, deadline=None)
@given(documents(conditioned), asked, contexts)
def test_it_decides_as_documented(
    found: list[Document], question: tuple[str, str], context: dict[str, Any]
) -> None:
    request = Request(*question, context, lambda key: key.startswith("k:"))
    assert decide(request, [policy(each) for each in found]) is as_documented(found, *question, context)


@settings(max_examples=60, deadline=None)
@given(documents(conditioned), documents(conditioned), asked, contexts)
def test_a_second_layer_can_only_take_away(
    found: list[Document], bounds: list[Document], question: tuple[str, str], context: dict[str, Any]
) -> None:
    request = Request(*question, context, lambda key: key.startswith("k:"))
    identity, boundary = [policy(each) for each in found], [policy(each) for each in bounds]
    allowed = decide(request, identity, boundary) is Decision.ALLOW
    each_alone = {decide(request, layer) for layer in (identity, boundary)}
    assert allowed is (each_alone == {Decision.ALLOW})
