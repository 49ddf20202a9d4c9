"""The running half of the local cloud's main process: one event loop on a thread of its own.

It holds queues' pollers, pipes, delivery streams, the function runtime and the HTTP side.
"""

from __future__ import annotations

import asyncio
import json
import socket
import threading
from collections.abc import Callable, Coroutine, Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import uvicorn
from botocore.exceptions import ClientError

from infra.local.api import Api
from infra.local.asgi import server
from infra.local.aws import ADMINISTRATOR, REGION, client
from infra.local.containers import Containers
from infra.local.declarations import PipeDeclaration, Plan, ScheduleDeclaration
from infra.local.event_sources import QueueSource
from infra.local.firehose.delivery import DeliveryStream
from infra.local.functions import FunctionRuntime
from infra.local.identity import Issuer
from infra.local.pipes import Pipe
from infra.local.schedules import Schedule, Target
from infra.local.state_machines.execution import StateError
from infra.local.state_machines.functions import invoking
from infra.local.state_machines.service import StateMachines
from infra.local.streams import Shard
from infra.local.templates import TemplateError
from infra.local.wire import JsonService

T = TypeVar("T")
Progress = Callable[[str], None]


class Runtime:
    """Everything of a plan that this process plays.

    Args:
        plan: What the templates declare.
        environment: Of the local cloud; functions get its `AWS_*` variables.
        state_dir: For buffers, checkpoints and logs.
        issuer: Of tokens.
        credentials_of: The credentials of a role, as variables.
        listener: Where the HTTP side is served.
        wait_scale: What a second of a state machine's waiting takes here, in seconds.
    """

    def __init__(
        self,
        plan: Plan,
        *,
        environment: Mapping[str, str],
        state_dir: Path,
        issuer: Issuer,
        credentials_of: Callable[[str], Mapping[str, str]],
        listener: socket.socket,
        wait_scale: float,
    ) -> None:
        self._plan = plan
        self._environment = dict(environment)
        self._state_dir = state_dir
        self._issuer = issuer
        self._listener = listener
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="local-cloud", daemon=True)
        self.sources: dict[str, QueueSource] = {}
        self.pipes: dict[str, Pipe] = {}
        self.deliveries: dict[str, DeliveryStream] = {}
        self.schedules: dict[str, Schedule] = {}
        self._sqs = self._service("sqs", "AmazonSQS", 16)
        self._streams = self._service("dynamodb", "DynamoDBStreams_20120810", 8)
        endpoints = {key: value for key, value in environment.items() if key.startswith("AWS_ENDPOINT_URL")}
        self.functions = FunctionRuntime(
            plan.functions,
            common={**endpoints, "AWS_REGION": REGION},
            credentials_of=credentials_of,
            logs=state_dir / "logs",
        )
        self.containers = Containers(
            plan.containers,
            common={**endpoints, "AWS_REGION": REGION, "AWS_DEFAULT_REGION": REGION},
            credentials_of=credentials_of,
            logs=state_dir / "logs",
        )
        self.machines = StateMachines(
            plan.machines,
            invoke=invoking(self.functions),
            wait_scale=wait_scale,
            run_task=self.containers.run_task,
            read_object=self._read_object,
        )
        self._server: uvicorn.Server | None = None
        self._serving: asyncio.Task[None] | None = None

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Runs a coroutine on the loop, from any other thread, and gives its result."""
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result()

    def start(self) -> None:
        """Starts everything."""
        self._thread.start()
        self.run(self._start())

    async def stop_source(self, function: str) -> None:
        """Stops polling the queues of a function."""
        for source in self._sources_of(function):
            await source.stop()

    async def start_source(self, function: str) -> None:
        """Polls them again."""
        for source in self._sources_of(function):
            source.start()

    def _sources_of(self, function: str) -> list[QueueSource]:
        found = [source for source in self.sources.values() if source.declaration.function == function]
        if not found:
            names = sorted({source.declaration.function for source in self.sources.values()})
            raise LookupError(f"no queue feeds a function {function!r}: queues feed {names}")
        return found

    def pipe(self, name: str) -> Pipe:
        """A pipe by its name.

        Raises:
            LookupError: No template declares it.
        """
        if name not in self.pipes:
            raise LookupError(f"no pipe {name!r}: declared are {sorted(self.pipes)}")
        return self.pipes[name]

    def stop(self) -> None:
        """Stops everything; what Firehose holds is delivered first."""
        if not self._thread.is_alive():
            return
        try:
            self.run(self._stop())
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    def _service(self, name: str, target: str, connections: int) -> JsonService:
        return JsonService(
            self._environment["AWS_ENDPOINT_URL"],
            name,
            target,
            access_key=ADMINISTRATOR["AWS_ACCESS_KEY_ID"],
            region=REGION,
            connections=connections,
        )

    async def _start(self) -> None:
        for declared in self._plan.deliveries:
            directory = self._state_dir / "firehose" / declared.name
            stream = DeliveryStream(declared, directory, lambda name: client(name, self._environment))
            self.deliveries[declared.name] = stream
            stream.start()
        for pipe in self._plan.pipes:
            self.pipes[pipe.name] = await self._pipe(pipe)
            self.pipes[pipe.name].start()
        for mapping in self._plan.mappings:
            url = self._queue(mapping.queue_arn, f"function {mapping.function}")
            source = QueueSource(mapping, url, self._sqs, self.functions, REGION)
            self.sources[mapping.name] = source
            source.start()
        for schedule in self._plan.schedules:
            self.schedules[schedule.name] = Schedule(schedule, self._target(schedule))
            self.schedules[schedule.name].start()
        api = Api(
            issuer=self._issuer,
            functions=self.functions,
            deliveries=self.deliveries,
            machines=self.machines,
            settle=self.settle,
            environment=self._environment,
        )
        self._server = server(api)
        self._serving = asyncio.create_task(self._server.serve(sockets=[self._listener]))

    async def _read_object(self, bucket: str, key: str) -> bytes:
        def read() -> bytes:
            s3 = client("s3", self._environment)
            body: bytes = s3.get_object(Bucket=bucket, Key=key)["Body"].read()
            return body

        try:
            return await asyncio.to_thread(read)
        except ClientError as refused:
            raise StateError("States.ItemReaderFailed", f"s3://{bucket}/{key}: {refused}") from refused

    def _queue(self, arn: str, who: str) -> str:
        if arn not in self._plan.queues:
            raise TemplateError(f"{who}: {arn} is no declared queue")
        return self._plan.queues[arn]

    async def _pipe(self, declared: PipeDeclaration) -> Pipe:
        shard = await Shard.of(declared.stream_arn, self._streams)
        directory = self._state_dir / "pipes" / declared.name
        directory.mkdir(parents=True, exist_ok=True)
        # A stream made anew has a new label, so a mark never meets a stream that it is not of.
        label = declared.stream_arn.rsplit("/", 1)[1].replace(":", "-")
        target = declared.target_arn.rsplit("/", 1)[-1]
        if target not in self.deliveries:
            raise TemplateError(
                f"pipe {declared.name}: target {declared.target_arn} is no declared delivery stream"
            )
        return Pipe(
            declared,
            shard,
            directory / f"{label}.{shard.shard_id}",
            enrich=self._enrichment(declared),
            deliver=self.deliveries[target].put,
            bury=self._burial(declared),
        )

    def _enrichment(self, declared: PipeDeclaration) -> Callable[[bytes], Coroutine[Any, Any, bytes]] | None:
        name = declared.enrichment_arn
        if name is not None and name not in {function.arn for function in self._plan.functions}:
            raise TemplateError(f"pipe {declared.name}: enrichment {name} is no declared function")
        return None if name is None else lambda payload: self.functions.invoke(name, payload)

    def _burial(
        self, declared: PipeDeclaration
    ) -> Callable[[dict[str, Any]], Coroutine[Any, Any, None]] | None:
        if declared.dead_letter_arn is None:
            return None
        url = self._queue(declared.dead_letter_arn, f"pipe {declared.name}")

        async def bury(message: dict[str, Any]) -> None:
            await self._sqs.call("SendMessage", {"QueueUrl": url, "MessageBody": json.dumps(message)})

        return bury

    def _target(self, declared: ScheduleDeclaration) -> Target:
        kind = declared.target_arn.split(":")[2]
        if kind == "lambda":
            return lambda payload: self.functions.invoke(declared.target_arn, payload)
        if kind == "states":
            return lambda payload: self._start_machine(declared.target_arn, payload)
        if kind == "ecs" and declared.task_definition_arn is not None:
            task = declared.task_definition_arn
            return lambda payload: self.containers.run_scheduled(task, payload)
        raise TemplateError(
            f"schedule {declared.name}: a target of {kind!r} is not run here: only functions, machines and "
            "tasks are"
        )

    async def _start_machine(self, arn: str, payload: bytes) -> str:
        return self.machines.start(arn, None, json.loads(payload)).arn

    async def fire(self, schedule: str, moment: datetime) -> object:
        """Calls a schedule's target as at one of its times.

        Raises:
            LookupError: No template declares it.
            FunctionError, StateError: The target failed.
        """
        if schedule not in self.schedules:
            raise LookupError(f"no schedule {schedule!r}: declared are {sorted(self.schedules)}")
        return await self.schedules[schedule].fire(moment)

    async def _stop(self) -> None:
        for schedule in self.schedules.values():
            await schedule.stop()
        await self.machines.stop()
        for source in self.sources.values():
            await source.stop()
        for pipe in self.pipes.values():
            await pipe.stop()
        for stream in self.deliveries.values():
            await stream.stop()
        if self._server is not None and self._serving is not None:
            self._server.should_exit = True
            await self._serving
        await self.functions.stop()
        self._sqs.close()
        self._streams.close()

    async def settle(self, timeout: float = 300, progress: Progress | None = None) -> None:
        """Waits until queues are empty and pipes have caught up, then delivers all buffers.

        Args:
            timeout: Seconds.
            progress: Is told now and then how far it has come.

        Raises:
            TimeoutError: Names what did not settle.
        """
        state: dict[str, str] = {}
        try:
            async with asyncio.timeout(timeout):
                while True:
                    await self._queues_empty(state, progress)
                    await self._pipes_caught_up(state, progress)
                    if not await self._waiting(state):  # a pipe may have caused new messages
                        break
                for stream in self.deliveries.values():
                    state[stream.declaration.name] = "not delivered yet"
                    await stream.flush()
                    del state[stream.declaration.name]
        except TimeoutError:
            left = "; ".join(f"{name}: {what}" for name, what in state.items())
            raise TimeoutError(f"the local cloud did not settle within {timeout:.0f} s: {left}") from None

    async def _waiting(self, state: dict[str, str]) -> bool:
        for source in self.sources.values():
            if not source.running:
                continue
            waiting, working = await source.depth()
            name = source.queue_url.rsplit("/", 1)[1]
            state.pop(name, None)
            if waiting or working:
                state[name] = f"{waiting} messages wait, {working} are in flight"
        return bool(state)

    async def _queues_empty(self, state: dict[str, str], progress: Progress | None) -> None:
        while await self._waiting(state):
            if progress is not None:
                progress("; ".join(f"{name}: {what}" for name, what in state.items()))
            await asyncio.sleep(0.2)

    async def _pipes_caught_up(self, state: dict[str, str], progress: Progress | None) -> None:
        for name, pipe in self.pipes.items():
            state[name] = "has not caught up with its stream"
            if progress is not None:
                progress(f"{name}: catching up, {pipe.carried} records carried")
            await pipe.catch_up()
            del state[name]
