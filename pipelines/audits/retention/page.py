"""An audit as one page without scripts, with what was before it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from pipelines.audits.retention.result import Audit, Pile, Severity
from pipelines.reports.drawing import Bar, bars
from pipelines.reports.pages import environment, file_name, human_bytes, other_than, thousands
from pipelines.reports.words import Language, Say, say_in
from transforms.retention.cohorts import UNKNOWN

_TONES = {Severity.INFO: "good", Severity.WARNING: "warn", Severity.CRITICAL: "bad"}


def page(audit: Audit, earlier: Sequence[Audit], language: Language, other: str) -> str:
    """The page of an audit.

    Args:
        audit: To be shown.
        earlier: Those before it, oldest first; drawn as a trend.
        language: Of the page.
        other: Where the page in the other language is.
    """
    return (
        environment(language)
        .get_template("audit.html.j2")
        .render(
            audit=audit,
            other=other,
            tone=_TONES[audit.severity],
            verdict=_verdict(audit, say_in(language)),
            charts=list(_charts(audit, [*earlier, audit], say_in(language))),
            places=_places(audit.piles),
            severities=[severity.word for severity in Severity],
        )
    )


def pages(audit: Audit, earlier: Sequence[Audit], stem: str) -> dict[Language, str]:
    """Its page in each language, as files `{stem}.html` and `{stem}.es.html` that lead to each other."""
    return {
        language: page(audit, earlier, language, file_name(stem, other_than(language)))
        for language in Language
    }


def _charts(audit: Audit, all_audits: Sequence[Audit], say: Say) -> Sequence[dict[str, Any]]:
    drawn: list[tuple[str, str, Markup]] = [
        (
            "What goes when",
            "Bytes of current objects, by the year in which nothing of them may be left.",
            bars(
                say("What goes when"),
                [_due(audit, year, size, say) for year, size in audit.bytes_by_due_year().items()],
            ),
        ),
        (
            "What lies in which cohort",
            "Bytes of lake and marts, by year of graduation.",
            bars(
                say("What lies in which cohort"),
                [_cohort(year, size, say) for year, size in audit.bytes_by_cohort().items()],
            ),
        ),
    ]
    if len(all_audits) > 1:
        reading = (
            "Critical findings and warnings of each audit, the newest last; coloured by the worst of them."
        )
        trend = [Bar(each.made_at[:10], *_found(each)) for each in all_audits[-20:]]
        drawn.append(("Audits before", reading, bars(say("Audits before"), trend)))
    return [{"title": say(title), "reading": say(reading), "svg": svg} for title, reading, svg in drawn]


def _verdict(audit: Audit, say: Say) -> str:
    """How many findings there are of what somebody must look at."""
    counts = [
        f"{say(severity.word)}: {count}"
        for severity in (Severity.CRITICAL, Severity.WARNING)
        if (count := audit.count(severity))
    ]
    return ", ".join(counts) or say("as the registry says")


def _found(audit: Audit) -> tuple[int, str, str]:
    """How many findings somebody must look at, the same in words, and the tone of the worst."""
    count = audit.count(Severity.CRITICAL) + audit.count(Severity.WARNING)
    return count, thousands(count), _TONES[audit.severity]


def _due(audit: Audit, year: int | None, size: int, say: Say) -> Bar:
    if year is None:
        return Bar(say("nothing removes it"), size, human_bytes(size), "bad")
    return Bar(str(year), size, human_bytes(size), "bad" if year < audit.as_of.year else "good")


def _cohort(year: int, size: int, say: Say) -> Bar:
    if year == UNKNOWN:
        return Bar(say("unknown"), size, human_bytes(size), "warn")
    return Bar(str(year), size, human_bytes(size))


def _places(piles: Sequence[Pile]) -> list[tuple[str, int, int]]:
    objects, sizes = Counter[str](), Counter[str]()
    for pile in piles:
        objects[pile.place] += pile.objects
        sizes[pile.place] += pile.bytes
    return [(place, objects[place], sizes[place]) for place in sorted(objects)]
