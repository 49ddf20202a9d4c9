"""The registry as the page `docs/retention.md`: `python -m transforms.retention.page > docs/retention.md`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from transforms.retention.cohorts import YEARS_KEPT, expires_on
from transforms.retention.lifecycle import (
    NONCURRENT_DAYS,
    RULES_A_BUCKET,
    UNFINISHED_DAYS,
    YEARS_AHEAD,
)
from transforms.retention.places import Kind, Place
from transforms.retention.registry import BUCKETS, PLACES

_EXAMPLE = 2029
_HEAD = f"""# What is kept, where, and for how long

Made from `transforms/retention`; `python -m transforms.retention.page > docs/retention.md` writes it again.

`luca audit retention` compares this page with what AWS holds; `luca retention roll` puts the lifecycle
rules in place. What to do about a finding stands in [the runbook](runbooks/retention-finding.md).

Rows are published into the cohort that the profile names then. Where a year changes later, the audit
names the school, and `luca retention rehome` moves the rows
([decision 20](decisions/0020-the-roster-says-where-a-students-rows-belong.md)).

## The clock of a cohort

A profile knows the year of a graduation and not its day. The day is the last of that year, since no
school's year ends later, in the south neither. {YEARS_KEPT} years after it nothing may be left: the cohort of
{_EXAMPLE} is removed on {expires_on(_EXAMPLE)} (midnight UTC), wherever it lies by cohort.

A row whose student has no known year lies under `graduation_year=0/`. It counts as if the student had
graduated in the year of the row, the earliest that can be true. Compaction writes objects
anew; a date in a rule does not move with that, as an age would.

S3 Lifecycle takes a day or more to remove what is due. A removed object can be restored for
{NONCURRENT_DAYS} days, then its last version goes; unfinished uploads go after {UNFINISHED_DAYS} days.

Each cohort that may still come ({YEARS_AHEAD} years ahead) has a rule in each place, a decade that is over
has one rule, and what comes late under it is removed at once. That is some 40 rules a place, of the
{RULES_A_BUCKET:,} that S3 takes for a bucket. Cohorts that lie there beyond these years have a rule too.
"""


def page() -> str:
    """The page, in Markdown."""
    return "\n".join([_HEAD, *_buckets(), *_places()]).rstrip() + "\n"


def _buckets() -> Iterator[str]:
    yield "## Buckets\n"
    yield from _table(
        ("bucket", "nothing is kept longer than"),
        (
            (f"`LUCA_{bucket.name}_BUCKET`", f"{bucket.days} days" if bucket.days else "its prefixes say")
            for bucket in BUCKETS
        ),
    )


def _places() -> Iterator[str]:
    for kind, places in groupby(sorted(PLACES, key=lambda place: list(Kind).index(place.kind)), _kind):
        yield f"## {kind.value.capitalize()}\n"
        yield from _table(
            (
                "place",
                "what",
                "a person appears as",
                "kept",
                "removed by",
                "written by",
                "one student's part",
            ),
            map(_row, places),
        )


def _kind(place: Place) -> Kind:
    return place.kind


def _row(place: Place) -> tuple[str, ...]:
    where = f"`{place.store}`" + (f" `{place.keys}`" if place.keys else "")
    return (
        where,
        place.holds,
        place.identity.value,
        place.rule.words,
        place.mechanism.value,
        f"`{place.owner}`",
        f"{place.erasure.find.value}; {place.erasure.remove.value}",
    )


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    yield f"| {' | '.join(head)} |"
    yield f"|{'---|' * len(head)}"
    for row in rows:
        yield f"| {' | '.join(row)} |"
    yield ""


if __name__ == "__main__":
    print(page(), end="")  # noqa: T201 - that is what it is for
