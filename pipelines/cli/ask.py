"""`luca ask`: the questions that analysts begin with."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli.progress import console, print_frame


def ask(
    name: Annotated[str | None, typer.Argument(help="A question; without it, all are listed.")] = None,
    school: Annotated[str | None, typer.Option(help="Of which school, where a question is of one.")] = None,
    chart: Annotated[Path | None, typer.Option(help="Draw the answer into this file, as SVG.")] = None,
    csv: Annotated[bool, typer.Option("--csv", help="Print as CSV.")] = False,
    sql: Annotated[bool, typer.Option("--sql", help="Print the statement and ask nothing.")] = False,
    limit: Annotated[int, typer.Option(help="Most rows of the table form.")] = 40,
) -> None:
    """Ask Athena one of the questions of docs/analysts.md, or list them."""
    from pipelines.questions.answers import answer, drawn
    from pipelines.questions.catalogue import QUESTIONS, question

    if name is None:
        for each in QUESTIONS.values():
            console.print(f"[bold]{each.name}[/]{' --school …' if each.of_a_school else ''}: {each.title}")
        return
    asked = question(name)
    if sql:
        typer.echo(asked.sql(school))
        return
    found = answer(asked, school)
    if csv:
        found.to_csv(sys.stdout, index=False)
    else:
        console.print(f"[bold]{asked.title}[/]")
        print_frame(found, limit)
        console.print(f"[dim]{asked.reading}[/]")
    if chart:
        chart.parent.mkdir(parents=True, exist_ok=True)
        chart.write_text(drawn(asked, found), encoding="utf-8")
        console.print(f"drawn into {chart}")
