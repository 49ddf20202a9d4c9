from __future__ import annotations

from typing import Any

import pytest

from infra.local.iam import dynamodb, sessions
from infra.local.iam.patterns import UnsupportedPolicyError
from infra.local.iam.policies import Decision, Request, decide, policy, trusts

TABLE = "arn:aws:dynamodb:us-east-1:000000000000:table/luca-platform"
TENANT = {
    "Effect": "Allow",
    "Action": ["dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:Query"],
    "Resource": TABLE,
    "Condition": {
        "ForAllValues:StringLike": {"dynamodb:LeadingKeys": ["TENANT#${aws:PrincipalTag/school_id}#*"]}
    },
}
GUARD = {"Null": {"dynamodb:LeadingKeys": "false", "aws:PrincipalTag/school_id": "false"}}
GUARDED = {**TENANT, "Condition": {**TENANT["Condition"], **GUARD}}


def document(*statements: dict[str, Any]) -> Any:
    return policy({"Version": "2012-10-17", "Statement": list(statements)})


def asked(action: str, resource: str, keys: list[str] | None, tag: str | None) -> Request:
    context: dict[str, Any] = {}
    if keys is not None:
        context["dynamodb:leadingkeys"] = tuple(keys)
    if tag is not None:
        context["aws:principaltag/school_id"] = tag
    known = lambda key: dynamodb.known(key) or sessions.known(key)  # noqa: E731
    return Request(f"dynamodb:{action}", resource, context, known)


# what, action, resource, leading keys, tag, allowed without the Null guard, allowed with it
CASES = [
    ("own item", "GetItem", TABLE, ["TENANT#school_1#STUDENT#9"], "school_1", True, True),
    ("own put", "PutItem", TABLE, ["TENANT#school_1#X"], "school_1", True, True),
    ("own query", "Query", TABLE, ["TENANT#school_1#X"], "school_1", True, True),
    ("action in other case", "getitem", TABLE, ["TENANT#school_1#X"], "school_1", True, True),
    ("other school", "GetItem", TABLE, ["TENANT#school_2#X"], "school_1", False, False),
    ("school_12 for school_1", "GetItem", TABLE, ["TENANT#school_12#X"], "school_1", False, False),
    ("star in the key", "GetItem", TABLE, ["TENANT#*#X"], "school_1", False, False),
    ("question mark in the key", "GetItem", TABLE, ["TENANT#school_?#X"], "school_1", False, False),
    ("lower-case key", "GetItem", TABLE, ["tenant#school_1#x"], "school_1", False, False),
    ("key without its end", "GetItem", TABLE, ["TENANT#school_1"], "school_1", False, False),
    ("no keys, read", "GetItem", TABLE, None, "school_1", True, False),
    ("no keys, query", "Query", TABLE, None, "school_1", True, False),
    ("scan", "Scan", TABLE, None, "school_1", False, False),
    (
        "index without its resource",
        "Query",
        f"{TABLE}/index/pending",
        ["TENANT#school_1#X"],
        "school_1",
        False,
        False,
    ),
    (
        "one foreign key among two",
        "GetItem",
        TABLE,
        ["TENANT#school_1#X", "TENANT#school_2#X"],
        "school_1",
        False,
        False,
    ),
    ("no tag", "GetItem", TABLE, ["TENANT#school_1#X"], None, False, False),
    ("no tag, empty school", "GetItem", TABLE, ["TENANT##X"], None, False, False),
    ("no tag, no keys", "GetItem", TABLE, None, None, True, False),
    ("tag is a star", "GetItem", TABLE, ["TENANT#school_2#X"], "*", False, False),
    (
        "other table",
        "GetItem",
        TABLE.replace("luca-platform", "other"),
        ["TENANT#school_1#X"],
        "school_1",
        False,
        False,
    ),
]


