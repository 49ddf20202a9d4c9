"""`luca loads`: which loads there were, what became of each, and files given back to the next."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import typer
from rich.table import Table

from pipelines.cli.progress import console

app = typer.Typer(help="The loads: which there were, and what became of each.", invoke_without_command=True)

Limit = Annotated[int, typer.Option(help="Most loads.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print as JSON.")]

NEWEST = 20
SHOWN = 20  # files and schools of a load, unless all are asked for
_NUMBERS = ("files", "landed", "duplicate", "quarantined", "published", "set_aside")


@app.callback()
def loads(context: typer.Context, limit: Limit = NEWEST, as_json: AsJson = False) -> None:
    """List the newest loads of every table."""
    if context.invoked_subcommand is None:
        list_(limit, as_json)


@app.command("list")
def list_(limit: Limit = NEWEST, as_json: AsJson = False) -> None:
    """List the newest loads of every table."""
    from pipelines.load.run import recent_loads

    found = recent_loads(limit)
    if as_json:
        typer.echo(json.dumps(found, indent=1, ensure_ascii=False))
        return
    if not found:
        console.print("no load yet: luca load takes what has landed")
        return
    for row in found:
        counts = ", ".join(f"{row[name]:,} {name.replace('_', ' ')}" for name in _NUMBERS)
        console.print(f"[bold]{row['load_id']}[/] {row['table']}: {row['state']}", soft_wrap=True)
        console.print(f"  {counts}", soft_wrap=True)
        for name in ("broken", "error"):
            if row[name]:
                console.print(f"  {name}: {row[name]}", soft_wrap=True, markup=False)


@app.command()
def show(
    load_id: Annotated[str, typer.Argument(help="The load.")],
    as_json: AsJson = False,
    everything: Annotated[bool, typer.Option("--all", help="Show every file and school.")] = False,
) -> None:
    """Explain a load: its files, schools, broken rules, shards, times, and what to do next."""
    from pipelines.load.explaining import explained, find

    told = explained(find(load_id))
    if as_json:
        typer.echo(json.dumps(told, indent=1, ensure_ascii=False, default=int))
        return
    console.print(f"[bold]{told['load_id']}[/] of {told['table']}: [bold]{told['state']}[/]")
    for state, moment in told["times"].items():
        took = f"  {told['seconds'][state]:+.1f} s" if state in told["seconds"] else ""
        console.print(f"  {state:<10}{moment}{took}", highlight=False)
    console.print(f"  rules {told['rules_version'] or '–'}, contract {told['contract_version'] or '–'}")
    for name in ("error", "held"):
        if told[name]:
            console.print(f"[red]{name}[/]: {told[name]}", markup=True, soft_wrap=True)
    for sentence in told["next"]:
        console.print(f"[yellow]next[/]: {sentence}", soft_wrap=True)
    most = None if everything else SHOWN
    _show_schools(told["schools"], most)
    _show_rules(told["broken_rules"])
    _show_shards(told["shards"])
    _show_files(told["files"], most)


@app.command("release-file")
def release_file(
    key: Annotated[str, typer.Argument(help="Of the file in the landing bucket: {table}/hour=…/….parquet")],
) -> None:
    """Give a file that was set aside to the next load, after it was mended or put back."""
    from adapters import landing_claims

    table = key.split("/", 1)[0]
    landing_claims.release(table, key)
    console.print(f"released: luca load {table} takes it", soft_wrap=True)


def _show_schools(schools: Mapping[str, Mapping[str, Any]], most: int | None) -> None:
    names = ("landed", "duplicate", "quarantined", "published")
    rows = [
        [school, *(counts[name] for name in names), "stopped" if counts["stopped"] else ""]
        for school, counts in schools.items()
    ]
    _print(("school", *names, ""), rows[:most], right=names, left=len(rows) - len(rows[:most]))


def _show_rules(broken: Sequence[Mapping[str, Any]]) -> None:
    rows = [
        [rule["rule"], rule["severity"], sum(rule["rows"].values()), len(rule["rows"]), rule["why"]]
        for rule in broken
    ]
    _print(("broken rule", "severity", "rows", "schools", "why"), rows, right=("rows", "schools"))


def _show_shards(shards: Sequence[Mapping[str, Any]]) -> None:
    rows = [
        [
            shard["shard"],
            shard["files"],
            "done" if shard["done"] else "to do",
            shard["objects"],
            ", ".join(f"{stage} {int(spent) / 1000:.1f} s" for stage, spent in shard["milliseconds"].items()),
        ]
        for shard in shards
    ]
    _print(("shard", "files", "", "files written", "took"), rows, right=("shard", "files", "files written"))


def _show_files(files: Sequence[Mapping[str, Any]], most: int | None) -> None:
    ordered = sorted(files, key=lambda file: not file["fault"])  # what was set aside comes first
    rows = [
        [
            file["key"],
            file["bytes"],
            file["etag"],
            f"{file['fault']}: {file['reason']}" if file["fault"] else "",
        ]
        for file in ordered
    ]
    columns = ("file", "bytes", "ETag", "set aside")
    _print(columns, rows[:most], right=("bytes",), left=len(rows) - len(rows[:most]))


def _print(
    columns: Sequence[str], rows: Sequence[Sequence[Any]], right: Sequence[str], left: int = 0
) -> None:
    if not rows:
        return
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name in columns:
        side: Literal["left", "right"] = "right" if name in right else "left"
        table.add_column(name.replace("_", " "), justify=side, overflow="fold")
    for row in rows:
        table.add_row(*(f"{cell:,}" if isinstance(cell, int) else str(cell) for cell in row))
    console.print()
    console.print(table)
    if left:
        console.print(f"[dim]and {left:,} more: --all shows them, --json prints them[/]")
