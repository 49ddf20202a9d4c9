"""Sends a scenario's messages over HTTP, as the schools' own systems would."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Iterator

import aiohttp

from pipelines.simulation.scenario import Message

AT_ONCE = 48  # requests under way; more only lengthens the queue in front of the gateway
ATTEMPTS = 4


class SendFailedError(RuntimeError):
    """The gateway could not be reached, or kept failing."""


def send(
    messages: Iterable[Message],
    *,
    endpoint: str,
    token_of: Callable[[str], str],
    progress: Callable[[int], None] = lambda _: None,
) -> Counter[int]:
    """Posts messages to `POST /behavior`, each with its school's token.

    Args:
        messages: Taken one at a time; begun in their order.
        endpoint: Base address of the API.
        token_of: The bearer token of a school.
        progress: Called with the number of requests answered since the last call.

    Returns:
        How many requests were answered with which HTTP status.

    Raises:
        SendFailedError: A request failed on the way, or with a 5xx, in every attempt.
    """
    return asyncio.run(_send(iter(messages), endpoint, token_of, progress))


async def _send(
    messages: Iterator[Message],
    endpoint: str,
    token_of: Callable[[str], str],
    progress: Callable[[int], None],
) -> Counter[int]:
    statuses: Counter[int] = Counter()
    tokens: dict[str, str] = {}
    connector = aiohttp.TCPConnector(limit=AT_ONCE)
    async with aiohttp.ClientSession(endpoint, connector=connector) as session:

        async def work() -> None:
            for message in messages:
                token = tokens.get(message.school_id)
                if token is None:
                    token = tokens[message.school_id] = f"Bearer {token_of(message.school_id)}"
                statuses[await _post(session, message.body, token)] += 1
                progress(1)

        async with asyncio.TaskGroup() as senders:
            for _ in range(AT_ONCE):
                senders.create_task(work())
    return statuses


async def _post(session: aiohttp.ClientSession, body: bytes, token: str) -> int:
    headers = {"Authorization": token, "Content-Type": "application/json"}
    failure = ""
    for attempt in range(ATTEMPTS):
        try:
            async with session.post("/behavior", data=body, headers=headers) as response:
                await response.read()
                if response.status < 500:
                    return response.status
                failure = f"status {response.status}"
        except aiohttp.ClientError as error:
            failure = str(error)
        await asyncio.sleep(0.1 * 2**attempt)
    raise SendFailedError(f"POST /behavior failed {ATTEMPTS} times: {failure}; is the local cloud still up?")
