"""What must hold of a school's day against its own last weeks.

A load is as large as the hour in which it runs, so volume and mix are judged by the school's own
calendar days, and a school that sends nothing has no load at all. A day is compared with the same
weekdays before it: a school's Monday is no Saturday. Whoever has no history yet is not judged, and
neither is a day on which most schools are silent together: that is a holiday, or a fault of ours that
freshness tells.

Pure: the counts come from `pipelines.quality`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from statistics import median
from typing import TypeAlias

from expectations.columns import FRESH_HOURS
from expectations.rules import Owner, Severity
from transforms.bilingual import Words

WEEKS = 8  # that a day is compared with
WEEKS_AT_LEAST = 4  # of them with rows, or nothing is said: new schools, and the first days of term
DAYS_BACK = 7 * WEEKS + 14  # a silence is told at its second school day, which looks a fortnight further
USUAL_AT_LEAST = 10  # rows of a usual day, to miss them
ROWS_AT_LEAST = 100  # of a day, to speak of shares and multiples
SHARE_MOVED = 0.2
COPIES_SHARE = 0.1
ALL_SCHOOLS = "(all)"  # where a finding is of the table; no identifier of a school

Counts: TypeAlias = Mapping[date, Mapping[str, int]]
"""A school's rows by local date and kind (event type)."""


