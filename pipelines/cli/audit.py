"""`luca audit`: whether what must be true of everything that is kept is true."""

from __future__ import annotations

import typer

from pipelines.cli import completeness, retention_audit

app = typer.Typer(help="What must be true of everything that is kept.", no_args_is_help=True)


@app.callback()
def audit() -> None:
    """What must be true of everything that is kept, looked at from outside."""


app.command("completeness")(completeness.completeness)
app.command("retention")(retention_audit.retention)
