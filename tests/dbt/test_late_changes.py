"""Changes of weeks that were final, by the books of the loads."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from random import Random

import pytest

from adapters import athena
from pipelines.reports import late
from tests.dbt import cloud
from tests.dbt.events import WEEK, event
from transforms.calendar import iso_week

pytestmark = [pytest.mark.local, pytest.mark.slow]

MONDAY = date(2026, 1, 5)


def bring(random: Random, opened: date, *weeks: date) -> str:
    """A load of one event of each week, in the lake and in the books."""
    load_id = f"{opened:%Y%m%d}"
    cloud.publish({**event(random, "school_1", "ana", 2029, week), "load_id": load_id} for week in weeks)
    cloud.note_load(load_id, opened, weeks)
    return load_id


def build(work: Path, *variables: str) -> None:
    """Builds and tests all that late changes are told by."""
    chosen = ("--select", "+uncounted_changes", "--indirect-selection", "cautious")
    done = cloud.dbt(work, "build", *variables, *chosen, "--exclude-resource-type", "unit_test")
    assert done.returncode == 0, done.stdout


def uncounted() -> list[tuple[str, int]]:
    sql = "SELECT changed_week, row_count FROM uncounted_changes ORDER BY 1"
    found = athena.query(sql, work_group="luca-dbt", database="luca_marts").to_dict("records")
    return [(row["changed_week"], row["row_count"]) for row in found]


def test_what_comes_for_a_final_week_is_listed_until_it_is_counted(lake, work):
    random = Random(1)
    for number in range(8):
        bring(random, MONDAY + (number + 1) * WEEK, MONDAY + number * WEEK)
    build(work)
    assert uncounted() == []

    final, open_week = MONDAY + 3 * WEEK, MONDAY + 4 * WEEK  # the newest is the eighth week, number 7
    opened = MONDAY + 8 * WEEK + timedelta(days=2)
    late_load = bring(random, opened, final, open_week)
    build(work)
    build(work)  # doing it again changes nothing
    (listed,) = cloud.mart("late_changes").to_dict("records")
    assert (listed["changed_week"], listed["row_count"]) == (iso_week(final), 1)
    assert (listed["last_load_id"], listed["iso_week"]) == (late_load, iso_week(opened))
    assert uncounted() == [(iso_week(final), 1)]
    told = late.read("DBT_WORK_GROUP")
    assert told.command == f"luca trends --since {final}"
    sql = told.changes[0].command.split('"')[1]
    rows = athena.query(sql, work_group="luca-dbt", database="luca_lake")
    assert rows["load_id"].tolist() == [late_load]

    build(work, "--vars", f'{{"since": "{final}"}}')
    assert uncounted() == []
    assert late.read("DBT_WORK_GROUP").told().endswith("(schools: 1). All are counted.")
    assert len(cloud.mart("late_changes")) == 1
