"""Stages: what differs between an account to try things in and the one that schools use."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from infra.deploy.plan import Stack
from infra.local.children import REPOSITORY

STAGES = REPOSITORY / "infra" / "stages"


class StageError(RuntimeError):
    """A stage's file cannot be used."""


@dataclass(frozen=True)
class Stage:
    """One file of infra/stages.

    Attributes:
        name: Of the file.
        region: Of all stacks but the edge.
        account: The only account that it may be deployed to; None: any.
        parameters: Values of template parameters.
    """

    name: str
    region: str
    account: str | None
    parameters: Mapping[str, str]


def read_stage(name: str, given: Mapping[str, str] = {}, folder: Path = STAGES) -> Stage:
    """Reads a stage's file.

    Args:
        name: Such as `dev`.
        given: Parameters that override the file's.
        folder: Where the files are.

    Raises:
        StageError: There is no such file, or it says what is not understood.
    """
    path = folder / f"{name}.toml"
    if not path.is_file():
        known = ", ".join(sorted(each.stem for each in folder.glob("*.toml")))
        raise StageError(f"stage {name!r} has no file {path}: use one of {known}, or write it")
    said = tomllib.loads(path.read_text("utf-8"))
    if unknown := sorted(said.keys() - {"region", "account", "parameters"}):
        raise StageError(f"{path.name}: {unknown} are not understood: region, account and [parameters] are")
    if "region" not in said:
        raise StageError(f"{path.name}: region is missing: every stage says where it is")
    parameters = {key: str(value) for key, value in said.get("parameters", {}).items()}
    return Stage(name, said["region"], said.get("account"), {**parameters, **given})


def check_parameters(stage: Stage, stacks: Sequence[Stack]) -> None:
    """Whether every parameter of the stage is some template's.

    Raises:
        StageError: One is not; a misspelt parameter would change nothing and say nothing.
    """
    declared = {name for stack in stacks for name in stack.template.parameters}
    if unknown := sorted(stage.parameters.keys() - declared):
        raise StageError(
            f"stage {stage.name}: no template declares {unknown}; declared are {', '.join(sorted(declared))}"
        )
