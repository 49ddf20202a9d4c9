"""What policies name exists: a misspelt ARN allows nothing, and says so only in an account."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase

from tests.infra import deployed
from tests.infra.deployed import made_as, of_type
from transforms.lake_schema import LAKE_TABLES

HERE = f"{deployed.REGION}:{deployed.ACCOUNT}"
MODELS = sorted(deployed.INFRA.with_name("dbt").joinpath("models").rglob("*.sql"))
# ARNs of what AWS or our code makes, as far as their names are known before.
MADE_LATER = [
    f"arn:aws:application-autoscaling:{HERE}:scalable-target/0",  # Express Mode's
    f"arn:aws:athena:{HERE}:datacatalog/AwsDataCatalog",  # of every account
    f"arn:aws:ecr:{HERE}:repository/luca",  # of the image
    f"arn:aws:ecs:{HERE}:task/luca-load/0",  # of the cluster's tasks
    f"arn:aws:events:{HERE}:rule/StepFunctionsGetEventsForECSTaskRule",  # Step Functions' own
    f"arn:aws:events:{HERE}:rule/StepFunctionsGetEventsForStepFunctionsExecutionRule",
    f"arn:aws:glue:{HERE}:catalog",
    *(
        f"arn:aws:glue:{HERE}:table/luca_landing/{kind}_0" for kind in ("load", "held")
    ),  # while they are judged
    *(f"arn:aws:glue:{HERE}:table/luca_lake/{table}" for table in LAKE_TABLES),
    *(f"arn:aws:glue:{HERE}:table/luca_marts/{model.stem}" for model in MODELS),
    f"arn:aws:ssm:{HERE}:parameter/luca/pseudonym-keys",
    f"arn:aws:ssm:{HERE}:parameter/luca/pseudonym-keys/school_1/v1",
    f"arn:aws:ssm:{HERE}:parameter/luca/tombstone-keys/school_1",
]


def existing() -> list[str]:
    found = [made_as(each) for each in deployed.everything()]
    for each in of_type("AWS::DynamoDB::Table"):
        found.append(made_as(each) + "/export/0")
        found.append(made_as(each) + "/stream/2026-01-01T00:00:00.000")
        indexes = each.properties.get("GlobalSecondaryIndexes", [])
        found += [f"{made_as(each)}/index/{index['IndexName']}" for index in indexes]
    for each in of_type("AWS::Glue::Database"):
        name = each.properties["DatabaseInput"]["Name"]
        found += [f"arn:aws:glue:{HERE}:database/{name}", f"arn:aws:glue:{HERE}:table/{name}/completeness_x"]
        found.append(f"arn:aws:glue:{HERE}:table/{name}/deep_x")
    for each in of_type("AWS::Serverless::StateMachine"):
        execution = made_as(each).replace(":stateMachine:", ":execution:")
        found += [f"{execution}:0", f"{execution}/Label:0"]
    return found + MADE_LATER


EXISTING = existing()
BUCKETS = {made_as(each) for each in of_type("AWS::S3::Bucket")}


def names_something(resource: str) -> bool:
    if resource.startswith("arn:aws:s3:::"):
        return resource.partition("/")[0] in BUCKETS
    return any(fnmatchcase(each, resource) for each in EXISTING)


def test_every_arn_names_something() -> None:
    # `*` names nothing, and is allowed to actions that know no resource (test_policy_words.py).
    named = [(granted.place, each) for granted in deployed.statements() for each in granted.resources]
    assert [each for each in named if each[1] != "*" and not names_something(each[1])] == []
    assert not names_something(f"arn:aws:sqs:{HERE}:luca-behaviour")


def test_an_index_is_asked_for_by_its_name() -> None:
    declared = {
        index["IndexName"]
        for table in of_type("AWS::DynamoDB::Table")
        for index in table.properties.get("GlobalSecondaryIndexes", [])
    }
    rooms = ("adapters", "api", "lambdas", "pipelines")
    files = [path for room in rooms for path in (deployed.INFRA.parent / room).rglob("*.py")]
    said = re.compile(r'\w+_INDEX = "(\w+)"')
    assert {name for path in files for name in said.findall(path.read_text())} == declared
