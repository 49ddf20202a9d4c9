"""What a load did, for people, for the ledger and for the metrics."""

from __future__ import annotations

import sys
import time
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from adapters.landing_claims import Claim
from adapters.ledger import Load
from adapters.telemetry import NAMESPACE
from expectations.verdict import Verdict

COUNTS = ("landed", "duplicate", "quarantined", "published")
WEEKS = "weeks"  # of a shard: the published rows of a school by ISO week


class LoadDoesNotAddUpError(RuntimeError):
    """A school's rows are not all accounted for: the load stays open and nothing more is done."""


@dataclass
class Clock:
    """How long each stage took.

    Attributes:
        seconds: By stage, in order.
    """

    seconds: dict[str, float] = field(default_factory=dict)
    _since: float = field(default_factory=time.monotonic)

    def lap(self, stage: str) -> None:
        """Ends a stage."""
        now = time.monotonic()
        self._add(stage, now - self._since)
        self._since = now

    def add(self, part: Clock) -> None:
        """Adds the stages of a part that just ended."""
        for stage, seconds in part.seconds.items():
            self._add(stage, seconds)
        self._since = time.monotonic()

    @property
    def milliseconds(self) -> dict[str, int]:
        """By stage, in whole numbers for the ledger."""
        return {stage: round(seconds * 1000) for stage, seconds in self.seconds.items()}

    def _add(self, stage: str, seconds: float) -> None:
        self.seconds[stage] = round(self.seconds.get(stage, 0) + seconds, 3)


@dataclass(frozen=True, slots=True)
class SchoolCounts:
    """What became of a school's rows in one load.

    Attributes:
        landed: Rows in the load's files.
        duplicate: Dropped: a copy within the load, or in the lake already.
        quarantined: In quarantine, because the school broke a critical rule.
        published: In the lake.
        stopped: Whether the school broke a critical rule.
        broken: How many of its landed rows break each rule.
        weeks: The published rows by ISO week of their day; None where a shard did not note them.
    """

    landed: int = 0
    duplicate: int = 0
    quarantined: int = 0
    published: int = 0
    stopped: bool = False
    broken: Mapping[str, int] = field(default_factory=dict)
    weeks: Mapping[str, int] | None = None

    def as_dict(self) -> dict[str, Any]:
        """For the ledger, which has the weeks by shard."""
        counts = {**asdict(self), "broken": dict(self.broken)}
        del counts[WEEKS]
        return counts


@dataclass(frozen=True, slots=True)
class LoadResult:
    """A finished load.

    Attributes:
        load_id: Its name.
        table: The lake table.
        files: How many landing files it took, those set aside included.
        size: Their bytes.
        set_aside: The files that it went on without, each with its reason.
        schools: By school; `NO_SCHOOL` stands for rows that name none.
        severities: Of every rule that was judged.
        shards: In how many parts it was done.
        objects: How many files of the lake it wrote.
        seconds: Of each stage, by name; only those that this run went through.
        resumed: Whether an earlier run had begun it.
    """

    load_id: str
    table: str
    files: int
    size: int
    set_aside: tuple[Claim, ...]
    schools: Mapping[str, SchoolCounts]
    severities: Mapping[str, str]
    shards: int
    objects: int
    seconds: Mapping[str, float]
    resumed: bool

    def total(self, name: str) -> int:
        """A count of all schools together: `landed`, `duplicate`, `quarantined` or `published`."""
        return sum(getattr(counts, name) for counts in self.schools.values())

    @property
    def broken(self) -> dict[str, int]:
        """How many rows break each rule, all schools together; only rules that were broken."""
        return broken_rules(self.schools.values())

    @property
    def stopped(self) -> dict[str, list[str]]:
        """The schools that were stopped, each with the critical rules that it broke."""
        return {
            school: [rule for rule in counts.broken if self.severities[rule] == "critical"]
            for school, counts in self.schools.items()
            if counts.stopped
        }

    @property
    def facts(self) -> dict[str, Any]:
        """What the ledger notes of it."""
        return {
            "files": self.files,
            "bytes": self.size,
            "rows": {name: self.total(name) for name in COUNTS},
            "broken": self.broken,
            "schools": len(self.schools),
            "stopped": len(self.stopped),
            "set_aside": len(self.set_aside),
            "objects": self.objects,
        }

    @property
    def summary(self) -> str:
        """One line for a person."""
        landed, duplicate, quarantined, published = (f"{self.total(name):,}" for name in COUNTS)
        shards = f" in {self.shards:,} shards" if self.shards > 1 else ""
        parts = [
            f"load {self.load_id}: {self.files - len(self.set_aside):,} files{shards}, {landed} rows = "
            f"{published} published in {self.objects:,} files + {quarantined} quarantined + "
            f"{duplicate} duplicate"
        ]
        if self.stopped:
            rules = sorted({rule for rules in self.stopped.values() for rule in rules})
            names = ", ".join(sorted(self.stopped)[:3])
            more = f" and {len(self.stopped) - 3} more" if len(self.stopped) > 3 else ""
            parts.append(f"stopped {names}{more} ({', '.join(rules)})")
        warned = [rule for rule in self.broken if self.severities[rule] == "warning"]
        if warned:
            parts.append(f"warned of {', '.join(f'{rule} {self.broken[rule]:,}' for rule in warned)}")
        if self.set_aside:
            first = self.set_aside[0]
            parts.append(f"set aside {len(self.set_aside):,} files, such as {first.file.key}: {first.reason}")
        return "; ".join(parts)


