"""The data dictionary: `python -m pipelines.trends.dictionary > docs/data-dictionary.md`.

Made from the dbt project alone, as dbt itself reads it (`manifest.json`), so that a column is
described once, beside its model.
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pipelines.trends.commands import ROOT

_HEAD = """\
# Data dictionary

Every table that Athena shows to readers, column by column.
Made from `dbt/`; `python -m pipelines.trends.dictionary > docs/data-dictionary.md` writes it again.

Columns marked *partition* stand in the path of the files: a condition on them saves bytes, and money.
Times are UTC unless a column says otherwise. A *pseudonym* is a keyed hash of its own per school; nothing
in the lake leads from it back to a person.

`make dbt-docs` draws the way of each table, from the lake to all that read it; it asks no cloud. `luca trends
--docs FOLDER` writes the same after a run, with the size of each table.
"""
_COLUMNS = "| column | type | unit | meaning |\n|---|---|---|---|\n"
_CHAPTERS = (
    ("marts", "Marts", "Built by dbt from the lake; in the database of the marts."),
    ("public", "Published", "What the shared analysts may read: see docs/privacy.md; in the same database."),
    ("rules", "Rules", "By what the marts judge; views."),
    ("staging", "Staging", "The lake's tables as the marts read them; views."),
)


def page(manifest: Mapping[str, Any]) -> str:
    """The page, in Markdown.

    Args:
        manifest: dbt's `manifest.json`.
    """
    return "".join([_HEAD, *_sections(manifest)]).rstrip() + "\n"


def _sections(manifest: Mapping[str, Any]) -> Iterator[str]:
    models = [node for node in manifest["nodes"].values() if node["resource_type"] == "model"]
    for folder, title, meaning in _CHAPTERS:
        yield f"\n## {title}\n\n{meaning}\n"
        for model in sorted(models, key=lambda model: str(model["name"])):
            if model["fqn"][1] == folder:
                yield from _table(model, partitions=model["config"].get("partitioned_by") or [])
    yield "\n## Lake\n\nWhat passed the gate; in the database of the lake.\n"
    for source in sorted(manifest["sources"].values(), key=lambda source: str(source["name"])):
        yield from _table(source, partitions=_lake_partitions(source))


def _lake_partitions(source: Mapping[str, Any]) -> list[str]:
    # Glue lists the partition columns after all others, and so do the sources.
    columns = list(source["columns"])
    return columns[columns.index("load_id") + 1 :] if columns[0] != "load_id" else ["year", "month"]


def _table(node: Mapping[str, Any], *, partitions: list[str]) -> Iterator[str]:
    yield f"\n### `{node['name']}`\n\n{node['description'].strip()}\n\n{_COLUMNS}"
    for column in node["columns"].values():
        unit = column["config"]["meta"]["unit"]
        kind = f"{column['data_type']}, *partition*" if column["name"] in partitions else column["data_type"]
        yield f"| `{column['name']}` | {kind} | {unit} | {_in_a_cell(column['description'])} |\n"
    if node["config"]["meta"].get("explain"):
        yield f"\n`luca explain --mart {node['name']} --key …` lists the events behind a number.\n"


def _in_a_cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def read_manifest(work: Path) -> dict[str, Any]:
    """The project as dbt reads it.

    Args:
        work: Where dbt may write.

    Raises:
        CalledProcessError: dbt cannot read the project; what it says has been printed.
    """
    command = [sys.executable, "-m", "pipelines.trends", "--work-dir", str(work), "parse"]
    subprocess.run(command, cwd=ROOT, check=True, stdout=sys.stderr)
    manifest: dict[str, Any] = json.loads((work / "manifest.json").read_text())
    return manifest


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        print(page(read_manifest(Path(folder))), end="")  # noqa: T201 - the page is what the command makes
