"""`luca retention`: the rules that remove what is old."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import typer
from rich.table import Table

from adapters.settings import setting
from pipelines.cli.progress import console, step

app = typer.Typer(help="How long things are kept, and what removes them.", no_args_is_help=True)


@app.callback()
def retention() -> None:
    """How long things are kept, and what removes them. `luca audit retention` looks whether it holds."""


@app.command()
def roll(
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only tell what would change.")] = False,
    as_of: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The day (UTC) to compute for; today.")
    ] = None,
) -> None:
    """Put the buckets' lifecycle rules in place as the registry derives them. A schedule does it daily."""
    from adapters import functions

    order: dict[str, Any] = {"dry_run": dry_run}
    if as_of is not None:
        order["as_of"] = as_of.date().isoformat()
    with step("Lifecycle rules") as say:
        told = functions.call(setting("RETENTION_ROLLER"), order)
        differ = sum(
            len(bucket[what]) for bucket in told.values() for what in ("missing", "changed", "foreign")
        )
        done = "would be mended" if dry_run else "mended"
        say(f"{differ:,} {done}" if differ else "as the registry derives them")
    shown = Table(box=None, header_style="bold", pad_edge=False)
    shown.add_column("bucket")
    for name in ("rules", "missing", "changed", "foreign"):
        shown.add_column(name, justify="right")
    for name, bucket in told.items():
        differing = (str(len(bucket[what]) or "") for what in ("missing", "changed", "foreign"))
        shown.add_row(name.lower(), str(bucket["rules"]), *differing)
    console.print(shown)
    for bucket in told.values():
        for what in ("changed", "foreign"):
            for rule in bucket[what]:
                console.print(f"  {what}: {rule}")
