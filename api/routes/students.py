"""Students: one by one, or a class list as OneRoster writes it."""

from __future__ import annotations

from collections import Counter
from http import HTTPStatus

from adapters import tenant_table
from adapters.tenancy import Tenant
from api.contracts import ImportLine, ImportReport, StudentBody, StudentLine, Students
from api.language import alphabetical
from api.operations import ADMINS, CSV, STAFF, Answer, Call, Example, Operation, Query
from api.problems import MALFORMED, NOT_FOUND, ProblemError, invalid, unavailable
from api.profile import configured_school
from transforms import keys
from transforms.keys import StudentKey
from transforms.oneroster import CLASS, MOST_LINES, REQUIRED, YEAR, Line, UnreadableFileError, read_users
from transforms.students import InvalidStudentError, Student

LARGEST_FILE = 5 * 1024 * 1024  # bytes: 5,000 lines with every column of the standard


async def put(call: Call) -> Answer:
    """PUT /students/{student}."""
    await configured_school(call.tenant, call.configurations)
    body: StudentBody = call.body
    try:
        student = Student(
            StudentKey(call.tenant.school_id, call.path["student"]),
            body.graduation_year,
            body.class_id,
            body.given_name,
            body.family_name,
        )
    except InvalidStudentError as error:
        raise invalid("$", str(error)) from error
    before = await tenant_table.student(call.tenant, student.key.student_id)
    if before != student and await tenant_table.put_students(call.tenant, [student]):
        raise unavailable("the store did not take the student: send the request again")
    return Answer(line_of(student), HTTPStatus.OK if before else HTTPStatus.CREATED)


async def listed(call: Call) -> Answer:
    """GET /students."""
    class_id = call.choice("class", lambda text: keys.identifier("class", text), None)
    return Answer(Students(students=[line_of(each) for each in await class_list(call.tenant, class_id)]))


async def class_list(tenant: Tenant, class_id: str | None) -> list[Student]:
    """The students of a class, or of the school, as a class list has them: by name."""
    found = await tenant_table.roster(tenant, class_id)
    return sorted(
        found,
        key=lambda each: (
            alphabetical(each.family_name or ""),
            alphabetical(each.given_name or ""),
            each.key.student_id,
        ),
    )


async def import_list(call: Call) -> Answer:
    """POST /students:import."""
    await configured_school(call.tenant, call.configurations)
    try:
        lines = read_users(call.body, call.tenant.school_id)
    except UnreadableFileError as error:
        raise ProblemError(MALFORMED, str(error)) from error
    if any(line.faults for line in lines):
        results = [
            "faulty" if line.faults else "skipped" if line.skipped else "not-imported" for line in lines
        ]
        return Answer(_report(lines, results), HTTPStatus.UNPROCESSABLE_ENTITY)
    wanted = [line.student for line in lines if line.student is not None]
    stored = await tenant_table.students(call.tenant, [each.key.student_id for each in wanted])
    changed = [each for each in wanted if stored.get(each.key.student_id) != each]
    unwritten = await tenant_table.put_students(call.tenant, changed)
    results = [_result(line, stored, unwritten) for line in lines]
    status = HTTPStatus.SERVICE_UNAVAILABLE if unwritten else HTTPStatus.OK
    return Answer(_report(lines, results), status, {"Retry-After": "5"} if unwritten else {})


def line_of(student: Student) -> StudentLine:
    """A student as the API shows them."""
    return StudentLine(
        student_id=student.key.student_id,
        given_name=student.given_name,
        family_name=student.family_name,
        class_id=student.class_id,
        graduation_year=student.graduation_year,
    )


def _result(line: Line, stored: dict[str, Student], unwritten: set[str]) -> str:
    if line.student is None:
        return "skipped"
    if line.student_id in unwritten:
        return "retry"
    before = stored.get(line.student_id)
    if before is None:
        return "created"
    return "unchanged" if before == line.student else "updated"


def _report(lines: list[Line], results: list[str]) -> ImportReport:
    counted = Counter(results)
    return ImportReport(
        imported=not counted["faulty"] and not counted["retry"],
        created=counted["created"],
        updated=counted["updated"],
        unchanged=counted["unchanged"],
        skipped=counted["skipped"],
        faulty=counted["faulty"],
        lines=[
            ImportLine(
                line=line.number,
                student_id=line.student_id[:80],
                result=result,
                faults=line.faults,
                note=line.skipped,
            )
            for line, result in zip(lines, results, strict=True)
        ],
    )


_HEADER = ",".join(("sourcedId", "status", "enabledUser", "username", "givenName", "familyName", CLASS, YEAR))

OPERATIONS = (
    Operation(
        "PUT",
        "/students/{student}",
        "Create or change a student",
        "Replaces the student's data whole; the same again changes nothing. The graduation year decides how "
        "long everything about the student is kept.",
        ADMINS,
        put,
        {HTTPStatus.OK: StudentLine, HTTPStatus.CREATED: StudentLine},
        takes=StudentBody,
        examples=(
            Example(
                "A student",
                {"given_name": "Ana", "family_name": "Ruiz", "class_id": "3B", "graduation_year": 2029},
            ),
        ),
        problems=(NOT_FOUND,),
    ),
    Operation(
        "GET",
        "/students",
        "The students of a class",
        "By name. Without `class`: of the whole school.",
        STAFF,
        listed,
        {HTTPStatus.OK: Students},
        query=(Query("class", "Code of the class.", "3B", {"type": "string", "pattern": keys.IDENTIFIER}),),
    ),
    Operation(
        "POST",
        "/students:import",
        "Import a class list",
        f"`users.csv` of OneRoster 1.2, at most {MOST_LINES:,} lines. Needed are {', '.join(REQUIRED)}; "
        f"class and graduation year stand in the extension columns `{CLASS}` and `{YEAR}`; all other columns "
        "are dropped unread. If one line breaks a rule nothing is imported and the report names every fault "
        "(422). Where the store fails midway (503) the report says which lines are in, each whole; send the "
        "file again.",
        ADMINS,
        import_list,
        {
            HTTPStatus.OK: ImportReport,
            HTTPStatus.UNPROCESSABLE_ENTITY: ImportReport,
            HTTPStatus.SERVICE_UNAVAILABLE: ImportReport,
        },
        takes=bytes,
        media_type=CSV,
        largest=LARGEST_FILE,
        examples=(
            Example(
                "Two students", f"{_HEADER}\ns-1,,true,ana,Ana,Ruiz,3B,2029\ns-2,,true,leo,Leo,Paz,3B,2029\n"
            ),
        ),
        problems=(NOT_FOUND,),
    ),
)
