"""The quality of the lake over the last weeks, as one page: what failed, where, when, and who mends it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
from markupsafe import Markup

from adapters import lake
from adapters.settings import setting
from expectations.catalogue import EXPECTATIONS, daily_rules, deep_rules
from expectations.rules import NO_SCHOOL
from pipelines.load.quality_reports import INDEX, PREFIX, fetch
from pipelines.quality.kept import Kind
from pipelines.quality.overview import DAYS, JudgedLoad, TableQuality, last_weeks
from pipelines.reports import charts
from pipelines.reports.pages import environment

LOADS_LISTED = 50
SCHOOLS_LISTED = 40
_ORDER = ("critical", "warning", "info", "ok", "none")


@dataclass
class Cell:
    """What a day was for a rule or a school.

    Attributes:
        state: critical, warning, info, ok or none (nothing was judged).
        rows: How many rows, or how many findings.
    """

    state: str = "none"
    rows: int = 0

    def add(self, state: str, rows: int = 0) -> None:
        """Takes in one more outcome: the worst one counts."""
        self.state = min(self.state, state, key=_ORDER.index)
        self.rows += rows


@dataclass
class Line:
    """A line of a heat map: a rule or a school, and its days."""

    name: str
    owner: str = ""
    cells: dict[date, Cell] = field(default_factory=dict)

    @property
    def weight(self) -> tuple[int, int]:
        """Sorts the lines: the worst state and the most rows first."""
        worst = min((_ORDER.index(cell.state) for cell in self.cells.values()), default=len(_ORDER))
        return worst, -sum(cell.rows for cell in self.cells.values())


def write_quality_page(folder: Path, *, written_at: datetime) -> Path:
    """Writes the page, with the pages of the loads that it lists, and puts it into the reports bucket.

    Args:
        folder: Where to; it is made.
        written_at: Aware, UTC; the page shows the weeks up to it.

    Returns:
        The page.
    """
    tables = last_weeks(written_at.date())
    listed = sorted(
        ((load, table.table) for table in tables for load in table.loads),
        key=lambda pair: pair[0].load_id,
        reverse=True,
    )[:LOADS_LISTED]
    links = {load.load_id for load, name in listed if fetch(name, load.load_id, folder)}
    text = quality_page(tables, written_at, [(load, table, load.load_id in links) for load, table in listed])
    folder.mkdir(parents=True, exist_ok=True)
    page = folder / INDEX
    page.write_text(text, encoding="utf-8")
    lake.write(setting("REPORTS_BUCKET"), f"{PREFIX}{INDEX}", text.encode(), "text/html")
    return page


def quality_page(
    tables: Sequence[TableQuality],
    written_at: datetime,
    loads: Sequence[tuple[JudgedLoad, str, bool]],
) -> str:
    """The page.

    Args:
        tables: The last weeks of every lake table.
        written_at: Aware, UTC.
        loads: To list, newest first: the load, its table, whether it has a page.
    """
    days = [written_at.date() - timedelta(days=back) for back in range(DAYS - 1, -1, -1)]
    findings = sorted(
        (
            (judged, finding, _owner(judged.table, finding.rule))
            for table in tables
            for judged_days in table.days.values()
            for judged in judged_days
            for finding in judged.findings
        ),
        key=lambda found: (found[0].day, found[1].severity != "warning"),
        reverse=True,
    )
    quarantined = [(table.table, each) for table in tables for each in table.quarantined]
    return (
        environment()
        .get_template("quality.html.j2")
        .render(
            written_at=written_at,
            days=days,
            figures=_figures(tables),
            urgent=list(_urgent(tables, written_at)),
            maps=[_maps(table) for table in tables],
            volumes=_volumes(tables),
            ages=_ages(tables, written_at),
            findings=findings,
            judged_days=sum(len(of_kind) for table in tables for of_kind in table.days.values()),
            quarantined=quarantined,
            loads=[(load, table, linked, _summed(load)) for load, table, linked in loads],
        )
    )


def _figures(tables: Sequence[TableQuality]) -> list[tuple[str, int]]:
    sums: Counter[str] = Counter()
    for table in tables:
        for load in table.loads:
            sums.update(_summed(load))
    waiting = sum(each.waiting for table in tables for each in table.quarantined)
    return [
        ("loads", sum(len(table.loads) for table in tables)),
        ("rows landed", sums["landed"]),
        ("published", sums["published"]),
        ("duplicate", sums["duplicate"]),
        ("quarantined", sums["quarantined"]),
        ("of these waiting", waiting),
    ]


def _summed(load: JudgedLoad) -> dict[str, int]:
    names = ("landed", "duplicate", "quarantined", "published")
    return {name: sum(counts[name] for counts in load.schools.values()) for name in names}


def _urgent(tables: Sequence[TableQuality], written_at: datetime) -> Iterator[tuple[str, str, str]]:
    """What waits for somebody: what it is, who mends it, in words."""
    for table in tables:
        for load in table.loads:
            if load.held:
                yield "load held", "platform", f"{load.load_id} of {table.table}: {load.held}"
            elif load.error:
                yield "load failed", "platform", f"{load.load_id} of {table.table}: {load.error}"
        owners: dict[str, Counter[str]] = {}
        for each in table.quarantined:
            for rule in each.rules if each.waiting else ():
                owners.setdefault(_owner(table.table, rule), Counter())[each.school_id] += 1
        for owner, schools in sorted(owners.items()):
            names = ", ".join(sorted(schools)[:5]) + (
                f" and {len(schools) - 5} more" if len(schools) > 5 else ""
            )
            yield "rows wait in quarantine", owner, f"{names}, of {table.table}"
        for judged_days in table.days.values():
            for judged in judged_days[-1:]:
                for finding in judged.findings:
                    if finding.severity != "info" and (written_at.date() - judged.day).days <= 2:
                        words = f"{finding.school_id}, {judged.day}: {finding.words}"
                        yield finding.rule, _owner(table.table, finding.rule), words


def _owner(table: str, rule: str) -> str:
    expected = EXPECTATIONS[table]
    known = {
        each.name: str(each.owner)
        for each in (*expected.rules, *daily_rules(expected), *deep_rules(expected))
    }
    return known.get(rule, "")


def _maps(table: TableQuality) -> dict[str, Any]:
    """Two heat maps, by rule and by school; lines in which nothing ever failed are counted only."""
    rules, schools = dict[str, Line](), dict[str, Line]()
    for load in table.loads:
        day = load.opened_at.date()
        for rule in load.severities:
            _cell(rules, rule, day, table.table).add("ok")
        for school, counts in load.schools.items():
            _cell(schools, school, day).add("ok")
            for rule, rows in counts["broken"].items():
                _cell(rules, rule, day, table.table).add(load.severities[rule], rows)
                _cell(schools, school, day).add(load.severities[rule], rows)
    for judged in (each for of_kind in table.days.values() for each in of_kind):
        for rule in judged.rules:
            _cell(rules, rule, judged.day, table.table).add("ok")
        for finding in judged.findings:
            _cell(rules, finding.rule, judged.day, table.table).add(finding.severity, 1)
            if judged.kind is Kind.HISTORY:
                _cell(schools, finding.school_id, judged.day).add(finding.severity, 1)
    return {
        "table": table.table,
        "judged": bool(rules),
        "rules": _worst(rules.values(), len(rules)),
        "rules_held": sum(line.weight[0] >= _ORDER.index("ok") for line in rules.values()),
        "schools": _worst(schools.values(), SCHOOLS_LISTED),
        "schools_held": sum(line.weight[0] >= _ORDER.index("ok") for line in schools.values()),
    }


def _cell(lines: dict[str, Line], name: str, day: date, table: str = "") -> Cell:
    line = lines.setdefault(name, Line(name, _owner(table, name) if table else ""))
    return line.cells.setdefault(day, Cell())


def _worst(lines: Iterable[Line], most: int) -> list[Line]:
    failed = (line for line in lines if line.weight[0] < _ORDER.index("ok"))
    return sorted(failed, key=lambda line: (line.weight, line.name))[:most]


def _volumes(tables: Sequence[TableQuality]) -> Markup | None:
    """Published rows by day and school, all tables together, drawn."""
    rows: Counter[tuple[str, date]] = Counter()
    for load in (load for table in tables for load in table.loads):
        for school, counts in load.schools.items():
            if school != NO_SCHOOL:
                rows[school, load.opened_at.date()] += counts["published"]
    frame = pd.DataFrame(
        [{"school_id": school, "load_day": day, "row_count": count} for (school, day), count in rows.items()]
    )
    return None if frame.empty else Markup(charts.rows_by_day(frame))  # noqa: S704 - our own drawing


def _ages(tables: Sequence[TableQuality], written_at: datetime) -> Markup | None:
    """How long ago each school's last rows of each table were published, drawn."""
    last: dict[tuple[str, str], datetime] = {}
    for table in tables:
        for load in table.loads:
            for school, counts in load.schools.items():
                if counts["published"] and load.published_at:
                    last[table.table, school] = load.published_at
    frame = pd.DataFrame(
        [
            {"table": table, "school_id": school, "hours": (written_at - moment).total_seconds() / 3600}
            for (table, school), moment in last.items()
        ]
    )
    return None if frame.empty else Markup(charts.hours_since_rows(frame))  # noqa: S704 - our own drawing
