"""`luca trace`: one event, from the edge to its row of the lake."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Annotated

import typer
from rich.table import Table

from pipelines.cli.progress import console, step

STUCK, UNSEEN = 3, 4  # exit codes: 1 is a failure of the command, 2 a wrong option
_COLOURS = {"arrived": "green", "on its way": "cyan", "stuck": "red", "unseen": "yellow"}


def trace(
    trace_id: Annotated[
        str, typer.Argument(metavar="ID", help="Its event_id, or the correlation id of its request.")
    ],
    school: Annotated[str | None, typer.Option(help="Its school: far less of the lake is read.")] = None,
    student: Annotated[
        str | None, typer.Option(help="With --school: the store is asked for this student's items too.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False,
) -> None:
    """Follow one event, evaluation or grade: where it was seen, when, where it is stuck and what to do.

    Ends with 0 when it has arrived or is on its way, 3 when it is stuck, 4 when no place has it.
    """
    from pipelines.trace import trace as follow
    from pipelines.trace import verdict
    from pipelines.trace.verdict import State

    if student is not None and school is None:
        raise typer.BadParameter("a student is one of a school: give --school too", param_hint="--student")
    if as_json:
        seen = follow(trace_id, school_id=school, student_id=student)
    else:
        with step("following") as say:
            seen = follow(trace_id, school_id=school, student_id=student, say=say)
            say(f"{len(seen)} places have it")
    found = verdict(seen, datetime.now(UTC), store_was_asked=student is not None)
    if as_json:
        for each in seen:
            at = each.at.isoformat() if each.at else None
            place = {"station": each.station.value, "table": each.table or None, "at": at}
            typer.echo(json.dumps({**place, "what": each.what, "says": each.says, "waits": each.waits}))
        told = {"state": found.state.value, "where": found.where, "advice": found.advice}
        typer.echo(json.dumps(told))
    else:
        shown = Table(box=None, header_style="bold", pad_edge=False)
        for name in ("station", "at (UTC)", "what", ""):
            shown.add_column(name, overflow="fold")  # keys and ids are copied: none is cut
        for each in seen:
            at = f"{each.at.astimezone(UTC):%Y-%m-%d %H:%M:%S}" if each.at else ""
            shown.add_row(each.station.value, at, each.what, each.says)
        if seen:
            console.print(shown)
        console.print(f"[{_COLOURS[found.state.value]} bold]{found.state.value}[/]: ", end="")
        console.print(found.where, markup=False, soft_wrap=True)
        if found.advice:
            console.print(found.advice, markup=False, soft_wrap=True)
    if found.state in {State.STUCK, State.UNSEEN}:
        raise typer.Exit(STUCK if found.state is State.STUCK else UNSEEN)
