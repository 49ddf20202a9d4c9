"""`luca erase`: the right to be forgotten."""

from __future__ import annotations

import csv
import io
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from pipelines.cli.progress import console, step

if TYPE_CHECKING:
    from pipelines.erasure.run import Looked
    from pipelines.erasure.subject import Subject

NOTHING_FOUND = 4  # exit code: 1 is an erasure that failed, 2 a wrong option

app = typer.Typer(help="The right to be forgotten.", invoke_without_command=True)


class RequestError(ValueError):
    """What is to be erased is not said, or not confirmed."""


@app.callback(invoke_without_command=True)
def erase(
    context: typer.Context,
    school: Annotated[str | None, typer.Option(help="The school.")] = None,
    student: Annotated[str | None, typer.Option(help="The student, as the school names it.")] = None,
    request: Annotated[
        Path | None,
        typer.Option(
            exists=True, dir_okay=False, help="Several: a CSV file with the columns school and student."
        ),
    ] = None,
    whole_school: Annotated[
        bool, typer.Option("--whole-school", help="The school with all that is its own, and its keys.")
    ] = False,
    confirm: Annotated[str | None, typer.Option(help="With --whole-school: the school's name again.")] = None,
    reason: Annotated[str, typer.Option(help="For the receipt; names nobody.")] = "request of the student",
    settle: Annotated[
        float | None, typer.Option(help="Seconds to wait for what is on its way; 150 by default.")
    ] = None,
    apply: Annotated[bool, typer.Option("--apply", help="Do it; without, only look.")] = False,
) -> None:
    """Show what there is of a student in every place, and with --apply remove it.

    Ends with 0 when it is done, or would be; 4 when nothing was found; 1 when anything is left or failed.
    """
    if context.invoked_subcommand is not None:
        return
    from pipelines.erasure.run import NothingFoundError

    nothing = 0
    subjects = _subjects(school, student, request, whole=whole_school, confirm=confirm)
    for number, subject in enumerate(subjects, start=1):
        if len(subjects) > 1:
            console.print(f"[bold]{number} of {len(subjects)}[/]")
        try:
            _one(subject, reason, settle, apply=apply)
        except NothingFoundError as found:
            console.print(str(found), style="yellow", markup=False, soft_wrap=True)
            nothing += 1
    if nothing:
        raise typer.Exit(NOTHING_FOUND)


@app.command()
def verify(
    head: Annotated[
        str | None, typer.Option(help="Digest of the newest receipt, as it was noted elsewhere.")
    ] = None,
) -> None:
    """Check the chain of receipts: that none was changed, taken out or put in."""
    from adapters import erasures

    count = erasures.verify(head)
    newest = ""
    for receipt in erasures.receipts():
        newest = receipt.digest
    console.print(f"{count} receipts, as they were written; the newest is {newest or '–'}", soft_wrap=True)


@app.command()
def lift(
    school: Annotated[str, typer.Option(help="The school.")],
    student: Annotated[str, typer.Option(help="The student, who enrols again.")],
    reason: Annotated[str, typer.Option(help="For the receipt; names nobody.")],
) -> None:
    """Let a student who was erased send events again. What was erased does not come back."""
    from pipelines.erasure.run import lift as run

    receipt = run(school, student, now=datetime.now(UTC), reason=reason)
    console.print(f"lifted; receipt {receipt.number}: {receipt.digest}", soft_wrap=True)


def _subjects(
    school: str | None, student: str | None, request: Path | None, *, whole: bool, confirm: str | None
) -> list[Subject]:
    from pipelines.erasure import subject

    if request is not None:
        if school or student or whole:
            raise RequestError("--request names schools and students itself: leave the others out")
        return _requested(request)
    if school is None or (student is None) is not whole:
        raise RequestError("say --school with --student, or with --whole-school; or --request FILE")
    if not whole:
        return [subject.student(school, str(student))]
    if confirm != school:
        raise RequestError(
            f"--whole-school needs --confirm {school}, not {confirm or 'none'}: nothing was done"
        )
    return [subject.whole_school(school)]


def _requested(file: Path) -> list[Subject]:
    """The students of a request file, each once; all of its lines are good before anything is done."""
    from adapters.pseudonym_keys import KeyUnavailableError
    from pipelines.erasure import subject
    from transforms.keys import InvalidIdentifierError

    found = []
    try:
        text = file.read_text("utf-8-sig")  # as Excel saves it, too
    except UnicodeDecodeError as error:
        raise RequestError(
            f"{file} byte {error.start} is no UTF-8: nothing was done; save the file as CSV UTF-8"
        ) from error
    with io.StringIO(text, newline="") as lines:
        rows = csv.DictReader(lines)
        columns = rows.fieldnames or []
        if not {"school", "student"} <= set(columns):
            raise RequestError(
                f"{file} line 1: its columns are {', '.join(columns) or 'none'}, not school and student: "
                "nothing was done; name them in the first line"
            )
        for row in rows:
            try:
                found.append(subject.student(row["school"] or "", row["student"] or ""))
            except (InvalidIdentifierError, KeyUnavailableError) as error:
                raise RequestError(
                    f"{file} line {rows.line_num}: {error}. Nothing was done: mend the line and run it again"
                ) from error
    if not found:
        raise RequestError(f"{file} names no student below its first line: nothing was done")
    return list(dict.fromkeys(found))


def _one(subject: Subject, reason: str, settle: float | None, *, apply: bool) -> None:
    from pipelines.erasure import run

    with step("Looking everywhere") as say:
        looked = run.look(subject, say)
        say(f"{sum(looked.rows.values()):,} rows, items and messages; {looked.read.size:,} bytes read")
    _show(looked)
    if not apply:
        if not looked.findings:
            raise run.NothingFoundError("nothing found: is the identifier as the school sends it?")
        console.print("nothing was changed: --apply does it")
        return
    wait = run.SETTLE_SECONDS if settle is None else settle
    with step("Erasing") as say:
        done = run.erase(subject, now=datetime.now(UTC), reason=reason, settle=wait, say=say)
        say(
            f"{sum(each.rows for each in done.findings):,} removed, nothing is left; "
            f"{done.read.size:,} bytes read, {done.written.size:,} written "
            f"in {done.written.requests:,} objects"
        )
    console.print(f"receipt {done.receipt.number}: {done.receipt.digest}", soft_wrap=True)
    _show_left()


def _show(looked: Looked) -> None:
    shown = Table("place", box=None, header_style="bold", pad_edge=False)
    for name in ("objects", "rows", "bytes"):
        shown.add_column(name, justify="right")
    objects = Counter(each.place for each in looked.findings)
    for place, rows in looked.rows.items():
        size = sum(each.size for each in looked.findings if each.place == place)
        shown.add_row(place, f"{objects[place]:,}", f"{rows:,}", f"{size:,}" if size else "")
    if looked.findings:
        console.print(shown)


def _show_left() -> None:
    from pipelines.erasure.everywhere import untouched

    for place in untouched():
        told = f"{place.name}: {place.holds}: {place.erasure.remove.value}; {place.rule.words}"
        console.print(f"[dim]left: {told}[/]", soft_wrap=True)
