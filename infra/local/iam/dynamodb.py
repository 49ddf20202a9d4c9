"""A DynamoDB request as questions to the policies: action, resource and condition keys of each.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazondynamodb.html
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from infra.local.iam.key_conditions import UnreadableRequestError, key_text, queried_keys, tokens
from infra.local.iam.policies import Request

ALL_ATTRIBUTES = "*"
_TRANSACTIONS = {
    "Put": "PutItem",
    "Update": "UpdateItem",
    "Delete": "DeleteItem",
    "ConditionCheck": "ConditionCheckItem",
    "Get": "GetItem",
}
_PARTIQL = {"ExecuteStatement", "BatchExecuteStatement", "ExecuteTransaction"}
_BY_KEY = {"GetItem", "DeleteItem", "UpdateItem", "ConditionCheckItem"}
_EXPRESSIONS = ("ProjectionExpression", "ConditionExpression", "FilterExpression", "UpdateExpression")
_WORDS = {
    *("and", "or", "not", "between", "in", "set", "remove", "add", "delete"),
    *("attribute_exists", "attribute_not_exists", "attribute_type", "begins_with", "contains", "size"),
    *("if_not_exists", "list_append"),
}
_KEYS = {
    "dynamodb:leadingkeys",
    "dynamodb:attributes",
    "dynamodb:select",
    "dynamodb:returnvalues",
    "dynamodb:enclosingoperation",
}


class KeySchemas:
    """The partition keys of the tables and their indexes, learnt as tables are made."""

    def __init__(self) -> None:
        self._tables: dict[str, dict[str | None, str]] = {}
        self._attributes: dict[str, set[str]] = {}

    def learn(self, description: Mapping[str, Any]) -> None:
        """Takes note of a `TableDescription`."""
        name = description["TableName"]
        indexes = [
            *description.get("GlobalSecondaryIndexes", []),
            *description.get("LocalSecondaryIndexes", []),
        ]
        self._tables[name] = {
            None: _hash_key(description["KeySchema"]),
            **{index["IndexName"]: _hash_key(index["KeySchema"]) for index in indexes},
        }
        self._attributes[name] = {part["AttributeName"] for part in description["KeySchema"]}

    def partition_key(self, table: str, index: str | None = None) -> str:
        """Attribute name of a table's or index's partition key.

        Raises:
            UnreadableRequestError: The table or index is unknown.
        """
        try:
            return self._tables[table][index]
        except KeyError as error:
            raise UnreadableRequestError(f"table {table!r}, index {index!r} is unknown") from error

    def key_attributes(self, table: str) -> set[str]:
        """Attribute names of a table's primary key."""
        return self._attributes.get(table, set())


def _hash_key(schema: Iterable[Mapping[str, str]]) -> str:
    return next(part["AttributeName"] for part in schema if part["KeyType"] == "HASH")


def known(key: str) -> bool:
    """Whether a condition key of a DynamoDB request is computed here."""
    return key in _KEYS


def requests(
    operation: str, body: Mapping[str, Any], schemas: KeySchemas, *, account: str, region: str
) -> Iterator[Request]:
    """What must be allowed before a request may pass; all of it.

    Args:
        operation: Such as `Query`.
        body: The request's JSON.
        schemas: Of the tables.
        account: Of the ARNs.
        region: Of the ARNs.

    Yields:
        Requests without the keys of the principal; transactions as their single actions.

    Raises:
        UnreadableRequestError: The request cannot be read, or is PartiQL: deny it.
    """
    prefix = f"arn:aws:dynamodb:{region}:{account}:table/"
    if operation == "ListTables":
        yield Request("dynamodb:ListTables", "*", {}, known)
        return
    if operation in _PARTIQL:
        raise UnreadableRequestError(f"{operation} is PartiQL, whose keys are not told: use the item actions")
    if operation in {"TransactWriteItems", "TransactGetItems"}:
        for transaction in body["TransactItems"]:
            for kind, single in transaction.items():
                yield _single(_TRANSACTIONS[kind], single, schemas, prefix, enclosing=operation)
    elif operation in {"BatchGetItem", "BatchWriteItem"}:
        for table, batch in body["RequestItems"].items():
            yield _batch(operation, _name(table), batch, schemas, prefix)
    else:
        yield _single(operation, body, schemas, prefix, enclosing=None)


