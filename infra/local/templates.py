"""Reads CloudFormation and SAM templates: their sections, short tags and resources.

Only what our templates use is understood. Everything else raises, naming file, resource and
property, so that a template never says something that the local cloud silently leaves out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

_SECTIONS = {
    "AWSTemplateFormatVersion",
    "Transform",
    "Description",
    "Metadata",
    "Parameters",
    "Conditions",
    "Resources",
    "Outputs",
}
_RESOURCE_KEYS = {
    "Type",
    "Properties",
    "DependsOn",
    "Condition",
    "DeletionPolicy",
    "UpdateReplacePolicy",
    "Metadata",
}
_TRANSFORMS = {None, "AWS::Serverless-2016-10-31"}


class TemplateError(ValueError):
    """A template says something that the local cloud cannot run."""


class _Loader(yaml.SafeLoader):
    """YAML with CloudFormation's short tags, in their long form: `!Ref x` is `{"Ref": "x"}`."""


def _short_tag(loader: _Loader, suffix: str, node: yaml.Node) -> dict[str, Any]:
    value: Any
    if isinstance(node, yaml.ScalarNode):
        value = loader.construct_scalar(node)
    elif isinstance(node, yaml.SequenceNode):
        value = loader.construct_sequence(node, deep=True)
    else:
        assert isinstance(node, yaml.MappingNode)
        value = loader.construct_mapping(node, deep=True)
    if suffix in {"Ref", "Condition"}:
        return {suffix: value}
    if suffix == "GetAtt" and isinstance(value, str):
        value = value.split(".", 1)
    return {f"Fn::{suffix}": value}


_Loader.add_multi_constructor("!", _short_tag)
# A policy's Version 2012-10-17 is a word, not a date.
_Loader.yaml_implicit_resolvers = {
    first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
    for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
}


@dataclass(frozen=True)
class Resource:
    """One declared resource, its properties unresolved.

    Attributes:
        file: Name of the template's file.
        logical_id: Its name in the template.
        type: Such as `AWS::SQS::Queue`.
        properties: As written, intrinsic functions in their long form.
        deletion_policy: What becomes of it when it leaves its stack; None: it is deleted.
        update_replace_policy: What becomes of it when an update puts another in its place.
    """

    file: str
    logical_id: str
    type: str
    properties: dict[str, Any]
    depends_on: tuple[str, ...] = ()
    condition: str | None = None
    deletion_policy: str | None = None
    update_replace_policy: str | None = None

    @property
    def place(self) -> str:
        """File and logical id, as errors name them."""
        return f"{self.file}: {self.logical_id}"


@dataclass(frozen=True)
class Made:
    """What stands for a resource once it exists: the value of `Ref` and those of `GetAtt`."""

    ref: str
    attributes: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Template:
    """One file, as written: nothing is resolved yet.

    Attributes:
        parameters: Their declarations, by name.
    """

    file: str
    parameters: dict[str, dict[str, Any]]
    conditions: dict[str, Any]
    resources: dict[str, Resource]
    outputs: dict[str, dict[str, Any]]


def read_document(path: Path) -> dict[str, Any]:
    """One file as it is written, short tags in their long form.

    Raises:
        TemplateError: It is no template.
    """
    try:
        document = yaml.load(path.read_text("utf-8"), Loader=_Loader)  # noqa: S506  # a SafeLoader
    except yaml.YAMLError as wrong:
        raise TemplateError(f"{path}: not YAML: {wrong}") from wrong
    if not isinstance(document, dict) or "Resources" not in document:
        raise TemplateError(f"{path}: not a template: it has no Resources")
    return document


def read_template(path: Path) -> Template:
    """Reads one file.

    Raises:
        TemplateError: It is no template, or has parts that are not understood.
    """
    document = read_document(path)
    if unknown := sorted(set(document) - _SECTIONS):
        raise TemplateError(f"{path.name}: sections {unknown} are not understood")
    if document.get("Transform") not in _TRANSFORMS:
        raise TemplateError(f"{path.name}: Transform {document['Transform']!r} is not understood")
    return Template(
        file=path.name,
        parameters=document.get("Parameters", {}),
        conditions=document.get("Conditions", {}),
        resources={name: _resource(path.name, name, it) for name, it in document["Resources"].items()},
        outputs=document.get("Outputs", {}),
    )


def _resource(file: str, name: str, declared: dict[str, Any]) -> Resource:
    if unknown := sorted(set(declared) - _RESOURCE_KEYS):
        raise TemplateError(f"{file}: {name}: {unknown} are not understood beside Type and Properties")
    depends_on = declared.get("DependsOn", [])
    return Resource(
        file=file,
        logical_id=name,
        type=declared["Type"],
        properties=declared.get("Properties", {}),
        depends_on=(depends_on,) if isinstance(depends_on, str) else tuple(depends_on),
        condition=declared.get("Condition"),
        deletion_policy=declared.get("DeletionPolicy"),
        update_replace_policy=declared.get("UpdateReplacePolicy"),
    )
