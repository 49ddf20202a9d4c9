"""What the profiles say after the job is what the marts say, whatever was there before and whoever died."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from adapters import table, tombstones, weekly_trends
from adapters.athena import QueryFailedError
from adapters.aws import client
from adapters.pseudonym_keys import create_key
from pipelines.profiles import publishing
from pipelines.profiles.marts import StudentWeek
from pipelines.profiles.publishing import ProfilesError
from tests.pipelines.profiles.conftest import WEEKS, House, week
from transforms.weekly_trends import WeeklyTrend, expires_at

pytestmark = pytest.mark.service


def anas(house: House, *weeks: str, school_id: str = "school_1", **changes: Any) -> list[StudentWeek]:
    key = house.key("ana", school_id)
    return [week(school_id, key, each, **{"points": int(each[-2:]), **changes}) for each in weeks]


def test_a_profile_gets_the_figures_of_the_marts_and_a_second_run_writes_nothing(house: House) -> None:
    house.judged(anas(house, *WEEKS, warnings=["falling_points", "silent"]))
    first = house.publish()
    assert [(each.school_id, each.students, each.with_weeks, each.written) for each in first.schools] == [
        ("school_1", 2, 1, 6),
        ("school_2", 1, 0, 0),
    ]
    item = house.items()["2026-W06"]
    assert item["expires_at"] == expires_at("2026-W06")
    judged = next(row.trend for row in house.marts if row.trend.iso_week == "2026-W06")
    assert WeeklyTrend.from_item(item) == judged
    assert house.points() == {each: int(each[-2:]) for each in WEEKS}
    assert house.publish().total("written") == 0


def test_a_student_without_rows_has_no_item_and_not_a_zero(house: House) -> None:
    house.judged(anas(house, *WEEKS))
    house.publish()
    assert house.items("ben") == {}
    assert house.items("ana", "school_2") == {}


def test_the_same_identifier_in_another_school_gets_its_own_numbers(house: House) -> None:
    house.judged(
        [*anas(house, *WEEKS), *anas(house, "2026-W06", school_id="school_2", points=77)],
    )
    house.publish()
    assert house.points() == {each: int(each[-2:]) for each in WEEKS}
    assert house.points("ana", "school_2") == {"2026-W06": 77}


def test_weeks_before_and_after_a_rotation_come_together(house: House) -> None:
    create_key("school_1", 2)
    new = house.key("ana", version=2)
    house.judged(
        [
            *anas(house, *WEEKS[:4]),
            *anas(house, "2026-W05", points=3, events=2),
            # The old pseudonym goes on as a week without events.
            *anas(house, "2026-W06", points=0, events=0, warnings=["silent"]),
            week("school_1", new, "2026-W05", points=4, events=1, is_final=True),
            week("school_1", new, "2026-W06", points=30),
        ]
    )
    house.publish()
    assert house.points() == {**{each: int(each[-2:]) for each in WEEKS[:4]}, "2026-W05": 7, "2026-W06": 30}
    split = house.analysis("2026-W05")
    assert (split["events"], split["is_final"]) == (3, False)
    assert split["trend"] is None
    assert house.analysis("2026-W06")["warnings"] == []


def test_late_events_update_a_week_and_cost_one_write(house: House) -> None:
    house.judged(anas(house, *WEEKS))
    house.publish()
    late = "2026-02-10T09:00:00.000Z"
    house.judged([*anas(house, *WEEKS[:3], as_of=late), *anas(house, *WEEKS[3:], points=40, as_of=late)])
    changed = house.publish()
    assert changed.total("written") == 3
    assert house.points() == {**{each: int(each[-2:]) for each in WEEKS[:3]}, **dict.fromkeys(WEEKS[3:], 40)}
    # Where nothing else changed, the figures still say since when they stand.
    assert house.analysis("2026-W02")["as_of"] == "2026-02-09T01:02:03.000Z"
    assert house.analysis("2026-W05")["as_of"] == "2026-02-10T09:00:00.000Z"


def test_a_week_that_is_no_longer_in_the_marts_is_withdrawn_and_may_come_back(house: House) -> None:
    house.judged(anas(house, *WEEKS))
    house.publish()
    house.judged(anas(house, *WEEKS[:5]))
    gone = house.publish()
    assert (gone.total("written"), gone.total("withdrawn")) == (0, 1)
    withdrawn = house.items()["2026-W06"]
    assert withdrawn.keys() == {"PK", "SK", "expires_at"}
    assert withdrawn["expires_at"] <= datetime(2026, 2, 10, 15, tzinfo=UTC).timestamp()
    assert house.publish().total("withdrawn") == 0
    house.judged(anas(house, *WEEKS))
    assert house.publish().total("written") == 1
    assert house.items()["2026-W06"]["expires_at"] == expires_at("2026-W06")


def test_a_week_that_goes_on_and_one_of_long_ago_are_left_alone(house: House) -> None:
    house.judged(anas(house, "2025-W40", *WEEKS, "2026-W07"))
    house.publish()
    assert sorted(house.items()) == WEEKS


def test_only_the_schools_that_were_asked_for(house: House) -> None:
    house.judged([*anas(house, *WEEKS), *anas(house, "2026-W06", school_id="school_2")])
    house.publish(schools=["school_2"])
    assert house.items() == {}
    assert house.points("ana", "school_2") == {"2026-W06": 6}


@pytest.mark.fault
def test_a_school_without_a_key_does_not_keep_the_others(house: House) -> None:
    house.enrol("school_0", "zoe")  # nobody made it a key
    house.judged(anas(house, *WEEKS))
    with pytest.raises(
        ProfilesError, match=r"1 schools' profiles .* school_0 failed: .*luca keys create"
    ) as told:
        house.publish()
    assert told.value.result.failures.keys() == {"school_0"}
    assert house.points() == {each: int(each[-2:]) for each in WEEKS}


@pytest.mark.fault
def test_a_query_that_fails_fails_its_schools_and_no_others(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publishing, "SCHOOLS_A_QUERY", 1)
    house.judged([*anas(house, *WEEKS), *anas(house, "2026-W06", school_id="school_2")])
    works = house.weeks

    def only_the_first(schools: Any, weeks: Any) -> Any:
        if "school_2" in schools:
            raise QueryFailedError(None, "luca-jobs", "no capacity", "SELECT")
        return works(schools, weeks)

    monkeypatch.setattr(publishing.marts, "weeks", only_the_first)
    with pytest.raises(ProfilesError, match=r"school_2 failed: .*no capacity") as told:
        house.publish()
    assert told.value.result.failures.keys() == {"school_2"}
    assert len(house.points()) == 6


@pytest.mark.fault
@pytest.mark.parametrize("write", [1, 4, 6])
def test_killed_before_any_write_it_is_completed_by_the_next_run(house: House, write: int) -> None:
    house.judged(anas(house, *WEEKS))
    house.publish()
    house.judged(anas(house, *WEEKS[:5], points=50))  # five to write, one to withdraw
    assert house.dies(write)
    house.publish()
    assert house.points() == dict.fromkeys(WEEKS[:5], 50)
    again = house.publish()
    assert (again.total("written"), again.total("withdrawn")) == (0, 0)


@pytest.mark.fault
def test_a_store_that_throttles_is_asked_again_and_then_named(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.judged(anas(house, "2026-W06"))
    refusals = iter(range(2))
    monkeypatch.setattr(weekly_trends, "FIRST_WAIT", 0.0)
    events = client("dynamodb").meta.events

    def throttle(**_: Any) -> Any:
        if next(refusals, None) is None:
            return None
        error = {"Code": "ThrottlingException", "Message": "slow down"}
        return _Throttled(), {"Error": error, "ResponseMetadata": {"HTTPStatusCode": 400}}

    events.register("before-call.dynamodb.UpdateItem", throttle)
    assert house.publish().total("written") == 1
    monkeypatch.setattr(weekly_trends, "ATTEMPTS", 2)
    refusals = iter(range(99))
    house.judged(anas(house, "2026-W06", points=99))
    with pytest.raises(ProfilesError, match=r"school_1 failed: .*throttles; run it again"):
        house.publish()
    assert house.points() == {"2026-W06": 6}


class _Throttled:
    status_code = 400


@pytest.mark.fault
def test_a_student_who_was_erased_meanwhile_does_not_come_back(house: House) -> None:
    house.judged([*anas(house, *WEEKS), week("school_1", house.key("ben"), "2026-W06")])
    tombstones.bury("school_1", "ana")  # the roster was read before
    house.publish()
    assert house.items() == {}
    assert house.points("ben") == {"2026-W06": 12}


def test_nobody_elses_items_are_touched(house: House) -> None:
    def others() -> list[Any]:
        items = client("dynamodb").scan(TableName="luca-platform")["Items"]
        return sorted((item for item in items if not item["SK"]["S"].startswith("TREND#")), key=str)

    table.put_items([{"PK": "TENANT#school_1#STUDENT#ana", "SK": "EVENT#2026", "points": 1}])
    before = others()
    house.judged(anas(house, *WEEKS))
    house.publish()
    assert others() == before
