"""How a page of ours is made: one file with its styles and drawings inside, no script, nothing fetched."""

from __future__ import annotations

import math
from functools import cache

import jinja2
from markupsafe import Markup

from expectations.history import ALL_SCHOOLS
from expectations.rules import NO_SCHOOL
from pipelines.reports.words import Language, Say, say_in
from transforms.bilingual import Words


@cache
def environment(language: Language = Language.EN) -> jinja2.Environment:
    """The templates of `pipelines/reports/templates`, and how words and numbers are written.

    Args:
        language: Of what stands in `{% trans %}` and `_()`.
    """
    made = jinja2.Environment(
        loader=jinja2.PackageLoader("pipelines.reports"),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    say = say_in(language)
    made.policies["ext.i18n.trimmed"] = True
    made.install_gettext_callables(  # type: ignore[attr-defined]  # the extension adds it
        say, lambda one, many, count: say(one if count == 1 else many), newstyle=True
    )
    made.globals.update(language=language.value, other_language=other_than(language).value)
    made.filters.update(thousands=thousands, percent=percent, short=short, bytes=human_bytes)
    made.filters.update(told=lambda said: told(said, language), school=lambda name: named_school(name, say))
    return made


def other_than(language: Language) -> Language:
    """The language to which a page leads."""
    return Language.ES if language is Language.EN else Language.EN


def file_name(stem: str, language: Language) -> str:
    """The file of a page in a language: `index.html`, `index.es.html`."""
    return f"{stem}.html" if language is Language.EN else f"{stem}.{language}.html"


def told(said: Words | str, language: Language) -> str:
    """A text in a page's language; what was kept without it is marked as English."""
    words = Words.of(said) if isinstance(said, str) else said
    text = words.en if language is Language.EN else words.es
    return text or Markup('<span lang="en">{}</span>').format(words.en)


def named_school(school_id: str, say: Say) -> str:
    """A school's id, or in words what stands where there is none."""
    return say(school_id) if school_id in (ALL_SCHOOLS, NO_SCHOOL) else school_id


def thousands(value: object) -> str:
    """A number with its thousands apart; anything else as it is."""
    return f"{int(value):,}" if isinstance(value, (int, float)) or hasattr(value, "__int__") else str(value)


def percent(value: float | None) -> str:
    """A share (0 to 1) in percent; a dash for None and NaN."""
    return "–" if value is None or math.isnan(value) else f"{value:.1%}"


def short(value: int) -> str:
    """A count in at most four characters: 999, 1.2k, 34k, 5.6M."""
    for unit, name in ((1_000_000, "M"), (1_000, "k")):
        if value >= unit:
            return f"{value / unit:.0f}{name}" if value >= 10 * unit else f"{value / unit:.1f}{name}"
    return str(value)


def human_bytes(count: float) -> str:
    """`1.5 MB` of 1,500,000: decimal units, as AWS bills them."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} B" if unit == "B" else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"
