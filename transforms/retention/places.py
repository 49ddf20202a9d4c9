"""What the registry says of a place: the words in which `transforms.retention.registry` is written."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """What sort of thing holds it."""

    ITEMS = "items of a table"
    OBJECTS = "objects under a prefix"
    MESSAGES = "messages of a queue"
    LOG = "log group"
    RECOVERY = "backups of a table"
    PARAMETERS = "parameters"
    SERVICE = "an AWS service's own memory"


class Identity(StrEnum):
    """In which form a person appears."""

    RAW = "raw identifiers"
    PSEUDONYM = "pseudonyms"
    NOBODY = "nobody"


class Mechanism(StrEnum):
    """What removes it when its time is over."""

    TTL = "time to live"
    LIFECYCLE = "lifecycle rule"
    LOG_RETENTION = "log retention"
    QUEUE_RETENTION = "queue retention"
    RECOVERY_WINDOW = "recovery window"
    SERVICE = "the service's own limit"
    JOB = "the job that it waits for"
    PERSON = "a person: the audit names what is due"


class Find(StrEnum):
    """How one student's part is found."""

    PARTITION_KEY = "the student's partition key"
    SORT_KEY = "the student's identifier as sort key of the school's partition"
    INDEX_KEY = "the student's identifier at the beginning of the sort key"
    STUDENT_KEY = "column student_key, by every version of the school's key"
    BODY = "student_id in the message's body"
    POSITION = "stream positions only: the records they point to are found in the store"
    LINES = "student_id in the lines of a batch"
    NOT_POSSIBLE = "not by student"
    NOBODY = "holds nobody"


class Removal(StrEnum):
    """How it is removed before its time."""

    DELETE_ITEMS = "delete the items"
    REWRITE = "rewrite the affected objects without the rows, and delete every version of the old ones"
    REBUILD = "rewrite the affected partitions, or build them anew from the lake"
    DELETE_MESSAGES = "receive and delete the messages"
    DELETE_ANSWERS = "delete every answer that names the student; the query can be asked again"
    DELETE_EXPORTS = "delete every export that holds the student; the store can be exported again"
    WAIT = "wait: it ends by itself"
    OBLIGED = "kept: the school is obliged to keep official records"
    WITH_SCHOOL = "with the school"
    NOTHING = "nothing to remove"


@dataclass(frozen=True, slots=True)
class Days:
    """Kept for a number of days.

    Attributes:
        days: How many.
        since: From when they count.
    """

    days: float
    since: str = "it was written"

    @property
    def words(self) -> str:
        """For people."""
        long = f"{self.days:g} days" if self.days >= 2 else f"{self.days * 24:g} hours"
        return f"{long} after {self.since}"


@dataclass(frozen=True, slots=True)
class AfterGraduation:
    """Kept for two years after the student's graduation: `transforms.retention.cohorts`."""

    @property
    def words(self) -> str:
        """For people."""
        return "2 years after graduation"


@dataclass(frozen=True, slots=True)
class AsLongAs:
    """Kept as long as something holds.

    Attributes:
        what: Completes the sentence.
    """

    what: str

    @property
    def words(self) -> str:
        """For people."""
        return f"as long as {self.what}"


Rule = Days | AfterGraduation | AsLongAs


@dataclass(frozen=True, slots=True)
class Erasure:
    """How one student's part is found and removed before its time.

    Attributes:
        find: What identifies it.
        remove: What is done with it.
    """

    find: Find
    remove: Removal


NOBODY = Erasure(Find.NOBODY, Removal.NOTHING)
WITH_SCHOOL = Erasure(Find.NOBODY, Removal.WITH_SCHOOL)
SCHOOL_STAYS = AsLongAs("the school is with the platform")


@dataclass(frozen=True, slots=True)
class Place:
    """A place where something is kept.

    Attributes:
        name: Of the place, unique: `{store}/{what}`.
        kind: What sort of thing it is.
        store: The table, queue, log group or service; of objects the bucket's name in the settings
            (`LAKE` is `LUCA_LAKE_BUCKET`).
        keys: What its keys begin with: a prefix of objects, key patterns of items; empty is all.
        holds: What it is, in a few words.
        identity: In which form a person appears.
        rule: How long it is kept.
        mechanism: What removes it then.
        owner: The module that writes it.
        erasure: How one student's part is found and removed.
        year_folder: Of objects by cohort: how the folder below `graduation_year=0/` begins that tells
            the year of the rows, such as `year=` or `iso_week=`; empty where there are no cohorts.
    """

    name: str
    kind: Kind
    store: str
    keys: str
    holds: str
    identity: Identity
    rule: Rule
    mechanism: Mechanism
    owner: str
    erasure: Erasure
    year_folder: str = ""

    @property
    def by_cohort(self) -> bool:
        """Whether its objects lie in folders of cohorts."""
        return bool(self.year_folder)


@dataclass(frozen=True, slots=True)
class Bucket:
    """A bucket of the templates.

    Attributes:
        name: In the settings: `LAKE` is `LUCA_LAKE_BUCKET`.
        resource: Its logical id in the templates.
        days: Nothing in it is kept longer, under whatever prefix; None where prefixes decide.
    """

    name: str
    resource: str
    days: int | None
