"""`luca compact`: many small files of a partition become one."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Annotated

import typer
from rich.table import Table

from pipelines.cli.progress import console, step
from transforms.lake_schema import LAKE_TABLES

if TYPE_CHECKING:
    from pipelines.partitions.compaction import Wish

_SPANS = {"m": "minutes", "h": "hours", "d": "days"}


def span(text: str) -> timedelta:
    """A span of time as people write it: `90m`, `36h`, `7d`; `0` is none.

    Raises:
        typer.BadParameter: It is none of these.
    """
    number, unit = (text, "m") if text == "0" else (text[:-1], text[-1:])
    if not number.isdecimal() or unit not in _SPANS:
        raise typer.BadParameter(f"{text!r} is no span of time: write 90m, 36h, 7d or 0")
    return timedelta(**{_SPANS[unit]: int(number)})


def compact(
    table: Annotated[str | None, typer.Argument(help="A lake table; all of them by default.")] = None,
    older_than: Annotated[
        str, typer.Option(help="Only partitions into which nothing was written for so long: 36h, 7d.")
    ] = "0",
    files: Annotated[
        int, typer.Option(min=1, help="Small files that a partition may have while rows still come.")
    ] = 8,
    grace: Annotated[
        str, typer.Option(help="How long the files before stay for the queries that read them.")
    ] = "60m",
    minutes: Annotated[
        int, typer.Option(min=1, help="After which no partition is begun: loads give way meanwhile.")
    ] = 20,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Say what would be done, and do nothing.")
    ] = False,
) -> None:
    """Write partitions of many small files anew as one sorted file. Safe to run at any time, and again."""
    from pipelines.partitions.compaction import Wish
    from pipelines.partitions.compaction import compact as run

    if table is not None and table not in LAKE_TABLES:
        raise typer.BadParameter(f"{table!r} is no lake table: use one of {', '.join(LAKE_TABLES)}")
    wish = Wish(span(older_than), files, span(grace), timedelta(minutes=minutes))
    for name in [table] if table else LAKE_TABLES:
        if dry_run:
            _show(name, wish)
            continue
        with step(f"Compact {name}") as say:
            say(run(LAKE_TABLES[name], wish, say=say).summary)


def _show(name: str, wish: Wish) -> None:
    from pipelines.partitions.compaction import wanting

    found = wanting(LAKE_TABLES[name], wish, datetime.now(UTC))
    shown = Table(box=None, header_style="bold", pad_edge=False)
    shown.add_column("partition")
    for title in ("files", "MiB"):
        shown.add_column(title, justify="right")
    for each in found:
        shown.add_row("/".join(each.partition), f"{len(each.sizes):,}", f"{each.size / 2**20:,.2f}")
    if found:
        console.print(shown)
    total = sum(len(each.sizes) for each in found)
    console.print(f"{name}: {len(found):,} partitions of {total:,} files would be written anew")
