"""Templates to HTML: every value is escaped; numbers and moments are written as people read them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from api.language import Language, in_words
from api.operations import Answer
from api.pages.settings import development_login
from api.pages.words import day, type_of_evaluation, words
from transforms import calendar
from transforms.activity import week_monday

TEMPLATES = Path(__file__).parent / "templates"
HTML = "text/html; charset=utf-8"
# Nothing runs, nothing comes from elsewhere, nobody frames the page.
CONTENT_SECURITY_POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": CONTENT_SECURITY_POLICY,
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
    "Vary": "Accept-Language, Authorization, Cookie",
}


def page(
    template: str,
    language: Language,
    *,
    status: HTTPStatus = HTTPStatus.OK,
    headers: Mapping[str, str] | None = None,
    **values: Any,
) -> Answer:
    """A page as an answer.

    Args:
        template: Its name, without the ending.
        language: Of its words.
        status: HTTP status.
        headers: Beside those of every page.
        values: What the template shows.
    """
    text = (
        _environment()
        .get_template(f"{template}.html.j2")
        .render(
            t=words(language),
            language=language.value,
            lang=language,
            development=development_login(),
            **values,
        )
    )
    every = {**HEADERS, "Content-Language": language.value}
    return Answer(text.encode(), status, every | dict(headers or {}), HTML)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "number": number,
        "percent": lambda share, digits=2: f"{number(share * 100, digits)} %",
        "signed": lambda points: f"{points:+d}".replace("-", "−") if points else "0",
        "moment": moment,
        "date": day,
        "monday": week_monday,
        "subject": lambda code: code.replace("_", " ").capitalize(),
        "kind": type_of_evaluation,
        "outcome": in_words,
    }
    return environment


def number(value: Decimal | Fraction | float, digits: int = 2) -> str:
    """At most `digits` decimal places, half up, without zeros that say nothing."""
    if isinstance(value, Fraction):
        value = Decimal(value.numerator) / Decimal(value.denominator)
    rounded = Decimal(value).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)
    text = f"{rounded:f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return text.replace("-", "−")


def moment(occurred_at: str, zone_name: str, language: Language, *, weekday: bool = True) -> str:
    """A UTC text of 24 characters as `mar 3 feb, 09:15` in a zone."""
    at = datetime.fromisoformat(occurred_at).astimezone(calendar.zone(zone_name))
    local: date = at.date()
    return f"{day(local, language, weekday=weekday)}, {at:%H:%M}"
