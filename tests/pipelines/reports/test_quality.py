"""The page of the lake's quality, from made-up weeks and from a lake that loads have filled."""

from __future__ import annotations

import html
import re
from datetime import datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from adapters.aws import client
from pipelines.quality.daily import judge_day
from pipelines.quality.kept import Kind
from pipelines.quality.overview import Quarantined, TableQuality
from pipelines.quarantine.releasing import release
from pipelines.reports.data_docs import write_data_docs
from pipelines.reports.load_page import load_page
from pipelines.reports.quality import quality_page, write_quality_page
from pipelines.reports.words import Language
from tests.pipelines.conftest import BUCKETS
from tests.pipelines.conftest import NOW as LAKE_NOW
from tests.pipelines.reports.test_schools import text_of
from tests.pipelines.reports.weeks import NOW, day_of, four_weeks, load_of, school

EMPTY = {Kind.HISTORY: (), Kind.DEEP: ()}


def page_of(*tables: TableQuality, language: Language = Language.EN) -> str:
    loads = [(load, table.table, "") for table in tables for load in table.loads]
    return quality_page(tables, NOW, loads, language)


def line(page: str, name: str) -> list[str]:
    """The cells of a line of the heat maps, as they are read aloud."""
    row = re.search(rf'<tr><th scope="row">{name}\b.*?</tr>', page, re.DOTALL)
    assert row, f"{name} has no line"
    cells = re.findall(r"<td.*?</td>", row[0], re.DOTALL)
    return [html.unescape(re.sub(r"<[^>]+>", " ", cell)).split(maxsplit=0)[0].strip() for cell in cells]


def test_a_rule_has_a_cell_a_day_with_its_worst_outcome_and_all_rows() -> None:
    loads = (
        load_of(2, {"a": school(10), "b": school(10)}),
        load_of(1, {"a": school(10, {"points_in_range": 3}, stopped=True), "b": school(9)}),
        load_of(1, {"a": school(10, {"points_in_range": 4}, stopped=True)}, load_id="another"),
    )
    cells = line(page_of(TableQuality("behavior_events", loads, EMPTY, ())), "points_in_range")
    assert [re.sub(r"\s+", " ", cell) for cell in cells[-3:]] == ["✓ holds", "7 critical", "not judged"]
    assert len(cells) == 28


def test_a_rule_and_a_school_that_always_held_have_no_line() -> None:
    loads = (load_of(1, {"bad": school(10, {"cohort_known": 3}), "good": school(10)}),)
    page = page_of(TableQuality("behavior_events", loads, EMPTY, ()))
    assert "Other schools, which broke nothing: 1." in page
    with pytest.raises(AssertionError):
        line(page, "event_id_shape")
    assert re.sub(r"\s+", " ", line(page, "bad")[-2]) == "3 info"


def test_what_waits_for_somebody_is_named_with_its_owner() -> None:
    page = re.sub(r"<[^>]+>|\s+", " ", page_of(*four_weeks()))
    told = page[page.index("What waits for somebody") : page.index("Rules of")]
    assert re.search(r"load held\s+platform .*each of the 10 schools breaks points_in_range", told)
    assert re.search(r"rows wait in quarantine\s+privacy\s+school_7, of behavior_events", told)
    assert re.search(r"school_speaks\s+schools\s+school_9, 2026-03-09:\s+no rows for two school days", told)
    assert "LoadHeldError" not in told, "a held load is told once"


def test_what_was_discarded_waits_for_nobody() -> None:
    given_up = Quarantined("load", "school_7", 9, ("class_code",), 4, 5, there=False)
    page = page_of(TableQuality("behavior_events", (), EMPTY, (given_up,)))
    assert "<td>9<td>0<td>4<td>5<td>0<td>class_code" in page
    assert "Nothing: no load is held" in page


def test_good_weeks_say_so() -> None:
    page = page_of(TableQuality("behavior_events", (load_of(1, {"a": school(5)}),), EMPTY, ()))
    assert "Nothing: no load is held or failed" in page
    assert "No load of these weeks stopped a school." in page


def test_an_old_finding_waits_for_nobody() -> None:
    old = four_weeks()[0].days[Kind.HISTORY][-1].findings[0]
    judged = {Kind.HISTORY: (day_of(5, old),), Kind.DEEP: ()}
    page = page_of(TableQuality("behavior_events", (), judged, ()))
    assert "Nothing: no load is held" in page
    assert "school_9" in page


def test_both_languages_show_the_same_numbers() -> None:
    english, spanish = (page_of(*four_weeks(), language=language) for language in Language)
    numbers = [re.findall(r"\d[\d,.:%-]*", text_of(page)) for page in (english, spanish)]
    assert numbers[0] == numbers[1]
    assert '<html lang="es">' in spanish
    told = text_of(spanish)
    assert "filas esperan en cuarentena privacidad school_7, de behavior_events" in told
    assert "12 crítica" in told
    assert re.search(r"school_speaks escuelas school_9, 2026-03-09: ninguna fila en dos días de clase", told)
    assert "Por qué existen estas reglas class_code un texto libre puede nombrar a un menor" in told
    assert "cada una de las 10 escuelas incumple points_in_range" in told


