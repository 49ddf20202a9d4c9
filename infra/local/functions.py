"""The Lambda runtime: worker processes that run handlers by the names in the templates."""

from __future__ import annotations

import asyncio
import socket
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from infra.local.children import Child, base_environment
from infra.local.declarations import FunctionDeclaration
from infra.local.function_worker import FRAME

MAX_PAYLOAD = 6 * 1024 * 1024  # bytes, of a synchronous request and of its answer (Lambda quotas)
START_TIMEOUT = 120.0  # seconds for importing a handler; apart from its own time-out, as in Lambda
LIFETIME = 45 * 60.0  # seconds of an instance; its role's session lasts an hour
INSTANCES = 2  # of one function; more would only take turns on two cores


class FunctionError(Exception):
    """A handler raised, ran out of time or could not be imported.

    Attributes:
        function: Its name.
        error_type: The handler's own exception type, or Lambda's own such as `Sandbox.Timedout`.
        error_message: The exception's message.
        stack: Lines of the traceback.
        payload: The whole error as Lambda returns it.
    """

    def __init__(self, function: str, payload: bytes) -> None:
        error: dict[str, Any] = msgspec.json.decode(payload)
        self.function = function
        self.error_type = str(error.get("errorType"))
        self.error_message = str(error.get("errorMessage"))
        self.stack: list[str] = error.get("stackTrace", [])
        self.payload = payload
        super().__init__(f"{function}: {self.error_type}: {self.error_message}")


class UnknownFunctionError(LookupError):
    """No template declares a function of this name."""


class PayloadTooLargeError(ValueError):
    """A request or an answer is longer than Lambda takes."""


@dataclass
class _Instance:
    child: Child
    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    retires_at: float

    async def ask(self, head: Mapping[str, Any], payload: bytes) -> tuple[dict[str, Any], bytes]:
        encoded = msgspec.json.encode(head)
        self.writer.writelines((FRAME.pack(len(encoded), len(payload)), encoded, payload))
        await self.writer.drain()
        return await self.answer()

    async def answer(self) -> tuple[dict[str, Any], bytes]:
        head_size, payload_size = FRAME.unpack(await self.reader.readexactly(FRAME.size))
        head = msgspec.json.decode(await self.reader.readexactly(head_size))
        return head, await self.reader.readexactly(payload_size)

    def kill(self) -> None:
        self.writer.close()
        self.child.kill()


