"""`luca replay`: the lake held against what it was made of, and made anew where it differs."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import TYPE_CHECKING, Annotated, Any

import typer

from pipelines.cli.progress import console, step
from pipelines.replay.source import Source
from transforms.event_items import HOT_FOR
from transforms.lake_schema import BEHAVIOR_EVENTS, LAKE_TABLES

if TYPE_CHECKING:
    from pipelines.replay.comparing import Compared
    from pipelines.replay.result import Replayed
    from pipelines.replay.span import Span

Run = Callable[[Callable[[str], None]], "Replayed"]

DIFFERS = 3  # exit code of a comparison that found a difference, or of one that was left
SHOWN = 20
_COUNTS = ("expected", "found", "equal", "missing", "extra", "different", "elsewhere", "unproven")


def replay(
    first: Annotated[datetime, typer.Option("--from", formats=["%Y-%m-%d"], help="The first local day.")],
    last: Annotated[datetime, typer.Option("--to", formats=["%Y-%m-%d"], help="The last one, included.")],
    school: Annotated[list[str] | None, typer.Option(help="Only this school; may be given again.")] = None,
    table: Annotated[str, typer.Option(help="The lake table.")] = BEHAVIOR_EVENTS.name,
    source: Annotated[
        Source,
        typer.Option(help="What the lake is held against: landing files, or the store's behaviour events."),
    ] = Source.LANDING,
    exports: Annotated[
        list[str] | None,
        typer.Option(
            "--export",
            help="Of the store: read it from this export, the key of its manifest-summary.json (repeatable).",
        ),
    ] = None,
    apply: Annotated[
        bool, typer.Option("--apply", help="Make partitions that differ anew; without it only compare.")
    ] = False,
    unproven: Annotated[
        bool,
        typer.Option(
            "--unproven",
            help="With --source store --apply: also where the lake would not have as many rows as the loads "
            "published.",
        ),
    ] = False,
    everything: Annotated[bool, typer.Option("--all", help="Show the partitions that match, too.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Compare partitions of the lake with the landing files of their loads, row by row, or with the store.

    With --apply those that differ are made anew, from the store only if the loads' counts prove the result.

    The store is read from its exports, or, without them, by a scan, which is for small tables.
    Ends with 0 if all match, or were made to match by --apply, and with 3 if something differs.
    """
    from pipelines.replay.span import Span

    if table not in LAKE_TABLES:
        raise typer.BadParameter(f"{table!r} is no lake table: use one of {', '.join(LAKE_TABLES)}")
    if source is Source.STORE and table != BEHAVIOR_EVENTS.name:
        raise typer.BadParameter(
            f"of {table} the store has what is valid today, and not each change: replay it from the landing"
        )
    if unproven and not (source is Source.STORE and apply):
        raise typer.BadParameter("--unproven is of --source store --apply")
    span = Span.of(first.date(), last.date(), school or ())
    if source is Source.STORE:
        run = _against_store(span, exports or [], apply, unproven)
    else:
        run = _from_landing(table, span, apply)
    if as_json:
        done = run(lambda text: None)
        typer.echo(json.dumps(_facts(done), indent=1, ensure_ascii=False, default=_text))
    else:
        with step(f"Replay {table} of {span}") as say:
            done = run(say)
            say(summary(done))
        _show(done.partitions if everything else done.differing, done.source)
        for left in done.left:
            console.print(f"left as it is: {'/'.join(left.partition)}: {left.why}", soft_wrap=True)
        if done.differing and not apply:
            console.print("nothing was changed: --apply makes it right")
    if not done.right:
        raise typer.Exit(DIFFERS)


def _from_landing(table: str, span: Span, apply: bool) -> Run:
    from pipelines.replay.run import replay as run

    return lambda say: run(LAKE_TABLES[table], span, apply=apply, say=say)


def _against_store(span: Span, exports: list[str], apply: bool, unproven: bool) -> Run:
    from adapters.settings import setting
    from adapters.store_exports import ExportedStore
    from adapters.stored_events import ScannedStore
    from pipelines.replay.rebuilding import rebuild_from_store
    from pipelines.replay.stored import compare_with_store

    store = ExportedStore(setting("EXPORTS_BUCKET"), exports) if exports else ScannedStore()
    if apply:
        return lambda say: rebuild_from_store(span, store, unproven=unproven, say=say)
    return lambda say: compare_with_store(span, store, say=say)


def summary(done: Replayed) -> str:
    """One line for a person."""
    parts = [
        f"{done.total('expected'):,} rows expected in {len(done.partitions):,} partitions, "
        f"{done.total('found'):,} found, {done.total('equal'):,} equal"
    ]
    if not done.missing_differs and (count := done.total("missing")):
        parts.append(f"{count:,} not in the lake: `luca audit completeness` tells why")
    differences = ("missing", "extra", "different") if done.missing_differs else ("extra", "different")
    parts += [f"{count:,} {name}" for name in differences if (count := done.total(name))]
    if unreadable := sum(len(each.unreadable) for each in done.partitions):
        parts.append(f"{unreadable:,} files unreadable")
    if moved := done.total("elsewhere"):
        parts.append(f"{moved:,} in another cohort since")
    if unproven := done.total("unproven"):
        why = "of loads whose landing files are gone" if done.source is Source.LANDING else "not in the store"
        parts.append(f"{unproven:,} {why}, not compared")
    if done.healed or done.left:
        parts.append(f"{len(done.healed):,} of {len(done.differing):,} partitions made right")
    if not done.differing:
        parts.append("all match" if done.source is Source.LANDING else "what both have matches")
    return "; ".join(parts)


def _show(compared: Sequence[Compared], source: Source) -> None:
    for each in compared[:SHOWN]:
        counts = ", ".join(
            f"{count:,} {name}" for name in _COUNTS if (count := getattr(each, name)) or name == "expected"
        )
        colour = "green" if each.matches else "yellow"
        console.print(f"[{colour}]{'/'.join(each.partition)}[/]: {counts}", soft_wrap=True)
        digest = f"digest {each.expected_digest}"
        if each.found_digest != each.expected_digest:
            digest += f" expected, {each.found_digest} found"
        console.print(f"  {digest}", style="dim", soft_wrap=True)
        if each.unproven and source is Source.STORE:
            console.print(
                f"  {each.unproven:,} rows stay as they are: the store, which keeps an event for "
                f"{HOT_FOR.days} days, does not know them",
                soft_wrap=True,
            )
        for name in each.unreadable:
            console.print(f"  cannot be read: {name}", soft_wrap=True)
    if len(compared) > SHOWN:
        console.print(f"[dim]and {len(compared) - SHOWN:,} more: --json prints all of them[/]")


def _facts(done: Replayed) -> dict[str, Any]:
    return {
        **asdict(done),
        "span": {"first": done.span.first, "last": done.span.last, "schools": sorted(done.span.schools)},
        "right": done.right,
    }


def _text(value: date) -> str:
    return value.isoformat()
