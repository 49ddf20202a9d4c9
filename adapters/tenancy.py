"""One role, one set of credentials per school: the wall between schools is IAM's, not ours.

The container's own role may read nothing; it may assume the tenant role with the session tag
`school_id`, and the role's policy opens only keys that begin with that school's prefix. A query
that forgets its school is refused by the store.
"""

from __future__ import annotations

import asyncio
import zlib
from collections import OrderedDict
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from functools import cache
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from adapters.dynamodb import PATIENCE, CredentialsRejectedError, DynamoDB, StoreUnavailableError
from adapters.request_signing import Credentials, Signer
from adapters.settings import setting
from adapters.telemetry import logger
from transforms import keys

LIFETIME = 3600  # seconds; the most that a role assumed by a role may have
RENEW_BEFORE = 900  # seconds before the end; up to 5 minutes earlier, so that schools take turns
SPREAD = 300
RETRY_AFTER = 5.0  # seconds between renewals that fail
MARGIN = 5.0  # seconds before the end in which credentials are no longer used
MOST_TENANTS = 2_000  # some 4 KB each

Assume = Callable[[str], Credentials]


def assume_tenant_role(school_id: str) -> Credentials:
    """Takes credentials for one school from STS; blocks for the call.

    Raises:
        ClientError, BotoCoreError: STS refuses or does not answer.
    """
    answer = _sts().assume_role(
        RoleArn=setting("TENANT_ROLE"),
        RoleSessionName=f"api-{keys.identifier('school_id', school_id)}"[:64],
        DurationSeconds=LIFETIME,
        Tags=[{"Key": "school_id", "Value": school_id}],
    )
    found = answer["Credentials"]
    return Credentials(
        found["AccessKeyId"],
        found["SecretAccessKey"],
        found["SessionToken"],
        found["Expiration"].timestamp(),
    )


@cache
def _threads() -> ThreadPoolExecutor:
    """Threads of their own, so that a silent STS does not hold up anything else."""
    return ThreadPoolExecutor(8, thread_name_prefix="sts")


@cache
def _sts() -> Any:
    """A client that gives up early: a request waits behind it."""
    config = Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 2})
    return boto3.client("sts", config=config)


class Tenant:
    """The store as one school may use it. Made by `Tenants`.

    Attributes:
        school_id: The tenant.
    """

    def __init__(
        self, school_id: str, dynamodb: DynamoDB, assume: Assume, clock: Callable[[], float]
    ) -> None:
        self.school_id = school_id
        self._dynamodb, self._assume, self._clock = dynamodb, assume, clock
        self._early = zlib.crc32(school_id.encode()) % SPREAD
        self._credentials: Credentials | None = None
        self._signer: Signer | None = None
        self._renewal: asyncio.Task[None] | None = None
        self._not_before = 0.0

    async def call(self, action: str, request: Mapping[str, Any]) -> dict[str, Any]:
        """One call with this school's credentials; see `DynamoDB.call`.

        Credentials that the store rejects are replaced once: they may have been revoked.

        Raises:
            StoreError: By its kind; `StoreUnavailableError` also where STS gives no credentials.
        """
        signer = await self._signing()
        try:
            return await self._dynamodb.call(action, request, signer)
        except CredentialsRejectedError:
            if self._signer is signer:
                self._credentials = self._signer = None
                self._not_before = 0.0
            try:
                return await self._dynamodb.call(action, request, await self._signing())
            except CredentialsRejectedError as again:
                raise StoreUnavailableError(f"new credentials are rejected too: {again}") from again

    async def _signing(self) -> Signer:
        credentials, signer, now = self._credentials, self._signer, self._clock()
        if credentials is not None and signer is not None and now < credentials.expires - MARGIN:
            if now >= credentials.expires - RENEW_BEFORE - self._early and now >= self._not_before:
                self._renew()  # in the background: the ones at hand still hold
            return signer
        try:
            async with asyncio.timeout(PATIENCE):
                await asyncio.shield(self._renew())
        except TimeoutError as error:
            raise StoreUnavailableError(f"STS does not answer for school {self.school_id!r}") from error
        if self._signer is None:
            raise StoreUnavailableError(f"STS gives no credentials for school {self.school_id!r}")
        return self._signer

    def _renew(self) -> asyncio.Task[None]:
        """The one renewal under way, begun if there is none."""
        if self._renewal is None or self._renewal.done():
            self._renewal = asyncio.create_task(self._take())
        return self._renewal

    async def _take(self) -> None:
        now = self._clock()
        if now < self._not_before and self._credentials is None:
            return  # STS failed a moment ago: not a call to it for every request that waits
        try:
            taken = await asyncio.get_running_loop().run_in_executor(_threads(), self._assume, self.school_id)
        except (ClientError, BotoCoreError) as error:
            self._not_before = now + RETRY_AFTER
            left = 0.0 if self._credentials is None else self._credentials.expires - now
            logger.warning(
                "credentials not renewed",
                school_id=self.school_id,
                error=str(error)[:300],
                seconds_left=round(left),
            )
            if left <= MARGIN:
                self._credentials = self._signer = None
            return
        self._credentials = taken
        self._signer = Signer(taken, self._dynamodb.host, self._dynamodb.region, clock=self._now)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)

    async def close(self) -> None:
        """Ends a renewal that is under way."""
        if self._renewal is not None and not self._renewal.done():
            self._renewal.cancel()
            await asyncio.gather(self._renewal, return_exceptions=True)


class Tenants:
    """The schools that were asked for lately.

    Args:
        dynamodb: The service.
        assume: Takes credentials for a school; runs in a thread.
        clock: Seconds since 1970.
        size: Most schools remembered; the one that was not asked for longest is forgotten first.
    """

    def __init__(
        self,
        dynamodb: DynamoDB,
        assume: Assume = assume_tenant_role,
        *,
        clock: Callable[[], float],
        size: int = MOST_TENANTS,
    ) -> None:
        self._dynamodb, self._assume, self._clock, self._size = dynamodb, assume, clock, size
        self._tenants: OrderedDict[str, Tenant] = OrderedDict()

    def of(self, school_id: str) -> Tenant:
        """The store as one school may use it.

        Raises:
            InvalidIdentifierError: The school's identifier cannot be part of a key.
        """
        tenant = self._tenants.get(school_id)
        if tenant is None:
            keys.identifier("school_id", school_id)
            tenant = self._tenants[school_id] = Tenant(school_id, self._dynamodb, self._assume, self._clock)
            if len(self._tenants) > self._size:
                self._tenants.popitem(last=False)
        else:
            self._tenants.move_to_end(school_id)
        return tenant

    def __len__(self) -> int:
        return len(self._tenants)

    async def close(self) -> None:
        """Ends what is under way."""
        for tenant in self._tenants.values():
            await tenant.close()
