from __future__ import annotations

from pathlib import Path
from random import Random

import pyarrow as pa
import pytest

from pipelines.trends.parts import NoPartitionError, in_order, parted

KEYS = ("cohort", "school_id")


def some_rows(random: Random, count: int) -> pa.Table:
    return pa.table(
        {
            "student_key": [f"{random.randrange(10**9):09}" for _ in range(count)],
            "cohort": pa.array([random.choice([2027, 2029, 2031]) for _ in range(count)], pa.int32()),
            "points": [random.choice([None, 1, 2]) for _ in range(count)],
            "school_id": [random.choice(["s1", "s12", "s2"]) for _ in range(count)],
        }
    )


@pytest.mark.parametrize("limit", [1, 10_000, 10**9], ids=["every piece", "some pieces", "nothing"])
def test_rows_come_back_by_partition_whatever_lies_on_disk(tmp_path: Path, limit: int) -> None:
    batches = [some_rows(Random(seed), 100) for seed in range(8)]
    everything = pa.concat_tables(batches).to_pylist()
    kept = ("student_key", "points")

    found = parted([*batches, batches[0].slice(0, 0)], KEYS, tmp_path, limit)

    assert len(found) == 9
    for (cohort, school), pieces in found.items():
        rows = in_order(pieces).to_pylist()
        wanted = [row for row in everything if (str(row["cohort"]), row["school_id"]) == (cohort, school)]
        assert rows == sorted(
            ({name: row[name] for name in kept} for row in wanted), key=lambda row: row["student_key"]
        )
    files = {1: 7, 10_000: 2, 10**9: 0}
    assert len(list(tmp_path.iterdir())) == files[limit]


def test_rows_of_one_student_are_told_apart_by_the_next_columns() -> None:
    rows = pa.table(
        {"student_key": ["b", "a", "a", "a"], "week": [1, 3, None, 2], "tags": [[1], [2], [], [3]]}
    )
    assert in_order([rows.slice(2), rows.slice(0, 2)])["week"].to_pylist() == [2, 3, None, 1]


def test_no_rows_have_no_partition(tmp_path: Path) -> None:
    assert parted([], KEYS, tmp_path) == {}


def test_a_row_without_a_partition_is_refused(tmp_path: Path) -> None:
    rows = pa.table({"cohort": [2029, 2029], "school_id": ["s1", None]})
    with pytest.raises(NoPartitionError, match="1 rows have no school_id"):
        parted([rows], KEYS, tmp_path)
