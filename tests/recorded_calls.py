"""What each role did while the tests ran: kept in `tests/infra/recorded_calls.jsonl`, which the templates are
held against, and compared with it whenever a cloud of the tests ends.

`make recorded-calls` runs the tests that start a cloud and writes the file anew. A right that a test
uses and the file does not know is a right that nobody has looked at: the test fails and says so.
"""

from __future__ import annotations

import os
import sys
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import msgspec
from botocore.client import BaseClient

from infra.local.cloud import LocalCloud
from infra.local.iam.calls import Call, read_calls

RECORDED = Path(__file__).parent / "infra" / "recorded_calls.jsonl"
FOLDER = os.environ.get("RECORD_CALLS")  # where `make recorded-calls` gathers them; tests change LUCA_*
# Services that the local cloud plays without asking the role: read at the client instead.
ASKING_NOBODY = {
    "athena": "athena",
    "firehose": "firehose",
    "glue": "glue",
    "lambda": "lambda",
    "stepfunctions": "states",
}
ACTIONS = {"lambda:Invoke": "lambda:InvokeFunction"}


def recorded() -> set[Call]:
    """The calls of the committed file."""
    return read_calls(RECORDED)


def keep(calls: Iterable[Call]) -> None:
    """Takes note of what roles did, or fails where the file does not know a role's action."""
    found = set(calls)
    if FOLDER:
        Path(FOLDER).mkdir(parents=True, exist_ok=True)
        _write(Path(FOLDER) / f"{uuid.uuid4()}.jsonl", found)
        return
    from tests.infra.unrecorded import excepted

    known = {(call.role, call.action) for call in recorded()}
    new = {pair for call in found if (pair := (call.role, call.action)) not in known and not excepted(*pair)}
    assert not new, f"{sorted(new)}: rights used for the first time; `make recorded-calls` writes them down"


@contextmanager
def local_cloud(state_dir: Path, **options: Any) -> Iterator[LocalCloud]:
    """A local cloud whose roles' calls are kept when it ends."""
    with LocalCloud.start(state_dir, **options) as cloud:
        yield cloud
        keep(cloud.calls())


@contextmanager
def at_the_client(role: str) -> Iterator[None]:
    """Keeps what a role asks of services that the local cloud plays without roles."""
    calls: set[Call] = set()
    ask = BaseClient._make_api_call

    def noting(client: Any, operation: str, parameters: Any) -> Any:
        if service := ASKING_NOBODY.get(client.meta.service_model.service_name):
            action = f"{service}:{operation}"
            calls.add(Call(role, ACTIONS.get(action, action), "*"))
        return ask(client, operation, parameters)

    with patch.object(BaseClient, "_make_api_call", noting):
        yield
    keep(calls)


def _write(path: Path, calls: Iterable[Call]) -> None:
    path.write_bytes(b"".join(msgspec.json.encode(call) + b"\n" for call in sorted(calls)))


if __name__ == "__main__":
    gathered = {call for path in Path(sys.argv[1]).glob("*.jsonl") for call in read_calls(path)}
    _write(RECORDED, gathered)
    print(f"{len(gathered)} kinds of calls of {len({call.role for call in gathered})} roles")
