"""How long work shows itself on a terminal, and in a log where there is none."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)
from rich.table import Table

if TYPE_CHECKING:
    import pandas as pd

console = Console(highlight=False)


class Attention(str):
    """Closing words of a step that came to its end, and of which somebody must look at what it found."""

    __slots__ = ()


@contextmanager
def step(title: str) -> Iterator[Callable[[str], None]]:
    """A step of work: a spinner while it runs, a line with its time when it is done.

    The line begins with ✓; with ! where its closing words are `Attention`.

    Yields:
        A function that takes the step's closing words, or what it is doing now.
    """
    words: str = ""
    started = time.monotonic()

    with console.status(title) as status:

        def say(text: str) -> None:
            nonlocal words
            words = text
            status.update(f"{title}: {text}")

        yield say
    seconds = time.monotonic() - started
    mark = "[red]![/]" if isinstance(words, Attention) else "[green]✓[/]"
    console.print(f"{mark} {title}{': ' if words else ''}{words} [dim]({seconds:.1f} s)[/]", soft_wrap=True)


@contextmanager
def counted(title: str, total: int) -> Iterator[Callable[[int], None]]:
    """A step of which the end is known: a bar while it runs.

    Yields:
        A function that takes how many more are done.
    """
    bar = Progress(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
    )
    done = 0
    started = time.monotonic()
    with bar:
        task = bar.add_task(title, total=total)

        def advance(more: int) -> None:
            nonlocal done
            done += more
            bar.advance(task, more)

        yield advance
    seconds = time.monotonic() - started
    rate = done / max(seconds, 0.001)
    console.print(f"[green]✓[/] {title}: {done:,} in {seconds:.1f} s [dim]({rate:,.0f} a second)[/]")


def print_frame(frame: pd.DataFrame, limit: int) -> None:
    """Prints the first rows of a frame as a table, numbers to the right, and how many rows there are."""
    shown = Table(box=None, header_style="bold")
    for name in frame.columns:
        numeric = (
            frame[name].map(lambda value: isinstance(value, (int, float, Decimal)) or value is None).all()
        )
        shown.add_column(str(name), justify="right" if numeric else "left")
    cells = frame.head(limit).astype(object).where(frame.notna(), "")
    for cell in cells.to_numpy().tolist():
        shown.add_row(*map(str, cell))
    console.print(shown)
    more = f", the first {limit:,} shown" if len(frame) > limit else ""
    console.print(f"[dim]{len(frame):,} row{'' if len(frame) == 1 else 's'}{more}[/]")
