"""`luca keys`: the schools' pseudonym keys."""

from __future__ import annotations

from typing import Annotated

import typer

from adapters.pseudonym_keys import create_key
from pipelines.cli.progress import console

app = typer.Typer(help="The schools' pseudonym keys.", no_args_is_help=True)


@app.callback()
def keys() -> None:
    """The schools' pseudonym keys, without which nothing of a school reaches the lake."""


@app.command()
def create(
    school: Annotated[str, typer.Argument(help="The school that needs its first key.")],
) -> None:
    """Make a school's first pseudonym key. A key that exists is never overwritten."""
    key = create_key(school)
    console.print(f"school {key.school_id} has pseudonym key v{key.version}")
