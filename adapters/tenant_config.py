"""A school's configuration as the interactive path sees it: cached for a minute, changed by version."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Generic, TypeVar

from adapters.dynamodb import StoreUnavailableError, TransactionCancelledError
from adapters.settings import setting
from adapters.telemetry import logger
from adapters.tenancy import Tenant
from adapters.typed_json import from_typed, to_typed
from transforms import keys
from transforms.periods import AcademicConfig
from transforms.schools import School

FRESH = 60.0  # seconds: how long a change may take to be felt in another container
USABLE = 3600.0  # seconds: how old it may be while the store does not answer
MOST_SCHOOLS = 2_000
MOST_VERSIONS = 20

V = TypeVar("V")


class VersionConflictError(RuntimeError):
    """Someone else changed it in the meantime.

    Attributes:
        current: The version that is stored.
    """

    def __init__(self, current: int) -> None:
        super().__init__(f"it is at version {current}: read it again and apply your change to that")
        self.current = current


class Remembered(Generic[V]):
    """Values by school: fresh for a minute, read once for all who wait, and kept through an outage.

    Args:
        read: Gets the value of a school.
        size: Most schools; the one not asked for longest is forgotten first.
    """

    def __init__(self, read: Callable[[Tenant], Awaitable[V]], size: int = MOST_SCHOOLS) -> None:
        self._read, self._size = read, size
        self._values: OrderedDict[str, tuple[float, V]] = OrderedDict()
        self._reading: dict[str, asyncio.Task[V]] = {}

    async def of(self, tenant: Tenant) -> V:
        """The value of a school.

        Raises:
            StoreError: It cannot be read, and none is known that is young enough.
        """
        known = self._values.get(tenant.school_id)
        now = time.monotonic()
        if known is not None and now - known[0] < FRESH:
            self._values.move_to_end(tenant.school_id)
            return known[1]
        reading = self._reading.get(tenant.school_id)
        if reading is None:
            reading = asyncio.ensure_future(self._fetch(tenant))
            self._reading[tenant.school_id] = reading
            reading.add_done_callback(lambda done: self._end(tenant.school_id, done))
        try:
            return await asyncio.shield(reading)
        except StoreUnavailableError:
            if known is None or now - known[0] > USABLE:
                raise
            logger.warning("configuration is old: the store does not answer", school_id=tenant.school_id)
            return known[1]

    def _end(self, school_id: str, reading: asyncio.Task[V]) -> None:
        self._reading.pop(school_id, None)
        if not reading.cancelled():
            reading.exception()  # told to those who wait; if all have left, to nobody

    async def _fetch(self, tenant: Tenant) -> V:
        value = await self._read(tenant)
        self._values[tenant.school_id] = (time.monotonic(), value)
        self._values.move_to_end(tenant.school_id)
        if len(self._values) > self._size:
            self._values.popitem(last=False)
        return value

    def forget(self, school_id: str) -> None:
        """Reads a school anew at the next question."""
        self._values.pop(school_id, None)


class Configurations:
    """The configurations of all schools, each read with its own school's credentials."""

    def __init__(self) -> None:
        self._schools = Remembered(read_school)
        self._academic = Remembered(read_academic)

    async def school(self, tenant: Tenant) -> School | None:
        """Time zone and rules of points; None where the school has no configuration."""
        return await self._schools.of(tenant)

    async def academic(self, tenant: Tenant) -> AcademicConfig | None:
        """Periods and grading rules; None where the school has none."""
        return await self._academic.of(tenant)

    async def put_school(self, tenant: Tenant, school: School) -> None:
        """Makes a configuration the current one, and keeps its version.

        Args:
            tenant: The school.
            school: Its version is the current one's plus 1.

        Raises:
            VersionConflictError: The version is another one's already, or leaves a gap.
            StoreError: The store does not take it.
        """
        await _put_version(tenant, school.item(), school.item(history=True))
        self._schools.forget(tenant.school_id)

    async def put_academic(self, tenant: Tenant, config: AcademicConfig) -> None:
        """The same for periods and grading rules; the first version is 1."""
        await _put_version(tenant, config.item(), config.item(history=True))
        self._academic.forget(tenant.school_id)


