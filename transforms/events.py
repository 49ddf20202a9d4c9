"""The contract of a behaviour event: what a school may send, and why it is refused.

The typed definition decodes about a million bodies a second. Only a body that it refuses is
read again, field by field, for the full list of its faults.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, Any, Literal, NamedTuple, get_args

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from transforms import keys
from transforms.schools import School

CONTRACT_VERSION = 1
CLOCK_AHEAD = timedelta(minutes=5)  # a sender's clock may be wrong, a week may not shift

EventType = Literal[
    "attendance",
    "participation",
    "activity_completed",
    "class_response",
    "assignment_submitted",
    "help_request",
    "conduct",
]
Status = Literal["present", "late", "absent", "excused"]
Polarity = Literal["positive", "neutral", "negative"]
Identifier = Annotated[str, Meta(pattern=keys.IDENTIFIER)]

EVENT_TYPES: tuple[str, ...] = get_args(EventType)
STATUSES: tuple[str, ...] = get_args(Status)
POLARITIES: tuple[str, ...] = get_args(Polarity)


class BehaviorEvent(Struct, frozen=True, kw_only=True, rename={"event_type": "type"}, gc=False):
    """What `POST /behavior` takes. Fields that it does not name are ignored and never stored.

    Attributes:
        event_id: A UUID made by the sender; sending it again changes nothing. No other form is
            taken, because it reaches the lake and must not carry a person's identifier.
        event_type: `type` in JSON.
        student_id: The school's own identifier of the student.
        occurred_at: ISO 8601 with an offset.
        school_id: May be left out; if present it must be the tenant of the token.
        teacher_id: Who reported it.
        subject: Code of the subject, such as `matematicas`.
        class_id: Code of the group, such as `3B`.
        status: Of `attendance`, and required there.
        polarity: Of `conduct`, and required there.
    """

    event_id: Annotated[str, Meta(pattern=keys.UUID)]
    event_type: EventType
    student_id: Identifier
    occurred_at: Annotated[datetime, Meta(tz=True)]
    school_id: Identifier | UnsetType = UNSET
    teacher_id: Identifier | None = None
    subject: Identifier | None = None
    class_id: Identifier | None = None
    status: Status | None = None
    polarity: Polarity | None = None

    @property
    def outcome(self) -> str:
        """The name under which a school's rules give it points: `attendance.late`, `participation`."""
        detail = self.status or self.polarity
        return f"{self.event_type}.{detail}" if detail else self.event_type


class Reason(StrEnum):
    """Why an event was rejected; the name under which it is counted."""

    MALFORMED_JSON = "malformed_json"
    MISSING_FIELD = "missing_field"
    WRONG_TYPE = "wrong_type"
    BAD_IDENTIFIER = "bad_identifier"
    UNKNOWN_TYPE = "unknown_type"
    UNKNOWN_VALUE = "unknown_value"
    NAIVE_TIME = "naive_time"
    BAD_TIME = "bad_time"
    TOO_OLD = "too_old"
    IN_THE_FUTURE = "in_the_future"
    MISSING_SCHOOL = "missing_school"
    UNKNOWN_SCHOOL = "unknown_school"
    FOREIGN_SCHOOL = "foreign_school"
    ERASED_STUDENT = "erased_student"
    NOT_FROM_EDGE = "not_from_edge"


class Fault(NamedTuple):
    """One thing that is wrong with an event.

    Attributes:
        reason: Its kind.
        path: Where, as a JSON path (`$.occurred_at`).
        rule: What is wanted, with the value that was found.
    """

    reason: Reason
    path: str
    rule: str


class RejectedEventError(ValueError):
    """An event that can never be stored as it is.

    Attributes:
        faults: All that is wrong with it, the first being what it is counted under.
    """

    def __init__(self, *faults: Fault) -> None:
        super().__init__("; ".join(f"{path}: {rule}" for _, path, rule in faults))
        self.faults = faults


_decoder = msgspec.json.Decoder(BehaviorEvent)


def decode(body: bytes | str) -> BehaviorEvent:
    """Reads the body of a request.

    Raises:
        RejectedEventError: It is not JSON, or not an event of this contract.
    """
    try:
        event = _decoder.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise RejectedEventError(*_faults(body, error)) from error
    details = _detail_faults(event.event_type, event.status, event.polarity)
    if details:
        raise RejectedEventError(*details)
    return event


