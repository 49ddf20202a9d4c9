from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from transforms.academic_items import Grade, Part
from transforms.keys import StudentKey

pytestmark = pytest.mark.local


def monday(classroom: Any, days: int = 0, hour: int = 10) -> datetime:
    """A moment of this week, by days after Monday, in the school's zone."""
    zone = ZoneInfo("America/Mexico_City")
    local = classroom.now.astimezone(zone)
    return (local - timedelta(days=local.weekday() - days)).replace(
        hour=hour, minute=0, second=0, microsecond=0
    )


def grade(classroom: Any, subject: str = "matematicas", period: str = "Q1_2026", **changes: Any) -> None:
    values: dict[str, Any] = {
        "consolidated_score": Decimal("84.3"),
        "evaluations_count": 5,
        "parts": {"exam": Part(Decimal("85.0"), Decimal("0.7"), 1)},
        "passed": True,
        "rules_version": 1,
        "last_calculated": "2026-02-05T08:00:00.000Z",
        "correlation_id": "0b5e2c9c-4c5f-4b8e-9d3a-1f2a3b4c5d6e",
        **changes,
    }
    classroom.platform.put(Grade(StudentKey(classroom.school_id, "ana"), subject, period, **values).item())


def profile(client: Any, classroom: Any, target: str = "", **options: Any) -> Any:
    answer = client.call("GET", f"/profile/ana{target}", school=classroom.school_id, **options)
    assert answer.status == 200, answer.body
    return answer.json


def test_a_student_is_who_the_school_says(client: Any, classroom: Any) -> None:
    found = profile(client, classroom)
    assert (found["given_name"], found["family_name"], found["class_id"]) == ("Ana", "Ruiz", "3B")
    assert (found["today"], found["time_zone"]) == ("2026-02-05", "America/Mexico_City")


def test_the_week_reads_as_the_mission_wants_it(client: Any, classroom: Any) -> None:
    for day in (0, 0, 1, 2, 3):
        classroom.event("participation", monday(classroom, day))
    (count,) = profile(client, classroom)["counts"]
    assert count["text"] == "5 participaciones esta semana"
    assert count["activity"] == "/profile/ana/activity?week=2026-W06&type=participation"
    english = profile(client, classroom, headers={"Accept-Language": "fr, en;q=0.8, es;q=0.5"})
    assert english["counts"][0]["text"] == "5 participations this week"


def test_the_score_is_the_sum_of_its_parts_and_each_part_of_its_events(client: Any, classroom: Any) -> None:
    for day in range(3):
        classroom.event("participation", monday(classroom, day))
        classroom.event("attendance", monday(classroom, day, 8), status="present")
    classroom.event("attendance", monday(classroom, 3, 8), status="late")
    classroom.event("conduct", monday(classroom, 3), polarity="negative")
    found = profile(client, classroom)
    week = found["week"]
    assert week["score"] == 3 * 4 + 3 * 1 - 1 - 3  # participation counts 4 in this school
    assert sum(part["points"] for part in week["parts"]) == week["score"]
    assert all(part["points"] == part["count"] * part["each"] for part in week["parts"])
    assert {part["points_version"] for part in week["parts"]} == {3}
    for count in found["counts"]:
        behind = client.call("GET", count["activity"], school=classroom.school_id).json
        assert sum(event["points"] for event in behind["events"]) == count["points"]
        assert len(behind["events"]) == count["count"]
        assert behind["week"]["score"] == count["points"]
    everything = client.call("GET", "/profile/ana/activity", school=classroom.school_id).json
    assert sum(event["points"] for event in everything["events"]) == week["score"]


def test_a_change_of_rules_in_the_week_shows_as_two_parts(client: Any, classroom: Any) -> None:
    classroom.event("participation", monday(classroom))
    classroom.rules = type(classroom.rules)(4, {"participation": 7})
    classroom.event("participation", monday(classroom, 1))
    parts = profile(client, classroom)["week"]["parts"]
    assert [(part["each"], part["points_version"]) for part in parts] == [(7, 4), (4, 3)]


def test_weeks_are_the_schools_own_not_utcs(client: Any, classroom: Any) -> None:
    late_on_sunday = monday(classroom) - timedelta(hours=11)  # 23:00 in Mexico, Monday in UTC
    classroom.event("participation", late_on_sunday)
    assert profile(client, classroom)["week"]["events"] == 0
    behind = client.call("GET", "/profile/ana/activity?week=2026-W05", school=classroom.school_id).json
    assert [event["local_date"] for event in behind["events"]] == ["2026-02-01"]


def test_recent_activity_is_the_last_seven_days_newest_first(client: Any, classroom: Any) -> None:
    ids = [classroom.event("participation", classroom.now - timedelta(days=days)) for days in (8, 6, 1, 0)]
    recent = profile(client, classroom)["recent_activity"]
    assert [event["event_id"] for event in recent] == [ids[3], ids[2], ids[1]]


def test_expired_items_are_not_shown_although_they_are_still_there(client: Any, classroom: Any) -> None:
    classroom.event("participation", monday(classroom))
    items = classroom.platform.aws("dynamodb").query(
        TableName="luca-platform",
        KeyConditionExpression="PK = :pk AND begins_with(SK, :event)",
        ExpressionAttributeValues={
            ":pk": {"S": f"TENANT#{classroom.school_id}#STUDENT#ana"},
            ":event": {"S": "EVENT#"},
        },
    )["Items"]
    expired = items[0] | {"expires_at": {"N": str(int(classroom.now.timestamp()))}}
    classroom.platform.aws("dynamodb").put_item(TableName="luca-platform", Item=expired)
    assert profile(client, classroom)["week"]["events"] == 0
    assert client.call("GET", "/profile/ana/activity", school=classroom.school_id).json["events"] == []