async def read_school(tenant: Tenant) -> School | None:
    """A school's configuration as it is now."""
    item = await _read(tenant, keys.SCHOOL)
    return School.from_item(tenant.school_id, item) if item else None


async def read_academic(tenant: Tenant) -> AcademicConfig | None:
    """A school's periods and rules as they are now.

    Raises:
        InvalidAcademicConfigError: What is stored cannot be applied.
    """
    item = await _read(tenant, keys.PERIODS)
    return AcademicConfig.from_item(tenant.school_id, item) if item else None


async def school_version(tenant: Tenant, version: int) -> School | None:
    """A school's configuration as it was; None where there is no such version."""
    item = await _read(tenant, keys.school_history_sk(version))
    return School.from_item(tenant.school_id, item) if item else None


async def academic_version(tenant: Tenant, version: int) -> AcademicConfig | None:
    """Periods and rules as they were; None where there is no such version."""
    item = await _read(tenant, keys.periods_history_sk(version))
    return AcademicConfig.from_item(tenant.school_id, item) if item else None


async def versions(tenant: Tenant, kind: str) -> list[int]:
    """The last versions that are kept, newest first, at most 20.

    Args:
        tenant: The school.
        kind: `keys.PERIODS` or `keys.SCHOOL`.
    """
    answer = await tenant.call(
        "Query",
        {
            "TableName": setting("TABLE"),
            "KeyConditionExpression": "PK = :pk AND begins_with(SK, :kind)",
            "ExpressionAttributeValues": to_typed(
                {":pk": keys.config_pk(tenant.school_id), ":kind": f"{kind}#v"}
            ),
            "ProjectionExpression": "SK",
            "ScanIndexForward": False,
            "Limit": MOST_VERSIONS,
        },
    )
    return [int(item["SK"]["S"].rsplit("#v", 1)[1]) for item in answer["Items"]]


async def _read(tenant: Tenant, sk: str) -> dict[str, Any] | None:
    answer = await tenant.call(
        "GetItem",
        {
            "TableName": setting("TABLE"),
            "Key": to_typed({"PK": keys.config_pk(tenant.school_id), "SK": sk}),
            "ConsistentRead": True,
        },
    )
    item = answer.get("Item")
    return from_typed(item) if item else None


async def _put_version(tenant: Tenant, current: Mapping[str, Any], history: Mapping[str, Any]) -> None:
    table, version = setting("TABLE"), int(current["version"])
    first = version == 1
    condition: dict[str, Any] = (
        {"ConditionExpression": "attribute_not_exists(PK)"}
        if first
        else {
            # A configuration from before there were versions has none; it counts as version 1.
            "ConditionExpression": "version = :before"
            + (" OR (attribute_exists(PK) AND attribute_not_exists(version))" if version == 2 else ""),
            "ExpressionAttributeValues": to_typed({":before": version - 1}),
        }
    )
    try:
        await tenant.call(
            "TransactWriteItems",
            {
                "TransactItems": [
                    {
                        "Put": {
                            "TableName": table,
                            "Item": to_typed(current),
                            "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
                            **condition,
                        }
                    },
                    {"Put": {"TableName": table, "Item": to_typed(history)}},
                ]
            },
        )
    except TransactionCancelledError as cancelled:
        if not cancelled.reasons or cancelled.reasons[0].get("Code") != "ConditionalCheckFailed":
            raise
        stored = from_typed(cancelled.reasons[0].get("Item") or {})
        if stored == from_typed(to_typed(current)):
            return  # our own write, whose answer was lost: the attempt after it finds it done
        raise VersionConflictError(int(stored.get("version", 1 if stored else 0))) from cancelled
