"""What the templates say of each function, held against the code that it runs."""

from __future__ import annotations

from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest

from infra.local.templates import Resource, read_template
from tests.infra import reachable

INFRA = Path(__file__).parents[2] / "infra"
TEMPLATES = [read_template(path) for path in sorted(INFRA.glob("*.yaml"))]
RESOURCES = {(each.file, each.logical_id): each for one in TEMPLATES for each in one.resources.values()}
FUNCTIONS = [each for each in RESOURCES.values() if each.type == "AWS::Serverless::Function"]
every_function = pytest.mark.parametrize("function", FUNCTIONS, ids=lambda each: each.logical_id)


def entry(function: Resource) -> tuple[str, str]:
    module, _, name = function.properties["Handler"].rpartition(".")
    return module, name


def variables(function: Resource) -> dict[str, Any]:
    given: dict[str, Any] = function.properties["Environment"]["Variables"]
    return given


def referred(function: Resource, value: Any) -> Resource:
    """The resource of the same template that a Ref or GetAtt names."""
    name = value["Ref"] if "Ref" in value else value["Fn::GetAtt"][0]
    return RESOURCES[function.file, name]


def test_every_module_of_lambdas_is_deployed_once_and_nothing_else_is() -> None:
    written = {f"lambdas.{path.stem}" for path in INFRA.parent.glob("lambdas/*.py")} - {"lambdas.__init__"}
    assert sorted(entry(each)[0] for each in FUNCTIONS) == sorted(written)


@every_function
def test_its_handler_is_defined_where_the_template_says(function: Resource) -> None:
    module, name = entry(function)
    found = reachable.module(module)
    assert found is not None, module
    assert name in found.definitions


@every_function
def test_its_package_is_named_after_its_module(function: Resource) -> None:
    module = entry(function)[0].removeprefix("lambdas.")
    assert function.properties["CodeUri"] == f"../out/functions/{module}/"


@every_function
def test_it_is_given_each_setting_that_it_may_ask_for_and_no_other(function: Resource) -> None:
    asked = reachable.settings(entry(function))
    given = {name for name in variables(function) if name.startswith("LUCA_")}
    missing = {name for name in asked if not any(fnmatchcase(each, name) for each in given)}
    unread = {name for name in given if not any(fnmatchcase(name, each) for each in asked)}
    assert missing == set(), f"{function.place} is not given what its code reads"
    assert unread == set(), f"{function.place} is given what no code of its own reads"


def test_a_setting_behind_two_calls_is_found() -> None:
    assert "LUCA_TOMBSTONE_KEYS" in reachable.settings(("lambdas.behavior_writer", "handler"))


def test_a_setting_that_only_another_function_of_the_module_reads_is_not() -> None:
    assert "LUCA_LEDGER" not in reachable.settings(("lambdas.behavior_writer", "handler"))


@every_function
def test_it_runs_on_arm_is_traced_and_says_how_long_it_may_take(function: Resource) -> None:
    said = function.properties
    assert said["Architectures"] == ["arm64"]
    assert said["Tracing"] == "Active"
    assert (
        0 < said["Timeout"] <= 900
    )  # https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
    assert 128 <= said["MemorySize"] <= 10_240
    assert variables(function)["POWERTOOLS_METRICS_NAMESPACE"] == "Luca"


@every_function
def test_its_log_is_declared_ends_some_day_and_is_all_that_its_role_may_write(function: Resource) -> None:
    name = f"/aws/lambda/{function.properties['FunctionName']}"
    (log,) = [each for each in RESOURCES.values() if each.properties.get("LogGroupName") == name]
    assert log.properties["RetentionInDays"] <= 90
    role = referred(function, function.properties["Role"])
    written = [
        statement["Resource"]
        for each in role.properties["Policies"]
        for statement in each["PolicyDocument"]["Statement"]
        if "logs:PutLogEvents" in statement["Action"]
    ]
    assert written == [{"Fn::GetAtt": [log.logical_id, "Arn"]}]


@every_function
def test_its_role_is_its_own_and_only_lambda_takes_it(function: Resource) -> None:
    role = referred(function, function.properties["Role"])
    sharing = [
        each.logical_id for each in FUNCTIONS if each.properties["Role"] == function.properties["Role"]
    ]
    assert sharing == [function.logical_id]
    (trusted,) = role.properties["AssumeRolePolicyDocument"]["Statement"]
    assert trusted["Principal"] == {"Service": "lambda.amazonaws.com"}


def queue_events() -> list[tuple[Resource, dict[str, Any]]]:
    return [
        (function, event["Properties"])
        for function in FUNCTIONS
        for event in function.properties.get("Events", {}).values()
        if event["Type"] == "SQS"
    ]


@pytest.mark.parametrize(
    ("function", "event"), queue_events(), ids=lambda each: getattr(each, "logical_id", "")
)
def test_a_queue_waits_six_times_as_long_as_its_function_and_keeps_what_fails(
    function: Resource, event: dict[str, Any]
) -> None:
    # https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
    queue = referred(function, event["Queue"])
    window = event.get("MaximumBatchingWindowInSeconds", 0)
    assert queue.properties["VisibilityTimeout"] >= 6 * function.properties["Timeout"] + window
    # Alone in its batch, a message that fails is the whole batch.
    assert event["BatchSize"] == 1 or event["FunctionResponseTypes"] == ["ReportBatchItemFailures"]
    dead = referred(function, queue.properties["RedrivePolicy"]["deadLetterTargetArn"])
    assert dead.properties["MessageRetentionPeriod"] == 1_209_600  # 14 days, the most there is
    assert dead.properties["MessageRetentionPeriod"] > queue.properties["MessageRetentionPeriod"]


@pytest.mark.parametrize(
    ("function", "event"), queue_events(), ids=lambda each: getattr(each, "logical_id", "")
)
def test_a_full_batch_fits_into_one_invocation(function: Resource, event: dict[str, Any]) -> None:
    # https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html; a queue's default is 1 MiB
    queue = referred(function, event["Queue"])
    assert event["BatchSize"] * queue.properties.get("MaximumMessageSize", 1024 * 1024) <= 6 * 1024 * 1024