@pytest.mark.parametrize("language", Language)
def test_data_docs_are_led_to_where_there_are_some_even_in_weeks_without_loads(language: Language) -> None:
    without, with_docs = (quality_page((), NOW, (), language, docs) for docs in ("", "data-docs/index.html"))
    assert "Data Docs" not in without
    assert '<a href="data-docs/index.html" hreflang="en">' in with_docs


class Outside(HTMLParser):
    """Collects what a page would fetch."""

    def __init__(self) -> None:
        super().__init__()
        self.fetched: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        for name, value in attrs:
            if name in ("src", "srcset", "data", "action") or (tag == "link" and name == "href"):
                self.fetched.append(f"{tag} {name}={value}")
        if tag == "script":
            self.fetched.append(tag)


def test_pages_fetch_nothing() -> None:
    result = {
        "results": [
            {
                "expectation_config": {
                    "kwargs": {"column": "class_code"},
                    "severity": "critical",
                    "notes": "free text may name a minor",
                },
                "result": {"unexpected_index_list": [{"school_id": "school_7", "class_code": 12}]},
            }
        ]
    }
    load, carga = (
        load_page("behavior_events", "1", result, language, home="../index.html") for language in Language
    )
    assert re.search(r"class_code</th>.*critical.*privacy<td>12<td.*<td>school_7 12", load)
    assert re.search(r"class_code</th>.*crítica.*privacidad<td>12<td.*<td>school_7 12", carga)
    assert '<a href="1.es.html" hreflang="es" lang="es">' in load
    assert '<a href="1.html" hreflang="en" lang="en">' in carga
    for page in (page_of(*four_weeks()), load, carga):
        reader = Outside()
        reader.feed(page)
        assert reader.fetched == []
        assert not re.search(r"@import|url\(", page)


@pytest.mark.slow
@pytest.mark.service
def test_the_page_of_a_lake_with_history(lake: Any, with_reports: None, tmp_path: Path) -> None:
    loads = []
    for days in (3, 2, 1):
        now = LAKE_NOW - timedelta(days=days)
        noon = datetime(now.year, now.month, now.day, 14, 15)
        times = {"occurred_at": noon, "received_at": noon, "local_date": noon.date()}
        rows = [lake.event(school_id=f"school_{number}", **times) for number in range(3) for _ in range(2)]
        if days == 2:
            rows.append(lake.event(school_id="school_2", points=500, **times))
        lake.land(rows, hour=f"{now:%Y-%m-%d-%H}")
        loads.append(lake.load_one(now=now))
    judge_day("behavior_events", noon.date(), LAKE_NOW)
    page = write_quality_page(tmp_path / "quality", written_at=LAKE_NOW)
    text = page.read_text()
    assert [re.sub(r"\s+", " ", cell) for cell in line(text, "points_in_range")[-5:]] == [
        "not judged",
        "✓ holds",
        "1 critical",
        "✓ holds",
        "not judged",
    ]
    assert f"{loads[1].load_id}</a></th><td>behavior_events<td>7<td>0<td>3<td>4<td>published" in text
    linked = re.findall(r'href="(behavior_events/[^"]+)"', text)
    assert len(linked) == 3
    spanish = page.with_name("index.es.html").read_text()
    assert re.findall(r'href="(behavior_events/[^"]+)"', spanish) == [
        link.replace(".html", ".es.html") for link in linked
    ]
    assert all("Qué se cumple" in (page.parent / f"{link[:-5]}.es.html").read_text() for link in linked)
    assert lake.objects("quality/index.es.html", "REPORTS")["quality/index.es.html"].decode() == spanish
    assert all("What holds" in (page.parent / link).read_text() for link in linked)
    assert lake.objects("quality/index.html", "REPORTS")["quality/index.html"].decode() == text
    assert "data-docs" not in text, "none were written yet"
    made = write_data_docs(tmp_path / "made", newest=2).parent
    release("behavior_events", loads[1].load_id, "school_2", now=LAKE_NOW, by="rosa")
    eased = write_quality_page(tmp_path / "quality", written_at=LAKE_NOW).read_text()
    for gone in lake.objects("quarantine/"):
        client("s3").delete_object(Bucket=BUCKETS["LAKE"], Key=gone)
    again = write_quality_page(tmp_path / "quality", written_at=LAKE_NOW).read_text()
    assert "<td>3<td>3<td>0<td>0<td>0<td>points_in_range" in text, "all three wait"
    assert "<td>3<td>1<td>2<td>0<td>0<td>points_in_range" in eased, "the two good ones were released"
    assert "<td>3<td>0<td>2<td>0<td>1<td>points_in_range" in again, "the bad one has expired"
    two = [f"behavior_events/{load.load_id}.html" for load in reversed(loads[1:])]
    assert re.findall(r'href="(behavior_events/[^"]+)"', (made / "index.html").read_text()) == two
    docs = lake.objects("quality/data-docs/", "REPORTS")
    names = {"index.html", "expectations/behavior_events.html", *two}
    assert docs == {f"quality/data-docs/{name}": (made / name).read_bytes() for name in names}
    assert all((page.parent / "data-docs" / name).exists() for name in names), "the page brings them"
    assert 'href="data-docs/index.html"' in eased
