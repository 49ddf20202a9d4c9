"""A rehome that is killed, anywhere, is ended by the next: no row is lost, none is twice."""

from __future__ import annotations

from typing import Any

import pytest

from pipelines.audits.retention.cohorts import compare

pytestmark = [pytest.mark.service, pytest.mark.fault]


def ended_by_the_next(town: Any, write: int) -> bool:
    """Kills a rehome both ways before its n-th write, runs it again; False where there is no such write."""
    town.enrol("ana", 2030)
    town.enrol("ben", 2029)
    town.load([("ana", 2029), ("ben", 2030), ("ben", 2029)])
    before = town.ids()
    died = town.lake.dies(write, town.rehome)
    seen = town.ids()
    assert set(seen) == set(before)  # between two moves a row may be seen twice, never not at all
    town.rehome()
    # A rehome that was killed after its last move has left its note to the table's next writer.
    assert town.ids() == before
    assert (town.where("ana"), town.where("ben")) == ({2030: 1}, {2029: 2})
    assert not [school for school in compare(["school_1", "school_2"]) if school.elsewhere]
    return bool(died)


@pytest.mark.slow
@pytest.mark.parametrize("write", range(1, 25))
def test_a_rehome_killed_before_any_of_its_writes_is_ended_by_the_next(town: Any, write: int) -> None:
    assert ended_by_the_next(town, write) or write > 15