@pytest.mark.parametrize(
    ("what", "action", "resource", "keys", "tag", "bare", "guarded"), CASES, ids=[c[0] for c in CASES]
)
def test_the_tenant_policy_decides_as_iam_does(
    what: str, action: str, resource: str, keys: list[str] | None, tag: str | None, bare: bool, guarded: bool
) -> None:
    request = asked(action, resource, keys, tag)
    assert (decide(request, [document(TENANT)]) is Decision.ALLOW) is bare
    assert (decide(request, [document(GUARDED)]) is Decision.ALLOW) is guarded


def test_nothing_is_allowed_by_nothing() -> None:
    request = asked("GetItem", TABLE, ["TENANT#school_1#X"], "school_1")
    assert decide(request) is Decision.NOTHING
    assert decide(request, []) is Decision.NOTHING


def test_a_deny_wins_over_every_allow() -> None:
    request = asked("GetItem", TABLE, ["TENANT#school_1#X"], "school_1")
    deny = document({"Effect": "Deny", "Action": "dynamodb:*", "Resource": "*"})
    assert decide(request, [document(GUARDED), deny]) is Decision.DENY
    assert decide(request, [document(GUARDED)], [deny]) is Decision.DENY


def test_boundary_and_session_policy_must_allow_too() -> None:
    request = asked("GetItem", TABLE, ["TENANT#school_1#X"], "school_1")
    reads = document({"Effect": "Allow", "Action": "dynamodb:Get*", "Resource": "*"})
    writes = document({"Effect": "Allow", "Action": "dynamodb:Put*", "Resource": "*"})
    assert decide(request, [document(GUARDED)], [reads]) is Decision.ALLOW
    assert decide(request, [document(GUARDED)], [reads], [writes]) is Decision.NOTHING


def test_not_action_and_not_resource_turn_a_statement_round() -> None:
    statement = {"Effect": "Allow", "NotAction": "dynamodb:Delete*", "NotResource": f"{TABLE}/index/*"}
    assert decide(asked("GetItem", TABLE, None, None), [document(statement)]) is Decision.ALLOW
    assert decide(asked("DeleteItem", TABLE, None, None), [document(statement)]) is Decision.NOTHING
    assert decide(asked("Query", f"{TABLE}/index/x", None, None), [document(statement)]) is Decision.NOTHING


@pytest.mark.parametrize(
    ("statement", "rule"),
    [
        ({"Condition": {"NumericLessThan": {"dynamodb:x": "1"}}}, "operator 'NumericLessThan'"),
        ({"Condition": {"ForSomeValues:StringLike": {"dynamodb:x": "1"}}}, "operator 'ForSomeValues"),
        ({"Condition": {"ForAllValues:Null": {"dynamodb:x": "true"}}}, "operator 'ForAllValues:Null'"),
        ({"Condition": {"stringequals": {"dynamodb:x": "1"}}}, "operator 'stringequals'"),
        ({"NotPrincipal": "*"}, "NotPrincipal"),
        ({"Effect": "Maybe"}, "Effect 'Maybe'"),
        ({"Action": None}, "neither Action nor NotAction"),
    ],
)
def test_what_is_not_understood_is_refused_when_it_is_read(statement: dict[str, Any], rule: str) -> None:
    with pytest.raises(UnsupportedPolicyError, match=rule):
        document({**TENANT, **statement})


@pytest.mark.parametrize(
    "text", ["{", "[]", '{"Version": "2008-10-17", "Statement": []}', '{"Statement": []}']
)
def test_a_policy_that_is_none_or_old_is_refused(text: str) -> None:
    with pytest.raises(UnsupportedPolicyError):
        policy(text)


