"""Statements of the kind that analysts send, against events whose answers are known."""

from __future__ import annotations

from typing import Any

import pytest

from tests.infra.local.athena.conftest import QueryFailedError

pytestmark = pytest.mark.local

QUESTIONS: list[tuple[str, list[list[str | None]]]] = [
    ("SELECT count(*) AS n FROM events", [["5"]]),
    ('SELECT year, month FROM "events$partitions" ORDER BY 2', [["2025", "10"], ["2025", "11"]]),
    (
        (
            "SELECT school_id, date_trunc('week', occurred_at) AS wk, count(*) FROM events GROUP BY 1, 2"
            " ORDER BY 1, 2"
        ),
        [
            ["school_1", "2025-09-29 00:00:00.000", "2"],
            ["school_1", "2025-11-03 00:00:00.000", "1"],
            ["school_2", "2025-10-27 00:00:00.000", "1"],
            ["school_2", "2025-11-03 00:00:00.000", "1"],
        ],
    ),
    (
        (
            "WITH w AS (SELECT school_id, student_key, count(*) n FROM events GROUP BY 1, 2) SELECT"
            " school_id, student_key FROM (SELECT w.*, row_number() OVER (PARTITION BY school_id ORDER BY n"
            " DESC, student_key) rn FROM w) WHERE rn = 1 ORDER BY 1"
        ),
        [["school_1", "k1"], ["school_2", "k3"]],
    ),
    ("SELECT count(*) FROM events WHERE date(occurred_at) = from_iso8601_date('2025-10-01')", [["1"]]),
    (
        (
            "SELECT count(*) FROM events WHERE occurred_at >= date_add('day', -7, TIMESTAMP '2025-11-08"
            " 00:00:00')"
        ),
        [["2"]],
    ),
    (
        (
            "SELECT e.school_id, tag, count(*) FROM events e CROSS JOIN UNNEST(CAST(json_extract(e.props,"
            " '$.tags') AS ARRAY(varchar))) AS u(tag) GROUP BY 1, 2 ORDER BY 2"
        ),
        [["school_1", "bus", "2"], ["school_1", "door", "1"]],
    ),
    (
        (
            "SELECT event_id, t, n FROM events LEFT JOIN UNNEST(CAST(json_extract(props, '$.tags') AS"
            " ARRAY(varchar))) WITH ORDINALITY AS u(t, n) ON true WHERE month = '10' ORDER BY 1, 3"
        ),
        [["e01", "door", "1"], ["e01", "bus", "2"], ["e02", None, None], ["e03", None, None]],
    ),
    ("SELECT count(*) FROM events WHERE regexp_like(event_type, '^(late|abs)')", [["3"]]),
    (
        (
            "SELECT json_extract_scalar(props, '$.room') room, count(*) FROM events GROUP BY 1 ORDER BY 1"
            " LIMIT 3"
        ),
        [["gym", "1"], ["lab", "2"], [None, "2"]],
    ),
    (
        "SELECT max(occurred_at AT TIME ZONE 'Europe/Copenhagen') FROM events",
        [["2025-11-04 11:00:00.000 Europe/Copenhagen"]],
    ),
    ("SELECT format_datetime(max(occurred_at), 'yyyy-MM-dd') FROM events", [["2025-11-04"]]),
    ("SELECT count(*) FROM events WHERE year = '2025' AND month = '10' AND school_id = 'school_1'", [["2"]]),
    (
        "SELECT school_id, max_by(event_type, points) FROM events GROUP BY 1 ORDER BY 1",
        [["school_1", "praise"], ["school_2", "praise"]],
    ),
    ("SELECT element_at(histogram(event_type), 'late') FROM events", [["2"]]),
    (
        "SELECT sum(IF(event_type = 'late', 1, 0)), count(*) FILTER (WHERE event_type = 'late') FROM events",
        [["2", "2"]],
    ),
    (
        (
            "SELECT school_id, sum(points) AS p, grouping(school_id) FROM events GROUP BY ROLLUP (school_id)"
            " ORDER BY 3, 1"
        ),
        [["school_1", "1", "0"], ["school_2", "5", "0"], [None, "6", "1"]],
    ),
    (
        (
            "SELECT event_id, points - lag(points, 1, 0) OVER (PARTITION BY student_key ORDER BY occurred_at)"
            " FROM events ORDER BY 1"
        ),
        [["e01", "-1"], ["e02", "3"], ["e03", "0"], ["e04", "0"], ["e05", "5"]],
    ),
    (
        (
            "SELECT event_id, last_value(event_type) IGNORE NULLS OVER (PARTITION BY student_key ORDER BY"
            " occurred_at ROWS BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING) FROM events WHERE"
            " student_key = 'k3' ORDER BY 1"
        ),
        [["e03", "praise"], ["e05", "praise"]],
    ),
    (
        (
            "SELECT a.event_id FROM events a WHERE EXISTS (SELECT 1 FROM events b WHERE b.student_key ="
            " a.student_key AND b.occurred_at > a.occurred_at) ORDER BY 1"
        ),
        [["e01"], ["e03"]],
    ),
    ("SELECT event_id FROM events WHERE points = (SELECT max(points) FROM events)", [["e05"]]),
    (
        (
            "SELECT event_id FROM events WHERE student_key NOT IN (SELECT student_key FROM events WHERE"
            " event_type = 'late') ORDER BY 1"
        ),
        [["e02"], ["e03"], ["e05"]],
    ),
    ("SELECT month FROM events INTERSECT SELECT '10' EXCEPT SELECT '11'", [["10"]]),
    (
        (
            "SELECT s.label, e.event_id FROM events e JOIN (VALUES ('school_1', 'North')) AS s(school_id,"
            " label) USING (school_id) WHERE e.points > 0"
        ),
        [["North", "e02"]],
    ),
    ("SELECT DISTINCT school_id FROM events ORDER BY school_id DESC OFFSET 1 LIMIT 1", [["school_1"]]),
    ("SELECT count(DISTINCT month), approx_distinct(student_key) FROM events", [["2", "3"]]),
    (
        "SELECT x, CAST(x AS double) / 2 FROM (VALUES 1, 2) AS t(x) ORDER BY x DESC FETCH FIRST 1 ROW ONLY",
        [["2", "1.0"]],
    ),
    (
        (
            "SELECT d, count(event_id) FROM UNNEST(sequence(DATE '2025-11-03', DATE '2025-11-05')) AS s(d) "
            "LEFT JOIN events ON date(occurred_at) = d GROUP BY d ORDER BY d"
        ),
        [["2025-11-03", "1"], ["2025-11-04", "1"], ["2025-11-05", "0"]],
    ),
    ("SELECT EVENT_ID, Points FROM Events WHERE Event_Id = 'e01'", [["e01", "-1"]]),
    ("SELECT events.event_id FROM events ORDER BY points DESC, event_id LIMIT 1", [["e05"]]),
    (
        (
            "SELECT school_id, array_agg(event_id ORDER BY event_id) FROM events WHERE month = '11' GROUP BY"
            " 1 ORDER BY 1"
        ),
        [["school_1", "[e04]"], ["school_2", "[e05]"]],
    ),
]


