"""A class at a glance: its students, each with their week."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from adapters import tenant_table
from adapters.tenancy import Tenant
from adapters.tenant_config import Configurations
from api.contracts import ClassWeek, StudentWeek
from api.language import Language
from api.profile import alive, configured_school, counts
from api.routes.students import class_list, line_of
from transforms import calendar
from transforms.activity import activity, week
from transforms.students import Student

AT_ONCE = 16  # students whose events are read; a class of 40 takes three turns


async def class_week(
    tenant: Tenant,
    configurations: Configurations,
    class_id: str,
    *,
    now: datetime,
    language: Language = Language.ES,
) -> ClassWeek:
    """Assembles a class: one query for the roster, one for each student's week.

    Args:
        tenant: The school.
        configurations: Of schools.
        class_id: Code of the class.
        now: Aware; decides the week and what has expired.
        language: Of the counts.

    Raises:
        ProblemError: The school has no configuration.
        StoreError: The store does not give what is needed.
    """
    school = await configured_school(tenant, configurations)
    today, _ = calendar.local(now, school.time_zone)
    monday = calendar.week_start(today)
    slots, moment = asyncio.Semaphore(AT_ONCE), now.timestamp()

    async def one(student: Student) -> StudentWeek:
        student_id = student.key.student_id
        async with slots:
            items = await tenant_table.event_items(tenant, student_id, monday, monday + timedelta(days=6))
        found = week((activity(item) for item in items if alive(item, moment)), monday)
        return StudentWeek(
            student=line_of(student),
            week=found,
            counts=counts(found.parts, found.iso_week, student_id, language),
        )

    students = await class_list(tenant, class_id)
    return ClassWeek(
        class_id=class_id,
        iso_week=calendar.iso_week(monday),
        students=list(await asyncio.gather(*map(one, students))),
    )
