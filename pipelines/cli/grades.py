"""`luca grades`: the nightly job by hand, and what stands and waits."""

from __future__ import annotations

import json
import time
import uuid
from collections import Counter
from decimal import Decimal
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.table import Table

from adapters.academic_table import (
    academic_config,
    pending_evaluations,
    put_academic_config,
    read_group,
    student_grades,
)
from adapters.grade_queue import ConsolidationOrder, orders_left, send_orders
from adapters.school_register import school_ids
from pipelines.cli.progress import console, step
from transforms.academic_items import Grade
from transforms.consolidation import Unplaced, placed
from transforms.keys import StudentKey
from transforms.periods import AcademicConfig

app = typer.Typer(help="Evaluations and the grades that the nightly job makes of them.", no_args_is_help=True)
School = Annotated[str, typer.Argument(help="The school.")]


class NightNotOverError(RuntimeError):
    """The nightly job did not come to its end while we waited."""


@app.command()
def run(
    school: Annotated[
        list[str] | None, typer.Option(help="Only this school (repeatable); all of them by default.")
    ] = None,
    wait: Annotated[int, typer.Option(min=0, help="Seconds to wait for the end; 0 does not wait.")] = 600,
) -> None:
    """Consolidate now what is pending, as every night at 02:00. Safe to run at any time, and again."""
    schools = school or list(school_ids())
    with step("Nightly job") as say:
        sent = send_orders(
            ConsolidationOrder(school_id=each, run_id=str(uuid.uuid4())) for each in dict.fromkeys(schools)
        )
        if wait:
            _wait(wait, say)
        say(f"{sent:,} school{'' if sent == 1 else 's'}{'' if wait else ' ordered'}")
    if wait:
        for each in schools:
            if left := sum(1 for _ in pending_evaluations(each)):
                console.print(f"  {each}: {left:,} evaluations wait; `luca grades pending {each}` says why")


def _wait(seconds: int, say: Any) -> None:
    deadline = time.monotonic() + seconds
    while left := orders_left():
        if time.monotonic() > deadline:
            raise NightNotOverError(
                f"{left} orders were left after {seconds} s: the job goes on by itself; wait longer with "
                "--wait, or look into the consolidator's log"
            )
        say(f"{left:,} orders left")
        time.sleep(0.5)


@app.command()
def show(
    school: School,
    student: Annotated[str, typer.Argument(help="The student's own identifier in that school.")],
    evaluations: Annotated[
        bool, typer.Option("--evaluations", "-e", help="Also show what each grade is made of.")
    ] = False,
) -> None:
    """Show a student's grades with what they are made of."""
    key = StudentKey(school, student)
    grades = student_grades(key)
    if not grades:
        console.print(f"student {student} of school {school} has no grades")
        return
    table = Table(
        "subject", "period", "grade", "passed", "parts", "left out", "version", "rules", "calculated"
    )
    for grade in grades:
        table.add_row(*_cells(grade))
    console.print(table)
    if evaluations:
        for grade in grades:
            _show_evaluations(grade)


def _cells(grade: Grade) -> list[str]:
    parts = [f"{kind} {part.score} × {part.weight} ({part.count})" for kind, part in grade.parts.items()]
    return [
        grade.subject,
        grade.period,
        "–" if grade.consolidated_score is None else str(grade.consolidated_score),
        {True: "yes", False: "no", None: "–"}[grade.passed],
        "\n".join(parts),
        "\n".join(f"{reason} {count}" for reason, count in grade.left_out.items()),
        f"{grade.version}{' (sent)' if grade.synced_version == grade.version else ''}",
        str(grade.rules_version),
        grade.last_calculated,
    ]


def _show_evaluations(grade: Grade) -> None:
    _, found = read_group(grade.group)
    table = Table("evaluation", "type", "score", "weight", "date", "version", "state")
    for each in sorted(found, key=lambda one: (one.type, one.date, one.evaluation_id)):
        state = "deleted" if each.deleted else "counted" if each.consolidated else "pending"
        weight = "" if each.weight is None else str(each.weight)
        table.add_row(
            each.evaluation_id, each.type, str(each.score), weight, str(each.date), str(each.version), state
        )
    console.print(f"\n{grade.subject}, {grade.period}")
    console.print(table)


@app.command()
def pending(school: School) -> None:
    """Show what waits for the nightly job, and what it waits for."""
    config = academic_config(school)
    waiting: Counter[tuple[str, str, str]] = Counter()
    for entry in pending_evaluations(school):
        why = placed(entry.group, config)
        reason = why.value if isinstance(why, Unplaced) else "the next night, or a weight for its type"
        waiting[entry.group.subject, entry.group.period, reason] += 1
    if not waiting:
        console.print(f"nothing of school {school} waits")
        return
    table = Table("subject", "period", "waits for", "evaluations")
    for (subject, period, reason), count in sorted(waiting.items()):
        table.add_row(subject, period, reason, f"{count:,}")
    console.print(table)


@app.command()
def rules(
    school: School,
    change: Annotated[
        Path | None, typer.Option("--set", help="JSON file with `periods` and `grading_rules`.")
    ] = None,
) -> None:
    """Show a school's periods and grading rules, or set them to those of a file.

    New rules hold for the grades that are computed from then on.
    """
    current = academic_config(school)
    if change is not None:
        given = json.loads(change.read_text(), parse_float=Decimal)
        version = current.version + 1 if current else 1
        current = AcademicConfig.from_item(school, {**given, "version": version})
        put_academic_config(current)
        console.print(f"school {school} has periods and rules v{version}")
    elif current is None:
        console.print(f"school {school} has no periods and rules: set them with --set FILE")
    else:
        shown = {name: value for name, value in current.item().items() if name not in {"PK", "SK"}}
        console.print_json(json.dumps(shown, default=str))