def judged_counts(verdict: Verdict) -> dict[str, SchoolCounts]:
    """What is known of each school when the verdict is written and nothing else is."""
    return {
        school: SchoolCounts(
            landed=landed,
            stopped=school in verdict.stopped,
            broken={rule: found[school] for rule, found in verdict.broken.items() if school in found},
        )
        for school, landed in sorted(verdict.rows.items())
    }


def add_up(schools: Mapping[str, Mapping[str, int]], landed: Mapping[str, int]) -> None:
    """Holds what became of rows against how many there were.

    Args:
        schools: By school: how many rows were read (`landed`), and what became of them.
        landed: By school, as the gate counted them.

    Raises:
        LoadDoesNotAddUpError: A school's rows are not all accounted for, or there are too many.
    """
    for school in sorted({*schools, *landed}):
        counts = {name: schools.get(school, {}).get(name, 0) for name in COUNTS}
        read, *fates = counts.values()
        if not landed.get(school, 0) == read == sum(fates):
            raise LoadDoesNotAddUpError(
                f"school {school}: {landed.get(school, 0):,} rows landed, {read:,} were read, but "
                f"{' + '.join(f'{counts[name]:,} {name}' for name in COUNTS[1:])} are {sum(fates):,}; "
                "the load stays open: run it again, and look into its files if this repeats"
            )


def accounted_for(
    verdict: Verdict, shards: Iterable[Mapping[str, Mapping[str, Any]]]
) -> dict[str, SchoolCounts]:
    """Puts a load's counts together, and holds them against what landed.

    Args:
        verdict: What the gate counted and found.
        shards: Of each shard, by school, as of `add_up`; and under `WEEKS` its published rows by ISO week.

    Raises:
        LoadDoesNotAddUpError: As of `add_up`.
    """
    done: dict[str, Counter[str]] = {}
    weeks: dict[str, list[Mapping[str, int] | None]] = {}
    for shard in shards:
        for school, fates in shard.items():
            done.setdefault(school, Counter()).update({name: fates[name] for name in COUNTS})
            weeks.setdefault(school, []).append(fates.get(WEEKS))
    add_up(done, verdict.rows)
    return {
        school: replace(
            counts,
            duplicate=done[school]["duplicate"],
            quarantined=done[school]["quarantined"],
            published=done[school]["published"],
            weeks=_together(weeks[school]),
        )
        for school, counts in judged_counts(verdict).items()
    }


def _together(shards: Iterable[Mapping[str, int] | None]) -> Mapping[str, int] | None:
    """The weeks of all shards; None where one of them, which older code did, has not noted any."""
    total: Counter[str] = Counter()
    for weeks in shards:
        if weeks is None:
            return None
        total.update(weeks)
    return dict(total)


def broken_rules(schools: Iterable[SchoolCounts]) -> dict[str, int]:
    """How many rows break each rule, all schools together; only rules that were broken."""
    broken: dict[str, int] = {}
    for counts in schools:
        for rule, count in counts.broken.items():
            broken[rule] = broken.get(rule, 0) + count
    return broken


def ledger_row(load: Load) -> dict[str, Any]:
    """A load of the ledger as a flat row for reports.

    Returns:
        `load_id`, `table`, `state`, `opened_at`, `files`, `landed`, `duplicate`, `quarantined`,
        `published`, `set_aside`, `broken` (text: each broken rule with its count) and `error`.
    """
    facts = load.facts
    rows = facts.get("rows", {})
    broken = ", ".join(f"{rule} {count:,}" for rule, count in facts.get("broken", {}).items())
    return {
        "load_id": load.load_id,
        "table": load.table,
        "state": load.state.value,
        "opened_at": load.times.get("claiming", ""),
        "files": facts.get("files", 0),
        **{name: rows.get(name, 0) for name in COUNTS},
        "set_aside": facts.get("set_aside", 0),
        "broken": broken,
        "error": facts.get("error", ""),
    }


def emit_metrics(result: LoadResult) -> None:
    """Sends a load's figures to CloudWatch, as EMF on standard output, unless a person is reading that.

    `POWERTOOLS_METRICS_DISABLED=true` keeps any other reader free of them.
    """
    if sys.stdout.isatty():
        return
    metrics = EphemeralMetrics(namespace=NAMESPACE)  # of this load alone: the shared ones keep dimensions
    metrics.add_dimension(name="table", value=result.table)
    for name in COUNTS:
        metrics.add_metric(f"Rows{name.title()}", MetricUnit.Count, result.total(name))
    metrics.add_metric("SchoolsStopped", MetricUnit.Count, len(result.stopped))
    metrics.add_metric("FilesSetAside", MetricUnit.Count, len(result.set_aside))
    metrics.add_metric("LoadTime", MetricUnit.Seconds, sum(result.seconds.values()))
    metrics.add_metadata(key="load_id", value=result.load_id)
    metrics.flush_metrics()
