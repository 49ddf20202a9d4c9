"""Acceptance: an unmodified dbt-athena builds, tests and documents a small project twice."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = [pytest.mark.local, pytest.mark.slow]

FILES = {
    "dbt_project.yml": """
name: mini
version: "1.0"
profile: mini
flags: {send_anonymous_usage_stats: false}
""",
    "seeds/kinds.csv": 'kind,weight,note\nlate,-1,"arrives, later"\npraise,2,"says ""well done"""\n',
    "models/staged.sql": """
{{ config(materialized='view') }}
select event_id, school_id, event_type, points, occurred_at,
  cast(year_of_week(occurred_at) as varchar) || '-W'
    || lpad(cast(week(occurred_at) as varchar), 2, '0') as iso_week
from {{ source('raw', 'events') }}
""",
    "models/weekly.sql": """
{{ config(materialized='incremental', incremental_strategy='insert_overwrite', partitioned_by=['iso_week'],
          on_schema_change='append_new_columns') }}
select school_id, count(*) as event_count, avg(if(event_type = 'late', 1e0, 0e0)) as late_rate, iso_week
from {{ ref('staged') }}
{% if is_incremental() %} where iso_week >= '2025-W45' {% endif %}
group by school_id, iso_week
""",
    "models/totals.sql": """
{{ config(materialized='table') }}
select w.school_id, sum(w.event_count) as event_count, (select count(*) from {{ ref('kinds') }}) as kinds
from {{ ref('weekly') }} w group by 1
""",
    "models/models.yml": """
sources:
  - name: raw
    schema: "{{ env_var('RAW_SCHEMA') }}"
    tables:
      - name: events
        config:
          loaded_at_field: occurred_at
          freshness: {error_after: {count: 1000000, period: hour}}
models:
  - name: staged
    columns:
      - {name: event_id, data_tests: [unique, not_null]}
      - {name: event_type, data_tests: [{accepted_values: {arguments: {values: [late, praise, absence]}}}]}
  - name: weekly
    description: One row per school and ISO week.
    config: {contract: {enforced: true}}
    columns:
      - name: school_id
        data_type: varchar
        data_tests: [{relationships: {arguments: {to: ref('staged'), field: school_id}}}]
      - {name: event_count, data_type: bigint}
      - {name: late_rate, data_type: double}
      - {name: iso_week, data_type: varchar}
unit_tests:
  - name: a_week_counts_its_events
    model: weekly
    overrides: {macros: {is_incremental: false}}
    given:
      - input: ref('staged')
        rows:
          - {event_id: a, school_id: s1, event_type: late, iso_week: 2025-W40}
          - {event_id: b, school_id: s1, event_type: praise, iso_week: 2025-W40}
    expect:
      rows:
        - {school_id: s1, event_count: 2, late_rate: 0.5, iso_week: 2025-W40}
""",
}


@pytest.fixture
def dbt(events: Any, clients: Any, tmp_path: Path) -> Callable[..., list[dict[str, Any]]]:
    """Runs dbt on a copy of the project and returns the results of its run."""
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
    schema = f"{events.database}_marts"
    target = {
        "type": "athena", "region_name": "us-east-1", "database": "awsdatacatalog", "schema": schema,
        "work_group": "primary", "s3_staging_dir": f"{events.location}staging/",
        "s3_data_dir": f"{events.location}marts/",
        "s3_data_naming": "schema_table_unique", "poll_interval": 0.05, "num_retries": 0, "threads": 2,
    }  # fmt: skip
    (tmp_path / "profiles.yml").write_text(
        json.dumps({"mini": {"target": "local", "outputs": {"local": target}}})
    )
    environment = {**os.environ, "RAW_SCHEMA": events.database, "DBT_PROFILES_DIR": str(tmp_path)}

    def run(*arguments: str) -> list[dict[str, Any]]:
        command = [str(Path(sys.executable).with_name("dbt")), *arguments, "--project-dir", str(tmp_path)]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-2000:]
        found = tmp_path / "target" / ("sources.json" if arguments[0] == "source" else "run_results.json")
        return list(json.loads(found.read_text())["results"])

    return run


def test_a_dbt_project_builds_twice_and_is_documented(
    events: Any, dbt: Callable[..., list[dict[str, Any]]]
) -> None:
    marts = f"{events.database}_marts"
    weekly = f"SELECT school_id, iso_week, event_count, late_rate FROM {marts}.weekly ORDER BY 1, 2"
    expected = [
        ["school_1", "2025-W40", "2", "0.5"],
        ["school_1", "2025-W45", "1", "1.0"],
        ["school_2", "2025-W44", "1", "0.0"],
        ["school_2", "2025-W45", "1", "0.0"],
    ]

    first = dbt("build")
    assert {r["status"] for r in first} == {"success", "pass"}
    assert events.run(weekly).rows == expected

    events.run(
        "INSERT INTO events VALUES ('e06', 'school_2', 'k9', 'late', "
        "TIMESTAMP '2025-11-05 08:00:00', -1, NULL, '2025', '11')"
    )
    second = dbt("build")
    assert {r["status"] for r in second} == {"success", "pass"}
    assert events.run(weekly).rows == [*expected[:3], ["school_2", "2025-W45", "2", "0.5"]]
    assert events.run(f"SELECT * FROM {marts}.totals ORDER BY 1").rows == [
        ["school_1", "3", "2"],
        ["school_2", "3", "2"],
    ]
    assert events.run(f"SELECT note FROM {marts}.kinds ORDER BY 1").rows == [
        ["arrives, later"],
        ['says "well done"'],
    ]

    [freshness] = dbt("source", "freshness")
    assert freshness["status"] == "pass"
    assert dbt("docs", "generate")
