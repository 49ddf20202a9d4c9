"""The pages in Spanish: whatever they show, no word of it is English."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import msgspec
import pandas as pd
import pytest
from dbt.artifacts.schemas.results import RunStatus, TestStatus
from markupsafe import Markup

from adapters.ledger import LoadState
from expectations.catalogue import EXPECTATIONS
from pipelines.audits.retention.page import pages
from pipelines.audits.retention.rules import findings as rule_findings
from pipelines.books import Books, SchoolBooks
from pipelines.reports import charts, runs
from pipelines.reports.audited import Audited
from pipelines.reports.load_page import load_page
from pipelines.reports.pages import told
from pipelines.reports.quality import quality_page
from pipelines.reports.schools import school_report
from pipelines.reports.weekly import books_table
from pipelines.reports.words import SPANISH, Language
from pipelines.trends.results import ModelRun, TestRun
from tests.pipelines.reports.findings import NOW, of_a_school
from tests.pipelines.reports.platform_report import platform_report
from tests.pipelines.reports.test_audited import account, audit, day
from tests.pipelines.reports.test_charts import weeks
from tests.pipelines.reports.test_runs import kept_run
from tests.pipelines.reports.weeks import NOW as JUDGED
from tests.pipelines.reports.weeks import four_weeks
from transforms.bilingual import Words
from transforms.events import EVENT_TYPES
from transforms.retention.buckets import BUCKETS
from transforms.retention.lifecycle import Difference, LifecycleRule

ES = Language.ES
ENGLISH = re.compile(
    r"\b(the|of|and|is|are|to|in|on|by|with|which|for|from|rows?|weeks?|schools?|not|than|that)\b"
)
NAMES = re.compile(
    r"%\(\w+\)s|\b\w+_\w+\b|\bluca [a-z-]+(?: [a-z-]+)?|`[^`]*`|Data Docs de Great Expectations"
)
ROOT = Path(__file__).parents[3]
BOTH = {"no", "error"}  # words that are both
TOLD = ("title", "aria-label", "alt")


class Said(HTMLParser):
    """Collects what a reader is told in the page's own language, code and names of files aside."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.texts: list[str] = []
        self.in_english: list[str] = []
        self._aside: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.texts += [value for name in TOLD if (value := given.get(name))]
        if given.get("lang") == "en":
            self.in_english.append(str(given.get("hreflang", self.get_starttag_text())))
        if tag in ("code", "style") or given.get("lang") == "en":
            self._aside.append(tag)

    def handle_endtag(self, tag: str) -> None:
        if self._aside and self._aside[-1] == tag:
            self._aside.pop()

    def handle_data(self, data: str) -> None:
        if data.strip() and not self._aside:
            self.texts.append(" ".join(data.split()))


def quality() -> str:
    tables = four_weeks()
    loads = [(load, table.table, "") for table in tables for load in table.loads]
    return quality_page(tables, JUDGED, loads, ES, "data-docs/index.html")


def load() -> str:
    results = [
        {
            "expectation_config": {
                "kwargs": {"column": rule.name},
                "severity": rule.severity.value,
                "notes": rule.why.en,
            },
            "result": {"unexpected_index_list": [{"school_id": "(none)", rule.name: 12}] * (place % 2)},
        }
        for place, rule in enumerate(EXPECTATIONS["behavior_events"].rules)
    ]
    return load_page("behavior_events", "1", {"results": results}, ES, home="../index.es.html")


def trends() -> str:
    tests = tuple(TestRun(f"test_{state}", state.value, 7, 0.5) for state in TestStatus)
    models = {
        f"model_{state.name}": ModelRun(f"model_{state.name}", state.value, 1, 0.5) for state in RunStatus
    }
    return runs.page([kept_run(1), kept_run(2, tests=tests, **models)], NOW, ES)


def retention() -> str:
    ours = LifecycleRule("ours", days=9)
    differ = Difference(missing=(ours,), changed=(ours,), foreign=(ours, LifecycleRule("idle")))
    found = msgspec.structs.replace(audit(), findings=tuple(rule_findings(BUCKETS[0], differ)))
    return pages(found, [audit()], "index")[ES]


def platform() -> str:
    hours = pd.DataFrame({"weekday": [1, 7], "hour": [8, 9], "event_count": [5, 6]})
    types = pd.DataFrame({"event_type": EVENT_TYPES, "event_count": range(len(EVENT_TYPES))})
    drawn = (
        charts.events_by_week(weeks(), ES),
        charts.attendance_by_week(weeks(), ES),
        charts.trends_of_last_week(weeks(), ES),
        charts.hours_of_the_week(hours, ES),
        charts.event_types(types, ES),
    )
    wrong = SchoolBooks("school_1", sent=9, stored=7, landed=6, in_lake=5, expected_rejections={"late": 1})
    counts = dict.fromkeys(("files", "landed", "duplicate", "quarantined", "published"), 1)
    return platform_report(
        ES,
        charts=[{"title": "x", "reading": "x", "svg": Markup(svg)} for svg in drawn],
        audits=Audited(audit(), day(account("school_1", 8, missing=3), account("school_2", 8, sent=3))),
        books=books_table(Books([wrong])),
        loads=[
            {"load_id": "1", "table": "behavior_events", "state": state, "broken": "", **counts}
            for state in LoadState
        ],
    )


def school() -> str:
    found = of_a_school()
    warned = found.warnings.assign(why="Three reports of negative conduct within four weeks")
    return school_report("school_1", replace(found, warnings=warned), NOW, ES)


@pytest.mark.parametrize("page", [quality, load, trends, retention, platform, school])
def test_no_word_of_a_spanish_page_is_english(page: Callable[[], str]) -> None:
    said = Said(page())
    assert said.in_english == ["en"], "the link to the page in English is"
    assert len(said.texts) > 20
    assert [text for text in said.texts if ENGLISH.search(NAMES.sub("", text))] == []
    assert [text for text in said.texts if SPANISH.get(text, text) != text and text not in BOTH] == []


def literal(node: ast.expr) -> str:
    """The text of a literal, without what is computed in it; '' of what is none."""
    parts = node.values if isinstance(node, ast.JoinedStr) else [node]
    return " ".join(str(part.value) for part in parts if isinstance(part, ast.Constant))


def words_of(root: Path) -> Iterator[tuple[str, str]]:
    """Each text that the code has in two languages."""
    for file in sorted(root.rglob("*.py")):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Words":
                english, spanish = (literal(argument) for argument in node.args)
                if english:  # else it was kept, and is not written here
                    yield english, spanish


def test_every_text_in_two_languages_is_in_the_two() -> None:
    found = [pair for room in ("transforms", "expectations", "pipelines") for pair in words_of(ROOT / room)]
    assert len(found) > 100
    assert [english for english, spanish in found if not spanish] == []
    texts = [*(spanish for _, spanish in found), *(each for each in SPANISH.values() if each != "In English")]
    assert [spanish for spanish in texts if ENGLISH.search(NAMES.sub("", spanish))] == []
    assert [english for english, _ in found if re.search(r"\b(el|la|los|las|de|que|una)\b", english)] == []


def test_what_was_kept_in_english_alone_is_marked_so_in_spanish() -> None:
    for said in (Words("a <b> row", ""), "a <b> row"):
        assert str(told(said, ES)) == '<span lang="en">a &lt;b&gt; row</span>'
        assert told(said, Language.EN) == "a <b> row"
