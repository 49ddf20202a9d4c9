"""What roles may do, held against what they were seen to do (`recorded_calls.jsonl`).

That a role may do what its code asks for is enforced whenever a test runs a function or a job on the local
cloud, which denies by default. Here is the other half: nothing is allowed that is not used.
"""

from __future__ import annotations

import ast
from fnmatch import fnmatchcase

import pytest

from infra.local.iam.calls import Call
from tests.infra import deployed, unrecorded
from tests.infra.deployed import Granted
from tests.infra.unrecorded import REASONS
from tests.recorded_calls import recorded


def by_role() -> dict[str, set[Call]]:
    """Calls by the name of their role, as the templates have it."""
    names = {}
    for role in deployed.of_type("AWS::IAM::Role"):
        name = deployed.role_name(role)
        names[name] = names[f"luca-{name}"] = (
            name  # without a name of its own, a role is named after its logical id
        )
    found: dict[str, set[Call]] = {}
    for call in recorded():
        found.setdefault(names[call.role], set()).add(call)
    return found


CALLS = by_role()


def uses(granted: Granted, action: str, resource: str) -> bool:
    """Whether a recorded call is one that a statement allows on a resource."""
    return any(
        call.action == action
        and (call.resource == "*" or _same(call.resource, resource))
        and _keys(granted, call)
        for call in CALLS.get(granted.role, ())
    )


def _same(called: str, allowed: str) -> bool:
    return fnmatchcase(called, allowed) or fnmatchcase(allowed, called)


def _keys(granted: Granted, call: Call) -> bool:
    """Whether the statement is about the keys that the call named."""
    for tests in granted.document.get("Condition", {}).values():
        if isinstance(keys := tests.get("dynamodb:LeadingKeys"), list):
            return all(any(_same(key, _pattern(each)) for each in keys) for key in call.keys)
    return True


def _pattern(keys: str) -> str:
    return keys.replace("${aws:PrincipalTag/school_id}", "*")


@pytest.mark.parametrize("role", sorted({each.role for each in deployed.statements()}))
def test_a_role_may_do_nothing_that_was_never_seen_and_has_no_reason(role: str) -> None:
    unused = [
        f"{granted.place} {action}"
        for granted in deployed.statements()
        if granted.role == role
        for action in granted.actions
        if not any(uses(granted, action, resource) for resource in granted.resources)
        and not unrecorded.excepted(role, action, granted.resources)
    ]
    assert unused == []


def test_every_reason_is_still_needed() -> None:
    unused = [
        (each.role, action, each.resources)
        for each in deployed.statements()
        for action in each.actions
        if not any(uses(each, action, resource) for resource in each.resources)
    ]
    assert [reason.why for reason in REASONS if not any(reason.speaks_of(*right) for right in unused)] == []


@pytest.mark.parametrize("called", sorted({each.called for each in REASONS if each.called}))
def test_where_a_reason_says_that_our_code_calls_it_does(called: str) -> None:
    path, _, method = called.partition(":")
    tree = ast.parse((deployed.INFRA.parent / path).read_text("utf-8"))
    calls = [node.func for node in ast.walk(tree) if isinstance(node, ast.Call)]
    assert method in {getattr(each, "attr", getattr(each, "id", "")) for each in calls}


def test_what_was_seen_at_the_client_is_allowed() -> None:
    """Glue, Athena and others ask no role on the local cloud: here they are asked, action by action."""
    granted = {(each.role, action) for each in deployed.statements() for action in each.actions}
    asked = {(role, call.action) for role, calls in CALLS.items() for call in calls if call.resource == "*"}
    assert {action.split(":")[0] for _, action in asked} >= {"athena", "glue"}
    assert asked - granted == set()
