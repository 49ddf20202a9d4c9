"""What a function is made of: the files of ours that it may import, and the packages of others.

Read from the sources and run nowhere, so that nothing which merely happens to be installed here is packed.
"""

from __future__ import annotations

import ast
import re
import sys
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import packages_distributions
from pathlib import Path
from typing import Any

from infra.local.templates import Template

FUNCTION = "AWS::Serverless::Function"
ROOMS = ("adapters", "expectations", "lambdas", "transforms")
# `zoneinfo` is the standard library's, its zones are not: Lambda's image has none of its own.
_SILENT = {"zoneinfo": "tzdata"}


class SourceError(RuntimeError):
    """A function cannot be packed from these sources."""


@dataclass(frozen=True)
class Source:
    """What goes into one function's package.

    Attributes:
        name: Of the package: the handler's module without its room.
        files: Of ours, relative to the repository.
        packages: Names of the distributions that these files import themselves.
    """

    name: str
    files: tuple[Path, ...]
    packages: tuple[str, ...]


def functions(templates: list[Template]) -> dict[str, str]:
    """The handler's module of each function that the templates declare, by its package's name."""
    found: dict[str, str] = {}
    for template in templates:
        for resource in template.resources.values():
            if resource.type == FUNCTION:
                module = resource.properties["Handler"].rpartition(".")[0]
                found[module.rpartition(".")[2]] = module
    return dict(sorted(found.items()))


def source(repository: Path, module: str) -> Source:
    """Follows the imports of a handler's module.

    Raises:
        SourceError: The module is not there, or imports what no installed distribution provides.
    """
    modules, foreign, waiting = set[str](), set[str](), [module]
    while waiting:
        current = waiting.pop()
        if current in modules:
            continue
        path = _file(repository, current)
        if path is None:
            raise SourceError(f"{current}: no such module beneath {repository}")
        modules.add(current)
        if "." in current:
            waiting.append(current.rpartition(".")[0])  # a package's own __init__ runs first
        for name in _imports([ast.parse(path.read_text("utf-8"))]):
            if name.split(".")[0] not in ROOMS:
                foreign.add(name.split(".")[0])
            elif _file(repository, name) is not None:
                waiting.append(name)
    files = sorted(
        path.relative_to(repository) for each in modules if (path := _file(repository, each)) is not None
    )
    return Source(module.rpartition(".")[2], tuple(files), tuple(sorted(_distributions(foreign, module))))


def _file(repository: Path, module: str) -> Path | None:
    path = repository.joinpath(*module.split("."))
    return next((each for each in (path.with_suffix(".py"), path / "__init__.py") if each.is_file()), None)


def _imports(nodes: Iterable[ast.AST]) -> Iterator[str]:
    """Dotted names of all imports but those for a type checker; of `from a import b`, both `a` and `a.b`."""
    for node in nodes:
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            yield from _imports(node.orelse)
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        else:
            yield from _imports(ast.iter_child_nodes(node))


def _distributions(imported: set[str], module: str) -> set[str]:
    installed = _installed()
    found = {_SILENT[name] for name in imported if name in _SILENT}
    for name in imported - set(sys.stdlib_module_names) - {"__future__"}:
        if name not in installed:
            raise SourceError(
                f"{module} imports {name!r}, which no distribution of this environment provides"
            )
        found |= {_normal(each) for each in installed[name]}
    return found


@cache
def _installed() -> Mapping[str, list[str]]:
    return packages_distributions()


def locked(repository: Path, packages: tuple[str, ...]) -> set[str]:
    """These distributions and all that they need, as uv.lock has it, for any platform.

    An extra that pyproject.toml asks of a distribution (`aws-lambda-powertools[tracer]`) counts.

    Raises:
        SourceError: uv.lock does not know a distribution.
    """
    known = _lock((repository / "uv.lock").read_text("utf-8"))
    extras = _extras(known["luca"])
    waiting = [(name, extra) for name in packages for extra in ("", *extras.get(name, ()))]
    seen = set[tuple[str, str]]()
    while waiting:
        name, extra = place = waiting.pop()
        if place in seen:
            continue
        if name not in known:
            raise SourceError(f"{name} is not in uv.lock: add it to the dependencies of pyproject.toml")
        seen.add(place)
        package = known[name]
        needed = package.get("optional-dependencies", {}).get(extra, []) if extra else []
        for each in needed if extra else package.get("dependencies", []):
            waiting += [(each["name"], wanted) for wanted in ("", *each.get("extra", ()))]
    return {name for name, _ in seen}


@cache
def _lock(text: str) -> Mapping[str, Any]:
    """The distributions of a uv.lock by name; every function asks the same one."""
    return {each["name"]: each for each in tomllib.loads(text)["package"]}


def _extras(project: Mapping[str, object]) -> dict[str, list[str]]:
    dependencies = project["dependencies"]
    assert isinstance(dependencies, list)
    return {each["name"]: each.get("extra", []) for each in dependencies}


def _normal(distribution: str) -> str:
    return re.sub(r"[-_.]+", "-", distribution).lower()
