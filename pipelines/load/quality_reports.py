"""The page of each load, and the result that it was made of, in a folder and in the reports bucket.

| where | what |
|---|---|
| `quality/{table}/{load_id}.html` | what was judged and what was found |
| `quality/{table}/{load_id}.json` | the same as Great Expectations gave it |

The page of the last weeks, `quality/index.html`, is made of the ledger (`pipelines.reports.quality`).
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

from adapters import lake
from adapters.lake import ObjectVanishedError
from adapters.settings import setting
from pipelines.reports.load_page import load_page

PREFIX = "quality/"
INDEX = "index.html"


def keep(results: Path, docs: Path | None) -> None:
    """Adds the pages of some loads to the reports bucket, and to a folder.

    Args:
        results: What `expectations.verdict.judge` left: `{table}/{load_id}.json`.
        docs: The folder `quality`; None adds to the bucket alone.
    """
    for file in sorted(results.rglob("*.json")):
        table, load_id = file.parent.name, file.stem
        page = load_page(table, load_id, json.loads(file.read_text(encoding="utf-8")), home=f"../{INDEX}")
        file.with_suffix(".html").write_text(page, encoding="utf-8")
    if docs is not None:
        shutil.copytree(results, docs, dirs_exist_ok=True)
    lake.write_folder(results, setting("REPORTS_BUCKET"), PREFIX)


def fetch(table: str, load_id: str, docs: Path) -> bool:
    """Brings the page of a load into a folder, unless it is there.

    Returns:
        Whether it is there now; a load that was never judged has none.
    """
    page = docs / table / f"{load_id}.html"
    if page.exists():
        return True
    try:
        body = lake.read(setting("REPORTS_BUCKET"), f"{PREFIX}{table}/{load_id}.html")
    except ObjectVanishedError:
        return False
    page.parent.mkdir(parents=True, exist_ok=True)
    page.write_bytes(body)
    return True
