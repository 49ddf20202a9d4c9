"""`python -m infra.deploy`: packages functions, shows and makes the stacks."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated, Any, NoReturn

import boto3
import typer
from botocore.exceptions import BotoCoreError, ClientError
from rich.console import Console
from rich.table import Table

from infra.deploy import artifacts, dashboard, packages, sources
from infra.deploy.cloudformation import DeployError
from infra.deploy.deployment import Deployment
from infra.deploy.plan import IMAGES, PREFIX, WIRED, PlanError, Stack, stacks
from infra.deploy.quotas import quotas
from infra.deploy.stages import Stage, StageError, check_parameters, read_stage
from infra.local.children import REPOSITORY
from infra.local.cloud import exports, variable

OUT = Path("out/functions")
StageName = Annotated[str, typer.Argument(help="A file of infra/stages: dev, prod.")]
Given = Annotated[
    list[str] | None, typer.Option("--set", help="A template parameter, NAME=VALUE; over the stage's file.")
]
Image = Annotated[
    str | None, typer.Option(help="Of the Dockerfile, in a registry; else docker builds and pushes it.")
]
console = Console(highlight=False)
app = typer.Typer(
    name="python -m infra.deploy",
    help="Puts the templates into an AWS account.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)


@app.command()
def package(
    check: Annotated[
        bool, typer.Option("--check", help="Make everything twice and compare: the same to the last byte?")
    ] = False,
    only: Annotated[str | None, typer.Option(help="One function, by its module's name.")] = None,
) -> None:
    """Make the zip file of every function in out/functions, for Lambda's platform, from uv.lock."""
    modules = sources.functions([each.template for each in _stacks()])
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


@app.command()
def plan(stage: StageName, given: Given = None) -> None:
    """Show the stacks in their order and what each is given. Asks no account."""
    read, found = _read(stage, given)
    for stack in found:
        after = ", ".join(each.removeprefix(PREFIX) for each in stack.needs)
        console.print(
            f"[bold]{stack.name:<20}[/]{stack.elsewhere or read.region:<12}"
            f"{len(stack.template.resources):>3} resources{f', after {after}' if after else ''}",
            soft_wrap=True,
        )
        if stack.keeps:
            console.print(f"    keeps {', '.join(stack.keeps)}", soft_wrap=True)
        for told in _planned(stack, read):
            console.print(f"    {told}", soft_wrap=True)


@app.command()
def diff(stage: StageName, given: Given = None, image: Image = None) -> None:
    """Show what a deployment would change, by change sets that are thrown away again.

    Of the account it changes `luca-artifacts` alone: packages, templates and the image are put there.
    """
    read, found = _read(stage, given)
    deployment = _deployment(read, found)
    for stack, changes in deployment.changes(_packages(found), _image(image, read.region)):
        if changes is None:
            console.print(f"{stack.name}: new; what it imports is not there yet")
        elif not changes.changes:
            console.print(f"{stack.name}: unchanged")
        else:
            console.print(f"{stack.name}: {'new' if changes.creates else 'changes'}")
            for each in changes.changes:
                word = f"{each.action}{', replaced' if each.replaced else ''}"
                loss = "   DATA WOULD BE LOST" if each.loses else ""
                console.print(f"  {word:<18}{each.type:<40}{each.logical_id}{loss}")


@app.command()
def up(
    stage: StageName,
    given: Given = None,
    image: Image = None,
    replace_data: Annotated[
        bool, typer.Option("--replace-data", help="Let tables, buckets, keys and secrets be replaced.")
    ] = False,
) -> None:
    """Package, upload and make or update every stack, in order. Run again after a failure, it goes on."""
    read, found = _read(stage, given)
    deployment = _deployment(read, found)
    outputs = deployment.up(_packages(found), _image(image, read.region), replace_data=replace_data)
    for name, value in sorted(outputs.items()):
        console.print(f"  {name:<28}{value}", soft_wrap=True)


@app.command()
def destroy(
    stage: StageName,
    delete_data: Annotated[
        bool, typer.Option("--delete-data", help="Also tables, buckets with all they hold, and keys.")
    ] = False,
    confirm: Annotated[str, typer.Option(help="With --delete-data: the account's number.")] = "",
) -> None:
    """Delete the stacks, last first. Those that keep data stay, unless --delete-data."""
    read, found = _read(stage, None)
    deployment = _deployment(read, found)
    if delete_data and confirm != deployment.account:
        raise DeployError(
            f"this deletes all data of all schools in account {deployment.account}, and nothing brings it "
            f"back: say --confirm {deployment.account}"
        )
    deployment.down(delete_data=delete_data)


