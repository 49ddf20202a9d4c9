"""The books: what every school sent, and where each event is now.

    sent = rejected + duplicates + stored
    stored = landed once = quarantined + discarded + in lake
    in lake = counted by the trends

Each figure is counted where it lies, none is derived from another.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from pipelines.simulation.scenario import DUPLICATE, VALID
from transforms.bilingual import Words

COLUMNS = (
    "sent",
    "rejected",
    "duplicates",
    "stored",
    "landed",
    "quarantined",
    "discarded",
    "in_lake",
    "in_trends",
)


class UnbalancedBooksError(RuntimeError):
    """Events are missing, or there are more than were sent."""


@dataclass(frozen=True)
class SchoolBooks:
    """One school's figures.

    Attributes:
        school_id: The school.
        sent: Requests that the gateway took.
        rejected_by_reason: Messages in the rejected queue.
        duplicates: Requests that repeated an event, by the sender's own count.
        stored: Events in the store.
        landed: Distinct events in the landing.
        landed_rows: Rows in the landing: more than `landed` where a delivery was repeated.
        quarantined: Rows that wait in quarantine.
        discarded: Rows that were given up from quarantine, against a receipt.
        in_lake: Rows that the load published.
        in_trends: Sum of the events that the weekly mart counts.
        expected_rejections: What the sender knows to be wrong, by reason.
    """

    school_id: str
    sent: int = 0
    rejected_by_reason: Mapping[str, int] = field(default_factory=dict)
    duplicates: int = 0
    stored: int = 0
    landed: int = 0
    landed_rows: int = 0
    quarantined: int = 0
    discarded: int = 0
    in_lake: int = 0
    in_trends: int = 0
    expected_rejections: Mapping[str, int] = field(default_factory=dict)

    @property
    def rejected(self) -> int:
        """All rejected messages."""
        return sum(self.rejected_by_reason.values())

    def faults(self) -> list[Words]:
        """Where these figures do not add up, in words; empty when they do."""
        faults = []
        for title, left, right, where in (
            (
                Words(
                    "sent = rejected + duplicates + stored", "enviados = rechazados + repetidos + guardados"
                ),
                self.sent,
                self.rejected + self.duplicates + self.stored,
                Words(
                    "between the gateway and the store; look into the queue luca-behavior-dead-letters",
                    "entre la entrada y el almacén; vea la cola luca-behavior-dead-letters",
                ),
            ),
            (
                Words("stored = landed", "guardados = llegados"),
                self.stored,
                self.landed,
                Words(
                    "between the store and the landing; see luca-lake-dead-letters and the error prefix",
                    "entre el almacén y la llegada; vea luca-lake-dead-letters y el prefijo de errores",
                ),
            ),
            (
                Words(
                    "landed = quarantined + discarded + in lake",
                    "llegados = en cuarentena + descartados + en el lago",
                ),
                self.landed,
                self.quarantined + self.discarded + self.in_lake,
                Words("in the load; see `luca loads`", "en la carga; vea `luca loads`"),
            ),
            (
                Words("in lake = in trends", "en el lago = en las tendencias"),
                self.in_lake,
                self.in_trends,
                Words("in the trends; see the dbt log", "en las tendencias; vea el registro de dbt"),
            ),
        ):
            if left != right:
                faults.append(
                    Words(
                        f"{self.school_id}: {title.en} does not hold, {left:,} ≠ {right:,}: {where.en}",
                        f"{self.school_id}: {title.es} no se cumple, {left:,} ≠ {right:,}: {where.es}",
                    )
                )
        for reason in sorted({*self.expected_rejections, *self.rejected_by_reason}):
            expected, found = self.expected_rejections.get(reason, 0), self.rejected_by_reason.get(reason, 0)
            if expected != found:
                faults.append(
                    Words(
                        f"{self.school_id}: {found:,} rejected as {reason}, {expected:,} were sent so",
                        f"{self.school_id}: {found:,} rechazados por {reason}, se enviaron así {expected:,}",
                    )
                )
        return faults


@dataclass(frozen=True)
class Books:
    """All schools' figures.

    Attributes:
        schools: One entry a school, by name.
    """

    schools: Sequence[SchoolBooks]

    @property
    def faults(self) -> list[Words]:
        """Where any school's figures do not add up."""
        return [fault for school in self.schools for fault in school.faults()]

    @property
    def balanced(self) -> bool:
        """Whether everything adds up."""
        return not self.faults

    @property
    def verdict(self) -> Words:
        """One line: that the books add up, or the first place where they do not."""
        faults = self.faults
        if faults:
            more = Words("", "")
            if len(faults) > 1:
                more = Words(f" (and {len(faults) - 1} more)", f" (y {len(faults) - 1} más)")
            return Words(
                f"The books do not add up: {faults[0].en}{more.en}",
                f"Las cuentas no cuadran: {faults[0].es}{more.es}",
            )
        total = self.totals()
        discarded = Words("", "")
        if total["discarded"]:
            discarded = Words(
                f"{total['discarded']:,} discarded + ", f"{total['discarded']:,} descartados + "
            )
        return Words(
            f"The books add up: {total['sent']:,} sent = {total['rejected']:,} rejected + "
            f"{total['duplicates']:,} duplicates + {total['stored']:,} stored; stored = "
            f"{total['quarantined']:,} quarantined + {discarded.en}{total['in_lake']:,} in the lake, "
            "all in the trends",
            f"Las cuentas cuadran: {total['sent']:,} enviados = {total['rejected']:,} rechazados + "
            f"{total['duplicates']:,} repetidos + {total['stored']:,} guardados; guardados = "
            f"{total['quarantined']:,} en cuarentena + {discarded.es}{total['in_lake']:,} en el lago, "
            "todos en las tendencias",
        )

    def totals(self) -> dict[str, int]:
        """The sum of every column over the schools."""
        return {column: sum(getattr(school, column) for school in self.schools) for column in COLUMNS}

    def rejections(self) -> Counter[str]:
        """Rejected messages by reason, over all schools, the most frequent first."""
        counts: Counter[str] = Counter()
        for school in self.schools:
            counts.update(school.rejected_by_reason)
        return Counter(dict(counts.most_common()))

    def require_balance(self) -> None:
        """Does nothing when the books add up.

        Raises:
            UnbalancedBooksError: They do not; the message names every place.
        """
        if not self.balanced:
            raise UnbalancedBooksError("the books do not add up:\n  " + "\n  ".join(map(str, self.faults)))

    def as_dict(self) -> dict[str, Any]:
        """For `account.json`."""
        return {
            "balanced": self.balanced,
            "verdict": self.verdict.en,
            "faults": [fault.en for fault in self.faults],
            "totals": self.totals(),
            "rejected_by_reason": dict(self.rejections()),
            "schools": [{**asdict(school), "rejected": school.rejected} for school in self.schools],
        }


By = Mapping[str, Mapping[str, int]]


def drawn_up(fates: By, counts: By, rejected: By) -> Books:
    """Puts the figures together.

    Args:
        fates: What each school sent, by fate (`pipelines.simulation.scenario.Message.fate`).
        counts: For each figure (`stored`, `landed`, …) its count by school.
        rejected: The rejected queue, by school and reason.
    """
    schools = sorted({*fates, *rejected, *(school for figure in counts.values() for school in figure)})
    return Books([_school_books(school, fates.get(school, {}), counts, rejected) for school in schools])


def _school_books(school: str, fates: Mapping[str, int], counts: By, rejected: By) -> SchoolBooks:
    return SchoolBooks(
        school,
        sent=sum(fates.values()),
        duplicates=fates.get(DUPLICATE, 0),
        expected_rejections={fate: count for fate, count in fates.items() if fate not in {VALID, DUPLICATE}},
        rejected_by_reason=dict(rejected.get(school, {})),
        **{figure: by_school.get(school, 0) for figure, by_school in counts.items()},
    )
