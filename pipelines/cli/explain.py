"""`luca explain`: the lake rows behind a number of a mart."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from pipelines.cli.progress import console, print_frame

_WIDE = ("student_key", "load_id")  # for --csv; a terminal shows what differs between the rows


class NumberMovedError(RuntimeError):
    """The lake has other rows behind a number than the mart counted."""


def explain(
    mart: Annotated[str, typer.Option(help="The mart, such as weekly_student_behavior.")],
    key: Annotated[
        str, typer.Option(help="Its key, such as school_1/STUDENT_KEY/2026-W06; a null is empty.")
    ],
    column: Annotated[str, typer.Option(help="The number.")] = "row_count",
    csv: Annotated[bool, typer.Option("--csv", help="Print the rows as CSV.")] = False,
    limit: Annotated[int, typer.Option(help="Most rows of the table form.")] = 100,
) -> None:
    """List the pseudonymised lake rows behind a number of a mart, and whether they sum to it.

    The table leaves out empty columns, the student's key and the load; --csv has them all.
    """
    from pipelines.explain import explain as taken_apart

    found = taken_apart(mart, key, column)
    if csv:
        found.rows.to_csv(sys.stdout, index=False)
    else:
        console.print(f"[bold]{mart}.{column}[/] of {key}: [bold]{found.value:,}[/] {found.column.unit}")
        console.print(f"[dim]{found.column.meaning}[/]")
        hidden = [name for name in found.rows if found.rows[name].isna().all() or name in _WIDE]
        print_frame(found.rows.drop(columns=hidden), limit)
    what = f"sum of {found.column.sums}" if found.column.sums else "rows"
    if not found.holds:
        raise NumberMovedError(
            f"the lake says {found.total:,} ({what}), the mart {found.value:,}: something came since the "
            "mart was built; run `luca trends`, for a final week with `--since` its date"
        )
    if not csv:
        console.print(f"[green]{what}: {found.total:,}, as the mart says[/]")
