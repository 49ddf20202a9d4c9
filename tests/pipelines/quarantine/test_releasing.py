"""Rows of quarantine that pass by now come into the lake; the others stay with their rules."""

from __future__ import annotations

import io
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from adapters import ledger, objects, quarantine
from adapters.lake import write
from expectations import catalogue
from expectations.rules import Expectations
from pipelines.quarantine.changing import LoadOpenError
from pipelines.quarantine.correcting import CorrectionRefusedError, Corrections, read_corrections
from pipelines.quarantine.holdings import HoldingState, NothingHeldError, holding, holdings
from pipelines.quarantine.releasing import Release, release
from tests.pipelines.conftest import NOW
from transforms.lake_schema import BEHAVIOR_EVENTS

pytestmark = [pytest.mark.service]

TABLE, SCHOOL = "behavior_events", "school_1"
Released = Callable[..., Release]


def ids(rows: list[dict[str, Any]]) -> list[str]:
    return sorted(row["event_id"] for row in rows)


def waiting(lake: Any) -> dict[str, list[str]]:
    """What waits of the school, with its rules, by the last digits of the event."""
    rows = lake.quarantined().get(SCHOOL, [])
    return {row["event_id"][-2:]: row["broken_rules"] for row in rows}


def without_rule(name: str) -> Expectations:
    """The expectations as they are after a rule was taken out of the code."""
    expected = catalogue.EXPECTATIONS[TABLE]
    return replace(expected, rules=tuple(rule for rule in expected.rules if rule.name != name))


def corrected(lake: Any, **changes: Any) -> Corrections:
    """The bad rows that wait, with some columns changed."""
    rows = [
        {**row, **changes}
        for row in lake.quarantined()[SCHOOL]
        if row["points"] == 500 or row["class_id"] != "3B"
    ]
    sink = io.BytesIO()
    pq.write_table(pa.Table.from_pylist(rows), sink)
    return read_corrections(sink.getvalue(), BEHAVIOR_EVENTS)


def test_good_rows_of_a_stopped_school_are_published_and_bad_ones_stay(
    lake: Any, held: str, released: Released
) -> None:
    assert waiting(lake) == {"01": [], "02": ["points_in_range"], "03": ["class_code"], "04": []}
    before = lake.quarantined()[SCHOOL]
    done = released(held)
    assert (done.released, done.total("published"), done.total("duplicate")) == (2, 2, 0)
    assert waiting(lake) == {"02": ["points_in_range"], "03": ["class_code"]}
    published = [row for row in lake.published() if row["school_id"] == SCHOOL]
    (result,) = done.loads
    assert {row.pop("load_id") for row in published} == {result.load_id}
    for row in published:
        del row["year"], row["month"]
    good = [
        {k: v for k, v in row.items() if k != "broken_rules"} for row in before if not row["broken_rules"]
    ]
    assert sorted(published, key=lambda row: row["event_id"]) == sorted(good, key=lambda row: row["event_id"])


def test_the_books_of_a_holding_add_up_before_and_after(lake: Any, held: str, released: Released) -> None:
    done = released(held)
    for each, figures in ((done.before, (4, 0, 0, 4)), (done.after, (4, 2, 0, 2))):
        assert (each.quarantined, each.released, each.discarded, each.waiting) == figures
        assert each.adds_up
    assert (done.before.state, done.after.state) == (HoldingState.WAITING, HoldingState.PARTLY)
    assert done.after.rules == {"class_code": 1, "points_in_range": 1}
    assert quarantine.waiting_rows(TABLE) == {SCHOOL: 2}


def test_a_second_release_publishes_nothing_more(lake: Any, held: str, released: Released) -> None:
    released(held)
    state = lake.objects()
    done = released(held)
    assert (done.released, done.loads, done.after.waiting) == (0, (), 2)
    assert lake.objects() == state


