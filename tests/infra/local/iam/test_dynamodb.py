from __future__ import annotations

from typing import Any

import pytest

from infra.local.iam.dynamodb import KeySchemas, known, requests
from infra.local.iam.key_conditions import UnreadableRequestError
from infra.local.iam.policies import Request

TABLE = "luca-platform"
ARN = "arn:aws:dynamodb:us-east-1:000000000000:table/luca-platform"
OWN, OTHER = {"S": "TENANT#a#X"}, {"S": "TENANT#b#X"}


@pytest.fixture
def schemas() -> KeySchemas:
    found = KeySchemas()
    found.learn(
        {
            "TableName": TABLE,
            "KeySchema": [
                {"AttributeName": "PK", "KeyType": "HASH"},
                {"AttributeName": "SK", "KeyType": "RANGE"},
            ],
            "GlobalSecondaryIndexes": [
                {"IndexName": "pending", "KeySchema": [{"AttributeName": "pending_pk", "KeyType": "HASH"}]}
            ],
        }
    )
    return found


def asked(schemas: KeySchemas, operation: str, **body: Any) -> list[Request]:
    return list(requests(operation, body, schemas, account="000000000000", region="us-east-1"))


def query(condition: str, names: dict[str, str] | None = None, **values: str) -> dict[str, Any]:
    return {
        "TableName": TABLE,
        "KeyConditionExpression": condition,
        "ExpressionAttributeNames": names or {},
        "ExpressionAttributeValues": {f":{name}": {"S": value} for name, value in values.items()},
    }


def test_actions_on_one_item_name_its_partition_key(schemas: KeySchemas) -> None:
    for operation, body in {
        "GetItem": {"Key": {"PK": OWN}},
        "DeleteItem": {"Key": {"PK": OWN}},
        "UpdateItem": {"Key": {"PK": OWN}, "UpdateExpression": "SET a = :a"},
        "PutItem": {"Item": {"PK": OWN}},
    }.items():
        (request,) = asked(schemas, operation, TableName=TABLE, **body)
        assert (request.action, request.resource) == (f"dynamodb:{operation}", ARN)
        assert request.context["dynamodb:leadingkeys"] == ("TENANT#a#X",)


def test_a_table_may_be_named_by_its_arn(schemas: KeySchemas) -> None:
    (request,) = asked(schemas, "GetItem", TableName=ARN, Key={"PK": OWN})
    assert request.resource == ARN


@pytest.mark.parametrize(
    ("body", "keys"),
    [
        (query("PK = :a", a="x"), ("x",)),
        (query("(PK=:a)AND begins_with(SK,:b)", a="x", b="y"), ("x",)),
        (query("SK BETWEEN :b AND :c AND PK = :a", a="x", b="y", c="z"), ("x",)),
        (query("#p = :a and #s > :b", {"#p": "PK", "#s": "SK"}, a="x", b="y"), ("x",)),
        (query("#p = :a AND PK = :b", {"#p": "PK"}, a="x", b="y"), ("x", "y")),
        (query(":a = PK", a="x"), ("x",)),
    ],
)
def test_a_query_names_every_value_of_its_partition_key(
    schemas: KeySchemas, body: dict[str, Any], keys: tuple[str, ...]
) -> None:
    (request,) = asked(schemas, "Query", **body)
    assert request.context["dynamodb:leadingkeys"] == keys


def test_a_query_on_an_index_is_about_the_indexs_own_key(schemas: KeySchemas) -> None:
    (request,) = asked(schemas, "Query", IndexName="pending", **query("pending_pk = :a", a="x"))
    assert request.resource == f"{ARN}/index/pending"
    assert request.context["dynamodb:leadingkeys"] == ("x",)
    with pytest.raises(UnreadableRequestError, match="pending_pk"):
        asked(schemas, "Query", IndexName="pending", **query("PK = :a", a="x"))


def test_old_key_conditions_are_read_too(schemas: KeySchemas) -> None:
    conditions = {"PK": {"ComparisonOperator": "EQ", "AttributeValueList": [OWN]}}
    (request,) = asked(schemas, "Query", TableName=TABLE, KeyConditions=conditions)
    assert request.context["dynamodb:leadingkeys"] == ("TENANT#a#X",)


