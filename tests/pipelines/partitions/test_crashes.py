"""A rewrite that is killed, anywhere, is undone or finished by the next run; no reader sees half of it."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest

from adapters import generations, rewrites
from pipelines.partitions import retiring, rewriting, settling
from transforms.lake_schema import BEHAVIOR_EVENTS

pytestmark = [pytest.mark.service, pytest.mark.fault]

NOW = datetime(2026, 3, 1, 3, tzinfo=UTC)
A, B = (("2029", "2026", "02", "school_1"), ("2030", "2026", "02", "school_1"))


def begin(lake: Any, publish: Any) -> None:
    lake.reset()
    lake.ids = iter(range(1, 1000))
    publish([lake.event(points=number) for number in range(4)], "a")
    publish([lake.event(points=9)], "b")
    publish([lake.event(graduation_year=2030)], "c")


def move_small() -> None:
    """Rows of A with fewer than two points go to B; the old generations go at once."""

    def share(partition: Any, part: pa.Table) -> Any:
        moves = pc.less(part["points"], 2)
        return {B: part} if partition == B else {B: part.filter(moves), A: part.filter(pc.invert(moves))}

    with rewriting.rewriting(BEHAVIOR_EVENTS, "test", clock=lambda: NOW) as rewriter:
        rewriter.share_out([A, B], share)
        retiring.delete_retired("behavior_events", rewriter.lease, NOW, timedelta(0))


def seen(lake: Any) -> list[tuple[str, int]]:
    return sorted((row["event_id"], row["graduation_year"]) for row in lake.published())


_untroubled: dict[str, Any] = {}


def untroubled(lake: Any, publish: Any) -> dict[str, Any]:
    """What is there when nothing disturbs it; found once."""
    if not _untroubled:
        begin(lake, publish)
        _untroubled["before"] = seen(lake)
        move_small()
        _untroubled.update(after=seen(lake), objects=Counter(lake.objects("lake/").values()))
        assert _untroubled["after"] != _untroubled["before"]
    return _untroubled


def dies_and_ends_the_same(lake: Any, publish: Any, write: int) -> bool:
    """Kills it before its n-th write, and does it again; returns whether it came that far."""
    expected = untroubled(lake, publish)
    begin(lake, publish)
    killed = lake.dies(write, move_small)
    assert {identity for identity, _ in seen(lake)} == {identity for identity, _ in expected["before"]}
    move_small()  # what was begun is undone or finished; for rows that moved it changes nothing
    assert seen(lake) == expected["after"], f"killed before write {write}"
    assert Counter(lake.objects("lake/").values()) == expected["objects"], f"killed before write {write}"
    assert rewrites.open_rewrites("behavior_events") == []
    assert list(rewrites.retired("behavior_events")) == []
    assert settling.disagreements("behavior_events") == []
    return killed


# 2 the plan, 3 its opening, 4 and 5 the files, 6 written, then for each partition Glue and the ledger,
# 11 closed, then the old generations with the ledger's word of each.
@pytest.mark.parametrize("write", [4, 7, 8, 11, 13])
def test_killed_between_two_steps_it_ends_the_same(lake: Any, publish: Any, write: int) -> None:
    assert dies_and_ends_the_same(lake, publish, write)


@pytest.mark.slow
def test_killed_before_any_of_its_writes_it_ends_the_same(lake: Any, publish: Any) -> None:
    write = 1
    while dies_and_ends_the_same(lake, publish, write):
        write += 1
    assert write > 15


def test_killed_while_it_writes_it_is_undone_and_its_number_is_not_taken_again(
    lake: Any, publish: Any
) -> None:
    begin(lake, publish)
    before = seen(lake)
    assert lake.dies(5, move_small)  # after the lease, the plan, its opening and one of two files
    assert seen(lake) == before
    assert len(list(generations.objects("lake/"))) == 4
    with rewriting.rewriting(BEHAVIOR_EVENTS, "test"):
        assert len(list(generations.objects("lake/"))) == 3
    places = rewrites.places("behavior_events", [A, B])
    assert {place.generation for place in places.values()} == {1}
    assert {place.place for place in places.values()} == {None}
