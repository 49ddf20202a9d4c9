from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

pytestmark = pytest.mark.local


def test_a_tables_partitions_are_a_table_that_reads_no_file(events: Any) -> None:
    answer = events.run('SELECT * FROM "events$partitions" ORDER BY month')
    assert (answer.names, answer.rows) == (["year", "month"], [["2025", "10"], ["2025", "11"]])
    assert answer.bytes_scanned == 0
    newest = events.run("SELECT max(p.month) FROM \"events$partitions\" AS p WHERE p.year > '2024'")
    assert newest.value == "11"


def test_partitions_keep_the_types_of_their_keys_and_may_be_none(athena: Any) -> None:
    athena.run(
        "CREATE EXTERNAL TABLE t (x int) PARTITIONED BY (cohort int) STORED AS PARQUET "
        f"LOCATION '{athena.location}t/'"
    )
    assert athena.run('SELECT max(cohort) FROM "t$partitions"').rows == [[None]]
    athena.run("ALTER TABLE t ADD PARTITION (cohort = 9) PARTITION (cohort = 10)")
    assert athena.run('SELECT max(cohort) FROM "t$partitions"').value == "10"


def test_a_table_without_partitions_has_no_such_table(athena: Any, refusal: Callable[[str], str]) -> None:
    athena.run(f"CREATE EXTERNAL TABLE t (x int) STORED AS PARQUET LOCATION '{athena.location}t/'")
    assert "t$partitions' does not exist" in refusal('SELECT * FROM "t$partitions"')