def test_grades_are_those_of_the_current_period_or_of_the_one_asked_for(client: Any, classroom: Any) -> None:
    grade(classroom)
    grade(classroom, "historia", passed=False, consolidated_score=Decimal("58.5"))
    grade(classroom, period="Q2_2026", consolidated_score=None, passed=None, evaluations_count=0, parts={})
    found = profile(client, classroom)
    assert found["period"] == {"id": "Q1_2026", "start": "2026-01-15", "end": "2026-04-15"}
    assert [
        (each["subject"], each["score"], each["passed"], each["min_passing"]) for each in found["grades"]
    ] == [
        ("historia", 58.5, False, 60),
        ("matematicas", 84.3, True, 60),
    ]
    assert found["grades"][1]["parts"] == [{"type": "exam", "score": 85.0, "weight": 0.7, "count": 1}]
    (other,) = profile(client, classroom, "?period=Q2_2026")["grades"]
    assert other["score"] is None
    assert client.call("GET", "/profile/ana?period=Q9", school=classroom.school_id).status == 404


def test_the_last_eight_weeks_that_the_lake_has_judged_stand_beside_the_live_week(
    client: Any, classroom: Any
) -> None:
    classroom.event("participation", monday(classroom))
    for week in range(1, 11):
        classroom.judged("ana", f"2026-W{week:02d}", points=week, points_mean_4w=2.25, warnings=["silent"])
    found = profile(client, classroom)
    assert found["week"]["events"] == 1
    assert [trend["iso_week"] for trend in found["trends"]] == [f"2026-W{week:02d}" for week in range(3, 11)]
    last = found["trends"][-1]
    assert (last["points"], last["points_mean_4w"], last["trend"]) == (10, 2.25, "steady")
    assert (last["warnings"], last["attendance_rate"], last["is_final"]) == (["silent"], None, False)


def test_a_student_of_whom_nothing_was_judged_has_no_trend_and_no_zero(client: Any, classroom: Any) -> None:
    assert profile(client, classroom)["trends"] == []


def test_a_week_that_was_withdrawn_or_has_had_its_time_is_not_shown(client: Any, classroom: Any) -> None:
    classroom.judged("ana", "2026-W04")
    classroom.judged("ana", "2026-W05", expires_at=int(classroom.now.timestamp()))
    classroom.platform.put({"PK": f"TENANT#{classroom.school_id}#STUDENT#ana", "SK": "TREND#2026-W06"})
    assert [trend["iso_week"] for trend in profile(client, classroom)["trends"]] == ["2026-W04"]


def test_a_profile_costs_one_store_call(client: Any, classroom: Any) -> None:
    profile(client, classroom)
    dynamodb = client.api._dynamodb
    before = dynamodb.calls
    profile(client, classroom)
    assert dynamodb.calls - before == 1


def test_nobody_is_not_found(client: Any, classroom: Any) -> None:
    assert client.call("GET", "/profile/nobody", school=classroom.school_id).status == 404
    assert client.call("GET", "/profile/a%23b", school=classroom.school_id).status == 422


def test_activity_comes_in_pages_that_add_up(client: Any, classroom: Any) -> None:
    ids = [classroom.event("participation", monday(classroom, 0, 9) + timedelta(minutes=n)) for n in range(7)]
    target: str | None = "/profile/ana/activity?limit=3&type=participation"
    seen, sums = [], set()
    while target:
        page = client.call("GET", target, school=classroom.school_id).json
        seen += [event["event_id"] for event in page["events"]]
        sums.add(page["week"]["score"])
        target = page["next"]
    assert seen == ids
    assert sums == {28}


def test_activity_as_a_table_that_no_spreadsheet_runs(client: Any, classroom: Any) -> None:
    classroom.event("participation", monday(classroom), teacher_id="-cmd", subject="matematicas")
    answer = client.call(
        "GET", "/profile/ana/activity", school=classroom.school_id, headers={"Accept": "text/csv"}
    )
    header, line = answer.body.decode().strip().split("\r\n")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert header.startswith("occurred_at,local_date,outcome,points")
    assert line.endswith(",matematicas,,'-cmd")


@pytest.mark.parametrize(
    "query", ["week=2026-W60", "week=x", "type=dance", "limit=0", "limit=1e3", "after=x", "week="]
)
def test_a_bad_query_is_named(client: Any, classroom: Any, query: str) -> None:
    answer = client.call("GET", f"/profile/ana/activity?{query}", school=classroom.school_id)
    assert answer.status == 422
    assert answer.json["errors"][0]["path"] == "query." + query.split("=", maxsplit=1)[0]


def test_a_school_that_the_platform_does_not_know_has_no_profiles(client: Any) -> None:
    assert client.call("GET", "/profile/ana", school="school_unheard").status == 404


def test_a_class_at_a_glance_is_the_sum_of_its_students(client: Any, classroom: Any) -> None:
    classroom.event("participation", monday(classroom))
    classroom.event("participation", monday(classroom, 1))
    classroom.event("attendance", monday(classroom, 1), "leo", status="absent")
    classroom.enrol("eva", "Eva", "Sol", class_id="3C")
    found = client.call("GET", "/classes/3B/week", school=classroom.school_id).json
    assert found["iso_week"] == "2026-W06"
    shown = [
        (each["student"]["student_id"], each["week"]["score"], each["counts"][0]["text"])
        for each in found["students"]
    ]
    assert shown == [("leo", -2, "1 falta esta semana"), ("ana", 8, "2 participaciones esta semana")]
    assert client.call("GET", "/classes/9Z/week", school=classroom.school_id).json["students"] == []