class _Function:
    """One function: its instances, at most so many at once."""

    def __init__(
        self,
        declaration: FunctionDeclaration,
        common: Mapping[str, str],
        credentials_of: Callable[[str], Mapping[str, str]],
        log: Path,
    ) -> None:
        self.declaration = declaration
        self._common = common
        self._credentials_of = credentials_of
        self._log = log
        self._idle: list[_Instance] = []
        limit = min(INSTANCES, declaration.reserved_concurrency or INSTANCES)
        self._slots = asyncio.Semaphore(limit)

    async def invoke(self, payload: bytes) -> bytes:
        name = self.declaration.name
        if len(payload) > MAX_PAYLOAD:
            raise PayloadTooLargeError(
                f"{name}: a payload of {len(payload)} bytes: the limit is {MAX_PAYLOAD}"
            )
        async with self._slots:
            instance = self._idle_instance() or await self._start()
            request_id = str(uuid.uuid4())
            timeout = self.declaration.timeout
            head = {
                "request_id": request_id,
                "arn": self.declaration.arn,
                "deadline": time.time() + timeout,
            }
            try:
                async with asyncio.timeout(timeout):
                    answer, body = await instance.ask(head, payload)
            except TimeoutError:
                instance.kill()
                raise self._error(
                    request_id, "Sandbox.Timedout", f"Task timed out after {timeout:.2f} seconds"
                ) from None
            except (asyncio.IncompleteReadError, ConnectionError):
                instance.kill()
                status = instance.child.process.returncode
                raise self._error(
                    request_id, "Runtime.ExitError", f"Runtime exited with error: exit status {status}"
                ) from None
            except BaseException:
                instance.kill()  # its answer would reach the next caller
                raise
            self._idle.append(instance)
        if not answer["ok"]:
            raise FunctionError(name, body)
        if len(body) > MAX_PAYLOAD:
            message = (
                f"Response payload size ({len(body)} bytes) exceeded maximum allowed payload size "
                f"({MAX_PAYLOAD} bytes)."
            )
            raise self._error(request_id, "Function.ResponseSizeTooLarge", message)
        return body

    def _error(self, request_id: str, kind: str, message: str) -> FunctionError:
        if kind != "Function.ResponseSizeTooLarge":
            message = f"RequestId: {request_id} {'Error: ' if kind == 'Runtime.ExitError' else ''}{message}"
        return FunctionError(
            self.declaration.name, msgspec.json.encode({"errorType": kind, "errorMessage": message})
        )

    def _idle_instance(self) -> _Instance | None:
        while self._idle:
            instance = self._idle.pop()
            if time.monotonic() < instance.retires_at:
                return instance
            instance.kill()
        return None

    async def _start(self) -> _Instance:
        credentials = await asyncio.to_thread(self._credentials_of, self.declaration.role_arn)
        ours, theirs = socket.socketpair()
        with theirs, self._log.open("ab") as log:
            child = Child(
                "infra.local.function_worker",
                [self.declaration.handler, str(theirs.fileno())],
                environment=environment_of(self.declaration, self._common, credentials),
                files=[theirs.fileno()],
                log=log,
            )
        reader, writer = await asyncio.open_connection(sock=ours, limit=MAX_PAYLOAD)
        instance = _Instance(child, reader, writer, time.monotonic() + LIFETIME)
        try:
            async with asyncio.timeout(START_TIMEOUT):
                await instance.answer()
        except (TimeoutError, asyncio.IncompleteReadError) as failed:
            instance.kill()
            raise RuntimeError(f"{self.declaration.name} did not start; its log is {self._log}") from failed
        except BaseException:
            instance.kill()
            raise
        return instance

    def stop(self) -> None:
        while self._idle:
            self._idle.pop().kill()


class FunctionRuntime:
    """All functions of the local cloud. Its coroutines belong to one event loop.

    Args:
        declarations: The functions.
        common: Variables that Lambda itself sets for any function: endpoints, region.
        credentials_of: Fresh credentials of a role, as variables; called on other threads.
        logs: Directory of the functions' logs.
    """

    def __init__(
        self,
        declarations: list[FunctionDeclaration],
        *,
        common: Mapping[str, str],
        credentials_of: Callable[[str], Mapping[str, str]],
        logs: Path,
    ) -> None:
        logs.mkdir(parents=True, exist_ok=True)
        self._functions = {
            declaration.name: _Function(declaration, common, credentials_of, logs / f"{declaration.name}.log")
            for declaration in declarations
        }

    def names(self) -> list[str]:
        """All functions' names."""
        return sorted(self._functions)

    async def invoke(self, name: str, payload: bytes) -> bytes:
        """Runs a function and waits for its answer.

        Args:
            name: Its name or ARN.
            payload: JSON.

        Raises:
            UnknownFunctionError: Nobody declares it.
            FunctionError: The handler failed.
            PayloadTooLargeError: More than 6 MB.
        """
        short = name.split(":function:", 1)[-1].split(":", 1)[0]
        if short not in self._functions:
            raise UnknownFunctionError(f"no function {short!r}: declared are {self.names()}")
        return await self._functions[short].invoke(payload)

    async def stop(self) -> None:
        """Ends all workers."""
        for function in self._functions.values():
            function.stop()


def environment_of(
    declaration: FunctionDeclaration, common: Mapping[str, str], credentials: Mapping[str, str]
) -> dict[str, str]:
    """All variables of one function's process: its own and Lambda's, nobody else's.

    https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html
    """
    region = common["AWS_REGION"]
    return {
        **base_environment(),
        **common,
        **credentials,
        "AWS_DEFAULT_REGION": region,
        "AWS_LAMBDA_FUNCTION_NAME": declaration.name,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(declaration.memory),
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{declaration.name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": "local",
        "AWS_EXECUTION_ENV": "AWS_Lambda_local",
        "_HANDLER": declaration.handler,
        "TZ": ":UTC",
        "POWERTOOLS_TRACE_DISABLED": "true",  # no X-Ray daemon runs here
        **declaration.environment,
    }
