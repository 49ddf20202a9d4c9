"""What no role of any template may do, whatever else it may."""

from __future__ import annotations

from typing import Any

import pytest

from infra.local.iam import dynamodb, sessions
from infra.local.iam.policies import Decision, Policy, Request, decide
from tests.infra.template_roles import policies_of_roles

TABLE = "arn:aws:dynamodb:us-east-1:000000000000:table/luca-platform"
IMPORTS = {"luca-TableArn": TABLE, "luca-LedgerArn": TABLE.replace("luca-platform", "luca-loads")}


def resolved(value: Any) -> Any:
    """A template's value with imports put in, and a name of no consequence for every other reference."""
    if isinstance(value, list):
        return [resolved(each) for each in value]
    if not isinstance(value, dict):
        return value
    if "Fn::ImportValue" in value:
        return IMPORTS.get(value["Fn::ImportValue"], "arn:aws:other:::imported")
    if "Fn::Sub" in value:
        text, given = value["Fn::Sub"] if isinstance(value["Fn::Sub"], list) else (value["Fn::Sub"], {})
        for name, each in given.items():
            text = text.replace("${" + name + "}", resolved(each))
        return text.replace("${!", "${") if "table/" in text else "arn:aws:other:::substituted"
    if any(name == "Ref" or str(name).startswith("Fn::") for name in value):
        return "arn:aws:other:::referred"
    return {name: resolved(each) for name, each in value.items()}


ROLES = list(policies_of_roles(resolved).items())


def asked(
    action: str, resource: str = TABLE, keys: tuple[str, ...] = (), school: str | None = None
) -> Request:
    context: dict[str, Any] = {"dynamodb:leadingkeys": keys} if keys else {}
    if school is not None:
        context["aws:principaltag/school_id"] = school
    return Request(
        f"dynamodb:{action}", resource, context, lambda key: dynamodb.known(key) or sessions.known(key)
    )


@pytest.mark.parametrize(("name", "policies"), ROLES, ids=[name for name, _ in ROLES])
def test_no_role_reads_the_store_without_keys(name: str, policies: list[Policy]) -> None:
    for action in ("Scan", "PartiQLSelect", "PartiQLUpdate", "PartiQLDelete", "PartiQLInsert"):
        for resource in (TABLE, f"{TABLE}/index/pending"):
            assert decide(asked(action, resource), policies) is not Decision.ALLOW, action


@pytest.mark.parametrize(("name", "policies"), ROLES, ids=[name for name, _ in ROLES])
def test_no_role_changes_the_table_itself(name: str, policies: list[Policy]) -> None:
    for action in (
        "DeleteTable",
        "UpdateTable",
        "UpdateTimeToLive",
        "CreateBackup",
    ):
        assert decide(asked(action), policies) is not Decision.ALLOW, action


def test_only_the_completeness_audit_exports_the_store() -> None:
    allowed = [
        name
        for name, policies in ROLES
        if decide(asked("ExportTableToPointInTime"), policies) is Decision.ALLOW
    ]
    assert allowed == ["completeness.yaml:CompletenessRole"]


def tenant() -> list[Policy]:
    return dict(ROLES)["api.yaml:TenantRole"]


def test_the_tenant_role_opens_one_school_and_no_other() -> None:
    for action in ("GetItem", "PutItem", "Query"):
        own = asked(action, keys=("TENANT#school_1#STUDENT#x",), school="school_1")
        assert decide(own, tenant()) is Decision.ALLOW
        for key in (
            "TENANT#school_12#X",
            "TENANT#school_2#X",
            "TENANT#*#X",
            "TENANT#school_1",
            "PLATFORM#SCHOOLS",
            "tenant#school_1#X",
        ):
            assert decide(asked(action, keys=(key,), school="school_1"), tenant()) is Decision.NOTHING, key
            both = ("TENANT#school_1#X", key)
            assert decide(asked(action, keys=both, school="school_1"), tenant()) is Decision.NOTHING, key


def test_the_tenant_role_opens_nothing_without_keys_or_without_a_school() -> None:
    for action in ("GetItem", "PutItem", "Query"):
        assert decide(asked(action, school="school_1"), tenant()) is Decision.NOTHING
        assert decide(asked(action, keys=("TENANT##X",)), tenant()) is Decision.NOTHING
        assert decide(asked(action, keys=("TENANT#school_1#X",)), tenant()) is Decision.NOTHING


def test_the_tenant_role_has_no_more_than_three_actions() -> None:
    for action in (
        "DeleteItem",
        "UpdateItem",
        "BatchGetItem",
        "BatchWriteItem",
        "ConditionCheckItem",
        "DescribeTable",
    ):
        request = asked(action, keys=("TENANT#school_1#X",), school="school_1")
        assert decide(request, tenant()) is Decision.NOTHING, action


def test_the_container_role_has_nothing_of_the_store() -> None:
    found = dict(ROLES)
    for name in ("api.yaml:ContainerRole", "api.yaml:ContainerPolicy"):
        for action in ("GetItem", "PutItem", "Query", "Scan"):
            request = asked(action, keys=("TENANT#school_1#X",), school="school_1")
            assert decide(request, found[name]) is Decision.NOTHING
