"""What each role was allowed and did, once a kind: to hold its policies against.

A call is written without what differs from run to run: identifiers of schools, students and
executions, and the folders inside the first one of an object's key.
"""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from infra.local.iam.policies import Request

_DATES_AND_NAMES = re.compile(r"(?<=:key/).+|(?<=:secret:).+|(?<=/export/).+|(?<=:log-stream:).*")
_OF_A_KEY = {"TENANT": 1, "PLATFORM": 0}  # how many parts after the first are a tenant's own


class Call(msgspec.Struct, frozen=True, order=True):
    """One kind of call.

    Attributes:
        role: Name of the role.
        action: Such as `dynamodb:Query`.
        resource: ARN; `*` for what differs.
        keys: Partition keys that it named, of DynamoDB; `*` for schools and students.
    """

    role: str
    action: str
    resource: str
    keys: tuple[str, ...] = ()


class Calls:
    """The kinds of calls so far, in a file that grows by one line with each new kind.

    Args:
        path: Of the file; None keeps nothing.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._seen: set[Call] = set()

    def note(self, role_arn: str, request: Request) -> None:
        """A call that was allowed."""
        if self._path is None:
            return
        keys = request.context.get("dynamodb:leadingkeys", ())
        call = Call(
            role_arn.rpartition("/")[2],
            request.action,
            kind_of_resource(request.resource),
            tuple(sorted({kind_of_key(key) for key in ((keys,) if isinstance(keys, str) else keys)})),
        )
        if call not in self._seen:
            self._seen.add(call)
            with self._path.open("ab") as file:
                file.write(msgspec.json.encode(call) + b"\n")


def read_calls(path: Path) -> set[Call]:
    """The calls of a file; none where there is no file."""
    if not path.is_file():
        return set()
    return {msgspec.json.decode(line, type=Call) for line in path.read_bytes().splitlines()}


def kind_of_resource(arn: str) -> str:
    """An ARN without what differs from run to run."""
    if arn.startswith("arn:aws:s3:::"):
        bucket, _, key = arn.partition("/")
        folder, slash, _ = key.partition("/")
        return f"{bucket}/{folder}/*" if slash else f"{bucket}/*" if key else bucket
    if ":parameter/" in arn:
        head, _, path = arn.partition(":parameter/")
        first_two = path.split("/")[:2]
        return f"{head}:parameter/{'/'.join(first_two)}" + ("/*" if path.count("/") > 1 else "")
    return _DATES_AND_NAMES.sub("*", arn)


def kind_of_key(key: str) -> str:
    """A partition key without the school and the student that it is of."""
    parts = key.split("#")
    if parts[0] not in _OF_A_KEY:
        return f"{parts[0]}#*" if len(parts) > 1 else key
    parts[1 : 1 + _OF_A_KEY[parts[0]]] = ["*"] * _OF_A_KEY[parts[0]]
    if parts[2:3] == ["STUDENT"]:
        parts[3:] = ["*"]
    return "#".join(parts)
