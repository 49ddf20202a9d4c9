"""Who reaches the items of students, and analysts the lake: those below, each for a reason, nobody else."""

from __future__ import annotations

from typing import Any

import pytest

from infra.local.iam import dynamodb, sessions
from infra.local.iam.policies import Decision, Policy, Request, decide, policy
from tests.infra import deployed
from tests.infra.deployed import made_as, of_type

ROLES: dict[str, Policy] = {
    role: policy(deployed.policy_of(role)) for role in sorted({each.role for each in deployed.statements()})
}
(TABLE,) = [made_as(each) for each in of_type("AWS::DynamoDB::Table") if each.logical_id == "Table"]
STUDENT = ("TENANT#school_1#STUDENT#ana",)
READS = ("BatchGetItem", "GetItem", "Query")
EVERYTHING = ("*", "PK", "SK")
# Whoever reads all that a student's items say.
WHOLE_ITEMS = {
    "luca-tenant": "the API, for the school in its session's tag",
    "GradeConsolidatorRole": "makes a grade of a student's evaluations",
    "luca-erasure": "finds what there is of one student",
}
# Whoever reads some attributes of them, and which.
SOME_ATTRIBUTES = {
    "GovernmentSyncRole": {"consolidated_score", "version"},  # of a grade; test_government.py has them all
    "LakeEnricherRole": {"graduation_year"},
    "luca-profiles": {"analysis"},
    "luca-tracer": {"correlation_id", "event_id", "received_at", "recorded_at"},
}
ANALYSTS = ("luca-analyst", "luca-school-analyst")


def may(role: str, action: str, resource: str, **context: Any) -> bool:
    keys = {f"{name.replace('__', ':').lower()}": value for name, value in context.items()}
    # A session with every tag that a role may ask for: what it has not then, it never has.
    keys |= {"aws:principaltag/school_id": "school_1"}

    def known(key: str) -> bool:
        return (
            dynamodb.known(key)
            or sessions.known(key)
            or key in keys
            or key.startswith(("s3:", "ecs:", "iam:"))
        )

    return decide(Request(action, resource, keys, known), [ROLES[role]]) is Decision.ALLOW


def reads(role: str, attributes: tuple[str, ...]) -> bool:
    context = {"dynamodb__leadingkeys": STUDENT, "dynamodb__attributes": attributes}
    return any(may(role, f"dynamodb:{action}", TABLE, **context) for action in READS)


def test_only_these_read_what_a_students_items_say() -> None:
    assert {role for role in ROLES if reads(role, EVERYTHING)} == set(WHOLE_ITEMS)


@pytest.mark.parametrize("role", sorted(SOME_ATTRIBUTES))
def test_these_read_some_attributes_and_no_other(role: str) -> None:
    for attribute in SOME_ATTRIBUTES[role]:
        assert reads(role, ("PK", "SK", attribute)), attribute
        for other in ("*", "given_name", "family_name", "comment", "score", "teacher_id", "points"):
            assert not reads(role, ("PK", "SK", attribute, other)), other


def test_nobody_else_reads_as_much_as_that_an_item_is_there() -> None:
    assert {role for role in ROLES if reads(role, ("PK", "SK"))} == {*WHOLE_ITEMS, *SOME_ATTRIBUTES}


def test_nobody_else_reads_a_students_name() -> None:
    assert {role for role in ROLES if reads(role, ("PK", "SK", "given_name"))} == set(WHOLE_ITEMS)


@pytest.mark.parametrize("role", sorted(ROLES))
def test_a_student_of_two_schools_is_never_asked_for_at_once_by_a_tenant(role: str) -> None:
    both = (*STUDENT, "TENANT#school_2#STUDENT#ana")
    context = {"dynamodb__leadingkeys": both, "dynamodb__attributes": EVERYTHING}
    found = any(may(role, f"dynamodb:{action}", TABLE, **context) for action in READS)
    assert found is (role in WHOLE_ITEMS and role != "luca-tenant")


@pytest.mark.parametrize("role", ANALYSTS)
@pytest.mark.parametrize(
    "place",
    [
        "luca-landing-000000000000/behavior_events/hour=2026-02-03-10/x",
        "luca-landing-000000000000/errors/behavior_events/x",
        "luca-lake-000000000000/quarantine/behavior_events/x",
        "luca-lake-000000000000/lake/behavior_events/graduation_year=2030/year=2026/month=02/school_id=school_2/x",
        "luca-exports-000000000000/x",
        "luca-reports-000000000000/x",
        "luca-results-000000000000/jobs/x",
    ],
)
def test_analysts_read_no_place_but_theirs(role: str, place: str) -> None:
    assert not may(role, "s3:GetObject", f"arn:aws:s3:::{place}")
    assert not may(role, "s3:PutObject", f"arn:aws:s3:::{place}")


@pytest.mark.parametrize("role", ANALYSTS)
def test_analysts_have_nothing_of_the_store_the_ledger_and_the_keys(role: str) -> None:
    services = {
        action.split(":")[0] for each in deployed.statements() if each.role == role for action in each.actions
    }
    assert services == {"athena", "glue", "s3"}
