"""Step Functions' state machines, read from their files and noted for our interpreter to run."""

from __future__ import annotations

import re

from infra.local.resources.declared import Declared
from infra.local.resources.maker import Workshop
from infra.local.state_machines.definition import DefinitionError, read_machine
from infra.local.templates import Made, TemplateError


def state_machine(shop: Workshop, declared: Declared, logical_id: str) -> Made:
    """AWS::Serverless::StateMachine, a standard one, whose definition is a file beside the template."""
    name = declared.take("Name", logical_id)
    arn = shop.arn("states", f"stateMachine:{name}")
    declared.only("Type", "STANDARD")
    text = _definition(shop, declared.place, declared.take("DefinitionUri"))
    for placeholder, value in declared.take("DefinitionSubstitutions", {}).items():
        text = text.replace(f"${{{placeholder}}}", value)
    # Whom it may call is the role's to say, which the local interpreter does not ask.
    declared.without_effect("Role", "Tracing", "Logging", "Tags")
    declared.done()
    if left := sorted(set(re.findall(r"\$\{(\w+)\}", text))):
        raise TemplateError(f"{declared.place}: the definition names {left}, which nothing is put in for")
    try:
        shop.plan.machines.append(read_machine(name, arn, text))
    except DefinitionError as wrong:
        raise TemplateError(f"{declared.place}: {wrong}") from wrong
    return Made(arn, {"Arn": arn, "Name": name})


def _definition(shop: Workshop, place: str, uri: str) -> str:
    for folder in shop.folders:
        if (file := folder / uri).is_file():
            return file.read_text("utf-8")
    raise TemplateError(f"{place}: DefinitionUri {uri!r} is no file beside the templates")