def test_a_mended_rule_releases_the_rows_that_it_held(
    lake: Any, held: str, released: Released, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(catalogue.EXPECTATIONS, TABLE, without_rule("points_in_range"))
    done = released(held, rules=["points_in_range"])
    assert (done.released, done.total("published")) == (1, 1)
    assert waiting(lake) == {"01": [], "03": ["class_code"], "04": []}
    (change,) = done.after.record.done
    assert change.facts == {"rules_version": without_rule("points_in_range").version}


def test_rows_held_for_another_rule_too_are_left_out_by_the_option(
    lake: Any, released: Released, monkeypatch: pytest.MonkeyPatch
) -> None:
    lake.land([lake.event(points=500), lake.event(points=500, event_type="singing")])
    load_id = lake.load_one().load_id
    monkeypatch.setitem(catalogue.EXPECTATIONS, TABLE, without_rule("points_in_range"))
    assert released(load_id, rules=["points_in_range"]).released == 1
    assert waiting(lake) == {"02": ["event_type_known"]}


def test_a_row_that_breaks_a_new_rule_stays_and_says_so(
    lake: Any, held: str, released: Released, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = catalogue.EXPECTATIONS[TABLE]
    strict = replace(
        expected,
        rules=tuple(
            replace(rule, states="points BETWEEN -1 AND 1") if rule.name == "points_in_range" else rule
            for rule in expected.rules
        ),
    )
    monkeypatch.setitem(catalogue.EXPECTATIONS, TABLE, strict)
    done = released(held)
    assert done.released == 0
    assert done.after.rules == {"points_in_range": 4, "class_code": 1}
    assert {tuple(rules) for rules in waiting(lake).values()} == {
        ("points_in_range",),
        ("class_code", "points_in_range"),
    }


def test_a_row_that_the_lake_has_by_now_is_dropped_and_counted(
    lake: Any, held: str, released: Released
) -> None:
    good = [row for row in lake.quarantined()[SCHOOL] if not row.pop("broken_rules")]
    lake.land(good[:1])  # the sender delivers it again, and this time the school has nothing bad beside it
    lake.load_one()
    done = released(held)
    assert (done.released, done.total("published"), done.total("duplicate")) == (2, 1, 1)
    assert len(ids(lake.published())) == len(set(ids(lake.published()))) == 3


def test_corrected_rows_are_published_as_corrected(lake: Any, held: str, released: Released) -> None:
    done = released(held, corrections=corrected(lake, points=5, class_id="3C"), reason="the vendor's slip")
    assert (done.amended, done.released, done.total("published")) == (2, 4, 4)
    assert done.after.state is HoldingState.SETTLED
    assert lake.quarantined() == {}
    values = Counter(
        (row["points"], row["class_id"]) for row in lake.published() if row["school_id"] == SCHOOL
    )
    assert values == {(5, "3C"): 2, (2, "3B"): 2}
    assert [(change.deed, change.rows, change.reason) for change in done.after.record.done] == [
        ("amend", 2, "the vendor's slip"),
        ("release", 4, "the vendor's slip"),
    ]


def test_a_correction_that_breaks_a_rule_stays_corrected_in_quarantine(
    lake: Any, held: str, released: Released
) -> None:
    done = released(held, corrections=corrected(lake, points=101, class_id="3C"), reason="half right")
    assert (done.amended, done.released) == (2, 2)
    assert waiting(lake) == {"02": ["points_in_range"], "03": ["points_in_range"]}


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"event_id": "0" * 36}, "one twice"),
        ({"event_id": None}, "without event_id"),
        ({"school_id": "school_2"}, "another school"),
        ({"points": "many"}, "not of its column's type"),
    ],
)
def test_a_correction_that_is_none_is_refused_and_changes_nothing(
    lake: Any, held: str, released: Released, changes: dict[str, Any], refusal: str
) -> None:
    state = lake.objects()
    with pytest.raises(CorrectionRefusedError, match=refusal):
        released(held, corrections=corrected(lake, **changes), reason="wrong")
    assert lake.objects() == state
    assert quarantine.record(TABLE, held, SCHOOL).done == ()


