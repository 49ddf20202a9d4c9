"""`luca local`: the whole platform on this machine, from the same templates as in AWS.

`infra` is imported by the commands that play AWS alone: the image of the jobs has `luca` and leaves it out.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import signal
import threading
import urllib.request
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.progress import console, step

STATE = Path(".luca/local")
BUCKET = re.compile("LUCA_[A-Z]+_BUCKET")
StateOption = Annotated[
    Path, typer.Option("--state", help="Folder that holds what the local cloud remembers.")
]

API_PORT = 8080  # as `python -m api` listens

app = typer.Typer(
    help="The platform on this machine: what infra/*.yaml declares, run here.", no_args_is_help=True
)


class NotRunningError(RuntimeError):
    """There is no local cloud to talk to."""


@app.command()
def up(
    state: StateOption = STATE,
    api_port: Annotated[
        int,
        typer.Option(help="Where the API listens (`make api`): the gateway sends on what is not its own."),
    ] = API_PORT,
    parameter: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME=VALUE", help="Of the templates, such as LoadShardFiles=1; may be given again."
        ),
    ] = None,
) -> None:
    """Run the platform until ctrl-C.

    In another shell: eval "$(luca local env)", then luca simulate, luca load, luca trends, luca query.
    """
    parameters = {"ContainerUrl": f"http://127.0.0.1:{api_port}", **_named(parameter or ())}
    from infra.local.cloud import LocalCloud

    stop = stop_signal()
    with LocalCloud.start(state, parameters=parameters) as cloud:
        console.print(cloud.banner())
        while not stop.wait(0.5):
            pass
        console.print("stopping: flushing what is buffered …")
    console.print("stopped")


def _named(given: Iterable[str]) -> dict[str, str]:
    parted = {each: each.partition("=") for each in given}
    for each, (name, equals, _) in parted.items():
        if not (name and equals):
            raise typer.BadParameter(f"{each!r} is no NAME=VALUE", param_hint="--parameter")
    return {name: value for name, _, value in parted.values()}


def stop_signal() -> threading.Event:
    """What ctrl-C and SIGTERM set from now on, instead of ending the process where it stands."""
    stop = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.set())
    return stop


@app.command()
def env(state: StateOption = STATE) -> None:
    """Print the environment of the running local cloud, for eval "$(luca local env)"."""
    for name, value in sorted(environment(state).items()):
        typer.echo(f"export {name}={shlex.quote(value)}")


@app.command()
def settle(state: StateOption = STATE) -> None:
    """Wait until everything sent has landed: queues empty, pipes idle, buffers flushed."""
    address = environment(state)["LUCA_LOCAL_CLOUD"]
    request = urllib.request.Request(f"{address}/_local/settle", method="POST")  # noqa: S310 - our own loopback address
    with urllib.request.urlopen(request, timeout=600) as response:  # noqa: S310
        response.read()
    console.print("settled: all that was sent has landed")


@app.command()
def expire(
    as_of: Annotated[datetime, typer.Option(formats=["%Y-%m-%d"], help="The day (UTC) to act as.")],
    state: StateOption = STATE,
) -> None:
    """Remove what S3 Lifecycle would have removed by a day: time passes only when asked here."""
    from infra.local import aws, expiry

    running = environment(state)
    buckets = [value for name, value in sorted(running.items()) if BUCKET.fullmatch(name)]
    with step(f"S3 Lifecycle as of {as_of:%Y-%m-%d}") as say:
        done = expiry.expire(aws.client("s3", running), as_of.replace(tzinfo=UTC), buckets)
        say("nothing was due" if not done else f"{done.total():,} removals")
    for what, count in sorted(done.items()):
        console.print(f"  {what}: {count:,}")


def environment(state: Path = STATE) -> dict[str, str]:
    """The environment of the local cloud that runs with this state folder.

    Raises:
        NotRunningError: None does.
    """
    file = state / "environment.json"
    if not file.exists():
        raise NotRunningError(f"no local cloud runs here ({file} is missing): start one with `luca local up`")
    running = json.loads(file.read_text())
    try:
        os.kill(running["pid"], 0)  # signal 0 asks whether the process is there
    except ProcessLookupError as gone:
        raise NotRunningError(
            f"the local cloud of {file} was killed: start it again with `luca local up`"
        ) from gone
    found: dict[str, str] = running["environment"]
    return found
