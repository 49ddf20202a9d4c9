"""`luca quality`: judge what was published, and let a held load go."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from pipelines.cli.progress import console

app = typer.Typer(help="The quality of what was published, and of loads that are held.", no_args_is_help=True)


@app.command("let-go")
def let_go(
    table: Annotated[str, typer.Argument(help="The lake table whose load is held.")],
    because: Annotated[str, typer.Option(help="Why the schools are at fault, and not we; for the ledger.")],
) -> None:
    """Let a held load go: its next run quarantines the schools that the verdict stops."""
    from pipelines.load import holding

    load = holding.let_go(table, because, datetime.now(UTC))
    console.print(f"load {load.load_id} is let go: run luca load {table}")