def _single(
    operation: str, body: Mapping[str, Any], schemas: KeySchemas, prefix: str, *, enclosing: str | None
) -> Request:
    if "TableName" not in body:
        raise UnreadableRequestError(f"{operation} names no table: only requests on a table are read")
    table, index = _name(body["TableName"]), body.get("IndexName")
    context: dict[str, str | tuple[str, ...]] = {}
    if operation in _BY_KEY:
        context["dynamodb:leadingkeys"] = (key_text(body["Key"].get(schemas.partition_key(table))),)
    elif operation == "PutItem":
        context["dynamodb:leadingkeys"] = (key_text(body["Item"].get(schemas.partition_key(table))),)
    elif operation == "Query":
        context["dynamodb:leadingkeys"] = tuple(queried_keys(body, schemas.partition_key(table, index)))
    attributes = _attributes(operation, body, schemas.key_attributes(table))
    if attributes:
        context["dynamodb:attributes"] = tuple(sorted(attributes))
    if "Select" in body:
        context["dynamodb:select"] = body["Select"]
    if "ReturnValues" in body:
        context["dynamodb:returnvalues"] = body["ReturnValues"]
    if enclosing:
        context["dynamodb:enclosingoperation"] = enclosing
    return Request(
        f"dynamodb:{operation}", prefix + table + (f"/index/{index}" if index else ""), context, known
    )


def _batch(operation: str, table: str, batch: Any, schemas: KeySchemas, prefix: str) -> Request:
    partition_key = schemas.partition_key(table)
    if operation == "BatchGetItem":
        keys = batch["Keys"]
        attributes = _attributes("GetItem", batch, schemas.key_attributes(table))
    else:
        keys, attributes = [], set()
        for write in batch:
            (kind, request), *rest = write.items()
            if rest or kind not in {"PutRequest", "DeleteRequest"}:
                raise UnreadableRequestError(f"a write of {sorted(write)} is neither Put nor Delete")
            keys.append(request["Item"] if kind == "PutRequest" else request["Key"])
            attributes |= set(keys[-1])
    context: dict[str, str | tuple[str, ...]] = {
        "dynamodb:leadingkeys": tuple(key_text(key.get(partition_key)) for key in keys),
        "dynamodb:attributes": tuple(sorted(attributes)),
    }
    return Request(f"dynamodb:{operation}", prefix + table, context, known)


def _attributes(operation: str, body: Mapping[str, Any], keys: set[str]) -> set[str]:
    """Top-level attributes that a request names.

    A read without a projection gets everything, which no list of names can allow: it counts as `*`.
    """
    names = body.get("ExpressionAttributeNames", {})
    found = set(body.get("Item", {})) | set(body.get("AttributesToGet", []))
    if operation in {*_BY_KEY, "Query"}:
        found |= keys
    for expression in _EXPRESSIONS:
        for word in tokens(body.get(expression, "")):
            path = re.split(r"[.\[]", word, maxsplit=1)[0]
            if path[0] == "#" or (path[0] not in ":=<>(),+-" and path.lower() not in _WORDS):
                found.add(names.get(path, path))
    whole = "ProjectionExpression" not in body and "AttributesToGet" not in body
    if operation in {"GetItem", "Query", "Scan"} and whole and body.get("Select") != "COUNT":
        found.add(ALL_ATTRIBUTES)
    return found


def _name(table: str) -> str:
    return table.rsplit("/", 1)[-1] if table.startswith("arn:") else table
