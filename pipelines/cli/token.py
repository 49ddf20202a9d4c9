"""`luca token`: tokens of the local cloud's issuer, for development."""

from __future__ import annotations

import urllib.error
import urllib.parse
import urllib.request
from enum import StrEnum
from typing import Annotated

import typer

from adapters.settings import setting
from transforms import keys

TIMEOUT = 10  # seconds


class Role(StrEnum):
    """What the bearer is to their school."""

    STUDENT = "student"
    TEACHER = "teacher"
    ADMIN = "admin"


class TokenRefusedError(RuntimeError):
    """The local cloud issues no token."""


def token(
    school: Annotated[str, typer.Option("--school", help="The school that the bearer speaks for.")],
    role: Annotated[Role, typer.Option("--role", help="What the bearer may do.")] = Role.TEACHER,
    student: Annotated[
        str | None, typer.Option("--student", help="With --role student: whose profile it opens.")
    ] = None,
    teacher: Annotated[
        str | None, typer.Option("--teacher", help="Under which evaluations are recorded.")
    ] = None,
) -> None:
    """Print a development token: TOKEN=$(luca token --school school_1 --role teacher).

    The local cloud's issuer signs it, for 12 hours; no other platform takes it. Needs
    `eval "$(luca local env)"`.
    """
    if (role is Role.STUDENT) != (student is not None):
        raise typer.BadParameter("--student goes with --role student, and is needed there")
    typer.echo(issued(school, role, student_id=student, teacher_id=teacher))


def issued(
    school_id: str, role: Role, *, student_id: str | None = None, teacher_id: str | None = None
) -> str:
    """A token of the running local cloud.

    Args:
        school_id: Claim `school_id`.
        role: Claim `role`.
        student_id: Claim of the same name; None leaves it out.
        teacher_id: Likewise.

    Raises:
        InvalidIdentifierError: An identifier cannot be one.
        MissingSettingError: The environment names no local cloud.
        TokenRefusedError: The local cloud does not answer, or refuses.
    """
    claims = {"school_id": school_id, "student_id": student_id, "teacher_id": teacher_id}
    given = {name: keys.identifier(name, value) for name, value in claims.items() if value is not None}
    query = urllib.parse.urlencode({**given, "role": role.value})
    address = f"{setting('LOCAL_CLOUD')}/_local/token?{query}"
    try:
        with urllib.request.urlopen(address, timeout=TIMEOUT) as answer:  # noqa: S310 - our own loopback address
            return str(answer.read().decode()).strip('"')
    except OSError as error:
        raise TokenRefusedError(
            f"the local cloud at {setting('LOCAL_CLOUD')} gives no token ({error}): "
            "is `luca local up` running?"
        ) from error
