"""What one load was judged by and what was found, as a page.

Made of the result that Great Expectations gave, as it is kept. Its own
rendering is beside it, in `pipelines.reports.data_docs`; this page says who mends what, in two languages.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from expectations.catalogue import EXPECTATIONS
from expectations.verdict import ROWS
from pipelines.reports.pages import environment, file_name, other_than
from pipelines.reports.words import Language
from transforms.bilingual import Words


@dataclass(frozen=True, slots=True)
class Judged:
    """One rule and what was found of it.

    Attributes:
        rule: Its name.
        severity: critical, warning or info.
        why: Why it is there; as it was judged, so without Spanish where the rule says something else now.
        owner: Who mends it; empty where the rule is there no more.
        schools: How many rows of which school break it.
    """

    rule: str
    severity: str
    why: Words
    owner: str
    schools: Mapping[str, int]

    @property
    def rows(self) -> int:
        """How many rows break it."""
        return sum(self.schools.values())


def load_page(table: str, load_id: str, result: Mapping[str, Any], language: Language, *, home: str) -> str:
    """The page of a load.

    Args:
        table: The lake table.
        load_id: The load.
        result: From Great Expectations, as `expectations.verdict.judge` keeps it.
        language: Of the page.
        home: Where the page of all loads is, relative to this one.
    """
    rules = {rule.name: rule for rule in EXPECTATIONS[table].rules}
    judged, rows = [], 0
    for each in result["results"]:
        config = each["expectation_config"]
        name = config["kwargs"]["column"]
        if name == ROWS:
            rows = int(each["result"]["observed_value"])
            continue
        found = each["result"].get("unexpected_index_list") or []
        schools = {school["school_id"]: int(school[name]) for school in found}
        rule = rules.get(name)
        why = rule.why if rule and rule.why.en == config["notes"] else Words(config["notes"], "")
        judged.append(Judged(name, config["severity"], why, str(rule.owner) if rule else "", schools))
    broken = sorted((rule for rule in judged if rule.schools), key=lambda rule: (-rule.rows, rule.rule))
    return (
        environment(language)
        .get_template("load.html.j2")
        .render(
            table=table,
            load_id=load_id,
            rows=rows,
            broken=broken,
            held=[rule for rule in judged if not rule.schools],
            home=home,
            other=file_name(load_id, other_than(language)),
        )
    )
