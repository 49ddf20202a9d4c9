from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from adapters import tenancy
from adapters.dynamodb import CredentialsRejectedError, StoreUnavailableError
from adapters.request_signing import Credentials
from adapters.tenancy import RENEW_BEFORE, RETRY_AFTER, SPREAD, Tenants
from transforms.keys import InvalidIdentifierError


class Sts:
    """STS: gives credentials for an hour, unless it is down."""

    def __init__(self) -> None:
        self.now, self.taken, self.up = 1_000_000.0, [], True

    def assume(self, school_id: str) -> Credentials:
        self.taken.append(school_id)
        if not self.up:
            raise EndpointConnectionError(endpoint_url="https://sts")
        return Credentials(f"ASIA{len(self.taken)}", school_id, "token", self.now + 3600)


class Store:
    """DynamoDB: remembers with which key it was called; may reject some."""

    host, region = "127.0.0.1:1", "us-east-1"

    def __init__(self) -> None:
        self.keys: list[str] = []
        self.rejects: set[str] = set()

    async def call(self, action: str, request: Mapping[str, Any], signer: Any) -> dict[str, Any]:
        key = signer._credentials.access_key
        self.keys.append(key)
        if key in self.rejects:
            raise CredentialsRejectedError("ExpiredTokenException")
        return {}


World = tuple[Sts, Store, Tenants]


def run(scenario: Callable[[Sts, Store, Tenants], Awaitable[None]], **settings: Any) -> None:
    async def play() -> None:
        sts, store = Sts(), Store()
        tenants = Tenants(store, sts.assume, clock=lambda: sts.now, **settings)  # type: ignore[arg-type]
        await scenario(sts, store, tenants)
        await tenants.close()

    asyncio.run(play())


def test_a_school_takes_credentials_once_for_all_who_wait() -> None:
    async def scenario(sts: Sts, store: Store, tenants: Tenants) -> None:
        await asyncio.gather(*(tenants.of("a").call("GetItem", {}) for _ in range(50)))
        await tenants.of("b").call("GetItem", {})
        assert sts.taken == ["a", "b"]
        assert set(store.keys) == {"ASIA1", "ASIA2"}

    run(scenario)


def test_credentials_are_renewed_before_their_end_without_anyone_waiting() -> None:
    async def scenario(sts: Sts, store: Store, tenants: Tenants) -> None:
        await tenants.of("a").call("GetItem", {})
        sts.now += 3600 - RENEW_BEFORE - SPREAD - 1
        await tenants.of("a").call("GetItem", {})
        assert len(sts.taken) == 1
        sts.now += SPREAD + 2
        await tenants.of("a").call("GetItem", {})  # still the old ones: the renewal runs behind it
        assert store.keys[-1] == "ASIA1"
        await tenants.of("a")._renewal
        await tenants.of("a").call("GetItem", {})
        assert store.keys[-1] == "ASIA2"

    run(scenario)


@pytest.mark.fault
def test_while_sts_is_down_valid_credentials_go_on() -> None:
    async def scenario(sts: Sts, store: Store, tenants: Tenants) -> None:
        await tenants.of("a").call("GetItem", {})
        sts.up = False
        sts.now += 3600 - 60
        for _ in range(20):
            await tenants.of("a").call("GetItem", {})
            await asyncio.sleep(0)
        await tenants.of("a")._renewal
        assert store.keys == ["ASIA1"] * 21
        assert len(sts.taken) == 2  # not one attempt a request
        sts.now += RETRY_AFTER
        await tenants.of("a").call("GetItem", {})
        await tenants.of("a")._renewal
        assert len(sts.taken) == 3

    run(scenario)


@pytest.mark.fault
def test_without_valid_credentials_the_store_is_unavailable_until_sts_is_back() -> None:
    async def scenario(sts: Sts, store: Store, tenants: Tenants) -> None:
        sts.up = False
        for _ in range(5):
            with pytest.raises(StoreUnavailableError, match="STS"):
                await tenants.of("a").call("GetItem", {})
        assert len(sts.taken) == 1
        sts.up = True
        sts.now += RETRY_AFTER
        await tenants.of("a").call("GetItem", {})
        assert store.keys == ["ASIA2"]

    run(scenario)


@pytest.mark.fault
def test_expired_credentials_are_never_used_although_sts_is_down() -> None:
    async def scenario(sts: Sts, store: Store, tenants: Tenants) -> None:
        await tenants.of("a").call("GetItem", {})
        sts.up = False
        sts.now += 3600
        with pytest.raises(StoreUnavailableError):
            await tenants.of("a").call("GetItem", {})
        assert store.keys == ["ASIA1"]

    run(scenario)


@pytest.mark.fault
def test_an_sts_that_hangs_costs_patience_and_no_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tenancy, "PATIENCE", 0.05)

    async def scenario(sts: Sts, store: Store, tenants: Tenants) -> None:
        release = asyncio.Event()

        async def hang() -> None:
            await release.wait()

        tenants.of("a")._renewal = asyncio.create_task(hang())
        with pytest.raises(StoreUnavailableError, match="does not answer"):
            await tenants.of("a").call("GetItem", {})
        release.set()

    run(scenario)


def test_revoked_credentials_are_replaced_once() -> None:
    async def scenario(sts: Sts, store: Store, tenants: Tenants) -> None:
        store.rejects = {"ASIA1"}
        await tenants.of("a").call("GetItem", {})
        assert store.keys == ["ASIA1", "ASIA2"]
        store.rejects = {f"ASIA{n}" for n in range(100)}
        with pytest.raises(StoreUnavailableError, match="new credentials are rejected too"):
            await tenants.of("a").call("GetItem", {})
        assert len(store.keys) == 4

    run(scenario)


def test_the_number_of_schools_has_a_bound_and_the_idle_ones_go_first() -> None:
    async def scenario(sts: Sts, store: Store, tenants: Tenants) -> None:
        for number in range(700):
            await tenants.of(f"school_{number}").call("GetItem", {})
            tenants.of("school_0")
        assert len(tenants) == 500
        before = len(sts.taken)
        await tenants.of("school_0").call("GetItem", {})
        assert len(sts.taken) == before

    run(scenario, size=500)


def test_a_school_that_cannot_be_a_key_has_no_credentials() -> None:
    async def scenario(sts: Sts, store: Store, tenants: Tenants) -> None:
        with pytest.raises(InvalidIdentifierError):
            tenants.of("a#b")
        assert len(tenants) == 0

    run(scenario)
