"""How a bench tells its result: a table to read and `out/bench/NAME.json` to compare."""

from __future__ import annotations

import json
import platform
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table

FOLDER = Path("out/bench")


class Measure:
    """What one contender took: named figures such as `seconds`, `peak_mb`, `records_per_second`."""

    def __init__(self, who: str, **figures: float) -> None:
        self.who, self.figures = who, figures


class Goal(NamedTuple):
    """A promise, and whether this run kept it."""

    promise: str
    met: bool


def publish(
    name: str,
    *,
    given: str,
    measures: Sequence[Measure],
    ratios: Mapping[str, float],
    goals: Sequence[Goal],
) -> None:
    """Prints a bench's result and writes it to `out/bench/{name}.json`.

    Args:
        name: The bench's.
        given: The input, in words.
        measures: `ours`, `floor`, `peer`, each with the same figures.
        ratios: What counts: figures of one run against each other.
        goals: What was promised.
    """
    console = Console()
    figures = list(dict.fromkeys(figure for measure in measures for figure in measure.figures))
    table = Table("", *(figure.replace("_", " ") for figure in figures), title=f"{name}: {given}")
    for measure in measures:
        table.add_row(measure.who, *(_short(measure.figures.get(figure)) for figure in figures))
    console.print(table)
    for ratio, value in ratios.items():
        console.print(f"  {ratio}: {value:.2f}")
    for goal in goals:
        console.print(f"  {'[green]met' if goal.met else '[red]not met'}[/]: {goal.promise}")
    FOLDER.mkdir(parents=True, exist_ok=True)
    outcome = {
        "name": name,
        "input": given,
        "machine": f"{platform.machine()}, Python {platform.python_version()}",
        **{measure.who: measure.figures for measure in measures},
        "ratios": dict(ratios),
        "goal": [goal.promise for goal in goals],
        "met": {goal.promise: goal.met for goal in goals},
    }
    (FOLDER / f"{name}.json").write_text(json.dumps(outcome, indent=2, ensure_ascii=False) + "\n")


def _short(value: float | None) -> str:
    if value is None:
        return "–"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:,.2f}"
