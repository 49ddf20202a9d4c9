"""Great Expectations' Data Docs, of results that Great Expectations gave."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

import pandas as pd
import pytest

from expectations.rules import Expectations, Owner, Rule, Severity
from expectations.verdict import judge
from pipelines.reports.data_docs import Validation, data_docs
from tests.pipelines.reports.test_quality import Outside
from tests.pipelines.reports.test_schools import text_of
from transforms.bilingual import Words
from transforms.lake_schema import BEHAVIOR_EVENTS

HOSTILE = "<script>alert(1)</script>"
EXPECTATIONS = Expectations(
    BEHAVIOR_EVENTS,
    "received_at",
    (
        Rule(
            "points_in_range", "points > 9", Severity.CRITICAL, Words("it would count", "…"), Owner.PLATFORM
        ),
        Rule("cohort_known", "cohort > 9", Severity.WARNING, Words("a <b> of words", "…"), Owner.PLATFORM),
    ),
)


@pytest.fixture(scope="module")
def pages(tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, str]:
    kept = tmp_path_factory.mktemp("results")
    for load, broken in (("good", 0), ("bad", 3)):
        frame = pd.DataFrame(
            {
                "school_id": ["school_1", HOSTILE],
                "row_count": [5, 6],
                "points_in_range": [0, broken],
                "cohort_known": [0, 0],
            }
        )
        judge(frame, EXPECTATIONS, rows=11, run=load, run_at=datetime(2026, 2, 3, tzinfo=UTC), docs=kept)
    found = [
        Validation(load, json.loads(Path(kept, "behavior_events", f"{load}.json").read_text()))
        for load in ("bad", "good")
    ]
    return data_docs({"behavior_events": found, "academic_changes": []})


def test_the_index_lists_each_validation_by_table_with_its_outcome(pages: Mapping[str, str]) -> None:
    told = text_of(pages["index.html"])
    assert re.search(r"behavior_events .*bad\s*failed\s*2 of 3\s+good\s*succeeded\s*3 of 3", told, re.DOTALL)
    assert re.search(r"academic_changes\s+No load was judged", told)


def test_a_validation_says_what_was_expected_and_which_failed(pages: Mapping[str, str]) -> None:
    bad, good = (text_of(pages[f"behavior_events/{load}.html"]) for load in ("bad", "good"))
    assert re.search(r"Evaluated Expectations\s+3\s+Successful Expectations\s+2\s", bad)
    assert re.search(r"Data asset:\s+behavior_events\s+Status:\s+Failed", bad)
    assert re.search(r"Status:\s+Succeeded", good)
    assert re.search(r"points_in_range.*values must be less than or equal to\s+0", bad, re.DOTALL)
    assert "1 unexpected values found" in bad
    assert "unexpected values found" not in good


def test_the_suite_names_each_column_with_what_is_expected_of_it(pages: Mapping[str, str]) -> None:
    suite = text_of(pages["expectations/behavior_events.html"])
    assert suite.count("values must be less than or equal to") == 2
    assert re.search(r"sum must be .* 11", suite)


def test_pages_fetch_nothing_run_nothing_and_lead_only_to_one_another(pages: Mapping[str, str]) -> None:
    assert len(pages) == 4
    for name, page in pages.items():
        reader = Outside()
        reader.feed(page)
        assert reader.fetched == [], name
        assert not re.search(r"@import|url\(|<[^>]+ on\w+=|https?://", page), name
        for link in re.findall(r'href="([^"#]+)"', page):
            led = (Path("/quality/data-docs", name).parent / link).resolve()
            assert led.name in {"bad.html", "good.html", "behavior_events.html", "index.html"}, link
            if "data-docs" in led.parts:
                assert str(led.relative_to("/quality/data-docs")) in pages, link


def test_a_name_in_a_result_is_text(pages: Mapping[str, str]) -> None:
    bad = pages["behavior_events/bad.html"]
    assert HOSTILE not in bad
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in bad
    assert "a <b> of words" not in "".join(pages.values())
