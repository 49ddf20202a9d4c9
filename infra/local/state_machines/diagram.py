"""Draws machines as Mermaid diagrams, from their definitions, into the pages that explain them.

`python -m infra.local.state_machines.diagram` draws them anew; a test compares.
A page marks the place with `<!-- diagram: file.asl.json -->` before a Mermaid block.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from infra.local.state_machines.definition import COMPARISONS, State

INFRA = Path(__file__).resolve().parents[2]
DOCS = INFRA.parent / "docs"
_PLACE = re.compile(r"(<!-- diagram: (\S+\.asl\.json) -->\n```mermaid\n).*?(^```$)", re.DOTALL | re.MULTILINE)
_SIGNS = {
    "NumericEquals": "=",
    "NumericLessThan": "<",
    "NumericLessThanEquals": "≤",
    "NumericGreaterThan": ">",
    "NumericGreaterThanEquals": "≥",
}


def mermaid(definition: Mapping[str, Any]) -> str:
    """A machine as a Mermaid state diagram."""
    return "\n".join(["stateDiagram-v2", *_lines(definition, "    ")])


def _lines(graph: Mapping[str, Any], indent: str) -> Iterator[str]:
    yield f"{indent}[*] --> {graph['StartAt']}"
    for name, state in graph["States"].items():
        if state["Type"] == "Map":
            yield f"{indent}state {name} {{"
            yield from _lines(state["ItemProcessor"], indent + "    ")
            yield f"{indent}}}"
        for label, target in _ways(state):
            yield f"{indent}{name} --> {target}{f': {label}' if label else ''}"


def _ways(state: State) -> Iterator[tuple[str, str]]:
    for rule in state.get("Choices", ()):
        yield _condition(rule), rule["Next"]
    if "Default" in state:
        yield "otherwise", state["Default"]
    for catcher in state.get("Catch", ()):
        yield "fails", catcher["Next"]
    if "Next" in state:
        yield _wait(state), state["Next"]
    if state.get("End") or state["Type"] in {"Succeed", "Fail"}:
        yield "", "[*]"


def _wait(state: State) -> str:
    if state["Type"] != "Wait":
        return ""
    seconds = state["Seconds"] if "Seconds" in state else state["SecondsPath"].removeprefix("$.")
    return f"after {seconds}{' s' if 'Seconds' in state else ''}"


def _condition(rule: Mapping[str, Any]) -> str:
    for word in ("And", "Or"):
        if word in rule:
            return f" {word.lower()} ".join(_condition(part) for part in rule[word])
    if "Not" in rule:
        return f"not {_condition(rule['Not'])}"
    variable = rule["Variable"].removeprefix("$.")
    if "IsPresent" in rule:
        return f"{variable} is {'there' if rule['IsPresent'] else 'missing'}"
    ((comparison, wanted),) = ((name, value) for name, value in rule.items() if name in COMPARISONS)
    if comparison == "BooleanEquals":
        return variable if wanted else f"not {variable}"
    return f"{variable} {_SIGNS.get(comparison, '=')} {wanted}"


def drawn(page: str) -> str:
    """A page with its diagrams as they must be."""

    def draw(place: re.Match[str]) -> str:
        definition = json.loads((INFRA / place[2]).read_text("utf-8"))
        return f"{place[1]}{mermaid(definition)}\n{place[3]}"

    return _PLACE.sub(draw, page)


def main() -> None:
    """Draws the diagrams of all pages anew."""
    for path in sorted(DOCS.glob("*.md")):
        page = path.read_text("utf-8")
        if (new := drawn(page)) != page:
            path.write_text(new, "utf-8")


if __name__ == "__main__":
    main()
