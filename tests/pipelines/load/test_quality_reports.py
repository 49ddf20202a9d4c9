from __future__ import annotations

from pipelines.load.quality_reports import index


def test_the_index_lists_the_newest_load_first() -> None:
    page = index(
        [
            "validations/behavior_events/20260201t1/t/gate.html",
            "validations/academic_changes/20260203t1/t/gate.html",
            "validations/behavior_events/20260202t1/t/gate.html",
        ]
    )
    assert [line.split('"')[1].split("/")[2] for line in page.splitlines() if "<li>" in line] == [
        "20260203t1",
        "20260202t1",
        "20260201t1",
    ]


def test_an_index_of_nothing_is_a_page() -> None:
    assert "<ul>" in index([])
