"""A class at a glance."""

from __future__ import annotations

from http import HTTPStatus

from api.class_week import class_week
from api.contracts import ClassWeek
from api.operations import STAFF, Answer, Call, Operation
from api.problems import NOT_FOUND


async def week_of_class(call: Call) -> Answer:
    """GET /classes/{class}/week."""
    return Answer(
        await class_week(
            call.tenant, call.configurations, call.path["class"], now=call.now, language=call.language
        )
    )


OPERATIONS = (
    Operation(
        "GET",
        "/classes/{class}/week",
        "A class at a glance",
        "The students of a class by name, each with the week's score, its parts and its counts in words. "
        "A class that nobody is in is empty.",
        STAFF,
        week_of_class,
        {HTTPStatus.OK: ClassWeek},
        problems=(NOT_FOUND,),
    ),
)
