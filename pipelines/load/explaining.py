"""What the ledger knows of a load, put together for a person: what it did, and what is to be done."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import pairwise
from typing import Any

from adapters import ledger
from adapters.ledger import Load, LoadState
from expectations.catalogue import EXPECTATIONS
from pipelines.load import claiming
from pipelines.load.holding import LET_GO, REASON
from pipelines.load.work import JUDGED_BY


def find(load_id: str) -> Load:
    """A load of any table.

    Raises:
        LookupError: There is none of that id.
    """
    for table in EXPECTATIONS:
        try:
            return ledger.find(table, load_id)
        except LookupError:
            continue
    raise LookupError(f"the ledger has no load {load_id!r} of any table: `luca loads` lists the newest")


def explained(load: Load) -> dict[str, Any]:
    """All that is known of a load.

    Returns:
        `load_id`, `table`, `state`, `times` (state to UTC text), `seconds` (state to the seconds
        since the state before; the first has none), `judged_by` (UTC text: what the rules took for now),
        `contract_version`, `rules_version`,
        `error`, `held`, `files` (each `key`, `etag`, `bytes`, `fault`, `reason`), `shards` (each `shard`,
        `files`, `done`, `objects`, `milliseconds` by stage), `schools` (counts by school), `broken_rules`
        (each `rule`, `severity`, `why`, `rows` by school) and `next` (what to do, in sentences).
    """
    claims = claiming.claimed(load)
    schools = dict(sorted(ledger.read_schools(load).items()))
    facts = load.facts
    return {
        "load_id": load.load_id,
        "table": load.table,
        "state": load.state.value,
        "times": dict(load.times),
        "seconds": _seconds(load.times),
        "judged_by": facts.get(JUDGED_BY),
        "contract_version": facts.get("contract_version"),
        "rules_version": facts.get("rules_version"),
        "error": facts.get("error", ""),
        "held": facts.get(REASON, ""),
        "files": [
            {
                "key": claim.file.key,
                "etag": claim.file.etag,
                "bytes": claim.file.size,
                "fault": claim.fault,
                "reason": claim.reason,
            }
            for claim in claims
        ],
        "shards": _shards(load),
        "schools": schools,
        "broken_rules": list(_broken(load, schools)),
        "next": list(_advice(load, [claim.file.key for claim in claims if claim.fault], schools)),
    }


def _seconds(times: Mapping[str, str]) -> dict[str, float]:
    moments = {state: datetime.fromisoformat(text) for state, text in times.items()}
    return {state: (moments[state] - moments[before]).total_seconds() for before, state in pairwise(moments)}


def _shards(load: Load) -> list[dict[str, Any]]:
    done = ledger.shards_done(load)
    return [
        {
            "shard": number,
            "files": files,
            "done": number in done,
            "objects": done.get(number, {}).get("objects", 0),
            "milliseconds": done.get(number, {}).get("milliseconds", {}),
        }
        for number, files in enumerate(load.facts.get("shards", []))
    ]


def _broken(load: Load, schools: dict[str, dict[str, Any]]) -> Iterator[dict[str, Any]]:
    whys = {rule.name: rule.why.en for rule in EXPECTATIONS[load.table].rules}
    for name, severity in load.facts.get("severities", {}).items():
        rows = {school: found["broken"][name] for school, found in schools.items() if name in found["broken"]}
        if rows:
            why = whys.get(name, "a rule of that time, which is no rule any more")
            yield {"rule": name, "severity": severity, "why": why, "rows": rows}


def _advice(load: Load, aside: list[str], schools: dict[str, dict[str, Any]]) -> Iterator[str]:
    if load.facts.get(REASON) and not load.facts.get(LET_GO) and load.state is LoadState.CLAIMED:
        yield (
            "It is held: mend the rule, the worker or the enricher and run it again; or, if the schools are "
            f"at fault, let it go: luca quality let-go {load.table} --because '…'"
        )
    elif load.state is not LoadState.PUBLISHED:
        yield f"It is open: luca load {load.table} does what is left of it, safely, at any time."
    if aside:
        yield (
            f"Mend each file that was set aside under its own name, then: luca loads release-file {aside[0]}"
        )
    if stopped := [school for school, found in schools.items() if found.get("stopped")]:
        yield (
            f"{', '.join(stopped[:3])}{' and others' if len(stopped) > 3 else ''}: the rows of this load are "
            f"in quarantine (quarantine/{load.table}/load_id={load.load_id}/); the rules that they break are "
            "below, mend the cause at the school."
        )
