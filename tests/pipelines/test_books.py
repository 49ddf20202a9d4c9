from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest

from pipelines.books import Books, SchoolBooks, UnbalancedBooksError, drawn_up

GOOD = SchoolBooks(
    "school_1",
    sent=113,
    rejected_by_reason={"too_old": 2, "malformed_json": 1},
    expected_rejections={"too_old": 2, "malformed_json": 1},
    duplicates=10,
    stored=100,
    landed=100,
    landed_rows=103,
    quarantined=30,
    in_lake=70,
    in_trends=70,
)


def test_books_that_add_up_say_so_in_one_line() -> None:
    books = Books([GOOD, replace(GOOD, school_id="school_2")])
    books.require_balance()
    assert books.verdict.en == (
        "The books add up: 226 sent = 6 rejected + 20 duplicates + 200 stored; "
        "stored = 60 quarantined + 140 in the lake, all in the trends"
    )
    assert books.verdict.es == (
        "Las cuentas cuadran: 226 enviados = 6 rechazados + 20 repetidos + 200 guardados; "
        "guardados = 60 en cuarentena + 140 en el lago, todos en las tendencias"
    )


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"sent": 114}, "sent = rejected + duplicates + stored does not hold, 114 ≠ 113"),
        ({"landed": 99}, "stored = landed does not hold, 100 ≠ 99"),
        ({"in_lake": 71}, "landed = quarantined + discarded + in lake does not hold, 100 ≠ 101"),
        ({"in_trends": 69}, "in lake = in trends does not hold, 70 ≠ 69"),
        ({"rejected_by_reason": {"too_old": 3}}, "0 rejected as malformed_json, 1 were sent so"),
    ],
)
def test_a_figure_that_is_off_by_one_is_told_with_its_school_and_place(
    change: dict[str, int], told: str
) -> None:
    books = Books([GOOD, replace(GOOD, school_id="school_2", **change)])
    assert not books.balanced
    with pytest.raises(UnbalancedBooksError) as unbalanced:
        books.require_balance()
    assert f"school_2: {told}" in str(unbalanced.value)
    assert "school_1" not in str(unbalanced.value)


def test_books_are_drawn_up_from_what_each_place_counted() -> None:
    books = drawn_up(
        {"school_1": Counter(valid=100, duplicate=10, too_old=3)},
        {
            name: Counter(school_1=count)
            for name, count in {
                "stored": 100,
                "landed": 100,
                "landed_rows": 100,
                "quarantined": 0,
                "in_lake": 100,
                "in_trends": 100,
            }.items()
        },
        {"school_1": Counter(too_old=3)},
    )
    assert books.balanced
    assert books.as_dict()["totals"]["sent"] == 113


def test_a_school_that_never_sent_but_has_rows_is_in_the_books() -> None:
    books = drawn_up({}, {"in_lake": Counter(stranger=1)}, {})
    assert not books.balanced
    assert "stranger" in books.verdict.en