def test_a_correction_of_a_row_that_does_not_wait_is_refused(
    lake: Any, held: str, released: Released
) -> None:
    rows = pa.Table.from_pylist([lake.event()], BEHAVIOR_EVENTS.landing_schema)
    with pytest.raises(CorrectionRefusedError, match=r"1 of 1 corrections .* do not wait"):
        released(held, corrections=Corrections(rows, "0" * 64), reason="wrong")


def test_no_parquet_is_no_correction() -> None:
    with pytest.raises(CorrectionRefusedError, match="no Parquet file"):
        read_corrections(b"event_id,points\n", BEHAVIOR_EVENTS)


def test_what_comes_bad_meanwhile_does_not_stop_what_is_released(
    lake: Any, held: str, released: Released
) -> None:
    fresh = lake.land([lake.event(points=500)])
    done = released(held)
    assert (done.total("published"), done.total("quarantined")) == (2, 0)
    assert lake.load_one().files == 1
    assert fresh.endswith(".parquet")
    assert len(lake.quarantined()[SCHOOL]) == 3


def test_every_object_of_a_holding_is_released(lake: Any, held: str, released: Released) -> None:
    (first,) = quarantine.held(TABLE)
    rows = pq.read_table(io.BytesIO(lake.objects("quarantine/")[first.object.key]))
    others = pa.array([f"{number:08d}-0000-0000-0000-000000000000" for number in range(rows.num_rows)])
    sink = io.BytesIO()
    pq.write_table(rows.set_column(0, "event_id", others), sink)
    write(first.object.bucket, first.object.key.replace("/0000", "/0001"), sink.getvalue())
    done = released(held)
    assert (done.released, done.total("published"), done.after.waiting) == (4, 4, 4)


def test_rows_of_no_school_cannot_be_released(lake: Any) -> None:
    lake.land([lake.event(school_id="Ana María"), lake.event(school_id=None)])
    load_id = lake.load_one().load_id
    done = release(TABLE, load_id, "(none)", now=NOW, by="me")
    assert (done.released, done.after.waiting) == (0, 2)
    assert done.after.rules["school_id_shape"] == 2


def test_what_was_never_held_cannot_be_released(lake: Any, held: str, released: Released) -> None:
    with pytest.raises(NothingHeldError, match=r"held nothing back of 'school_2'"):
        release(TABLE, held, "school_2", now=NOW, by="me")
    with pytest.raises(NothingHeldError, match="has no load 'no_such'"):
        released("no_such")
    with pytest.raises(NothingHeldError, match="'no_such' is no lake table"):
        release("no_such", held, SCHOOL, now=NOW, by="me")


def test_a_load_that_is_not_finished_releases_nothing(lake: Any, released: Released) -> None:
    lake.land([lake.event(points=500), lake.event(school_id="school_2")])
    assert lake.dies(10)
    load = ledger.the_open_load(TABLE)
    assert load is not None
    with pytest.raises(LoadOpenError, match="run `luca load behavior_events` first"):
        released(load.load_id)


def test_the_list_tells_what_waits_and_with_all_what_is_settled(
    lake: Any, held: str, released: Released
) -> None:
    assert [(each.load_id, each.school_id, each.waiting) for each in holdings(TABLE)] == [(held, SCHOOL, 4)]
    released(held, corrections=corrected(lake, points=5, class_id="3C"), reason="all mended")
    assert list(holdings(TABLE)) == []
    (each,) = holdings(TABLE, settled=True)
    assert (each.state, each.released, each.expires_at) == (HoldingState.SETTLED, 4, None)


def test_what_the_lifecycle_rule_took_is_called_expired(lake: Any, held: str) -> None:
    (each,) = quarantine.held(TABLE)
    objects.remove(each.object)
    found = holding(TABLE, held, SCHOOL)
    assert (found.state, found.waiting, found.adds_up) == (HoldingState.EXPIRED, 0, True)