@app.command()
def environment(stage: StageName) -> None:
    """Print the environment of `luca` and of the API's container: eval "$(… environment dev)"."""
    read, found = _read(stage, None)
    outputs = Deployment(read, found, _client, say=lambda _: None).outputs()
    typer.echo(exports({variable(name): value for name, value in sorted(outputs.items())}))
    typer.echo(exports({"AWS_REGION": read.region, "AWS_DEFAULT_REGION": read.region}))


@app.command("dashboard")
def draw_dashboard() -> None:
    """Draw the dashboard from its definition into docs/dashboard.svg, with figures that are made up."""
    dashboard.PICTURE.write_text(dashboard.picture(dashboard.definition()), "utf-8")
    console.print(f"drawn into {dashboard.PICTURE.relative_to(REPOSITORY)}")


@app.command("quotas")
def show_quotas(
    stage: StageName,
    events_per_second: Annotated[float, typer.Option(min=1, help="Behaviour events at the peak.")] = 5000,
    given: Given = None,
) -> None:
    """Show which quotas of the account to raise for a load, and how that was computed."""
    read, found = _read(stage, given)
    computed = quotas(events_per_second, read, found)
    console.print(
        f"{events_per_second:,.0f} events a second in {read.region}; a quarter to spare", soft_wrap=True
    )
    for each in computed:
        console.print(
            f"[bold]{'RAISE' if each.short else 'fine':<6}[/]{each.service}: {each.name}: {each.needed:,} "
            f"{each.unit}, a new account may have {each.default:,}",
            soft_wrap=True,
        )
        console.print(f"      {each.why} ({each.source})", soft_wrap=True)
    console.print(f"{sum(each.short for each in computed)} of {len(computed)} to raise", soft_wrap=True)


def _stacks() -> list[Stack]:
    return stacks(sorted((REPOSITORY / "infra").glob("*.yaml")))


def _read(stage: str, given: list[str] | None) -> tuple[Stage, list[Stack]]:
    wrong = [each for each in given or [] if "=" not in each]
    if wrong:
        raise typer.BadParameter(f"--set {wrong[0]!r} is no parameter: write NAME=VALUE")
    read, found = read_stage(stage, dict(each.split("=", 1) for each in given or [])), _stacks()
    check_parameters(read, found)
    return read, found


def _planned(stack: Stack, stage: Stage) -> Iterator[str]:
    for name, declared in stack.template.parameters.items():
        if name in stage.parameters:
            yield f"{name} = {stage.parameters[name]}"
        elif name in IMAGES:
            yield f"{name} = the image"
        elif name in WIRED:
            yield f"{name} = {'.'.join(WIRED[name])}"
        elif "Default" not in declared:
            yield f"{name} = ? (--set {name}=… at the first time, or in the stage's file)"


def _packages(found: list[Stack]) -> dict[str, packages.Package]:
    modules = sources.functions([each.template for each in found])
    made = {}
    for name, module in modules.items():
        made[name] = packages.package(REPOSITORY, sources.source(REPOSITORY, module), REPOSITORY / OUT)
    console.print(f"{len(made)} functions packed")
    return made


def _image(given: str | None, region: str) -> Callable[[str], str]:
    if given is not None:
        return lambda _: given
    return lambda uri: artifacts.built_image(REPOSITORY, boto3.client("ecr", region_name=region), uri)


def _client(service: str, region: str) -> Any:
    return boto3.client(service, region_name=region)  # type: ignore[call-overload]  # the name is a variable


def _deployment(stage: Stage, found: list[Stack]) -> Deployment:
    made = Deployment(
        stage,
        found,
        _client,
        say=console.print,
    )
    console.print(f"stage {stage.name}, account {made.account}, {stage.region}")
    return made


def main() -> None:
    """Runs the command line; what a person can mend is said without a traceback."""
    try:
        app()
    except (BotoCoreError, ClientError) as failed:
        _end(f"AWS refused or did not answer: {failed}")
    except (DeployError, PlanError, StageError, packages.PackageError, sources.SourceError) as failed:
        _end(str(failed))


def _end(words: str) -> NoReturn:
    Console(stderr=True, highlight=False).print(f"deploy: {words}", style="red", markup=False)
    sys.exit(1)


if __name__ == "__main__":
    main()
