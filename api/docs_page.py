"""The page that teaches the API: one HTML document, no script, nothing from anywhere else."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from api import openapi
from api.operations import JSON, Operation
from api.problems import KINDS

CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
TEMPLATES = Path(__file__).parent / "templates"


def page(operations: tuple[Operation, ...]) -> bytes:
    """The page.

    Args:
        operations: The table; those that are listed are shown.
    """
    document = openapi.document(operations)
    shown = [
        {
            "id": openapi.operation_id(operation),
            "method": operation.method,
            "path": operation.path,
            "summary": operation.summary,
            "description": operation.description,
            "roles": sorted(operation.roles),
            "query": operation.query,
            "limit": operation.largest if operation.takes is not None else None,
            "fields": _fields(operation.takes, document),
            "curls": [(example.summary, _curl(operation, example.body)) for example in operation.examples]
            or [("", _curl(operation, None))],
            "answers": [(int(status), _fields(kind, document)) for status, kind in operation.answers.items()],
            "problems": openapi.problems_of(operation),
        }
        for operation in operations
        if operation.listed
    ]
    template = _environment().get_template("docs.html.j2")
    return template.render(
        description=_paragraphs(openapi.DESCRIPTION), operations=shown, kinds=KINDS, version=openapi.VERSION
    ).encode()


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["inline"] = _inline
    return environment


def _paragraphs(text: str) -> list[str]:
    return [" ".join(paragraph.split()) for paragraph in text.strip().split("\n\n")]


def _inline(text: str) -> Markup:
    """Code and bold of our own descriptions; everything else is escaped."""
    out = Markup()
    for number, piece in enumerate(text.split("`")):
        if number % 2:
            out += Markup("<code>{}</code>").format(piece)
            continue
        for inner, part in enumerate(piece.split("**")):
            out += Markup("<strong>{}</strong>").format(part) if inner % 2 else Markup("{}").format(part)
    return out


def _fields(kind: Any, document: dict[str, Any]) -> list[dict[str, Any]]:
    """Name, type, whether it is needed, and description of the fields of a body."""
    if kind is None or kind is bytes:
        return []
    schema = document["components"]["schemas"][kind.__name__]
    docs = _attribute_docs(kind)
    return [
        {
            "name": name,
            "type": _type(field),
            "required": name in schema.get("required", []),
            "description": docs.get(name, ""),
        }
        for name, field in schema.get("properties", {}).items()
    ]


def _attribute_docs(kind: Any) -> dict[str, str]:
    """The `Attributes:` of a docstring, by name."""
    _, _, section = (kind.__doc__ or "").partition("Attributes:\n")
    docs: dict[str, str] = {}
    name = ""
    for line in section.splitlines():
        text = line.strip()
        if not text:
            break
        if line.startswith("        ") and not line.startswith("         ") and ":" in text:
            name, _, first = text.partition(":")
            docs[name] = first.strip()
        elif name:
            docs[name] += " " + text
    return docs


def _type(field: dict[str, Any]) -> str:
    if "$ref" in field:
        return str(field["$ref"]).rsplit("/", 1)[1]
    if "anyOf" in field:
        return " or ".join(dict.fromkeys(_type(each) for each in field["anyOf"]))
    if field.get("type") == "array":
        return f"list of {_type(field.get('items', {}))}"
    return str(field.get("format") or field.get("type") or "object")


def _curl(operation: Operation, body: Any) -> str:
    path = operation.path
    for name, value in {
        "{student}": "student_456",
        "{class}": "3B",
        "{subject}": "matematicas",
        "{period}": "Q1_2026",
        "{evaluation}": "exam_001",
    }.items():
        path = path.replace(name, value)
    lines = [f"curl -X {operation.method} $LUCA_API{path}"]
    if operation.roles:
        lines.append('  -H "Authorization: Bearer $TOKEN"')
    if body is not None:
        lines.append(f"  -H 'Content-Type: {operation.media_type}'")
        text = json.dumps(body, ensure_ascii=False, indent=2) if operation.media_type == JSON else str(body)
        lines.append("  --data-binary '" + text.replace("'", "'\\''") + "'")
    return " \\\n".join(lines)
