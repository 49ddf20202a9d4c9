"""The questions in dbt's lineage: `python -m pipelines.questions.exposures > dbt/models/questions.yml`."""

from __future__ import annotations

import re
from collections.abc import Iterable

from pipelines.questions.catalogue import QUESTIONS

_HEAD = """\
# Made from pipelines/questions: `python -m pipelines.questions.exposures > dbt/models/questions.yml`.
exposures:
"""
# Who asks them all, where they stand and how.
_ASKED_BY = (
    ("luca_ask", "application", "`luca ask`: each question's answer in a terminal, and its chart."),
    ("analyst_notebook", "notebook", "`notebooks/analyst.py`: the questions asked as a script would."),
)


def exposures() -> str:
    """The exposures, in YAML: of each question, and of what asks them all."""
    every = {name: _read(each.sql("school_1")) for name, each in QUESTIONS.items()}
    parts = [
        _exposure(name, "analysis", QUESTIONS[name].title, read, readers=QUESTIONS[name].readers.value)
        for name, read in every.items()
    ]
    parts += [_exposure(*each, (read for reads in every.values() for read in reads)) for each in _ASKED_BY]
    return _HEAD + "\n".join(parts)


def _read(sql: str) -> list[str]:
    """What dbt calls the tables that a statement reads."""
    found = re.findall(r"\bluca_(marts|lake)\.(\w+)", sql)
    return [f"ref('{name}')" if where == "marts" else f"source('lake', '{name}')" for where, name in found]


def _exposure(name: str, kind: str, about: str, read: Iterable[str], readers: str = "") -> str:
    where = f"{{work_group: {readers}, page: docs/analysts.md}}" if readers else "{page: docs/analysts.md}"
    return (
        f"  - name: {name}\n"
        f"    type: {kind}\n"
        "    maturity: high\n"
        f'    description: "{about}"\n'
        "    owner: {name: Luca}\n"
        f"    config: {{meta: {where}}}\n"
        "    depends_on:\n" + "".join(f"      - {each}\n" for each in sorted(set(read)))
    )


if __name__ == "__main__":
    print(exposures(), end="")  # noqa: T201 - the file is what the command makes
