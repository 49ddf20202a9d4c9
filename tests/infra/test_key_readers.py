"""Who may read a school's pseudonym key: those below, each for a reason, and nobody else."""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import pytest

from infra.local.iam.policies import Decision, Policy, Request, decide
from tests.infra.template_roles import policies_of_roles

READERS = {
    "lake.yaml:LakeEnricherRole",  # makes the pseudonyms
    "privacy.yaml:KeyholderRole",  # rotates keys, and links their versions
    "privacy.yaml:ErasureRole",  # finds one student's rows
    "retention.yaml:RetentionAuditRole",  # compares rosters with the cohorts of rows, in its memory alone
    "retention.yaml:RehomeRole",  # likewise, and moves the rows
    "trends.yaml:ProfilesRole",  # finds each student's weeks in the marts, in its memory alone
}
VALUES = {"AWS::Region": "us-east-1", "AWS::AccountId": "000000000000"}
NAMES = {"luca-PseudonymKeys": "/luca/pseudonym-keys", "PseudonymKeyPath": "/luca/pseudonym-keys"}
PARAMETERS = "arn:aws:ssm:us-east-1:000000000000:parameter"


def spelled(value: Any) -> Any:
    """A template's value with what decides about parameters put in."""
    if isinstance(value, list):
        return [spelled(each) for each in value]
    if not isinstance(value, dict):
        return value
    if "Fn::ImportValue" in value or "Ref" in value:
        return NAMES.get(str(next(iter(value.values()))), "elsewhere")
    if "Fn::Sub" in value:
        text, given = value["Fn::Sub"] if isinstance(value["Fn::Sub"], list) else (value["Fn::Sub"], {})
        known = {**VALUES, **NAMES, **{name: spelled(each) for name, each in given.items()}}
        filled = re.sub(r"\$\{([\w:.]+)\}", lambda found: known.get(found[1], "elsewhere"), text)
        return filled.replace("${!", "${")
    if any(str(name).startswith("Fn::") for name in value):
        return "arn:aws:elsewhere:::x"
    return {name: spelled(each) for name, each in value.items()}


def allowed(action: str, resource: str) -> set[str]:
    asked = Request(action, resource)
    return {name for name, policies in roles().items() if decide(asked, policies) is Decision.ALLOW}


@cache
def roles() -> dict[str, list[Policy]]:
    return policies_of_roles(spelled)


@pytest.mark.parametrize(
    "action", ["GetParameter", "GetParameters", "GetParametersByPath", "GetParameterHistory"]
)
@pytest.mark.parametrize(
    "path", ["/luca/pseudonym-keys", "/luca/pseudonym-keys/school_1", "/luca/pseudonym-keys/school_1/v1"]
)
def test_nobody_else_reads_a_key(action: str, path: str) -> None:
    assert allowed(f"ssm:{action}", f"{PARAMETERS}{path}") <= READERS


def test_those_who_need_it_read_it() -> None:
    assert allowed("ssm:GetParametersByPath", f"{PARAMETERS}/luca/pseudonym-keys/school_1") == READERS


@pytest.mark.parametrize(
    ("action", "by"),
    [
        ("PutParameter", {"privacy.yaml:KeyholderRole"}),
        ("DeleteParameter", {"privacy.yaml:KeyholderRole"}),
    ],
)
def test_who_makes_and_destroys_keys(action: str, by: set[str]) -> None:
    assert allowed(f"ssm:{action}", f"{PARAMETERS}/luca/pseudonym-keys/school_1/v1") == by
