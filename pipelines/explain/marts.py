"""The marts as `dbt/models/marts/*.yml` describes them: keys, units, and what each number counts."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import yaml

from pipelines.trends.commands import PROJECT


class UnexplainedError(ValueError):
    """Asked for a mart, a key or a number that cannot be taken apart."""


@dataclass(frozen=True, slots=True)
class MartColumn:
    """A column of a mart.

    Attributes:
        name: Its name.
        data_type: As Athena has it.
        meaning: In words, with the texts of the project put in.
        unit: Of its values.
        of: SQL predicate on the lake rows that it counts; empty: it is made of other columns.
        sums: The lake column that it sums; empty: it counts rows.
        weeks: How many weeks it counts, the one of the key being the last.
        school_weeks: It counts this many school weeks, the latest of the mart's window; 0: all of it.
    """

    name: str
    data_type: str
    meaning: str
    unit: str
    of: str
    sums: str
    weeks: int
    school_weeks: int


@dataclass(frozen=True, slots=True)
class Mart:
    """A mart.

    Attributes:
        name: Its name in the marts' database.
        meaning: In words.
        key: The columns that tell its rows apart.
        columns: By name.
        lake: The view of the lake rows behind it; empty: it is made of another mart's rows.
        cohort_by: The mart that says to which cohort a student's week belongs, where that is in the key.
    """

    name: str
    meaning: str
    key: tuple[str, ...]
    columns: Mapping[str, MartColumn]
    lake: str
    cohort_by: str

    def column(self, name: str) -> MartColumn:
        """A column that counts or sums lake rows.

        Raises:
            UnexplainedError: There is none of this name, or it is made of other columns.
        """
        explained = [column.name for column in self.columns.values() if column.of]
        if name not in explained:
            raise UnexplainedError(
                f"column {name!r} of {self.name} counts no rows: use one of {', '.join(explained)}"
            )
        return self.columns[name]

    def parsed_key(self, key: str) -> dict[str, str | None]:
        """A key as a person writes it, `school_1/2026-W06`: each column's value, None where it is empty.

        Raises:
            UnexplainedError: It has another number of parts.
        """
        parts = key.split("/")
        if len(parts) != len(self.key):
            raise UnexplainedError(f"key {key!r} of {self.name}: use {'/'.join(self.key)}")
        return {name: part or None for name, part in zip(self.key, parts, strict=True)}


@cache
def marts() -> Mapping[str, Mart]:
    """All marts, by name."""
    return {mart.name: mart for mart in map(_mart, _described())}


def mart(name: str) -> Mart:
    """One of them that lake rows stand behind.

    Raises:
        UnexplainedError: There is none of this name.
    """
    known = [each.name for each in marts().values() if each.lake]
    if name not in known:
        raise UnexplainedError(f"mart {name!r} cannot be explained: use one of {', '.join(known)}")
    return marts()[name]


def _described() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for path in sorted((PROJECT / "models" / "marts").glob("*.yml")):
        found += yaml.safe_load(path.read_text(encoding="utf-8")).get("models", [])
    return found


def _mart(described: Mapping[str, Any]) -> Mart:
    explained = described.get("config", {}).get("meta", {}).get("explain", {})
    (key,) = (test["unique_combination"] for test in described["data_tests"] if "unique_combination" in test)
    return Mart(
        described["name"],
        _text(described["description"]),
        tuple(key["arguments"]["columns"]),
        {column["name"]: _column(column, explained.get("weeks", 0)) for column in described["columns"]},
        explained.get("from", ""),
        explained.get("cohort_by", ""),
    )


def _column(described: Mapping[str, Any], weeks: int) -> MartColumn:
    meta = described["config"]["meta"]
    return MartColumn(
        described["name"],
        described["data_type"],
        _text(described["description"]),
        meta["unit"],
        meta.get("of", ""),
        meta.get("sums", ""),
        meta.get("weeks", weeks),
        meta.get("school_weeks", 0),
    )


def _text(description: str) -> str:
    """A description with `{{ doc('name') }}` put in, on one line."""
    return re.sub(r"\{\{ doc\('(\w+)'\) \}\}", lambda found: _docs()[str(found[1])], description)


@cache
def _docs() -> Mapping[str, str]:
    found: dict[str, str] = {}
    for path in sorted((PROJECT / "models").rglob("*.md")):
        text = path.read_text(encoding="utf-8")
        blocks = re.findall(r"\{% docs (\w+) %\}(.*?)\{% enddocs %\}", text, re.DOTALL)
        found |= {name: " ".join(words.split()) for name, words in blocks}
    return found
