from __future__ import annotations

from typing import Any

import pytest

pytestmark = pytest.mark.local


def test_a_window_that_extends_a_named_one_keeps_its_own_frame(athena: Any) -> None:
    answer = athena.run(
        "SELECT n, sum(p) OVER (w RANGE BETWEEN 1 PRECEDING AND 1 PRECEDING) AS before, sum(p) OVER w AS"
        " so_far FROM (VALUES (1, 10), (2, 20), (4, 5)) AS t (n, p) WINDOW w AS (ORDER BY n) ORDER BY n"
    )
    assert answer.rows == [["1", None, "10"], ["2", "10", "30"], ["4", None, "35"]]


def test_count_if_counts_nothing_where_there_is_nothing(athena: Any) -> None:
    over = "count_if(n > 1) OVER (ORDER BY n ROWS BETWEEN 1 PRECEDING AND 1 PRECEDING)"
    answer = athena.run(
        f"SELECT count_if(b), max(o) FROM (SELECT b, {over} AS o FROM (VALUES (1, CAST(NULL AS boolean))) AS"
        " t (n, b))"
    )
    assert answer.rows == [["0", "0"]]


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT * FROM (SELECT month, points * 2 AS twice FROM events) WHERE false LIMIT 0",
        (
            "SELECT * FROM (WITH e AS (SELECT * FROM events) SELECT e.* FROM e JOIN e AS f ON e.month ="
            " f.month) WHERE false"
        ),
    ],
)
def test_a_query_for_columns_alone_reads_nothing(events: Any, sql: str) -> None:
    answer = events.run(sql)
    assert (answer.rows, answer.bytes_scanned) == ([], 0)
    assert "month" in answer.names


def test_an_aggregate_over_nothing_still_reads_its_subqueries(events: Any) -> None:
    answer = events.run("SELECT count(*), (SELECT count(*) FROM events) FROM events WHERE false")
    assert answer.rows == [["0", "5"]]


def test_a_named_window_is_seen_by_its_own_query_only(athena: Any) -> None:
    answer = athena.run(
        "SELECT n, sum(n) OVER w, (SELECT max(r) FROM (SELECT row_number() OVER w AS r "
        "FROM (VALUES 1, 2, 3) AS u (k) WINDOW w AS (PARTITION BY k))), sum(n) OVER w "
        "FROM (VALUES 1, 2) AS t (n) WINDOW w AS (ORDER BY n) ORDER BY n"
    )
    assert answer.rows == [["1", "1", "1", "1"], ["2", "3", "1", "3"]]
