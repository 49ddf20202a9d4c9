"""The pages of each load, and the result that they were made of, in a folder and in the reports bucket.

| where | what |
|---|---|
| `quality/{table}/{load_id}.html` and `.es.html` | what was judged and what was found |
| `quality/{table}/{load_id}.json` | the same as Great Expectations gave it |

The page of the last weeks, `quality/index.html` and `.es.html`, is made of the ledger
(`pipelines.reports.quality`).
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from adapters import lake
from adapters.settings import setting
from pipelines.reports.kept import bring
from pipelines.reports.load_page import load_page
from pipelines.reports.pages import file_name
from pipelines.reports.words import Language

PREFIX = "quality/"
INDEX = "index"


def keep(results: Path, docs: Path | None) -> None:
    """Adds the pages of some loads to the reports bucket, and to a folder.

    Args:
        results: What `expectations.verdict.judge` left: `{table}/{load_id}.json`.
        docs: The folder `quality`; None adds to the bucket alone.
    """
    for file in sorted(results.rglob("*.json")):
        table, load_id = file.parent.name, file.stem
        result = json.loads(file.read_text(encoding="utf-8"))
        for language in Language:
            page = load_page(table, load_id, result, language, home=f"../{file_name(INDEX, language)}")
            file.with_name(file_name(load_id, language)).write_text(page, encoding="utf-8")
    if docs is not None:
        shutil.copytree(results, docs, dirs_exist_ok=True)
    lake.write_folder(results, setting("REPORTS_BUCKET"), PREFIX)


def fetch(table: str, load_id: str, docs: Path) -> frozenset[Language]:
    """Brings the pages of a load into a folder, unless they are there.

    Returns:
        The languages in which they are there now; a load that was never judged has none.
    """
    found = set()
    for language in Language:
        name = f"{table}/{file_name(load_id, language)}"
        if (docs / name).exists() or bring(f"{PREFIX}{name}", docs / name):
            found.add(language)
    return frozenset(found)
