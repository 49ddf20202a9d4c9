"""The catalogue of rules: by lake table, and as the page `docs/rules.md`."""

from __future__ import annotations

from expectations.academic_changes import ACADEMIC_CHANGES
from expectations.behavior_events import BEHAVIOR_EVENTS
from expectations.landing_files import FILE_RULES
from expectations.rules import Expectations

EXPECTATIONS = {expected.table.name: expected for expected in (BEHAVIOR_EVENTS, ACADEMIC_CHANGES)}

_HEAD = """\
# What must hold before a row is published

Made from `expectations/`; `python -m expectations.catalogue > docs/rules.md` writes it again.

A load judges its files first, then the rows, by school. A file that breaks a rule is set aside
with its reason, and the load goes on without it. A school that breaks a *critical* rule has its rows
of that load put in quarantine, with the rules that each row breaks; the other schools are published.
A broken *warning* is counted and reported, and its rows are published.
"""


def page() -> str:
    """The page of the docs that lists every rule: its statement in Athena's SQL, and why it is there."""
    sections = [_HEAD, _section("Landing files", "| fault | what holds | why |\n|---|---|---|")]
    sections += [f"| `{rule.fault}` | {rule.holds} | {rule.why} |\n" for rule in FILE_RULES]
    for expected in EXPECTATIONS.values():
        sections.append(_section(f"`{expected.table.name}`", "| rule | severity | why |\n|---|---|---|"))
        sections += [f"| `{rule.name}` | {rule.severity} | {rule.why} |\n" for rule in expected.rules]
        sections.append(f"\n{_statements(expected)}")
    return "".join(sections)


def _section(title: str, table_head: str) -> str:
    return f"\n## {title}\n\n{table_head}\n"


def _statements(expected: Expectations) -> str:
    lines = "\n".join(f"{rule.name}:\n    {rule.holds}" for rule in expected.rules)
    return f"The statements, in Athena's SQL; NULL counts as broken:\n\n```sql\n{lines}\n```\n"


if __name__ == "__main__":
    print(page(), end="")  # noqa: T201 - the page is what the command makes
