"""The ledger's table as DynamoDB spells it: reads that are consistent, writes with conditions."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from botocore.exceptions import ClientError

from adapters.aws import client
from adapters.backoff import jittered
from adapters.batches import batches
from adapters.settings import setting
from adapters.transactions import Action, failed_conditions, write_once
from adapters.typed_json import from_typed, to_typed

Key = Mapping[str, str]
KEYS_A_READ = 100  # BatchGetItem's limit

MEETINGS = 8  # of a transaction with others of the same items, each after a pause, before it gives up
PAUSE_SECONDS = 0.025  # doubled for each meeting: the longest pause

_REFUSED = {"ConditionalCheckFailedException", "TransactionCanceledException", "TransactionConflictException"}


class ConditionError(RuntimeError):
    """A write whose condition did not hold, or a transaction that met others again and again.

    Nothing was written.

    Attributes:
        places: Of the actions whose condition did not hold; empty for a transaction that met others.
    """

    def __init__(self, reason: str, places: Iterable[int] = ()) -> None:
        super().__init__(reason)
        self.places = frozenset(places)


def get(key: Key) -> dict[str, Any] | None:
    """The item of a key, or None."""
    answer = client("dynamodb").get_item(TableName=setting("LEDGER"), Key=to_typed(key), ConsistentRead=True)
    return from_typed(answer["Item"]) if "Item" in answer else None


def get_many(keys: Iterable[Key]) -> Iterator[dict[str, Any]]:
    """The items of some keys, those that are there, in no order."""
    for batch in batches(keys, KEYS_A_READ):
        ask = {setting("LEDGER"): {"Keys": [to_typed(key) for key in batch], "ConsistentRead": True}}
        while ask:
            answer = client("dynamodb").batch_get_item(RequestItems=ask)
            yield from (from_typed(item) for item in answer["Responses"][setting("LEDGER")])
            ask = answer.get("UnprocessedKeys", {})


def items(pk: str, first: str = "", last: str = "") -> Iterator[dict[str, Any]]:
    """The items of a partition key, by sort key; all of them, or from one sort key up to another."""
    within = {":first": first, ":last": last} if last else {}
    pages = client("dynamodb").get_paginator("query")
    for page in pages.paginate(
        TableName=setting("LEDGER"),
        KeyConditionExpression="PK = :pk AND SK BETWEEN :first AND :last" if within else "PK = :pk",
        ExpressionAttributeValues=to_typed({":pk": pk, **within}),
        ConsistentRead=True,
    ):
        yield from (from_typed(item) for item in page["Items"])


def last_items(pk: str, limit: int) -> list[dict[str, Any]]:
    """The items of a partition key with the greatest sort keys, greatest first."""
    answer = client("dynamodb").query(
        TableName=setting("LEDGER"),
        KeyConditionExpression="PK = :pk",
        ExpressionAttributeValues=to_typed({":pk": pk}),
        ScanIndexForward=False,
        Limit=limit,
    )
    return [from_typed(item) for item in answer["Items"]]


def put(item: Mapping[str, Any]) -> None:
    """Writes an item, in place of any that was there."""
    client("dynamodb").put_item(TableName=setting("LEDGER"), Item=to_typed(item))


def put_over(item: Mapping[str, Any]) -> Action:
    """The action that writes an item, in place of any that was there."""
    return {"Put": {"TableName": setting("LEDGER"), "Item": to_typed(item)}}


def put_if(
    item: Mapping[str, Any],
    condition: str,
    values: Mapping[str, Any] | None = None,
    names: Mapping[str, str] | None = None,
) -> Action:
    """The action that writes an item if a condition holds of what is there."""
    return {
        "Put": {
            "TableName": setting("LEDGER"),
            "Item": to_typed(item),
            "ConditionExpression": condition,
            **({"ExpressionAttributeNames": dict(names)} if names else {}),
            **({"ExpressionAttributeValues": to_typed(values)} if values else {}),
        }
    }


def put_new(item: Mapping[str, Any]) -> Action:
    """The action that writes an item where there is none."""
    return put_if(item, "attribute_not_exists(PK)")


def change(
    key: Key,
    changes: Mapping[str, Any],
    condition: str,
    values: Mapping[str, Any] | None = None,
    remove: Sequence[str] = (),
    first: Mapping[str, Any] | None = None,
    add: Mapping[str, set[str]] | None = None,
    names: Mapping[str, str] | None = None,
) -> Action:
    """The action that sets and removes attributes of an item.

    Args:
        key: Of the item.
        changes: Attribute to value.
        condition: What must hold; it may name `#attribute` of `changes` and `remove`.
        values: Of the condition, by `:name`.
        remove: Attributes to remove.
        first: Attribute to value, set only where the item does not have it.
        add: Attribute to members that its set gains.
        names: Of further attributes in the condition, by `#name`.
    """
    first, add = first or {}, add or {}
    clauses = {
        "SET": [
            *(f"#{name} = :{name}" for name in changes),
            *(f"#{name} = if_not_exists(#{name}, :{name})" for name in first),
        ],
        "REMOVE": [f"#{name}" for name in remove],
        "ADD": [f"#{name} :{name}" for name in add],
    }
    expression = " ".join(f"{verb} {', '.join(parts)}" for verb, parts in clauses.items() if parts)
    named = {f":{name}": value for name, value in {**changes, **first, **add}.items()}
    return {
        "Update": {
            "TableName": setting("LEDGER"),
            "Key": to_typed(key),
            "UpdateExpression": expression,
            "ConditionExpression": condition,
            "ExpressionAttributeNames": {
                **{f"#{name}": name for name in (*changes, *first, *remove, *add)},
                **(names or {}),
            },
            "ExpressionAttributeValues": to_typed({**named, **(values or {})}),
        }
    }


def must_hold(key: Key, condition: str, names: Mapping[str, str], values: Mapping[str, Any]) -> Action:
    """The action that writes nothing, and refuses its transaction unless a condition holds of an item."""
    return {
        "ConditionCheck": {
            "TableName": setting("LEDGER"),
            "Key": to_typed(key),
            "ConditionExpression": condition,
            "ExpressionAttributeNames": dict(names),
            "ExpressionAttributeValues": to_typed(values),
        }
    }


def delete_if(key: Key, condition: str, values: Mapping[str, Any] | None = None) -> Action:
    """The action that removes an item if a condition holds of it."""
    return {
        "Delete": {
            "TableName": setting("LEDGER"),
            "Key": to_typed(key),
            "ConditionExpression": condition,
            **({"ExpressionAttributeValues": to_typed(values)} if values else {}),
        }
    }


def write(actions: Sequence[Action]) -> None:
    """Does all the actions or none, at most `adapters.transactions.ACTIONS`.

    A transaction that meets another one on an item is tried again: nothing is said of its conditions.

    Raises:
        ConditionError: A condition did not hold.
    """
    for meeting in range(MEETINGS):
        if meeting:  # at random, so that two that met do not meet again
            time.sleep(jittered(PAUSE_SECONDS, meeting))
        try:
            write_once(actions)
        except ClientError as error:
            if error.response["Error"]["Code"] not in _REFUSED:
                raise
            places = failed_conditions(error)
            if places or meeting == MEETINGS - 1:
                raise ConditionError(str(error), places) from error
        else:
            return


def one_of(attribute: str, values: Iterable[str]) -> tuple[str, dict[str, str]]:
    """A condition and its values: an attribute is one of a few."""
    named = {f":is{number}": value for number, value in enumerate(values)}
    return f"{attribute} IN ({', '.join(named)})", named
