"""What a simulation consists of: schools with students, and the messages that they send."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from adapters.pseudonym_keys import create_key
from adapters.table import put_items, put_school, put_students
from transforms.schools import School
from transforms.students import Student

IMPLAUSIBLE_YEAR = 20290  # a slip of the keyboard: the gate must stop it
VALID = "valid"
DUPLICATE = "duplicate"


class Message(NamedTuple):
    """One request to `POST /behavior`.

    Attributes:
        school_id: Whose token sends it.
        body: As it goes over the wire.
        fate: What must become of it: `valid`, `duplicate`, or the reason of its rejection
            (`transforms.events.Reason`). The books are held against this.
    """

    school_id: str
    body: bytes
    fate: str


@dataclass(frozen=True)
class Scenario:
    """Schools and what they send.

    Attributes:
        schools: Their configurations.
        students: Their rosters.
        messages: In the order of sending; read once.
        size: About how many messages there are.
        damaged: Students whose profile holds an impossible graduation year.
    """

    schools: Sequence[School]
    students: Sequence[Student]
    messages: Iterable[Message]
    size: int
    damaged: Sequence[Student] = ()


def create_schools(scenario: Scenario) -> None:
    """Writes a scenario's schools, pseudonym keys and rosters to the platform. Safe to repeat."""
    for school in scenario.schools:
        put_school(school)
        try:
            create_key(school.school_id)
        except FileExistsError:
            continue  # the school is known from an earlier run, and so are its pseudonyms
    put_students(scenario.students)
    # The API would refuse such a year, so it is written as an import around the API would.
    put_items({**student.item(), "graduation_year": IMPLAUSIBLE_YEAR} for student in scenario.damaged)


class Tally:
    """Counts messages by school and fate on their way out."""

    def __init__(self) -> None:
        self.by_school: dict[str, Counter[str]] = {}

    def watch(self, messages: Iterable[Message]) -> Iterator[Message]:
        """Passes messages on, counting each."""
        for message in messages:
            self.by_school.setdefault(message.school_id, Counter())[message.fate] += 1
            yield message
