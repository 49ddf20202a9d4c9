"""Which stacks there are, what each needs, and in which order they are made."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path
from typing import Any

from infra.local.templates import Template, read_template

PREFIX = "luca-"
# A web ACL for CloudFront can be made in us-east-1 only.
# https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-wafv2-webacl.html
ELSEWHERE = {"edge": "us-east-1"}
# Parameters that are outputs of another stack, where an import would not do: a value that changes with
# each release, one that crosses regions, or one that a laptop leaves out.
WIRED = {
    "ContainerUrl": ("service", "ServiceUrl"),
    "OriginHost": ("behavior", "OriginHost"),
    "LoadSubnetA": ("network", "NetworkSubnetA"),
    "LoadSubnetB": ("network", "NetworkSubnetB"),
    "LoadSecurityGroup": ("network", "NetworkSecurityGroup"),
    "ServiceSubnets": ("network", "PublicSubnets"),
    "AlarmTopic": ("operations", "AlarmTopicArn"),
}
IMAGES = ("LoadImage", "ServiceImage")
_WORK_GROUP, _SAVED_QUERY = "AWS::Athena::WorkGroup", "AWS::Athena::NamedQuery"


class PlanError(RuntimeError):
    """The templates cannot be deployed as they stand."""


@dataclass(frozen=True)
class Stack:
    """One template, to be a stack.

    Attributes:
        name: Of the stack.
        path: Of its template.
        needs: Names of the stacks that must be there before.
        keeps: Logical ids of what outlives the stack: its data, and the keys that open them.
        elsewhere: Its region, where that is not the stage's.
    """

    name: str
    path: Path
    template: Template
    needs: tuple[str, ...]
    keeps: tuple[str, ...]
    elsewhere: str | None


def stacks(paths: Sequence[Path]) -> list[Stack]:
    """The stacks of these templates, each after those that it needs.

    Raises:
        PlanError: An import or a wired parameter has no source, an export has two, or stacks need each other.
    """
    templates = {path.stem: read_template(path) for path in sorted(paths)}
    exporters: dict[str, str] = {}
    for stem, template in templates.items():
        for output in template.outputs.values():
            name = output.get("Export", {}).get("Name")
            if name is not None and (other := exporters.setdefault(name, stem)) != stem:
                raise PlanError(f"{name!r} is exported by {other}.yaml and by {stem}.yaml: rename one")
    graph: TopologicalSorter[str] = TopologicalSorter()
    needs = {stem: set(_needs(stem, template, templates, exporters)) for stem, template in templates.items()}
    for stem in templates:
        graph.add(stem, *sorted(needs[stem]))
    try:
        order = list(graph.static_order())
    except CycleError as ring:
        raise PlanError(f"stacks need each other in a ring: {' -> '.join(ring.args[1])}") from ring
    by_path = {path.stem: path for path in paths}
    return [
        Stack(
            PREFIX + stem,
            by_path[stem],
            templates[stem],
            tuple(PREFIX + each for each in sorted(needs[stem])),
            tuple(
                name
                for name, each in templates[stem].resources.items()
                if (each.deletion_policy or "").startswith("Retain")
            ),
            ELSEWHERE.get(stem),
        )
        for stem in order
    ]


def _needs(
    stem: str, template: Template, templates: dict[str, Template], exporters: dict[str, str]
) -> Iterator[str]:
    values = [each.properties for each in template.resources.values()]
    for name in _imports([*values, template.outputs]):
        if name not in exporters:
            raise PlanError(f"{stem}.yaml imports {name!r}, which no template exports")
        if exporters[name] != stem:
            yield exporters[name]
    for parameter in template.parameters.keys() & WIRED.keys():
        source, output = WIRED[parameter]
        if source not in templates or output not in templates[source].outputs:
            raise PlanError(
                f"{stem}.yaml: {parameter} is output {output} of {source}.yaml, which is not there"
            )
        yield source
    yield from _of_saved_queries(stem, template, templates) - {stem}


def _of_saved_queries(stem: str, template: Template, templates: dict[str, Template]) -> set[str]:
    """The templates of the work groups in which its saved queries stand: they say the group by its name."""
    groups = {
        each.properties["Name"]: other
        for other, found in templates.items()
        for each in found.resources.values()
        if each.type == _WORK_GROUP
    }
    named = [
        each.properties["WorkGroup"] for each in template.resources.values() if each.type == _SAVED_QUERY
    ]
    for name in named:
        # A reference is found as an import, or stays in its template.
        if isinstance(name, str) and name not in groups:
            raise PlanError(f"{stem}.yaml saves a query in work group {name!r}, which no template has")
    return {groups[name] for name in named if isinstance(name, str)}


def _imports(value: Any) -> Iterator[str]:
    if isinstance(value, list):
        for each in value:
            yield from _imports(each)
    elif isinstance(value, dict):
        for key, each in value.items():
            if key == "Fn::ImportValue":
                yield each
            else:
                yield from _imports(each)
