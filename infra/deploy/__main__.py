"""`python -m infra.deploy`: packages functions, shows and makes the stacks."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from infra.deploy import packages, sources
from infra.local.children import REPOSITORY
from infra.local.templates import read_template

OUT = Path("out/functions")
console = Console(highlight=False)
app = typer.Typer(
    name="python -m infra.deploy",
    help="Puts the templates into an AWS account.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


@app.callback()
def _commands() -> None:
    """Puts the templates into an AWS account."""


@app.command()
def package(
    check: Annotated[
        bool, typer.Option("--check", help="Make everything twice and compare: the same to the last byte?")
    ] = False,
    only: Annotated[str | None, typer.Option(help="One function, by its module's name.")] = None,
) -> None:
    """Make the zip file of every function in out/functions, for Lambda's platform, from uv.lock."""
    templates = [read_template(path) for path in sorted((REPOSITORY / "infra").glob("*.yaml"))]
    modules = sources.functions(templates)
    if only is not None and only not in modules:
        raise typer.BadParameter(f"{only!r} is no function: use one of {', '.join(modules)}")
    shown = Table(box=None, header_style="bold", pad_edge=False)
    shown.add_column("function")
    for title in ("zip, MiB", "unzipped, MiB", "files of ours"):
        shown.add_column(title, justify="right")
    shown.add_column("sha256")
    elsewhere = REPOSITORY / OUT.with_name("functions-again")
    shutil.rmtree(elsewhere, ignore_errors=True)
    for name in [only] if only else modules:
        source = sources.source(REPOSITORY, modules[name])
        made = packages.package(REPOSITORY, source, REPOSITORY / OUT)
        if check:
            again = packages.package(REPOSITORY, source, elsewhere)
            if again.sha256 != made.sha256:
                raise packages.PackageError(f"{name}: made twice, {made.sha256} and {again.sha256}")
        shown.add_row(
            name,
            f"{made.zipped / 2**20:.1f}",
            f"{made.unzipped / 2**20:.1f}",
            str(len(source.files)),
            made.sha256[:16],
        )
    shutil.rmtree(elsewhere, ignore_errors=True)
    console.print(shown)
    console.print("made twice, the same to the last byte" if check else f"in {OUT}/", soft_wrap=True)


def main() -> None:
    """Runs the command line; what a person can mend is said without a traceback."""
    try:
        app()
    except (packages.PackageError, sources.SourceError) as failed:
        Console(stderr=True, highlight=False).print(f"deploy: {failed}", style="red", markup=False)
        sys.exit(1)


if __name__ == "__main__":
    main()