@pytest.mark.parametrize(("sql", "rows"), QUESTIONS, ids=[q[0][:70] for q in QUESTIONS])
def test_an_analysts_question_has_its_answer(events: Any, sql: str, rows: list[list[str | None]]) -> None:
    assert events.run(sql).rows == rows


MISTAKES = [
    ("SELECT nope FROM events", "COLUMN_NOT_FOUND"),
    ("SELECT count(*) FROM events WHERE year = 2025", "TYPE_MISMATCH"),
    ("SELECT count(*) FROM events WHERE occurred_at > '2025-10-01'", "TYPE_MISMATCH"),
    ("SELECT strftime(occurred_at, '%Y') FROM events", "FUNCTION_NOT_FOUND"),
    ("SELECT event_id[1:3] FROM events", "SYNTAX_ERROR"),
    ("SELECT school_id, points FROM events GROUP BY school_id", "EXPRESSION_NOT_AGGREGATE"),
    ("SELECT event_id FROM events a JOIN events b ON a.event_id = b.event_id", "AMBIGUOUS"),
    ("SELECT numeric_histogram(5, points) FROM events", "FUNCTION_NOT_FOUND"),
    (
        (
            "CREATE TABLE i WITH (table_type = 'ICEBERG', location = 's3://x/y/', is_external = false) AS"
            " SELECT 1 AS a"
        ),
        "NOT_SUPPORTED",
    ),
    ("DELETE FROM events WHERE school_id = 'school_2'", "NOT_SUPPORTED"),
    (
        "SELECT * FROM events FOR TIMESTAMP AS OF TIMESTAMP '2025-01-01 00:00:00'",
        "NOT_SUPPORTED|SYNTAX_ERROR",
    ),
    (
        "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r WHERE n < 3) SELECT * FROM r",
        "NOT_SUPPORTED",
    ),
]


@pytest.mark.parametrize(("sql", "reason"), MISTAKES, ids=[m[0][:70] for m in MISTAKES])
def test_an_analysts_mistake_fails_as_it_would_in_athena_or_is_refused(
    events: Any, sql: str, reason: str
) -> None:
    with pytest.raises(QueryFailedError, match=reason):
        events.run(sql)
