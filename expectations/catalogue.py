"""The catalogue of rules: by lake table, and as the page `docs/rules.md`."""

from __future__ import annotations

from expectations.academic_changes import ACADEMIC_CHANGES
from expectations.behavior_events import BEHAVIOR_EVENTS
from expectations.deep import PUBLISHED_ONCE
from expectations.history import FEW_COPIES, HISTORY_RULES, HistoryRule
from expectations.holds import LOAD_RULES
from expectations.landing_files import FILE_RULES
from expectations.rules import Expectations, Owner, Rule, Severity
from transforms.bilingual import Words

EXPECTATIONS = {expected.table.name: expected for expected in (BEHAVIOR_EVENTS, ACADEMIC_CHANGES)}

_HEAD = """\
# What must hold before a row is published

Made from `expectations/`; `python -m expectations.catalogue > docs/rules.md` writes it again.

A load judges its files first, then the rows, by school. A file that breaks a rule is set aside
with its reason, and the load goes on without it. A school that breaks a *critical* rule has its rows
of that load put in quarantine, with the rules that each row breaks; the other schools are published.
A broken *warning* is reported, and its rows are published; an *info* is only counted. A load that breaks
a rule *of the whole load* is held: nothing of it is published, and it waits. Where Athena or Great
Expectations fail, they are asked again, and then the load ends with `GateToolError`: nothing is said of
its rows. Once a day, what was published is judged by the weeks before it, and by the rules of its rows again:
the *deep suite* finds what came into the lake on another way than a load.

Owners: *platform* mends our worker, enricher, pipes and loads; *privacy* answers for pseudonyms, free
text and retention; *schools* speak with a school about what its systems send.
"""

_COLUMNS = "| rule | severity | owner | why |\n|---|---|---|---|"


class UnknownTableError(ValueError):
    """A name that is no lake table's."""


def expectations_of(table: str) -> Expectations:
    """What must hold of a lake table.

    Raises:
        UnknownTableError: No such table.
    """
    if table not in EXPECTATIONS:
        raise UnknownTableError(f"{table!r} is no lake table: use one of {', '.join(EXPECTATIONS)}")
    return EXPECTATIONS[table]


def page() -> str:
    """The page of the docs that lists every rule: its statement in Athena's SQL, and why it is there."""
    sections = [_HEAD, _section("Landing files", "| fault | what holds | owner | why |\n|---|---|---|---|")]
    sections += [f"| `{rule.fault}` | {rule.holds} | {rule.owner} | {rule.why} |\n" for rule in FILE_RULES]
    sections.append(_section("The whole load", "| rule | what holds | owner | why |\n|---|---|---|---|"))
    sections += [f"| `{rule.name}` | {rule.holds} | {rule.owner} | {rule.why} |\n" for rule in LOAD_RULES]
    for expected in EXPECTATIONS.values():
        sections.append(_section(f"`{expected.table.name}`", _COLUMNS))
        sections += [_row(rule.name, rule.severity, rule.owner, rule.why) for rule in expected.rules]
        sections.append(f"\n{_statements(expected)}")
        sections.append(f"\n### `{expected.table.name}`, once a day\n\n{_COLUMNS}\n")
        rules = (*daily_rules(expected), PUBLISHED_ONCE)
        sections += [_row(rule.name, rule.severity, rule.owner, rule.why) for rule in rules]
        sections.append("\n" + "".join(f"- `{rule.name}`: {rule.holds}.\n" for rule in rules))
    return "".join(sections)


def daily_rules(expected: Expectations) -> tuple[HistoryRule, ...]:
    """The rules by which a day of a table is judged: copies everywhere, the others where it has a rhythm."""
    return HISTORY_RULES if expected.rhythm else (FEW_COPIES,)


def deep_rules(expected: Expectations) -> tuple[Rule | HistoryRule, ...]:
    """The rules by which the deep suite judges what was published: those of single rows, and one more."""
    return (*expected.row_rules, PUBLISHED_ONCE)


def _section(title: str, table_head: str) -> str:
    return f"\n## {title}\n\n{table_head}\n"


def _row(name: str, severity: Severity, owner: Owner, why: Words) -> str:
    return f"| `{name}` | {severity} | {owner} | {why} |\n"


def _statements(expected: Expectations) -> str:
    lines = "\n".join(f"{rule.name}:\n    {rule.holds}" for rule in expected.rules)
    return f"The statements, in Athena's SQL; NULL counts as broken:\n\n```sql\n{lines}\n```\n"


if __name__ == "__main__":
    print(page(), end="")  # noqa: T201 - the page is what the command makes
