"""Four weeks of a lake's quality, made up: good days, bad days, a held load."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from expectations.catalogue import EXPECTATIONS
from expectations.history import ALL_SCHOOLS, Finding
from expectations.rules import Severity
from pipelines.load.result import SchoolCounts
from pipelines.quality.kept import JudgedDay, Kind
from pipelines.quality.overview import JudgedLoad, Quarantined, TableQuality
from transforms.bilingual import Words

NOW = datetime(2026, 3, 10, 12, tzinfo=UTC)
SCHOOLS = tuple(f"school_{number}" for number in range(1, 11))
SEVERITIES = {
    name: {rule.name: rule.severity.value for rule in expected.rules}
    for name, expected in EXPECTATIONS.items()
}

SILENT = Words("no rows for two school days", "ninguna fila en dos días de clase")
BROKEN = Words("2 rows break it", "2 filas la incumplen")


def school(landed: int, broken: dict[str, int] | None = None, *, stopped: bool = False) -> dict[str, object]:
    """A school's counts in a load, as the ledger gives them."""
    counts = SchoolCounts(
        landed=landed,
        quarantined=landed if stopped else 0,
        published=0 if stopped else landed,
        stopped=stopped,
        broken=broken or {},
    )
    return counts.as_dict()


def load_of(days_ago: int, schools: dict[str, dict[str, object]], **changes: object) -> JudgedLoad:
    """A load of behaviour events, opened and published some days before `NOW`."""
    opened = NOW - timedelta(days=days_ago, hours=1)
    given: dict[str, object] = {
        "load_id": f"{opened:%Y%m%dt%H%M%S}000_00000000",
        "opened_at": opened,
        "published_at": opened + timedelta(minutes=2),
        "held": None,
        "error": "",
        "severities": SEVERITIES["behavior_events"],
        "schools": schools,
    }
    return JudgedLoad(**{**given, **changes})  # type: ignore[arg-type]  # the fields by name


def usual(days_ago: int) -> dict[str, dict[str, object]]:
    """All schools on a day on which all is well."""
    return {name: school(1_000 + 137 * place + 50 * days_ago % 400) for place, name in enumerate(SCHOOLS)}


def day_of(days_ago: int, *findings: Finding, kind: Kind = Kind.HISTORY) -> JudgedDay:
    """A judged day of behaviour events."""
    day = (NOW - timedelta(days=days_ago)).date()
    rules = ("school_speaks", "volume_not_doubled", "mix_of_types_steady", "copies_few", "table_fresh")
    return JudgedDay(kind, "behavior_events", day, NOW, rules, {ALL_SCHOOLS: 10_000}, findings)


def four_weeks() -> list[TableQuality]:
    """Both tables: a stopped school, warnings, a silent school and a held load."""
    loads = [load_of(days, usual(days)) for days in range(27, 1, -1)]
    bad = usual(1) | {"school_7": school(1_800, {"class_code": 12, "cohort_known": 40}, stopped=True)}
    bad |= {"school_3": school(1_274, {"received_after_occurred": 31_400})}
    loads.append(load_of(1, bad))
    held = Words(
        "a_school_passes: each of the 10 schools breaks points_in_range, in 12,000 rows",
        "a_school_passes: cada una de las 10 escuelas incumple points_in_range, en 12,000 filas",
    )
    loads.append(load_of(0, {}, published_at=None, held=held, error=f"LoadHeldError: {held}", severities={}))
    silent = Finding("school_speaks", Severity.WARNING, "school_9", 0, 412, SILENT)
    history = (*(day_of(days) for days in range(27, 1, -1)), day_of(1, silent))
    duplicate = Finding("event_id_unique", Severity.CRITICAL, ALL_SCHOOLS, 2, 0, BROKEN)
    deep = (day_of(1, duplicate, kind=Kind.DEEP),)
    stopped = Quarantined(loads[-2].load_id, "school_7", 1_800, ("class_code",), 1_200, 100, there=True)
    return [
        TableQuality("behavior_events", tuple(loads), {Kind.HISTORY: history, Kind.DEEP: deep}, (stopped,)),
        TableQuality("academic_changes", (), {Kind.HISTORY: (), Kind.DEEP: ()}, ()),
    ]
