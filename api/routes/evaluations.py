"""Evaluations: recorded at once, counted by the nightly job."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from http import HTTPStatus
from typing import Any

import msgspec

from adapters import tenant_table
from adapters.dynamodb import StoreUnavailableError
from api.bodies import fault_of, object_faults
from api.contracts import (
    MOST_EVALUATIONS,
    BatchLine,
    BatchResult,
    CorrectedEvaluation,
    EvaluationBatch,
    NewEvaluation,
    RecordedEvaluation,
)
from api.operations import STAFF, TEACHERS, Answer, Call, Example, Operation
from api.problems import CONFLICT, INVALID, NOT_FOUND, VERSION_CONFLICT, ProblemError, invalid, unavailable
from transforms.academic_items import Evaluation, InvalidEvaluationError
from transforms.calendar import utc_text
from transforms.keys import InvalidIdentifierError, StudentKey
from transforms.periods import AcademicConfig

AT_ONCE = 16  # lines of a batch under way
LARGEST_BATCH = 512 * 1024  # bytes: 500 lines of 1 KB


async def record(call: Call) -> Answer:
    """POST /evaluations."""
    body: NewEvaluation = call.body
    if not await call.known_students.has(call.tenant, body.student_id):
        raise _unknown_student()
    evaluation, created = await _record(call, body, await _academic(call))
    return Answer(
        recorded(evaluation),
        HTTPStatus.CREATED if created else HTTPStatus.OK,
        {"Location": location(evaluation)},
    )


async def record_many(call: Call) -> Answer:
    """POST /evaluations:batch."""
    academic = await _academic(call)
    lines: list[NewEvaluation | ProblemError] = [_line(raw) for raw in call.body.evaluations]
    good = dict.fromkeys(line.student_id for line in lines if isinstance(line, NewEvaluation))
    known = await tenant_table.students(call.tenant, list(good))
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(number: int, line: NewEvaluation | ProblemError) -> BatchLine:
        async with slots:
            try:
                if isinstance(line, ProblemError):
                    raise line
                if line.student_id not in known:
                    raise _unknown_student()
                evaluation, created = await _record(call, line, academic)
            except StoreUnavailableError:
                problem = unavailable("the store did not take this line: send the batch again")
            except ProblemError as error:
                problem = error
            else:
                return BatchLine(line=number, status=201 if created else 200, evaluation=recorded(evaluation))
            return BatchLine(
                line=number, status=int(problem.kind.status), problem=problem.problem(call.correlation_id)
            )

    # One after the other where two lines are about the same evaluation: the first one counts.
    results = await _in_order(lines, one)
    statuses = [result.status for result in results]
    return Answer(
        BatchResult(
            created=statuses.count(201),
            unchanged=statuses.count(200),
            refused=sum(400 <= status < 500 for status in statuses),
            retry=sum(status >= 500 for status in statuses),
            results=results,
        )
    )


async def _in_order(lines: list[NewEvaluation | ProblemError], one: Any) -> list[BatchLine]:
    chains: dict[object, list[tuple[int, NewEvaluation | ProblemError]]] = {}
    for number, line in enumerate(lines):
        about = (
            (line.student_id, line.subject, line.evaluation_id) if isinstance(line, NewEvaluation) else number
        )
        chains.setdefault(about, []).append((number, line))

    async def follow(chain: list[tuple[int, NewEvaluation | ProblemError]]) -> list[BatchLine]:
        return [await one(number, line) for number, line in chain]

    found = await asyncio.gather(*map(follow, chains.values()))
    return sorted((result for chain in found for result in chain), key=lambda result: result.line)


async def read(call: Call) -> Answer:
    """GET /evaluations/{…}."""
    return Answer(recorded(await _existing(call)))


async def correct(call: Call) -> Answer:
    """PUT /evaluations/{…}."""
    body: CorrectedEvaluation = call.body
    existing = await _existing(call)
    changes = {
        name: value
        for name in ("score", "type", "date", "weight", "deleted")
        if (value := getattr(body, name)) is not msgspec.UNSET
    }
    if "type" in changes:
        _weighed(await _academic(call), existing.subject, changes["type"])
    wanted = {**changes, "teacher_id": call.identity.teacher_id}
    if existing.version == body.version + 1 and _same(existing, wanted):
        return Answer(recorded(existing))  # this very correction, sent again because its answer was lost
    if existing.version != body.version:
        raise _version_conflict(existing)
    try:
        corrected = existing.corrected(
            recorded_at=utc_text(call.now), correlation_id=call.correlation_id, **wanted
        )
    except InvalidEvaluationError as error:
        raise ProblemError(INVALID, str(error)) from error
    instead = await tenant_table.put_evaluation(call.tenant, corrected)
    if instead is not None and not (instead.version == corrected.version and _same(instead, wanted)):
        raise _version_conflict(instead)
    return Answer(recorded(instead or corrected))


def recorded(evaluation: Evaluation) -> RecordedEvaluation:
    """An evaluation as the API shows it."""
    return RecordedEvaluation(
        evaluation_id=evaluation.evaluation_id,
        student_id=evaluation.student.student_id,
        subject=evaluation.subject,
        period=evaluation.period,
        type=evaluation.type,
        date=evaluation.date,
        score=evaluation.score,
        weight=evaluation.weight,
        version=evaluation.version,
        consolidated=evaluation.consolidated,
        deleted=evaluation.deleted,
        recorded_at=evaluation.recorded_at,
        teacher_id=evaluation.teacher_id,
    )


def location(evaluation: Evaluation) -> str:
    """The path of an evaluation."""
    return "/evaluations/" + "/".join(
        (evaluation.student.student_id, evaluation.subject, evaluation.period, evaluation.evaluation_id)
    )


async def _record(call: Call, body: NewEvaluation, academic: AcademicConfig) -> tuple[Evaluation, bool]:
    """The evaluation as it is kept, and whether it is new."""
    wanted = _evaluation(call, body, academic)
    instead = None
    if body.period is None:
        instead = await _elsewhere(call, wanted)
    if instead is None:
        instead = await tenant_table.put_evaluation(call.tenant, wanted)
    if instead is None:
        return wanted, True
    if not _same_content(instead, replace(wanted, period=instead.period)):
        raise ProblemError(
            CONFLICT,
            f"evaluation {wanted.evaluation_id!r} exists with other content, at version {instead.version}: "
            f"correct it with PUT {location(instead)}"
            + ("" if instead.period == wanted.period else "; if this is another one, name its period"),
        )
    return instead, False


async def _elsewhere(call: Call, wanted: Evaluation) -> Evaluation | None:
    """The evaluation of that id where only the period that was looked up differs.

    The date may be another one, or the school's periods may have changed since the first attempt: a
    second evaluation beside the first would count twice.
    """
    student_id, subject, evaluation_id = wanted.student.student_id, wanted.subject, wanted.evaluation_id
    periods = await tenant_table.periods_of_evaluation(call.tenant, student_id, subject, evaluation_id)
    if not periods or wanted.period in periods:
        return None
    return await tenant_table.evaluation(call.tenant, student_id, subject, periods[0], evaluation_id)


def _evaluation(call: Call, body: NewEvaluation, academic: AcademicConfig) -> Evaluation:
    period = body.period
    if period is None:
        running = academic.periods_on(body.date)
        if not running:
            raise invalid("$.date", f"{body.date} lies in no period of the school: name the period")
        period = running[0].id
    elif academic.period(period) is None:
        known = ", ".join(each.id for each in academic.periods[:20])
        raise invalid("$.period", f"the school has no period {period!r}: it has {known}")
    _weighed(academic, body.subject, body.type)
    try:
        return Evaluation(
            student=StudentKey(call.tenant.school_id, body.student_id),
            subject=body.subject,
            period=period,
            evaluation_id=body.evaluation_id,
            score=body.score,
            type=body.type,
            date=body.date,
            teacher_id=call.identity.teacher_id,
            recorded_at=utc_text(call.now),
            correlation_id=call.correlation_id,
            weight=body.weight,
        )
    except (InvalidEvaluationError, InvalidIdentifierError) as error:
        raise ProblemError(INVALID, str(error)) from error


def _weighed(academic: AcademicConfig, subject: str, kind: str) -> None:
    rules = academic.rules(subject)
    if rules is None:
        raise invalid(
            "$.subject", f"the school has no grading rules for {subject!r}: see PUT /config/periods"
        )
    if kind not in rules.weights:
        known = ", ".join(list(rules.weights)[:20])
        raise invalid("$.type", f"{kind!r} has no weight in {subject!r}: use one of {known}")


def _line(raw: msgspec.Raw) -> NewEvaluation | ProblemError:
    try:
        return msgspec.json.decode(raw, type=NewEvaluation)
    except msgspec.ValidationError as error:
        found = object_faults(msgspec.json.decode(raw), NewEvaluation) or [fault_of(error)]
        return ProblemError(INVALID, "; ".join(f"{each.path}: {each.rule}" for each in found[:10]), found)


async def _academic(call: Call) -> AcademicConfig:
    academic = await call.configurations.academic(call.tenant)
    if academic is None:
        raise ProblemError(NOT_FOUND, "the school has no periods yet: an admin sends PUT /config/periods")
    return academic


async def _existing(call: Call) -> Evaluation:
    path = call.path
    found = await tenant_table.evaluation(
        call.tenant, path["student"], path["subject"], path["period"], path["evaluation"]
    )
    if found is None:
        raise ProblemError(NOT_FOUND, "the school has no such evaluation: record it with POST /evaluations")
    return found


def _same_content(one: Evaluation, other: Evaluation) -> bool:
    """Whether two are one, whatever the nightly job did and whenever they were recorded."""
    aside = {"recorded_at": "", "correlation_id": "", "consolidated": False}
    return replace(one, **aside) == replace(other, **aside)  # type: ignore[arg-type]  # values of three types


def _same(evaluation: Evaluation, wanted: dict[str, Any]) -> bool:
    return all(getattr(evaluation, name) == value for name, value in wanted.items())


def _unknown_student() -> ProblemError:
    return ProblemError(
        NOT_FOUND, "the school has no student of this id: an admin sends PUT /students/{student}"
    )


def _version_conflict(stored: Evaluation) -> ProblemError:
    return ProblemError(
        VERSION_CONFLICT,
        f"the evaluation is at version {stored.version}",
        current_version=stored.version,
    )


_EXAMPLE = {
    "evaluation_id": "exam_001",
    "student_id": "student_456",
    "subject": "matematicas",
    "type": "exam",
    "date": "2026-02-15",
    "score": 85,
}
_PLACE = "/evaluations/{student}/{subject}/{period}/{evaluation}"

OPERATIONS = (
    Operation(
        "POST",
        "/evaluations",
        "Record an evaluation",
        "Written at once; the grade follows in the night. Send it again whenever you are not sure that it "
        "arrived: the same content answers 200 and changes nothing, other content under the same id is "
        "refused (409). Without `period` it belongs to the period that `date` lies in, and its id may "
        "stand in no other period of the student's subject; with `period`, ids are those of that period.",
        TEACHERS,
        record,
        {HTTPStatus.CREATED: RecordedEvaluation, HTTPStatus.OK: RecordedEvaluation},
        takes=NewEvaluation,
        examples=(
            Example("An exam", _EXAMPLE),
            Example(
                "A make-up exam, counted in an earlier period",
                {**_EXAMPLE, "evaluation_id": "exam_002", "period": "Q1_2026"},
            ),
        ),
        problems=(NOT_FOUND, CONFLICT),
    ),
    Operation(
        "POST",
        "/evaluations:batch",
        "Record many evaluations",
        f"At most {MOST_EVALUATIONS}. Each line is judged by itself and answered with the status that it "
        "would have had alone; good lines are recorded although others are not. Send the batch again as it "
        "is where `retry` is not 0.",
        TEACHERS,
        record_many,
        {HTTPStatus.OK: BatchResult},
        takes=EvaluationBatch,
        largest=LARGEST_BATCH,
        examples=(
            Example(
                "Two results of one exam",
                {"evaluations": [_EXAMPLE, {**_EXAMPLE, "student_id": "student_457", "score": 91.5}]},
            ),
        ),
        problems=(NOT_FOUND,),
    ),
    Operation(
        "GET",
        _PLACE,
        "Read an evaluation",
        "With the `version` that a correction needs.",
        STAFF,
        read,
        {HTTPStatus.OK: RecordedEvaluation},
        problems=(NOT_FOUND,),
    ),
    Operation(
        "PUT",
        _PLACE,
        "Correct an evaluation",
        "Name the version that you read: if someone corrected it in the meantime, nothing changes and the "
        "answer is 409 with the version of now. A correction waits for the nightly job like a new "
        "evaluation. `deleted: true` takes an evaluation out of the grade.",
        TEACHERS,
        correct,
        {HTTPStatus.OK: RecordedEvaluation},
        takes=CorrectedEvaluation,
        examples=(
            Example("Another score", {"version": 1, "score": 88.5}),
            Example("Recorded by mistake", {"version": 2, "deleted": True}),
        ),
        problems=(NOT_FOUND, VERSION_CONFLICT),
    ),
)