@pytest.mark.parametrize(
    "condition",
    [
        {"StringNotEquals": {"aws:SourceVpc": "vpc-1"}},
        {"ForAllValues:StringEquals": {"dynamodb:FullTableScan": "false"}},
        {"StringLike": {"dynamodb:LeadingKeys": "${aws:userid}"}},
    ],
)
def test_a_key_that_cannot_be_computed_is_not_taken_for_an_absent_one(condition: dict[str, Any]) -> None:
    statement = {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": condition}
    with pytest.raises(UnsupportedPolicyError, match="cannot compute"):
        decide(asked("GetItem", TABLE, ["TENANT#school_1#X"], "school_1"), [document(statement)])


def test_several_values_need_a_quantifier() -> None:
    condition = {"StringLike": {"dynamodb:LeadingKeys": "TENANT#*"}}
    statement = {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": condition}
    with pytest.raises(UnsupportedPolicyError, match="ForAllValues or ForAnyValue"):
        decide(asked("GetItem", TABLE, ["TENANT#a", "TENANT#b"], None), [document(statement)])


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        ({"StringEquals": {"dynamodb:Select": ["COUNT", "SPECIFIC_ATTRIBUTES"]}}, True),
        ({"StringEquals": {"dynamodb:Select": "count"}}, False),
        ({"StringEqualsIgnoreCase": {"dynamodb:Select": "count"}}, True),
        ({"StringNotEquals": {"dynamodb:Select": "COUNT"}}, False),
        ({"StringNotEquals": {"dynamodb:ReturnValues": "ALL_OLD"}}, True),
        ({"StringEquals": {"dynamodb:ReturnValues": "ALL_OLD"}}, False),
        ({"StringEqualsIfExists": {"dynamodb:ReturnValues": "ALL_OLD"}}, True),
        ({"ForAnyValue:StringLike": {"dynamodb:LeadingKeys": "*#b"}}, True),
        ({"ForAnyValue:StringLike": {"dynamodb:Attributes": "*"}}, False),
        ({"ForAnyValue:StringNotEquals": {"dynamodb:Attributes": "x"}}, False),
        ({"ForAllValues:StringLike": {"dynamodb:Attributes": "x"}}, True),
        ({"ForAllValues:StringNotLike": {"dynamodb:LeadingKeys": "*#b"}}, False),
        ({"Null": {"dynamodb:Attributes": "true", "dynamodb:Select": "false"}}, True),
        ({"ArnLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/luca-*"}}, True),
        ({"ArnEquals": {"aws:PrincipalArn": "arn:*"}}, False),
        ({"ArnNotLike": {"aws:PrincipalArn": "arn:aws:iam::*:role/other"}}, True),
        ({"Bool": {"dynamodb:Select": "count"}}, True),
    ],
)
def test_operators_compare_as_in_iam(condition: dict[str, Any], expected: bool) -> None:
    context = {
        "dynamodb:select": "COUNT",
        "dynamodb:leadingkeys": ("TENANT#a", "TENANT#b"),
        "aws:principalarn": "arn:aws:iam::000000000000:role/luca-tenant",
    }
    request = Request("dynamodb:Query", TABLE, context, lambda key: True)
    statement = {"Effect": "Allow", "Action": "*", "Resource": "*", "Condition": condition}
    assert (decide(request, [document(statement)]) is Decision.ALLOW) is expected


def test_a_trust_policy_lets_in_whom_it_names_for_what_it_names() -> None:
    trust = document(
        {
            "Effect": "Allow",
            "Principal": {"AWS": "arn:aws:iam::000000000000:role/container"},
            "Action": ["sts:AssumeRole", "sts:TagSession"],
            "Condition": {"StringLike": {"aws:RequestTag/school_id": "?*"}},
        }
    )
    tagged = {"aws:requesttag/school_id": "school_1"}
    request = Request("sts:TagSession", "arn:role", tagged, sessions.known)
    assert trusts(trust, request, ["arn:aws:iam::000000000000:role/container"])
    assert not trusts(trust, request, ["arn:aws:iam::000000000000:role/other"])
    assert not trusts(
        trust,
        Request("sts:AssumeRole", "arn:role", {}, sessions.known),
        ["arn:aws:iam::000000000000:role/container"],
    )
