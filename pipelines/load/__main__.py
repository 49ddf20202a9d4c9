"""`python -m pipelines.load plan|shard|finish`: the steps of a load, as the state machine runs them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from adapters.telemetry import logger
from pipelines.load import steps
from pipelines.load.shards import USUAL, Bounds

app = typer.Typer(help=__doc__, no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False)

Table = Annotated[str, typer.Argument(envvar="LUCA_LOAD_TABLE", help="A lake table.")]


@app.command()
def plan(
    table: Table,
    shards: Annotated[
        int, typer.Option(envvar="LUCA_LOAD_SHARDS", help="Most shards of a load.")
    ] = USUAL.shards,
    files: Annotated[
        int, typer.Option(envvar="LUCA_SHARD_FILES", help="Most files of a shard.")
    ] = USUAL.files,
) -> None:
    """Judge what has landed, and write down the shards that are to be done."""
    planned = steps.plan(table, datetime.now(UTC), Bounds(shards, files), logger.info)
    logger.info(f"{len(planned)} shards are to be done")


@app.command()
def shard(
    table: Table,
    load_id: Annotated[str, typer.Argument(envvar="LUCA_LOAD_ID", help="The load.")],
    number: Annotated[int, typer.Argument(envvar="LUCA_LOAD_SHARD", help="The shard, from 0.")],
) -> None:
    """Publish, quarantine or drop the rows of one shard."""
    steps.shard(table, load_id, number, datetime.now(UTC), logger.info)


@app.command()
def finish(table: Table) -> None:
    """Hold the shards' counts against the verdict, and publish the load."""
    result = steps.finish(table, datetime.now(UTC), logger.info)
    logger.info(result.summary if result else "nothing has landed")


if __name__ == "__main__":
    app()
