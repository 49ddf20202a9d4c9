"""Which settings and modules a handler can reach, read from the code itself and run nowhere."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

REPOSITORY = Path(__file__).parents[2]
ROOMS = ("adapters", "expectations", "lambdas", "pipelines", "transforms")
Place = tuple[str, str]  # module, name at its top level; "" is the module's own statements


def source(module: str) -> Path | None:
    """The file of a module of ours; None if it is nobody's or someone else's."""
    if module.split(".", maxsplit=1)[0] not in ROOMS:
        return None
    path = REPOSITORY.joinpath(*module.split("."))
    found = [each for each in (path.with_suffix(".py"), path / "__init__.py") if each.is_file()]
    return found[0] if found else None


class Module:
    """The top level of one file: what is defined, what is imported, what is simply run."""

    def __init__(self, path: Path) -> None:
        self.definitions: dict[str, ast.AST] = {}
        self.imports: dict[str, Place] = {}
        self.run: list[ast.AST] = []
        tree = ast.parse(path.read_text())
        for node in tree.body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef):
                self.definitions[node.name] = node
            else:
                self.run.append(node)
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                self.imports |= {alias.asname or alias.name: (alias.name, "") for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and node.module:
                for alias in node.names:
                    inner = f"{node.module}.{alias.name}"
                    place = (inner, "") if source(inner) else (node.module, alias.name)
                    self.imports[alias.asname or alias.name] = place

    def nodes(self, name: str) -> list[ast.AST]:
        return self.run if name == "" else [self.definitions[name]] if name in self.definitions else []


@cache
def module(name: str) -> Module | None:
    path = source(name)
    return Module(path) if path else None


def _named(place: Place, node: ast.AST) -> Iterator[Place]:
    """What one definition names: its own module's definitions, and what it imports."""
    found = module(place[0])
    assert found is not None
    for each in ast.walk(node):
        if isinstance(each, ast.Name):
            if each.id in found.definitions:
                yield place[0], each.id
            elif each.id in found.imports:
                yield found.imports[each.id]
        elif isinstance(each, ast.Attribute) and isinstance(each.value, ast.Name):
            target = found.imports.get(each.value.id)
            if target is not None and target[1] == "":
                yield target[0], each.attr


def reached(entry: Place) -> set[Place]:
    """Everything of ours that may run when `entry` runs: a superset, for no branch is decided."""
    seen: set[Place] = set()
    waiting = [entry]
    while waiting:
        place = waiting.pop()
        found = module(place[0])
        if place in seen or found is None:
            continue
        seen.add(place)
        waiting.append((place[0], ""))
        for node in found.nodes(place[1]):
            waiting += _named(place, node)
    return seen


def settings(entry: Place) -> set[str]:
    """Names of the `LUCA_*` variables that `entry` may ask for; `*` where a name is composed."""
    names: set[str] = set()
    for place in reached(entry):
        found = module(place[0])
        assert found is not None
        for node in found.nodes(place[1]):
            for each in ast.walk(node):
                if (
                    isinstance(each, ast.Call)
                    and isinstance(each.func, ast.Name)
                    and each.func.id == "setting"
                ):
                    names.add(_spelled(each.args[0]))
    return {f"LUCA_{name}" for name in names}


def _spelled(argument: ast.expr) -> str:
    if isinstance(argument, ast.Constant):
        return str(argument.value)
    if isinstance(argument, ast.JoinedStr):
        return "".join(str(part.value) if isinstance(part, ast.Constant) else "*" for part in argument.values)
    raise AssertionError(f"setting({ast.unparse(argument)}): a setting is named by a literal")
