"""The local cloud: starts everything that the templates declare, on one machine.

with LocalCloud.start() as cloud:
os.environ.update(cloud.environment)
"""

from __future__ import annotations

import fcntl
import json
import logging
import os
import re
import shlex
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any

import msgspec

from infra.local import aws, processes
from infra.local.api import ISSUER_PATH
from infra.local.asgi import bound_socket, url
from infra.local.aws import ACCOUNT_ID, ADMINISTRATOR, REGION, Store
from infra.local.children import REPOSITORY
from infra.local.iam.calls import Call, read_calls
from infra.local.identity import Issuer
from infra.local.resources import make_all
from infra.local.resources.edge import resolved
from infra.local.resources.maker import Workshop
from infra.local.runtime import Progress, Runtime
from infra.local.stacks import Stacks
from infra.local.templates import read_template

DEFAULT_STATE_DIR = Path(".luca/local")
AUDIENCE = "luca"
# Parameters of schedules that a person starts here: the work is long, or its cloud has no exports.
STARTED_BY_HAND = ("HourlyLoad", "DailyTrends", "DailyCompleteness", "RetentionAudits", "NightlyMaintenance")
WAIT_SCALE = 0.02  # of state machines: 45 s take one


class Functions:
    """The functions of the local cloud, for callers on other threads."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    def names(self) -> list[str]:
        """All functions."""
        return self._runtime.functions.names()

    def invoke(self, name: str, payload: Any) -> Any:
        """Runs a function and gives its answer.

        Args:
            name: Of the function.
            payload: Whatever JSON can say.

        Raises:
            FunctionError: The handler failed; it carries the handler's own exception type.
        """
        answer = self._runtime.run(self._runtime.functions.invoke(name, msgspec.json.encode(payload)))
        return msgspec.json.decode(answer)


class LocalCloud:
    """A running local cloud. Made by `start`; ends with its `with` block.

    Attributes:
        environment: What clients need to reach it: `AWS_*`, and a `LUCA_*` for each output of the templates.
        absent: What the templates declare and this cloud does not run, and why.
        functions: Its functions.
        state_dir: Its files: environment, logs, buffers, checkpoints.
    """

    def __init__(self, state_dir: Path) -> None:
        self.state_dir = state_dir
        self.environment: dict[str, str] = {}
        self.absent: list[tuple[str, str]] = []
        self.functions: Functions
        self._issuer: Issuer
        self._runtime: Runtime
        self._store_calls: Path
        self._exit = ExitStack()

    @classmethod
    def start(
        cls,
        state_dir: Path | None = None,
        *,
        templates: Sequence[Path] | None = None,
        parameters: Mapping[str, str] = {},
        wait_scale: float = WAIT_SCALE,
    ) -> LocalCloud:
        """Starts a local cloud.

        Args:
            state_dir: For its files; default `.luca/local`. One cloud at a time.
            templates: Default: all of `infra/*.yaml`.
            parameters: Of the templates. `JwtIssuer` is the local issuer unless given, `GovernmentEndpoint`
                the government's stand-in, each of `STARTED_BY_HAND` `DISABLED`, and `Compute` `none`.
            wait_scale: What a second of a state machine's waiting takes here, in seconds.

        Raises:
            TemplateError: A template declares what cannot be run here.
            RuntimeError: Another cloud uses the state directory, or a part did not start.
        """
        cloud = cls((state_dir or DEFAULT_STATE_DIR).resolve())
        try:
            found = list(templates or sorted((REPOSITORY / "infra").glob("*.yaml")))
            cloud._start(found, dict(parameters), wait_scale)
        except BaseException:
            cloud.stop()
            raise
        return cloud

    def _start(self, templates: list[Path], parameters: dict[str, str], wait_scale: float) -> None:
        self.state_dir.mkdir(parents=True, exist_ok=True)
        self._exit.enter_context(_only_one(self.state_dir))
        (self.state_dir / "logs").mkdir(exist_ok=True)
        self._exit.enter_context(_logging_to(self.state_dir / "logs" / "cloud.log"))
        store = Store(self.state_dir)
        self._store_calls = store.calls
        self._exit.callback(store.stop)
        analytics = processes.Analytics(self.state_dir)
        self._exit.callback(analytics.stop)
        listener, door = self._exit.enter_context(bound_socket()), self._exit.enter_context(bound_socket())
        here, gateway = url(listener), url(door)
        self._issuer = Issuer(f"{here}{ISSUER_PATH}", parameters.get("JwtAudience", AUDIENCE))
        read = [read_template(path) for path in templates]
        if any("JwtIssuer" in template.parameters for template in read):
            parameters.setdefault("JwtIssuer", self._issuer.url)
        for name in STARTED_BY_HAND:
            if any(name in template.parameters for template in read):
                parameters.setdefault(name, "DISABLED")
        if any("Compute" in template.parameters for template in read):
            parameters.setdefault("Compute", "none")  # `make api` runs the container
        government: dict[str, str] = {}
        if any("GovernmentEndpoint" in template.parameters for template in read):
            office = self._exit.enter_context(processes.government(self.state_dir))
            parameters.setdefault("GovernmentEndpoint", office)
            government = {"LUCA_LOCAL_GOVERNMENT": office}
        stacks = Stacks(read, parameters, account_id=ACCOUNT_ID, region=REGION)

        self.environment = {
            **ADMINISTRATOR,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_REGION": REGION,
            "AWS_ENDPOINT_URL": store.endpoint,
            "AWS_ENDPOINT_URL_GLUE": analytics.glue(),
            "AWS_ENDPOINT_URL_FIREHOSE": here,
            "AWS_ENDPOINT_URL_LAMBDA": here,
            "AWS_ENDPOINT_URL_SFN": here,
            "LUCA_LOCAL_CLOUD": here,
            **government,
        }
        store.wait()
        shop = Workshop(
            lambda service: aws.client(service, self.environment),
            account_id=ACCOUNT_ID,
            region=REGION,
            gateway_endpoint=gateway,
            folders=tuple(dict.fromkeys(path.resolve().parent for path in templates)),
        )
        make_all(stacks, shop)
        self.absent = shop.plan.absent
        shop.plan.edge_headers = resolved(shop.plan.edge_headers, shop.client("secretsmanager"))
        self.environment["AWS_ENDPOINT_URL_ATHENA"] = analytics.athena(
            shop.plan, glue=self.environment["AWS_ENDPOINT_URL_GLUE"], s3=store.endpoint
        )
        self.environment |= {variable(name): value for name, value in stacks.outputs().items()}
        self._runtime = Runtime(
            shop.plan,
            environment=self.environment,
            state_dir=self.state_dir,
            issuer=self._issuer,
            credentials_of=_credentials(shop),
            listener=listener,
            wait_scale=wait_scale,
        )
        self._exit.callback(self._runtime.stop)
        self._runtime.start()
        self.functions = Functions(self._runtime)
        self._exit.enter_context(processes.gateway(door, shop.plan, self.environment, self.state_dir))
        self._write_environment()

    def _write_environment(self) -> None:
        path = self.state_dir / "environment.json"
        path.write_text(json.dumps({"pid": os.getpid(), "environment": self.environment}, indent=1) + "\n")
        self._exit.callback(path.unlink, missing_ok=True)

    def token(self, school_id: str | None, role: str = "teacher", **claims: Any) -> str:
        """A token of the local issuer.

        Args:
            school_id: The claim that says for which school its bearer speaks.
            role: Likewise.
            claims: Others, or replacements such as `exp=…`; None leaves a claim out.
        """
        return self._issuer.token(school_id, role, **claims)

    def calls(self) -> set[Call]:
        """What roles have done at the store so far, once a kind. Glue and Athena ask no role."""
        return read_calls(self._store_calls)

    def settle(self, timeout: float = 300, progress: Progress | None = None) -> None:
        """Waits until all that was sent has arrived: queues empty, pipes caught up, Firehose delivered.

        Args:
            timeout: Seconds.
            progress: Is told now and then, in words, how far it has come.

        Raises:
            TimeoutError: Names what did not settle.
        """
        self._runtime.run(self._runtime.settle(timeout, progress))

    def stop_pipe(self, name: str) -> None:
        """Stops a pipe; its stream goes on without it, and `settle` does not wait for it."""
        self._runtime.run(self._runtime.pipe(name).stop())

    def start_pipe(self, name: str) -> None:
        """Starts a stopped pipe where it was."""

        async def start() -> None:
            self._runtime.pipe(name).start()

        self._runtime.run(start())

    def stop_source(self, function: str) -> None:
        """Stops polling the queues of a function: messages pile up."""
        self._runtime.run(self._runtime.stop_source(function))

    def start_source(self, function: str) -> None:
        """Polls them again."""
        self._runtime.run(self._runtime.start_source(function))

    def fire(self, schedule: str, moment: datetime) -> None:
        """Lets a schedule be due now, by its name; its target is told `moment` as its time.

        Raises:
            LookupError: No template declares it.
            FunctionError: Its target failed.
        """
        self._runtime.run(self._runtime.fire(schedule, moment))

    def banner(self) -> str:
        """What a person wants to know about a running cloud."""
        lines = ["Luca's local cloud is up.", ""]
        lines += [
            f"  {name:<28}{value}" for name, value in self.environment.items() if value.startswith("http://")
        ]
        for source in self._runtime.sources.values():
            declared = source.declaration.maximum_concurrency
            lines.append(
                f"  {source.declaration.name}: {source.concurrency} workers at once (declared: {declared})"
            )
        lines += ["", "In another shell:", '  eval "$(luca local env)"', ""]
        if self.absent:
            lines += ["Deliberately absent:", *_told_by_reason(self.absent), ""]
        return "\n".join(
            [*lines, f"Logs: {self.state_dir / 'logs'}. Ctrl-C ends it; the store is in memory."]
        )

    def stop(self) -> None:
        """Ends everything; no process is left."""
        self._exit.close()

    def __enter__(self) -> LocalCloud:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()


def _told_by_reason(absent: Sequence[tuple[str, str]]) -> Iterator[str]:
    """One line a reason; of resources, their types and how many."""
    whats: dict[str, Counter[str]] = defaultdict(Counter)
    for what, why in absent:
        whats[why][what.rpartition("(")[2].rstrip(")")] += 1
    for why, counted in whats.items():
        named = (f"{kind} ({count})" if count > 1 else kind for kind, count in sorted(counted.items()))
        yield f"  {why}: {', '.join(named)}"


def variable(output: str) -> str:
    """The environment variable of a template's output: `LakeBucket` is `LUCA_LAKE_BUCKET`."""
    return "LUCA_" + re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "_", output).upper()


def exports(environment: Mapping[str, str]) -> str:
    """Shell lines that set an environment."""
    return "\n".join(f"export {name}={shlex.quote(value)}" for name, value in environment.items())


def _credentials(shop: Workshop) -> Callable[[str], Mapping[str, str]]:
    def of(role_arn: str) -> Mapping[str, str]:
        session = shop.client("sts").assume_role(RoleArn=role_arn, RoleSessionName="function")["Credentials"]
        return {
            "AWS_ACCESS_KEY_ID": session["AccessKeyId"],
            "AWS_SECRET_ACCESS_KEY": session["SecretAccessKey"],
            "AWS_SESSION_TOKEN": session["SessionToken"],
        }

    return of


@contextmanager
def _only_one(state_dir: Path) -> Iterator[None]:
    """Holds the state directory's lock: two clouds would mix their buffers."""
    with (state_dir / "lock").open("a+") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise RuntimeError(
                f"another local cloud runs in {state_dir}: end it, or name another state directory"
            ) from None
        yield


@contextmanager
def _logging_to(path: Path) -> Iterator[None]:
    """Keeps what the pollers, pipes and streams have to say out of the terminal."""
    logger = logging.getLogger("infra.local")
    handler = logging.FileHandler(path, encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        handler.close()
