"""The quality of the lake over the last weeks, as one page: what failed, where, when, and who mends it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pandas as pd
from markupsafe import Markup

from adapters import lake
from adapters.settings import setting
from expectations.catalogue import EXPECTATIONS, daily_rules, deep_rules
from expectations.history import HistoryRule
from expectations.rules import NO_SCHOOL, Owner, Rule
from expectations.school_rules import SchoolRule
from pipelines.load.quality_reports import INDEX, PREFIX, fetch
from pipelines.quality.kept import Kind
from pipelines.quality.overview import DAYS, JudgedLoad, TableQuality, last_weeks
from pipelines.reports import charts
from pipelines.reports.data_docs import FOLDER, fetch_data_docs
from pipelines.reports.pages import environment, file_name, named_school, other_than
from pipelines.reports.words import Language, Say, say_in
from transforms.bilingual import Words

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
    """A line of a heat map: a rule or a school, and its days.

    Attributes:
        name: Of the rule or the school.
        owner: Who mends what breaks the rule; empty for a school and a rule that is there no more.
        why: Why the rule is there; None as of `owner`.
        cells: By day.
    """

    name: str
    owner: str = ""
    why: Words | None = None
    cells: dict[date, Cell] = field(default_factory=dict)

    @property
    def weight(self) -> tuple[int, int]:
        """Sorts the lines: the worst state and the most rows first."""
        worst = min((_ORDER.index(cell.state) for cell in self.cells.values()), default=len(_ORDER))
        return worst, -sum(cell.rows for cell in self.cells.values())


def write_quality_page(folder: Path, *, written_at: datetime) -> Path:
    """Writes the page in each language, with those that it leads to, and into the reports bucket.

    It leads to the pages of the loads that it lists, and to Great Expectations' Data Docs,
    where the bucket has them.

    Args:
        folder: Where to; it is made.
        written_at: Aware, UTC; the page shows the weeks up to it.

    Returns:
        The English page.
    """
    tables = last_weeks(written_at.date())
    listed = sorted(
        ((load, table.table) for table in tables for load in table.loads),
        key=lambda pair: pair[0].load_id,
        reverse=True,
    )[:LOADS_LISTED]
    pages = {load.load_id: fetch(name, load.load_id, folder) for load, name in listed}
    folder.mkdir(parents=True, exist_ok=True)
    data_docs = f"{FOLDER}/index.html" if fetch_data_docs(folder / FOLDER) else ""
    for language in Language:
        loads = [
            (load, table, _page_of(load, table, pages[load.load_id], language)) for load, table in listed
        ]
        text = quality_page(tables, written_at, loads, language, data_docs)
        name = file_name(INDEX, language)
        (folder / name).write_text(text, encoding="utf-8")
        lake.write(setting("REPORTS_BUCKET"), f"{PREFIX}{name}", text.encode(), "text/html")
    return folder / file_name(INDEX, Language.EN)


def _page_of(load: JudgedLoad, table: str, there: Collection[Language], language: Language) -> str:
    """Where the page of a load is, in a language or else in English; '' where it has none."""
    found = [each for each in (language, Language.EN) if each in there]
    return f"{table}/{file_name(load.load_id, found[0])}" if found else ""


def quality_page(
    tables: Sequence[TableQuality],
    written_at: datetime,
    loads: Sequence[tuple[JudgedLoad, str, str]],
    language: Language,
    data_docs: str = "",
) -> str:
    """The page.

    Args:
        tables: The last weeks of every lake table.
        written_at: Aware, UTC.
        loads: To list, newest first: the load, its table, where its page is; '' where it has none.
        language: Of the page.
        data_docs: Where Great Expectations' Data Docs are; '' where there are none.
    """
    say = say_in(language)
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
        environment(language)
        .get_template("quality.html.j2")
        .render(
            other=file_name(INDEX, other_than(language)),
            written_at=written_at,
            days=days,
            figures=_figures(tables),
            urgent=list(_urgent(tables, written_at, say)),
            maps=[_maps(table) for table in tables],
            volumes=_volumes(tables, language),
            ages=_ages(tables, written_at, language),
            findings=findings,
            judged_days=sum(len(of_kind) for table in tables for of_kind in table.days.values()),
            quarantined=quarantined,
            data_docs=data_docs,
            loads=[(load, table, href, _summed(load)) for load, table, href in loads],
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
        ("rows published", sums["published"]),
        ("duplicate", sums["duplicate"]),
        ("quarantined", sums["quarantined"]),
        ("of these waiting", waiting),
    ]


def _summed(load: JudgedLoad) -> dict[str, int]:
    names = ("landed", "duplicate", "quarantined", "published")
    return {name: sum(counts[name] for counts in load.schools.values()) for name in names}


def _urgent(
    tables: Sequence[TableQuality], written_at: datetime, say: Say
) -> Iterator[tuple[str, str, str, Words | None]]:
    """What waits for somebody: what it is, who mends it, where, and what was said of it."""
    for table in tables:
        for load in table.loads:
            if load.held or load.error:
                where = say("%(load)s of %(table)s") % {"load": load.load_id, "table": table.table}
                what = say("load held") if load.held else say("load failed")
                yield what, Owner.PLATFORM, where, load.held or Words(load.error, "")
        owners: dict[str, Counter[str]] = {}
        for each in table.quarantined:
            for rule in each.rules if each.waiting else ():
                owners.setdefault(_owner(table.table, rule), Counter())[each.school_id] += 1
        for owner, schools in sorted(owners.items()):
            yield say("rows wait in quarantine"), owner, _named(sorted(schools), table.table, say), None
        for judged_days in table.days.values():
            for judged in judged_days[-1:]:
                for finding in judged.findings:
                    if finding.severity != "info" and (written_at.date() - judged.day).days <= 2:
                        where = f"{named_school(finding.school_id, say)}, {judged.day}"
                        yield finding.rule, _owner(table.table, finding.rule), where, finding.words


def _named(schools: Sequence[str], table: str, say: Say) -> str:
    """The first five schools, and of which table."""
    names = ", ".join(named_school(school, say) for school in schools[:5])
    if len(schools) > 5:
        names = say("%(names)s and %(count)s more") % {"names": names, "count": len(schools) - 5}
    return say("%(names)s, of %(table)s") % {"names": names, "table": table}


def _owner(table: str, rule: str) -> str:
    known = _rules(table).get(rule)
    return str(known.owner) if known else ""


def _rules(table: str) -> Mapping[str, Rule | SchoolRule | HistoryRule]:
    expected = EXPECTATIONS[table]
    return {each.name: each for each in (*expected.rules, *daily_rules(expected), *deep_rules(expected))}


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
    rule = _rules(table).get(name) if table else None
    line = lines.setdefault(name, Line(name, str(rule.owner), rule.why) if rule else Line(name))
    return line.cells.setdefault(day, Cell())


def _worst(lines: Iterable[Line], most: int) -> list[Line]:
    failed = (line for line in lines if line.weight[0] < _ORDER.index("ok"))
    return sorted(failed, key=lambda line: (line.weight, line.name))[:most]


def _volumes(tables: Sequence[TableQuality], language: Language) -> Markup | None:
    """Published rows by day and school, all tables together, drawn."""
    rows: Counter[tuple[str, date]] = Counter()
    for load in (load for table in tables for load in table.loads):
        for school, counts in load.schools.items():
            if school != NO_SCHOOL:
                rows[school, load.opened_at.date()] += counts["published"]
    frame = pd.DataFrame(
        [{"school_id": school, "load_day": day, "row_count": count} for (school, day), count in rows.items()]
    )
    return None if frame.empty else Markup(charts.rows_by_day(frame, language))  # noqa: S704 - our own drawing


def _ages(tables: Sequence[TableQuality], written_at: datetime, language: Language) -> Markup | None:
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
    return None if frame.empty else Markup(charts.hours_since_rows(frame, language))  # noqa: S704 - our own drawing
