from __future__ import annotations

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from transforms.csv_cells import csv_text


@pytest.mark.parametrize("cell", ["=1+1", "+1", "-cmd", "@SUM(A1)", "\tx", "\rx", " =1", "＝1"])
def test_a_cell_that_begins_like_a_formula_is_text(cell: str) -> None:
    assert csv_text(["a"], [[cell]]).split("\r\n", 1)[1].lstrip('"').startswith("'")


def test_numbers_stay_numbers_and_nothing_stays_empty() -> None:
    assert csv_text(["a", "b", "c"], [[-3, None, "x"]]) == "a,b,c\r\n-3,,x\r\n"


@given(st.lists(st.text(st.characters(exclude_characters="\r\n\x00", codec="utf-8")), min_size=1, max_size=4))
def test_every_row_comes_back_whole(cells: list[str]) -> None:
    (_, row) = csv.reader(io.StringIO(csv_text(["x"] * len(cells), [cells]), newline=""))
    assert [each.removeprefix("'") for each in row] == [each.removeprefix("'") for each in cells]