@dataclass(frozen=True, slots=True)
class HistoryRule:
    """A statement about a school's day.

    Attributes:
        name: Unique among the rules of its table.
        holds: The statement, for the catalogue.
        severity: Warning or info: what is published stays published.
        why: What would go wrong otherwise.
        owner: Who mends it.
    """

    name: str
    holds: str
    severity: Severity
    why: Words
    owner: Owner


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that does not hold of a school's day.

    Attributes:
        rule: Its name.
        severity: Of the rule.
        school_id: Whose day; `ALL_SCHOOLS` for the table's.
        found: What there is: rows, or percent for shares.
        usual: What is usual, in the same unit.
        words: The same for a person.
    """

    rule: str
    severity: Severity
    school_id: str
    found: float
    usual: float
    words: Words


SPEAKS = HistoryRule(
    "school_speaks",
    f"a school with rows on {WEEKS_AT_LEAST} of the {WEEKS} same weekdays before, {USUAL_AT_LEAST} in the"
    " median, is not silent two such days running; told once, and not where most schools are silent",
    Severity.WARNING,
    Words(
        "an integration that died sends no error and no row: no load would ever notice",
        "una integración que murió no envía errores ni filas: ninguna carga lo notaría",
    ),
    Owner.SCHOOLS,
)
NOT_DOUBLED = HistoryRule(
    "volume_not_doubled",
    f"a day of {ROWS_AT_LEAST} rows and more has at most twice the median of its same weekdays, or no more"
    " than the most of them",
    Severity.WARNING,
    Words(
        "a sender that invents new ids for old events doubles every count",
        "quien envía con identificadores nuevos eventos viejos duplica todos los conteos",
    ),
    Owner.SCHOOLS,
)
NOT_HALVED = HistoryRule(
    "volume_not_halved",
    f"where the median of the same weekdays is {ROWS_AT_LEAST} rows and more, a day with rows has half of it,"
    " or no less than the least of them",
    Severity.INFO,
    Words(
        "half a school may be on an excursion, or one of its systems has died",
        "media escuela puede estar de excursión, o uno de sus sistemas ha muerto",
    ),
    Owner.SCHOOLS,
)
MIX_STEADY = HistoryRule(
    "mix_of_types_steady",
    f"in a day of {ROWS_AT_LEAST} rows and more, no type's share is {SHARE_MOVED:.0%} of the rows away from"
    " the median of its share on the same weekdays",
    Severity.WARNING,
    Words(
        "a sender that maps attendance to participation is right in every row and wrong in every trend",
        "quien traduce asistencia por participación acierta en cada fila y falla en cada tendencia",
    ),
    Owner.SCHOOLS,
)
FEW_COPIES = HistoryRule(
    "copies_few",
    f"of {ROWS_AT_LEAST} rows and more that landed in the day's loads, at most {COPIES_SHARE:.0%} were"
    " copies of others or of the lake's",
    Severity.WARNING,
    Words(
        "each row costs as often as it is sent: a sender that repeats, or a pipe",
        "cada fila cuesta tantas veces como se envía: repite quien envía, o una tubería",
    ),
    Owner.PLATFORM,
)
FRESH = HistoryRule(
    "table_fresh",
    f"where a school is awaited, the table's newest row came at most {FRESH_HOURS} hours before the day"
    " was judged",
    Severity.WARNING,
    Words(
        "the way to the lake stands still, and every school looks silent",
        "el camino al lago está detenido, y todas las escuelas parecen calladas",
    ),
    Owner.PLATFORM,
)
HISTORY_RULES = (SPEAKS, NOT_DOUBLED, NOT_HALVED, MIX_STEADY, FEW_COPIES, FRESH)


def awaited_schools(schools: Mapping[str, Counts], day: date) -> list[str]:
    """The schools that usually send on such a day: those with enough history on its weekday."""
    return [school for school, counts in sorted(schools.items()) if _usual(counts, day) is not None]


def volumes(schools: Mapping[str, Counts], day: date) -> Iterator[Finding]:
    """Findings about how much each school sent, and of what.

    Args:
        schools: By school, at least `DAYS_BACK` days before the day, and the day.
        day: A local date.
    """
    awaited = awaited_schools(schools, day)
    silent = [school for school in awaited if not _rows(schools[school], day)]
    common = len(awaited) > 1 and 2 * len(silent) > len(awaited)
    for school in sorted(schools):
        counts = schools[school]
        rows = _rows(counts, day)
        usual = _usual(counts, day)
        if usual is None:
            continue
        if rows:
            yield from _volume(school, counts, day, rows, usual)
            yield from _mix(school, counts, day, rows)
        elif not common and _fell_silent(counts, day):
            words = Words(
                f"no rows for two school days; {usual:,.0f} are usual on this weekday",
                f"ninguna fila en dos días de clase; lo habitual ese día de la semana son {usual:,.0f}",
            )
            yield _finding(SPEAKS, school, 0, usual, words)


def copies(landed: Mapping[str, int], dropped: Mapping[str, int]) -> Iterator[Finding]:
    """Findings about rows that landed more than once.

    Args:
        landed: Rows of the day's loads, by school.
        dropped: Of these the copies, by school.
    """
    for school, rows in sorted(landed.items()):
        share = dropped.get(school, 0) / rows if rows else 0.0
        if rows >= ROWS_AT_LEAST and share > COPIES_SHARE:
            words = Words(
                f"{dropped[school]:,} of {rows:,} landed rows were copies",
                f"{dropped[school]:,} de {rows:,} filas llegadas eran copias",
            )
            yield _finding(FEW_COPIES, school, 100 * share, 100 * COPIES_SHARE, words)


def freshness(newest: Iterable[datetime], judged_at: datetime) -> Iterator[Finding]:
    """The finding that nothing came lately; asked only of a day on which some school is awaited.

    Args:
        newest: When the newest row of each school came; aware.
        judged_at: Aware.
    """
    latest = max(newest, default=None)
    if latest is None:
        words = Words(f"no row came in {DAYS_BACK} days", f"ninguna fila llegó en {DAYS_BACK} días")
        yield _finding(FRESH, ALL_SCHOOLS, 0, FRESH_HOURS, words)
        return
    hours = (judged_at - latest).total_seconds() / 3600
    if hours > FRESH_HOURS:
        words = Words(
            f"the newest row came {hours:,.0f} hours before",
            f"la fila más reciente llegó {hours:,.0f} horas antes",
        )
        yield _finding(FRESH, ALL_SCHOOLS, hours, FRESH_HOURS, words)


def _volume(school: str, counts: Counts, day: date, rows: int, usual: float) -> Iterator[Finding]:
    before = [_rows(counts, other) for other in _with_rows(counts, day)]
    words = Words(
        f"{rows:,} rows; {usual:,.0f} are usual on this weekday",
        f"{rows:,} filas; lo habitual ese día de la semana son {usual:,.0f}",
    )
    if rows >= ROWS_AT_LEAST and rows > 2 * usual and rows > max(before):
        yield _finding(NOT_DOUBLED, school, rows, usual, words)
    if usual >= ROWS_AT_LEAST and 2 * rows < usual and rows < min(before):
        yield _finding(NOT_HALVED, school, rows, usual, words)


def _mix(school: str, counts: Counts, day: date, rows: int) -> Iterator[Finding]:
    if rows < ROWS_AT_LEAST:
        return
    days = [other for other in _with_rows(counts, day) if _rows(counts, other) >= ROWS_AT_LEAST]
    if len(days) < WEEKS_AT_LEAST:
        return
    for kind in sorted({kind for other in (day, *days) for kind in counts[other]}):
        share = counts[day].get(kind, 0) / rows
        usual = median(counts[other].get(kind, 0) / _rows(counts, other) for other in days)
        if abs(share - usual) > SHARE_MOVED:
            words = Words(
                f"{share:.0%} of the rows are {kind}; {usual:.0%} are usual on this weekday",
                f"el {share:.0%} de las filas son {kind}; lo habitual ese día de la semana es el {usual:.0%}",
            )
            yield _finding(MIX_STEADY, school, 100 * share, 100 * usual, words)


def _fell_silent(counts: Counts, day: date) -> bool:
    """Whether this silent day is the second school day without rows, and no later one."""
    before = [
        other
        for other in (day - timedelta(days=back) for back in range(1, 15))
        if _usual(counts, other) is not None
    ]
    return len(before) >= 2 and not _rows(counts, before[0]) and _rows(counts, before[1]) > 0


def _usual(counts: Counts, day: date) -> float | None:
    """The median of the same weekdays that have rows; None where they are too few to say."""
    rows = [_rows(counts, other) for other in _with_rows(counts, day)]
    usual = median(rows) if len(rows) >= WEEKS_AT_LEAST else 0
    return usual if usual >= USUAL_AT_LEAST else None


def _with_rows(counts: Counts, day: date) -> list[date]:
    same = (day - timedelta(weeks=back) for back in range(1, WEEKS + 1))
    return [other for other in same if _rows(counts, other)]


def _rows(counts: Counts, day: date) -> int:
    return sum(counts.get(day, {}).values())


def _finding(rule: HistoryRule, school: str, found: float, usual: float, words: Words) -> Finding:
    return Finding(rule.name, rule.severity, school, round(found, 1), round(usual, 1), words)
