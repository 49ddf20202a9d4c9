"""Resolves what templates say: parameters, references, imports, in dependency order."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Any

from infra.local.templates import Made, Resource, Template, TemplateError

_PLACEHOLDER = re.compile(r"\$\{([^!}][^}]*)\}")
_LITERAL = re.compile(r"\$\{!([^}]*)\}")  # ${!x} stands for ${x} itself
_NO_VALUE = object()


class Stacks:
    """Templates that are deployed together: they import from each other by export names.

    Args:
        templates: That import from each other only.
        parameters: Values of template parameters; each must be declared somewhere.
        account_id, region: What `AWS::AccountId` and `AWS::Region` say.

    Raises:
        TemplateError: A parameter has no value or is not declared, or an export is not unique.
    """

    def __init__(
        self, templates: Sequence[Template], parameters: Mapping[str, str], *, account_id: str, region: str
    ) -> None:
        self._pseudo = {
            "AWS::AccountId": account_id,
            "AWS::Region": region,
            "AWS::Partition": "aws",
            "AWS::URLSuffix": "amazonaws.com",
            "AWS::NoValue": _NO_VALUE,
        }
        self.templates = list(templates)
        self._parameters = {
            template.file: {
                name: _parameter(template.file, name, declaration, parameters)
                for name, declaration in template.parameters.items()
            }
            for template in templates
        }
        declared = {name for template in self.templates for name in template.parameters}
        if unknown := sorted(set(parameters) - declared):
            raise TemplateError(
                f"parameters {unknown}: no template declares them; declared are {sorted(declared)}"
            )
        self._exports = self._find_exports()
        self._made: dict[tuple[str, str], Made] = {}

    def in_order(self) -> list[Resource]:
        """Every resource whose condition holds, each after those that it refers to.

        Raises:
            TemplateError: A reference leads nowhere, or references form a ring.
        """
        resources: dict[tuple[str, str], Resource] = {}
        graph: TopologicalSorter[tuple[str, str]] = TopologicalSorter()
        for template in self.templates:
            for resource in template.resources.values():
                if not self._exists(resource, template):
                    continue
                key = (template.file, resource.logical_id)
                resources[key] = resource
                graph.add(key)
                for name in resource.depends_on:
                    if name not in template.resources:
                        raise TemplateError(f"{resource.place}: DependsOn {name!r}: no such resource")
                    graph.add(key, (template.file, name))
                for needed in self._needs(resource.properties, template, resource.place):
                    graph.add(key, needed)
        try:
            return [resources[key] for key in graph.static_order() if key in resources]
        except CycleError as ring:
            names = " -> ".join(logical_id for _, logical_id in ring.args[1])
            raise TemplateError(f"resources refer to each other in a ring: {names}") from ring

    def made(self, resource: Resource, made: Made) -> None:
        """Notes what a resource has become, for those that refer to it."""
        self._made[resource.file, resource.logical_id] = made

    def properties(self, resource: Resource) -> dict[str, Any]:
        """The resource's properties, everything that they refer to put in.

        Raises:
            TemplateError: A function, name or attribute is unknown.
        """
        resolved = self._resolve(resource.properties, self._template(resource.file), resource.place)
        assert isinstance(resolved, dict)
        return resolved

    def outputs(self) -> dict[str, str]:
        """All templates' outputs, by output name.

        Raises:
            TemplateError: Two templates give one output name different values.
        """
        found: dict[str, str] = {}
        for template in self.templates:
            for name, output in template.outputs.items():
                if "Condition" in output and not self._holds(template, output["Condition"]):
                    continue
                value = str(self._resolve(output["Value"], template, f"{template.file}: output {name}"))
                if found.setdefault(name, value) != value:
                    raise TemplateError(f"{template.file}: output {name} is also another template's")
        return found

    def _template(self, file: str) -> Template:
        return next(template for template in self.templates if template.file == file)

    def _find_exports(self) -> dict[str, tuple[Template, Any]]:
        exports: dict[str, tuple[Template, Any]] = {}
        for template in self.templates:
            for name, output in template.outputs.items():
                if "Export" not in output:
                    continue
                place = f"{template.file}: output {name}"
                exported = str(self._resolve(output["Export"]["Name"], template, place))
                if exported in exports:
                    raise TemplateError(
                        f"{place}: {exported!r} is already exported by {exports[exported][0].file}"
                    )
                exports[exported] = (template, output["Value"])
        return exports

    def _export(self, name: Any, place: str) -> tuple[Template, Any]:
        if not isinstance(name, str) or name not in self._exports:
            raise TemplateError(f"{place}: imports {name!r}, which no template exports")
        return self._exports[name]

    def _needs(self, value: Any, template: Template, place: str) -> Iterator[tuple[str, str]]:
        """The resources that a value refers to, through imports too."""
        if isinstance(value, list):
            for item in value:
                yield from self._needs(item, template, place)
        elif isinstance(value, dict):
            if "Fn::ImportValue" in value:
                name = self._resolve(value["Fn::ImportValue"], template, place)
                yield from self._needs(self._export(name, place)[1], self._exports[name][0], place)
                return
            for name in _references(value):
                if name in template.resources:
                    yield template.file, name
            for item in value.values():
                yield from self._needs(item, template, place)

    def _resolve(self, value: Any, template: Template, place: str) -> Any:
        if isinstance(value, list):
            return [r for item in value if (r := self._resolve(item, template, place)) is not _NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            (name, argument), *_ = value.items()
            if name == "Ref":
                return self._reference(argument, template, place)
            if isinstance(name, str) and name.startswith("Fn::"):
                return self._call(name, argument, template, place)
        return {
            key: resolved
            for key, item in value.items()
            if (resolved := self._resolve(item, template, f"{place}.{key}")) is not _NO_VALUE
        }

    def _call(  # noqa: PLR0911  # one a function
        self, function: str, argument: Any, template: Template, place: str
    ) -> Any:
        if function == "Fn::GetAtt":
            return self._attribute(argument[0], argument[1], template, place)
        if function == "Fn::Sub":
            return self._substitute(argument, template, place)
        if function == "Fn::If":
            name, yes, no = argument
            if name not in template.conditions:
                raise TemplateError(f"{place}: Fn::If names condition {name!r}, which is not declared")
            return self._resolve(yes if self._holds(template, name) else no, template, place)
        resolved = self._resolve(argument, template, place)
        if function == "Fn::ImportValue":
            source, exported = self._export(resolved, place)
            return self._resolve(exported, source, place)
        if function == "Fn::Join":
            return str(resolved[0]).join(map(str, resolved[1]))
        if function == "Fn::Select":
            return resolved[1][int(resolved[0])]
        if function == "Fn::Split":
            return str(resolved[1]).split(resolved[0])
        raise TemplateError(f"{place}: {function} is not understood by infra/local/templates.py")

    def _reference(self, name: str, template: Template, place: str) -> Any:
        if name in template.parameters:
            return self._parameters[template.file][name]
        if name in self._pseudo:
            return self._pseudo[name]
        return self._of(name, template, place).ref

    def _attribute(self, name: str, attribute: str, template: Template, place: str) -> str:
        made = self._of(name, template, place)
        if attribute not in made.attributes:
            raise TemplateError(
                f"{place}: {name} has no attribute {attribute!r} here, only {sorted(made.attributes)}"
            )
        return made.attributes[attribute]

    def _of(self, name: str, template: Template, place: str) -> Made:
        made = self._made.get((template.file, name))
        if made is None:
            reason = "is not made" if name in template.resources else "is no parameter and no resource"
            raise TemplateError(f"{place}: refers to {name!r}, which {reason}")
        return made

    def _substitute(self, argument: Any, template: Template, place: str) -> str:
        text, given = argument if isinstance(argument, list) else (argument, {})

        def value_of(match: re.Match[str]) -> str:
            name = match[1]
            if name in given:
                return str(self._resolve(given[name], template, place))
            if "." in name:
                resource, attribute = name.split(".", 1)
                return self._attribute(resource, attribute, template, place)
            return str(self._reference(name, template, place))

        return _LITERAL.sub(r"${\1}", _PLACEHOLDER.sub(value_of, text))

    def _exists(self, resource: Resource, template: Template) -> bool:
        if resource.condition is None:
            return True
        if resource.condition not in template.conditions:
            raise TemplateError(f"{resource.place}: Condition {resource.condition!r} is not declared")
        return self._holds(template, resource.condition)

    def _holds(self, template: Template, name: str) -> bool:
        return self._truth(template.conditions[name], template, f"{template.file}: condition {name}")

    def _truth(self, value: Any, template: Template, place: str) -> bool:
        (function, argument), *rest = value.items()
        if rest or function not in {"Condition", "Fn::Equals", "Fn::Not", "Fn::And", "Fn::Or"}:
            raise TemplateError(f"{place}: {function} is not understood in a condition")
        if function == "Condition":
            return self._holds(template, argument)
        if function == "Fn::Equals":
            left, right = (str(self._resolve(side, template, place)) for side in argument)
            return left == right
        truths = [self._truth(each, template, place) for each in argument]
        return (
            not truths[0] if function == "Fn::Not" else all(truths) if function == "Fn::And" else any(truths)
        )


def _references(value: dict[str, Any]) -> Iterator[str]:
    """Names that one intrinsic function mentions itself."""
    if isinstance(name := value.get("Ref"), str):
        yield name
    if "Fn::GetAtt" in value:
        yield value["Fn::GetAtt"][0]
    if (argument := value.get("Fn::Sub")) is not None:
        text = argument[0] if isinstance(argument, list) else argument
        yield from (name.split(".", 1)[0] for name in _PLACEHOLDER.findall(text))


def _parameter(file: str, name: str, declared: dict[str, Any], given: Mapping[str, str]) -> Any:
    value = given.get(name, declared.get("Default"))
    if value is None:
        raise TemplateError(f"{file}: parameter {name} has no default: give it a value")
    allowed = declared.get("AllowedValues")
    if allowed is not None and value not in allowed:
        raise TemplateError(f"{file}: parameter {name} is {value!r}: allowed are {allowed}")
    match declared.get("Type"):
        case "String":
            return str(value)
        case "Number":
            return int(value)
        case "CommaDelimitedList":
            return str(value).split(",")
        case other:
            raise TemplateError(f"{file}: parameter {name} has type {other!r}, which is not understood")
