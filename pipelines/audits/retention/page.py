"""An audit as one page without scripts, with what was before it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup

from pipelines.audits.retention.result import Audit, Pile, Severity
from pipelines.reports.drawing import Bar, bars
from pipelines.reports.pages import environment, human_bytes
from transforms.retention.cohorts import UNKNOWN

_TONES = {Severity.INFO: "good", Severity.WARNING: "warn", Severity.CRITICAL: "bad"}


def page(audit: Audit, earlier: Sequence[Audit]) -> str:
    """The page of an audit.

    Args:
        audit: To be shown.
        earlier: Those before it, oldest first; drawn as a trend.
    """
    return (
        environment()
        .get_template("audit.html.j2")
        .render(
            audit=audit,
            tone=_TONES[audit.severity],
            charts=list(_charts(audit, [*earlier, audit])),
            places=_places(audit.piles),
            severities=[severity.word for severity in Severity],
        )
    )


def _charts(audit: Audit, all_audits: Sequence[Audit]) -> Sequence[dict[str, Any]]:
    drawn: list[tuple[str, str, Markup]] = [
        (
            "What goes when",
            "Bytes of current objects, by the year in which nothing of them may be left.",
            bars(
                "Bytes by the year in which they go",
                [_due(audit, year, size) for year, size in audit.bytes_by_due_year().items()],
            ),
        ),
        (
            "What lies in which cohort",
            "Bytes of lake and marts, by year of graduation.",
            bars("Bytes by cohort", [_cohort(year, size) for year, size in audit.bytes_by_cohort().items()]),
        ),
    ]
    if len(all_audits) > 1:
        trend = [
            Bar(
                each.made_at[:10],
                each.count(Severity.CRITICAL) + each.count(Severity.WARNING),
                each.verdict,
                _TONES[each.severity],
            )
            for each in all_audits[-20:]
        ]
        drawn.append(
            ("Audits before", "Findings of each audit, the newest last.", bars("Findings by audit", trend))
        )
    return [{"title": title, "reading": reading, "svg": svg} for title, reading, svg in drawn]


def _due(audit: Audit, year: int | None, size: int) -> Bar:
    if year is None:
        return Bar("nothing removes it", size, human_bytes(size), "bad")
    return Bar(str(year), size, human_bytes(size), "bad" if year < audit.as_of.year else "good")


def _cohort(year: int, size: int) -> Bar:
    if year == UNKNOWN:
        return Bar("unknown", size, human_bytes(size), "warn")
    return Bar(str(year), size, human_bytes(size))


def _places(piles: Sequence[Pile]) -> list[tuple[str, int, int]]:
    objects, sizes = Counter[str](), Counter[str]()
    for pile in piles:
        objects[pile.place] += pile.objects
        sizes[pile.place] += pile.bytes
    return [(place, objects[place], sizes[place]) for place in sorted(objects)]