@pytest.mark.parametrize(
    ("operation", "body"),
    [
        ("Query", query("SK = :a", a="x")),
        ("Query", query("PK > :a", a="x")),
        ("Query", query("PK = ;", a="x")),
        ("Query", {"TableName": TABLE}),
        ("Query", {"TableName": TABLE, "KeyConditions": {"PK": {"ComparisonOperator": "LE"}}}),
        ("GetItem", {"TableName": TABLE, "Key": {"SK": OWN}}),
        ("GetItem", {"TableName": "unheard-of", "Key": {"PK": OWN}}),
        ("Query", {"IndexName": "none", **query("PK = :a", a="x")}),
        ("ExecuteStatement", {"Statement": 'SELECT * FROM "luca-platform"'}),
        ("BatchExecuteStatement", {"Statements": []}),
        ("ExecuteTransaction", {"TransactStatements": []}),
        ("ListBackups", {}),
        ("BatchWriteItem", {"RequestItems": {TABLE: [{"UpdateRequest": {}}]}}),
    ],
)
def test_what_cannot_be_read_is_said_to_be_unreadable(
    schemas: KeySchemas, operation: str, body: dict[str, Any]
) -> None:
    with pytest.raises(UnreadableRequestError):
        asked(schemas, operation, **body)


def test_a_scan_has_no_keys_at_all(schemas: KeySchemas) -> None:
    (request,) = asked(schemas, "Scan", TableName=TABLE)
    assert request.action == "dynamodb:Scan"
    assert "dynamodb:leadingkeys" not in request.context


def test_batches_name_all_their_keys(schemas: KeySchemas) -> None:
    (read,) = asked(schemas, "BatchGetItem", RequestItems={TABLE: {"Keys": [{"PK": OWN}, {"PK": OTHER}]}})
    writes = [{"PutRequest": {"Item": {"PK": OWN}}}, {"DeleteRequest": {"Key": {"PK": OTHER}}}]
    (write,) = asked(schemas, "BatchWriteItem", RequestItems={TABLE: writes})
    for request, action in ((read, "BatchGetItem"), (write, "BatchWriteItem")):
        assert request.action == f"dynamodb:{action}"
        assert request.context["dynamodb:leadingkeys"] == ("TENANT#a#X", "TENANT#b#X")


def test_transactions_are_their_single_actions(schemas: KeySchemas) -> None:
    key = {"TableName": TABLE, "Key": {"PK": OWN}}
    put = {"Put": {"TableName": TABLE, "Item": {"PK": OTHER}}}
    found = asked(
        schemas,
        "TransactWriteItems",
        TransactItems=[put, {"Update": key}, {"Delete": key}, {"ConditionCheck": key}],
    )
    found += asked(schemas, "TransactGetItems", TransactItems=[{"Get": key}])
    actions = [request.action.split(":")[1] for request in found]
    assert actions == ["PutItem", "UpdateItem", "DeleteItem", "ConditionCheckItem", "GetItem"]
    assert found[0].context["dynamodb:leadingkeys"] == ("TENANT#b#X",)
    assert found[0].context["dynamodb:enclosingoperation"] == "TransactWriteItems"


def test_attributes_are_those_that_a_request_names(schemas: KeySchemas) -> None:
    (read,) = asked(
        schemas,
        "GetItem",
        TableName=TABLE,
        Key={"PK": OWN},
        ProjectionExpression="#y, points.week[0]",
        ExpressionAttributeNames={"#y": "graduation_year"},
    )
    assert read.context["dynamodb:attributes"] == ("PK", "SK", "graduation_year", "points")


def test_a_read_of_everything_cannot_pass_for_a_list_of_names(schemas: KeySchemas) -> None:
    (read,) = asked(schemas, "BatchGetItem", RequestItems={TABLE: {"Keys": [{"PK": OWN}]}})
    assert "*" in read.context["dynamodb:attributes"]


def test_the_evaluator_says_which_keys_it_computes() -> None:
    assert known("dynamodb:leadingkeys")
    assert not known("dynamodb:fulltablescan")
