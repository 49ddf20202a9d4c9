"""Log groups, queues and tables: how long they keep things, against the registry."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from adapters import kept_settings
from adapters.kept_settings import KeptItems
from pipelines.audits.retention.result import Finding, Severity
from transforms.bilingual import Words
from transforms.retention.places import Days, Kind, Mechanism, Place
from transforms.retention.registry import PLACES, stores

SECONDS_A_DAY = 86_400
_DEPLOY = "deploy the template that declares it, or change transforms/retention if it is meant"


def findings() -> Iterator[Finding]:
    """What differs, as AWS tells it now.

    Raises:
        ClientError, BotoCoreError: It cannot be asked.
    """
    logs = {name: None if days is None else float(days) for name, days in kept_settings.log_groups().items()}
    queues = {name: seconds / SECONDS_A_DAY for name, seconds in kept_settings.queues().items()}
    yield from _of_days("log-group", stores(Kind.LOG), logs)
    yield from _of_days("queue", stores(Kind.MESSAGES), queues)
    yield from _of_tables(kept_settings.tables())


def _of_days(
    check: str, registered: Mapping[str, Place], found: Mapping[str, float | None]
) -> Iterator[Finding]:
    yield from _registered(check, registered.keys(), found.keys())
    for name, place in registered.items():
        if name not in found:
            continue
        assert isinstance(place.rule, Days)
        days = found[name]
        if days is None or days > place.rule.days:
            kept = Words("for ever", "para siempre")
            if days is not None:
                kept = Words(f"for {days:g} days", f"{days:g} días")
            what = Words(
                f"keeps things {kept.en}, the registry allows {place.rule.days:g} days",
                f"guarda las cosas {kept.es}, el registro permite {place.rule.days:g} días",
            )
            yield Finding(f"{check}-too-long", Severity.CRITICAL, name, what, _DEPLOY)
        elif days < place.rule.days:
            what = Words(
                f"keeps things for {days:g} days, the registry says {place.rule.days:g}",
                f"guarda las cosas {days:g} días, el registro dice {place.rule.days:g}",
            )
            yield Finding(f"{check}-too-short", Severity.WARNING, name, what, _DEPLOY)


def _of_tables(found: Mapping[str, KeptItems]) -> Iterator[Finding]:
    registered = stores(Kind.ITEMS)
    yield from _registered("table", registered.keys(), found.keys())
    for name in sorted(registered.keys() & found.keys()):
        places = [place for place in PLACES if place.store == name]
        lives = any(place.mechanism is Mechanism.TTL for place in places)
        if lives and not found[name].lives:
            what = Words(
                "has no time to live: what should go after its time stays",
                "no tiene tiempo de vida: se queda lo que debería irse a su hora",
            )
            yield Finding("table-ttl", Severity.CRITICAL, name, what, _DEPLOY)
        (days,) = (
            place.rule.days
            for place in places
            if place.kind is Kind.RECOVERY and isinstance(place.rule, Days)
        )
        if found[name].recovery_days != days:
            what = Words(
                f"can be recovered {found[name].recovery_days} days back, the registry says {days:g}",
                f"se puede recuperar hasta {found[name].recovery_days} días atrás, el registro dice {days:g}",
            )
            yield Finding("table-recovery", Severity.WARNING, name, what, _DEPLOY)


def _registered(check: str, registered: Iterable[str], found: Iterable[str]) -> Iterator[Finding]:
    expected, there = set(registered), set(found)
    for name in sorted(there - expected):
        what = Words(
            "is not in the registry: nobody says how long it keeps things",
            "no está en el registro: nadie dice cuánto tiempo guarda las cosas",
        )
        yield Finding(f"{check}-unregistered", Severity.CRITICAL, name, what, _DEPLOY)
    for name in sorted(expected - there):
        what = Words("is in the registry and not in this account", "está en el registro y no en esta cuenta")
        yield Finding(f"{check}-absent", Severity.WARNING, name, what, _DEPLOY)