def check(event: BehaviorEvent, school: School, received_at: datetime) -> None:
    """Holds an event against its school.

    Args:
        event: As decoded.
        school: The tenant of the token.
        received_at: When the platform took it; aware.

    Raises:
        RejectedEventError: It names another school, or its time is out of bounds.
    """
    if event.school_id is not UNSET and event.school_id != school.school_id:
        raise RejectedEventError(
            Fault(
                Reason.FOREIGN_SCHOOL,
                "$.school_id",
                f"{event.school_id!r} is not the school of the token ({school.school_id!r}); leave it out",
            )
        )
    if event.occurred_at > received_at + CLOCK_AHEAD:
        raise RejectedEventError(
            Fault(
                Reason.IN_THE_FUTURE,
                "$.occurred_at",
                f"{event.occurred_at.isoformat()} is more than 5 minutes after its receipt; set the clock",
            )
        )
    oldest = school.oldest(received_at)
    if event.occurred_at < oldest:
        raise RejectedEventError(
            Fault(
                Reason.TOO_OLD,
                "$.occurred_at",
                f"{event.occurred_at.isoformat()} is before {oldest.isoformat()}, the oldest record of this "
                "school; set its records_since to import older ones",
            )
        )


def _detail_faults(event_type: str, status: object, polarity: object) -> list[Fault]:
    """Attendance has a status and nothing else has; likewise conduct and its polarity."""
    faults = []
    for field, value, owner, values in (
        ("status", status, "attendance", STATUSES),
        ("polarity", polarity, "conduct", POLARITIES),
    ):
        if event_type == owner and value is None:
            rule = f"is missing: an event of type {owner!r} has one of {', '.join(values)}"
            faults.append(Fault(Reason.MISSING_FIELD, f"$.{field}", rule))
        elif event_type != owner and value is not None:
            rule = f"{value!r:.40} on type {event_type!r:.40}: only {owner!r} has a {field}; leave it out"
            faults.append(Fault(Reason.UNKNOWN_VALUE, f"$.{field}", rule))
    return faults


def _faults(body: bytes | str, error: Exception) -> list[Fault]:
    """All faults of a body that the typed decoder refused, field by field."""
    try:
        raw = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as malformed:
        return [Fault(Reason.MALFORMED_JSON, "$", f"is not JSON: {malformed}")]
    if not isinstance(raw, dict):
        return [Fault(Reason.WRONG_TYPE, "$", f"is {type(raw).__name__}: send one object")]
    faults = []
    for field in msgspec.structs.fields(BehaviorEvent):
        name = field.encode_name
        if name not in raw:
            if field.required:
                faults.append(Fault(Reason.MISSING_FIELD, f"$.{name}", "is missing"))
            continue
        try:
            msgspec.convert(raw[name], field.type)
        except msgspec.ValidationError as wrong:
            explain = _EXPLANATIONS.get(name, _identifier_fault)
            faults.append(explain(name, raw[name], wrong))
    if not faults:
        faults = _detail_faults(raw["type"], raw.get("status"), raw.get("polarity"))
    return faults or [Fault(Reason.WRONG_TYPE, "$", str(error))]


def _wrong_type(name: str, value: object, wrong: Exception) -> Fault:
    return Fault(Reason.WRONG_TYPE, f"$.{name}", f"{value!r:.80}: {wrong}")


def _identifier_fault(name: str, value: object, wrong: Exception) -> Fault:
    if not isinstance(value, str):
        return _wrong_type(name, value, wrong)
    rule = f"{keys.describe(value)}: use letters, digits, '_' and '-' (1–64)"
    return Fault(Reason.BAD_IDENTIFIER, f"$.{name}", rule)


def _event_id_fault(name: str, value: object, wrong: Exception) -> Fault:
    if not isinstance(value, str):
        return _wrong_type(name, value, wrong)
    rule = f"{value!r:.80} is no UUID: use one such as 0198c5a4-7f3e-7c11-9d7e-2f6d1c0b7a55"
    return Fault(Reason.BAD_IDENTIFIER, f"$.{name}", rule)


def _time_fault(name: str, value: object, wrong: Exception) -> Fault:
    if not isinstance(value, str):
        return _wrong_type(name, value, wrong)
    try:
        msgspec.convert(value, datetime)
    except msgspec.ValidationError:
        rule = f"{value!r:.80} is no ISO 8601 time: write 2026-02-03T08:15:00-06:00"
        return Fault(Reason.BAD_TIME, f"$.{name}", rule)
    rule = f"{value!r:.80} has no offset from UTC: write 2026-02-03T08:15:00-06:00"
    return Fault(Reason.NAIVE_TIME, f"$.{name}", rule)


def _one_of(reason: Reason, values: tuple[str, ...]) -> Callable[[str, object, Exception], Fault]:
    def explain(name: str, value: object, wrong: Exception) -> Fault:
        if not isinstance(value, str):
            return _wrong_type(name, value, wrong)
        return Fault(reason, f"$.{name}", f"{value!r:.80} is unknown: use one of {', '.join(values)}")

    return explain


_EXPLANATIONS: dict[str, Callable[[str, Any, Exception], Fault]] = {
    "event_id": _event_id_fault,
    "occurred_at": _time_fault,
    "type": _one_of(Reason.UNKNOWN_TYPE, EVENT_TYPES),
    "status": _one_of(Reason.UNKNOWN_VALUE, STATUSES),
    "polarity": _one_of(Reason.UNKNOWN_VALUE, POLARITIES),
}
